/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

#define CUT_BYTES 500 /* of a body whose line would be too long: each byte may take six */

static const char *severity_name(uint32_t severity)
{
    if (severity >= 17)
        return "error";
    if (severity >= 13)
        return "warn";
    return severity >= 9 ? "info" : "debug";
}

static void set_id(json_t *o, const char *key, const uint8_t *id, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char text[33];
    bool is_zero = true;

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 15];
        is_zero = is_zero && id[i] == 0;
    }
    if (!is_zero)
        (void)json_object_set_new(o, key,
                                  json_stringn(text, 2 * len)); /* left out without memory */
}

static json_t *attributes(const struct parley_attrs *attrs)
{
    json_t *o = json_object();

    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct parley_attr *a =
            (const void *)((const char *)attrs->items + (size_t)i * attrs->item_size);
        if (a->type == PARLEY_ATTR_STRING)
            (void)json_object_set_new(o, a->key, json_stringn(a->string.data, a->string.len));
        else if (a->type == PARLEY_ATTR_DOUBLE)
            (void)json_object_set_new(o, a->key, json_real(a->number));
        else if (a->type != PARLEY_ATTR_LIST)
            (void)json_object_set_new(o, a->key, json_integer(a->integer));
    }
    return o;
}

/* Cut between characters. */
static size_t cut(struct parley_view text, size_t limit)
{
    size_t len = text.len < limit ? text.len : limit;

    while (len > 0 && len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static const char *event_of(const struct parley_log_record *r, uint32_t size)
{
    if (size < offsetof(struct parley_log_record, event_name) + sizeof(r->event_name))
        return "";
    return r->event_name == NULL ? "" : r->event_name;
}

void record_json(const struct parley_batch *batch, uint32_t i, char out[LINE_SIZE])
{
    const struct parley_log_record *r =
        (const void *)((const char *)batch->logs + (size_t)i * batch->log_size);
    json_t *o = json_object();
    char time_text[LINE_ISO_SIZE];
    const char *event = event_of(r, batch->log_size);

    line_iso_time(r->unix_ns, time_text);
    (void)json_object_set_new(o, "time", json_string(time_text));
    (void)json_object_set_new(o, "severity", json_string(severity_name(r->severity)));
    if (event[0] != '\0')
        (void)json_object_set_new(o, "event", json_string(event));
    (void)json_object_set_new(o, "body", json_stringn(r->body.data, r->body.len));
    set_id(o, "trace_id", r->trace_id, sizeof(r->trace_id));
    set_id(o, "span_id", r->span_id, sizeof(r->span_id));
    (void)json_object_set_new(o, "attributes", attributes(&r->attrs));
    size_t len = o == NULL ? 0 : json_dumpb(o, out, LINE_SIZE - 1, JSON_COMPACT);
    if (len >= LINE_SIZE) {
        (void)json_object_del(o, "attributes");
        (void)json_object_set_new(o, "body", json_stringn(r->body.data, cut(r->body, CUT_BYTES)));
        len = json_dumpb(o, out, LINE_SIZE - 1, JSON_COMPACT);
    }
    out[len < LINE_SIZE ? len : 0] = '\0';
    json_decref(o);
}
