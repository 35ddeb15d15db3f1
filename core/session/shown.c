/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client is told of responses. One that holds nothing but calls of server tools stays
 * unshown; the one that follows with the results is shown in its place, and its usage counts both.
 */
#include "session/shown.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

void shown_say(struct session *s, enum rt_event event, const json_t *object)
{
    rt_encode_begin(&s->out, event);
    rt_encode_tree(&s->out, "response", object);
    rt_encode_end(&s->out);
    say_out(s);
}

/* Another is shown in its place. */
void shown_drop(struct session *s)
{
    json_decref(s->sequencer.unshown);
    s->sequencer.unshown = NULL;
    s->sequencer.has_filled = false;
}

void response_show(struct session *s, struct response *r)
{
    if (r->shown)
        return;
    r->shown = true;
    shown_say(s, RT_RESPONSE_CREATED, r->object);
    json_decref(r->object);
    r->object = NULL;
    if (r->in_band && r->by == RESPONSE_BY_FILLER)
        s->sequencer.has_filled = s->sequencer.unshown != NULL;
    else if (r->in_band) /* it stands in for the one that was not shown */
        shown_drop(s);
}

/* An object for a response of which the model's own is gone; the caller owns it. */
json_t *shown_bare(const struct session *s, const struct response *r)
{
    char room[NAMES_ROOM];

    return json_pack("{s:s, s:o}", "object", "realtime.response", "id",
                     json_from_view(names_for_client(s, view_of(r->id), room)));
}

static json_t *ended_object(const json_t *object, const struct outcome *o)
{
    json_t *ended = json_copy((json_t *)(uintptr_t)object);
    json_t *details = json_pack("{s:s}", "type", o->status);

    if (o->reason != NULL)
        json_object_set_new(details, "reason", json_string(o->reason));
    if (o->message != NULL)
        json_object_set_new(details, "error",
                            json_pack("{s:s, s:s, s:s}", "type", "server_error", "code", o->code,
                                      "message", o->message));
    json_object_set_new(ended, "status", json_string(o->status));
    json_object_set_new(ended, "status_details", details);
    if (json_object_get(ended, "output") == NULL)
        json_object_set_new(ended, "output", json_array());
    json_object_set_new(ended, "usage", json_null());
    return ended;
}

/* Tokens of responses that were not shown are paid all the same. */
static void carry_usage(struct session *s, json_t *object)
{
    struct sequencer *q = &s->sequencer;
    struct rt_usage usage;
    struct buf text = {0};

    if (!q->has_unshown_usage)
        return;
    (void)rt_usage_read(json_object_get(object, "usage"), &usage); /* zero when there is none */
    rt_usage_add(&usage, &q->unshown_usage);
    q->unshown_usage = (struct rt_usage){0};
    q->has_unshown_usage = false;
    rt_usage_write(&text, &usage);
    json_t *sum = json_parse(buf_view(&text), NULL);
    if (sum != NULL)
        json_object_set_new(object, "usage", sum);
    buf_done(&text);
}

void shown_end(struct session *s, const json_t *object, bool in_band, const struct outcome *o)
{
    json_t *ended = ended_object(object, o);

    if (ended != NULL && in_band)
        carry_usage(s, ended);
    if (ended != NULL)
        shown_say(s, RT_RESPONSE_DONE, ended);
    json_decref(ended);
}

/* The response that stayed unshown gets no successor: the client hears of its start and its end. */
void shown_settle(struct session *s, const struct outcome *o)
{
    struct sequencer *q = &s->sequencer;
    json_t *object = q->unshown;

    if (object == NULL)
        return;
    q->unshown = NULL;
    q->has_filled = false;
    if (q->unshown_by == RESPONSE_BY_CLIENT) {
        shown_say(s, RT_RESPONSE_CREATED, object);
        shown_end(s, object, true, o);
    }
    json_decref(object);
    q->unshown_usage = (struct rt_usage){0};
    q->has_unshown_usage = false;
}

/* Leave the client out of what was hidden from it. */
static void hide_output(struct session *s, json_t *object)
{
    json_t *output = json_object_get(object, "output");

    for (size_t i = json_array_size(output); i-- > 0;) {
        const json_t *body = json_array_get(output, i);
        const struct item *item = items_find(&s->items, json_get_view(body, "id"));
        if ((item != NULL && item->hidden) || settings_hides(s, body))
            (void)json_array_remove(output, i);
    }
}

/* Nothing of it was shown, and its answer is still to come. */
void shown_keep(struct session *s, struct response *r, const struct rt_response *read)
{
    struct sequencer *q = &s->sequencer;

    json_decref(q->unshown);
    q->unshown = TAKE(r->object);
    q->unshown_by = r->by;
    if (read->has_usage) {
        rt_usage_add(&q->unshown_usage, &read->usage);
        q->has_unshown_usage = true;
    }
}

void shown_done(struct session *s, struct response *r, json_t *tree)
{
    json_t *object = json_object_get(tree, "response");

    response_show(s, r);
    if (r->in_band) {
        hide_output(s, object);
        json_array_extend(json_object_get(object, "output"), r->approvals);
    }
    if (r->in_band && r->by != RESPONSE_BY_FILLER)
        carry_usage(s, object);
    json_write(&s->out, tree);
    say_out(s);
}

/* The model will say nothing more of a response: what is open of it is closed, then itself. */
void shown_cut(struct session *s, struct response *r, const struct outcome *o)
{
    json_t *object = r->object != NULL ? json_incref(r->object) : shown_bare(s, r);

    response_show(s, r);
    if (object != NULL && r->in_band) {
        json_object_set_new(object, "output", cut_items(s, r));
        json_array_extend(json_object_get(object, "output"), r->approvals);
    }
    shown_end(s, object, r->in_band, o);
    json_decref(object);
}
