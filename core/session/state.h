/* SPDX-License-Identifier: Apache-2.0 */
/* What a session holds, for the files of this folder only; session.h is what others use. */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include "agent/worker_generation.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/list.h"
#include "base/loop.h"
#include "host/model.h"
#include "host/tools.h"
#include "realtime/decode.h"
#include "realtime/encode.h"
#include "realtime/splice.h"
#include "session/calls.h"
#include "session/cost.h"
#include "session/items.h"
#include "session/journal.h"
#include "session/measure.h"
#include "session/pending.h"
#include "session/playback.h"
#include "session/session.h"
#include "session/spans.h"
#include "session/tape.h"
#include "session/tape_spool.h"
#include "session/timing.h"
#include "session/trace.h"
#include "session/worker_env.h"

#define SESSION_USER_SIZE 129
/* Of events that wait for the model: before it is ready, at which the client is not read any more;
 * and at which the session ends, there and while the model is busy. One event may go beyond. */
#define SESSION_EARLY_BYTES    (2u << 20)
#define SESSION_HELD_BYTES     (4u << 20)
#define SESSION_OUT_OF_BAND    16    /* responses beside the conversation at once */
#define SESSION_RESPONSES      64    /* that a model may have begun and not ended */
#define SESSION_START_LIMIT_MS 30000 /* from response.create to response.created */
#define SESSION_MAX_CALLS      10000 /* tool calls of one session */
#define SESSION_APPEND_BYTES   (15u << 20)

enum session_phase {
    SESSION_CONNECTING, /* the model is not ready: client events wait */
    SESSION_OPEN,
    SESSION_ENDED, /* the client was told; waiting for the model and the store */
};

/* Who wanted a response. */
enum response_by {
    RESPONSE_BY_MODEL, /* turn detection */
    RESPONSE_BY_CLIENT,
    RESPONSE_BY_TOOLS,    /* results of server tools */
    RESPONSE_BY_GREETING, /* the agent speaks first */
    RESPONSE_BY_FILLER,   /* while a tool takes long; the turn's answer is still to come */
};

/* A response that the model has announced and not ended. */
struct response {
    struct list entry;
    char *id;
    unsigned number; /* from 1 */
    enum response_by by;
    bool in_band;
    bool shown;      /* the client knows it */
    bool cancelled;  /* the client, or speech, asked for its end */
    json_t *object;  /* of response.created, while it is not shown */
    json_t *request; /* `response` of the response.create, or NULL */
    uint32_t asked;  /* number of that event among the pending ones; 0: turn detection began it */
    size_t server_calls; /* whose results ask for an answer */
    size_t client_calls;
    size_t asked_approvals; /* of the server calls: those that wait for a person */
    json_t *approvals;      /* the items of these, shown in its output; NULL: none */
    uint64_t created_us;
    uint64_t first_output_us;
    unsigned turn; /* its number; 0 out of band */
    struct child_span trace;
};

/* A response.create that was sent and not answered yet. */
struct response_start {
    bool is_running;
    enum response_by by;
    uint32_t asked; /* its number among the pending ones */
    json_t *request;
    char *client_event_id; /* raw; NULL: none */
    struct loop_timer limit;
};

/* A client's response.create that waits its turn. */
struct response_wish {
    bool is_waiting;
    json_t *request;       /* `response` as it may be asked for, or NULL */
    char *client_event_id; /* raw; NULL: none */
};

/* What was asked of a model that was lost. */
struct response_again {
    bool is_waiting;
    enum response_by by;
    json_t *request;
    char *client_event_id; /* raw; NULL: none */
};

/* The one place that starts and ends responses. */
struct sequencer {
    struct list responses; /* struct response, in band and out of band */
    unsigned begun;        /* so many so far */
    size_t count;
    size_t out_of_band;
    struct response *active; /* in band, or NULL */
    struct response_start start;
    struct response_wish wish;
    struct response_again again;
    bool wants_answer;      /* results of server tools wait for a response */
    json_t *answer_request; /* the request whose calls they were, or NULL */
    unsigned refusals;      /* of that response, one after another */
    /* A response that held nothing but server calls: the client has not heard of it, and is shown
     * the one that follows instead. */
    json_t *unshown;
    enum response_by unshown_by;
    bool has_filled; /* the client was shown a filler meanwhile: it may take that for the answer */
    struct rt_usage unshown_usage; /* paid, and not told yet */
    bool has_unshown_usage;
};

/* A server tool that this session's agent may call. */
struct session_tool {
    char *name;
    struct worker_instance *wi;
};

/* A model's side of the session: what its events come in with. */
struct side {
    struct session *session;
};

/* What a model has heard and not made known yet. */
struct hearing {
    uint64_t transcript_due_us; /* the words of the user may come until then; 0: none are due */
    uint64_t uncommitted_bytes; /* of audio, where the client commits */
    bool is_commit_asked;       /* ... has, and was not told yet */
};

enum move_stage {
    MOVE_NONE,
    MOVE_RESTING,  /* nothing could be opened: waits before it tries again */
    MOVE_OPENING,  /* a model connects */
    MOVE_CHECKING, /* it has been told the settings and not agreed yet */
    MOVE_READY,    /* it waits for a quiet moment of the one before */
};

/* A model that may take over, see move.c. */
struct move {
    enum move_stage stage;
    const char *reason;          /* MOVE_ERROR ... */
    struct model_session *model; /* while OPENING and behind */
    size_t place;
    struct parley_model_caps caps;
    char title[64];
    const char *provider;
    const char *model_name;
    char answering_model[64];
    char model_session_id[64];
    int64_t expires_unix; /* as session.created said; 0: it did not */
    char update_id[PENDING_ID_CHARS + 1];
    bool is_update_told;
    size_t asked_place; /* by hand; SIZE_MAX: the list decides */
    uint64_t began_us;
    uint64_t opened_us;   /* this attempt */
    uint64_t deadline_us; /* it goes anyway then, or gives up */
    unsigned rounds;      /* in which every model failed */
    unsigned losses;      /* of models, each soon after the one before */
    uint64_t taken_over_us;
    struct loop_timer step;
    struct loop_timer rotation;                 /* the model's session comes to its limit */
    uint64_t limit_us;                          /* ... there */
    struct rt_error failure;                    /* the last one */
    int failure_code;                           /* ... and the close code that goes with it */
    void (*done)(void *ctx, const char *fault); /* of who asked by hand */
    void *done_ctx;
};

enum summary_state {
    SUMMARY_NONE,
    SUMMARY_ASKED, /* a move waits for it */
    SUMMARY_LEFT,  /* nobody waits any more; the model may still answer */
};

/* What the next model is told of the part that it is not told itself, see summary.c. */
struct summary {
    enum summary_state state;
    char event_id[PENDING_ID_CHARS + 1];
    char response_id[128];
    struct loop_timer limit;
    struct buf words;          /* as they came, for the next model */
    char item_id[ID_SIZE + 8]; /* of the last summary that was told; "" for none */
};

/* What has come of an item's text so far, as it stands in the deltas: it is not kept elsewhere. */
struct partial {
    char item_id[PLAYBACK_ID_CHARS + 1]; /* the model's; "" for none */
    bool is_text;                        /* else a transcript */
    struct buf raw;                      /* JSON without its quotes */
};

struct queued_event {
    struct list entry;
    size_t len;
    char bytes[]; /* PARLEY_EVENT_ROOM_BYTES of room, then the event */
};

struct event_queue {
    struct list events;
    size_t bytes;
};

/* A client that may lose its connection and come back. */
struct resume {
    bool is_on; /* it asked for that, and the agent allows it */
    bool is_away;
    char token[33];
    char token_hash[65]; /* SHA-256 in hex: what the store has of it */
    json_t *calls;       /* what the store knows of them, by id, until the tools are known */
    bool is_rebuilt;     /* from the store: the model and the client are told all of it */
    struct loop_timer lease;
    struct event_queue sent; /* the last events that it was told, without a hole */
    size_t kept;             /* so many */
    uint64_t told;           /* in all */
    uint64_t told_at_loss;
    struct loop_timer expiry;
    struct loop_timer suspend;
    struct session_keeper keeper;
};

/* What the client is told when the store has it, see promise.c. */
struct promise {
    struct list waiting; /* struct promised */
    size_t bytes;
    struct loop_timer limit;
    bool is_late; /* the store took too long: nothing waits until it has caught up */
};

struct awaited_list;

/* Lists of tools that are waited for while the model connects. */
struct tool_wait {
    struct awaited_list *lists;
    size_t count;
    size_t missing;
    struct loop_timer limit;
    bool is_held;       /* the model is ready meanwhile */
    struct buf created; /* its session.created */
};

struct session {
    struct list entry; /* of the worker's table */
    struct worker_sessions *table;
    struct worker_generation *wg;
    const struct worker_env *env;
    const struct agent *agent;
    char id[ID_SIZE + 8];
    char user[SESSION_USER_SIZE];
    char traceparent[64];
    char *tracestate; /* owned, or NULL */
    uint64_t opened_us;
    uint64_t connecting_us; /* the last attempt to open its first model began */

    const struct session_client *client; /* NULL: gone */
    void *client_ctx;
    bool client_paused;
    bool wants_trace;

    enum session_phase phase;
    struct model_session *model; /* NULL while OPEN: another one is looked for */
    struct side sides[2];        /* of the model that answers, and of one that may take over */
    unsigned side;               /* of the one that answers */
    unsigned model_number;       /* 0: the first */
    char tag[24];                /* behind the names that it gives; "" for the first */
    size_t tag_len;
    struct hearing hearing;
    struct event_queue unheard; /* audio of the user's turn, for a model in place of a lost one */
    struct partial partial;
    struct move move;
    struct summary summary;
    struct resume resume;
    struct promise promise;
    struct parley_model_caps caps;
    size_t model_place;    /* in the agent's list of models */
    uint64_t tried_models; /* places of that list that failed, while one is looked for */
    struct event_queue early;
    struct event_queue held;
    struct loop_timer drain;
    struct loop_timer release;
    struct loop_timer connect; /* the next model is tried */
    struct ending {            /* what session_end_soon() was told */
        struct loop_timer timer;
        int close_code;
        const char *code;
        const char *message;
    } ending;
    char model_title[64];
    const char *provider;     /* for telemetry: "openai" */
    const char *model_name;   /* ... and "gpt-realtime" */
    char answering_model[64]; /* what the model calls itself */
    char model_session_id[64];
    bool is_draining;

    json_t *settings;     /* the effective session; tools are the client's own */
    json_t *server_tools; /* array of function tools */
    struct session_tool *tools;
    size_t tool_count;
    struct tool_wait tool_wait;
    struct token *tokens;        /* of the client's own, see tokens.c */
    struct rt_session_view view; /* of settings; renewed with them */
    bool has_spoken;

    struct pending_list pending;
    struct items items;
    bool has_hidden;            /* one of the items was or is hidden */
    struct map calls_by_client; /* long call_ids of the client -> the model's, both ways */
    struct map calls_by_model;
    struct playback playback;
    struct interruption {
        struct loop_timer wait;
        char item_id[PLAYBACK_ID_CHARS + 1];
        int64_t heard_ms;
    } interruption;

    struct sequencer sequencer;
    struct list calls;       /* struct call, of all that have not ended */
    size_t calls_running;    /* that the turn's answer waits for */
    size_t tool_round;       /* of this turn */
    struct map ran;          /* call ids that were started: none runs twice */
    struct map client_tools; /* names that the client has declared so far; none is ever forgotten */
    struct tooling tooling;
    struct quiet quiet;
    struct farewell farewell;

    struct journal journal;
    struct taping taping;
    struct turn turn;
    uint64_t speech_us;    /* the user began to speak, for the next turn */
    bool has_tool_output;  /* the client has answered a call since the last response */
    struct buf user_said;  /* typed, for the next turn; only when content is captured */
    bool said_too_much;    /* told in the log, once */
    struct rt_usage usage; /* of the session so far */
    struct cost cost;      /* likewise */
    struct session_spans spans;
    struct measure measure;
    struct session_counts {
        uint64_t client_events;
        uint64_t client_hot;
        uint64_t client_unknown;
        uint64_t model_events;
        uint64_t model_hot;
        uint64_t unknown_events; /* of both */
        uint64_t stale_events;   /* of responses that had ended or never began */
        uint64_t input_bytes;
        uint64_t output_bytes;
        uint64_t output_event_bytes; /* with all that is around them */
        uint64_t items_trimmed;
    } counts;
    struct buf out; /* scratch for one event */
};

/* ---- tokens.c: the client's own tokens for tools ---- */

/* Take them out of an update. False after an error was said. *ret_tokens is for tokens_keep(), NULL
 * for none; then *ret_rest is NULL, too, and the update is as it was. */
bool tokens_split(struct session *s, const json_t *update, struct parley_view event_id,
                  json_t **ret_rest, json_t **ret_tokens);
void tokens_keep(struct session *s, const json_t *tokens);
/* For this section of tools, or NULL. */
const char *tokens_find(const struct session *s, const char *label);
void tokens_done(struct session *s);

/* ---- say.c: towards client and model ---- */

void say_view(struct session *s, struct parley_view event, unsigned flags);
/* ... without waiting for the store. */
void say_now(struct session *s, struct parley_view event, unsigned flags);
/* Send what s->out holds to the client, and clear it; flags as say_view(). */
void say_out(struct session *s);
void say_out_as(struct session *s, unsigned flags);
void say_error(struct session *s, const struct rt_error *error, struct parley_view raw_event_id);
void say_fault(struct session *s, enum rt_error_kind kind, const char *param,
               struct parley_view raw_event_id, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* To the model; a busy one gets it later, in order, and the client is not read meanwhile. */
void tell_view(struct session *s, struct parley_view event, uint32_t flags);
void tell_out(struct session *s);
void tell_flush(struct session *s);
/* Stop or go on reading from the client. */
void pause_client(struct session *s, bool paused);
/* False when `limit` bytes wait already, or without memory. */
bool queue_add(struct event_queue *q, struct parley_view event, size_t limit);
void queue_clear(struct event_queue *q);

/* ---- settings.c ---- */

int settings_init(struct session *s, const json_t *preset, struct parley_error *err);
void settings_done(struct session *s);
/* The agent's tools as they are now; again only before the session is open. */
int settings_collect_tools(struct session *s);
/* The session object as the model gets it; the caller owns it. */
json_t *settings_for_model(const struct session *s);
/* The same as the client sees it. */
json_t *settings_for_client(const struct session *s);
void settings_client_update(struct session *s, const json_t *update,
                            struct parley_view raw_event_id);
void settings_model_updated(struct session *s, struct parley_view event);
/* The model refused a client's update: back to what was, with the updates that came after it. */
void settings_refused(struct session *s, const struct pending *p);
const struct session_tool *settings_tool(const struct session *s, struct parley_view name);
/* The client declares these functions, for the session or for one response. */
void settings_note_client_tools(struct session *s, const json_t *tools);
/* Is a call of this function parley's to answer: the agent's own, or, beside those, nobody's? */
bool settings_answers(const struct session *s, struct parley_view name);
/* What the operator decided about it. */
struct tool_policy settings_policy(const struct session *s, const struct session_tool *tool);
/* The first name among a client's tools that one of the agent's has already, or NULL. */
const char *settings_taken_name(const struct session *s, const json_t *tools);
/* The agent's tools and these of the client, as the model takes them; the caller owns the array. */
json_t *settings_tools_with(const struct session *s, json_t *client_tools);
/* An item that the client must not see: a call of one of the agent's tools, or its result. */
bool settings_hides(const struct session *s, const json_t *item);
/* Go on with a session object that was kept. Takes it. */
void settings_restore(struct session *s, json_t *take_session);
/* Are there such items at all? */
bool settings_hides_calls(const struct session *s);

/* ---- tool_wait.c ---- */

/* At the opening: lists that are not fresh are asked for, those on their way waited for. */
void tool_wait_begin(struct session *s);
/* True: the model's session.created is kept, and session_begin() called with it later. */
bool tool_wait_holds(struct session *s, struct parley_view session_created);
void tool_wait_done(struct session *s);

/* ---- names.c ---- */

#define NAMES_ROOM 192

/* Another model answers from now on: what it names gets a new tag. */
void names_next_model(struct session *s);
void names_done(struct session *s);
/* An id that the model gave, as the client knows it; it may lie in `room`. And back. */
struct parley_view names_for_client(const struct session *s, struct parley_view id,
                                    char room[NAMES_ROOM]);
struct parley_view names_for_model(const struct session *s, struct parley_view id);
/* The same of a call. is_new: the model may have made it up. */
struct parley_view names_call_of_model(struct session *s, struct parley_view call_id, bool is_new);
/* ... for the model, which gets a short name where it takes no long ones. */
struct parley_view names_call_of_client(struct session *s, struct parley_view call_id);
/* The call gets a fresh name for the model, unless it has one. False without memory. */
bool names_renew_call(struct session *s, struct parley_view call_id);
/* event_id and response_id of an event; ids of a response with its output; of an item. */
void names_stamp(const struct session *s, json_t *event);
void names_of_response(struct session *s, json_t *response);
void names_of_item(struct session *s, const struct item *i, json_t *body, bool is_new);

/* ---- cut.c ---- */

/* Text of an item came; an item of a response came, or is done. For when the model is lost. */
void cut_note_delta(struct session *s, const struct rt_peek *peek);
void cut_note_output(struct session *s, const struct response *r, struct item *i, json_t *body,
                     int64_t output_index, bool is_done);
/* Items of a response whose model is gone: those that are open end as incomplete, with what came
 * of them, and the client is told. The response's output; the caller owns it. */
json_t *cut_items(struct session *s, const struct response *r);

/* ---- hearing.c ---- */

void hearing_note(struct session *s, enum rt_event event);
/* The client has sent audio: its turn is kept, within bounds, until a model has it whole. */
void hearing_keep(struct session *s, struct parley_view event);
/* Is there a turn that a lost model has not heard to its end? */
bool hearing_is_open(const struct session *s);
/* Tell the model of it, but for the newest so many, which it gets otherwise. */
void hearing_tell(struct session *s, size_t newest);
/* Until when the user's last words may come; 0 or past: they are not waited for. */
uint64_t hearing_due_us(const struct session *s);
/* The client has sent audio and not committed it. */
bool hearing_is_busy(const struct session *s);

/* ---- replay.c ---- */

/* Tell a fresh model of the conversation, by names of its own. Returns how many items it got. */
size_t replay_conversation(struct session *s);
/* The model refused one of these items; nobody else asked for it. */
bool replay_refused(struct session *s, const json_t *error);
/* Is there a call that waits for its result from the client? */
bool replay_has_open_call(const struct session *s);
/* An item that was replayed was heard in part only: the model gets what was heard in its place. */
void replay_heard(struct session *s, struct item *i);

/* What a fresh model would not be told, as text; with the summary of what was left out before. */
void replay_left_out(struct session *s, struct buf *out);

/* ---- summary.c ---- */

/* A model is about to be left: ask it for a summary, if the agent wants one and one is needed. */
void summary_begin(struct session *s);
/* Is one still to come that is worth waiting for? */
bool summary_is_due(const struct session *s);
/* An event of the model that is about the summary: the client hears nothing of it. */
bool summary_takes(struct session *s, struct parley_view event, const struct rt_peek *peek);
/* Another model takes over: what has come goes to the start of the conversation. */
void summary_place(struct session *s);
void summary_done(struct session *s);

/* ---- move.c ---- */

/* Why a model's session is opened again; the word of metrics and the log. */
#define MOVE_ERROR   "error"   /* the one before failed or was lost */
#define MOVE_LIMIT   "limit"   /* it comes to its time limit */
#define MOVE_PLANNED "planned" /* an operator asked */
#define MOVE_RESUME  "resume"  /* it was closed while the client was away */

/* The model is gone in mid-session. True: another one is looked for. */
bool move_lost(struct session *s, const struct parley_model_closed *closed,
               const struct rt_error *error, int close_code);
/* A model's session has begun; expires_unix: when it says that it ends, 0: it does not. */
void move_watch_limit(struct session *s, int64_t expires_unix, uint64_t opened_us);
/* An operator wants that model of the agent's list; done(ctx, fault) runs once. */
void move_ask(struct session *s, const char *model, void (*done)(void *ctx, const char *fault),
              void *ctx);
/* Something ended that a quiet moment waits for. */
void move_check(struct session *s);
/* Nobody is there to hear the model: close it, if this is a quiet moment. */
bool move_suspend(struct session *s);
/* Somebody is there again: a model is opened when there is none. */
void move_back(struct session *s, int64_t within_ms);
/* No model answers now: what the client sends waits. */
bool move_is_gap(const struct session *s);
/* The session ends. */
void move_stop(struct session *s);
/* From a model that may take over. */
void move_event(struct session *s, struct parley_view event);
void move_writable(struct session *s);
void move_opened(struct session *s, struct parley_view session_created);
void move_closed(struct session *s, const struct parley_model_closed *closed);

/* ---- resume.c ---- */

#define RESUME_LEASE_MS 30000 /* without news from the owner another host may take the session */

void resume_begin(struct session *s, bool is_wanted);
/* The session is open: its lease, and its conversation in the store, are kept alive from here on.
 */
void resume_hold_lease(struct session *s);
/* What another host needs, as further members of the head's data. */
void resume_write(const struct session *s, struct buf *out);
void resume_hash(const char *token, char ret_hex[65]);
/* The session was rebuilt from the store: session.created, then all of the conversation. */
void resume_say_rebuilt(struct session *s);
/* session.created, with the token. */
void resume_say_created(struct session *s);
/* The client is told this. */
void resume_keep(struct session *s, struct parley_view event);
/* To this connection alone: it is no news to who was there all the time. */
void resume_say_here(struct session *s, struct parley_view event);
void resume_stop(struct session *s);

/* ---- promise.c ---- */

void promise_init(struct session *s);
/* True: the event was kept, and is told later. is_here: by resume_say_here(). */
bool promise_holds(struct session *s, struct parley_view event, unsigned flags, bool is_here);
/* The store has more than before. */
void promise_kept(struct session *s);
/* The store is not waited for until it has caught up. */
void promise_late(struct session *s);
/* Tell what waits now, or never. */
void promise_release(struct session *s);
void promise_drop(struct session *s);
/* Does a part of the conversation wait that is told to this connection alone? */
bool promise_waits_here(const struct session *s);

/* ---- failover.c ---- */

/* May the same thing work later, or with another model? */
bool failover_may_help(int status);
/* What a session that begins needs and the model at that place cannot do; NULL for nothing. */
const char *failover_lacks(struct session *s, size_t place);
/* Can the model at that place do what this session uses, as far as its present one can? */
bool failover_fits(struct session *s, size_t place, const char **ret_missing);
/* Which of the agent's models to open next: the first one that is well, can do what this session
 * uses, and is not among s->tried_models; without one that is well, one that rests. False: none. */
bool failover_choose(struct session *s, size_t *ret_place);
/* Note how it went, in s->tried_models and for the worker's other sessions. */
void failover_begin(struct session *s, size_t place);
void failover_succeeded(struct session *s, size_t place);
void failover_failed(struct session *s, size_t place, int64_t retry_after_ms);
void failover_undecided(struct session *s, size_t place);

/* ---- connect.c ---- */

/* Open the agent's first model, or one that takes its place. */
int connect_begin(struct session *s, struct parley_error *err);
/* Open a session with that model, whose events come in by `side`. */
int connect_open(struct session *s, const struct model *model, const struct parley_model_caps *caps,
                 struct side *side, const char *traceparent, struct model_session **ret_model,
                 struct parley_error *err);
/* The client events that waited for the model. */
void connect_take_early(struct session *s);
/* The client is told this, and the session ends. */
void connect_failed(struct session *s, const struct rt_error *error, int close_code);
/* The session ends while it connects. */
void connect_stop(struct session *s);
/* The model is ready and so are the tools: the session is open from here on. */
void session_begin(struct session *s, struct parley_view session_created);
void session_model_ready(struct session *s, struct parley_view session_created);
void session_model_gone(struct session *s, const struct parley_model_closed *closed);

/* ---- session.c ---- */

/* A session that is not in the table yet; and its way into it, once its model connects. */
struct session *session_create(const struct session_open *open);
void session_enlist(struct session *s, const struct session_open *open);
void session_free(struct session *s);
const struct worker_env *session_env(const struct worker_sessions *w);
struct spool_budget *session_spool_budget(struct worker_sessions *w);
struct session *session_find(const struct worker_sessions *w, const char *id);
/* Remember that this one was not resumed in time, to say so when somebody asks. */
void session_expired(struct session *s);
bool session_has_expired(const struct worker_sessions *w, const char *id);
/* Close the connection of the client. */
void session_close_client(struct session *s, int code, const char *reason);
/* The conversation is over: what runs for it is wound up. reason: as measure_end() counts it. */
void session_wind_up(struct session *s, const char *reason);
/* End on the loop's next turn, for whoever is called by what would be freed. Literals; the first
 * reason counts. */
void session_end_soon(struct session *s, int close_code, const char *code, const char *message);
/* Something that keeps an ended session alive has gone: free it soon, if it was the last. */
void session_released(struct session *s);
bool session_is_busy(const struct session *s);
void session_turn_over(struct session *s);
/* The oldest items leave memory until there is room for so many more within the agent's limits. */
void session_trim_items(struct session *s, size_t room);
/* Items that parley does not know may be the model's all the same. */
bool session_has_trimmed(const struct session *s);

/* ---- client.c ---- */

void client_event(struct session *s, struct parley_view event, uint32_t flags);

/* ---- upstream.c ---- */

extern const struct model_events upstream_events;

/* ---- request.c ---- */

/* *ret_request: `response` as the model may be asked, owned by the caller; NULL when there is none.
 * False: the client was told what is wrong with it. */
bool request_of_client(struct session *s, const struct rt_client_event *e, json_t **ret_request);

/* ---- response.c ---- */

void sequencer_init(struct session *s);
void sequencer_done(struct session *s);
void response_client_create(struct session *s, const struct rt_client_event *e);
void response_client_cancel(struct session *s, struct parley_view event,
                            const struct rt_client_event *e);
void response_greet(struct session *s);
/* Have this said, and nothing else, while a tool of that request runs. False: not now. */
bool response_fill(struct session *s, const char *text, const json_t *request);
/* Results of server tools are in the conversation: an answer is wanted. */
void response_wants_answer(struct session *s, const json_t *request);
void response_created(struct session *s, struct parley_view event);
void response_done(struct session *s, struct parley_view event);
/* The model refused a response.create, parley's own or a client's. */
void response_refused(struct session *s, const struct pending *p, const json_t *error);
struct response *response_find(struct session *s, struct parley_view id);
/* The user began to speak. */
void response_interrupted(struct session *s);
/* Start what waits, if nothing runs. */
void response_next(struct session *s);
/* The model is gone: everything that the client waits for ends as failed. */
void response_fail_all(struct session *s, const char *code, const char *message);
/* The model is gone and another takes its place: what the client has heard of ends as failed, and
 * what is worth it is asked again by response_next(). */
void response_lost(struct session *s, const char *code, const char *message);
/* The running response that the client knows, in short; the caller owns it. NULL: none. */
json_t *response_shown_object(const struct session *s);

/* ---- shown.c (and shown.h) ---- */

/* Tell the client of a response before its first visible output. */
void response_show(struct session *s, struct response *r);

/* ---- interruption.c ---- */

void interruption_begin(struct session *s);
void interruption_client_truncate(struct session *s, const struct rt_client_event *e);
void interruption_report(struct session *s, const json_t *event);
void interruption_stop(struct session *s);
uint32_t session_bytes_per_ms(const struct session *s);

#endif
