/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one cascade session, shared by the files of this folder. Each part is written by the
 * file of its name; the others read it and call that file's functions.
 */
#ifndef CASCADE_STATE_H
#define CASCADE_STATE_H

#include "audio/resample.h"
#include "audio/turn_detector.h"
#include "audio/vad.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/list.h"
#include "base/loop.h"
#include "cascade/cascade.h"
#include "cascade/dialogue.h"
#include "cascade/pacer.h"
#include "cascade/sentences.h"
#include "host/chat.h"
#include "host/speech.h"
#include "realtime/decode.h"
#include "realtime/response.h"
#include "realtime/session_object.h"

#include <jansson.h>

struct cascade {
    struct model model;
    char title[96];
    struct worker_instance *chat;
    struct worker_instance *speech; /* NULL: neither ears nor voice */
    const struct silero_weights *weights;
    struct parley_speech_caps speech_caps; /* zeroed without speech */
    unsigned sessions;
};

/* Server events on their way to the host (outbox.c). */
struct outbox {
    struct list events;
    struct outbox_event *writing;
    struct buf none; /* written to when there is no memory: stays failed */
    size_t bytes;
    struct loop_timer timer;
    bool is_paused;
    bool is_broken; /* an event was lost for want of memory, or too many wait */
};

/* The user's audio (ears.c). */
struct ears {
    enum rt_audio format;
    struct resampler *resampler; /* wire format to VAD_RATE_HZ */
    struct vad *vad;
    struct turn_detector turns;
    struct buf unread;     /* bytes in the wire format that wait for the loop's next turn */
    struct buf scratch;    /* samples of one step */
    struct buf samples;    /* at VAD_RATE_HZ: the utterance, or what may become its beginning */
    int64_t first_sample;  /* position of samples[0] since the session began */
    char item_id[ID_SIZE]; /* of the speech in progress */
    struct hearing *guess; /* what was said so far, asked for in a pause */
    struct loop_timer more;
    struct loop_timer idle;
    int64_t idle_from_ms; /* position when the idle time began */
    bool has_told_deaf;
};

/* The chat instance's side of one conversation (answer.c). */
struct brain {
    struct cascade_session *session;
    struct chat_session *chat;
    struct answer *answer; /* whose text comes; NULL: nobody's */
    bool is_busy;          /* a generation has not ended yet */
};

/* A sentence on its way to the user. */
struct sentence {
    struct list entry;
    struct buf text;
    uint64_t asked_us; /* when the voice was asked; 0 once it has begun */
    size_t made;       /* samples in the output format's rate */
    size_t sent;
    bool is_started; /* the voice was asked */
    bool is_made;
    bool is_announced; /* its transcript was sent */
};

/* Speech of one answer (mouth.c). */
struct mouth {
    struct sentences cutter;
    struct list queue; /* struct sentence */
    struct speech_job *job;
    struct sentence *speaking; /* the one the job makes */
    struct resampler *resampler;
    struct buf samples; /* made, not sent */
    struct loop_timer timer;
    bool has_all_text;
};

enum answer_stage {
    ANSWER_WAITING,  /* for words of the user, or for the chat instance to be free */
    ANSWER_THINKING, /* text comes */
    ANSWER_SPEAKING, /* all text has come, speech is still sent */
};

/* One response (answer.c). */
struct answer {
    struct list entry;
    struct cascade_session *session;
    char id[ID_SIZE];
    enum answer_stage stage;
    bool is_out_of_band;
    bool is_text;
    enum rt_audio format;
    json_t *request; /* `response` of the response.create, or NULL; owned */
    char *instructions;
    char *voice;    /* as the wire says; may be "" */
    char *metadata; /* JSON or "" */
    double speed;
    int64_t max_tokens;
    struct brain own_brain; /* of an out-of-band one */
    struct brain *brain;

    int next_index;                /* output_index of the next item */
    struct dialogue_item *message; /* the open one, or NULL */
    int message_index;
    struct buf output; /* JSON of finished items, between commas */
    struct rt_usage usage;
    int finish; /* PARLEY_CHAT_... */
    struct mouth mouth;
    struct pacer own_pacer; /* of an out-of-band one */
    struct pacer *pacer;
};

struct cascade_session {
    struct cascade *cascade;
    struct loop *loop;
    const struct parley_model_host *host;
    void *ctx;
    char id[64]; /* parley's, for logs */
    char traceparent[64];
    char agent[64]; /* the model's name in the session object */
    char conversation_id[ID_SIZE];
    bool is_open; /* on_open has been called */
    bool is_closing;

    json_t *json;                /* the effective session; owned */
    struct rt_session_view view; /* of it */

    struct outbox outbox;
    struct dialogue dialogue;
    struct list hearings; /* struct hearing */
    struct ears ears;
    struct brain brain;
    struct list answers;   /* struct answer, all that run */
    struct answer *answer; /* the one of the conversation, or NULL */
    bool wants_answer;     /* turn detection asked for one that could not begin yet */
    bool is_advancing;     /* answer_advance() runs */
    bool must_advance;
    bool has_new_words; /* the user said something since the last answer began */
    struct pacer pacer; /* of the conversation's speech */

    struct loop_timer end; /* on_closed */
    int end_status;
    char end_message[160];
};

static inline bool cascade_has_ears(const struct cascade_session *s)
{
    return (s->cascade->speech_caps.flags & PARLEY_SPEECH_EARS) != 0;
}

static inline bool cascade_has_voice(const struct cascade_session *s)
{
    return (s->cascade->speech_caps.flags & PARLEY_SPEECH_VOICE) != 0;
}

/* Begin to end the session: on_closed comes with the loop's next turn. A NULL message is an orderly
 * end. (cascade.c) */
void cascade_session_end(struct cascade_session *s, int status, const char *message);

/* ---- outbox.c: server events, delivered on the loop's next turn ------------------------------ */

/* Write one event into the buffer that comes back, then end it. */
struct buf *outbox_begin(struct cascade_session *s);
void outbox_end(struct cascade_session *s);

void outbox_error(struct cascade_session *s, const struct rt_error *error,
                  struct parley_view raw_event_id);

/* Deliver soon; used for the first event too. */
void outbox_schedule(struct cascade_session *s);
void outbox_init(struct cascade_session *s);
void outbox_done(struct cascade_session *s);

/* ---- inbox.c: client events ------------------------------------------------------------------ */

/* PARLEY_E_BUSY while audio of an earlier event is still being read. */
int inbox_take(struct cascade_session *s, struct parley_view event, struct parley_error *err);

/* The session object with what this cascade cannot do taken out, and the view of it. */
void inbox_set_session(struct cascade_session *s, json_t *take_json);

/* ---- ears.c: the user's audio ---------------------------------------------------------------- */

int ears_init(struct cascade_session *s, struct parley_error *err);
void ears_done(struct cascade_session *s);

/* The session object has changed. */
void ears_configure(struct cascade_session *s);

void ears_append(struct cascade_session *s, const struct rt_peek *peek);
void ears_commit(struct cascade_session *s, struct parley_view raw_event_id);
void ears_clear(struct cascade_session *s);
/* What was said before the pause that goes on: it may be worth waiting for more. */
void ears_guess_known(struct cascade_session *s, struct parley_view words);

bool ears_is_busy(const struct cascade_session *s);

/* An answer has ended: the time until the idle timeout begins when its audio is played. */
void ears_start_idle(struct cascade_session *s);

/* ---- hearing.c: speech to text --------------------------------------------------------------- */

/* Ask what was said. NULL with err. */
struct hearing *hearing_begin(struct cascade_session *s, const int16_t *samples, size_t count,
                              struct parley_error *err);

/* It belongs to this item: the item is told when the words are known, or at once. NULL: failed. */
void hearing_attach(struct cascade_session *s, struct hearing *h, struct dialogue_item *i,
                    const struct parley_error *err);

/* The words are not wanted. NULL is fine. Returns NULL. */
struct hearing *hearing_drop(struct hearing *h);

/* The item goes: nobody waits for its words. */
void hearing_forget(struct cascade_session *s, const struct dialogue_item *i);
void hearing_done(struct cascade_session *s);

/* ---- answer.c: responses --------------------------------------------------------------------- */

/* A response.create; an error event when it cannot be. */
void answer_request(struct cascade_session *s, const struct rt_response_create *request,
                    struct parley_view raw_event_id);

/* Turn detection wants an answer: now, or as soon as what was said is known and nothing runs. */
void answer_wish(struct cascade_session *s);

/* What was waited for may have come. */
void answer_advance(struct cascade_session *s);

/* Words of the user could not be had: whoever waits for them fails. */
void answer_words_failed(struct cascade_session *s, const struct parley_error *err);

void answer_cancel(struct answer *a, const char *reason);
void answer_fail(struct answer *a, const struct parley_error *err);
struct answer *answer_find(const struct cascade_session *s, struct parley_view id);

/* Calls of mouth.c: open the message if it is not, say what is spoken next, and the end. */
bool answer_open_message(struct answer *a);
void answer_spoken(struct answer *a);
struct rt_place answer_place(const struct answer *a);

int answer_init(struct cascade_session *s, struct parley_error *err);
void answer_done(struct cascade_session *s);

/* ---- mouth.c: text to paced speech ----------------------------------------------------------- */

int mouth_init(struct answer *a, struct parley_error *err);
void mouth_say(struct answer *a, struct parley_view text);
/* The whole text at once; the answer may end in it. */
void mouth_say_all(struct answer *a, struct parley_view text);
/* All text has come: answer_spoken() follows, perhaps at once. */
void mouth_finish(struct answer *a);
void mouth_done(struct answer *a);
/* The host pauses or goes on. */
void mouth_resume(struct cascade_session *s);

#endif
