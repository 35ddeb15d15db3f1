/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/telemetry_score.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"
#include "ctl/telemetry_probe.h"
#include "telemetry/names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY      "a judgement by parleyctl telemetry score"
#define SEVERITY  9 /* info, as in OpenTelemetry */
#define MAX_WORD  200
#define MAX_WORDS 4000
#define TRACE_LEN 32

static int check_text(const char *what, const char *text, size_t most, struct parley_error *err)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0)
        return parley_fail(err, PARLEY_E_INVALID, "%s is missing", what);
    if (len > most || !utf8_valid(text, len))
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s is too long or not UTF-8; at most %zu bytes are taken", what, most);
    return PARLEY_OK;
}

static int check_trace(const char *trace, struct parley_error *err)
{
    bool is_good = strlen(trace) == TRACE_LEN;
    bool is_none = true;

    for (size_t i = 0; is_good && i < TRACE_LEN; i++) {
        is_good = isxdigit((unsigned char)trace[i]) != 0;
        is_none = is_none && trace[i] == '0';
    }
    return is_good && !is_none
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_INVALID,
                             "--trace is \"%.40s\"; it is the id of a turn's trace, 32 "
                             "hexadecimal digits",
                             trace);
}

int telemetry_judgement_check(const struct telemetry_judgement *j, struct parley_error *err)
{
    int r = check_text("--session, the id of the conversation,", j->session, MAX_WORD, err);

    if (r == PARLEY_OK)
        r = check_text("the name of the score", j->name, MAX_WORD, err);
    if (r == PARLEY_OK)
        r = check_text("the value of the score", j->value, MAX_WORD, err);
    if (r == PARLEY_OK && j->comment != NULL)
        r = check_text("--comment", j->comment, MAX_WORDS, err);
    if (r == PARLEY_OK && j->trace != NULL)
        r = check_trace(j->trace, err);
    return r;
}

static void add_text(struct telemetry_score *s, const char *key, const char *value)
{
    if (value != NULL)
        s->attrs[s->record.attrs.count++] =
            (struct parley_attr){.key = key, .type = PARLEY_ATTR_STRING, .string = view_of(value)};
}

static void add_value(struct telemetry_score *s, const char *value)
{
    char *end = NULL;
    double number = strtod(value, &end);

    if (*end != '\0' || !isfinite(number))
        add_text(s, NAME_EVALUATION_LABEL, value);
    else
        s->attrs[s->record.attrs.count++] = (struct parley_attr){
            .key = NAME_EVALUATION_VALUE, .type = PARLEY_ATTR_DOUBLE, .number = number};
}

static void read_trace(uint8_t id[16], const char *trace)
{
    for (size_t i = 0; i < 16; i++) {
        const char pair[] = {trace[2 * i], trace[2 * i + 1], '\0'};
        id[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

void telemetry_score_init(struct telemetry_score *s, const struct telemetry_judgement *judgement,
                          const struct telemetry_options *options, const char *environment)
{
    memset(s, 0, sizeof(*s));
    telemetry_probe_resource(&s->resource, options, environment);
    s->record.unix_ns = (uint64_t)clock_unix_us() * 1000;
    s->record.severity = SEVERITY;
    s->record.body = VIEW(BODY);
    s->record.event_name = NAME_EVENT_EVALUATION;
    s->record.attrs = (struct parley_attrs){s->attrs, 0, sizeof(s->attrs[0])};
    if (judgement->trace != NULL)
        read_trace(s->record.trace_id, judgement->trace);
    add_text(s, NAME_SESSION_ID, judgement->session);
    add_text(s, NAME_EVALUATION_NAME, judgement->name);
    add_value(s, judgement->value);
    add_text(s, NAME_EVALUATION_WHY, judgement->comment);
}

struct parley_batch telemetry_score_batch(const struct telemetry_score *s)
{
    return (struct parley_batch){
        .size = sizeof(struct parley_batch),
        .resource = {s->resource.attrs, s->resource.count, sizeof(s->resource.attrs[0])},
        .logs = &s->record,
        .log_count = 1,
        .span_size = sizeof(struct parley_span),
        .metric_size = sizeof(struct parley_metric),
        .log_size = sizeof(s->record),
    };
}
