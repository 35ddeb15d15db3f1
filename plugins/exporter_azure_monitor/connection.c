/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_ENDPOINT "https://dc.services.visualstudio.com"
#define OPTION           "connection_string"

/* Values point into the copy that is taken apart. */
struct parts {
    const char *key;
    const char *endpoint;
    const char *suffix;
    const char *location;
    const char *audience;
    const char *authorization;
};

static char *trimmed(char *text)
{
    while (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')
        text++;
    for (size_t len = strlen(text); len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL;)
        text[--len] = '\0';
    return text;
}

/* Where the value of that name goes; NULL: nobody asks for it. */
static const char **place_of(struct parts *p, const char *name)
{
    const struct {
        const char *name;
        const char **value;
    } names[] = {
        {"InstrumentationKey", &p->key}, {"IngestionEndpoint", &p->endpoint},
        {"EndpointSuffix", &p->suffix},  {"Location", &p->location},
        {"AADAudience", &p->audience},   {"Authorization", &p->authorization},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].value;
    }
    return NULL;
}

static int take_pair(struct parts *p, char *pair, unsigned number, struct parley_error *err)
{
    char *equals = strchr(pair, '=');

    if (equals == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           OPTION ": part %u has no =; it is Name=value with ; between two",
                           number);
    *equals = '\0';
    const char *name = trimmed(pair);
    const char *value = trimmed(equals + 1);
    const char **place = place_of(p, name);
    if (name[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           OPTION ": part %u has no name before its =", number);
    if (place == NULL || value[0] == '\0')
        return PARLEY_OK;
    if (*place != NULL)
        return parley_fail(err, PARLEY_E_INVALID, OPTION ": %s is given twice", name);
    *place = value;
    return PARLEY_OK;
}

static int take_apart(char *text, struct parts *ret, struct parley_error *err)
{
    unsigned number = 0;
    int r = PARLEY_OK;

    for (char *at = text; at != NULL && r == PARLEY_OK;) {
        char *pair = at;
        at = strchr(at, ';');
        if (at != NULL)
            *at++ = '\0';
        number++;
        if (trimmed(pair)[0] != '\0')
            r = take_pair(ret, pair, number, err);
    }
    return r;
}

static bool is_guid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        bool fits =
            form[i] == '-' ? text[i] == '-' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
        if (!fits)
            return false;
    }
    return true;
}

static int take_key(const struct parts *p, struct connection *c, struct parley_error *err)
{
    if (p->authorization != NULL && strcasecmp(p->authorization, "ikey") != 0)
        return parley_fail(err, PARLEY_E_INVALID, OPTION ": Authorization: \"%.20s\" is not ikey",
                           p->authorization);
    if (p->key == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           OPTION ": InstrumentationKey is missing; copy the whole string from the "
                                  "page Overview of the Application Insights resource");
    if (!is_guid(p->key))
        return parley_fail(err, PARLEY_E_INVALID,
                           OPTION ": InstrumentationKey is no GUID: %zu characters instead of 36 "
                                  "hexadecimal digits and hyphens",
                           strlen(p->key));
    (void)snprintf(c->key, sizeof(c->key), "%s", p->key);
    return PARLEY_OK;
}

static bool is_name(const char *text, const char *more)
{
    for (; *text != '\0'; text++) {
        char c = *text;
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && strchr(more, c) == NULL)
            return false;
    }
    return true;
}

static int from_suffix(const struct parts *p, char **ret, struct parley_error *err)
{
    const char *location = p->location == NULL ? "" : p->location;

    if (!is_name(p->suffix, "-.") || p->suffix[0] == '.')
        return parley_fail(err, PARLEY_E_INVALID,
                           OPTION ": EndpointSuffix: \"%.100s\" is no name of a domain", p->suffix);
    if (!is_name(location, "-"))
        return parley_fail(err, PARLEY_E_INVALID,
                           OPTION ": Location: \"%.100s\" is no name of a region", location);
    if (asprintf(ret, "https://%s%sdc.%s", location, location[0] == '\0' ? "" : ".", p->suffix) < 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, OPTION ": no memory");
    return PARLEY_OK;
}

static int take_endpoint(const struct parts *p, struct connection *c, struct parley_error *err)
{
    if (p->endpoint == NULL && p->suffix != NULL)
        return from_suffix(p, &c->endpoint, err);
    const char *url = p->endpoint == NULL ? DEFAULT_ENDPOINT : p->endpoint;
    int r = place_check(OPTION ": IngestionEndpoint", url, err);
    if (r < 0)
        return r;
    c->endpoint = strdup(url);
    if (c->endpoint == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, OPTION ": no memory");
    for (size_t len = strlen(c->endpoint); len > 0 && c->endpoint[len - 1] == '/';)
        c->endpoint[--len] = '\0';
    return PARLEY_OK;
}

const char *connection_scope_of(const char *url)
{
    struct place place = place_of_url(url);

    if (place_ends_with(&place, ".azure.cn"))
        return "https://monitor.azure.cn/.default";
    if (place_ends_with(&place, ".azure.us") || place_ends_with(&place, ".applicationinsights.us"))
        return "https://monitor.azure.us/.default";
    return "https://monitor.azure.com/.default";
}

/* An audience is a resource; a scope is that and "/.default". */
static int take_scope(const struct parts *p, struct connection *c, struct parley_error *err)
{
    static const char end[] = "/.default";

    if (p->audience == NULL) {
        c->scope = strdup(connection_scope_of(c->endpoint));
    } else {
        size_t len = strlen(p->audience);
        if (len >= sizeof(end) - 1 && strcmp(p->audience + len - (sizeof(end) - 1), end) == 0)
            len -= sizeof(end) - 1;
        while (len > 0 && p->audience[len - 1] == '/')
            len--;
        if (asprintf(&c->scope, "%.*s%s", (int)len, p->audience, end) < 0)
            c->scope = NULL;
    }
    return c->scope != NULL ? PARLEY_OK
                            : parley_fail(err, PARLEY_E_NO_MEMORY, OPTION ": no memory");
}

int connection_parse(const char *text, struct connection *ret, struct parley_error *err)
{
    struct connection c = {0};
    struct parts parts = {0};
    size_t len = strlen(text);

    if (len > CONNECTION_MAX)
        return parley_fail(err, PARLEY_E_INVALID, OPTION ": %zu characters; %d are the most", len,
                           CONNECTION_MAX);
    char *copy = strdup(text);
    if (copy == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, OPTION ": no memory");
    int r = take_apart(copy, &parts, err);
    if (r == PARLEY_OK)
        r = take_key(&parts, &c, err);
    if (r == PARLEY_OK)
        r = take_endpoint(&parts, &c, err);
    if (r == PARLEY_OK)
        r = take_scope(&parts, &c, err);
    explicit_bzero(copy, len);
    free(copy);
    if (r == PARLEY_OK)
        *ret = c;
    else
        connection_done(&c);
    return r;
}

void connection_done(struct connection *c)
{
    free(c->endpoint);
    free(c->scope);
    *c = (struct connection){0};
}
