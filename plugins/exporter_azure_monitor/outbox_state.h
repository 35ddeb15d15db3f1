/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the outbox: what it holds, and what its files do for each other. outbox.c takes steps,
 * outbox_keep.c has the parcels that wait, outbox_answer.c goes by what the service said.
 */
#ifndef AZURE_MONITOR_OUTBOX_STATE_H
#define AZURE_MONITOR_OUTBOX_STATE_H

#include "outbox.h"

#define HOLD_MS  45000 /* longest stay of a delivery, below the host's patience */
#define DRAIN_MS 200   /* between two files of the shelf, and as much again by chance */

struct waiting {
    struct waiting *next;
    struct parcel parcel;
    struct delivery *delivery; /* NULL: it has ended */
    struct outbox *outbox;
    int64_t since_ms;
    int64_t not_before_ms; /* 0: at once */
    bool was_put_off;      /* the service took nothing of it, or a part */
};

struct outbox {
    struct outbox_config config;
    struct keeper_config keeper;
    struct post *post;
    struct parley_timer *step;
    struct parley_timer *hurry;
    struct waiting *first;
    struct waiting *last;
    size_t bytes;            /* of all in memory */
    struct waiting *posted;  /* in the post */
    struct parcel from_file; /* likewise */
    struct shelf_file file;
    bool is_posting_file;
    bool is_taking;
    unsigned failures;    /* in a row */
    bool is_throttled;    /* the service said when */
    bool is_shelf_told;   /* in the log, that it cannot be written */
    bool is_refusal_told; /* likewise, that the service takes nothing */
    bool is_part_told;    /* or not all of what it is sent */
    bool is_hurried;
    int64_t rests_until_ms;
    int64_t drains_at_ms;
    int64_t shelf_bad_until_ms;
};

/* --- outbox.c --- */

/* Set the timer for what is next. */
void outbox_arm(struct outbox *o);

/* --- outbox_keep.c --- */

int64_t outbox_now_ms(const struct outbox *o);
/* Some number from 0 up to below the limit. */
int64_t outbox_random(const struct outbox *o, int64_t limit);

void outbox_count(const struct outbox *o, const char *metric, const char *error, uint64_t items);
void outbox_count_dropped(const struct outbox *o, const char *error, uint64_t items);

void waiting_free(struct waiting *w);
void outbox_push_front(struct outbox *o, struct waiting *w);
void outbox_push_back(struct outbox *o, struct waiting *w);
struct waiting *outbox_pop(struct outbox *o); /* there must be one */
/* The first that may be posted now; NULL: there is none. And when there will be one, or INT64_MAX.
 */
struct waiting *outbox_pop_ready(struct outbox *o);
int64_t outbox_ready_at(const struct outbox *o);

/* Its end. Records that are lost after their delivery ended are counted here. */
void outbox_finish(struct outbox *o, struct waiting *w, int status, uint64_t lost,
                   const char *error, const char *reason);

/* End the deliveries that have waited long as kept: the host would give them up as lost. */
void outbox_let_go(struct outbox *o);

bool outbox_has_shelf(const struct outbox *o);
bool outbox_can_lay_down(const struct outbox *o);
/* The shelf is left alone for a while; told once for each row of failures. */
void outbox_tell_shelf(struct outbox *o, const char *reason);

/* Lay it down, or back into memory; lost when there is no time left. */
void outbox_keep(struct outbox *o, struct waiting *w, const char *reason);
void outbox_keep_all(struct outbox *o, const char *reason);

/* --- outbox_answer.c --- */

/* A line of the log. */
void outbox_tell(const struct outbox *o, const char *what, const char *reason, uint64_t records);

/* The post's on_end. */
void outbox_on_answer(void *ctx, const struct post_end *end);

#endif
