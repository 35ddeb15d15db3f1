/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/http_client.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/str.h"
#include "transport/address.h"

#include <ctype.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TIMEOUT_MS         30000
#define MAX_RESPONSE_BYTES (4 * 1024 * 1024)
#define MAX_HEADER_BYTES   (64 * 1024)

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct event *timer; /* in real time, as the sockets are */
    struct loop_timer later;
    struct list exchanges;
    uint64_t last_id;
};

/* One request under way. */
struct exchange {
    struct list entry;
    struct http_client *client;
    uint64_t id;
    CURL *easy;
    struct curl_slist *lines;
    struct http_client_events events;
    void *ctx;
    size_t max_response_bytes;
    size_t received;
    struct buf headers;
    struct buf body;
    bool is_added;
    bool is_cancelled;
    bool is_too_large;
    bool may_loop_back;
    bool is_refused; /* by its address */
    char host[256];
    char error[CURL_ERROR_SIZE];
};

/* ---- the end of an exchange ---- */

static void exchange_free(struct exchange *x)
{
    if (x == NULL)
        return;
    list_remove(&x->entry);
    if (x->is_added)
        (void)curl_multi_remove_handle(x->client->multi, x->easy);
    if (x->easy != NULL)
        curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->lines);
    buf_done(&x->headers);
    buf_done(&x->body);
    free(x);
}

static int status_of(const struct exchange *x, CURLcode code)
{
    if (x->is_cancelled)
        return PARLEY_E_CANCELLED;
    if (x->is_too_large)
        return PARLEY_E_TOO_LARGE;
    if (x->body.failed || x->headers.failed)
        return PARLEY_E_NO_MEMORY;
    if (x->is_refused && code != CURLE_OK)
        return PARLEY_E_DENIED;
    switch (code) {
    case CURLE_OK:
        return PARLEY_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return PARLEY_E_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
        return PARLEY_E_INVALID;
    case CURLE_OUT_OF_MEMORY:
        return PARLEY_E_NO_MEMORY;
    default:
        return PARLEY_E_UNAVAILABLE;
    }
}

static const char *reason_of(const struct exchange *x, int status, CURLcode code)
{
    switch (status) {
    case PARLEY_E_CANCELLED:
        return "given up by this side";
    case PARLEY_E_TOO_LARGE:
        return "the answer is above the limit on its size";
    case PARLEY_E_DENIED:
        return "not an address of the public Internet, which is all that is allowed here";
    default:
        return x->error[0] != '\0' ? x->error : curl_easy_strerror(code);
    }
}

static void finish(struct exchange *x, CURLcode code)
{
    char message[sizeof(x->host) + CURL_ERROR_SIZE + 8] = "";
    long http_code = 0;
    int status = status_of(x, code);

    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &http_code);
    if (status != PARLEY_OK)
        snprintf(message, sizeof(message), "%s: %s", x->host, reason_of(x, status, code));
    struct http_client_response response = {
        .status = status,
        .code = (int)http_code,
        .headers = buf_view(&x->headers),
        .body = status == PARLEY_OK ? buf_view(&x->body) : (struct parley_view){"", 0},
        .message = message,
    };
    list_remove(&x->entry);
    if (x->events.on_end != NULL)
        x->events.on_end(x->ctx, &response);
    exchange_free(x);
}

static void read_ends(struct http_client *c)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct exchange *x = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        finish(x, code);
    }
}

/* ---- curl on the loop ---- */

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int running;
    int action = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
                 ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

    (void)curl_multi_socket_action(c->multi, fd, action, &running);
    read_ends(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int running;

    (void)fd;
    (void)what;
    (void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    read_ends(c);
}

/* curl tells which events it wants of a descriptor; `socketp` is the event that was made for it. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socketp)
{
    struct http_client *c = ctx;
    short events = (short)(EV_PERSIST | ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));

    (void)easy;
    if (socketp != NULL)
        event_free(socketp);
    if (what == CURL_POLL_REMOVE) {
        (void)curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    struct event *e = event_new(loop_base(c->loop), fd, events, on_fd, c);
    if (e != NULL)
        (void)event_add(e, NULL);
    (void)curl_multi_assign(c->multi, fd, e);
    return e == NULL ? -1 : 0;
}

static int on_timeout_change(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http_client *c = ctx;
    struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0)
        evtimer_del(c->timer);
    else
        evtimer_add(c->timer, &tv);
    return 0;
}

/* ---- what comes ---- */

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * count;
    long code = 0;

    if (x->is_cancelled)
        return 0;
    x->received += len;
    if (x->received > x->max_response_bytes) {
        x->is_too_large = true;
        return 0;
    }
    if (x->events.on_data == NULL) {
        buf_append(&x->body, data, len);
        return x->body.failed ? 0 : len;
    }
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &code);
    x->events.on_data(x->ctx, (int)code, (struct parley_view){data, len});
    return x->is_cancelled ? 0 : len;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    struct parley_view line = {data, size * count};
    struct parley_view name, value = view_trim(line);

    if (view_starts_with(line, VIEW("HTTP/")))
        buf_clear(&x->headers); /* another answer, such as after a 100 */
    if (!view_split(&value, ':', &name))
        return line.len;
    if (x->headers.len + line.len > MAX_HEADER_BYTES) {
        x->is_too_large = true;
        return 0;
    }
    for (size_t i = 0; i < name.len; i++)
        buf_append_char(&x->headers, (char)tolower((unsigned char)name.data[i]));
    buf_append_str(&x->headers, ": ");
    buf_append_view(&x->headers, view_trim(value));
    buf_append_str(&x->headers, "\r\n");
    return x->headers.failed ? 0 : line.len;
}

/* ---- keeping to the public Internet ---- */

/* With the very address that will be connected to. */
static curl_socket_t open_public(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *x = ctx;
    enum address_kind kind = address_kind(&address->addr, (socklen_t)address->addrlen);

    (void)purpose;
    if (kind == ADDRESS_PUBLIC || (kind == ADDRESS_LOOPBACK && x->may_loop_back))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    x->is_refused = true;
    return CURL_SOCKET_BAD;
}

/* A proxy, or a connection that another request left open, would go by without being looked at. */
static void keep_public(struct exchange *x, const struct http_client_request *request)
{
    if (!request->is_public_only)
        return;
    x->may_loop_back = request->may_loop_back;
    curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETFUNCTION, open_public);
    curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
}

/* ---- starting ---- */

static int check_url(struct exchange *x, const char *url, struct parley_error *err)
{
    char shown[200];
    char *host = NULL;
    CURLU *u = curl_url();

    view_copy(shown, sizeof(shown), (struct parley_view){url, strcspn(url, "?#")});
    if (u == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "URL %s: no memory", shown);
    bool is_good = (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) &&
                   curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    if (is_good)
        snprintf(x->host, sizeof(x->host), "%s", host);
    curl_free(host);
    curl_url_cleanup(u);
    if (!is_good)
        return parley_fail(err, PARLEY_E_INVALID,
                           "URL \"%s\": must be http:// or https:// and a host", shown);
    return PARLEY_OK;
}

static int add_line(struct exchange *x, const char *line, struct parley_error *err)
{
    if (strpbrk(line, "\r\n") != NULL)
        return parley_fail(err, PARLEY_E_INVALID, "header \"%.*s\": holds the end of a line",
                           (int)strcspn(line, ":\r\n"), line);
    struct curl_slist *lines = curl_slist_append(x->lines, line);
    if (lines == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "headers: no memory");
    x->lines = lines;
    return PARLEY_OK;
}

static int set_headers(struct exchange *x, const struct http_client_request *request,
                       struct parley_error *err)
{
    int r = add_line(x, "Expect:", err); /* no extra round trip before a body */

    for (size_t i = 0; i < request->header_count && r == PARLEY_OK; i++)
        r = add_line(x, request->headers[i], err);
    return r;
}

static void set_method(CURL *e, const struct http_client_request *request)
{
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    if (request->body.len > 0 || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS,
                         request->body.len > 0 ? request->body.data : "");
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_limits(CURL *e, const struct http_client_request *request)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                     (long)(request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS));
    /* The system's folder of certificates stays in force beside this file. */
    if (request->ca_file != NULL && request->ca_file[0] != '\0')
        curl_easy_setopt(e, CURLOPT_CAINFO, request->ca_file);
    if (request->client_cert_file != NULL && request->client_cert_file[0] != '\0')
        curl_easy_setopt(e, CURLOPT_SSLCERT, request->client_cert_file);
    if (request->client_key_file != NULL && request->client_key_file[0] != '\0')
        curl_easy_setopt(e, CURLOPT_SSLKEY, request->client_key_file);
}

static int prepare(struct exchange *x, const struct http_client_request *request,
                   struct parley_error *err)
{
    int r = check_url(x, request->url, err);

    if (r < 0)
        return r;
    size_t letters = strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (letters == 0 || letters > 16 || request->method[letters] != '\0')
        return parley_fail(err, PARLEY_E_INVALID, "method \"%.20s\": must be such as GET or POST",
                           request->method);
    r = set_headers(x, request, err);
    if (r < 0)
        return r;
    x->easy = curl_easy_init();
    if (x->easy == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", x->host);
    set_method(x->easy, request);
    set_limits(x->easy, request);
    keep_public(x, request);
    curl_easy_setopt(x->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->lines);
    curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "parley/" PARLEY_VERSION);
    curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
    return PARLEY_OK;
}

static CURLMcode add(struct exchange *x)
{
    CURLMcode code = curl_multi_add_handle(x->client->multi, x->easy);

    x->is_added = code == CURLM_OK;
    return code;
}

/* What cannot be done inside a callback of curl. */
static void on_later(void *ctx)
{
    struct http_client *c = ctx;
    struct list *at, *tmp;

    list_for_each_safe(at, tmp, &c->exchanges)
    {
        struct exchange *x = list_entry(at, struct exchange, entry);
        if (x->is_cancelled)
            finish(x, CURLE_OK);
        else if (!x->is_added && add(x) != CURLM_OK)
            finish(x, CURLE_FAILED_INIT);
    }
}

int http_client_start(struct http_client *c, const struct http_client_request *request,
                      const struct http_client_events *events, void *ctx, uint64_t *ret_id,
                      struct parley_error *err)
{
    struct exchange *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
    list_init(&x->entry);
    x->client = c;
    x->events = *events;
    x->ctx = ctx;
    x->max_response_bytes =
        request->max_response_bytes > 0 ? request->max_response_bytes : MAX_RESPONSE_BYTES;
    int r = prepare(x, request, err);
    if (r < 0) {
        exchange_free(x);
        return r;
    }
    CURLMcode added = add(x);
    if (added == CURLM_RECURSIVE_API_CALL) { /* inside on_data: in the loop's next turn */
        loop_timer_start(c->loop, &c->later, 0, on_later, c);
    } else if (added != CURLM_OK) {
        exchange_free(x);
        return parley_fail(err, PARLEY_E_INTERNAL, "curl refused a request");
    }
    x->id = ++c->last_id;
    list_append(&c->exchanges, &x->entry);
    *ret_id = x->id;
    return PARLEY_OK;
}

void http_client_step(struct http_client *c, int limit_ms)
{
    int running;

    (void)curl_multi_perform(c->multi, &running);
    if (running > 0)
        (void)curl_multi_poll(c->multi, NULL, 0, limit_ms, NULL);
    (void)curl_multi_perform(c->multi, &running);
    read_ends(c);
}

void http_client_cancel(struct http_client *c, uint64_t id)
{
    struct list *at;

    list_for_each(at, &c->exchanges)
    {
        struct exchange *x = list_entry(at, struct exchange, entry);
        if (x->id != id)
            continue;
        x->is_cancelled = true;
        loop_timer_start(c->loop, &c->later, 0, on_later, c);
        return;
    }
}

/* ---- life ---- */

static void curl_init(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_create(struct loop *loop)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *c = calloc(1, sizeof(*c));

    pthread_once(&once, curl_init);
    if (c == NULL)
        return NULL;
    c->loop = loop;
    list_init(&c->exchanges);
    c->multi = curl_multi_init();
    c->timer = evtimer_new(loop_base(loop), on_timer, c);
    if (c->multi == NULL || c->timer == NULL)
        return http_client_destroy(c);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout_change);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    return c;
}

struct http_client *http_client_destroy(struct http_client *c)
{
    if (c == NULL)
        return NULL;
    loop_timer_stop(&c->later);
    while (!list_empty(&c->exchanges)) {
        struct exchange *x = list_entry(c->exchanges.next, struct exchange, entry);
        x->is_cancelled = true;
        finish(x, CURLE_OK);
    }
    if (c->multi != NULL)
        curl_multi_cleanup(c->multi);
    if (c->timer != NULL)
        event_free(c->timer);
    free(c);
    return NULL;
}
