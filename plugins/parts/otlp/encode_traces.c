/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder.h"

#include <stddef.h>

typedef Parley__Otlp__Event Event;
typedef Parley__Otlp__ResourceSpans ResourceSpans;
typedef Parley__Otlp__ScopeSpans ScopeSpans;
typedef Parley__Otlp__Span Span;
typedef Parley__Otlp__Status Status;

static void set_events(struct encoder *e, Span *to, const struct parley_span *from)
{
    to->events = POINTERS(e, Event, from->event_count);
    for (uint32_t i = 0; i < from->event_count && !e->arena.failed; i++) {
        const struct parley_span_event *event =
            (const void *)((const char *)from->events + (size_t)i * from->event_size);
        Event *out = NEW(e, Event, event);
        if (out == NULL)
            return;
        out->has_time_unix_nano = 1;
        out->time_unix_nano = event->unix_ns;
        out->name = encoder_text(e, event->name);
        out->attributes = encoder_attributes(e, &event->attrs, &out->n_attributes);
        to->events[to->n_events++] = out;
    }
}

static void set_status(struct encoder *e, Span *to, const struct parley_span *from)
{
    if (from->status == PARLEY_SPAN_UNSET)
        return;
    to->status = NEW(e, Status, status);
    if (to->status == NULL)
        return;
    to->status->has_code = 1;
    to->status->code = (int32_t)from->status;
    if (from->status_message != NULL && from->status_message[0] != '\0')
        to->status->message = encoder_text(e, from->status_message);
}

/* A host of 1.0 says nothing of it, and leaves nothing out. */
static void set_sampling(struct encoder *e, Span *to, const struct parley_span *from, uint32_t size)
{
    to->has_flags = 1;
    to->flags = PARLEY_SPAN_SAMPLED;
    if (size < offsetof(struct parley_span, dropped_events) + sizeof(from->dropped_events))
        return;
    to->flags |= from->flags;
    to->has_dropped_attributes_count = from->dropped_attrs > 0;
    to->dropped_attributes_count = from->dropped_attrs;
    to->has_dropped_events_count = from->dropped_events > 0;
    to->dropped_events_count = from->dropped_events;
    if (from->trace_state != NULL && from->trace_state[0] != '\0')
        to->trace_state = encoder_text(e, from->trace_state);
}

static Span *span(struct encoder *e, const struct parley_span *from, uint32_t size)
{
    Span *to = NEW(e, Span, span);

    if (to == NULL)
        return NULL;
    to->has_trace_id = to->has_span_id = 1;
    to->trace_id = encoder_bytes(from->trace_id, sizeof(from->trace_id));
    to->span_id = encoder_bytes(from->span_id, sizeof(from->span_id));
    to->has_parent_span_id = !encoder_is_zero(from->parent_span_id, sizeof(from->parent_span_id));
    to->parent_span_id = encoder_bytes(from->parent_span_id, sizeof(from->parent_span_id));
    to->name = encoder_text(e, from->name);
    to->has_kind = to->has_start_time_unix_nano = to->has_end_time_unix_nano = 1;
    to->kind = (int32_t)from->kind;
    to->start_time_unix_nano = from->start_unix_ns;
    to->end_time_unix_nano = from->end_unix_ns;
    set_sampling(e, to, from, size);
    to->attributes = encoder_attributes(e, &from->attrs, &to->n_attributes);
    set_events(e, to, from);
    set_status(e, to, from);
    return to;
}

bool encode_traces(const struct encode_config *config, const struct parley_batch *batch,
                   struct body *ret)
{
    struct encoder e = {.config = config};
    Parley__Otlp__ExportTraceRequest *request =
        NEW(&e, Parley__Otlp__ExportTraceRequest, export_trace_request);
    ResourceSpans **by_resource = POINTERS(&e, ResourceSpans, 1);
    ResourceSpans *of_resource = NEW(&e, ResourceSpans, resource_spans);
    ScopeSpans **by_scope = POINTERS(&e, ScopeSpans, 1);
    ScopeSpans *of_scope = NEW(&e, ScopeSpans, scope_spans);
    Span **spans = POINTERS(&e, Span, batch->span_count);

    if (e.arena.failed)
        return encoder_pack(&e, NULL, ret);
    request->n_resource_spans = of_resource->n_scope_spans = 1;
    request->resource_spans = by_resource;
    by_resource[0] = of_resource;
    of_resource->resource = encoder_resource(&e, &batch->resource);
    of_resource->scope_spans = by_scope;
    by_scope[0] = of_scope;
    of_scope->scope = encoder_scope(&e);
    of_scope->spans = spans;
    for (uint32_t i = 0; i < batch->span_count && !e.arena.failed; i++) {
        spans[of_scope->n_spans++] =
            span(&e, (const void *)((const char *)batch->spans + (size_t)i * batch->span_size),
                 batch->span_size);
    }
    return encoder_pack(&e, request, ret);
}
