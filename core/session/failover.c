/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of an agent's models a session opens. Places in the agent's list are tried in order; one
 * that failed lately is passed by while there is another; one that lacks what the session uses is
 * never taken for one that has it.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "session/state.h"

#define MOST_PLACES 64 /* of an agent's list, bits of tried_models */

bool failover_may_help(int status)
{
    return status == PARLEY_E_BUSY || status == PARLEY_E_UNAVAILABLE || status == PARLEY_E_TIMEOUT;
}

/* ---- capabilities ---- */

static const struct {
    uint32_t flag;
    const char *name;
} capabilities[] = {
    {PARLEY_CAP_TRUNCATE, "truncation"},
    {PARLEY_CAP_CANCEL, "cancelling"},
    {PARLEY_CAP_SERVER_VAD, "server_vad"},
    {PARLEY_CAP_SEMANTIC_VAD, "semantic_vad"},
    {PARLEY_CAP_IMAGES, "images"},
    {PARLEY_CAP_TOOLS, "tools"},
    {PARLEY_CAP_TRANSCRIPTION, "transcription"},
    {PARLEY_CAP_TEXT_OUTPUT, "text output"},
    {PARLEY_CAP_AUDIO_OUTPUT, "audio output"},
    {PARLEY_CAP_AUDIO_INPUT, "audio input"},
};

static uint32_t format_bit(enum rt_audio audio)
{
    return audio == RT_AUDIO_PCMU   ? PARLEY_AUDIO_PCMU
           : audio == RT_AUDIO_PCMA ? PARLEY_AUDIO_PCMA
                                    : PARLEY_AUDIO_PCM_24K;
}

static bool holds_image(const json_t *item)
{
    size_t n;
    json_t *part;

    json_array_foreach(json_object_get(item, "content"), n, part)
    {
        if (strcmp(json_get_str(part, "type", ""), "input_image") == 0)
            return true;
    }
    return false;
}

static bool uses_images(const struct session *s)
{
    struct list *at;

    list_for_each(at, &s->items.all)
    {
        if (holds_image(list_entry(at, struct item, entry)->json))
            return true;
    }
    return false;
}

static uint32_t flags_in_use(const struct session *s)
{
    const struct rt_session_view *v = &s->view;
    uint32_t flags =
        v->text_only ? PARLEY_CAP_TEXT_OUTPUT : PARLEY_CAP_AUDIO_OUTPUT | PARLEY_CAP_TRUNCATE;

    if (v->turns != RT_TURNS_NONE || s->counts.input_bytes > 0)
        flags |= PARLEY_CAP_AUDIO_INPUT;
    if (v->turns == RT_TURNS_SERVER_VAD)
        flags |= PARLEY_CAP_SERVER_VAD;
    if (v->turns == RT_TURNS_SEMANTIC_VAD)
        flags |= PARLEY_CAP_SEMANTIC_VAD;
    if (v->transcribes)
        flags |= PARLEY_CAP_TRANSCRIPTION;
    if (s->tool_count > 0 || json_array_size(v->tools) > 0)
        flags |= PARLEY_CAP_TOOLS;
    if (uses_images(s))
        flags |= PARLEY_CAP_IMAGES;
    return flags | PARLEY_CAP_CANCEL;
}

static bool caps_at(struct session *s, size_t place, struct parley_model_caps *ret_caps)
{
    const struct model *model = NULL;

    if (worker_generation_model(s->wg, s->agent, place, &model, NULL) < 0)
        return false;
    *ret_caps = (struct parley_model_caps){.size = sizeof(*ret_caps)};
    model->vtable->caps(model->instance, ret_caps);
    return true;
}

/* What this session uses, `has` has and `other` has not; NULL for nothing. */
static const char *missing(const struct session *s, const struct parley_model_caps *has,
                           const struct parley_model_caps *other)
{
    uint32_t lost = flags_in_use(s) & has->flags & ~other->flags;
    uint32_t in = format_bit(s->view.input_format);
    uint32_t out = format_bit(s->view.output_format);

    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        if ((lost & capabilities[i].flag) != 0)
            return capabilities[i].name;
    }
    if ((other->flags & PARLEY_CAP_AUDIO_INPUT) != 0 && (in & has->input_formats) != 0 &&
        (in & other->input_formats) == 0)
        return rt_audio_name(s->view.input_format);
    if ((other->flags & PARLEY_CAP_AUDIO_OUTPUT) != 0 && (out & has->output_formats) != 0 &&
        (out & other->output_formats) == 0)
        return rt_audio_name(s->view.output_format);
    return NULL;
}

bool failover_fits(struct session *s, size_t place, const char **ret_missing)
{
    struct parley_model_caps own = s->caps;
    struct parley_model_caps caps;

    *ret_missing = "a running plugin";
    if (!caps_at(s, place, &caps))
        return false;
    /* What the agent's first model has is what was promised. */
    if (s->phase == SESSION_CONNECTING && !caps_at(s, 0, &own))
        return true;
    *ret_missing = missing(s, &own, &caps);
    return *ret_missing == NULL;
}

/* Without these the session could not do what it was opened for, and nothing would say why. */
const char *failover_lacks(struct session *s, size_t place)
{
    const uint32_t hard = PARLEY_CAP_TOOLS | PARLEY_CAP_SEMANTIC_VAD | PARLEY_CAP_TEXT_OUTPUT;
    struct parley_model_caps caps;

    if (!caps_at(s, place, &caps))
        return NULL; /* which is told elsewhere */
    uint32_t lost = flags_in_use(s) & hard & ~caps.flags;
    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        if ((lost & capabilities[i].flag) != 0)
            return capabilities[i].name;
    }
    return NULL;
}

/* ---- places ---- */

static size_t place_count(const struct session *s)
{
    size_t count = s->agent->config->model.count;

    return count > MOST_PLACES ? MOST_PLACES : count;
}

static bool is_candidate(struct session *s, size_t place)
{
    const char *lacks = NULL;

    if ((s->tried_models >> place & 1) != 0)
        return false;
    if (failover_fits(s, place, &lacks))
        return true;
    log_warn("a model is passed by, since it lacks what the session uses session=%s "
             "model=%s lacks=\"%s\"",
             s->id, s->agent->config->model.items[place], lacks);
    s->tried_models |= UINT64_C(1) << place;
    return false;
}

bool failover_choose(struct session *s, size_t *ret_place)
{
    size_t resting = SIZE_MAX;

    for (size_t i = 0; i < place_count(s); i++) {
        struct model_health *h = worker_generation_health(s->wg, s->agent, i);
        if (!is_candidate(s, i))
            continue;
        if (h == NULL || health_admits(h, clock_now_us())) {
            *ret_place = i;
            return true;
        }
        if (resting == SIZE_MAX)
            resting = i;
    }
    if (resting == SIZE_MAX)
        return false;
    *ret_place = resting;
    return true;
}

void failover_begin(struct session *s, size_t place)
{
    struct model_health *h = worker_generation_health(s->wg, s->agent, place);

    if (h != NULL)
        health_begin(h, clock_now_us());
}

void failover_succeeded(struct session *s, size_t place)
{
    struct model_health *h = worker_generation_health(s->wg, s->agent, place);

    s->tried_models = 0;
    if (h != NULL && h->failures > 0)
        log_info("a model is well again model=%s", s->agent->config->model.items[place]);
    if (h != NULL)
        health_succeeded(h);
}

void failover_failed(struct session *s, size_t place, int64_t retry_after_ms)
{
    struct model_health *h = worker_generation_health(s->wg, s->agent, place);

    s->tried_models |= UINT64_C(1) << place;
    if (h != NULL)
        health_failed(h, clock_now_us(), s->agent->config->model_cooldown_ms, retry_after_ms);
}

void failover_undecided(struct session *s, size_t place)
{
    struct model_health *h = worker_generation_health(s->wg, s->agent, place);

    if (h != NULL)
        health_undecided(h);
}
