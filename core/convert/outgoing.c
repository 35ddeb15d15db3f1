/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the session on their way to the model. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "convert/state.h"
#include "realtime/encode.h"
#include "realtime/splice.h"

#include <stdio.h>
#include <string.h>

/* In the place of the event, which the model would not understand. */
static void answer_error(struct conversion *c, struct parley_view raw_event_id, const char *param,
                         const char *message)
{
    struct rt_error error;

    (void)rt_error_set(&error, RT_ERROR_INVALID_VALUE, param, "%s", message);
    buf_clear(&c->event);
    rt_encode_error(&c->event, &error, raw_event_id);
    c->host->on_event(c->ctx, buf_view(&c->event), 0);
}

static void use_tree(struct conversion *c, const json_t *tree, struct parley_view *event)
{
    buf_clear(&c->event);
    json_write(&c->event, tree);
    if (!c->event.failed)
        *event = buf_view(&c->event);
}

static bool update(struct conversion *c, const struct rt_peek *peek, json_t *tree,
                   struct parley_view *event)
{
    formats_ask(c, json_object_get(tree, "session"), peek->event_id);
    use_tree(c, tree, event);
    return true;
}

/* ---- audio ---- */

/* Base64 may be written with escapes, though nobody does. */
static struct parley_view payload_of(const json_t *tree, const struct rt_peek *peek,
                                     const char *member)
{
    return tree == NULL ? peek->payload : json_get_view(tree, member);
}

static bool append(struct conversion *c, const struct rt_peek *peek, struct parley_view *event)
{
    _cleanup_json_ json_t *tree = peek->payload_has_escapes ? json_parse(*event, NULL) : NULL;

    buf_clear(&c->audio);
    if (!pipe_run(&c->in_pipe, payload_of(tree, peek, "audio"), false, &c->audio)) {
        answer_error(c, peek->event_id, "audio",
                     "The audio is not base64; nothing of it was heard.");
        return false;
    }
    const struct rt_edit edit = {peek->payload, buf_view(&c->audio)};
    buf_clear(&c->event);
    rt_splice(&c->event, *event, &edit, 1);
    if (!c->event.failed)
        *event = buf_view(&c->event);
    return true;
}

static bool is_the_models_own(const json_t *item)
{
    return strcmp(json_get_str(item, "role", ""), "assistant") == 0;
}

static bool convert_item(const struct conversion *c, json_t *item)
{
    const struct way *w = is_the_models_own(item) ? &c->out : &c->in;

    return formats_convert_item(item, w->wanted, w->carried);
}

static bool create_item(struct conversion *c, const struct rt_peek *peek, json_t *tree,
                        struct parley_view *event)
{
    if (!convert_item(c, json_object_get(tree, "item"))) {
        answer_error(c, peek->event_id, "item.content", "The item's audio is not base64.");
        return false;
    }
    use_tree(c, tree, event);
    return true;
}

/* ---- responses ---- */

/* A response of its own format: only the session's is converted. */
static bool check_format(struct conversion *c, const struct rt_peek *peek, json_t *response)
{
    const json_t *output = json_object_get(json_object_get(response, "audio"), "output");
    const json_t *format = json_object_get(output, "format");
    enum rt_audio wanted = rt_audio_of(format);
    char message[240];

    if (!json_is_object(format))
        return true;
    if (wanted == c->out.wanted) { /* as the session has it: no need to say so */
        json_object_del((json_t *)(uintptr_t)output, "format");
        return true;
    }
    if (c->out.wanted == c->out.carried && (c->out.formats & format_bit(wanted)) != 0)
        return true;
    (void)snprintf(message, sizeof(message),
                   "%s has no %s, which is converted for a session, but not for one response; set "
                   "session.audio.output.format.",
                   c->by->inner.title, rt_audio_name(wanted));
    answer_error(c, peek->event_id, "response.audio.output.format", message);
    return false;
}

static bool create_response(struct conversion *c, const struct rt_peek *peek, json_t *tree,
                            struct parley_view *event)
{
    json_t *response = json_object_get(tree, "response");
    json_t *item;
    size_t i;

    if (!check_format(c, peek, response))
        return false;
    json_array_foreach(json_object_get(response, "input"), i, item)
    {
        if (!convert_item(c, item)) {
            answer_error(c, peek->event_id, "response.input", "The item's audio is not base64.");
            return false;
        }
    }
    use_tree(c, tree, event);
    return true;
}

static bool rewrite(struct conversion *c, const struct rt_peek *peek, struct parley_view *event)
{
    _cleanup_json_ json_t *tree = json_parse(*event, NULL);

    if (tree == NULL)
        return true; /* the model says what is wrong with it */
    switch (peek->event) {
    case RT_SESSION_UPDATE:
        return update(c, peek, tree, event);
    case RT_ITEM_CREATE:
        return create_item(c, peek, tree, event);
    default:
        return create_response(c, peek, tree, event);
    }
}

bool outgoing(struct conversion *c, struct parley_view *event, uint32_t *flags)
{
    struct rt_peek peek;
    const char *before = event->data;
    bool is_good = true;

    if (rt_peek(*event, &peek) < 0)
        return true;
    if (peek.event == RT_INPUT_AUDIO_APPEND && pipe_is_open(&c->in_pipe))
        is_good = append(c, &peek, event);
    else if (peek.event == RT_SESSION_UPDATE || peek.event == RT_ITEM_CREATE ||
             peek.event == RT_RESPONSE_CREATE)
        is_good = rewrite(c, &peek, event);
    if (event->data != before)
        *flags &= ~PARLEY_EVENT_ROOM;
    return is_good;
}
