/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store plugin driven by a test: one call and its end at a time, results kept as plain copies. A
 * store that ends late, by a pool or a network, is waited for: jobs, answers of the fake network
 * and of the fixture run until the end has come. What breaks the interface ends the test with a
 * message.
 */
#ifndef PARLEY_TESTKIT_STORE_CLIENT_H
#define PARLEY_TESTKIT_STORE_CLIENT_H

#include <stdbool.h>

#include <parley/store.h>
#include <parley/testkit/fake_host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STORE_MAX_HEADS   64
#define STORE_MAX_RECORDS 512

struct kept_head {
    struct parley_store_head head; /* its pointers lead to `text` below */
    char session_id[64];
    char agent[64];
    char user[64];
    char owner[64];
    char data[256];
};

struct kept_record {
    uint32_t kind;
    int64_t seq;
    int64_t time_ms;
    char id[64];
    char data[256];
};

struct store_client {
    struct fake_plugin *plugin;
    const struct parley_store_vtable *store;
    void *worker;
    bool is_guest;   /* its worker instance is one more of another client's plugin */
    char folder[64]; /* for the files of this test; removed at the end */
    /* of the last operation */
    size_t head_count;
    struct kept_head heads[STORE_MAX_HEADS];
    size_t record_count;
    struct kept_record records[STORE_MAX_RECORDS];
    size_t end_count;
    size_t fail_count; /* of them, with a negative status */
    int status;        /* of the last end */
    char message[448];
};

/* The client whose callbacks run; one at a time. */
extern struct store_client *store_client;

/*
 * Open the plugin. An `@` in an option stands for the client's folder, which is made when it has
 * none. Fails the test when the plugin refuses.
 */
void store_open(struct store_client *c, const char *path, const char *const *options);

/* The same, but give back the plugin's error: false and `err`. */
bool store_try_open(struct store_client *c, const char *path, const char *const *options,
                    struct parley_error *err);

/* Take over a plugin that is open, and attach; the kit's own way in. */
void store_adopt(struct store_client *c, struct fake_plugin *plugin);

/* Another host beside the first: a further worker instance of the same instance. False when the
 * plugin has none. store_close() stops it. */
bool store_open_beside(struct store_client *c, const struct store_client *first);

/* Stop the plugin; the folder stays. */
void store_close(struct store_client *c);

/* Stop the plugin and remove the folder. */
void store_done(struct store_client *c);

/* A head as most tests want it. */
struct parley_store_head store_head(const char *session_id, int64_t created_ms);

/* One operation and all its offloaded work; returns its status. */
int store_create(struct store_client *c, const struct parley_store_head *head);
int store_update(struct store_client *c, const struct parley_store_head *head);
int store_append(struct store_client *c, const char *session_id, int64_t epoch, int64_t first,
                 int64_t last);
int store_read(struct store_client *c, const char *session_id, int64_t after, int64_t limit);
int store_list(struct store_client *c, const char *agent, const char *user, const char *after,
               uint32_t limit);
int store_take(struct store_client *c, const char *session_id, const char *owner,
               int64_t lease_until_ms, int64_t now_ms);
int store_remove(struct store_client *c, const char *session_id);
int store_expire(struct store_client *c, int64_t now_ms);

/* Begin an append of the records first to last without waiting for its end. */
int store_begin_append(struct store_client *c, const char *session_id, int64_t epoch, int64_t first,
                       int64_t last);

/* Begin an append of these records. */
int store_begin_records(struct store_client *c, const char *session_id, int64_t epoch,
                        const struct parley_store_record *records, size_t count, size_t item_size);

/* Wait for what was begun: `accepted` is what the beginning returned. Returns the last status. */
int store_finish(struct store_client *c, int accepted);

/* Forget the results so far. */
void store_forget(struct store_client *c);

#ifdef __cplusplus
}
#endif

#endif
