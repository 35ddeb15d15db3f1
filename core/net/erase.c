/* SPDX-License-Identifier: Apache-2.0 */
#include "net/erase.h"

#include "agent/recordings.h"
#include "base/json.h"
#include "base/str.h"
#include "host/offload.h"
#include "host/worker.h"

#include <stdlib.h>
#include <unistd.h>

#define MOST_NAMED 64 /* of one session's recordings */

/* A recording that the head names. */
struct named {
    char *host;
    char *file;
    bool was_there;
    bool is_there;
};

struct errand {
    char id[64];
    char own_host[64];
    char **folders; /* NULL at the end */
    struct named named[MOST_NAMED];
    size_t named_count;
    size_t deleted;
    struct erased *sum;
    void (*done)(void *ctx);
    void *ctx;
};

static void errand_free(struct errand *e)
{
    for (size_t i = 0; e->folders != NULL && e->folders[i] != NULL; i++)
        free(e->folders[i]);
    for (size_t i = 0; i < e->named_count; i++) {
        free(e->named[i].host);
        free(e->named[i].file);
    }
    free(e->folders);
    free(e);
}

/* ---- on the pool ---- */

static void work(void *arg)
{
    struct errand *e = arg;
    size_t left;

    for (size_t i = 0; i < e->named_count; i++)
        e->named[i].was_there = access(e->named[i].file, F_OK) == 0;
    for (size_t i = 0; e->folders[i] != NULL; i++)
        e->deleted += recordings_remove(e->folders[i], e->id, &left);
    for (size_t i = 0; i < e->named_count; i++)
        e->named[i].is_there = access(e->named[i].file, F_OK) == 0;
}

/* ---- back on the worker ---- */

static void append(json_t **list, json_t *take)
{
    if (*list == NULL)
        *list = json_array();
    (void)json_array_append_new(*list, take); /* without memory it is not told */
}

static void judge(const struct errand *e, const struct named *n)
{
    bool is_ours = strcmp(n->host, e->own_host) == 0;

    if (n->is_there)
        append(&e->sum->left, json_string(n->file));
    else if (!n->was_there && !is_ours)
        append(&e->sum->elsewhere, json_pack("{s:s, s:s}", "host", n->host, "file", n->file));
}

static void on_done(void *arg, int status)
{
    struct errand *e = arg;
    void (*done)(void *) = e->done;
    void *ctx = e->ctx;

    for (size_t i = 0; i < e->named_count && status == PARLEY_OK; i++)
        judge(e, &e->named[i]);
    e->sum->deleted += e->deleted;
    errand_free(e);
    done(ctx);
}

/* ---- asking ---- */

static bool add_folders(struct errand *e, const struct generation *g)
{
    const struct agent *a;
    size_t count = 0, at = 0;

    while (generation_agent_at(g, count) != NULL)
        count++;
    e->folders = calloc(count + 1, sizeof(*e->folders));
    for (size_t i = 0; e->folders != NULL && (a = generation_agent_at(g, i)) != NULL; i++) {
        struct buf folder = {0};
        if (a->config->record_dir[0] == '\0')
            continue;
        recordings_folder(a, &folder);
        if (folder.failed)
            return false;
        e->folders[at++] = folder.data;
    }
    return e->folders != NULL;
}

static bool add_named(struct errand *e, const json_t *recordings)
{
    json_t *one;
    size_t i;

    json_array_foreach(recordings, i, one)
    {
        struct named *n = &e->named[e->named_count];
        if (e->named_count == MOST_NAMED)
            break;
        n->host = view_dup(json_get_view(one, "host"));
        n->file = view_dup(json_get_view(one, "file"));
        e->named_count++;
        if (n->host == NULL || n->file == NULL)
            return false;
    }
    return true;
}

int erase_recordings(struct worker_generation *wg, struct parley_worker *worker,
                     const char *session_id, const json_t *recordings, struct erased *sum,
                     void (*done)(void *ctx), void *ctx)
{
    struct errand *e = calloc(1, sizeof(*e));
    int r = PARLEY_E_NO_MEMORY;

    if (e == NULL)
        return r;
    view_copy(e->id, sizeof(e->id), view_of(session_id));
    recordings_host(e->own_host, sizeof(e->own_host));
    e->sum = sum;
    e->done = done;
    e->ctx = ctx;
    if (add_folders(e, worker_generation_config(wg)) && add_named(e, recordings))
        r = offload_run(worker->disk, worker->loop, NULL, work, on_done, e);
    if (r < 0)
        errand_free(e);
    return r;
}

json_t *erased_json(const struct erased *e)
{
    return json_pack("{s:I, s:o, s:o}", "deleted", (json_int_t)e->deleted, "left",
                     e->left == NULL ? json_array() : json_incref(e->left), "elsewhere",
                     e->elsewhere == NULL ? json_array() : json_incref(e->elsewhere));
}

void erased_done(struct erased *e)
{
    json_decref(e->left);
    json_decref(e->elsewhere);
    *e = (struct erased){0};
}
