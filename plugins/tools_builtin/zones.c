/* SPDX-License-Identifier: Apache-2.0 */
#include "zones.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"

#define MAX_ZONES      1000
#define MAX_FILE_BYTES 65536
#define MAX_NAME       63
#define LOCAL_ID       "local"

struct named_zone {
    char *id;
    size_t target; /* index of the zone that holds the rules; itself unless it is a link */
    struct tzif rules;
};

struct zones {
    struct named_zone items[MAX_ZONES];
    size_t count;
    struct tzif local;
};

/* --- Reading ------------------------------------------------------------------------------------
 */

static int read_zone_file(const char *path, struct tzif *ret_zone)
{
    char *bytes = malloc(MAX_FILE_BYTES);
    FILE *file = fopen(path, "rbe");
    int r = PARLEY_E_NOT_FOUND;

    if (file != NULL && bytes != NULL) {
        struct parley_view view = {bytes, fread(bytes, 1, MAX_FILE_BYTES, file)};
        r = tzif_parse(view, ret_zone, NULL);
    }
    if (file != NULL)
        (void)fclose(file); /* it was only read */
    free(bytes);
    return r;
}

static struct named_zone *add(struct zones *zones, const char *id)
{
    struct named_zone *zone = &zones->items[zones->count];

    if (zones->count == MAX_ZONES || (zone->id = strndup(id, MAX_NAME)) == NULL)
        return NULL;
    zone->target = zones->count++;
    return zone;
}

static void add_zone(struct zones *zones, const char *dir, const char *id)
{
    char path[512];
    struct tzif rules;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, id) >= sizeof(path) ||
        read_zone_file(path, &rules) < 0)
        return;
    struct named_zone *zone = add(zones, id);
    if (zone != NULL)
        zone->rules = rules;
    else
        tzif_done(&rules);
}

static const struct named_zone *by_id(const struct zones *zones, const char *id)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (strcmp(zones->items[i].id, id) == 0)
            return &zones->items[i];
    }
    return NULL;
}

static void add_link(struct zones *zones, const char *target, const char *id)
{
    const struct named_zone *of = by_id(zones, target);
    struct named_zone *zone = of != NULL ? add(zones, id) : NULL;

    if (zone != NULL)
        zone->target = of->target;
}

/*
 * One pass over tzdata.zi, the database's own list: "Z NAME ..." is a zone, "L TARGET NAME" a
 * further name for one. Links may come before their zone, hence two passes.
 */
static void read_index(struct zones *zones, const char *dir, bool links)
{
    char line[512], first[MAX_NAME + 1], second[MAX_NAME + 1];
    char path[512];

    if ((size_t)snprintf(path, sizeof(path), "%s/tzdata.zi", dir) >= sizeof(path))
        return;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (links && sscanf(line, "L %63s %63s", first, second) == 2)
            add_link(zones, first, second);
        else if (!links && sscanf(line, "Z %63s", first) == 1)
            add_zone(zones, dir, first);
    }
    (void)fclose(file); /* it was only read */
}

struct zones *zones_create(const char *dir, const char *local_file)
{
    struct zones *zones = calloc(1, sizeof(*zones));

    if (zones == NULL)
        return NULL;
    read_index(zones, dir, false);
    read_index(zones, dir, true);
    (void)read_zone_file(local_file, &zones->local); /* without it the local time is UTC */
    return zones;
}

void zones_destroy(struct zones *zones)
{
    if (zones == NULL)
        return;
    for (size_t i = 0; i < zones->count; i++) {
        free(zones->items[i].id);
        tzif_done(&zones->items[i].rules);
    }
    tzif_done(&zones->local);
    free(zones);
}

size_t zones_count(const struct zones *zones)
{
    return zones->count;
}

/* --- Finding ------------------------------------------------------------------------------------
 */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Lower case, `_` as blank, blanks joined, stops dropped ("St. John's" stays as it is otherwise).
 */
static void plain_name(struct parley_view name, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < name.len && len + 1 < size; i++) {
        char c = name.data[i] == '_' || name.data[i] == ',' ? ' ' : lower(name.data[i]);
        if (c == '.' || c == '?' || (c == ' ' && (len == 0 || out[len - 1] == ' ')))
            continue;
        out[len++] = c;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

static bool same_name(const char *id, const char *plain)
{
    for (; *id != '\0' && *plain != '\0'; id++, plain++) {
        if ((*id == '_' ? ' ' : lower(*id)) != *plain)
            return false;
    }
    return *id == *plain;
}

static const char *city_of(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash != NULL ? slash + 1 : id;
}

static const struct named_zone *find_named(const struct zones *zones, const char *plain)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (same_name(zones->items[i].id, plain))
            return &zones->items[i];
    }
    for (size_t i = 0; i < zones->count; i++) {
        if (same_name(city_of(zones->items[i].id), plain))
            return &zones->items[i];
    }
    return NULL;
}

static const struct named_zone *find_place(const struct zones *zones, const char *plain)
{
    for (unsigned i = 0; i < places_count; i++) {
        if (strcmp(places[i].name, plain) == 0)
            return by_id(zones, places[i].zone);
    }
    return NULL;
}

/* "paris france" is found as "paris": words are cut from the end, in `plain`, until it is known. */
static const struct named_zone *find(const struct zones *zones, char *plain,
                                     const struct named_zone **ret_place)
{
    for (char *cut = plain; cut != NULL; cut = strrchr(plain, ' ')) {
        if (cut != plain)
            *cut = '\0';
        *ret_place = find_place(zones, plain);
        const struct named_zone *zone = *ret_place != NULL ? *ret_place : find_named(zones, plain);
        if (zone != NULL)
            return zone;
    }
    return NULL;
}

/* "new york" becomes "New York". */
static void say_place(const char *plain, char *out, size_t size)
{
    size_t len = 0;
    bool starts_word = true;

    for (; plain[len] != '\0' && len + 1 < size; len++) {
        char c = plain[len];
        out[len] = starts_word && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        starts_word = c == ' ' || c == '-';
    }
    out[len] = '\0';
}

static void say_id(const char *id, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", city_of(id));
    for (; *out != '\0'; out++) {
        if (*out == '_')
            *out = ' ';
    }
}

static const struct tzif utc = {
    .transitions = (struct tzif_transition[]){{INT64_MIN, {0, "UTC"}}},
    .count = 1,
};

static int match_local(const struct zones *zones, struct zones_match *ret_match)
{
    *ret_match = (struct zones_match){
        .zone = zones->local.count > 0 ? &zones->local : &utc,
        .id = LOCAL_ID,
    };
    return PARLEY_OK;
}

static bool is_utc(const char *plain)
{
    return strcmp(plain, "utc") == 0 || strcmp(plain, "gmt") == 0 || strcmp(plain, "z") == 0;
}

int zones_find(const struct zones *zones, struct parley_view name, struct zones_match *ret_match,
               struct parley_error *err)
{
    char plain[MAX_NAME + 1];

    if (name.len > MAX_NAME)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "That name is too long for a place.");
    plain_name(name, plain, sizeof(plain));
    if (plain[0] == '\0' || strcmp(plain, LOCAL_ID) == 0)
        return match_local(zones, ret_match);
    if (is_utc(plain)) {
        *ret_match = (struct zones_match){.zone = &utc, .id = "UTC"};
        return PARLEY_OK;
    }
    const struct named_zone *place = NULL, *zone = find(zones, plain, &place);
    if (zone == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "I do not know the time zone of %.*s.",
                           (int)name.len, name.data);
    ret_match->zone = &zones->items[zone->target].rules;
    ret_match->id = zone->id;
    if (place != NULL)
        say_place(plain, ret_match->place, sizeof(ret_match->place));
    else
        say_id(zone->id, ret_match->place, sizeof(ret_match->place));
    return PARLEY_OK;
}
