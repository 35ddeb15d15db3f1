/* SPDX-License-Identifier: Apache-2.0 */
#include "delta.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

/* A histogram's buckets, as they were. */
struct buckets {
    uint64_t *counts; /* owned */
    uint32_t count;
    int32_t offset; /* exponential ones only, as the next two */
    int32_t scale;
    uint64_t zero_count;
};

/* One point, as it was at the last report. */
struct point {
    char *key; /* its name and attributes, owned */
    size_t key_len;
    uint64_t hash;
    double value;
    double sum;
    uint64_t count;
    uint64_t time_unix_ns;
    struct buckets explicit_;
    struct buckets exponential;
};

/* What a call hands out for one histogram. */
struct change {
    struct parley_exponential exponential;
    uint64_t *counts; /* owned, both */
    uint64_t *buckets;
};

struct delta {
    struct delta *next;
    char *name;
    unsigned users;
    struct point *points;
    size_t count;
    size_t cap;
    char *key; /* room for the one at hand */
    size_t key_len;
    size_t key_cap;
    struct parley_metric *out;
    struct change *changes;
    size_t out_cap;
    size_t change_count;
    bool failed;
};

static struct delta *opened; /* of all exporters of this plugin */

struct delta *delta_open(const char *name)
{
    struct delta *d = opened;

    while (d != NULL && strcmp(d->name, name) != 0)
        d = d->next;
    if (d == NULL) {
        d = calloc(1, sizeof(*d));
        char *copy = d == NULL ? NULL : strdup(name);
        if (copy == NULL) {
            free(d);
            return NULL;
        }
        *d = (struct delta){.next = opened, .name = copy};
        opened = d;
    }
    d->users++;
    return d;
}

static void forget_changes(struct delta *d)
{
    for (size_t i = 0; i < d->change_count; i++) {
        free(d->changes[i].counts);
        free(d->changes[i].buckets);
    }
    d->change_count = 0;
}

static void forget(struct delta *d)
{
    struct delta **at = &opened;

    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
}

void delta_close(struct delta *d)
{
    if (d == NULL || --d->users > 0)
        return;
    forget(d);
    forget_changes(d);
    for (size_t i = 0; i < d->count; i++) {
        free(d->points[i].key);
        free(d->points[i].explicit_.counts);
        free(d->points[i].exponential.counts);
    }
    free(d->points);
    free(d->name);
    free(d->key);
    free(d->out);
    free(d->changes);
    free(d);
}

/* ---- which point it is ---- */

static void key_add(struct delta *d, const void *bytes, size_t len)
{
    if (d->key_cap - d->key_len < len) {
        size_t cap = (d->key_len + len) * 2;
        char *key = realloc(d->key, cap);
        if (key == NULL) {
            d->failed = true;
            return;
        }
        d->key = key;
        d->key_cap = cap;
    }
    memcpy(d->key + d->key_len, bytes, len);
    d->key_len += len;
}

/* The core sorts attributes by their key. */
static void make_key(struct delta *d, const struct parley_metric *m)
{
    d->key_len = 0;
    key_add(d, m->name, strlen(m->name) + 1);
    for (uint32_t i = 0; i < m->attrs.count; i++) {
        const struct parley_attr *a =
            (const void *)((const char *)m->attrs.items + (size_t)i * m->attrs.item_size);
        key_add(d, a->key, strlen(a->key) + 1);
        key_add(d, &a->integer, sizeof(a->integer));
        key_add(d, &a->string.len, sizeof(a->string.len));
        if (a->string.len > 0)
            key_add(d, a->string.data, a->string.len);
    }
}

static uint64_t hash_of(const char *bytes, size_t len)
{
    uint64_t hash = FNV_START;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
    return hash;
}

static struct point *new_point(struct delta *d, uint64_t hash)
{
    if (d->count == d->cap) {
        size_t cap = d->cap == 0 ? 64 : d->cap * 2;
        struct point *points = realloc(d->points, cap * sizeof(*points));
        if (points == NULL)
            return NULL;
        d->points = points;
        d->cap = cap;
    }
    struct point *p = &d->points[d->count];
    *p = (struct point){.key = malloc(d->key_len), .key_len = d->key_len, .hash = hash};
    if (p->key == NULL)
        return NULL;
    memcpy(p->key, d->key, d->key_len);
    d->count++;
    return p;
}

static struct point *point_of(struct delta *d, const struct parley_metric *m)
{
    make_key(d, m);
    uint64_t hash = hash_of(d->key, d->key_len);

    for (size_t i = 0; i < d->count; i++) {
        struct point *p = &d->points[i];
        if (p->hash == hash && p->key_len == d->key_len && memcmp(p->key, d->key, d->key_len) == 0)
            return p;
    }
    return d->failed ? NULL : new_point(d, hash);
}

/* ---- buckets ---- */

static bool remember(struct buckets *b, const uint64_t *counts, uint32_t count)
{
    if (count > b->count || b->counts == NULL) {
        uint64_t *grown = realloc(b->counts, (count + 1) * sizeof(*grown));
        if (grown == NULL)
            return false;
        b->counts = grown;
    }
    if (count > 0)
        memcpy(b->counts, counts, count * sizeof(*counts));
    b->count = count;
    return true;
}

/* now - was, into new memory that the change owns; NULL without. */
static uint64_t *explicit_change(struct point *p, const struct parley_metric *m)
{
    uint32_t count = m->bound_count + 1;
    uint64_t *change = calloc(count, sizeof(*change));

    if (change == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        change[i] = m->counts[i] - (i < p->explicit_.count ? p->explicit_.counts[i] : 0);
    if (remember(&p->explicit_, m->counts, count))
        return change;
    free(change);
    return NULL;
}

/* The scale only falls, and buckets stay where they are or melt into one. */
static uint64_t *exponential_change(struct point *p, const struct parley_exponential *now,
                                    uint64_t *ret_zero)
{
    struct buckets *was = &p->exponential;
    uint64_t *change = calloc(now->bucket_count + 1, sizeof(*change));

    if (change == NULL)
        return NULL;
    if (now->bucket_count > 0)
        memcpy(change, now->counts, now->bucket_count * sizeof(*change));
    for (uint32_t i = 0; i < was->count; i++) {
        int64_t at = ((int64_t)was->offset + i) >> (was->scale - now->scale);
        if (at >= now->offset && at < (int64_t)now->offset + now->bucket_count)
            change[at - now->offset] -= was->counts[i];
    }
    *ret_zero = now->zero_count - was->zero_count;
    was->offset = now->offset;
    was->scale = now->scale;
    was->zero_count = now->zero_count;
    if (remember(was, now->counts, now->bucket_count))
        return change;
    free(change);
    return NULL;
}

static const struct parley_exponential *exponential_of(const struct parley_batch *batch,
                                                       const struct parley_metric *m)
{
    if (batch->metric_size < offsetof(struct parley_metric, exponential) + sizeof(m->exponential))
        return NULL;
    return m->exponential;
}

static bool take_histogram(struct delta *d, struct point *p, const struct parley_exponential *e,
                           struct parley_metric *out)
{
    struct change *c = &d->changes[d->change_count++];

    *c = (struct change){0};
    c->counts = explicit_change(p, out);
    if (c->counts == NULL)
        return false;
    out->counts = c->counts;
    out->min = out->max = NAN;
    out->exponential = NULL;
    if (e == NULL)
        return true;
    c->exponential = *e;
    c->exponential.size = sizeof(c->exponential);
    c->buckets = exponential_change(p, e, &c->exponential.zero_count);
    c->exponential.counts = c->buckets;
    out->exponential = &c->exponential;
    return c->buckets != NULL;
}

/* ---- a report ---- */

static bool reserve(struct delta *d, uint32_t count)
{
    if (count <= d->out_cap)
        return true;
    free(d->out);
    free(d->changes);
    d->out = calloc(count, sizeof(*d->out));
    d->changes = calloc(count, sizeof(*d->changes));
    d->out_cap = d->out == NULL || d->changes == NULL ? 0 : count;
    return d->out_cap > 0;
}

/* False without memory; *ret_has_changed says whether the point is worth a line. */
static bool take_point(struct delta *d, const struct parley_batch *batch,
                       const struct parley_metric *m, struct parley_metric *out,
                       bool *ret_has_changed)
{
    struct point *p = point_of(d, m);

    if (p == NULL)
        return false;
    memcpy(out, m, offsetof(struct parley_metric, exponential));
    out->exponential = NULL;
    out->temporality = PARLEY_TEMPORALITY_DELTA;
    out->start_unix_ns = p->time_unix_ns == 0 ? m->start_unix_ns : p->time_unix_ns;
    out->value = m->value - p->value;
    out->sum = m->sum - p->sum;
    out->count = m->count - p->count;
    *ret_has_changed =
        m->kind == PARLEY_METRIC_HISTOGRAM ? out->count > 0 : out->value < 0 || out->value > 0;
    p->time_unix_ns = m->time_unix_ns;
    p->value = m->value;
    p->sum = m->sum;
    p->count = m->count;
    return m->kind != PARLEY_METRIC_HISTOGRAM ||
           take_histogram(d, p, exponential_of(batch, m), out);
}

const struct parley_metric *delta_take(struct delta *d, const struct parley_batch *batch,
                                       uint32_t *ret_count)
{
    uint32_t count = 0;

    forget_changes(d);
    d->failed = false;
    if (!reserve(d, batch->metric_count + 1))
        return NULL;
    for (uint32_t i = 0; i < batch->metric_count; i++) {
        const struct parley_metric *m =
            (const void *)((const char *)batch->metrics + (size_t)i * batch->metric_size);
        bool has_changed = true;
        if (m->kind == PARLEY_METRIC_GAUGE) {
            memcpy(&d->out[count], m, offsetof(struct parley_metric, exponential));
            d->out[count].exponential = NULL;
        } else if (!take_point(d, batch, m, &d->out[count], &has_changed)) {
            return NULL;
        }
        count += has_changed;
    }
    *ret_count = count;
    return d->out;
}
