/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Browsers let any page open a WebSocket to this machine. Where no key is asked for, the page must
 * therefore be our own, or one the operator named; and the name that the browser looked up must be
 * one of this machine's, so that a foreign name that resolves to it does not pass for our own.
 */
#include "base/str.h"
#include "net/net_state.h"

#include <arpa/inet.h>

static struct parley_view without_port(struct parley_view host)
{
    size_t end = host.len;

    if (host.len > 0 && host.data[0] == '[') { /* [::1]:8080 */
        const char *close = memchr(host.data, ']', host.len);
        return close == NULL ? host
                             : (struct parley_view){host.data, (size_t)(close - host.data) + 1};
    }
    while (end > 0 && host.data[end - 1] != ':')
        end--;
    return end == 0 ? host : (struct parley_view){host.data, end - 1};
}

/* 127.0.0.0/8 as an address: a name may begin with "127." and lead anywhere. */
static bool is_loopback_address(struct parley_view name)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;

    if (name.len >= sizeof(text))
        return false;
    view_copy(text, sizeof(text), name);
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static bool is_loopback_name(struct parley_view host)
{
    struct parley_view name = without_port(host);

    return view_equal_nocase(name, VIEW("localhost")) || view_is(name, "[::1]") ||
           is_loopback_address(name);
}

bool origin_host_is_local(struct http_request *r)
{
    struct parley_view host = {0};

    (void)http_header(r, "host", &host);
    return is_loopback_name(host);
}

static bool is_listed(const struct parley_list *list, struct parley_view origin)
{
    for (size_t i = 0; i < list->count; i++) {
        if (view_is(origin, list->items[i]) || view_is(VIEW("*"), list->items[i]))
            return true;
    }
    return false;
}

/* "http://127.0.0.1:8080" -> "127.0.0.1:8080" */
static struct parley_view host_of_origin(struct parley_view origin)
{
    for (size_t i = 0; i + 3 <= origin.len; i++) {
        if (memcmp(origin.data + i, "://", 3) == 0)
            return (struct parley_view){origin.data + i + 3, origin.len - i - 3};
    }
    return origin;
}

bool origin_is_allowed(struct net *n, struct http_request *r)
{
    struct parley_view origin;
    struct parley_view host = {0};
    const struct auth *auth = n->w.hub.auth(n->w.hub.ctx);

    if (auth != NULL && auth_is_required(auth))
        return true; /* the key decides */
    (void)http_header(r, "host", &host);
    bool has_origin = http_header(r, "origin", &origin);
    if (has_origin && is_listed(&n->w.config->allowed_origins, origin))
        return true;
    if (is_loopback_name(host) && (!has_origin || view_equal_nocase(host_of_origin(origin), host)))
        return true;
    if (has_origin)
        answer_error(
            r, 403, "invalid_request_error", "origin_not_allowed",
            "A page of \"%.*s\" may not talk to \"%.*s\" without a key. Add it to [server] "
            "allowed_origins, or configure [auth].",
            (int)origin.len, origin.data, (int)host.len, host.data == NULL ? "" : host.data);
    else
        answer_error(
            r, 403, "invalid_request_error", "origin_not_allowed",
            "Without [auth] this server answers to localhost, 127.0.0.1 and [::1], and was "
            "asked for as \"%.*s\".",
            (int)host.len, host.data == NULL ? "" : host.data);
    return false;
}
