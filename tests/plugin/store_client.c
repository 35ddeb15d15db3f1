/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store_client.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_OPTIONS 8

struct store_client *store_client;

/* --- What the plugin tells ----------------------------------------------------------------------
 */

static void copy(char *to, size_t size, const char *from)
{
    assert_non_null(from);
    snprintf(to, size, "%s", from);
}

static void copy_view(char *to, size_t size, struct parley_view from)
{
    assert_true(from.len < size);
    memcpy(to, from.data, from.len);
    to[from.len] = '\0';
}

static void on_head(parley_op op, const struct parley_store_head *head)
{
    struct kept_head *kept = &store_client->heads[store_client->head_count++];

    assert_true(op != 0 && store_client->head_count <= STORE_MAX_HEADS);
    kept->head = *head;
    copy(kept->session_id, sizeof(kept->session_id), head->session_id);
    copy(kept->agent, sizeof(kept->agent), head->agent);
    copy(kept->user, sizeof(kept->user), head->user);
    copy(kept->owner, sizeof(kept->owner), head->owner);
    copy_view(kept->data, sizeof(kept->data), head->data);
}

static void on_record(parley_op op, const struct parley_store_record *record)
{
    struct kept_record *kept = &store_client->records[store_client->record_count++];

    assert_true(op != 0 && store_client->record_count <= STORE_MAX_RECORDS);
    kept->kind = record->kind;
    kept->seq = record->seq;
    kept->time_ms = record->time_ms;
    copy(kept->id, sizeof(kept->id), record->id);
    copy_view(kept->data, sizeof(kept->data), record->data);
}

static void on_end(parley_op op, int status, const struct parley_error *err)
{
    assert_true(op != 0);
    store_client->end_count++;
    store_client->status = status;
    if (status < 0)
        assert_true(err != NULL && err->message[0] != '\0');
    copy(store_client->message, sizeof(store_client->message), status < 0 ? err->message : "");
}

static const struct parley_store_host host = {
    .size = sizeof(host),
    .head = on_head,
    .record = on_record,
    .end = on_end,
};

void store_forget(struct store_client *c)
{
    store_client = c;
    c->head_count = 0;
    c->record_count = 0;
    c->end_count = 0;
    c->status = 1;
    c->message[0] = '\0';
}

/* --- Opening ------------------------------------------------------------------------------------
 */

static void make_folder(struct store_client *c)
{
    const char *base = getenv("TMPDIR");

    if (c->folder[0] != '\0')
        return;
    snprintf(c->folder, sizeof(c->folder), "%s/parley_store_XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(c->folder));
}

static void fill_in_folder(const struct store_client *c, const char *option, char *out, size_t size)
{
    const char *at = strchr(option, '@');

    if (at == NULL)
        snprintf(out, size, "%s", option);
    else
        snprintf(out, size, "%.*s%s%s", (int)(at - option), option, c->folder, at + 1);
}

bool store_try_open(struct store_client *c, const char *path, const char *const *options,
                    struct parley_error *err)
{
    char texts[MAX_OPTIONS][256];
    const char *filled[MAX_OPTIONS + 1] = {0};

    make_folder(c);
    for (size_t i = 0; options != NULL && options[i] != NULL && i < MAX_OPTIONS; i++) {
        fill_in_folder(c, options[i], texts[i], sizeof(texts[i]));
        filled[i] = texts[i];
    }
    c->plugin = fake_plugin_open(path, "main", filled, err);
    if (c->plugin == NULL)
        return false;
    c->store = fake_plugin_role(c->plugin, PARLEY_ROLE_STORE);
    c->worker = fake_plugin_worker(c->plugin);
    assert_non_null(c->store);
    c->store->attach(c->worker, fake_host_worker(), &host);
    store_forget(c);
    return true;
}

void store_open(struct store_client *c, const char *path, const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!store_try_open(c, path, options, &err))
        fail_msg("%s", err.message);
}

void store_close(struct store_client *c)
{
    store_client = c;
    fake_plugin_close(c->plugin);
    c->plugin = NULL;
}

void store_done(struct store_client *c)
{
    char path[512];

    store_close(c);
    DIR *folder = opendir(c->folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", c->folder, entry->d_name);
        (void)unlink(path); /* "." and ".." stay */
    }
    if (folder != NULL)
        closedir(folder);
    (void)rmdir(c->folder);
    c->folder[0] = '\0';
}

/* --- Operations ---------------------------------------------------------------------------------
 */

/* Refused, or accepted and ended exactly once. */
static int finish(struct store_client *c, int accepted)
{
    if (accepted < 0) {
        assert_int_equal(c->end_count, 0);
        return accepted;
    }
    fake_host_run();
    assert_int_equal(c->end_count, 1);
    return c->status;
}

struct parley_store_head store_head(const char *session_id, int64_t created_ms)
{
    return (struct parley_store_head){
        .size = sizeof(struct parley_store_head),
        .session_id = session_id,
        .agent = "receptionist",
        .user = "",
        .owner = "host-a",
        .epoch = 1,
        .created_ms = created_ms,
        .updated_ms = created_ms,
        .data = PARLEY_VIEW("{}"),
    };
}

int store_create(struct store_client *c, const struct parley_store_head *head)
{
    store_forget(c);
    return finish(c, c->store->create(c->worker, head, fake_host_op(), NULL));
}

int store_update(struct store_client *c, const struct parley_store_head *head)
{
    store_forget(c);
    return finish(c, c->store->update(c->worker, head, fake_host_op(), NULL));
}

int store_begin_append(struct store_client *c, const char *session_id, int64_t epoch, int64_t first,
                       int64_t last)
{
    struct parley_store_record records[STORE_MAX_RECORDS];
    char ids[STORE_MAX_RECORDS][32], data[STORE_MAX_RECORDS][32];
    size_t count = 0;

    assert_true(last - first < STORE_MAX_RECORDS);
    for (int64_t seq = first; seq <= last; seq++, count++) {
        snprintf(ids[count], sizeof(ids[count]), "item_%lld", (long long)seq);
        snprintf(data[count], sizeof(data[count]), "{\"n\":%lld}", (long long)seq);
        records[count] = (struct parley_store_record){
            .kind = PARLEY_RECORD_ITEM,
            .seq = seq,
            .time_ms = 1000 + seq,
            .id = ids[count],
            .data = {data[count], strlen(data[count])},
        };
    }
    return c->store->append(c->worker, session_id, epoch, records, count, sizeof(records[0]),
                            fake_host_op(), NULL);
}

int store_append(struct store_client *c, const char *session_id, int64_t epoch, int64_t first,
                 int64_t last)
{
    store_forget(c);
    return finish(c, store_begin_append(c, session_id, epoch, first, last));
}

int store_read(struct store_client *c, const char *session_id, int64_t after, int64_t limit)
{
    store_forget(c);
    return finish(c, c->store->read(c->worker, session_id, after, limit, fake_host_op(), NULL));
}

int store_list(struct store_client *c, const char *agent, const char *user, const char *after,
               uint32_t limit)
{
    const struct parley_store_query query = {
        .size = sizeof(query),
        .limit = limit,
        .agent = agent,
        .user = user,
        .after = after,
    };

    store_forget(c);
    return finish(c, c->store->list(c->worker, &query, fake_host_op(), NULL));
}

int store_take(struct store_client *c, const char *session_id, const char *owner,
               int64_t lease_until_ms, int64_t now_ms)
{
    store_forget(c);
    return finish(c, c->store->take(c->worker, session_id, owner, lease_until_ms, now_ms,
                                    fake_host_op(), NULL));
}

int store_remove(struct store_client *c, const char *session_id)
{
    store_forget(c);
    return finish(c, c->store->remove(c->worker, session_id, fake_host_op(), NULL));
}

int store_expire(struct store_client *c, int64_t now_ms)
{
    store_forget(c);
    return finish(c, c->store->expire(c->worker, now_ms, fake_host_op(), NULL));
}
