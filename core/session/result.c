/* SPDX-License-Identifier: Apache-2.0 */
/* What the model is told of a call that has ended, as items of the conversation. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

/* Kept here until the model shows it, so that it is not lost with the model. */
static void keep(struct session *s, struct item *i, json_t *body)
{
    items_set_json(&s->items, i, body);
    items_await(&s->items, i);
}

/* A fresh id for an item that follows the call, and is hidden when the call is. NULL without
 * memory. */
static struct item *place_item(struct session *s, const struct call *c, char item_id[ID_SIZE])
{
    const struct item *call = items_find(&s->items, view_of(c->item_id));

    id_make(item_id, "item_");
    struct item *i = items_add(&s->items, view_of(item_id), VIEW(""), NULL);
    if (i != NULL)
        i->hidden = call == NULL ? settings_hides_calls(s) : call->hidden;
    s->has_hidden = s->has_hidden || (i != NULL && i->hidden);
    return i;
}

static void tell_message(struct session *s, const struct call *c, json_t *take_item)
{
    _cleanup_json_ json_t *item = take_item;
    char item_id[ID_SIZE];

    if (item == NULL)
        return;
    struct item *i = place_item(s, c, item_id);
    const struct pending *p = pending_add(&s->pending, PENDING_TOOL_OUTPUT, VIEW(""), NULL);
    json_object_set_new(item, "id", json_string(item_id));
    if (i != NULL)
        keep(s, i, item);
    rt_encode_item_create_tree(&s->out, view_of(p->id), (struct parley_view){0}, item);
    tell_out(s);
}

/* Why the model cannot be shown this image; NULL: it can. */
static const char *image_refusal(const struct session *s, struct parley_view image)
{
    if ((s->caps.flags & PARLEY_CAP_IMAGES) == 0)
        return "which this model cannot see";
    if (!view_starts_with(image, VIEW("data:image/png;base64,")) &&
        !view_starts_with(image, VIEW("data:image/jpeg;base64,")))
        return "of a kind that cannot be shown";
    /* It is an item like others: one must not push the rest of the conversation out of memory. */
    if ((s->caps.max_event_bytes > 0 && image.len + 1024 > (size_t)s->caps.max_event_bytes) ||
        image.len > (size_t)s->agent->config->max_item_bytes / 2)
        return "too large to be shown";
    return NULL;
}

static void tell_image(struct session *s, const struct call *c, struct parley_view image)
{
    struct buf text = {0};

    buf_printf(&text, "The image that the tool %s returned:", c->name);
    tell_message(s, c,
                 json_pack("{s:s, s:s, s:[{s:s, s:o}, {s:s, s:o}]}", "type", "message", "role",
                           "user", "content", "type", "input_text", "text",
                           json_from_view(buf_view(&text)), "type", "input_image", "image_url",
                           json_from_view(image)));
    buf_done(&text);
}

static void tell_output(struct session *s, const struct call *c, struct parley_view output)
{
    char item_id[ID_SIZE];
    struct item *call = items_find(&s->items, view_of(c->item_id));
    const struct pending *p = pending_add(&s->pending, PENDING_TOOL_OUTPUT, VIEW(""), NULL);

    id_make(item_id, "item_");
    struct item *i = items_add(&s->items, view_of(item_id), VIEW(""), call);
    _cleanup_json_ json_t *body =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", item_id, "type", "function_call_output",
                  "status", "completed", "call_id", c->call_id, "output", json_from_view(output));
    if (i != NULL)
        i->hidden = call == NULL ? settings_hides_calls(s) : call->hidden;
    if (i != NULL && body != NULL)
        keep(s, i, body);
    rt_encode_function_output(&s->out, view_of(p->id), view_of(item_id),
                              names_call_of_client(s, view_of(c->call_id)), output);
    tell_out(s);
}

/* The text, and what became of the image in words when it is not shown. */
static void write_output(struct session *s, struct parley_view output, struct parley_view image,
                         struct buf *text)
{
    buf_append_view(text, output);
    if (image.len > 0 && image_refusal(s, image) != NULL)
        buf_printf(text, "\n[the tool also returned an image, %s]", image_refusal(s, image));
}

void result_tell(struct session *s, const struct call *c, struct parley_view output,
                 struct parley_view image)
{
    struct buf text = {0};

    write_output(s, output, image, &text);
    tell_output(s, c, text.failed ? output : buf_view(&text));
    buf_done(&text);
    if (image.len > 0 && image_refusal(s, image) == NULL)
        tell_image(s, c, image);
}

void result_tell_late(struct session *s, const struct call *c, const struct tools_result *result)
{
    struct buf text = {0};

    buf_printf(&text, "The call of the tool %s that went on in the background (%s) has %s. ",
               c->name, c->call_id, result->status == PARLEY_OK ? "finished" : "failed");
    buf_append_str(&text, "Tell the user what came of it. Its result: ");
    write_output(s, result->output, result->image, &text);
    tell_message(s, c,
                 json_pack("{s:s, s:s, s:[{s:s, s:o}]}", "type", "message", "role", "system",
                           "content", "type", "input_text", "text",
                           json_from_view(buf_view(&text))));
    buf_done(&text);
    if (result->image.len > 0 && image_refusal(s, result->image) == NULL)
        tell_image(s, c, result->image);
}
