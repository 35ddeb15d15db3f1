/* SPDX-License-Identifier: Apache-2.0 */
#include "sender.h"

#include "encode.h"
#include "gzip.h"
#include "lane.h"
#include "parts/delta.h"

#include <stdlib.h>
#include <string.h>

/* Where one signal goes. */
struct outlet {
    struct lane *lane; /* NULL: it is not sent */
    bool is_gzip;
};

struct sender {
    struct sender_config config;
    const struct parley_exporter_host *exporter;
    struct outlet traces;
    struct outlet metrics;
    struct outlet logs;
    struct delta *delta; /* NULL: metrics go as they are */
    bool is_stopped;     /* the host has ended every delivery */
};

/* One batch, which may be several requests; told when the last one is done. */
struct delivery {
    struct sender *sender;
    parley_op op;
    unsigned waiting;
    bool was_sent; /* something of it */
    int status;    /* the first failure */
    uint64_t lost;
    struct parley_error err;
};

/* ---- for the plugin's instance ---- */

char *sender_url(const char *endpoint, const char *path)
{
    size_t len = strlen(endpoint);

    while (len > 0 && endpoint[len - 1] == '/')
        len--;
    char *url = malloc(len + strlen(path) + 1);
    if (url != NULL) {
        memcpy(url, endpoint, len);
        memcpy(url + len, path, strlen(path) + 1);
    }
    return url;
}

/* An address is logged and shown: what is wrong with it must not show what it holds. */
int sender_check_url(const char *option, const char *url, struct parley_error *err)
{
    if (strchr(url, '@') != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: it holds a user or a password; leave them out of the address",
                           option);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return parley_fail(err, PARLEY_E_INVALID, "%s: \"%s\" is no http:// or https:// address",
                           option, url);
    return PARLEY_OK;
}

int sender_check_base(const char *option, const char *url, struct parley_error *err)
{
    int r = sender_check_url(option, url, err);

    if (r == PARLEY_OK && strpbrk(url, "?#") != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: it has a ? or a #, behind which no path can go; leave them out",
                           option);
    return r;
}

bool sender_add_agent(struct headers *headers, const struct parley_host *host, const char *type)
{
    char agent[64];

    (void)snprintf(agent, sizeof(agent), "parley/%s", host->version);
    return headers_add(headers, "Content-Type", type) && headers_add(headers, "User-Agent", agent);
}

bool sender_add_headers(struct headers *headers, const struct parley_host *host, bool is_gzip)
{
    if (is_gzip && !headers_add(headers, "Content-Encoding", "gzip"))
        return false;
    return sender_add_agent(headers, host, "application/x-protobuf");
}

/* ---- life ---- */

static const char *either(const char *own, const char *common)
{
    return own != NULL && own[0] != '\0' ? own : common;
}

/* False when it cannot be made; no URL makes none. */
static bool open_outlet(const struct sender *s, struct parley_worker *worker, const char *url,
                        const struct sender_own *own, struct outlet *ret)
{
    const struct sender_config *c = &s->config;
    const struct headers *headers = own->headers != NULL ? own->headers : c->headers;
    bool has_cert = either(own->client_cert_file, NULL) != NULL;

    if (url == NULL)
        return true;
    const struct lane_config config = {
        .host = c->host,
        .http = c->host->service(PARLEY_SERVICE_HTTP),
        .timer = c->host->service(PARLEY_SERVICE_TIMER),
        .worker = worker,
        .handle = c->handle,
        .url = url,
        .headers = (const char *const *)headers->items,
        .header_count = headers->count,
        .ca_file = either(own->ca_file, c->ca_file),
        .client_cert_file = either(own->client_cert_file, c->client_cert_file),
        .client_key_file = has_cert ? own->client_key_file : c->client_key_file,
        .credential = c->credential,
        .scope = c->scope,
        .timeout_ms = own->timeout_ms > 0 ? own->timeout_ms : c->timeout_ms,
        .max_queue_bytes = c->max_queue_bytes,
    };

    ret->is_gzip = own->headers != NULL ? own->is_gzip : c->is_gzip;
    ret->lane = config.http == NULL || config.timer == NULL ? NULL : lane_create(&config);
    return ret->lane != NULL;
}

int sender_create(const struct sender_config *config, struct parley_worker *worker,
                  struct sender **ret, struct parley_error *err)
{
    struct sender *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        if (config->stop != NULL)
            config->stop(config->ctx);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    }
    s->config = *config;
    if (!open_outlet(s, worker, config->traces_url, &config->traces, &s->traces) ||
        !open_outlet(s, worker, config->metrics_url, &config->metrics, &s->metrics) ||
        !open_outlet(s, worker, config->logs_url, &config->logs, &s->logs)) {
        sender_stop(s);
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "this host has no HTTP client or no timers");
    }
    s->delta = config->with_delta ? delta_open(config->name) : NULL;
    if (config->with_delta && s->delta == NULL) {
        sender_stop(s);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    }
    *ret = s;
    return PARLEY_OK;
}

static void flush(void *worker_instance)
{
    struct sender *s = worker_instance;

    if (s->traces.lane != NULL)
        lane_hurry(s->traces.lane);
    if (s->metrics.lane != NULL)
        lane_hurry(s->metrics.lane);
    if (s->logs.lane != NULL)
        lane_hurry(s->logs.lane);
    if (s->config.hurry != NULL)
        s->config.hurry(s->config.ctx);
}

/* The host has ended every delivery. */
void sender_stop(void *worker_instance)
{
    struct sender *s = worker_instance;

    s->is_stopped = true;
    lane_close(s->traces.lane);
    lane_close(s->metrics.lane);
    lane_close(s->logs.lane);
    delta_close(s->delta);
    if (s->config.stop != NULL)
        s->config.stop(s->config.ctx);
    free(s);
}

/* ---- deliveries ---- */

static void end(const struct delivery *d)
{
    int status = d->status < 0 || d->was_sent ? d->status : PARLEY_EXPORT_NOTHING;

    if (!d->sender->is_stopped)
        d->sender->exporter->end(d->op, status, d->lost, status < 0 ? &d->err : NULL);
}

static void on_done(void *ctx, int status, uint64_t lost, const struct parley_error *err)
{
    struct delivery *d = ctx;

    d->lost += lost;
    if (status < 0 && d->status == PARLEY_OK) {
        d->status = status;
        if (err != NULL)
            d->err = *err;
    }
    if (--d->waiting > 0)
        return;
    end(d);
    free(d);
}

typedef bool (*encode_fn)(const struct encode_config *config, const struct parley_batch *batch,
                          struct body *ret);

static void send(struct sender *s, struct delivery *d, const struct parley_batch *batch,
                 encode_fn encode, const struct outlet *outlet, uint64_t records)
{

    const struct encode_config config = {.scope_version = s->config.host->version,
                                         .with_content = s->config.with_content,
                                         .with_exponential = s->config.with_exponential};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct body body = {0};
    int r;

    d->was_sent = true;
    d->waiting++;
    if (!encode(&config, batch, &body)) {
        r = parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory to encode %llu records",
                        (unsigned long long)records);
    } else if (outlet->is_gzip && !gzip_body(&body)) {
        free(body.bytes);
        r = parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory to compress %llu records",
                        (unsigned long long)records);
    } else {
        r = lane_send(outlet->lane, body, records, on_done, d, &err);
    }
    if (r < 0)
        on_done(d, r, records, &err);
}

static void give_up(struct delivery *d, uint64_t records)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory to encode %llu records",
                      (unsigned long long)records);
    d->waiting++;
    on_done(d, PARLEY_E_NO_MEMORY, records, &err);
}

/* What a destination has no use for is neither delivered nor lost. */
static void leave_out(const struct delivery *d, uint64_t records)
{
    const struct parley_exporter_host *host = d->sender->exporter;

    if (records > 0 && PARLEY_HAS(host, leave_out) && host->leave_out != NULL)
        host->leave_out(d->op, records);
}

static void send_metrics(struct sender *s, struct delivery *d, const struct parley_batch *batch)
{
    struct parley_batch changes = *batch;

    if (s->delta != NULL) {
        changes.metrics = delta_take(s->delta, batch, &changes.metric_count);
        changes.metric_size = sizeof(struct parley_metric);
    }
    if (changes.metrics == NULL) {
        give_up(d, batch->metric_count);
        return;
    }
    leave_out(d, batch->metric_count - changes.metric_count);
    if (changes.metric_count > 0)
        send(s, d, &changes, encode_metrics, &s->metrics, changes.metric_count);
}

static void send_dressed(struct sender *s, struct delivery *d, const struct parley_batch *batch)
{
    struct arena arena = {0};
    struct parley_batch dressed = *batch;

    dressed.spans = s->config.dress(s->config.ctx, batch, &arena, &dressed.span_count);
    dressed.span_size = sizeof(struct parley_span);
    bool is_good = dressed.spans != NULL && !arena.failed;
    if (is_good)
        leave_out(d, batch->span_count - dressed.span_count);
    else
        give_up(d, batch->span_count);
    if (is_good && dressed.span_count > 0)
        send(s, d, &dressed, encode_traces, &s->traces, dressed.span_count);
    arena_done(&arena);
}

static void send_body(struct delivery *d, const struct outlet *outlet, struct body take_body)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    d->was_sent = true;
    d->waiting++;
    int r = lane_send(outlet->lane, take_body, 1, on_done, d, &err);
    if (r < 0)
        on_done(d, r, 1, &err);
}

static void send_written(struct sender *s, struct delivery *d, const struct parley_batch *batch)
{
    const char *at = (const char *)batch->logs;
    uint32_t others = 0;

    for (uint32_t i = 0; i < batch->log_count; i++, at += batch->log_size) {
        struct body body = {0};
        if (!s->config.write_log(batch, (const void *)at, &body))
            give_up(d, 1);
        else if (body.bytes != NULL)
            send_body(d, &s->logs, body);
        else
            others++;
    }
    leave_out(d, others);
}

static int deliver(void *worker_instance, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    struct sender *s = worker_instance;
    struct delivery *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    *d = (struct delivery){.sender = s, .op = op, .waiting = 1};
    d->err = (struct parley_error)PARLEY_ERROR_INIT;
    if (batch->span_count > 0 && s->traces.lane != NULL && s->config.dress != NULL)
        send_dressed(s, d, batch);
    else if (batch->span_count > 0 && s->traces.lane != NULL)
        send(s, d, batch, encode_traces, &s->traces, batch->span_count);
    if (batch->metric_count > 0 && s->metrics.lane != NULL)
        send_metrics(s, d, batch);
    if (batch->log_count > 0 && s->logs.lane != NULL && s->config.write_log != NULL)
        send_written(s, d, batch);
    else if (batch->log_count > 0 && s->logs.lane != NULL)
        send(s, d, batch, encode_logs, &s->logs, batch->log_count);
    on_done(d, PARLEY_OK, 0, NULL); /* this function's own share of `waiting` */
    return PARLEY_OK;
}

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_exporter_host *host)
{
    struct sender *s = worker_instance;

    (void)worker;
    s->exporter = host;
}

const struct parley_exporter_vtable sender_vtable = {
    .size = sizeof(sender_vtable),
    .attach = attach,
    .deliver = deliver,
    .flush = flush,
};
