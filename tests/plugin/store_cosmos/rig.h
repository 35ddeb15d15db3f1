/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin with the account of sim.h as its peer: a parley.http/1 whose requests are answered one
 * after another, a clock that jumps to whatever is due next, and one or two hosts that use it.
 */
#ifndef TESTS_COSMOS_RIG_H
#define TESTS_COSMOS_RIG_H

#include <stdbool.h>

#include <parley/store.h>

#include "sim.h"
#include <parley/testkit/fake_host.h>

#define RIG_MAX_HEADS   1100
#define RIG_MAX_RECORDS 600

struct rig_head {
    struct parley_store_head head;
    char session_id[64];
    char owner[64];
    char data[1024];
};

struct rig_record {
    int64_t seq;
    char id[64];
    char data[64];
    size_t data_len;
};

/* One host, and what its last operation gave. */
struct rig {
    struct fake_plugin *plugin;
    const struct parley_store_vtable *store;
    void *worker;
    struct rig_head heads[RIG_MAX_HEADS];
    size_t head_count;
    struct rig_record records[RIG_MAX_RECORDS];
    size_t record_count;
    size_t ends;
    int status; /* of the last end */
    struct parley_error err;
};

/* The plugin's file; set by main. */
extern const char *rig_plugin;

/* Reset host and account. */
void rig_reset(void);

/* Open a host on the account. Fails the test when it refuses. */
void rig_open(struct rig *r, const char *const *options);
bool rig_try_open(struct rig *r, const char *const *options, struct parley_error *err);
void rig_close(struct rig *r);

/* With SIM_ENDPOINT and SIM_KEY. */
extern const char *const rig_options[];

/* Until nothing is under way; at most so long. Returns how many requests were answered. */
size_t rig_settle(int64_t most_ms);

/* Answer one request that is under way. False: there is none. */
bool rig_answer_one(void);

/* Let the clock go to the next timer. False: there is none in the next minute. */
bool rig_tick(void);

size_t rig_requests_open(void);

/* What the credential "azure" of parley.credentials/1 gives. */
extern struct rig_credential {
    const char *value;
    uint32_t kind;
    int status;
    const char *message;
    unsigned asked;
    unsigned refused;
    const char *next; /* after it was refused; NULL: the same */
} rig_credential;

/* What the metric of this name has got, in all. */
double rig_metric(const char *name);

/* One operation to its end; each returns its status. */
int rig_create(struct rig *r, const char *session_id, int64_t created_ms);
int rig_create_head(struct rig *r, const struct parley_store_head *head);
int rig_update_head(struct rig *r, const struct parley_store_head *head);
int rig_append(struct rig *r, const char *session_id, int64_t epoch, int64_t first, int64_t last);
int rig_read(struct rig *r, const char *session_id, int64_t after_seq, int64_t limit);
int rig_list(struct rig *r, const char *after, uint32_t limit);
int rig_take(struct rig *r, const char *session_id, const char *owner);
int rig_remove(struct rig *r, const char *session_id);
int rig_expire(struct rig *r, int64_t now_ms);

/* Begin without waiting: 0, or why it was refused. */
int rig_begin_append(struct rig *r, const char *session_id, int64_t epoch, int64_t first,
                     int64_t last, size_t data_len);
int rig_begin_list(struct rig *r, const char *after, uint32_t limit);
int rig_begin_take(struct rig *r, const char *session_id, const char *owner);

/* Forget what was given, before operations are begun. */
void rig_forget(struct rig *r);

struct parley_store_head rig_head(const char *session_id, int64_t created_ms);

#endif
