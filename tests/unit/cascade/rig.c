/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "../audio/made_speech.h"
#include "audio/pcm.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define RATE 24000

static void on_open(void *ctx, struct parley_view created)
{
    struct rig *r = ctx;

    assert_null(r->created);
    r->created = json_parse(created, NULL);
    assert_non_null(r->created);
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    struct rig *r = ctx;

    assert_non_null(r->created);
    assert_true(flags & PARLEY_EVENT_ROOM);
    memset((char *)(uintptr_t)event.data - PARLEY_EVENT_ROOM_BYTES, 0xff, PARLEY_EVENT_ROOM_BYTES);
    assert_true(r->event_count < RIG_MAX_EVENTS);
    json_t *tree = json_parse(event, NULL);
    assert_non_null(tree);
    assert_true(strncmp(json_get_str(tree, "event_id", ""), "event_", 6) == 0);
    r->events[r->event_count++] = tree;
    if (r->on_event != NULL)
        r->on_event(r, json_get_str(tree, "type", ""));
}

static void on_writable(void *ctx)
{
    struct rig *r = ctx;

    r->writables++;
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    struct rig *r = ctx;

    r->closes++;
    r->closed = *closed;
    r->session = NULL;
}

static const struct parley_model_host host = {
    .size = sizeof(host),
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

void rig_open(struct rig *r, uint32_t speech_flags)
{
    static struct instance speech_instance;
    static struct worker_instance chat, speech = {.instance = &speech_instance};
    static int heavy;

    *r = (struct rig){0};
    clock_fake_start(1000000000, 1700000000000000);
    r->loop = loop_create();
    assert_non_null(r->loop);
    r->worker.loop = r->loop;
    r->worker.heavy = (struct offload *)(void *)&heavy; /* only offload_stats() sees it */
    fakes_init(r->loop, speech_flags);
    const struct cascade_config config = {
        .title = "model test",
        .worker = &r->worker,
        .chat = &chat,
        .speech = speech_flags != 0 ? &speech : NULL,
    };
    r->cascade = cascade_create(&config);
    assert_non_null(r->cascade);
    r->vtable = cascade_model(r->cascade)->vtable;
    const struct parley_model_open open = {
        .size = sizeof(open),
        .worker = &r->worker,
        .session_id = "sess_test",
        .safety_identifier = "",
        .traceparent = "",
        .agent = "tester",
        .host = &host,
        .ctx = r,
    };
    assert_int_equal(r->vtable->open(cascade_model(r->cascade)->ctx, &open, &r->session, NULL),
                     PARLEY_OK);
    assert_null(r->created);
    rig_run(r);
    assert_non_null(r->created);
}

void rig_close(struct rig *r)
{
    if (r->session != NULL)
        r->vtable->close(r->session);
    rig_run(r);
    assert_int_equal(r->closes, 1);
    cascade_destroy(r->cascade);
    fakes_done();
    loop_destroy(r->loop);
    clock_fake_stop();
    for (size_t i = 0; i < r->event_count; i++)
        json_decref(r->events[i]);
    json_decref(r->created);
}

int rig_send(struct rig *r, const char *json)
{
    /* A copy of its own, so that a sanitizer sees use after return. */
    _cleanup_free_ char *copy = strdup(json);

    return r->vtable->send(r->session, view_of(copy), 0, NULL);
}

void rig_update(struct rig *r, const char *body)
{
    _cleanup_(buf_done) struct buf event = {0};

    rig_skip(r);
    buf_printf(&event, "{\"type\":\"session.update\",\"session\":%s}", body);
    rig_send(r, event.data);
    rig_run(r);
    EXPECT(r, "session.updated");
}

void rig_run(struct rig *r)
{
    while (loop_run_due(r->loop) > 0)
        ;
}

void rig_wait(struct rig *r, int ms)
{
    for (int at = 0; at < ms; at += 10) {
        clock_fake_advance_us(10000);
        rig_run(r);
    }
}

static void append(struct rig *r, const int16_t *samples, size_t count)
{
    _cleanup_(buf_done) struct buf bytes = {0}, event = {0};

    pcm_append_le(&bytes, samples, count);
    buf_append_str(&event, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    base64_encode(&event, bytes.data, bytes.len);
    buf_append_str(&event, "\"}");
    assert_int_equal(rig_send(r, event.data), PARLEY_OK);
    rig_run(r);
}

static void play(struct rig *r, const int16_t *samples, int ms)
{
    for (int at = 0; at + 20 <= ms && r->session != NULL; at += 20) {
        append(r, samples + at * (RATE / 1000), 20 * (RATE / 1000));
        clock_fake_advance_us(20000);
        rig_run(r);
    }
}

void rig_quiet(struct rig *r, int ms)
{
    size_t count = (size_t)ms * (RATE / 1000);
    _cleanup_free_ int16_t *samples = calloc(count + 1, sizeof(*samples));
    uint32_t seed = (uint32_t)++r->noise_seed;

    made_noise(samples, count, 20, &seed);
    play(r, samples, ms);
}

/* The voice is made for 16 kHz; at 24 kHz it is a higher one. */
void rig_voice(struct rig *r, int ms)
{
    size_t count = (size_t)ms * (RATE / 1000);
    _cleanup_free_ int16_t *samples = calloc(count + 1, sizeof(*samples));
    uint32_t seed = (uint32_t)++r->noise_seed;

    made_noise(samples, count, 200, &seed);
    made_voice(samples, count);
    play(r, samples, ms);
}

static const char *type_of(const json_t *event)
{
    return json_get_str(event, "type", "");
}

void rig_expect(struct rig *r, const char *const *types)
{
    size_t want = 0;

    for (; r->checked < r->event_count; r->checked++) {
        const char *type = type_of(r->events[r->checked]);
        bool repeats = want > 0 && strcmp(type, types[want - 1]) == 0;

        if (types[want] != NULL && strcmp(type, types[want]) == 0) {
            want++;
        } else if (!repeats) {
            _cleanup_free_ char *text = json_dumps(r->events[r->checked], JSON_COMPACT);
            fail_msg("expected %s, came %.600s", types[want] == NULL ? "nothing" : types[want],
                     text);
        }
    }
    if (types[want] != NULL)
        fail_msg("expected %s, came nothing", types[want]);
}

void rig_skip(struct rig *r)
{
    r->checked = r->event_count;
}

json_t *rig_last(struct rig *r, const char *type)
{
    for (size_t i = r->event_count; i > 0; i--) {
        if (strcmp(type_of(r->events[i - 1]), type) == 0)
            return r->events[i - 1];
    }
    fail_msg("no event %s", type);
    return NULL;
}

size_t rig_count(struct rig *r, const char *type)
{
    size_t count = 0;

    for (size_t i = 0; i < r->event_count; i++)
        count += strcmp(type_of(r->events[i]), type) == 0;
    return count;
}

const json_t *rig_member(const json_t *event, const char *path)
{
    struct parley_view rest = view_of(path), name;
    const json_t *at = event;
    bool more = true;

    while (more && at != NULL) {
        char key[64];
        more = view_split(&rest, '.', &name);
        view_copy(key, sizeof(key), name);
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    }
    return at;
}

const char *rig_text(const json_t *event, const char *path)
{
    const json_t *value = rig_member(event, path);

    if (!json_is_string(value)) {
        _cleanup_free_ char *text = json_dumps(event, JSON_COMPACT);
        fail_msg("no string %s in %.600s", path, text);
    }
    return json_string_value(value);
}

long long rig_number(const json_t *event, const char *path)
{
    const json_t *value = rig_member(event, path);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

long long rig_audio_ms(struct rig *r)
{
    size_t bytes = 0;

    for (size_t i = 0; i < r->event_count; i++) {
        if (strcmp(type_of(r->events[i]), "response.output_audio.delta") == 0)
            bytes += base64_decoded_len(json_get_view(r->events[i], "delta"));
    }
    return (long long)(bytes / 48);
}
