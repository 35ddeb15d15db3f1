/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of strangers that telemetry reads: lines of the log, which patterns are blotted out of,
 * trace headers, and attributes of the resource. */
#include "base/str.h"
#include "base/utf8.h"
#include "telemetry/log_lines.h"
#include "telemetry/redact.h"
#include "telemetry/resource.h"
#include "telemetry/trace_context.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const patterns[] = {"\\b\\d(?:[ -]?\\d){12,18}\\b", "[\\w.+-]+@[\\w.-]+\\.\\w+",
                                       "(a+)+$", "x*\\Ky"};

static struct redact *redactor(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct redact *r = NULL;

    if (redact_create((struct parley_list){patterns, 4}, &r, &err) < 0)
        abort();
    return r;
}

static void read_line(const char *text, size_t len, const struct redact *r)
{
    const struct log_entry entry = {.event = "session.end", .len = (uint32_t)len};
    struct log_line l;

    if (!log_line_init(&l, &entry, text, r))
        abort();
    if (!utf8_valid(l.text, l.len))
        abort();
    for (uint32_t i = 0; i < l.attr_count; i++) {
        const struct parley_view v = l.attrs[i].string;
        if (v.len == 0 || v.data < l.text || v.data + v.len > l.text + l.len)
            abort();
    }
    log_line_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redact *r = redactor();
    struct trace_context context;
    char *text = calloc(1, size + 1);

    if (text == NULL)
        abort();
    memcpy(text, data, size);
    struct parley_view view = {text, size};
    read_line(text, size < LOG_RING_TEXT_SIZE ? size : LOG_RING_TEXT_SIZE - 1, r);
    if (traceparent_parse(view, &context) && !trace_context_is_valid(&context))
        abort();
    (void)tracestate_is_valid(view);
    (void)resource_is_pair(text);
    free(text);
    redact_destroy(r);
    return 0;
}
