/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

#include "around.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#define SERVICE_HOST ".documents.azure."

static const char *const names[CONSISTENCY_COUNT] = {
    [CONSISTENCY_ACCOUNT] = "",
    [CONSISTENCY_STRONG] = "Strong",
    [CONSISTENCY_BOUNDED] = "BoundedStaleness",
    [CONSISTENCY_SESSION] = "Session",
    [CONSISTENCY_PREFIX] = "ConsistentPrefix",
    [CONSISTENCY_EVENTUAL] = "Eventual",
};

const char *consistency_name(enum consistency level)
{
    return names[level];
}

static enum consistency level_of(const char *name)
{
    for (int i = CONSISTENCY_STRONG; name != NULL && i < CONSISTENCY_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum consistency)i;
    }
    return CONSISTENCY_SESSION; /* the service's default */
}

/* ---- life ---- */

static void forget_regions(struct account *a)
{
    for (size_t i = 0; i < a->region_count; i++)
        free(a->regions[i].endpoint);
    a->region_count = 0;
    a->readable_count = 0;
    a->writable_count = 0;
}

static char *without_slash(const char *endpoint)
{
    size_t len = strlen(endpoint);

    while (len > 0 && endpoint[len - 1] == '/')
        len--;
    return strndup(endpoint, len);
}

/* The place of the region, which is added when it is new; ACCOUNT_MAX_REGIONS: no room. */
static size_t region_at(struct account *a, char *take_endpoint)
{
    for (size_t i = 0; take_endpoint != NULL && i < a->region_count; i++) {
        if (strcmp(a->regions[i].endpoint, take_endpoint) == 0) {
            free(take_endpoint);
            return i;
        }
    }
    if (take_endpoint == NULL || a->region_count == ACCOUNT_MAX_REGIONS) {
        free(take_endpoint);
        return ACCOUNT_MAX_REGIONS;
    }
    a->regions[a->region_count] = (struct region){.endpoint = take_endpoint};
    return a->region_count++;
}

static void add(struct account *a, size_t list[ACCOUNT_MAX_REGIONS], size_t *count,
                char *take_endpoint)
{
    size_t place = region_at(a, take_endpoint);

    for (size_t i = 0; i < *count; i++) {
        if (list[i] == place)
            return;
    }
    if (place < ACCOUNT_MAX_REGIONS && *count < ACCOUNT_MAX_REGIONS)
        list[(*count)++] = place;
}

/* "https://contoso.documents.azure.com" and "West Europe" give
 * "https://contoso-westeurope.documents.azure.com". NULL for an endpoint of another shape. */
static char *regional(const char *global, const char *region)
{
    const char *at = strstr(global, SERVICE_HOST);
    char word[64];
    size_t len = 0;
    char *endpoint = NULL;

    for (; *region != '\0' && len + 1 < sizeof(word); region++) {
        if (isalnum((unsigned char)*region))
            word[len++] = (char)tolower((unsigned char)*region);
    }
    if (at == NULL || len == 0 ||
        asprintf(&endpoint, "%.*s-%.*s%s", (int)(at - global), global, (int)len, word, at) < 0)
        return NULL;
    return endpoint;
}

/* Before the account has been read: the global endpoint, then the preferred ones by their names. */
bool account_init(struct account *a, const struct config *config)
{
    *a = (struct account){.config = config, .level = CONSISTENCY_SESSION};
    a->global = without_slash(config->endpoint);
    if (a->global == NULL)
        return false;
    for (size_t i = 0; i < config->preferred_regions.count; i++)
        add(a, a->readable, &a->readable_count,
            regional(a->global, config->preferred_regions.items[i]));
    add(a, a->readable, &a->readable_count, strdup(a->global));
    return a->readable_count > 0;
}

void account_done(struct account *a)
{
    forget_regions(a);
    free(a->global);
    a->global = NULL;
}

/* ---- reading ---- */

static bool is_same_region(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (*a == '\0')
            return true;
    }
}

/* An account over http is an emulator, which may name places that it does not serve; one over https
 * is never left for http. */
static bool has_our_scheme(const struct account *a, const char *endpoint)
{
    return strncasecmp(a->global, endpoint, strcspn(a->global, ":") + 1) == 0;
}

static void add_location(struct account *a, size_t list[ACCOUNT_MAX_REGIONS], size_t *count,
                         const json_t *location)
{
    const char *endpoint = json_string_value(json_object_get(location, "databaseAccountEndpoint"));

    if (endpoint != NULL && has_our_scheme(a, endpoint)) {
        char *copy = without_slash(endpoint);
        const char *port = copy == NULL ? NULL : strrchr(copy, ':');
        if (port != NULL && strcmp(port, ":443") == 0 && strncmp(copy, "https:", 6) == 0)
            copy[port - copy] = '\0';
        add(a, list, count, copy);
    }
}

/* The preferred regions first, then the others in the account's own order. */
static void add_locations(struct account *a, size_t list[ACCOUNT_MAX_REGIONS], size_t *count,
                          const json_t *locations)
{
    const struct parley_list *preferred = &a->config->preferred_regions;
    json_t *location;
    size_t at;

    for (size_t i = 0; i < preferred->count; i++) {
        json_array_foreach(locations, at, location)
        {
            const char *name = json_string_value(json_object_get(location, "name"));
            if (name != NULL && is_same_region(name, preferred->items[i]))
                add_location(a, list, count, location);
        }
    }
    json_array_foreach(locations, at, location) add_location(a, list, count, location);
}

/* What was down stays so. */
static void remember_down(struct account *a, const struct account *before)
{
    for (size_t i = 0; i < a->region_count; i++) {
        for (size_t j = 0; j < before->region_count; j++) {
            if (strcmp(a->regions[i].endpoint, before->regions[j].endpoint) == 0)
                a->regions[i].down_until_ms = before->regions[j].down_until_ms;
        }
    }
}

int account_read(struct account *a, const char *json, int64_t now_ms, struct parley_error *err)
{
    json_t *tree = json_loads(json, 0, NULL);
    const json_t *readable = json_object_get(tree, "readableLocations");
    const json_t *writable = json_object_get(tree, "writableLocations");
    struct account before = *a;

    if (!json_is_array(readable) || !json_is_array(writable)) {
        json_decref(tree);
        return parley_fail(err, PARLEY_E_PROTOCOL,
                           "%s: is not a Cosmos DB account: it names no regions", a->global);
    }
    a->region_count = a->readable_count = a->writable_count = 0;
    add_locations(a, a->readable, &a->readable_count, readable);
    add_locations(a, a->writable, &a->writable_count, writable);
    add(a, a->readable, &a->readable_count, strdup(a->global)); /* the last resort */
    a->has_many_writers = json_is_true(json_object_get(tree, "enableMultipleWriteLocations")) != 0;
    a->level = level_of(json_string_value(json_object_get(
        json_object_get(tree, "userConsistencyPolicy"), "defaultConsistencyLevel")));
    a->read_ms = now_ms;
    remember_down(a, &before);
    forget_regions(&before);
    json_decref(tree);
    return PARLEY_OK;
}

/* ---- choosing ---- */

/* The first that is not down; when all are, the one whose time is over first. */
static const char *choose(const struct account *a, const size_t *list, size_t count, int64_t now_ms)
{
    const struct region *best = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct region *region = &a->regions[list[i]];
        if (region->down_until_ms <= now_ms)
            return region->endpoint;
        if (best == NULL || region->down_until_ms < best->down_until_ms)
            best = region;
    }
    return best != NULL ? best->endpoint : a->global;
}

const char *account_reader(const struct account *a, int64_t now_ms)
{
    return choose(a, a->readable, a->readable_count, now_ms);
}

/* With one region for writes there is no choice: preferences and failures change nothing. */
const char *account_writer(const struct account *a, int64_t now_ms)
{
    if (a->has_many_writers)
        return choose(a, a->writable, a->writable_count, now_ms);
    return a->writable_count > 0 ? a->regions[a->writable[0]].endpoint : a->global;
}

const char *account_describer(const struct account *a, unsigned tried)
{
    size_t place = tried % (a->readable_count + 1);

    return place == 0 ? a->global : a->regions[a->readable[place - 1]].endpoint;
}

bool account_mark_down(struct account *a, const char *endpoint, bool is_write, int64_t now_ms)
{
    const size_t *list = is_write ? a->writable : a->readable;
    size_t count = is_write ? a->writable_count : a->readable_count;
    bool has_other = false;

    if (is_write && !a->has_many_writers)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct region *region = &a->regions[list[i]];
        if (strcmp(region->endpoint, endpoint) == 0)
            region->down_until_ms = now_ms + ACCOUNT_DOWN_MS;
        else if (region->down_until_ms <= now_ms)
            has_other = true;
    }
    return has_other;
}
