/* SPDX-License-Identifier: Apache-2.0 */
/* The services as a plugin sees them; the test is a plugin that asks in worker_start. */
#include "host_fixture.h"

#include "base/clock.h"
#include "base/str.h"
#include "transport/transport.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct host_fixture f;
static void (*ask)(struct parley_worker *worker); /* what the plugin does in worker_start */

static bool refuses_start;

/* ---- the plugin ---- */

static int start(void *instance, struct parley_worker *worker, void **ret, struct parley_error *err)
{
    (void)instance;
    *ret = &f;
    ask(worker);
    return refuses_start ? parley_fail(err, PARLEY_E_UNAVAILABLE, "no luck") : PARLEY_OK;
}

static void stop(void *wi)
{
    (void)wi;
}

static void attach(void *wi, struct parley_worker *worker, const struct parley_exporter_host *host)
{
    (void)wi;
    (void)worker;
    (void)host;
}

static int deliver(void *wi, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    (void)wi;
    (void)batch;
    (void)op;
    (void)err;
    return PARLEY_OK;
}

static const struct parley_exporter_vtable table = {
    .size = sizeof(table), .attach = attach, .deliver = deliver};
static struct parley_plugin descriptor =
    FIXTURE_PLUGIN("exporter_test", PARLEY_ROLE_EXPORTER, &table);

static int setup(void **state)
{
    (void)state;
    descriptor.worker_start = start;
    descriptor.worker_stop = stop;
    refuses_start = false;
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* ---- the table ---- */

static void host_offers_what_it_knows(void **state)
{
    const struct parley_host *host = services_host();

    (void)state;
    assert_ptr_equal(host->service(PARLEY_SERVICE_TIMER), &service_timer);
    assert_ptr_equal(host->service(PARLEY_SERVICE_OFFLOAD), &service_offload);
    assert_ptr_equal(host->service(PARLEY_SERVICE_HTTP), &service_http);
    assert_ptr_equal(host->service(PARLEY_SERVICE_WS), &service_ws);
    assert_null(host->service("parley.telepathy/1"));
    assert_int_equal(host->minor, PARLEY_ABI_MINOR);
    host->log(NULL, PARLEY_LOG_WARN, "a line without an instance");
    host->log(NULL, 99, "a level that is none");
}

/* ---- timers ---- */

static struct parley_timer *timer;
static int ticks;

static void on_tick(void *ctx)
{
    (void)ctx;
    ticks++;
    if (ticks == 2) {
        service_timer.destroy(timer);
        timer = NULL;
    }
}

static void start_timer(struct parley_worker *worker)
{
    ticks = 0;
    timer = service_timer.create(worker, on_tick, NULL);
    service_timer.start(timer, 100);
}

static void timer_runs_once_and_may_go_inside(void **state)
{
    (void)state;
    ask = start_timer;
    fixture_start(&f, &descriptor, "exporter");
    fixture_advance_ms(&f, 99);
    assert_int_equal(ticks, 0);
    fixture_advance_ms(&f, 1);
    fixture_advance_ms(&f, 1000);
    assert_int_equal(ticks, 1);
    service_timer.start(timer, 10);
    service_timer.stop(timer);
    fixture_advance_ms(&f, 1000);
    service_timer.start(timer, 10);
    fixture_advance_ms(&f, 10);
    assert_int_equal(ticks, 2);
    assert_null(timer);
    service_timer.destroy(NULL);
}

/* ---- descriptors ---- */

static int pipe_fds[2];
static struct parley_fdwatch *fdwatch;
static int readings;

static void on_readable(void *ctx, uint32_t events)
{
    char bytes[8];

    assert_ptr_equal(ctx, &readings);
    assert_int_equal(events, PARLEY_FD_READ);
    readings++;
    if (read(pipe_fds[0], bytes, sizeof(bytes)) == 0) { /* the end: allowed inside */
        service_fdwatch.unwatch(fdwatch);
        fdwatch = NULL;
    }
}

static void start_fdwatch(struct parley_worker *worker)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    readings = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(service_fdwatch.watch(worker, pipe_fds[0], PARLEY_FD_READ, on_readable,
                                           &readings, &fdwatch, &err),
                     PARLEY_OK);
}

static void fdwatch_tells_of_data_until_it_is_changed_or_unwatched(void **state)
{
    (void)state;
    ask = start_fdwatch;
    fixture_start(&f, &descriptor, "exporter");
    loop_run_once(f.loop);
    assert_int_equal(readings, 0);
    assert_int_equal(write(pipe_fds[1], "a", 1), 1);
    loop_run_once(f.loop);
    assert_int_equal(readings, 1);
    service_fdwatch.change(fdwatch, 0);
    assert_int_equal(write(pipe_fds[1], "b", 1), 1);
    loop_run_once(f.loop);
    assert_int_equal(readings, 1);
    service_fdwatch.change(fdwatch, PARLEY_FD_READ);
    loop_run_once(f.loop);
    assert_int_equal(readings, 2);
    (void)close(pipe_fds[1]);
    loop_run_once(f.loop);
    assert_int_equal(readings, 3);
    assert_null(fdwatch);
    loop_run_once(f.loop);
    assert_int_equal(readings, 3);
    service_fdwatch.unwatch(NULL);
    (void)close(pipe_fds[0]);
}

static void fdwatch_that_was_left_behind_is_freed_and_silent(void **state)
{
    (void)state;
    ask = start_fdwatch;
    fixture_start(&f, &descriptor, "exporter");
    assert_int_equal(write(pipe_fds[1], "a", 1), 1);
    fixture_close(&f);
    assert_int_equal(readings, 0);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    fixture_open(&f);
}

static void watch_nothing(struct parley_worker *worker)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_int_equal(
        service_fdwatch.watch(worker, -1, PARLEY_FD_READ, on_readable, &readings, &fdwatch, &err),
        PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "descriptor -1"));
}

static void fdwatch_of_no_descriptor_is_refused(void **state)
{
    (void)state;
    ask = watch_nothing;
    fixture_start(&f, &descriptor, "exporter");
}

static void timer_that_was_left_behind_is_freed_and_silent(void **state)
{
    (void)state;
    ask = start_timer;
    fixture_start(&f, &descriptor, "exporter");
    fixture_close(&f);
    assert_int_equal(ticks, 0);
    fixture_open(&f);
}

/* ---- offload ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static bool job_is_done;

static void wait_at_gate(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void on_job_done(void *arg, int status)
{
    (void)arg;
    assert_false(f.is_stopped);
    assert_int_equal(status, PARLEY_OK);
    job_is_done = true;
}

static void start_job(struct parley_worker *worker)
{
    job_is_done = false;
    assert_int_equal(service_offload.run(worker, NULL, wait_at_gate, on_job_done, NULL), PARLEY_OK);
}

static void on_stopped(void *ctx)
{
    struct host_fixture *fixture = ctx;

    fixture->is_stopped = true;
}

static void stop_waits_for_offloaded_jobs(void **state)
{
    (void)state;
    ask = start_job;
    fixture_start_pool(&f);
    pthread_mutex_lock(&gate);
    fixture_start(&f, &descriptor, "exporter");
    worker_instance_stop(f.wi, on_stopped, &f);
    f.wi = NULL;
    fixture_advance_ms(&f, 5000);
    assert_false(f.is_stopped);
    pthread_mutex_unlock(&gate);
    fixture_run_until(&f, &f.is_stopped);
    assert_true(job_is_done);
}

static void work_shortly(void *arg)
{
    (void)arg;
}

static void start_short_job(struct parley_worker *worker)
{
    job_is_done = false;
    assert_int_equal(service_offload.run(worker, NULL, work_shortly, on_job_done, NULL), PARLEY_OK);
}

static void start_that_fails_waits_for_offloaded_jobs(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct worker_instance *wi = NULL;

    (void)state;
    fixture_start_pool(&f);
    ask = start_short_job;
    fixture_start(&f, &descriptor, "exporter");
    fixture_run_until(&f, &job_is_done);
    refuses_start = true;
    assert_int_equal(worker_instance_start(f.wi->instance, &f.worker, &wi, &err),
                     PARLEY_E_UNAVAILABLE);
    assert_true(job_is_done);
    assert_null(wi);
}

static struct parley_worker *stopping_worker;

static void remember(struct parley_worker *worker)
{
    stopping_worker = worker;
}

static void stop_with_a_job(void *wi)
{
    (void)wi;
    assert_int_equal(service_offload.run(stopping_worker, NULL, work_shortly, on_job_done, NULL),
                     PARLEY_E_UNAVAILABLE);
}

static void offload_in_worker_stop_is_refused(void **state)
{
    (void)state;
    fixture_start_pool(&f);
    ask = remember;
    descriptor.worker_stop = stop_with_a_job;
    fixture_start(&f, &descriptor, "exporter");
}

static void nothing_without_a_pool(struct parley_worker *worker)
{
    assert_int_equal(service_offload.run(worker, NULL, wait_at_gate, on_job_done, NULL),
                     PARLEY_E_UNAVAILABLE);
}

static void offload_without_a_pool_is_refused(void **state)
{
    (void)state;
    ask = nothing_without_a_pool;
    fixture_start(&f, &descriptor, "exporter");
}

/* ---- the network ---- */

static int listener = -1; /* takes connections and never answers */
static char url[64];
static bool has_ended;
static int ends, last_status;

static void open_listener(const char *scheme)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", scheme, ntohs(address.sin_port));
}

static void on_http_end(void *ctx, const struct parley_http_response *response)
{
    (void)ctx;
    ends++;
    has_ended = true;
    last_status = response->status;
}

static const struct parley_http_events http_events = {.size = sizeof(http_events),
                                                      .on_end = on_http_end};

static void start_http(struct parley_worker *worker)
{
    const struct parley_http_request request = {
        .size = sizeof(request), .method = "GET", .url = url, .ca_file = ""};
    struct parley_error err = PARLEY_ERROR_INIT;
    uint64_t id = 0;

    if (service_http.start(worker, &request, &http_events, NULL, &id, &err) < 0)
        fail_msg("%s", err.message);
    assert_true(id != 0);
}

static void use_network(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct transport_config config = {0};

    clock_fake_stop(); /* sockets have their own time */
    ends = 0;
    has_ended = false;
    f.worker.transport = transport_create(f.loop, &config, &err);
    assert_non_null(f.worker.transport);
}

/* As the daemon does it: instances, then sockets, then the loop. */
static void close_network(void)
{
    if (f.wi != NULL) {
        worker_instance_stop(f.wi, on_stopped, &f);
        fixture_run_until(&f, &f.is_stopped);
        f.wi = NULL;
    }
    transport_destroy(f.worker.transport);
    f.worker.transport = NULL;
    if (listener >= 0)
        close(listener);
    listener = -1;
}

static void http_failure_is_told_once(void **state)
{
    (void)state;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:1/");
    ask = start_http;
    use_network();
    fixture_start(&f, &descriptor, "exporter");
    assert_int_equal(ends, 0);
    fixture_run_until(&f, &has_ended);
    assert_int_equal(ends, 1);
    assert_int_equal(last_status, PARLEY_E_UNAVAILABLE);
    close_network();
}

static void http_that_was_left_open_is_given_up_in_silence(void **state)
{
    (void)state;
    open_listener("http");
    ask = start_http;
    use_network();
    fixture_start(&f, &descriptor, "exporter");
    loop_run_once(f.loop);
    close_network();
    loop_run_once(f.loop);
    assert_int_equal(ends, 0);
}

static void start_goodbye(struct parley_worker *worker)
{
    const struct parley_http_request request = {.size = sizeof(request),
                                                .method = "DELETE",
                                                .url = url,
                                                .ca_file = "",
                                                .flags = PARLEY_HTTP_DETACHED};
    uint64_t id = 0;

    assert_int_equal(service_http.start(worker, &request, &http_events, NULL, &id, NULL),
                     PARLEY_OK);
}

/* The stop comes before the loop has turned once. */
static void http_that_is_detached_is_sent_after_the_stop_and_unheard(void **state)
{
    char bytes[16] = "";

    (void)state;
    open_listener("http");
    int kept = listener;
    listener = -1; /* close_network() is to leave it open */
    ask = start_goodbye;
    use_network();
    fixture_start(&f, &descriptor, "exporter");
    close_network();
    host_worker_done(&f.worker);
    int peer = accept(kept, NULL, NULL);
    assert_true(recv(peer, bytes, sizeof(bytes) - 1, 0) > 0);
    assert_memory_equal(bytes, "DELETE / ", 9);
    assert_int_equal(ends, 0);
    close(peer);
    close(kept);
}

static void start_http_without_end(struct parley_worker *worker)
{
    const struct parley_http_request request = {
        .size = sizeof(request), .method = "GET", .url = "http://127.0.0.1:1/", .ca_file = ""};
    const struct parley_http_events none = {.size = sizeof(none)};
    uint64_t id = 0;

    assert_int_equal(service_http.start(worker, &request, &none, NULL, &id, NULL),
                     PARLEY_E_INVALID);
}

static void http_without_on_end_is_refused(void **state)
{
    (void)state;
    ask = start_http_without_end;
    fixture_start(&f, &descriptor, "exporter");
}

static void on_ws_closed(void *ctx, const struct parley_ws_closed *closed)
{
    (void)ctx;
    ends++;
    has_ended = true;
    last_status = closed->status;
}

static const struct parley_ws_events ws_events = {.size = sizeof(ws_events),
                                                  .on_closed = on_ws_closed};

static void start_ws(struct parley_worker *worker)
{
    const struct parley_ws_header header = {"X-Test", "1"};
    const struct parley_ws_connect connect = {.size = sizeof(connect),
                                              .header_size = sizeof(header),
                                              .url = url,
                                              .subprotocol = "",
                                              .headers = &header,
                                              .header_count = 1,
                                              .ca_file = "",
                                              .want_headers = ""};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_ws *ws = NULL;

    if (service_ws.connect(worker, &connect, &ws_events, NULL, &ws, &err) < 0)
        fail_msg("%s", err.message);
    assert_non_null(ws);
}

static void ws_failure_is_told_once(void **state)
{
    (void)state;
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:1/");
    ask = start_ws;
    use_network();
    fixture_start(&f, &descriptor, "exporter");
    assert_int_equal(ends, 0);
    fixture_run_until(&f, &has_ended);
    assert_int_equal(ends, 1);
    assert_true(last_status < 0);
    close_network();
}

static void ws_that_was_left_open_is_given_up_in_silence(void **state)
{
    (void)state;
    open_listener("ws");
    ask = start_ws;
    use_network();
    fixture_start(&f, &descriptor, "exporter");
    loop_run_once(f.loop);
    close_network();
    assert_int_equal(ends, 0);
}

static void ws_without_transport(struct parley_worker *worker)
{
    const struct parley_ws_connect connect = {.size = sizeof(connect), .url = "ws://127.0.0.1:1/"};
    struct parley_ws *ws = NULL;

    assert_int_equal(service_ws.connect(worker, &connect, &ws_events, NULL, &ws, NULL),
                     PARLEY_E_UNAVAILABLE);
}

static void ws_without_sockets_is_refused(void **state)
{
    (void)state;
    ask = ws_without_transport;
    fixture_start(&f, &descriptor, "exporter");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(host_offers_what_it_knows),
        T(timer_runs_once_and_may_go_inside),
        T(timer_that_was_left_behind_is_freed_and_silent),
        T(fdwatch_tells_of_data_until_it_is_changed_or_unwatched),
        T(fdwatch_that_was_left_behind_is_freed_and_silent),
        T(fdwatch_of_no_descriptor_is_refused),
        T(stop_waits_for_offloaded_jobs),
        T(start_that_fails_waits_for_offloaded_jobs),
        T(offload_in_worker_stop_is_refused),
        T(offload_without_a_pool_is_refused),
        T(http_failure_is_told_once),
        T(http_that_was_left_open_is_given_up_in_silence),
        T(http_that_is_detached_is_sent_after_the_stop_and_unheard),
        T(http_without_on_end_is_refused),
        T(ws_failure_is_told_once),
        T(ws_that_was_left_open_is_given_up_in_silence),
        T(ws_without_sockets_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
