/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/url.h"

#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void url_print(char *out, size_t size, const char *text)
{
    size_t len = strcspn(text, "?#");

    snprintf(out, size, "%.*s", (int)len, text);
}

static bool take_scheme(struct url *u, const char **at)
{
    static const struct {
        const char *prefix;
        bool is_tls;
    } schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncasecmp(*at, schemes[i].prefix, len) != 0)
            continue;
        u->is_tls = schemes[i].is_tls;
        *at += len;
        return true;
    }
    return false;
}

static bool take_host(struct url *u, const char **at)
{
    const char *start = *at;
    size_t len;

    if (*start == '[') {
        u->is_ipv6 = true;
        start++;
        len = strspn(start, "0123456789abcdefABCDEF:.");
        if (start[len] != ']')
            return false;
        *at = start + len + 1;
    } else {
        len = strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
        *at = start + len;
    }
    if (len == 0 || len + 9 > sizeof(u->host))
        return false;
    memcpy(u->host, start, len);
    u->host[len] = '\0';
    return **at == '\0' || strchr(":/?#", **at) != NULL;
}

static bool take_port(struct url *u, const char **at)
{
    u->port = u->is_tls ? 443 : 80;
    if (**at != ':')
        return true;
    size_t len = strspn(*at + 1, "0123456789");
    int64_t port = 0;
    if (!view_to_int64((struct parley_view){*at + 1, len}, &port) || port < 1 || port > 65535)
        return false;
    u->port = (int)port;
    *at += 1 + len;
    return true;
}

static bool take_path(struct url *u, const char *at)
{
    size_t len = strcspn(at, "#"); /* a fragment is not sent */
    const char *slash = *at == '/' ? "" : "/";

    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)at[i]))
            return false;
    }
    if (len + strlen(slash) > URL_PATH_MAX)
        return false;
    snprintf(u->path, sizeof(u->path), "%s%.*s", slash, (int)len, at);
    return true;
}

int url_parse(struct url *ret, const char *text, struct parley_error *err)
{
    struct url u = {0};
    const char *at = text;
    char shown[200];

    url_print(shown, sizeof(shown), text);
    if (!take_scheme(&u, &at))
        return parley_fail(err, PARLEY_E_INVALID,
                           "URL \"%s\": must begin with wss://, ws://, https:// or http://", shown);
    if (!take_host(&u, &at))
        return parley_fail(err, PARLEY_E_INVALID,
                           "URL \"%s\": no host name or address of at most %d characters after //",
                           shown, URL_HOST_SIZE - 9);
    if (!take_port(&u, &at))
        return parley_fail(err, PARLEY_E_INVALID, "URL \"%s\": the port must be 1 to 65535", shown);
    if (!take_path(&u, at))
        return parley_fail(err, PARLEY_E_INVALID,
                           "URL \"%s\": path and query must be at most %d printable characters; "
                           "write others as %%XX",
                           shown, URL_PATH_MAX);
    bool is_usual = u.port == (u.is_tls ? 443 : 80);
    char port[8] = "";
    if (!is_usual)
        snprintf(port, sizeof(port), ":%d", u.port);
    snprintf(u.host_header, sizeof(u.host_header), "%s%.119s%s%s", u.is_ipv6 ? "[" : "", u.host,
             u.is_ipv6 ? "]" : "", port);
    *ret = u;
    return PARLEY_OK;
}
