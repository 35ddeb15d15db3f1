/* SPDX-License-Identifier: Apache-2.0 */
#include "observation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_TEXT                                                                                   \
    200 /* of a trace's name, session, user and tags; longer ones are dropped there                \
         */
#define MAX_TAGS    4096
#define MAX_DETAILS 512

/* Usage by kind would be counted beside the totals: usage_details holds it without overlap. */
#define USAGE "gen_ai.usage."

/* ---- what every observation repeats: queries go over observations, not over traces ---- */

static struct parley_view at_most(struct parley_view text, size_t limit)
{
    if (text.len <= limit)
        return text;
    while (limit > 0 && ((unsigned char)text.data[limit] & 0xC0) == 0x80)
        limit--;
    return (struct parley_view){text.data, limit};
}

static void add_tags(struct dress *d, const struct parley_list *tags)
{
    char text[MAX_TAGS] = "";
    size_t len = 0;

    for (size_t i = 0; i < tags->count; i++) {
        size_t need = strlen(tags->items[i]);
        if (need == 0 || need > MAX_TEXT || len + need + 2 > sizeof(text))
            continue;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len == 0 ? "" : ",",
                                tags->items[i]);
    }
    dress_str(d, "langfuse.trace.tags", text);
}

static void add_trace(struct dress *d, const struct observation_config *config,
                      const struct parley_span *span)
{
    const struct parley_attrs *a = &span->attrs;

    dress_text(d, "langfuse.trace.name", at_most(attr_text(a, "gen_ai.agent.name"), MAX_TEXT), 0);
    dress_text(d, "langfuse.session.id", at_most(attr_text(a, "session.id"), MAX_TEXT), 0);
    dress_text(d, "langfuse.user.id", at_most(attr_text(a, "user.id"), MAX_TEXT), 0);
    add_tags(d, config->tags);
    dress_str(d, "langfuse.release", config->release);
    dress_str(d, "langfuse.version", config->version);
}

/* ---- usage ---- */

struct details {
    char text[MAX_DETAILS];
    size_t len;
    int64_t input;
    int64_t output;
};

static void add_detail(struct details *u, const char *key, int64_t value, int64_t *sum)
{
    if (value <= 0)
        return;
    *sum += value;
    int n = snprintf(u->text + u->len, sizeof(u->text) - u->len, "%s\"%s\":%lld",
                     u->len == 0 ? "{" : ",", key, (long long)value);
    if (n > 0 && (size_t)n < sizeof(u->text) - u->len - 1)
        u->len += (size_t)n;
}

/* "input_text_tokens" without what the cache held, which has a key of its own. */
static void add_input(struct details *u, const struct parley_attrs *a, const char *kind)
{
    char all[64], cached[64], key[64], cached_key[64];

    (void)snprintf(all, sizeof(all), USAGE "%s.input_tokens", kind);
    (void)snprintf(cached, sizeof(cached), USAGE "%s.cache_read.input_tokens", kind);
    (void)snprintf(key, sizeof(key), "input_%s_tokens", kind);
    (void)snprintf(cached_key, sizeof(cached_key), "input_cached_%s_tokens", kind);
    add_detail(u, key, attr_int(a, all) - attr_int(a, cached), &u->input);
    add_detail(u, cached_key, attr_int(a, cached), &u->input);
}

/* Keys that do not overlap, so that their sum is what the model reported. */
static void add_usage(struct dress *d, const struct parley_attrs *a)
{
    struct details u = {0};
    int64_t rest = 0, cached = attr_int(a, USAGE "cache_read.input_tokens");

    add_input(&u, a, "text");
    add_input(&u, a, "audio");
    add_input(&u, a, "image");
    add_detail(&u, "output_text_tokens", attr_int(a, USAGE "text.output_tokens"), &u.output);
    add_detail(&u, "output_audio_tokens", attr_int(a, USAGE "audio.output_tokens"), &u.output);
    if (u.input == 0) /* a model that tells no kinds */
        add_detail(&u, "input_cached_tokens", cached, &u.input);
    add_detail(&u, "input", attr_int(a, USAGE "input_tokens") - u.input, &rest);
    add_detail(&u, "output", attr_int(a, USAGE "output_tokens") - u.output, &rest);
    if (u.len == 0)
        return;
    u.text[u.len++] = '}';
    dress_text(d, "langfuse.observation.usage_details", (struct parley_view){u.text, u.len}, 0);
}

/* Langfuse reckons in dollars; without a cost it takes its own table's. */
static void add_cost(struct dress *d, const struct parley_attrs *a)
{
    const struct parley_attr *cost = attr_find(a, "parley.cost");
    struct parley_view currency = attr_text(a, "parley.cost.currency");
    char text[64];

    if (cost == NULL || cost->type != PARLEY_ATTR_DOUBLE || currency.len != 3 ||
        memcmp(currency.data, "USD", 3) != 0)
        return;
    (void)snprintf(text, sizeof(text), "{\"total\":%.9f}", cost->number);
    dress_str(d, "langfuse.observation.cost_details", text);
}

/* ---- by kind of span ---- */

static void add_first_token(struct dress *d, const struct parley_span *span)
{
    const struct parley_span_event *e = span_event(span, "parley.model.first_content");
    struct tm date;
    char day[32], text[64];

    if (e == NULL)
        return;
    time_t seconds = (time_t)(e->unix_ns / 1000000000);
    if (gmtime_r(&seconds, &date) == NULL ||
        strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &date) == 0)
        return;
    (void)snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned)(e->unix_ns / 1000000 % 1000));
    dress_str(d, "langfuse.observation.completion_start_time", text);
}

/* "receptionist=concierge:3" for the agent receptionist. */
static const char *prompt_of(const struct parley_list *prompts, struct parley_view agent)
{
    for (size_t i = 0; i < prompts->count; i++) {
        const char *line = prompts->items[i];
        if (strncmp(line, agent.data, agent.len) == 0 && line[agent.len] == '=')
            return line + agent.len + 1;
    }
    return NULL;
}

static void add_prompt(struct dress *d, const struct observation_config *config,
                       const struct parley_attrs *a)
{
    const char *prompt = prompt_of(config->prompts, attr_text(a, "gen_ai.agent.name"));
    const char *colon = prompt == NULL ? NULL : strrchr(prompt, ':');

    if (colon == NULL)
        return;
    dress_text(d, "langfuse.observation.prompt.name",
               (struct parley_view){prompt, (size_t)(colon - prompt)}, 0);
    dress_int(d, "langfuse.observation.prompt.version", strtol(colon + 1, NULL, 10));
}

static void add_answer(struct dress *d, const struct observation_config *config,
                       const struct parley_span *span)
{
    const struct parley_attrs *a = &span->attrs;
    struct parley_view model = attr_text(a, "gen_ai.response.model");

    if (model.len == 0)
        model = attr_text(a, "gen_ai.request.model");
    dress_str(d, "langfuse.observation.type", "generation");
    dress_text(d, "langfuse.observation.model.name", model, 0);
    add_usage(d, a);
    add_cost(d, a);
    add_first_token(d, span);
    add_prompt(d, config, a);
}

/* An interruption is no error, and worth seeing. */
static void add_turn(struct dress *d, const struct parley_span *span)
{
    static const uint8_t none[8];
    struct parley_view end = attr_text(&span->attrs, "parley.turn.end_reason");

    dress_str(d, "langfuse.observation.type", "agent");
    if (memcmp(span->parent_span_id, none, sizeof(none)) != 0)
        dress_bool(d, "langfuse.internal.as_root", true); /* the parent is the client's own */
    if (end.len != 11 || memcmp(end.data, "interrupted", 11) != 0)
        return;
    dress_str(d, "langfuse.observation.level", "WARNING");
    dress_str(d, "langfuse.observation.status_message", "the user interrupted the answer");
}

static void add_own(struct dress *d, const struct observation_config *config,
                    const struct parley_span *span)
{
    switch (span_role(span)) {
    case SPAN_ROLE_TURN:
        add_turn(d, span);
        break;
    case SPAN_ROLE_ANSWER:
        add_answer(d, config, span);
        break;
    case SPAN_ROLE_TOOL:
        dress_str(d, "langfuse.observation.type", "tool");
        break;
    case SPAN_ROLE_OTHER:
        dress_str(d, "langfuse.observation.type", "span");
        break;
    }
}

static bool is_usage(const struct parley_attr *a)
{
    return strncmp(a->key, USAGE, sizeof(USAGE) - 1) == 0;
}

bool observation_dress(const struct observation_config *config, const struct parley_span *span,
                       struct arena *arena, struct parley_span *ret)
{
    struct dress d;

    if (!dress_begin(&d, arena))
        return false;
    add_own(&d, config, span);
    add_trace(&d, config, span);
    for (uint32_t i = 0; i < span->attrs.count; i++) {
        const struct parley_attr *a = attr_at(&span->attrs, i);
        if (!is_usage(a))
            dress_copy(&d, a);
    }
    *ret = *span;
    ret->attrs = dress_attrs(&d);
    return true;
}

/* ---- checks ---- */

int observation_check_prompts(const struct parley_list *prompts, struct parley_error *err)
{
    for (size_t i = 0; i < prompts->count; i++) {
        const char *equals = strchr(prompts->items[i], '=');
        const char *colon = equals == NULL ? NULL : strrchr(equals, ':');
        char *end = NULL;
        long version = colon == NULL ? 0 : strtol(colon + 1, &end, 10);
        if (version <= 0 || *end != '\0' || colon == equals + 1 || equals == prompts->items[i])
            return parley_fail(err, PARLEY_E_INVALID,
                               "prompts: line %zu is not AGENT=NAME:VERSION, such as "
                               "receptionist=concierge:3",
                               i + 1);
    }
    return PARLEY_OK;
}
