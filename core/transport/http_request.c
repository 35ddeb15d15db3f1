/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says. */
#include "transport/private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void http_request_free(struct http_request *r)
{
    if (r == NULL)
        return;
    if (r->conn != NULL)
        r->conn->request = NULL;
    buf_done(&r->path);
    buf_done(&r->query);
    buf_done(&r->body);
    for (size_t i = 0; i < r->value_count; i++)
        buf_done(&r->values[i]);
    free(r->values);
    free(r);
}

static const struct {
    enum lws_token_indexes token;
    const char *name;
} methods[] = {
    {WSI_TOKEN_GET_URI, "GET"},         {WSI_TOKEN_POST_URI, "POST"},
    {WSI_TOKEN_HEAD_URI, "HEAD"},       {WSI_TOKEN_PUT_URI, "PUT"},
    {WSI_TOKEN_DELETE_URI, "DELETE"},   {WSI_TOKEN_PATCH_URI, "PATCH"},
    {WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
};

/* The library has taken the query apart and decoded it; make one text of it again. */
static void query_join(struct lws *wsi, struct buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~=!$'()*,;:@/?";
    char part[4096];

    for (int i = 0;; i++) {
        int len = lws_hdr_copy_fragment(wsi, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len < 0)
            return;
        if (i > 0)
            buf_append_char(out, '&');
        for (int k = 0; k < len; k++) {
            if (part[k] != '\0' && strchr(plain, part[k]) != NULL)
                buf_append_char(out, part[k]);
            else
                buf_printf(out, "%%%02X", (unsigned char)part[k]);
        }
    }
}

struct http_request *http_request_create(struct conn *c)
{
    struct http_request *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
#ifndef PARLEY_LWS_PATCHED
    c->close_after_answer = true; /* its handling of pipelined requests is not safe */
#endif
    r->conn = c;
    r->server = c->server;
    c->request = r;
    r->method = "";
    r->begun_us = clock_now_us();
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (lws_hdr_total_length(c->wsi, methods[i].token) <= 0)
            continue;
        r->method = methods[i].name;
        (void)token_copy(c->wsi, methods[i].token, &r->path);
        break;
    }
    r->is_head = strcmp(r->method, "HEAD") == 0;
    query_join(c->wsi, &r->query);
    return r;
}

struct parley_view http_method(const struct http_request *r)
{
    return view_of(r->method);
}

struct parley_view http_path(const struct http_request *r)
{
    return buf_view(&r->path);
}

struct parley_view http_body(const struct http_request *r)
{
    return buf_view(&r->body);
}

struct parley_view http_query(const struct http_request *r)
{
    return buf_view(&r->query);
}

/* Keep a value until the request ends. */
static bool keep(struct http_request *r, struct buf *take_value, struct parley_view *ret)
{
    struct buf *values = realloc(r->values, (r->value_count + 1) * sizeof(*values));

    if (values == NULL || take_value->failed) {
        if (values != NULL)
            r->values = values;
        buf_done(take_value);
        return false;
    }
    r->values = values;
    r->values[r->value_count++] = TAKE(*take_value);
    *ret = buf_view(&r->values[r->value_count - 1]);
    return true;
}

bool http_header(struct http_request *r, const char *name, struct parley_view *ret_value)
{
    struct buf value = {0};

    if (!header_copy(r->conn->wsi, name, &value)) {
        buf_done(&value);
        return false;
    }
    return keep(r, &value, ret_value);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(struct buf *out, struct parley_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '%' && i + 2 < text.len && hex(text.data[i + 1]) >= 0 &&
            hex(text.data[i + 2]) >= 0) {
            buf_append_char(out, (char)(hex(text.data[i + 1]) << 4 | hex(text.data[i + 2])));
            i += 2;
        } else {
            buf_append_char(out, text.data[i]);
        }
    }
}

bool http_query_get(struct http_request *r, const char *name, struct parley_view *ret_value)
{
    struct parley_view rest = buf_view(&r->query);
    struct parley_view part, key;

    while (rest.len > 0) {
        if (!view_split(&rest, '&', &part))
            rest.len = 0;
        if (!view_split(&part, '=', &key))
            part = (struct parley_view){"", 0};
        if (!view_is(key, name))
            continue;
        struct buf value = {0};
        percent_decode(&value, part);
        return keep(r, &value, ret_value);
    }
    return false;
}

bool http_offered_subprotocol(struct http_request *r, size_t n, struct parley_view *ret_name)
{
    struct parley_view rest, name;

    if (!http_header(r, "sec-websocket-protocol", &rest))
        return false;
    for (size_t i = 0; rest.len > 0; i++) {
        if (!view_split(&rest, ',', &name))
            rest.len = 0;
        if (i == n) {
            *ret_name = view_trim(name);
            return true;
        }
    }
    return false;
}

const char *http_peer(const struct http_request *r)
{
    return r->conn->peer;
}

bool http_is_tls(const struct http_request *r)
{
    return r->server->ssl_ctx != NULL;
}

void http_set_ctx(struct http_request *r, void *ctx)
{
    r->ctx = ctx;
}

void *http_ctx(const struct http_request *r)
{
    return r->ctx;
}
