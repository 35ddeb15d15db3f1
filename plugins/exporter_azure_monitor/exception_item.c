/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include "parts/otlp/dress.h"

bool exception_is(const struct parley_attrs *attrs)
{
    return attr_text(attrs, "exception.type").len > 0 ||
           attr_text(attrs, "exception.message").len > 0;
}

/* The message is required, whatever is known. */
static struct parley_view message_of(const struct parley_attrs *attrs, struct parley_view text)
{
    struct parley_view message = attr_text(attrs, "exception.message");

    if (message.len == 0)
        message = text;
    if (message.len == 0)
        message = attr_text(attrs, "exception.type");
    return message.len > 0 ? message : (struct parley_view){"n/a", 3};
}

void exception_write(struct envelopes *all, const struct envelope_head *head,
                     const struct parley_attrs *attrs, struct parley_view text, uint32_t severity,
                     bool is_record)
{
    struct envelope e = envelope_begin(all, head);
    struct parley_view stack = attr_text(attrs, "exception.stacktrace");

    json_key(e.out, "exceptions");
    json_raw(e.out, "[{");
    json_member(e.out, "typeName", attr_text(attrs, "exception.type"), 1024);
    json_key(e.out, "message");
    json_text(e.out, message_of(attrs, text), 32768);
    json_key(e.out, "hasFullStack");
    json_raw(e.out, stack.len > 0 ? "true" : "false");
    json_member(e.out, "stack", stack, 32768);
    json_raw(e.out, "}]");
    json_key(e.out, "severityLevel");
    json_str(e.out, severity_name(severity), 16);
    struct properties p = envelope_properties(&e);
    p.is_exception = true;
    properties_add_attrs(&p, attrs);
    if (message_of(attrs, text).data != text.data)
        properties_add(&p, "message", text);
    properties_end(&p);
    envelope_end(&e, is_record);
}
