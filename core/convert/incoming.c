/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the model on their way to the session. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "convert/state.h"
#include "realtime/encode.h"
#include "realtime/splice.h"

#include <string.h>

static bool converts(const struct conversion *c)
{
    return c->out.wanted != c->out.carried;
}

/* ---- speech ---- */

static bool is_speaking(const struct conversion *c, struct parley_view item_id)
{
    return pipe_is_open(&c->out_pipe) && view_is(item_id, c->speaking);
}

/* A further item speaks: it is a stream of its own. */
static bool begin_item(struct conversion *c, struct parley_view item_id)
{
    if (is_speaking(c, item_id))
        return true;
    if (item_id.len >= sizeof(c->speaking))
        return false;
    view_copy(c->speaking, sizeof(c->speaking), item_id);
    return pipe_open(&c->out_pipe, c->out.carried, c->out.wanted, NULL) == PARLEY_OK;
}

/* What cannot be converted is left out: in the wrong format it would be noise. */
static void delta(struct conversion *c, struct parley_view event, const struct rt_peek *peek)
{
    _cleanup_json_ json_t *tree = peek->payload_has_escapes ? json_parse(event, NULL) : NULL;
    struct parley_view audio = tree == NULL ? peek->payload : json_get_view(tree, "delta");

    buf_clear(&c->audio);
    if (!begin_item(c, peek->item_id) || !pipe_run(&c->out_pipe, audio, false, &c->audio) ||
        c->audio.len == 0)
        return;
    const struct rt_edit edit = {peek->payload, buf_view(&c->audio)};
    buf_clear(&c->event);
    rt_splice(&c->event, event, &edit, 1);
    if (!c->event.failed)
        c->host->on_event(c->ctx, buf_view(&c->event), 0);
}

/* What the change of rate still holds comes before the end. */
static void finish_item(struct conversion *c, const struct rt_peek *peek)
{
    if (!is_speaking(c, peek->item_id))
        return;
    buf_clear(&c->audio);
    bool has_more = pipe_run(&c->out_pipe, VIEW(""), true, &c->audio) && c->audio.len > 0;
    pipe_done(&c->out_pipe);
    if (!has_more || peek->has_escapes)
        return;
    buf_clear(&c->event);
    rt_encode_begin(&c->event, RT_OUTPUT_AUDIO_DELTA);
    rt_encode_string(&c->event, "response_id", peek->response_id);
    rt_encode_string(&c->event, "item_id", peek->item_id);
    rt_encode_int(&c->event, "output_index", peek->output_index);
    rt_encode_int(&c->event, "content_index", peek->content_index);
    rt_encode_string(&c->event, "delta", buf_view(&c->audio));
    rt_encode_end(&c->event);
    if (!c->event.failed)
        c->host->on_event(c->ctx, buf_view(&c->event), 0);
}

/* ---- what tells of formats ---- */

static void retrieved(const struct conversion *c, json_t *item)
{
    bool is_own = strcmp(json_get_str(item, "role", ""), "assistant") == 0;
    const struct way *w = is_own ? &c->out : &c->in;

    (void)formats_convert_item(item, w->carried, w->wanted);
}

static struct parley_view rewrite(struct conversion *c, enum rt_event kind,
                                  struct parley_view event)
{
    _cleanup_json_ json_t *tree = json_parse(event, NULL);

    if (tree == NULL)
        return event;
    if (kind == RT_ITEM_RETRIEVED)
        retrieved(c, json_object_get(tree, "item"));
    else
        formats_tell(c, json_object_get(tree, "session"));
    buf_clear(&c->event);
    json_write(&c->event, tree);
    return c->event.failed ? event : buf_view(&c->event);
}

/* The model has kept the formats that it had. */
static void note_error(struct conversion *c, struct parley_view event)
{
    _cleanup_json_ json_t *tree = c->asked_count == 0 ? NULL : json_parse(event, NULL);

    formats_refused(c, json_get_str(json_object_get(tree, "error"), "event_id", ""));
}

void incoming_open(struct conversion *c, struct parley_view session_created)
{
    c->host->on_open(c->ctx, rewrite(c, RT_SESSION_CREATED, session_created));
}

void incoming(struct conversion *c, struct parley_view event, uint32_t flags)
{
    struct rt_peek peek;

    if (rt_peek(event, &peek) < 0) {
        c->host->on_event(c->ctx, event, flags);
        return;
    }
    if (peek.event == RT_OUTPUT_AUDIO_DELTA && converts(c)) {
        delta(c, event, &peek);
        return;
    }
    if (peek.event == RT_ERROR)
        note_error(c, event);
    if (peek.event == RT_OUTPUT_AUDIO_DONE)
        finish_item(c, &peek);
    if (peek.event == RT_SESSION_CREATED || peek.event == RT_SESSION_UPDATED ||
        peek.event == RT_ITEM_RETRIEVED) {
        event = rewrite(c, peek.event, event);
        flags = 0;
    }
    c->host->on_event(c->ctx, event, flags);
}
