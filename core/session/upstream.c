/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the model sends: relayed, with the session's own view of it kept up to date. Nothing it says
 * is believed further than it can be checked: a response is known by its response.created, ends
 * once, and nothing of it comes after its end.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"
#include "telemetry/names.h"

/* ---- names ---- */

/* The id that the client knows; it may lie in `room`. */
static struct parley_view client_name(const struct session *s, struct parley_view model_id,
                                      char room[NAMES_ROOM])
{
    const struct item *i = items_find_model(&s->items, model_id);

    return i == NULL ? names_for_client(s, model_id, room) : view_of(i->id);
}

/* The last item before one that the model puts behind this (NULL: first of all): what the model was
 * not told of keeps its place. next: that one, when it is there. */
static struct item *last_before(const struct session *s, struct item *i, const struct item *next)
{
    struct list *at = i == NULL ? s->items.all.next : i->entry.next;

    for (; at != &s->items.all; at = at->next) {
        struct item *unknown = list_entry(at, struct item, entry);
        if (unknown == next || !(unknown->is_left_out || unknown->is_ghost))
            break;
        if (!unknown->is_ghost)
            i = unknown;
    }
    return i;
}

/* previous_item_id as the client may see it: the nearest item that is not hidden. NULL data: none.
 */
static struct parley_view visible_before(const struct session *s, struct parley_view model_id,
                                         const struct item *next, char room[NAMES_ROOM])
{
    struct item *i = items_find_model(&s->items, model_id);

    if (i == NULL && model_id.len > 0)
        return names_for_client(s, model_id, room);
    i = last_before(s, i, next);
    i = i == NULL ? NULL : items_visible(&s->items, i);
    return i == NULL ? (struct parley_view){0} : view_of(i->id);
}

/* Relay as bytes, with the client's names in place of the model's where they differ. */
static void relay(struct session *s, struct parley_view event, const struct rt_peek *peek,
                  unsigned flags)
{
    char rooms[4][NAMES_ROOM];
    const struct rt_edit edits[] = {
        {peek->item_id, client_name(s, peek->item_id, rooms[0])},
        {peek->previous_item_id, peek->previous_item_id.data == NULL
                                     ? (struct parley_view){0}
                                     : visible_before(s, peek->previous_item_id, NULL, rooms[1])},
        {peek->response_id, names_for_client(s, peek->response_id, rooms[2])},
        {peek->event_id, names_for_client(s, peek->event_id, rooms[3])},
        {peek->call_id, names_call_of_model(s, peek->call_id, false)},
    };
    bool differs = false;

    for (size_t n = 0; n < ARRAY_LEN(edits); n++)
        differs = differs || !view_equal(edits[n].old, edits[n].text);
    if (!differs) {
        say_view(s, event, flags);
        return;
    }
    rt_splice(&s->out, event, edits, ARRAY_LEN(edits));
    say_out_as(s, flags & ~SESSION_SEND_ROOM);
}

/* Is it of an item that the client must not see? r: its response, or NULL. Nothing is looked up
 * before anything was hidden, but for calls, which are hidden until their item says otherwise. */
static bool is_hidden(const struct session *s, const struct response *r, const struct rt_peek *peek)
{
    bool is_call =
        peek->event == RT_FUNCTION_ARGUMENTS_DELTA || peek->event == RT_FUNCTION_ARGUMENTS_DONE;

    if ((!s->has_hidden && !is_call) || (r != NULL && !r->in_band))
        return false;
    const struct item *i = items_find_model(&s->items, peek->item_id);
    return i != NULL ? i->hidden : is_call && settings_hides_calls(s);
}

/* ---- deltas: bytes only ---- */

static void delta(struct session *s, struct parley_view event, uint32_t flags,
                  const struct rt_peek *peek)
{
    struct response *r = response_find(s, peek->response_id);

    if (r == NULL) {
        s->counts.stale_events++;
        return;
    }
    if (is_hidden(s, r, peek))
        return;
    response_show(s, r);
    bool is_audio = peek->event == RT_OUTPUT_AUDIO_DELTA;
    if (is_audio) {
        s->has_spoken = true;
        s->counts.output_bytes += peek->payload_bytes;
        s->counts.output_event_bytes += event.len;
        playback_produce(&s->playback, peek->item_id, peek->payload_bytes, session_bytes_per_ms(s),
                         clock_now_us());
        tape_model_audio(s, peek);
    }
    turn_output(s, r, is_audio);
    if (!is_audio && r->in_band)
        cut_note_delta(s, peek);
    unsigned how = (is_audio ? SESSION_SEND_DROPPABLE : 0) |
                   ((flags & PARLEY_EVENT_ROOM) != 0 ? SESSION_SEND_ROOM : 0);
    if (s->tag_len == 0)
        say_view(s, event, how);
    else
        relay(s, event, peek, how);
}

/* ---- items ---- */

/* An item that the model shows under a name of its own, though it was told another. */
static struct item *under_another_name(struct session *s, struct parley_view id, const json_t *body)
{
    struct item *i = s->sequencer.active == NULL ? items_awaited(&s->items, body) : NULL;

    return i != NULL && items_rename(&s->items, i, id) ? i : NULL;
}

static struct item *add_item(struct session *s, const json_t *event, struct parley_view id)
{
    const json_t *previous = json_object_get(event, "previous_item_id");
    char room[NAMES_ROOM];
    struct parley_view name = names_for_client(s, id, room);

    session_trim_items(s, 1);
    struct item *after = items_find_model(&s->items, json_view(previous));
    if (after != NULL)
        after = last_before(s, after, NULL);
    if (json_is_null(previous) && s->items.count == 0)
        return items_add_first(&s->items, name, id);
    return items_add(&s->items, name, id, after);
}

/*
 * Note an item that the model shows, and put its body in the client's words: its ids, and the
 * transcript member that clients die without. NULL when it has no id or there is no memory.
 */
static struct item *note_item(struct session *s, const json_t *event, json_t *body)
{
    struct parley_view id = json_get_view(body, "id");
    struct item *i = items_find_model(&s->items, id);
    size_t n;
    json_t *part;

    if (i == NULL && id.len > 0)
        i = under_another_name(s, id, body);
    bool is_new = i == NULL;
    if (is_new && id.len > 0)
        i = add_item(s, event, id);
    names_of_item(s, i, body, is_new);
    json_array_foreach(json_object_get(body, "content"), n, part)
    {
        struct parley_view type = json_get_view(part, "type");
        if ((view_is(type, "input_audio") || view_is(type, "output_audio")) &&
            json_object_get(part, "transcript") == NULL)
            json_object_set_new(part, "transcript", json_null());
    }
    if (i != NULL && settings_hides(s, body))
        i->hidden = s->has_hidden = true;
    return i;
}

static void say_item(struct session *s, json_t *tree, const struct item *i,
                     const struct rt_peek *peek)
{
    char room[NAMES_ROOM];

    names_stamp(s, tree);
    if (json_object_get(tree, "previous_item_id") != NULL) {
        struct parley_view previous = visible_before(s, peek->previous_item_id, i, room);
        json_object_set_new(tree, "previous_item_id",
                            previous.data == NULL ? json_null() : json_from_view(previous));
    }
    json_write(&s->out, tree);
    say_out(s);
}

/* Has the client been shown this already, by a model before this one? */
static bool was_shown(const struct item *i, const struct rt_peek *peek)
{
    return i->is_replayed && ((peek->event == RT_ITEM_ADDED && i->is_added) ||
                              (peek->event == RT_ITEM_DONE && i->final));
}

/* An item of an earlier model, or of a client, which that model had not shown: the client is told
 * what parley has of it, as the present one was told it as text, and what a model adds to it. */
static void show_replayed(struct session *s, struct item *i, json_t *tree)
{
    const char *const added[] = {"object", "status"};
    const json_t *body = json_object_get(tree, "item");

    for (size_t n = 0; n < ARRAY_LEN(added); n++) {
        json_t *value = json_object_get(body, added[n]);
        if (value != NULL && json_object_get(i->json, added[n]) == NULL)
            json_object_set(i->json, added[n], value);
    }
    items_set_json(&s->items, i, i->json); /* for its size */
    json_object_set(tree, "item", i->json);
}

/* The model decides where an item is that it shows first: not who asked for it, nor which response
 * it is of. */
static void put_in_place(struct session *s, struct item *i, const json_t *tree)
{
    struct item *after = items_find_model(&s->items, json_get_view(tree, "previous_item_id"));

    if (after != NULL && after != i)
        items_move(i, last_before(s, after, i));
}

/* conversation.item.added, .done, .retrieved */
static void item_event(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    _cleanup_json_ json_t *tree = json_parse(event, NULL);
    json_t *body = json_object_get(tree, "item");

    if (!json_is_object(body))
        return;
    struct item *i = note_item(s, tree, body);
    if (i != NULL)
        items_arrived(&s->items, i);
    if (i != NULL && was_shown(i, peek))
        return;
    if (i != NULL && peek->event == RT_ITEM_ADDED && !i->is_replayed && !i->is_added)
        put_in_place(s, i, tree);
    if (i != NULL && i->is_replayed && i->json != NULL)
        show_replayed(s, i, tree);
    else if (i != NULL && peek->event != RT_ITEM_RETRIEVED)
        items_set_json(&s->items, i, body);
    if (i != NULL && peek->event == RT_ITEM_ADDED)
        i->is_added = true;
    if (i != NULL && peek->event == RT_ITEM_DONE) {
        i->final = true;
        journal_item(s, i);
    }
    if (i == NULL || !i->hidden)
        say_item(s, tree, i, peek);
    session_trim_items(s, 0);
}

static void item_deleted(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    struct item *i = items_find_model(&s->items, peek->item_id);

    if (i == NULL && !session_has_trimmed(s)) {
        s->counts.stale_events++; /* the client never heard of it */
        return;
    }
    struct playback_item *p = playback_find(&s->playback, peek->item_id);
    bool leaves_ghost = p != NULL && p->truncated_ms == 0;
    if (i != NULL && !leaves_ghost)
        journal_deleted(s, view_of(i->id));
    if (i == NULL || !i->hidden)
        relay(s, event, peek, 0);
    if (i != NULL && leaves_ghost)
        i->is_ghost = true; /* clients ask for it once more, to see what is left of it */
    else if (i != NULL)
        items_remove(&s->items, i);
}

/* The answer to a truncation: whose it was does not matter, the client is told the same. */
static void item_truncated(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    struct pending *p = pending_oldest(&s->pending, PENDING_TRUNCATE);

    pending_remove(p);
    relay(s, event, peek, 0);
}

/* ---- output of a response ---- */

static void output_item(struct session *s, struct parley_view event, const struct rt_peek *peek,
                        struct response *r)
{
    _cleanup_json_ json_t *tree = json_parse(event, NULL);
    json_t *body = json_object_get(tree, "item");
    bool is_call = view_is(json_get_view(body, "type"), "function_call");
    bool is_server_call = is_call && r->in_band && settings_answers(s, json_get_view(body, "name"));

    if (!json_is_object(body))
        return;
    bool is_done = peek->event == RT_OUTPUT_ITEM_DONE;
    struct item *i = r->in_band ? note_item(s, tree, body) : NULL;
    if (!r->in_band)
        names_of_item(s, NULL, body, true);
    if (i != NULL)
        cut_note_output(s, r, i, body, peek->output_index, is_done);
    if (i != NULL && is_call && !i->is_counted) { /* some models leave out one of the two events */
        i->is_counted = true;
        r->client_calls += !is_server_call;
    }
    if (i == NULL || !i->hidden) {
        response_show(s, r);
        names_stamp(s, tree);
        json_write(&s->out, tree);
        say_out(s);
    }
    if (is_server_call && is_done && !r->cancelled &&
        view_is(json_get_view(body, "status"), "completed"))
        tools_start(s, r, body, json_get_int(tree, "output_index", 0));
}

static void output_event(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    struct response *r = response_find(s, peek->response_id);

    if (r == NULL && peek->response_id.data != NULL) {
        s->counts.stale_events++;
        return;
    }
    if (peek->event == RT_OUTPUT_ITEM_ADDED || peek->event == RT_OUTPUT_ITEM_DONE) {
        if (r != NULL)
            output_item(s, event, peek, r);
        return;
    }
    if (is_hidden(s, r, peek))
        return;
    if (r != NULL)
        response_show(s, r);
    relay(s, event, peek, 0);
}

/* ---- the user's turn ---- */

static void turn_event(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    hearing_note(s, peek->event);
    if (peek->event == RT_SPEECH_STARTED) {
        turn_speech_started(s);
        quiet_speech_started(s);
        if (s->view.interrupt_response)
            interruption_begin(s);
        response_interrupted(s);
    } else if (peek->event == RT_SPEECH_STOPPED) {
        turn_speech_ended(s);
        quiet_speech_stopped(s, true);
    } else if (peek->event == RT_INPUT_AUDIO_COMMITTED) {
        tools_new_input(s);
        if (s->view.turns == RT_TURNS_NONE)
            turn_speech_ended(s);
    } else if (peek->event == RT_INPUT_AUDIO_CLEARED) {
        quiet_speech_stopped(s, false);
    }
    relay(s, event, peek, 0);
}

/* What the user said is part of the item from now on. */
static void keep_transcript(struct session *s, struct item *i, json_t *transcript,
                            int64_t content_index)
{
    json_t *part = json_array_get(json_object_get(i->json, "content"),
                                  content_index < 0 ? 0 : (size_t)content_index);

    if (!json_is_string(transcript) || !view_is(json_get_view(part, "type"), "input_audio"))
        return;
    json_object_set(part, "transcript", transcript);
    items_set_json(&s->items, i, i->json); /* for its size */
}

/* Is there anything of a response behind it? */
static bool is_answered(const struct session *s, const struct item *i)
{
    for (const struct list *at = i->entry.next; at != &s->items.all; at = at->next) {
        if (list_entry(at, const struct item, entry)->response != 0)
            return true;
    }
    return false;
}

static void transcription(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    hearing_note(s, peek->event);
    if (peek->event == RT_INPUT_TRANSCRIPTION_COMPLETED) {
        _cleanup_json_ json_t *tree = json_parse(event, NULL);
        struct item *i = items_find_model(&s->items, peek->item_id);
        char room[NAMES_ROOM];
        struct parley_view id = client_name(s, peek->item_id, room);
        journal_transcript(s, id, json_get_view(tree, "transcript"));
        turn_transcript(s, json_get_view(tree, "transcript"), i != NULL && is_answered(s, i));
        if (i != NULL)
            keep_transcript(s, i, json_object_get(tree, "transcript"), peek->content_index);
    }
    relay(s, event, peek, 0);
}

/* ---- errors ---- */

static void forward_error(struct session *s, json_t *tree, const struct pending *p)
{
    json_t *error = json_object_get(tree, "error");

    if (p != NULL && p->client_event_id != NULL) {
        struct buf quoted = {0};
        buf_printf(&quoted, "\"%s\"", p->client_event_id);
        json_t *id = json_parse(buf_view(&quoted), NULL);
        json_object_set_new(error, "event_id", id == NULL ? json_null() : id);
        buf_done(&quoted);
    } else if (p != NULL) {
        json_object_set_new(error, "event_id", json_null());
    }
    names_stamp(s, tree);
    json_write(&s->out, tree);
    say_out(s);
}

static void agent_refused(struct session *s, const json_t *error)
{
    log_event(LOG_LEVEL_ERROR, NAME_EVENT_EXCEPTION,
              "the model refused the agent's settings session=%s agent=%s code=%s message=\"%s\"",
              s->id, s->agent->name, json_get_str(error, "code", ""),
              json_get_str(error, "message", ""));
    session_end(s, 4000, "agent_refused_by_model",
                "The model refused the agent's settings; the server's log says which.");
}

/* An item that the model did not take. */
static void forget_item(struct session *s, struct parley_view model_id)
{
    struct item *i = items_find_model(&s->items, model_id);

    if (i != NULL && i->is_awaited && !i->is_replayed)
        items_remove(&s->items, i);
}

/* The same, of an event that kept the id that the client gave it. */
static void forget_item_asked_by(struct session *s, struct parley_view raw_event_id)
{
    struct list *at;

    if (raw_event_id.len == 0 || s->items.awaited == 0)
        return;
    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (i->is_awaited && i->asked_by != NULL && view_is(raw_event_id, i->asked_by)) {
            items_remove(&s->items, i);
            return;
        }
    }
}

/* An error about one of parley's own events: the client has not asked and is not told. */
static void own_error(struct session *s, const struct pending *p, json_t *tree)
{
    const json_t *error = json_object_get(tree, "error");

    switch (p->kind) {
    case PENDING_AGENT_UPDATE:
        agent_refused(s, error);
        break;
    case PENDING_CLIENT_UPDATE:
        settings_refused(s, p);
        forward_error(s, tree, p);
        break;
    case PENDING_CLIENT_ITEM:
        forget_item(s, json_view(p->tree));
        forward_error(s, tree, p);
        break;
    case PENDING_CLIENT_EVENT:
    case PENDING_CLIENT_ASIDE:
        forward_error(s, tree, p);
        break;
    case PENDING_CLIENT_CREATE:
        forward_error(s, tree, p);
        response_refused(s, p, error);
        break;
    case PENDING_RESPONSE:
        response_refused(s, p, error);
        break;
    default: /* a truncation or cancel that came too late, an item that is gone: ordinary races */
        log_warn("the model refused an event of parley session=%s code=%s message=\"%s\"", s->id,
                 json_get_str(error, "code", ""), json_get_str(error, "message", ""));
    }
}

/* The event that an error is about. Some models do not name it: a second response can only be the
 * one that was asked for last. */
static struct pending *at_fault(struct session *s, const json_t *error)
{
    struct parley_view event_id = json_get_view(error, "event_id");

    if (event_id.len > 0 || !s->sequencer.start.is_running ||
        !view_is(json_get_view(error, "code"), "conversation_already_has_active_response"))
        return pending_find(&s->pending, event_id);
    return pending_numbered(&s->pending, s->sequencer.start.asked);
}

/* The model's session is over and it closes: what that means for the client, the close tells. */
static bool is_last_word(const json_t *error)
{
    return view_is(json_get_view(error, "code"), "session_expired");
}

static void error_event(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    _cleanup_json_ json_t *tree = json_parse(event, NULL);
    json_t *error = json_object_get(tree, "error");
    struct pending *p = at_fault(s, error);

    if (!json_is_object(error))
        return;
    measure_model_error(s, json_get_str(error, "code", json_get_str(error, "type", "")));
    if (replay_refused(s, error) || is_last_word(error))
        return;
    if (p != NULL) {
        struct pending own = TAKE(*p); /* what is sent on may need its place */
        own_error(s, &own, tree);
        pending_remove(&own);
        response_next(s);
    } else if (pending_is_ours(&s->pending, json_get_view(error, "event_id"))) {
        forward_error(s, tree, &(const struct pending){0}); /* of so many that it was forgotten */
    } else {
        forget_item_asked_by(s, json_get_view(error, "event_id"));
        relay(s, event, peek, 0);
    }
}

/* ---- the ways in ---- */

static void session_event(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    if (peek->event == RT_SESSION_UPDATED)
        settings_model_updated(s, event);
    else
        s->counts.stale_events++; /* a second session.created */
}

static void cold_event(struct session *s, struct parley_view event, const struct rt_peek *peek)
{
    switch (rt_event_info(peek->event)->action) {
    case RT_DO_SESSION:
        session_event(s, event, peek);
        break;
    case RT_DO_ERROR:
        error_event(s, event, peek);
        break;
    case RT_DO_ITEM:
        if (peek->event == RT_ITEM_DELETED)
            item_deleted(s, event, peek);
        else if (peek->event == RT_ITEM_TRUNCATED)
            item_truncated(s, event, peek);
        else
            item_event(s, event, peek);
        break;
    case RT_DO_RESPONSE:
        if (peek->event == RT_RESPONSE_CREATED)
            response_created(s, event);
        else
            response_done(s, event);
        break;
    case RT_DO_OUTPUT:
        output_event(s, event, peek);
        break;
    case RT_DO_TURN:
        turn_event(s, event, peek);
        break;
    case RT_DO_TRANSCRIPTION:
        transcription(s, event, peek);
        break;
    default:
        if (peek->event == RT_UNKNOWN)
            output_event(s, event, peek); /* it may be of a response, and is held to the same */
        /* Limits that follow a response the client has not heard of tell it nothing. */
        else if (peek->event != RT_RATE_LIMITS_UPDATED || s->sequencer.unshown == NULL)
            relay(s, event, peek, 0);
    }
}

static void answers_event(struct session *s, struct parley_view event, uint32_t flags)
{
    struct rt_peek peek;

    if (s->phase != SESSION_OPEN)
        return;
    if (s->counts.model_events % MEASURE_EACH == 0)
        measure_publish(s); /* before this one, whose kind is not known yet */
    s->counts.model_events++;
    if (rt_peek(event, &peek) < 0) {
        if (s->counts.stale_events++ == 0)
            log_warn("the model sent what is no event; it is left out session=%s bytes=%zu", s->id,
                     event.len);
        return;
    }
    if (peek.event == RT_UNKNOWN)
        s->counts.unknown_events++;
    else if (rt_event_info(peek.event)->direction == RT_CLIENT) {
        s->counts.stale_events++;
        return;
    }
    if (summary_takes(s, event, &peek))
        return;
    if (rt_event_info(peek.event)->action == RT_DO_DELTA) {
        s->counts.model_hot++;
        delta(s, event, flags, &peek);
    } else {
        cold_event(s, event, &peek);
        move_check(s);
    }
}

/* Is it the model that answers, or one that may take over? */
static bool answers(const struct side *side)
{
    return side == &side->session->sides[side->session->side];
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    struct side *side = ctx;

    if (answers(side))
        answers_event(side->session, event, flags);
    else
        move_event(side->session, event);
}

static void on_writable(void *ctx)
{
    struct side *side = ctx;

    if (answers(side))
        tell_flush(side->session);
    else
        move_writable(side->session);
}

static void on_open(void *ctx, struct parley_view session_created)
{
    struct side *side = ctx;

    if (answers(side))
        session_model_ready(side->session, session_created);
    else
        move_opened(side->session, session_created);
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    struct side *side = ctx;

    if (answers(side))
        session_model_gone(side->session, closed);
    else
        move_closed(side->session, closed);
}

const struct model_events upstream_events = {
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};
