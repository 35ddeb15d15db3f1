/* SPDX-License-Identifier: Apache-2.0 */
#include <parley/testkit/store_client.h>

#include "kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_OPTIONS 8
#define LIMIT_MS    60000 /* of the fake clock, for one operation */

struct store_client *store_client;

/* --- What the plugin tells ----------------------------------------------------------------------
 */

static void copy(const char *member, char *to, size_t size, const char *from)
{
    if (from == NULL)
        kit_fail("no-null-strings", "%s is NULL; what is not there is \"\"", member);
    (void)snprintf(to, size, "%s", from);
}

static void copy_view(const char *member, char *to, size_t size, struct parley_view from)
{
    if (from.len >= size)
        kit_fail("tells-what-it-was-given", "%s has %zu bytes", member, from.len);
    if (from.len > 0)
        memcpy(to, from.data, from.len);
    to[from.len] = '\0';
}

static void on_head(parley_op op, const struct parley_store_head *head)
{
    kit_op_told(op, "head");
    if (store_client->head_count == STORE_MAX_HEADS)
        kit_fail("tells-what-it-was-given", "more than %d heads in one answer", STORE_MAX_HEADS);
    struct kept_head *kept = &store_client->heads[store_client->head_count++];
    kept->head = *head;
    copy("session_id", kept->session_id, sizeof(kept->session_id), head->session_id);
    copy("agent", kept->agent, sizeof(kept->agent), head->agent);
    copy("user", kept->user, sizeof(kept->user), head->user);
    copy("owner", kept->owner, sizeof(kept->owner), head->owner);
    copy_view("data", kept->data, sizeof(kept->data), head->data);
}

static void on_record(parley_op op, const struct parley_store_record *record)
{
    kit_op_told(op, "record");
    if (store_client->record_count == STORE_MAX_RECORDS)
        kit_fail("tells-what-it-was-given", "more than %d records in one answer",
                 STORE_MAX_RECORDS);
    struct kept_record *kept = &store_client->records[store_client->record_count++];
    kept->kind = record->kind;
    kept->seq = record->seq;
    kept->time_ms = record->time_ms;
    copy("id", kept->id, sizeof(kept->id), record->id);
    copy_view("data", kept->data, sizeof(kept->data), record->data);
}

static void on_end(parley_op op, int status, const struct parley_error *err)
{
    kit_op_ended(op, "end", status);
    store_client->end_count++;
    store_client->fail_count += status < 0;
    store_client->status = status;
    if (status < 0 && (err == NULL || err->message[0] == '\0'))
        kit_fail("refusal-explains-itself", "it ended with status %d and no message", status);
    copy("message", store_client->message, sizeof(store_client->message),
         status < 0 ? err->message : "");
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
    c->fail_count = 0;
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
    if (mkdtemp(c->folder) == NULL)
        kit_fail("kit", "no folder can be made in %s", base != NULL ? base : "/tmp");
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
    struct fake_plugin *plugin = fake_plugin_open(path, "main", filled, err);
    if (plugin == NULL)
        return false;
    store_adopt(c, plugin);
    return true;
}

void store_adopt(struct store_client *c, struct fake_plugin *plugin)
{
    c->plugin = plugin;
    c->store = fake_plugin_role(plugin, PARLEY_ROLE_STORE);
    c->worker = fake_plugin_worker(plugin);
    if (c->store == NULL)
        kit_fail("kit", "the plugin plays no role " PARLEY_ROLE_STORE);
    KIT_DO("attach", KIT_WORKER, c->store->attach(c->worker, fake_plugin_on(plugin), &host));
    store_forget(c);
}

bool store_open_beside(struct store_client *c, const struct store_client *first)
{
    struct parley_worker *worker = fake_host_worker_at(1);

    memset(c, 0, sizeof(*c));
    if (fake_plugin_start_worker(first->plugin, worker, &c->worker, NULL) < 0)
        return false;
    c->plugin = first->plugin;
    c->store = first->store;
    c->is_guest = true;
    KIT_DO("attach", KIT_WORKER, c->store->attach(c->worker, worker, &host));
    store_forget(c);
    return true;
}

void store_open(struct store_client *c, const char *path, const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!store_try_open(c, path, options, &err))
        kit_fail("kit", "it does not open: %s", err.message);
}

void store_close(struct store_client *c)
{
    store_client = c;
    if (c->is_guest)
        fake_plugin_stop_worker(c->plugin, fake_host_worker_at(1), c->worker);
    else
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

/* Of the operation that was begun last. */
static parley_op last_op;
static struct parley_error last_err;

#define ASK(c, function, what, ...)                                                                \
    __extension__({                                                                                \
        last_err = (struct parley_error)PARLEY_ERROR_INIT;                                         \
        last_op = kit_op_begin(function " of %.40s", what);                                        \
        int asked_ = KIT_CALL(function, KIT_WORKER, __VA_ARGS__);                                  \
        kit_op_answered(last_op, asked_, &last_err);                                               \
        asked_;                                                                                    \
    })

/* Refused, or accepted and ended exactly once. */
int store_finish(struct store_client *c, int accepted)
{
    if (accepted < 0) {
        (void)snprintf(c->message, sizeof(c->message), "%s", last_err.message);
        return accepted;
    }
    kit_settle_for(LIMIT_MS);
    if (kit_ops_open() > 0)
        kit_fail("ends-once", "%zu operations were accepted and never ended", kit_ops_open());
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
    return store_finish(c, ASK(c, "create", head->session_id,
                               c->store->create(c->worker, head, last_op, &last_err)));
}

int store_update(struct store_client *c, const struct parley_store_head *head)
{
    store_forget(c);
    return store_finish(c, ASK(c, "update", head->session_id,
                               c->store->update(c->worker, head, last_op, &last_err)));
}

int store_begin_records(struct store_client *c, const char *session_id, int64_t epoch,
                        const struct parley_store_record *records, size_t count, size_t item_size)
{
    store_client = c;
    return ASK(c, "append", session_id,
               c->store->append(c->worker, session_id, epoch, records, count, item_size, last_op,
                                &last_err));
}

int store_begin_append(struct store_client *c, const char *session_id, int64_t epoch, int64_t first,
                       int64_t last)
{
    struct parley_store_record records[STORE_MAX_RECORDS];
    char ids[STORE_MAX_RECORDS][32], data[STORE_MAX_RECORDS][32];
    size_t count = 0;

    if (last - first >= STORE_MAX_RECORDS)
        kit_fail("kit", "more than %d records at once", STORE_MAX_RECORDS);
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
    return store_begin_records(c, session_id, epoch, records, count, sizeof(records[0]));
}

int store_append(struct store_client *c, const char *session_id, int64_t epoch, int64_t first,
                 int64_t last)
{
    store_forget(c);
    return store_finish(c, store_begin_append(c, session_id, epoch, first, last));
}

int store_read(struct store_client *c, const char *session_id, int64_t after, int64_t limit)
{
    store_forget(c);
    return store_finish(
        c, ASK(c, "read", session_id,
               c->store->read(c->worker, session_id, after, limit, last_op, &last_err)));
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
    return store_finish(
        c, ASK(c, "list", after, c->store->list(c->worker, &query, last_op, &last_err)));
}

int store_take(struct store_client *c, const char *session_id, const char *owner,
               int64_t lease_until_ms, int64_t now_ms)
{
    store_forget(c);
    return store_finish(c, ASK(c, "take", session_id,
                               c->store->take(c->worker, session_id, owner, lease_until_ms, now_ms,
                                              last_op, &last_err)));
}

int store_remove(struct store_client *c, const char *session_id)
{
    store_forget(c);
    return store_finish(c, ASK(c, "remove", session_id,
                               c->store->remove(c->worker, session_id, last_op, &last_err)));
}

int store_expire(struct store_client *c, int64_t now_ms)
{
    store_forget(c);
    return store_finish(
        c, ASK(c, "expire", "all", c->store->expire(c->worker, now_ms, last_op, &last_err)));
}
