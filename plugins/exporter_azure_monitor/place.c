/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Hosts for telemetry; a redirect stays within a row. */
static const char *const clouds[][4] = {
    {".monitor.azure.com", ".services.visualstudio.com", ".applicationinsights.azure.com", NULL},
    {".monitor.azure.us", ".applicationinsights.azure.us", ".applicationinsights.us", NULL},
    {".monitor.azure.cn", ".applicationinsights.azure.cn", NULL},
};
#define CLOUDS (sizeof(clouds) / sizeof(clouds[0]))

static bool has_prefix(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool read_port(const char *text, size_t len, unsigned *ret)
{
    unsigned port = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || port > 65535)
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *ret = port;
    return port > 0 && port <= 65535;
}

/* "host", "host:port", "[::1]:port" */
static bool read_authority(struct place *p, const char *text, size_t len)
{
    bool is_bracketed = len > 0 && text[0] == '[';
    const char *end = is_bracketed ? memchr(text, ']', len) : memchr(text, ':', len);

    if (is_bracketed && end == NULL)
        return false;
    size_t host = end == NULL ? len : (size_t)(end - text);
    size_t after = is_bracketed ? host + 1 : host;
    p->host = (struct parley_view){text + is_bracketed, host - is_bracketed};
    p->port = p->is_https ? 443 : 80;
    if (p->host.len == 0)
        return false;
    if (after == len)
        return true;
    return text[after] == ':' && read_port(text + after + 1, len - after - 1, &p->port);
}

struct place place_of_url(const char *url)
{
    struct place p = {.is_https = has_prefix(url, "https://")};
    size_t scheme = p.is_https ? 8 : 7;

    if (!p.is_https && !has_prefix(url, "http://"))
        return p;
    size_t len = strcspn(url + scheme, "/?#");
    for (size_t i = 0; url[i] != '\0'; i++) {
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 127 || url[i] == '\\')
            return p;
    }
    if (memchr(url + scheme, '@', len) != NULL)
        return p;
    p.origin = (struct parley_view){url, scheme + len};
    p.path = (struct parley_view){url + scheme + len, strlen(url + scheme + len)};
    p.is_good = read_authority(&p, url + scheme, len);
    return p;
}

bool place_ends_with(const struct place *p, const char *suffix)
{
    size_t len = strlen(suffix);

    return p->host.len > len && strncasecmp(p->host.data + p->host.len - len, suffix, len) == 0;
}

static bool host_is(const struct place *p, const char *host)
{
    return p->host.len == strlen(host) && strncasecmp(p->host.data, host, p->host.len) == 0;
}

/* 127.0.0.1, and not 127.example.org */
static bool is_loopback_v4(struct parley_view host)
{
    if (host.len < 4 || memcmp(host.data, "127.", 4) != 0)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    }
    return true;
}

bool place_is_loopback(const struct place *p)
{
    return host_is(p, "localhost") || host_is(p, "::1") || is_loopback_v4(p->host);
}

int place_check(const char *what, const char *url, struct parley_error *err)
{
    struct place p = place_of_url(url);

    if (!p.is_good)
        return parley_fail(err, PARLEY_E_INVALID, "%s: it is no https:// address of a host", what);
    if (memchr(p.path.data, '?', p.path.len) != NULL ||
        memchr(p.path.data, '#', p.path.len) != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: %.200s: it has a ? or a #, which goes nowhere", what, url);
    if (!p.is_https && !place_is_loopback(&p))
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: %.200s: plain http is for this machine only; write https", what,
                           url);
    return PARLEY_OK;
}

/* The place's row in the table, or CLOUDS. */
static size_t cloud_of(const struct place *p)
{
    for (size_t i = 0; i < CLOUDS; i++) {
        for (size_t k = 0; clouds[i][k] != NULL; k++) {
            if (place_ends_with(p, clouds[i][k]))
                return i;
        }
    }
    return CLOUDS;
}

bool place_may_redirect(const struct place *from, const struct place *to)
{
    if (!from->is_good || !to->is_good)
        return false;
    if (place_is_loopback(from) && place_is_loopback(to))
        return to->is_https || !from->is_https;
    if (!to->is_https || to->port != from->port)
        return false;
    bool is_same = from->host.len == to->host.len &&
                   strncasecmp(from->host.data, to->host.data, to->host.len) == 0;
    return is_same || (cloud_of(from) < CLOUDS && cloud_of(from) == cloud_of(to));
}
