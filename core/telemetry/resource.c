/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/resource.h"

#include "base/id.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UUID_SIZE 37

static struct parley_attr *find(struct resource *r, const char *key)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (strcmp(r->attrs[i].key, key) == 0)
            return &r->attrs[i];
    }
    return NULL;
}

static bool has(struct resource *r, const char *key)
{
    return find(r, key) != NULL;
}

/* The first value of a key stays. */
static void add(struct resource *r, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0' || has(r, key) || r->count == RESOURCE_MAX_ATTRS)
        return;
    char *own_key = r->keys[r->count];
    char *own_value = r->values[r->count];
    view_copy(own_key, RESOURCE_KEY_BYTES, view_of(key));
    view_copy(own_value, RESOURCE_VALUE_BYTES, view_of(value));
    r->attrs[r->count++] = (struct parley_attr){
        .key = own_key, .type = PARLEY_ATTR_STRING, .string = view_of(own_value)};
}

/* A random one, version 4. */
static void make_uuid(char out[UUID_SIZE])
{
    uint8_t b[16];

    id_random_bytes(b, sizeof(b));
    b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    (void)snprintf(out, UUID_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when it is not valid, or too long. */
static bool decode(struct parley_view text, char out[RESOURCE_VALUE_BYTES])
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (len + 1 == RESOURCE_VALUE_BYTES || (unsigned char)c < ' ')
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return len > 0 && utf8_valid(out, len);
}

static bool read_pair(const char *text, char key[RESOURCE_KEY_BYTES],
                      char value[RESOURCE_VALUE_BYTES])
{
    struct parley_view rest = view_of(text);
    struct parley_view name;

    if (strchr(text, '=') == NULL)
        return false;
    view_split(&rest, '=', &name);
    name = view_trim(name);
    if (name.len == 0 || name.len >= RESOURCE_KEY_BYTES || !utf8_valid(name.data, name.len))
        return false;
    view_copy(key, RESOURCE_KEY_BYTES, name);
    return decode(view_trim(rest), value);
}

bool resource_is_pair(const char *text)
{
    char key[RESOURCE_KEY_BYTES];
    char value[RESOURCE_VALUE_BYTES];

    return read_pair(text, key, value);
}

/* What the SDK is cannot be given: destinations go by it. */
static void add_given(struct resource *r, struct parley_list given)
{
    char key[RESOURCE_KEY_BYTES];
    char value[RESOURCE_VALUE_BYTES];

    for (size_t i = 0; i < given.count; i++) {
        if (read_pair(given.items[i], key, value) && strncmp(key, "telemetry.sdk.", 14) != 0)
            add(r, key, value);
    }
}

static void add_found(struct resource *r)
{
    char text[RESOURCE_VALUE_BYTES] = "";

    make_uuid(text);
    add(r, "service.instance.id", text);
    text[0] = '\0';
    if (gethostname(text, sizeof(text) - 1) == 0)
        add(r, "host.name", text);
    if (!has(r, "process.pid") && r->count < RESOURCE_MAX_ATTRS)
        r->attrs[r->count++] = (struct parley_attr){
            .key = "process.pid", .type = PARLEY_ATTR_INT, .string = {"", 0}, .integer = getpid()};
}

void resource_init(struct resource *r, const struct resource_facts *facts)
{
    r->count = 0;
    add(r, "telemetry.sdk.name", "parley");
    add(r, "telemetry.sdk.language", "c");
    add(r, "telemetry.sdk.version", PARLEY_VERSION);
    add(r, "service.name", facts->service_name);
    add(r, "deployment.environment.name", facts->environment);
    add_given(r, facts->given);
    add(r, "service.name", "parley");
    add(r, "service.version", PARLEY_VERSION);
    add(r, "service.instance.id", facts->instance_id);
    add(r, "deployment.environment.name", facts->default_environment);
    add_found(r);
}
