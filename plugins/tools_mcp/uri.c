/* SPDX-License-Identifier: Apache-2.0 */
#include "uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- parts ---- */

static bool is_plain(const char *text)
{
    size_t len = strnlen(text, URI_MAX);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\\\"<>^`{|}", text[i]) != NULL)
            return false;
    }
    return len < URI_MAX;
}

static bool take_port(struct parley_view digits, struct uri *u)
{
    unsigned port = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || port > 65535)
            return false;
        port = port * 10 + (unsigned)(digits.data[i] - '0');
    }
    u->port = digits.len == 0 ? (u->is_https ? 443 : 80) : port;
    return u->port > 0 && u->port < 65536;
}

/* "host:port" or "[address]:port". */
static bool take_authority(struct parley_view text, struct uri *u)
{
    const char *end = text.data + text.len;
    const char *after;

    if (text.len == 0 || memchr(text.data, '@', text.len) != NULL)
        return false;
    if (text.data[0] == '[') {
        const char *close = memchr(text.data, ']', text.len);
        if (close == NULL)
            return false;
        u->host = (struct parley_view){text.data + 1, (size_t)(close - text.data) - 1};
        after = close + 1;
    } else {
        const char *colon = memchr(text.data, ':', text.len);
        after = colon == NULL ? end : colon;
        u->host = (struct parley_view){text.data, (size_t)(after - text.data)};
    }
    if (u->host.len == 0 || (after < end && *after != ':'))
        return false;
    return take_port(after == end ? (struct parley_view){"", 0}
                                  : (struct parley_view){after + 1, (size_t)(end - after) - 1},
                     u);
}

bool uri_parse(const char *text, struct uri *ret)
{
    struct uri u = {.is_https = strncasecmp(text, "https://", 8) == 0};
    size_t scheme = u.is_https ? 8 : 7;

    if ((!u.is_https && strncasecmp(text, "http://", 7) != 0) || !is_plain(text))
        return false;
    size_t authority = strcspn(text + scheme, "/?#");
    if (!take_authority((struct parley_view){text + scheme, authority}, &u))
        return false;
    u.origin = (struct parley_view){text, scheme + authority};
    const char *path = text + scheme + authority;
    u.path = (struct parley_view){path, strcspn(path, "?#")};
    u.has_fragment = strchr(path, '#') != NULL;
    *ret = u;
    return true;
}

/* ---- comparing ---- */

bool uri_is_same_origin(const struct uri *a, const struct uri *b)
{
    return a->is_https == b->is_https && a->port == b->port && a->host.len == b->host.len &&
           strncasecmp(a->host.data, b->host.data, a->host.len) == 0;
}

/* Four numbers and dots: of "127.evil.example" and "127.1" nobody knows where they lead. */
static bool is_loopback4(struct parley_view host)
{
    unsigned dots = 0;

    if (host.len < 9 || host.len > 15 || strncmp(host.data, "127.", 4) != 0)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] == '.')
            dots++;
        else if (host.data[i] < '0' || host.data[i] > '9')
            return false;
    }
    return dots == 3;
}

bool uri_is_loopback(const struct uri *u)
{
    return (u->host.len == 9 && strncasecmp(u->host.data, "localhost", 9) == 0) ||
           (u->host.len == 3 && strncmp(u->host.data, "::1", 3) == 0) || is_loopback4(u->host);
}

static struct parley_view without_slash(struct parley_view path)
{
    while (path.len > 0 && path.data[path.len - 1] == '/')
        path.len--;
    return path;
}

/* "/a/.." would lead out of the parent. */
static bool has_dots(struct parley_view path)
{
    for (size_t i = 0; i + 2 < path.len; i++) {
        if (strncmp(path.data + i, "/..", 3) == 0)
            return true;
    }
    return false;
}

bool uri_covers(const char *parent, const char *url)
{
    struct uri p, u;

    if (!uri_parse(parent, &p) || !uri_parse(url, &u) || !uri_is_same_origin(&p, &u) ||
        p.has_fragment || has_dots(p.path) || has_dots(u.path))
        return false;
    struct parley_view above = without_slash(p.path), below = without_slash(u.path);
    return below.len >= above.len && strncmp(below.data, above.data, above.len) == 0 &&
           (below.len == above.len || below.data[above.len] == '/');
}

/* ---- well-known places ---- */

static bool join(char out[URI_MAX], struct parley_view origin, struct parley_view a,
                 struct parley_view b)
{
    int len = snprintf(out, URI_MAX, "%.*s%.*s%.*s", (int)origin.len, origin.data, (int)a.len,
                       a.data, (int)b.len, b.data);

    return len > 0 && len < URI_MAX;
}

bool uri_resource_metadata(const char *url, unsigned n, char out[URI_MAX])
{
    static const struct parley_view place = PARLEY_VIEW("/.well-known/oauth-protected-resource");
    static const struct parley_view none = {"", 0};
    struct uri u;

    if (!uri_parse(url, &u))
        return false;
    struct parley_view path = without_slash(u.path);
    if (n == 0 && path.len > 0)
        return join(out, u.origin, place, path);
    return n == (path.len > 0 ? 1 : 0) && join(out, u.origin, place, none);
}

bool uri_server_metadata(const char *issuer, unsigned n, char out[URI_MAX])
{
    static const struct parley_view oauth = PARLEY_VIEW("/.well-known/oauth-authorization-server");
    static const struct parley_view openid = PARLEY_VIEW("/.well-known/openid-configuration");
    struct uri u;

    if (!uri_parse(issuer, &u))
        return false;
    struct parley_view path = without_slash(u.path);
    if (n < 2)
        return join(out, u.origin, n == 0 ? oauth : openid, path);
    return n == 2 && path.len > 0 && join(out, u.origin, path, openid);
}

bool uri_at_origin(const char *url, const char *path, char out[URI_MAX])
{
    struct uri u;

    return uri_parse(url, &u) && join(out, u.origin, (struct parley_view){path, strlen(path)},
                                      (struct parley_view){"", 0});
}
