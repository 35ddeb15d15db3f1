/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/peek.h"

#include "base/base64.h"
#include "base/str.h"
#include "base/utf8.h"
#include "realtime/counters.h"
#include "realtime/scan.h"

#include <string.h>

/* Members of an event that the walk reports. */
enum member {
    MEMBER_OTHER,
    MEMBER_TYPE,
    MEMBER_EVENT_ID,
    MEMBER_ITEM_ID,
    MEMBER_PREVIOUS_ITEM_ID,
    MEMBER_RESPONSE_ID,
    MEMBER_CALL_ID,
    MEMBER_OUTPUT_INDEX,
    MEMBER_CONTENT_INDEX,
    MEMBER_AUDIO_START_MS,
    MEMBER_AUDIO_END_MS,
    MEMBER_DELTA,
    MEMBER_AUDIO,
    MEMBER_SESSION,
    MEMBER_ITEM,
    MEMBER_RESPONSE,
    MEMBER_PART,
    MEMBER_ERROR,
};

struct walk {
    struct scan scan;
    uint32_t seen; /* bit per member that has come */
};

static enum member pick(struct parley_view key, const char *name, enum member member)
{
    return memcmp(key.data, name, key.len) == 0 ? member : MEMBER_OTHER;
}

/* Names of one length stand together, so that a key is compared with one of them at most. */
static enum member member_of(struct parley_view key)
{
    char first = key.len == 0 ? '\0' : key.data[0];

    switch (key.len) {
    case 4:
        return first == 't'   ? pick(key, "type", MEMBER_TYPE)
               : first == 'i' ? pick(key, "item", MEMBER_ITEM)
                              : pick(key, "part", MEMBER_PART);
    case 5:
        return first == 'd'   ? pick(key, "delta", MEMBER_DELTA)
               : first == 'a' ? pick(key, "audio", MEMBER_AUDIO)
                              : pick(key, "error", MEMBER_ERROR);
    case 7:
        return first == 'i'   ? pick(key, "item_id", MEMBER_ITEM_ID)
               : first == 'c' ? pick(key, "call_id", MEMBER_CALL_ID)
                              : pick(key, "session", MEMBER_SESSION);
    case 8:
        return first == 'e' ? pick(key, "event_id", MEMBER_EVENT_ID)
                            : pick(key, "response", MEMBER_RESPONSE);
    case 11:
        return pick(key, "response_id", MEMBER_RESPONSE_ID);
    case 12:
        return first == 'o' ? pick(key, "output_index", MEMBER_OUTPUT_INDEX)
                            : pick(key, "audio_end_ms", MEMBER_AUDIO_END_MS);
    case 13:
        return pick(key, "content_index", MEMBER_CONTENT_INDEX);
    case 14:
        return pick(key, "audio_start_ms", MEMBER_AUDIO_START_MS);
    case 16:
        return pick(key, "previous_item_id", MEMBER_PREVIOUS_ITEM_ID);
    default:
        return MEMBER_OTHER;
    }
}

static bool fail(struct scan *s, enum rt_fault fault)
{
    s->fault = fault;
    return false;
}

static bool at_quote(const struct scan *s)
{
    return s->at < s->end && *s->at == '"';
}

static bool read_type(struct scan *s, struct rt_peek *out)
{
    bool has_escapes = false;

    if (!at_quote(s))
        return scan_value(s, 1) && fail(s, RT_FAULT_TYPE_NOT_STRING);
    if (!scan_string(s, &out->type, &has_escapes))
        return false;
    if (has_escapes)
        return fail(s, RT_FAULT_TYPE_NOT_STRING);
    out->event = rt_event_find(out->type);
    return true;
}

/* A string between its quotes; any other value leaves the view as it is. */
static bool read_text(struct scan *s, struct parley_view *text, bool *has_escapes)
{
    bool has = false;

    if (!at_quote(s))
        return scan_value(s, 1);
    if (!scan_string(s, text, &has))
        return false;
    *has_escapes |= has;
    return true;
}

/* The first of `delta` and `audio` counts. */
static bool read_payload(struct scan *s, struct rt_peek *out)
{
    if (out->payload.data != NULL)
        return scan_value(s, 1);
    if (!read_text(s, &out->payload, &out->payload_has_escapes))
        return false;
    out->payload_bytes = base64_decoded_len(out->payload);
    return true;
}

/* Skip a value that is told as it stands, unless one was told already. */
static bool read_raw(struct scan *s, struct parley_view *raw)
{
    const unsigned char *begin = s->at;

    if (!scan_value(s, 1))
        return false;
    if (raw->data == NULL)
        *raw = (struct parley_view){(const char *)begin, (size_t)(s->at - begin)};
    return true;
}

/* A whole number that is not negative; any other value leaves -1. */
static bool read_index(struct scan *s, int64_t *number)
{
    struct parley_view raw = {0};
    int64_t value;

    if (!read_raw(s, &raw))
        return false;
    if (*number == -1 && view_to_int64(raw, &value) && value >= 0)
        *number = value;
    return true;
}

static bool read_member(struct scan *s, struct rt_peek *out, enum member member)
{
    switch (member) {
    case MEMBER_TYPE:
        return read_type(s, out);
    case MEMBER_EVENT_ID:
        return read_text(s, &out->event_id, &out->has_escapes);
    case MEMBER_ITEM_ID:
        return read_text(s, &out->item_id, &out->has_escapes);
    case MEMBER_PREVIOUS_ITEM_ID:
        return read_text(s, &out->previous_item_id, &out->has_escapes);
    case MEMBER_RESPONSE_ID:
        return read_text(s, &out->response_id, &out->has_escapes);
    case MEMBER_CALL_ID:
        return read_text(s, &out->call_id, &out->has_escapes);
    case MEMBER_OUTPUT_INDEX:
        return read_index(s, &out->output_index);
    case MEMBER_CONTENT_INDEX:
        return read_index(s, &out->content_index);
    case MEMBER_AUDIO_START_MS:
    case MEMBER_AUDIO_END_MS:
        return read_index(s, &out->audio_ms);
    case MEMBER_DELTA:
    case MEMBER_AUDIO:
        return read_payload(s, out);
    case MEMBER_SESSION:
    case MEMBER_ITEM:
    case MEMBER_RESPONSE:
    case MEMBER_PART:
    case MEMBER_ERROR:
        return read_raw(s, &out->body);
    default:
        return scan_value(s, 1);
    }
}

/* No member that is reported may come twice: parsers differ in which one they believe. */
static bool read_member_once(struct walk *w, struct rt_peek *out, enum member member)
{
    uint32_t bit = UINT32_C(1) << member;

    if (member != MEMBER_OTHER && (w->seen & bit) != 0)
        return fail(&w->scan,
                    member == MEMBER_TYPE ? RT_FAULT_DUPLICATE_TYPE : RT_FAULT_DUPLICATE_KEY);
    w->seen |= bit;
    return read_member(&w->scan, out, member);
}

/* "KEY" : VALUE */
static bool walk_member(struct walk *w, struct rt_peek *out)
{
    struct scan *s = &w->scan;
    struct parley_view key;
    bool has_escapes;

    scan_space(s);
    if (!scan_string(s, &key, &has_escapes))
        return false;
    if (has_escapes)
        return fail(s, RT_FAULT_ESCAPED_KEY);
    scan_space(s);
    if (s->at >= s->end || *s->at != ':')
        return fail(s, RT_FAULT_JSON);
    s->at++;
    scan_space(s);
    return read_member_once(w, out, member_of(key));
}

/* At the opening brace: to behind the closing one. */
static bool walk_object(struct walk *w, struct rt_peek *out)
{
    struct scan *s = &w->scan;

    s->at++;
    scan_space(s);
    if (s->at < s->end && *s->at == '}') {
        s->at++;
        return true;
    }
    for (;;) {
        if (!walk_member(w, out))
            return false;
        scan_space(s);
        if (s->at >= s->end || (*s->at != ',' && *s->at != '}'))
            return fail(s, RT_FAULT_JSON);
        if (*s->at++ == '}')
            return true;
    }
}

/* Nothing but space may follow. */
static bool walk_end(struct scan *s)
{
    scan_space(s);
    return s->at == s->end || fail(s, RT_FAULT_JSON);
}

static bool walk_event(struct walk *w, struct rt_peek *out)
{
    struct scan *s = &w->scan;

    scan_space(s);
    if (s->at >= s->end || *s->at != '{')
        return scan_value(s, 0) && walk_end(s) && fail(s, RT_FAULT_NOT_OBJECT);
    if (!walk_object(w, out) || !walk_end(s))
        return false;
    return out->type.data != NULL || fail(s, RT_FAULT_NO_TYPE);
}

static struct scan scan_of(struct parley_view bytes)
{
    const unsigned char *begin = (const unsigned char *)(bytes.data == NULL ? "" : bytes.data);

    return (struct scan){.at = begin, .end = begin + bytes.len};
}

int rt_peek(struct parley_view bytes, struct rt_peek *out)
{
    struct walk w = {.scan = scan_of(bytes)};
    const unsigned char *begin = w.scan.at;

    rt_counters_add_peek();
    *out = (struct rt_peek){.output_index = -1, .content_index = -1, .audio_ms = -1};
    bool is_good = walk_event(&w, out);
    if (is_good && w.scan.saw_non_ascii && !utf8_valid(bytes.data, bytes.len))
        is_good = fail(&w.scan, RT_FAULT_JSON);
    out->is_ascii = !w.scan.saw_non_ascii;
    out->fault = w.scan.fault;
    out->fault_at = (size_t)(w.scan.at - begin);
    return is_good ? PARLEY_OK : PARLEY_E_INVALID;
}

enum rt_fault rt_json_check(struct parley_view bytes, size_t *ret_at)
{
    struct scan s = scan_of(bytes);
    const unsigned char *begin = s.at;

    (void)(scan_value(&s, 0) && walk_end(&s)); /* the fault says all */
    if (ret_at != NULL)
        *ret_at = (size_t)(s.at - begin);
    return s.fault;
}
