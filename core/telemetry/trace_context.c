/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/trace_context.h"

#include <string.h>

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

bool trace_context_is_valid(const struct trace_context *c)
{
    return !is_zero(c->trace_id, sizeof(c->trace_id)) && !is_zero(c->span_id, sizeof(c->span_id));
}

/* The standard allows lower case only. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const char *text, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool traceparent_parse(struct parley_view text, struct trace_context *ret)
{
    struct trace_context c = {0};
    uint8_t version;
    const size_t len = TRACEPARENT_SIZE - 1;

    if (text.len < len || text.data[2] != '-' || text.data[35] != '-' || text.data[52] != '-')
        return false;
    if (!parse_hex(text.data, &version, 1) || version == 0xff)
        return false;
    if (text.len > len && (version == 0 || text.data[len] != '-'))
        return false;
    if (!parse_hex(text.data + 3, c.trace_id, 16) || !parse_hex(text.data + 36, c.span_id, 8) ||
        !parse_hex(text.data + 53, &c.flags, 1) || !trace_context_is_valid(&c))
        return false;
    c.is_remote = true;
    *ret = c;
    return true;
}

void trace_id_format(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

void traceparent_format(const struct trace_context *c, char out[TRACEPARENT_SIZE])
{
    memcpy(out, "00-", 3);
    trace_id_format(c->trace_id, 16, out + 3);
    out[35] = '-';
    trace_id_format(c->span_id, 8, out + 36);
    out[52] = '-';
    trace_id_format(&c->flags, 1, out + 53);
}

bool tracestate_is_valid(struct parley_view text)
{
    if (text.len == 0 || text.len >= TRACESTATE_SIZE)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}
