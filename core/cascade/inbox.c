/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/g711.h"
#include "audio/pcm.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "cascade/state.h"
#include "realtime/encode.h"
#include "realtime/peek.h"

#include <stdlib.h>

#define MAX_ITEM_AUDIO_MS 120000 /* of one item that a client creates */

/* ---- the session object ---------------------------------------------------------------------- */

/* What cannot be had is not promised: the session that is echoed says so. */
void inbox_set_session(struct cascade_session *s, json_t *take_json)
{
    json_t *input = json_object_get(json_object_get(take_json, "audio"), "input");

    if (!cascade_has_voice(s))
        json_object_set_new(take_json, "output_modalities", json_pack("[s]", "text"));
    if (!cascade_has_ears(s))
        json_object_set_new(input, "turn_detection", json_null());
    json_decref(s->json);
    s->json = take_json;
    rt_session_read(s->json, &s->view);
}

static void update_session(struct cascade_session *s, const struct rt_client_event *event)
{
    const struct rt_session_rules everything = {0};
    struct rt_error error;
    json_t *json = NULL;

    if (rt_session_update(s->json, event->u.session, &everything, &json, NULL, &error) < 0) {
        outbox_error(s, &error, event->event_id);
        return;
    }
    inbox_set_session(s, json);
    ears_configure(s);
    rt_encode_session(outbox_begin(s), RT_SESSION_UPDATED, s->json);
    outbox_end(s);
}

/* ---- conversation.item.create ---------------------------------------------------------------- */

static int decode_audio(const struct cascade_session *s, struct parley_view base64, struct buf *out,
                        struct rt_error *error)
{
    _cleanup_(buf_done) struct buf bytes = {0};
    _cleanup_free_ int16_t *samples = NULL;
    enum rt_audio format = s->view.input_format;
    struct resampler *r = NULL;

    if (!base64_decode(&bytes, base64))
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "item.content[0].audio",
                            "Invalid 'item.content[0].audio': expected standard base64.");
    if (rt_audio_ms(format, bytes.len) > MAX_ITEM_AUDIO_MS)
        return rt_error_set(error, RT_ERROR_STRING_TOO_LONG, "item.content[0].audio",
                            "Invalid 'item.content[0].audio': %lld ms of audio, at most %d.",
                            (long long)rt_audio_ms(format, bytes.len), MAX_ITEM_AUDIO_MS);

    size_t count = bytes.len / rt_audio_bytes_per_sample(format);
    samples = malloc(count * sizeof(*samples) + 1);
    if (samples == NULL || resampler_create((int)rt_audio_rate(format), VAD_RATE_HZ, &r, NULL) < 0)
        return rt_error_set(error, RT_ERROR_SERVER, NULL, "No memory for the item's audio.");
    if (format == RT_AUDIO_PCMU)
        g711_ulaw_decode(samples, (const uint8_t *)bytes.data, count);
    else if (format == RT_AUDIO_PCMA)
        g711_alaw_decode(samples, (const uint8_t *)bytes.data, count);
    else
        (void)pcm_from_le(samples, bytes.data, bytes.len);
    resampler_run(r, samples, count, out);
    resampler_flush(r, out);
    resampler_destroy(r);
    return PARLEY_OK;
}

/*
 * Take the audio out of a new item's parts, and refuse what a text model cannot read. Appends the
 * samples at VAD_RATE_HZ.
 */
static int take_parts(const struct cascade_session *s, json_t *item, struct buf *samples,
                      struct rt_error *error)
{
    json_t *parts = json_object_get(item, "content");
    size_t index;
    json_t *part;

    json_array_foreach(parts, index, part)
    {
        const char *type = json_get_str(part, "type", "");
        if (strcmp(type, "input_image") == 0)
            return rt_error_set(error, RT_ERROR_INVALID_VALUE, "item.content",
                                "%s reads no images; leave out the input_image.",
                                s->cascade->title);
        if (strcmp(type, "input_audio") != 0)
            continue;

        bool has_words = json_is_string(json_object_get(part, "transcript"));
        if (!has_words && !cascade_has_ears(s))
            return rt_error_set(error, RT_ERROR_INVALID_VALUE, "item.content",
                                "%s has no ears; send the words as input_text.", s->cascade->title);
        int r =
            has_words ? PARLEY_OK : decode_audio(s, json_get_view(part, "audio"), samples, error);
        if (r < 0)
            return r;
        json_object_del(part, "audio");
        if (!has_words)
            json_object_set_new(part, "transcript", json_null());
    }
    return PARLEY_OK;
}

/* Where the item goes: PARLEY_OK and *ret_after, NULL for the ends. */
static int find_place(const struct cascade_session *s, const struct rt_item_create *create,
                      struct dialogue_item **ret_after, struct rt_error *error)
{
    *ret_after = NULL;
    if (create->after != RT_AFTER_ITEM)
        return PARLEY_OK;
    *ret_after = dialogue_find(&s->dialogue, create->previous_item_id);
    if (*ret_after == NULL)
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "previous_item_id",
                            "Item '%.*s' of 'previous_item_id' is not in the conversation.",
                            (int)create->previous_item_id.len, create->previous_item_id.data);
    return PARLEY_OK;
}

static int new_item(struct cascade_session *s, const struct rt_item_create *create,
                    struct buf *samples, struct dialogue_item **ret_item, struct rt_error *error)
{
    struct parley_view id = create->item.id;
    char own_id[ID_SIZE];

    if (id.len > 0 && dialogue_find(&s->dialogue, id) != NULL)
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "item.id",
                            "Item '%.*s' is in the conversation already; choose another 'item.id', "
                            "or none.",
                            (int)id.len, id.data);

    json_t *json = json_deep_copy(create->item.tree);
    if (id.len == 0) {
        id_make(own_id, "item_");
        json_object_set_new(json, "id", json_string(own_id));
    }
    json_object_set_new(json, "object", json_string("realtime.item"));
    dialogue_set_status(json, "completed");
    int r = take_parts(s, json, samples, error);
    if (r < 0) {
        json_decref(json);
        return r;
    }
    *ret_item = dialogue_item_create(json);
    if (*ret_item == NULL)
        return rt_error_set(error, RT_ERROR_SERVER, NULL, "No memory for an item.");
    return PARLEY_OK;
}

static void say_item(struct cascade_session *s, enum rt_event event, const struct dialogue_item *i)
{
    rt_encode_item_tree(outbox_begin(s), event, dialogue_previous_id(&s->dialogue, i), i->json);
    outbox_end(s);
}

static void create_item(struct cascade_session *s, const struct rt_client_event *event)
{
    const struct rt_item_create *create = &event->u.item_create;
    _cleanup_(buf_done) struct buf audio = {0};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct dialogue_item *after, *i;
    struct rt_error error;
    size_t count;

    if (find_place(s, create, &after, &error) < 0 || new_item(s, create, &audio, &i, &error) < 0) {
        outbox_error(s, &error, event->event_id);
        return;
    }
    if (after != NULL)
        dialogue_insert_after(&s->dialogue, i, after);
    else if (create->after == RT_AFTER_ROOT)
        dialogue_insert_first(&s->dialogue, i);
    else
        dialogue_append(&s->dialogue, i);
    say_item(s, RT_ITEM_ADDED, i);
    say_item(s, RT_ITEM_DONE, i);
    if (audio.len == 0)
        return;

    const int16_t *samples = pcm_view(&audio, &count);
    dialogue_keep_audio(&s->dialogue, i, samples, count, VAD_RATE_HZ);
    hearing_attach(s, hearing_begin(s, samples, count, &err), i, &err);
}

/* ---- the other item events ------------------------------------------------------------------- */

static void append_in_format(struct buf *out, const int16_t *samples, size_t count,
                             enum rt_audio format)
{
    if (format == RT_AUDIO_PCM24K) {
        pcm_append_le(out, samples, count);
        return;
    }
    if (!buf_reserve(out, count))
        return;
    if (format == RT_AUDIO_PCMU)
        g711_ulaw_encode((uint8_t *)out->data + out->len, samples, count);
    else
        g711_alaw_encode((uint8_t *)out->data + out->len, samples, count);
    out->len += count;
}

/* The kept audio of an item as base64 in a format of the session. */
static void encode_kept(const struct dialogue_item *i, enum rt_audio format, struct buf *out)
{
    _cleanup_free_ int16_t *samples = malloc(i->audio.len * sizeof(*samples));
    _cleanup_(buf_done) struct buf at_rate = {0}, bytes = {0};
    struct resampler *r = NULL;
    size_t count;

    if (samples == NULL ||
        resampler_create((int)i->audio_rate_hz, (int)rt_audio_rate(format), &r, NULL) < 0)
        return;
    g711_ulaw_decode(samples, (const uint8_t *)i->audio.data, i->audio.len);
    resampler_run(r, samples, i->audio.len, &at_rate);
    resampler_flush(r, &at_rate);
    resampler_destroy(r);
    const int16_t *converted = pcm_view(&at_rate, &count);
    append_in_format(&bytes, converted, count, format);
    base64_encode(out, bytes.data, bytes.len);
}

static void retrieve_item(struct cascade_session *s, const struct rt_client_event *event)
{
    struct parley_view id = event->u.item_id;
    const struct dialogue_item *i = dialogue_find(&s->dialogue, id);
    _cleanup_(buf_done) struct buf base64 = {0};
    struct rt_error error;

    if (i == NULL) {
        rt_error_set(&error, RT_ERROR_RETRIEVE_UNKNOWN, "item_id",
                     "Error retrieving item: the item with id '%.*s' does not exist.", (int)id.len,
                     id.data);
        outbox_error(s, &error, event->event_id);
        return;
    }
    _cleanup_json_ json_t *json = json_deep_copy(i->json);
    json_t *part = json_array_get(json_object_get(json, "content"), 0);
    if (part != NULL && i->audio.len > 0) {
        encode_kept(i, i->is_spoken ? s->view.output_format : s->view.input_format, &base64);
        json_object_set_new(part, "audio", json_from_view(buf_view(&base64)));
    }
    rt_encode_item_tree(outbox_begin(s), RT_ITEM_RETRIEVED, (struct parley_view){0}, json);
    outbox_end(s);
}

static int check_truncate(const struct dialogue_item *i, const struct rt_item_truncate *truncate,
                          struct rt_error *error)
{
    if (i == NULL)
        return rt_error_set(error, RT_ERROR_TRUNCATE_UNKNOWN, "item_id",
                            "Error truncating item: the item with id '%.*s' does not exist.",
                            (int)truncate->item_id.len, truncate->item_id.data);
    if (!i->is_spoken)
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "item_id",
                            "Only model output audio messages can be truncated.");
    if (truncate->content_index != 0)
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "content_index",
                            "Invalid 'content_index': %lld; the audio of '%s' is at 0.",
                            (long long)truncate->content_index, i->id);
    if (truncate->audio_end_ms > i->audio_us / 1000)
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "audio_end_ms",
                            "Audio content of %lldms is already shorter than %lldms",
                            (long long)(i->audio_us / 1000), (long long)truncate->audio_end_ms);
    return PARLEY_OK;
}

static void truncate_item(struct cascade_session *s, const struct rt_client_event *event)
{
    const struct rt_item_truncate *truncate = &event->u.item_truncate;
    struct dialogue_item *i = dialogue_find(&s->dialogue, truncate->item_id);
    struct rt_error error;

    if (check_truncate(i, truncate, &error) < 0) {
        outbox_error(s, &error, event->event_id);
        return;
    }
    /* What is still being said ends here. */
    if (i->is_open && s->answer != NULL)
        answer_cancel(s->answer, RT_REASON_CLIENT_CANCELLED);
    dialogue_cut(&s->dialogue, i, truncate->audio_end_ms);
    s->pacer = (struct pacer){0}; /* the client's player is empty */
    rt_encode_item_truncated(outbox_begin(s), view_of(i->id), 0, truncate->audio_end_ms);
    outbox_end(s);
}

static void delete_item(struct cascade_session *s, const struct rt_client_event *event)
{
    struct parley_view id = event->u.item_id;
    struct dialogue_item *i = dialogue_find(&s->dialogue, id);
    struct rt_error error;

    if (i == NULL)
        rt_error_set(&error, RT_ERROR_DELETE_UNKNOWN, "item_id",
                     "Error deleting item: the item with id '%.*s' does not exist.", (int)id.len,
                     id.data);
    else if (i->is_open)
        rt_error_set(&error, RT_ERROR_INVALID_VALUE, "item_id",
                     "Item '%s' is still being written; cancel its response first.", i->id);
    if (i == NULL || i->is_open) {
        outbox_error(s, &error, event->event_id);
        return;
    }
    hearing_forget(s, i);
    dialogue_remove(&s->dialogue, i);
    rt_encode_item_deleted(outbox_begin(s), id);
    outbox_end(s);
    answer_advance(s);
}

/* ---- responses ------------------------------------------------------------------------------- */

static void cancel_response(struct cascade_session *s, const struct rt_client_event *event)
{
    struct parley_view id = event->u.response_id;
    struct answer *a = id.data == NULL ? s->answer : answer_find(s, id);
    struct rt_error error;

    s->wants_answer = false; /* one that turn detection was about to begin is not wanted either */
    if (a != NULL) {
        answer_cancel(a, RT_REASON_CLIENT_CANCELLED);
        return;
    }
    rt_error_set(&error, RT_ERROR_CANCEL_NOT_ACTIVE, NULL,
                 "Cancellation failed: no active response found");
    outbox_error(s, &error, event->event_id);
}

/* ---- dispatch -------------------------------------------------------------------------------- */

static void handle(struct cascade_session *s, const struct rt_client_event *event)
{
    switch (event->event) {
    case RT_SESSION_UPDATE:
        update_session(s, event);
        break;
    case RT_INPUT_AUDIO_COMMIT:
        ears_commit(s, event->event_id);
        break;
    case RT_INPUT_AUDIO_CLEAR:
        ears_clear(s);
        break;
    case RT_ITEM_CREATE:
        create_item(s, event);
        break;
    case RT_ITEM_RETRIEVE:
        retrieve_item(s, event);
        break;
    case RT_ITEM_TRUNCATE:
        truncate_item(s, event);
        break;
    case RT_ITEM_DELETE:
        delete_item(s, event);
        break;
    case RT_RESPONSE_CREATE:
        answer_request(s, &event->u.response_create, event->event_id);
        break;
    case RT_RESPONSE_CANCEL:
        cancel_response(s, event);
        break;
    default:
        break; /* decoding refuses every other type */
    }
}

int inbox_take(struct cascade_session *s, struct parley_view event, struct parley_error *err)
{
    struct rt_client_event decoded = {0};
    struct rt_error error;
    struct rt_peek peek;

    if (ears_is_busy(s))
        return parley_fail(err, PARLEY_E_BUSY, "%s still reads the audio before this event",
                           s->cascade->title);
    if (rt_peek(event, &peek) < 0) {
        rt_error_of_fault(&error, &peek);
        outbox_error(s, &error, peek.event_id);
        return PARLEY_OK;
    }
    if (peek.event == RT_INPUT_AUDIO_APPEND) {
        ears_append(s, &peek);
        return PARLEY_OK;
    }
    if (rt_decode_client(event, &peek, &decoded, &error) < 0) {
        outbox_error(s, &error, peek.event_id);
        return PARLEY_OK;
    }
    handle(s, &decoded);
    rt_client_event_done(&decoded);
    return PARLEY_OK;
}
