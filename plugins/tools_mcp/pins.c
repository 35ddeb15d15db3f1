/* SPDX-License-Identifier: Apache-2.0 */
#include "pins.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct pin {
    char *name;
    uint64_t accepted;
    uint64_t last; /* seen */
};

struct pins {
    uint64_t key[2];
    struct pin items[PINS_MAX];
    size_t count;
};

struct pins *pins_create(const uint8_t key[16])
{
    struct pins *p = calloc(1, sizeof(*p));

    if (p != NULL)
        memcpy(p->key, key, sizeof(p->key));
    return p;
}

void pins_destroy(struct pins *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i].name);
    free(p);
}

/* ---- SipHash-2-4 ---- */

struct sip {
    uint64_t v[4];
    uint64_t word; /* bytes that do not fill one yet */
    size_t len;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static void take_word(struct sip *s, uint64_t word)
{
    s->v[3] ^= word;
    mix(s->v);
    mix(s->v);
    s->v[0] ^= word;
}

static void sip_begin(struct sip *s, const uint64_t key[2])
{
    *s = (struct sip){.v = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                            key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573}};
}

static void sip_add(struct sip *s, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s->word |= (uint64_t)(unsigned char)bytes[i] << (8 * (s->len & 7));
        if ((++s->len & 7) != 0)
            continue;
        take_word(s, s->word);
        s->word = 0;
    }
}

static uint64_t sip_end(struct sip *s)
{
    take_word(s, s->word | (uint64_t)(s->len & 0xFF) << 56);
    s->v[2] ^= 0xFF;
    for (int i = 0; i < 4; i++)
        mix(s->v);
    return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

/* ---- the form of a tool ---- */

static int add_text(const char *bytes, size_t len, void *sip)
{
    sip_add(sip, bytes, len);
    return 0;
}

/* What the model and the host go by. The order of members means nothing. */
static uint64_t form_of(const struct pins *p, const json_t *tool)
{
    static const char *const members[] = {"title", "description", "inputSchema", "outputSchema",
                                          "annotations"};
    struct sip s;

    sip_begin(&s, p->key);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *value = json_object_get(tool, members[i]);
        if (value != NULL)
            (void)json_dump_callback(value, add_text, &s,
                                     JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
        sip_add(&s, "", 1);
    }
    return sip_end(&s);
}

/* ---- pins ---- */

static struct pin *find(struct pins *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->items[i].name, name) == 0)
            return &p->items[i];
    }
    return NULL;
}

static enum pin_verdict add(struct pins *p, const char *name, uint64_t form)
{
    char *copy = p->count < PINS_MAX ? strdup(name) : NULL;

    if (copy == NULL)
        return PIN_FULL;
    p->items[p->count++] = (struct pin){copy, form, form};
    return PIN_NEW;
}

enum pin_verdict pins_check(struct pins *p, const char *name, const json_t *tool)
{
    uint64_t form = form_of(p, tool);
    struct pin *pin = find(p, name);

    if (pin == NULL)
        return add(p, name, form);
    bool was_told = form == pin->last;
    pin->last = form;
    if (form == pin->accepted)
        return PIN_SAME;
    return was_told ? PIN_CHANGED_KNOWN : PIN_CHANGED;
}

void pins_accept(struct pins *p, const char *name)
{
    struct pin *pin = find(p, name);

    if (pin != NULL)
        pin->accepted = pin->last;
}
