/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session of the scripted model. Client events come in by send(), are answered by the first
 * rule that matches or by the defaults, and everything that is told the host goes through the
 * queue, so that nothing is told on the stack of the host's own call.
 *
 *   session.c    life, queue, dispatch        steps.c     steps of rules
 *   defaults.c   answers without a rule       respond.c   responses as sequences of events
 *   template.c   {{...}} in scripts           wire.c      events and errors
 */
#ifndef MODEL_SCRIPT_SESSION_H
#define MODEL_SCRIPT_SESSION_H

#include "queue.h"
#include "script.h"

#include <parley/model.h>
#include <parley/service/timer.h>

#include <jansson.h>
#include <stdbool.h>

#define ID_SIZE 48

/* What a worker's sessions share. */
struct stage {
    const struct parley_host *host;
    const struct parley_service_timer *timer;
    const void *handle; /* for the log */
    const struct script *script;
    int64_t opens;         /* sessions opened so far on this worker */
    struct session *first; /* those that have not closed */
};

struct rule_state {
    int64_t matches;
    int64_t fired;
    uint64_t base_bytes; /* of input audio when it last fired */
};

struct session {
    struct session *next; /* of the stage */
    struct stage *stage;
    const struct script *script;
    const struct parley_model_host *host;
    void *ctx;
    struct parley_timer *timer;
    struct queue queue;
    struct task *end; /* the last task, kept so that an end needs no memory; NULL: it is queued */
    struct rule_state *rules; /* one per rule of the script */

    json_t *session;  /* as session.created and session.updated show it */
    json_t *items;    /* array: the conversation */
    json_t *audio_ms; /* item id -> milliseconds of its audio that were sent */
    struct response *responses;
    struct response *active; /* the one that writes to the conversation, or NULL */
    char id[ID_SIZE];
    char last_item[ID_SIZE];
    char last_call[ID_SIZE];
    char last_response[ID_SIZE];
    char *last_text;   /* of the user */
    char *last_output; /* of a tool */
    uint64_t next_id;
    uint64_t input_bytes;  /* of audio, in all */
    uint64_t commit_bytes; /* of input_bytes, what was committed or cleared */

    bool is_open;
    bool is_paused;
    bool is_busy;    /* send() refuses */
    bool was_asked;  /* close() was called */
    bool is_running; /* inside its own timer: tasks are told by the loop there */
};

/* The functions of struct parley_model_vtable. */
int session_open(struct stage *stage, const struct parley_model_open *open, void **ret_session,
                 struct parley_error *err);
int session_send(void *session, struct parley_view event, uint32_t flags, struct parley_error *err);
void session_pause(void *session, int paused);
void session_close(void *session);

/* The worker stops: free those that have not closed, without a word. */
void session_free_all(struct stage *stage);

/* --- session.c, for the others ---------------------------------------------------------------- */

uint64_t session_now_us(const struct session *s);
/* A task of the session; arms the timer. NULL without memory, and then the session ends. */
struct task *session_task(struct session *s, enum task_kind kind, uint64_t due_us);
/* Tell an event (stolen) at that time. */
void session_tell(struct session *s, json_t *event, uint64_t at_us);
/* The user's words: later rules and templates know them; results of tools before them are past. */
void session_user_said(struct session *s, const char *words);
/* Let rules, else defaults, answer a client event. */
void session_dispatch(struct session *s, const json_t *event);
/* The answer without rules. */
void defaults_answer(struct session *s, const json_t *event);

/* --- wire.c ----------------------------------------------------------------------------------- */

/* "item_7": ids count through a session and repeat in the next, as a hard test of id spaces. */
void wire_id(struct session *s, const char *prefix, char out[ID_SIZE]);
/* {"type": ..., "event_id": "event_7"} */
json_t *wire_event(struct session *s, const char *type);
/* The same with one more member, stolen. */
json_t *wire_event_with(struct session *s, const char *type, const char *key, json_t *value);
/* An `error` event that answers `trigger`; empty code: null. */
json_t *wire_error(struct session *s, const char *type, const char *code, const char *message,
                   const json_t *trigger);
json_t *wire_session_new(struct session *s);
/* Lay `over` over `base`, objects into objects, but turn_detection and format as a whole. */
void wire_merge(json_t *base, const json_t *over);
const char *wire_output_format(const struct session *s);
bool wire_is_text_only(const struct session *s);

/* --- The conversation (conversation.c) -------------------------------------------------------- */

/* Index of the item, or -1. */
long conversation_find(const struct session *s, const char *id);
/* Put it in after `after` (NULL: last; "root": first) and remember it as the last. Takes a
 * reference. */
void conversation_add(struct session *s, json_t *item, const char *after);
void conversation_replace(struct session *s, json_t *item);
/* Id of the one before, as JSON: null for the first. */
json_t *conversation_before(const struct session *s, const char *id);

/* --- template.c ------------------------------------------------------------------------------- */

/* A copy with every {{...}} filled from the trigger and the session. NULL without memory. */
json_t *template_fill(struct session *s, const json_t *value, const json_t *trigger);

/* What a name stands for: in the client event first, then in the session; NULL for neither. */
json_t *template_value(struct session *s, const char *name, const json_t *trigger);

/* --- steps.c ---------------------------------------------------------------------------------- */

/* Run steps from `step` on, until one takes time; the rest follows by the queue. */
void steps_run(struct session *s, const json_t *steps, size_t step, const json_t *trigger);

/* --- respond.c -------------------------------------------------------------------------------- */

/*
 * Begin a response by its description (`outputs`, or one output beside its settings). Returns when
 * its last event will have been told. An active response makes it an error, as in the real service.
 */
uint64_t respond(struct session *s, const json_t *description, const json_t *trigger);
/* Cut it: its open parts are closed, response.done says cancelled. */
void respond_cancel(struct session *s, struct response *r, const char *reason);
struct response *respond_find(const struct session *s, const char *id);
/* An event with a mark has been told; TASK_AUDIO tells its next chunk. */
void respond_note(struct session *s, const struct task *task);
json_t *respond_audio_event(struct session *s, const struct task *task);
/* Free those that have ended and have nothing in the queue; with all: every one. */
void respond_reap(struct session *s, bool all);

#endif
