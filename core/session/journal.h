/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to the store: final items, transcripts, tool calls with their results, truncations,
 * deletions and usage, each when it is final and never on the way of an event. Records wait in a
 * bounded queue; one append is under way at a time and takes all that wait.
 *
 *     writing --it cannot be reached, or is busy--> in trouble: tried again, later and later
 *        |  \                                          |   \
 *        |   \<---------it answers: all that waited----/    \--the queue is full
 *        |                                                      `continue`: a gap. What comes is
 *        |                                                      not kept until the store answers;
 *        |                                                      then the items of the gap are
 *        \--it refuses for good; with `end` also                written in their order
 *           after 30 s, or when the queue is full:
 *           failed: nothing more is kept, `end` ends the session
 *
 * A record that the store finds too large is cut, and kept as that.
 */
#ifndef SESSION_JOURNAL_H
#define SESSION_JOURNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "host/store.h"
#include "realtime/response.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct session;
struct call;
struct item;
struct response;
struct tools_result;

#define JOURNAL_MAX_RECORDS 1024       /* waiting */
#define JOURNAL_MAX_BYTES   (8u << 20) /* waiting */
#define JOURNAL_PATIENCE_US                                                                        \
    (30 * UINT64_C(1000000))    /* of `end`, and of a session that has ended                       \
                                 */
#define JOURNAL_SMALL_BYTES 512 /* removals and cuts, which find room in a full queue */

struct journal {
    struct worker_instance *store; /* NULL: nothing is kept */
    struct store_request *request; /* under way, or NULL */
    uint64_t began_us;             /* that request */
    struct list waiting;           /* struct journal_record */
    struct list sending;           /* of the append under way */
    size_t waiting_count;
    size_t waiting_bytes;
    int64_t next_seq;
    int64_t sending_seq; /* the last of the append under way */
    int64_t kept_seq;    /* the last that the store has */
    char last_item[64];  /* id of the last one that was recorded */
    int64_t epoch;
    int64_t created_ms;
    size_t batch_most;        /* records of one append; grows again after each that went well */
    struct loop_timer retry;  /* until the store is tried again */
    unsigned attempts;        /* that failed since it last answered */
    uint64_t trouble_us;      /* since when it does not answer; 0: it does */
    uint64_t give_up_us;      /* the session has ended, and is not kept in memory for longer; 0 */
    bool is_created;          /* the head is in the store */
    bool was_created_unheard; /* or it may be: the answer was lost */
    bool has_gap;             /* records are lost until the store answers */
    bool has_failed;          /* for good; told once */
    bool is_ending;           /* the head is to say that the session has ended */
    bool is_renewed;          /* ... or how it is now, and that it is still owned */
    bool hands_over;          /* it ends here and may go on at another host */
    uint64_t lost;            /* records that found no room or were refused */
};

/* One that waits, or is on its way. */
struct journal_record {
    struct list entry;
    uint32_t kind;
    int64_t seq;
    int64_t time_ms;
    char *id;
    bool is_cut;
    struct buf data;
};

void journal_init(struct session *s);

/* Something waits, or has changed: write when nothing is under way. journal_write.c, like the next
 * three. */
void journal_write(struct session *s);
/* There is no room for what waits. */
void journal_overflowed(struct session *s);
/* So many records are not kept. */
void journal_lose(struct session *s, size_t count);
void journal_record_free(struct journal_record *r);

/* The session ends: what waits is written, then the head; journal_is_idle() tells when. */
void journal_end(struct session *s);
bool journal_is_idle(const struct session *s);

/* The head is written again, with a lease that begins now. */
void journal_renew(struct session *s);

/* The session goes on here: records follow those that the store has. */
void journal_take_over(struct session *s, int64_t epoch, int64_t created_ms, int64_t records);

/* Give up what is under way. */
void journal_done(struct session *s);

void journal_item(struct session *s, struct item *i);
void journal_transcript(struct session *s, struct parley_view item_id, struct parley_view text);
/* What was heard of that much audio. */
void journal_truncated(struct session *s, struct parley_view item_id, int64_t audio_end_ms,
                       int64_t produced_ms);
void journal_deleted(struct session *s, struct parley_view item_id);
/*
 * A call is about to start: its record has the status "started", the one with its result follows
 * under the same id. Returns the number that tools_noted() is called with when the store has it; 0
 * when there is nothing to wait for.
 */
int64_t journal_call_started(struct session *s, const struct call *c);
void journal_call(struct session *s, const struct call *c, const struct tools_result *result);
/* object: the response as the client knows it; `read` borrows of it. */
void journal_response(struct session *s, const struct response *r, const json_t *object,
                      const struct rt_response *read);

#endif
