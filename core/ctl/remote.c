/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/remote.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/str.h"
#include "conf/conf.h"
#include "daemon/server_options.h"
#include "transport/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS    120000 /* deleting all that a user has said may take a while */
#define ANSWER_BYTES (128u << 20)

struct answer {
    struct loop *loop;
    int status;
    int code;
    struct buf body;
    char message[256];
};

static void on_end(void *ctx, const struct http_client_response *response)
{
    struct answer *a = ctx;

    a->status = response->status;
    a->code = response->code;
    buf_append_view(&a->body, response->body);
    (void)snprintf(a->message, sizeof(a->message), "%s",
                   response->message == NULL ? "" : response->message);
    loop_stop(a->loop);
}

/* The words of an error answer, {"error": {"message"}}, or its code. */
static int refused(const struct answer *a, const char *url, struct parley_error *err)
{
    struct parley_error parse = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *tree = json_parse(buf_view(&a->body), &parse);
    const char *message = json_get_str(json_object_get(tree, "error"), "message", "");

    const char *hint = a->code != 401                   ? ""
                       : strstr(url, "/admin/") != NULL ? " (--token TOKEN, or -c FILE)"
                                                        : " (--key KEY)";

    if (message[0] != '\0')
        return parley_fail(err, PARLEY_E_DENIED, "%.300s%s", message, hint);
    return parley_fail(err, PARLEY_E_DENIED, "%s answered with HTTP status %d", url, a->code);
}

static int read_answer(const struct answer *a, const char *url, json_t **ret_json,
                       struct parley_error *err)
{
    if (a->status < 0)
        return parley_fail(err, PARLEY_E_UNAVAILABLE,
                           "no server answers at %s: %s; is parleyd running%s, and is this its "
                           "address?",
                           url, a->message,
                           strstr(url, "/admin/") == NULL ? "" : " with an [admin] section");
    if (a->code >= 300)
        return refused(a, url, err);
    *ret_json = json_parse(buf_view(&a->body), err);
    return *ret_json == NULL ? PARLEY_E_PROTOCOL : PARLEY_OK;
}

static int ask(struct http_client *client, struct answer *a, const struct remote *r,
               const char *method, const char *url, struct parley_error *err)
{
    static const struct http_client_events events = {.on_end = on_end};
    char authorization[1024];
    const char *headers[] = {authorization};
    uint64_t id;

    (void)snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s",
                   r->token == NULL ? "" : r->token);
    const struct http_client_request request = {
        .method = method,
        .url = url,
        .headers = headers,
        .header_count = r->token == NULL || r->token[0] == '\0' ? 0 : 1,
        .ca_file = r->ca_file,
        .timeout_ms = ANSWER_MS,
        .max_response_bytes = ANSWER_BYTES,
    };
    int status = http_client_start(client, &request, &events, a, &id, err);
    if (status == PARLEY_OK)
        loop_run(a->loop);
    return status;
}

int remote_ask(const struct remote *r, const char *method, const char *path, json_t **ret_json,
               struct parley_error *err)
{
    _cleanup_(buf_done) struct buf url = {0};
    struct answer a = {.loop = loop_create()};
    struct http_client *client = a.loop == NULL ? NULL : http_client_create(a.loop);
    struct parley_view base = view_of(r->url);

    while (base.len > 0 && base.data[base.len - 1] == '/')
        base.len--;
    buf_append_view(&url, base);
    buf_append_str(&url, path);
    int status = client == NULL || url.failed ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory")
                                              : ask(client, &a, r, method, url.data, err);
    if (status == PARLEY_OK)
        status = read_answer(&a, url.data, ret_json, err);
    http_client_destroy(client);
    loop_destroy(a.loop);
    buf_done(&a.body);
    return status;
}

static int admin_of(const struct conf *c, const char *path, char **ret_url, char **ret_token,
                    struct parley_error *err)
{
    const struct conf_section *section = conf_find(c, "admin", "");
    struct options_values *values = NULL;
    struct conf_report report = {0};

    if (section == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND,
                           "%s has no [admin] section, so that server has no admin API; give it "
                           "one with listen = 127.0.0.1:8081",
                           path);
    int r = options_fill(&admin_options, c, section, &values, &report);
    if (r < 0)
        r = conf_report_to_error(&report, err);
    if (r == PARLEY_OK) {
        const struct admin_config *admin = options_config(values);
        if (asprintf(ret_url, "http://%s", admin->listen) < 0)
            r = parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
        else
            *ret_token = strdup(admin->token);
    }
    options_destroy(values);
    conf_report_done(&report);
    return r;
}

int remote_from_config(const char *config, const char *environment, char **ret_url,
                       char **ret_token, struct parley_error *err)
{
    struct conf_report report = {0};
    struct conf *c = NULL;
    int r = conf_load(config, environment, NULL, &c, &report);

    if (r < 0)
        r = conf_report_to_error(&report, err);
    else
        r = admin_of(c, config, ret_url, ret_token, err);
    conf_destroy(c);
    conf_report_done(&report);
    return r;
}
