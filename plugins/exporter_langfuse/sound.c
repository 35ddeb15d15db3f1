/* SPDX-License-Identifier: Apache-2.0 */
#include "sound.h"

#include <parley/service/http.h>
#include <parley/service/metrics.h>
#include <parley/service/offload.h>
#include <parley/service/timer.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cut.h"
#include "parts/otlp/dress.h"
#include "parts/otlp/retry.h"

#define SETTLE_MS      3000 /* a recording is at most a second and a half behind */
#define AGAIN_MS       5000
#define LONGEST_MS     600000 /* of a server's wish */
#define MAX_TRIES      3
#define MAX_WAITING    256
#define MAX_PATH_BYTES 4096
#define MAX_URL_BYTES  8192 /* signed ones are long */
#define ANSWER_BYTES   65536
#define ID_TEXT        33
#define CONTENT_TYPE   "audio/wav"

enum step { STEP_CUT, STEP_ANNOUNCE, STEP_SEND, STEP_TELL };

/* One turn. */
struct sound {
    struct sounds *owner;
    struct sound *next;
    char trace[ID_TEXT];
    char span[ID_TEXT];
    char path[MAX_PATH_BYTES];
    int64_t from_ms;
    int64_t until_ms;
    int64_t due_ms;
    enum step step;
    unsigned tried; /* this step */
    struct cut cut;
    struct parley_error cut_err;
    int cut_status;
    char *upload_url;
    char media_id[128];
    int sent_code;
    int64_t began_ms;
    int64_t took_ms;
};

struct sounds {
    struct sound_config config;
    struct parley_worker *worker;
    const struct parley_service_http *http;
    const struct parley_service_offload *offload;
    const struct parley_service_metrics *metrics; /* NULL: a host without */
    const struct parley_service_timer *timers;
    struct parley_timer *timer;
    struct sound *first; /* the one that is worked on */
    struct sound *last;
    unsigned count;
    uint64_t request;
    bool is_busy; /* a job or a request is under way */
    bool is_hurried;
    bool is_told; /* of a row of failures, in the log */
};

static int64_t now_ms(const struct sounds *s)
{
    return (int64_t)(s->config.host->now_us() / 1000);
}

/* ---- the queue ---- */

static void sound_free(struct sound *sound)
{
    cut_done(&sound->cut);
    free(sound->upload_url);
    free(sound);
}

static void arm(struct sounds *s)
{
    int64_t wait = s->first == NULL ? 0 : s->first->due_ms - now_ms(s);

    if (s->first != NULL && !s->is_busy)
        s->timers->start(s->timer, wait > 0 && !s->is_hurried ? wait : 0);
}

static void count_dropped(const struct sounds *s, const char *error)
{
    const struct parley_metric_label labels[] = {{"otel.component.name", s->config.name},
                                                 {"error.type", error}};

    if (s->metrics != NULL) /* a host that has no such metric does without */
        (void)s->metrics->add(s->worker, "parley.exporter.dropped", 1, labels, 2);
}

static void tell(struct sounds *s, const struct sound *sound, const char *reason)
{
    if (!s->is_told)
        s->config.host->log(s->config.handle, PARLEY_LOG_WARN,
                            "the sound of a turn is not uploaded trace_id=%s url=%s reason=\"%s\"",
                            sound->trace, s->config.url, reason);
    s->is_told = true;
}

static void leave(struct sounds *s)
{
    struct sound *sound = s->first;

    s->first = sound->next;
    if (s->first == NULL)
        s->last = NULL;
    s->count--;
    sound_free(sound);
}

static void give_up(struct sounds *s, const char *error, const char *reason)
{
    tell(s, s->first, reason);
    count_dropped(s, error);
    leave(s);
}

/* ---- requests ---- */

static char *announcement(const struct sound *sound)
{
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "traceId", sound->trace, "observationId",
                  sound->span, "contentType", CONTENT_TYPE, "contentLength",
                  (json_int_t)sound->cut.len, "sha256Hash", sound->cut.sha256, "field", "output");
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

    json_decref(body);
    return text;
}

static char *report(const struct sounds *s, const struct sound *sound)
{
    uint64_t us = s->config.host->unix_us();
    time_t seconds = (time_t)(us / 1000000);
    char day[32] = "", at[48];
    struct tm date;

    if (gmtime_r(&seconds, &date) != NULL)
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &date);
    (void)snprintf(at, sizeof(at), "%s.%03uZ", day, (unsigned)(us / 1000 % 1000));
    json_t *body = json_pack("{s:s, s:i, s:I}", "uploadedAt", at, "uploadHttpStatus",
                             sound->sent_code, "uploadTimeMs", (json_int_t)sound->took_ms);
    if (body != NULL && (sound->sent_code < 200 || sound->sent_code >= 300))
        json_object_set_new(body, "uploadHttpError", json_string("the upload was refused"));
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static void on_answer(void *ctx, const struct parley_http_response *response);
static const struct parley_http_events answer_events = {.size = sizeof(answer_events),
                                                        .on_end = on_answer};

/* How a step went wrong. */
struct failure {
    int status;
    int code;         /* of an answer; 0: there was none */
    int64_t again_ms; /* the least pause that was asked for */
    const char *message;
};
static void fail_step(struct sounds *s, const struct failure *f);

static void fail_here(struct sounds *s, int status, const char *message)
{
    fail_step(s, &(struct failure){.status = status, .message = message});
}

static void start(struct sounds *s, const char *method, const char *url,
                  const struct headers *headers, struct parley_view body)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_http_request request = {
        .size = sizeof(request),
        .method = method,
        .url = url,
        .headers = (const char *const *)headers->items,
        .header_count = headers->count,
        .body = body,
        .ca_file = s->config.ca_file,
        .timeout_ms = s->config.timeout_ms,
        .max_response_bytes = ANSWER_BYTES,
    };

    s->first->tried++;
    s->first->began_ms = now_ms(s);
    s->is_busy = true; /* on_end never comes before start() returns */
    int r = s->http->start(s->worker, &request, &answer_events, s, &s->request, &err);
    if (r < 0) {
        s->is_busy = false;
        fail_here(s, r, err.message);
    }
}

static void start_json(struct sounds *s, const char *method, const char *url, char *take_text)
{
    if (take_text == NULL)
        fail_here(s, PARLEY_E_NO_MEMORY, "no memory");
    else
        start(s, method, url, s->config.headers,
              (struct parley_view){take_text, strlen(take_text)});
    free(take_text);
}

/* What the signature of the address covers differs between the kinds of storage. The key of
 * Langfuse does not go there. */
static void send_bytes(struct sounds *s)
{
    const struct sound *sound = s->first;
    bool is_google = strstr(sound->upload_url, "storage.googleapis.com") != NULL;
    struct headers headers = {0};
    bool ok = headers_add(&headers, "Content-Type", CONTENT_TYPE);

    if (ok && !is_google)
        ok = headers_add(&headers, "x-amz-checksum-sha256", sound->cut.sha256) &&
             headers_add(&headers, "x-ms-blob-type", "BlockBlob");
    if (ok)
        start(s, "PUT", sound->upload_url, &headers,
              (struct parley_view){sound->cut.bytes, sound->cut.len});
    else
        fail_here(s, PARLEY_E_NO_MEMORY, "no memory");
    headers_done(&headers);
}

static void tell_langfuse(struct sounds *s)
{
    char url[MAX_URL_BYTES];

    (void)snprintf(url, sizeof(url), "%s/%s", s->config.url, s->first->media_id);
    start_json(s, "PATCH", url, report(s, s->first));
}

/* ---- cutting ---- */

/* [offload] */
static void on_pool(void *arg)
{
    struct sound *sound = arg;

    sound->cut_err = (struct parley_error)PARLEY_ERROR_INIT;
    sound->cut_status =
        cut_read(sound->path, sound->from_ms, sound->until_ms, &sound->cut, &sound->cut_err);
}

static void next_step(struct sounds *s, enum step step)
{
    s->first->step = step;
    s->first->tried = 0;
    s->first->due_ms = 0;
    arm(s);
}

/* Before worker_stop in any case. What the job left behind counts, not the pool's status. */
static void on_cut(void *arg, int status)
{
    struct sound *sound = arg;
    struct sounds *s = sound->owner;

    (void)status;
    s->is_busy = false;
    if (sound->cut.bytes != NULL) {
        next_step(s, STEP_ANNOUNCE);
        return;
    }
    give_up(s, "unreadable",
            sound->cut_status < 0 ? sound->cut_err.message : "the pool is stopping");
    arm(s);
}

static void cut(struct sounds *s)
{
    struct sound *sound = s->first;

    sound->tried++;
    s->is_busy = s->offload->run(s->worker, NULL, on_pool, on_cut, sound) == PARLEY_OK;
    if (!s->is_busy)
        fail_here(s, PARLEY_E_BUSY, "the offload pool is full");
}

/* ---- steps ---- */

static void on_timer(void *ctx)
{
    struct sounds *s = ctx;

    if (s->first == NULL || s->is_busy)
        return;
    switch (s->first->step) {
    case STEP_CUT:
        cut(s);
        break;
    case STEP_ANNOUNCE:
        start_json(s, "POST", s->config.url, announcement(s->first));
        break;
    case STEP_SEND:
        send_bytes(s);
        break;
    case STEP_TELL:
        tell_langfuse(s);
        break;
    }
}

static bool is_passing(int status, int code)
{
    return code == 0 ? status != PARLEY_E_NO_MEMORY && status != PARLEY_E_CANCELLED
                     : code == 408 || code == 429 || code >= 500;
}

static const char *const step_names[] = {"cut", "announcement", "upload", "report of the upload"};

/* One whose upload was refused is counted already. */
static void give_up_step(struct sounds *s, const struct failure *f)
{
    char reason[512];

    if (f->code > 0)
        (void)snprintf(reason, sizeof(reason), "the %s was answered %d", step_names[s->first->step],
                       f->code);
    else
        (void)snprintf(reason, sizeof(reason), "%s", f->message);
    if (s->first->sent_code >= 300)
        leave(s);
    else
        give_up(s, f->code > 0 ? "refused" : "unavailable", reason);
}

static void fail_step(struct sounds *s, const struct failure *f)
{
    bool is_again = is_passing(f->status, f->code) && s->first->tried < MAX_TRIES && !s->is_hurried;
    int64_t pause = f->again_ms < AGAIN_MS ? AGAIN_MS : f->again_ms;

    if (is_again)
        s->first->due_ms = now_ms(s) + (pause < LONGEST_MS ? pause : LONGEST_MS);
    else
        give_up_step(s, f);
    arm(s);
}

static bool is_address(const char *text)
{
    return text != NULL && strlen(text) < MAX_URL_BYTES && strpbrk(text, " \r\n") == NULL &&
           (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0);
}

/* It becomes a part of an address. */
static bool is_media_id(const char *text)
{
    return text != NULL && text[0] != '\0' &&
           strlen(text) < sizeof(((struct sound *)0)->media_id) &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] ==
               '\0';
}

static void done(struct sounds *s)
{
    if (s->first->sent_code < 300)
        s->is_told = false;
    leave(s);
    arm(s);
}

/* No address: Langfuse has these bytes already, and the observation has them now. */
static void read_announcement(struct sounds *s, struct parley_view body)
{
    json_t *answer = json_loadb(body.data, body.len, 0, NULL);
    const json_t *url = json_object_get(answer, "uploadUrl");
    const char *id = json_string_value(json_object_get(answer, "mediaId"));

    if (is_media_id(id) && json_is_null(url)) {
        done(s);
    } else if (is_media_id(id) && is_address(json_string_value(url))) {
        (void)snprintf(s->first->media_id, sizeof(s->first->media_id), "%s", id);
        s->first->upload_url = strdup(json_string_value(url));
        if (s->first->upload_url != NULL)
            next_step(s, STEP_SEND);
        else
            fail_here(s, PARLEY_E_NO_MEMORY, "no memory");
    } else {
        give_up(s, "unreadable", "the answer has no mediaId and uploadUrl");
        arm(s);
    }
    json_decref(answer);
}

/* Langfuse is told of a refusal, too: else it shows an upload that goes on for ever. */
static void after_sending(struct sounds *s, int code)
{
    s->first->sent_code = code;
    s->first->took_ms = now_ms(s) - s->first->began_ms;
    if (code >= 300) {
        char reason[64];
        (void)snprintf(reason, sizeof(reason), "the upload was answered %d", code);
        tell(s, s->first, reason);
        count_dropped(s, "refused");
    }
    cut_done(&s->first->cut);
    next_step(s, STEP_TELL);
}

static void fail_answer(struct sounds *s, const struct parley_http_response *response)
{
    int64_t unix_ms = (int64_t)(s->config.host->unix_us() / 1000);

    fail_step(s, &(struct failure){.status = response->status,
                                   .code = response->code,
                                   .again_ms = retry_after_ms(response->headers, unix_ms),
                                   .message = response->message});
}

static void on_answer(void *ctx, const struct parley_http_response *response)
{
    struct sounds *s = ctx;
    const struct sound *sound = s->first;
    bool is_good = response->code >= 200 && response->code < 300;
    bool is_final = response->code >= 200 &&
                    (!is_passing(PARLEY_OK, response->code) || sound->tried >= MAX_TRIES);

    s->is_busy = false;
    if (sound->step == STEP_SEND && is_final)
        after_sending(s, response->code);
    else if (!is_good)
        fail_answer(s, response);
    else if (sound->step == STEP_ANNOUNCE)
        read_announcement(s, response->body);
    else
        done(s);
}

/* ---- adding ---- */

static void write_hex(char *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void sounds_add(struct sounds *s, const struct parley_span *span)
{
    struct parley_view path = attr_text(&span->attrs, "parley.recording.file");

    if (path.len == 0 || path.len >= MAX_PATH_BYTES)
        return;
    struct sound *sound = s->count >= MAX_WAITING ? NULL : calloc(1, sizeof(*sound));
    if (sound == NULL) {
        count_dropped(s, "queue_full");
        return;
    }
    sound->owner = s;
    write_hex(sound->trace, span->trace_id, sizeof(span->trace_id));
    write_hex(sound->span, span->span_id, sizeof(span->span_id));
    memcpy(sound->path, path.data, path.len);
    sound->from_ms = attr_int(&span->attrs, "parley.recording.from_ms");
    sound->until_ms = attr_int(&span->attrs, "parley.recording.until_ms");
    sound->due_ms = now_ms(s) + SETTLE_MS;
    if (s->last == NULL)
        s->first = sound;
    else
        s->last->next = sound;
    s->last = sound;
    s->count++;
    arm(s);
}

/* ---- life ---- */

int sounds_create(const struct sound_config *config, struct parley_worker *worker,
                  struct sounds **ret, struct parley_error *err)
{
    struct sounds *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    s->config = *config;
    s->worker = worker;
    s->http = config->host->service(PARLEY_SERVICE_HTTP);
    s->offload = config->host->service(PARLEY_SERVICE_OFFLOAD);
    s->metrics = config->host->service(PARLEY_SERVICE_METRICS);
    s->timers = config->host->service(PARLEY_SERVICE_TIMER);
    if (s->http == NULL || s->offload == NULL || s->timers == NULL) {
        free(s);
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "sound: this host has no HTTP client, timers or offload pool");
    }
    s->timer = s->timers->create(worker, on_timer, s);
    if (s->timer == NULL) {
        free(s);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    }
    *ret = s;
    return PARLEY_OK;
}

void sounds_hurry(struct sounds *s)
{
    s->is_hurried = true;
    arm(s);
}

void sounds_close(struct sounds *s)
{
    if (s == NULL)
        return;
    s->timers->destroy(s->timer);
    if (s->is_busy)
        s->http->cancel(s->worker, s->request);
    while (s->first != NULL)
        give_up(s, "shutdown", "parley is stopping");
    free(s);
}
