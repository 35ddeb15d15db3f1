/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include "operation.h"

#include "parts/otlp/dress.h"

#include <string.h>

#define CUSTOM_EVENT "microsoft.custom_event.name"

/* "session.start", or what the attribute says; empty for a line of the log. */
static struct parley_view event_of(const struct parley_log_record *r, uint32_t size)
{
    struct parley_view event = attr_text(&r->attrs, CUSTOM_EVENT);
    bool is_there = size >= offsetof(struct parley_log_record, event_name) + sizeof(r->event_name);

    if (event.len > 0 || !is_there || r->event_name == NULL)
        return event;
    return (struct parley_view){r->event_name, strlen(r->event_name)};
}

static void write_event(struct envelopes *all, struct envelope_head *head,
                        const struct parley_log_record *r, struct parley_view name)
{
    head->name = "Event";
    head->base_type = "EventData";
    struct envelope e = envelope_begin(all, head);
    json_key(e.out, "name");
    json_text(e.out, name, 512);
    struct properties p = envelope_properties(&e);
    properties_add_attrs(&p, &r->attrs);
    properties_add(&p, "message", r->body);
    properties_end(&p);
    envelope_end(&e, true);
}

static void write_message(struct envelopes *all, struct envelope_head *head,
                          const struct parley_log_record *r)
{
    struct envelope e = envelope_begin(all, head);

    json_key(e.out, "message");
    json_text(e.out, r->body.len > 0 ? r->body : (struct parley_view){"n/a", 3}, 32768);
    json_key(e.out, "severityLevel");
    json_str(e.out, severity_name(r->severity), 16);
    struct properties p = envelope_properties(&e);
    properties_add_attrs(&p, &r->attrs);
    properties_end(&p);
    envelope_end(&e, true);
}

void log_write(struct envelopes *all, const struct parley_log_record *r, uint32_t log_size)
{
    char room[OPERATION_SIZE];
    struct parley_view event = event_of(r, log_size);
    struct envelope_head head = {.name = "Message",
                                 .base_type = "MessageData",
                                 .unix_ns = r->unix_ns,
                                 .tags = {.trace_id = r->trace_id,
                                          .parent_id = r->span_id,
                                          .operation = operation_of_turn(&r->attrs, room),
                                          .attrs = &r->attrs}};

    if (exception_is(&r->attrs)) {
        head.name = "Exception";
        head.base_type = "ExceptionData";
        exception_write(all, &head, &r->attrs, r->body, r->severity, true);
    } else if (event.len > 0) {
        write_event(all, &head, r, event);
    } else {
        write_message(all, &head, r);
    }
}
