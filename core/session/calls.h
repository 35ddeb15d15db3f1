/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of server tools: tools.c starts and ends them, approval.c asks the client first, filler.c
 * speaks while they run, result.c tells the model what came of them.
 *
 *     ASKING --approved--> NOTING --the store has it--> RUNNING --on_end--> told and freed
 *         \--refused, no answer in time----------------------------------> told and freed
 *
 * A call that needs nobody's approval begins at NOTING; one without side effects, or whose
 * conversation is not kept, at RUNNING.
 */
#ifndef SESSION_CALLS_H
#define SESSION_CALLS_H

#include "base/id.h"
#include "base/list.h"
#include "base/loop.h"
#include "host/tool_policy.h"
#include "host/tools.h"
#include "session/spans.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct session;
struct response;
struct session_tool;
struct rt_client_event;

#define CALLS_NOTE_LIMIT_MS 2000 /* that a start waits for the store to have its record */
#define CALLS_REMEMBERED    32   /* calls of failed responses, and answered approvals */
#define QUIET_LIMIT_MS      5000 /* from the end of speech to the response that it leads to */

enum call_state { CALL_ASKING, CALL_NOTING, CALL_RUNNING };

/* Why a turn, or a response, ended before its calls. */
enum call_interruption {
    CALLS_SPOKEN_INTO,    /* the user speaks */
    CALLS_CLIENT_CANCELS, /* response.cancel */
};

/* A call of a server tool that has not ended. */
struct call {
    struct list entry;
    struct session *session;
    const struct session_tool *tool;
    struct tool_policy policy;
    enum call_state state;
    char *call_id;
    char *name;
    char *item_id;
    unsigned response;      /* its number; ids of responses are the model's */
    json_t *arguments;      /* string */
    json_t *parsed;         /* the arguments as a value; NULL when they are none */
    json_t *request;        /* of the response.create that led to it, or NULL */
    struct tools_run *run;  /* of a RUNNING one */
    int64_t seq;            /* of the record that a NOTING one waits for */
    struct loop_timer wait; /* ASKING: for the client; NOTING: for the store */
    struct loop_timer filler;
    bool holds;       /* the turn's answer waits for it */
    bool is_silent;   /* its result asks for no answer */
    bool is_late;     /* the user spoke meanwhile: an answer follows if none has seen the result */
    bool is_detached; /* the model was told that it goes on in the background */
    bool is_refused;  /* nobody approved it */
    bool is_orphan;   /* its response failed: the model may call it once more */
    const char *stopped; /* why it was cancelled, for the model; NULL: it was not */
    unsigned inputs;     /* of the user when it began */
    uint64_t start_us;
    unsigned turn; /* its number */
    struct child_span trace;
    char approval_id[ID_SIZE + 8];
};

/* A call with side effects whose response failed, or that a person refused: made again before the
 * user has said anything new, it is answered alike. */
struct remembered_call {
    char *name;        /* NULL: an empty place */
    unsigned response; /* while that may still end well, and then it is forgotten; else 0 */
    json_t *parsed;
    char *output;
    unsigned inputs;
};

/* The calls of one session, in `s->tooling`. */
struct tooling {
    struct remembered_call remembered[CALLS_REMEMBERED];
    unsigned next_remembered;
    unsigned inputs;                              /* what the user said or wrote so far */
    char answered[CALLS_REMEMBERED][ID_SIZE + 8]; /* approvals that are settled */
    unsigned next_answered;
    unsigned filled_turn; /* number of the turn that has had its filler */
};

/* When may the agent speak unasked? */
struct quiet {
    bool user_speaks;
    bool expects_response; /* of turn detection, to what the user said */
    bool has_late_result;  /* nobody has answered to it yet */
    struct loop_timer limit;
};

/* A tool has ended the conversation: last words, then it closes. */
struct farewell {
    struct loop_timer look;
    unsigned inputs; /* of the time when it was wanted */
    uint64_t limit_us;
};

/* ---- tools.c ---- */

/* A function_call item of a server tool is complete: run it. place: its output_index. */
void tools_start(struct session *s, struct response *r, const json_t *item, int64_t place);
/* The response that held calls has ended; completed: as it should. */
void tools_response_done(struct session *s, struct response *r, bool completed);
/* The model is lost: what it called, the next one may call once more. */
void tools_model_lost(struct session *s);
bool tools_is_server_call(const struct session *s, struct parley_view call_id);
/* The turn is over before its calls are: each goes on, stops or moves to the background. */
void tools_interrupt(struct session *s, enum call_interruption by);
/* The store has all records up to this one, or takes none any more. */
void tools_noted(struct session *s, int64_t seq);
/* The user said something new: a call that looks like an earlier one is meant. */
void tools_new_input(struct session *s);
void tools_stop(struct session *s);

/* For approval.c: an approved call goes on; one that is refused ends with these words. */
void tools_approved(struct call *c);
void tools_refused(struct call *c, int status, const char *output);

/* ---- result.c ---- */

/* The result as an item of the conversation, hidden like the call, and its image behind it. */
void result_tell(struct session *s, const struct call *c, struct parley_view output,
                 struct parley_view image);
/* What came of a call that had been told to go on in the background. */
void result_tell_late(struct session *s, const struct call *c, const struct tools_result *result);

/* ---- approval.c ---- */

/* Ask the client, within the response that the call is of. */
void approval_ask(struct call *c, struct response *r, int64_t place);
/* The request is over: an answer that still comes is told so. */
void approval_settle(struct call *c);
/* A client's mcp_approval_response. False: it is none that parley asked for, but maybe the model.
 */
bool approval_answered(struct session *s, const struct rt_client_event *e);
/* A request or an answer, whoever asked. */
bool approval_is_item(const json_t *item);

/* ---- filler.c ---- */

/* The call runs: speak if it takes long. */
void filler_start(struct call *c);

/* ---- quiet.c ---- */

void quiet_speech_started(struct session *s);
/* is_answered: turn detection may answer to it. */
void quiet_speech_stopped(struct session *s, bool is_answered);
/* The model began a response that sees all that is in the conversation. */
void quiet_response_created(struct session *s);
bool quiet_is(const struct session *s);
/* A result came that a response should tell of when no other does. */
void quiet_late_result(struct session *s);
/* Is it time for that response? */
bool quiet_wants_answer(const struct session *s);
void quiet_stop(struct session *s);

/* ---- farewell.c ---- */

/* Close the session when what is still to be said was heard, unless the user goes on. */
void farewell_begin(struct session *s);
void farewell_stop(struct session *s);

#endif
