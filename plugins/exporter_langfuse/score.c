/* SPDX-License-Identifier: Apache-2.0 */
#include "score.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "parts/otlp/dress.h"

#define EVENT           "gen_ai.evaluation.result" /* OpenTelemetry's GenAI conventions */
#define MAX_ENVIRONMENT 40

static bool is_judgement(const struct parley_batch *batch, const struct parley_log_record *record)
{
    return batch->log_size >=
               offsetof(struct parley_log_record, event_name) + sizeof(record->event_name) &&
           record->event_name != NULL && strcmp(record->event_name, EVENT) == 0;
}

/* The same for the same record: what is sent again replaces what came before. */
static uint64_t hash(uint64_t seed, struct parley_view text)
{
    for (size_t i = 0; i < text.len; i++)
        seed = (seed ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211); /* FNV-1a */
    return seed;
}

static json_t *id_of(const struct parley_log_record *record)
{
    uint64_t seed = UINT64_C(14695981039346656037);
    char id[64];

    seed = hash(seed, attr_text(&record->attrs, "session.id"));
    seed = hash(seed, attr_text(&record->attrs, "gen_ai.evaluation.name"));
    (void)snprintf(id, sizeof(id), "parley-%016llx-%016llx", (unsigned long long)record->unix_ns,
                   (unsigned long long)seed);
    return json_string(id);
}

static void set_text(json_t *score, const char *key, struct parley_view text)
{
    if (text.len > 0)
        json_object_set_new(score, key, json_stringn(text.data, text.len));
}

/* A trace of zeros is none, and then it is the session that is judged. */
static void set_target(json_t *score, const struct parley_log_record *record)
{
    static const uint8_t none[16];
    char hex[33];

    if (memcmp(record->trace_id, none, sizeof(none)) == 0) {
        set_text(score, "sessionId", attr_text(&record->attrs, "session.id"));
        return;
    }
    for (size_t i = 0; i < sizeof(record->trace_id); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", record->trace_id[i]);
    json_object_set_new(score, "traceId", json_string(hex));
}

static const struct parley_attr *number_attr(const struct parley_attrs *attrs, const char *key)
{
    const char *at = (const char *)attrs->items;

    for (uint32_t i = 0; i < attrs->count; i++, at += attrs->item_size) {
        const struct parley_attr *a = (const struct parley_attr *)(const void *)at;
        if (strcmp(a->key, key) == 0 && a->type == PARLEY_ATTR_DOUBLE)
            return a;
    }
    return NULL;
}

static bool is(struct parley_view text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static void set_value(json_t *score, const struct parley_log_record *record)
{
    const struct parley_attr *number = number_attr(&record->attrs, "gen_ai.evaluation.score.value");
    struct parley_view label = attr_text(&record->attrs, "gen_ai.evaluation.score.label");

    if (is(label, "true") || is(label, "false")) {
        json_object_set_new(score, "dataType", json_string("BOOLEAN"));
        json_object_set_new(score, "value", json_integer(is(label, "true") ? 1 : 0));
    } else if (number != NULL) {
        json_object_set_new(score, "dataType", json_string("NUMERIC"));
        json_object_set_new(score, "value", json_real(number->number));
    } else {
        json_object_set_new(score, "dataType", json_string("CATEGORICAL"));
        set_text(score, "value", label);
    }
}

/* The API of scores refuses what the ingestion of traces mends: capitals, other characters than
 * these, a name of Langfuse's own, more than 40. */
static void set_environment(json_t *score, struct parley_view name)
{
    static const char own[] = "langfuse";
    char text[MAX_ENVIRONMENT];
    size_t len = 0;

    for (size_t i = 0; i < name.len && len < sizeof(text); i++) {
        char c = name.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (c >= 'A' && c <= 'Z')
            text[len++] = (char)(c + ('a' - 'A'));
        else
            text[len++] = is_word ? c : '-';
        if (len == sizeof(own) - 1 && memcmp(text, own, len) == 0)
            len = 0;
    }
    set_text(score, "environment", (struct parley_view){text, len});
}

bool score_write(const struct parley_batch *batch, const struct parley_log_record *record,
                 struct body *ret)
{
    if (!is_judgement(batch, record))
        return true;
    json_t *score = json_object();
    json_object_set_new(score, "id", id_of(record));
    set_text(score, "name", attr_text(&record->attrs, "gen_ai.evaluation.name"));
    set_target(score, record);
    set_value(score, record);
    set_text(score, "comment", attr_text(&record->attrs, "gen_ai.evaluation.explanation"));
    set_environment(score, attr_text(&batch->resource, "deployment.environment.name"));
    char *text = score == NULL ? NULL : json_dumps(score, JSON_COMPACT);
    json_decref(score);
    if (text == NULL)
        return false;
    *ret = (struct body){(uint8_t *)text, strlen(text)};
    return true;
}
