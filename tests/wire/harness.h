/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session between a test's client and a test's model, without sockets and with the clock moved
 * by hand: what the client says goes in, what model and client are told comes out in order. The
 * model, the tools and the store are plugins linked into the test, made by the real loader from INI
 * text.
 */
#ifndef WIRE_HARNESS_H
#define WIRE_HARNESS_H

#include "base/json.h"
#include "session/session.h"
#include "telemetry/telemetry.h"

#include <stdbool.h>

struct wire;

/* Open a session with [agent test] and these further lines of its section ("" for none). The model
 * has not said session.created yet. */
struct wire *wire_connect(const char *agent_lines);

/* The same, with the model ready and session.created and the agent's session.update taken away. */
struct wire *wire_open(const char *agent_lines);

/* The client leaves, and another one comes to the same worker. */
void wire_reopen(struct wire *w);

/* Ends everything and frees it; fails the test when something is left. */
void wire_close(struct wire *w);

/* The next session of this test has these models instead of one: sections of plugin
 * wire_model_plugin (lacks, limit_ms, max_id_chars, refuses), and the agent's list. Ends with the
 * next wire_close(). */
#define WIRE_MODEL(name, lines) "[model " name "]\nplugin = wire_model_plugin\n" lines "\n"
void wire_models(const char *sections, const char *list);
/* How many sessions were opened with models. wire_model...() speak of the newest, or the n-th. */
int wire_model_opens(const struct wire *w);
/* It has said session.created and not closed. */
bool wire_model_is_open(const struct wire *w);
void wire_model_use(struct wire *w, int n);
/* Of its section. */
const char *wire_model_name(const struct wire *w);

struct session *wire_session(struct wire *w);
struct worker_sessions *wire_sessions(struct wire *w);

/* The next sessions of this test record spans and metrics (recording.h), and bring this trace
 * context ("" for none). Ends with the next wire_close(). */
void wire_record(bool with_content, const char *traceparent);
/* ... with this beside it. */
void wire_tracestate(const char *tracestate);
/* ... and with trace_context as it is given; join otherwise. */
void wire_traces(enum telemetry_joining joining);
struct recording *wire_recording(const struct wire *w);

/* The next session's tools are listed only by wire_tools_come(); its plugin lets it wait so long.
 */
void wire_tools_come_later(int64_t wait_ms);
void wire_tools_come(struct wire *w);

/* The client, or the model, says this. Single quotes stand for double ones. */
void wire_client(struct wire *w, const char *event);
void wire_model(struct wire *w, const char *event);
void wire_client_bytes(struct wire *w, struct parley_view event);
void wire_model_bytes(struct wire *w, struct parley_view event);
/* Is it there to say anything? The client is while wire_session() is not NULL. */
bool wire_has_model(const struct wire *w);
/* An append of so many base64 characters. */
void wire_client_speaks(struct wire *w, size_t chars);
void wire_model_created(struct wire *w);
/* Likewise, with this in `expires_at` (JSON). */
void wire_model_created_until(struct wire *w, const char *expires_at);

/* The model's connection ends. */
void wire_model_closes(struct wire *w, int status, int close_code, const char *code,
                       bool retryable);

/* send() answers PARLEY_E_BUSY from now on, or takes events again. */
void wire_model_busy(struct wire *w, bool busy);

/* The next event that went to the client, or the model: its type must be this. Borrowed until the
 * next call for the same side. */
const json_t *wire_client_gets(struct wire *w, const char *type);
const json_t *wire_model_gets(struct wire *w, const char *type);

/* The same of any type; NULL when nothing more went there. */
const json_t *wire_client_next(struct wire *w);
const json_t *wire_model_next(struct wire *w);

/* A conversation.item.create with this item; without a role the text is not looked at. */
const json_t *wire_model_gets_item(struct wire *w, const char *type, const char *role,
                                   const char *text);

/* What went there so far does not matter. */
void wire_client_forget(struct wire *w);
void wire_model_forget(struct wire *w);

/* Nothing more went there. */
void wire_client_gets_nothing(struct wire *w);
void wire_model_gets_nothing(struct wire *w);

/* The client's connection was closed with this code. */
void wire_client_is_closed(struct wire *w, int code);
bool wire_client_was_closed(const struct wire *w);
bool wire_client_is_paused(const struct wire *w);
bool wire_model_is_closed(const struct wire *w);

/* The client's connection ends. */
void wire_client_leaves(struct wire *w);

/* The next session's client may come back. Ends with the next wire_close(). */
void wire_resumable(void);
/* The client's connection breaks. True: the session waits for it. */
bool wire_client_loses(struct wire *w);
/* How often a keeper was released. */
int wire_keepers_released(const struct wire *w);
/* A client asks for that session; wire_session() is it again when it gets it. */
enum session_resumed wire_client_resumes(struct wire *w, const struct session_resume *by);
/* A client asks for a session that only the store has, with this head and without records. */
enum session_resumed wire_client_finds(struct wire *w, const struct session_resume *by,
                                       const struct parley_store_head *head);
/* The same. It is gone when the session is there, and before it hears of it. */
void wire_client_comes_and_goes(struct wire *w, const struct session_resume *by,
                                const struct parley_store_head *head);

/* The next sessions of this test have a disk for recordings. Ends with the next wire_close(). */
void wire_has_disk(void);
/* Everything that is on its way to the disk is there. */
void wire_disk_settles(struct wire *w);
/* A job that the disk does not come back from, until it does. */
void wire_disk_hangs(struct wire *w, bool hangs);

/* The server stops. */
void wire_drain(struct wire *w, int64_t grace_ms);

void wire_advance_ms(struct wire *w, int64_t ms);

/* The text at a path of member names and indexes, "response.status" or "item.content.0.type"; ""
 * when there is none. */
const char *wire_text(const json_t *event, const char *path);
const json_t *wire_at(const json_t *event, const char *path);

/* The next session's [tools t] has `session_token = yes`. Ends with the next wire_close(). */
void wire_tools_take_tokens(void);

/* Calls of the test's tools: [tools t] has slow (ends when told), fast, boom (refuses), wipe. */
int wire_tool_calls(struct wire *w);
const char *wire_tool_call_id(struct wire *w, int n);
void wire_tool_ends(struct wire *w, int n, const char *output);
/* As an output it ends the conversation, too. */
#define WIRE_FAREWELL "Say goodbye."
void wire_tool_fails(struct wire *w, int n, const char *output);
/* ... with an image beside the text. */
void wire_tool_shows(struct wire *w, int n, const char *output, const char *image);
void wire_tool_progress(struct wire *w, int n, double done, double total, const char *message);
const char *wire_tool_traceparent(struct wire *w, int n);
const char *wire_tool_authorization(struct wire *w, int n);
const char *wire_model_traceparent(struct wire *w);
const char *wire_model_tracestate(struct wire *w);
bool wire_tool_was_cancelled(struct wire *w, int n);

/* What the store was given, as "kind id" lines in order, with "after id" where that is said;
 * the store fails from now on. */
const char *wire_stored(struct wire *w);
/* The data of the last record of a response that it was given. */
const char *wire_stored_response(struct wire *w);
void wire_store_fails(struct wire *w);
/* ... with this status, PARLEY_OK to be well again. */
void wire_store_answers(struct wire *w, int status, int64_t retry_after_ms);
/* ... the next time only. */
void wire_store_answers_once(struct wire *w, int status);
/* Appends of more bytes are too large. */
void wire_store_takes(struct wire *w, size_t most_bytes);
/* Data of the last item that was stored. */
const char *wire_stored_data(struct wire *w);
/* ... or answers nothing until it is held no more. */
void wire_store_holds(struct wire *w, bool holds);
/* ... or takes nothing more, and says so at once with this status; PARLEY_OK to be well again. */
void wire_store_refuses(struct wire *w, int status);

#endif
