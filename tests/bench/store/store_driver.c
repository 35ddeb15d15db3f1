/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store plugin in a real host without the rest of parleyd: a worker's loop, the HTTP client and
 * the pool of threads.
 *
 *     store_driver PLUGIN_DIR turns SESSIONS TURNS PLUGIN [KEY=VALUE...]
 *         that many conversations at once, each turn an append of two records; prints turns a
 * second store_driver PLUGIN_DIR fight SESSION OWNER RECORDS PLUGIN [KEY=VALUE...] takes the
 * session again and again from whoever holds it, appending a record at a time, until it has that
 * many; prints the numbers of those that were acknowledged
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SESSIONS 4096
#define TURN_RECORDS 2
#define LEASE_MS     30000

/* One conversation that is journalled. */
struct conversation {
    char id[48];
    int turns; /* that are ended */
};

static struct {
    struct loop *loop;
    struct offload *pool;
    struct parley_worker worker;
    struct registry *registry;
    struct conf *conf;
    struct conf_report report;
    struct instances *set;
    struct worker_instance *wi;
    bool is_stopped;
} host;

static struct conversation conversations[MAX_SESSIONS];
static int session_count, turn_count, done_count;

static void die(const char *what, const struct parley_error *err)
{
    fprintf(stderr, "store_driver: %s: %s\n", what, err == NULL ? "" : err->message);
    exit(1);
}

/* ---- the host ---- */

static void open_store(const char *plugin_dir, const char *plugin, char **options)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct buf text = {0};

    host.loop = loop_create();
    host.pool = offload_create("offload", 2, 4096);
    if (host.loop == NULL || host.pool == NULL)
        die("no memory", NULL);
    loop_run_once(host.loop); /* this thread is the loop's */
    const struct host_worker_config config = {
        .name = "worker 1", .loop = host.loop, .offload = host.pool};
    if (host_worker_init(&host.worker, &config, &err) < 0)
        die("worker", &err);
    buf_printf(&text, "[store main]\nplugin = %s\n", plugin);
    for (; *options != NULL; options++)
        buf_printf(&text, "%s\n", *options);
    host.registry = registry_create(services_host(), plugin_dir);
    host.conf = conf_create("/", NULL);
    if (!conf_add_layer(host.conf, buf_view(&text), "options", &host.report) ||
        instances_create(host.registry, host.conf, &host.set, &host.report) < 0) {
        fprintf(stderr, "store_driver: %s\n",
                host.report.count > 0 ? host.report.items[0].text : "options");
        exit(1);
    }
    buf_done(&text);
    if (worker_instance_start(instances_next(host.set, NULL), &host.worker, &host.wi, &err) < 0)
        die(plugin, &err);
}

/* What loop_run() waits for. */
static void finish(bool *flag)
{
    *flag = true;
    loop_stop(host.loop);
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    finish(&host.is_stopped);
}

static void run_until(const bool *flag)
{
    while (!*flag)
        loop_run(host.loop);
}

static void close_store(void)
{
    worker_instance_stop(host.wi, on_stopped, NULL);
    run_until(&host.is_stopped);
    offload_destroy(host.pool);
    loop_run_due(host.loop);
    host_worker_done(&host.worker);
    loop_destroy(host.loop);
    instances_unref(host.set);
    registry_destroy(host.registry);
    conf_destroy(host.conf);
    conf_report_done(&host.report);
}

static struct parley_store_head head_of(const char *id)
{
    return (struct parley_store_head){
        .size = sizeof(struct parley_store_head),
        .session_id = id,
        .agent = "bench",
        .user = "",
        .owner = "host",
        .epoch = 1,
        .created_ms = clock_unix_ms(),
        .updated_ms = clock_unix_ms(),
        .data = PARLEY_VIEW("{\"turns\":0}"),
    };
}

/* ---- turns ---- */

static void next_turn(struct conversation *c);

static bool all_done;

static void on_turn(void *ctx, int status, const struct parley_error *err)
{
    struct conversation *c = ctx;

    if (status < 0)
        die(c->id, err);
    c->turns++;
    next_turn(c);
}

static void on_created(void *ctx, int status, const struct parley_error *err)
{
    if (status < 0)
        die("create", err);
    next_turn(ctx);
}

static const struct store_events turn_events = {.on_end = on_turn};
static const struct store_events created_events = {.on_end = on_created};

static void next_turn(struct conversation *c)
{
    static const char said[] =
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_audio\","
        "\"transcript\":\"We are open from nine to five on weekdays, and on Saturdays until "
        "noon. Shall I book you an appointment for tomorrow morning?\"}]}";
    struct parley_store_record records[TURN_RECORDS];
    struct parley_error err = PARLEY_ERROR_INIT;

    if (c->turns == turn_count) {
        if (++done_count == session_count)
            finish(&all_done);
        return;
    }
    for (int i = 0; i < TURN_RECORDS; i++)
        records[i] = (struct parley_store_record){
            .kind = PARLEY_RECORD_ITEM,
            .seq = c->turns * TURN_RECORDS + i + 1,
            .time_ms = clock_unix_ms(),
            .id = "item_0123456789abcdef",
            .data = {said, sizeof(said) - 1},
        };
    if (store_append(host.wi, c->id, 1, records, TURN_RECORDS,
                     (struct store_caller){&turn_events, c}, NULL, &err) < 0)
        die(c->id, &err);
}

static void run_turns(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    uint64_t began_us = clock_now_us();

    for (int i = 0; i < session_count; i++) {
        struct conversation *c = &conversations[i];
        (void)snprintf(c->id, sizeof(c->id), "bench_%llu_%d", (unsigned long long)began_us, i);
        const struct parley_store_head head = head_of(c->id);
        if (store_create(host.wi, &head, (struct store_caller){&created_events, c}, NULL, &err) < 0)
            die(c->id, &err);
    }
    run_until(&all_done);
    double seconds = (double)(clock_now_us() - began_us) / 1e6;
    printf("%.1f\n", session_count * turn_count / seconds);
}

/* ---- two hosts ---- */

static struct {
    const char *session_id;
    const char *owner;
    int64_t wanted;
    int64_t epoch;
    int64_t count; /* of the session's records, as far as this host knows */
    int64_t sent;
    unsigned lost; /* leases */
} fight;

static void take(void);
static void append_one(void);

static void on_appended(void *ctx, int status, const struct parley_error *err)
{
    (void)ctx;
    if (status == PARLEY_E_CONFLICT) {
        fight.lost++;
        take();
    } else if (status < 0) {
        die("append", err);
    } else {
        printf("%lld\n", (long long)fight.sent);
        fight.count = fight.sent;
        append_one();
    }
}

static const struct store_events appended_events = {.on_end = on_appended};

static void append_one(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char data[128];

    if (fight.count >= fight.wanted) {
        finish(&all_done);
        return;
    }
    fight.sent = fight.count + 1;
    (void)snprintf(data, sizeof(data), "{\"by\":\"%s\",\"epoch\":%lld}", fight.owner,
                   (long long)fight.epoch);
    const struct parley_store_record record = {.kind = PARLEY_RECORD_ITEM,
                                               .seq = fight.sent,
                                               .time_ms = clock_unix_ms(),
                                               .id = fight.owner,
                                               .data = {data, strlen(data)}};
    if (store_append(host.wi, fight.session_id, fight.epoch, &record, 1,
                     (struct store_caller){&appended_events, NULL}, NULL, &err) < 0)
        die("append", &err);
}

static void on_head(void *ctx, const struct parley_store_head *head)
{
    (void)ctx;
    fight.epoch = head->epoch;
    fight.count = head->record_count;
}

static void on_taken(void *ctx, int status, const struct parley_error *err)
{
    (void)ctx;
    if (status < 0)
        die("take", err);
    append_one();
}

static const struct store_events taken_events = {.on_head = on_head, .on_end = on_taken};

static void take(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (store_take(host.wi, fight.session_id, fight.owner, clock_unix_ms() + LEASE_MS,
                   (struct store_caller){&taken_events, NULL}, NULL, &err) < 0)
        die("take", &err);
}

/* Whoever is first makes it. */
static void on_made(void *ctx, int status, const struct parley_error *err)
{
    (void)ctx;
    if (status < 0 && status != PARLEY_E_CONFLICT)
        die("create", err);
    take();
}

static const struct store_events made_events = {.on_end = on_made};

static void run_fight(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_store_head head = head_of(fight.session_id);

    head.created_ms = 1000; /* the same for all who try */
    if (store_create(host.wi, &head, (struct store_caller){&made_events, NULL}, NULL, &err) < 0)
        die("create", &err);
    run_until(&all_done);
    fprintf(stderr, "lost=%u\n", fight.lost);
}

static int usage(void)
{
    fputs("usage: store_driver PLUGIN_DIR turns SESSIONS TURNS PLUGIN [KEY=VALUE...]\n"
          "       store_driver PLUGIN_DIR fight SESSION OWNER RECORDS PLUGIN [KEY=VALUE...]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    log_set_level(LOG_LEVEL_WARN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what was told is told, also when this is killed */
    if (argc >= 6 && strcmp(argv[2], "turns") == 0) {
        session_count = atoi(argv[3]);
        turn_count = atoi(argv[4]);
        if (session_count < 1 || session_count > MAX_SESSIONS || turn_count < 1)
            return usage();
        open_store(argv[1], argv[5], argv + 6);
        run_turns();
    } else if (argc >= 7 && strcmp(argv[2], "fight") == 0) {
        fight.session_id = argv[3];
        fight.owner = argv[4];
        fight.wanted = atoi(argv[5]);
        open_store(argv[1], argv[6], argv + 7);
        run_fight();
    } else {
        return usage();
    }
    close_store();
    return 0;
}
