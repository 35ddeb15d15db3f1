/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/metrics.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "telemetry/names.h"

#include <math.h>

#define MAX_LABEL_BYTES 128 /* of one value; longer ones are cut */

/* Bounds of histograms, as the conventions advise them. */
static const double SECONDS[] = {0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
static const double TOKENS[] = {1,     4,     16,     64,      256,     1024,     4096,
                                16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
static const double LATENCY[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10};
static const double LONG[] = {1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200};
static const double AGENT[] = {0.1,  0.2,  0.4,  0.8,   1.6,   3.2,  6.4,
                               12.8, 25.6, 51.2, 102.4, 204.8, 409.6};
static const double HTTP[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                              0.5,   0.75, 1,     2.5,  5,     7.5, 10};
static const double COSTS[] = {0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                               0.1,    0.2,   0.5,   1,     2,    5,    10};
static const double NONE[] = {0};

static const struct metric_info infos[METRIC_COUNT_OF_ALL] = {
#define METRIC(id, kind_, name_, unit_, bounds_, attributes_, description_)                        \
    [METRIC_##id] = {.kind = METRIC_##kind_,                                                       \
                     .name = (name_),                                                              \
                     .unit = (unit_),                                                              \
                     .bounds = (bounds_),                                                          \
                     .bound_count = METRIC_##kind_ == METRIC_HISTOGRAM ? ARRAY_LEN(bounds_) : 0,   \
                     .attributes = (attributes_),                                                  \
                     .description = (description_)},
#include "telemetry/metrics.def"
#undef METRIC
};

static const struct metric_label overflow_label = {NAME_METRIC_OVERFLOW, {"true", 4}};

const struct metric_info *metric_info(enum metric_id id)
{
    return &infos[id];
}

void metrics_describe_markdown(struct buf *out)
{
    static const char *const kinds[] = {"counter", "level", "histogram"};

    buf_append_str(out, "| metric | kind | unit | attributes | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < METRIC_COUNT_OF_ALL; i++) {
        const struct metric_info *info = &infos[i];
        buf_printf(out, "| `%s` | %s | `%s` | %s | %s |\n", info->name, kinds[info->kind],
                   info->unit, info->attributes, info->description);
    }
}

static void point_free(struct metric_point *p)
{
    for (size_t i = 0; i < p->label_count; i++)
        free((char *)p->labels[i].value.data);
    free(p->exponential);
    free(p);
}

void metrics_done(struct metrics *m)
{
    for (size_t i = 0; i < METRIC_COUNT_OF_ALL; i++) {
        struct metric_point *p = atomic_load(&m->points[i]);
        while (p != NULL) {
            struct metric_point *next = atomic_load(&p->next);
            point_free(p);
            p = next;
        }
    }
}

/* Sorted by key, without empty values; returns how many. */
static size_t sort_labels(const struct metric_label *labels, size_t count, struct metric_label *out)
{
    size_t n = 0;

    for (size_t i = 0; i < count && n < METRICS_MAX_LABELS; i++) {
        struct metric_label l = labels[i];
        l.value = utf8_prefix(l.value, MAX_LABEL_BYTES); /* error codes are anyone's */
        if (l.value.len == 0)
            continue;
        size_t at = n++;
        for (; at > 0 && strcmp(out[at - 1].key, l.key) > 0; at--)
            out[at] = out[at - 1];
        out[at] = l;
    }
    return n;
}

static bool same_labels(const struct metric_label *a, size_t a_count, const struct metric_label *b,
                        size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        if (strcmp(a[i].key, b[i].key) != 0 || !view_equal(a[i].value, b[i].value))
            return false;
    }
    return true;
}

static struct metric_point *point_create(enum metric_id id, const struct metric_label *labels,
                                         size_t count)
{
    const struct metric_info *info = &infos[id];
    size_t buckets = info->kind == METRIC_HISTOGRAM ? info->bound_count + 1 : 0;
    struct metric_point *p = calloc(1, sizeof(*p) + buckets * sizeof(p->counts[0]));

    if (p == NULL)
        return NULL;
    p->id = id;
    if (info->kind == METRIC_HISTOGRAM) {
        p->exponential = calloc(1, sizeof(*p->exponential));
        if (p->exponential == NULL) {
            point_free(p);
            return NULL;
        }
    }
    atomic_init(&p->min, INFINITY);
    atomic_init(&p->max, -INFINITY);
    for (; p->label_count < count; p->label_count++) {
        const struct metric_label *l = &labels[p->label_count];
        char *value = view_dup(l->value);
        if (value == NULL) {
            point_free(p);
            return NULL;
        }
        p->labels[p->label_count] = (struct metric_label){l->key, {value, l->value.len}};
    }
    return p;
}

struct metric_point *metrics_find(struct metrics *m, enum metric_id id,
                                  const struct metric_label *labels, size_t count)
{
    struct metric_label sorted[METRICS_MAX_LABELS];
    size_t n = sort_labels(labels, count, sorted);
    struct metric_point *_Atomic *end = &m->points[id];
    struct metric_point *p;

    /* Only this thread appends, so it may read without order; readers need the release below. */
    while ((p = atomic_load_explicit(end, memory_order_relaxed)) != NULL) {
        if (same_labels(p->labels, p->label_count, sorted, n))
            return p;
        end = &p->next;
    }
    if (m->point_count[id] >= METRICS_MAX_POINTS && !same_labels(sorted, n, &overflow_label, 1))
        return metrics_find(m, id, &overflow_label, 1);
    p = point_create(id, sorted, n);
    if (p == NULL)
        return NULL;
    m->point_count[id]++;
    atomic_store_explicit(end, p, memory_order_release);
    return p;
}

/* One writer, so a load and a store do; readers may see the value before or after. */
static void add(_Atomic double *to, double value)
{
    atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

void metric_add(struct metric_point *p, double value)
{
    if (p != NULL)
        add(&p->value, value);
}

void metric_record(struct metric_point *p, double value)
{
    if (p == NULL || !isfinite(value))
        return;
    const struct metric_info *info = &infos[p->id];
    size_t bucket = 0;

    while (bucket < info->bound_count && value > info->bounds[bucket])
        bucket++;
    add(&p->value, value);
    if (value < atomic_load_explicit(&p->min, memory_order_relaxed))
        atomic_store_explicit(&p->min, value, memory_order_relaxed);
    if (value > atomic_load_explicit(&p->max, memory_order_relaxed))
        atomic_store_explicit(&p->max, value, memory_order_relaxed);
    exponential_shared_record(p->exponential, value);
    /* Last: who reads that it was counted finds the others, and no infinite bounds. */
    uint64_t count = atomic_load_explicit(&p->counts[bucket], memory_order_relaxed);
    atomic_store_explicit(&p->counts[bucket], count + 1, memory_order_release);
}

void metrics_note(struct telemetry_recorder *r, enum metric_id id, double value, const char *key,
                  const char *label)
{
    const struct metric_label one = {key, view_of(label)};
    struct metric_point *p = metrics_point(r, id, &one, key == NULL ? 0 : 1);

    if (infos[id].kind == METRIC_HISTOGRAM)
        metric_record(p, value);
    else
        metric_add(p, value);
}

/* The sample with these labels (sorted), made when it is not there. NULL without memory. */
static struct metric_sample *sample_for(struct metrics_snapshot *s, enum metric_id id,
                                        const struct metric_label *labels, size_t count)
{
    for (size_t i = 0; i < s->count; i++) {
        struct metric_sample *have = &s->items[i];
        if (have->id == id && same_labels(have->labels, have->label_count, labels, count))
            return have;
    }
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 64 : s->cap * 2;
        struct metric_sample *items = realloc(s->items, cap * sizeof(*items));
        if (items == NULL)
            return NULL;
        s->items = items;
        s->cap = cap;
    }
    struct metric_sample *fresh = &s->items[s->count];
    *fresh = (struct metric_sample){
        .id = id, .labels = labels, .label_count = count, .min = INFINITY, .max = -INFINITY};
    if (infos[id].kind == METRIC_HISTOGRAM) {
        fresh->counts = calloc(infos[id].bound_count + 1, sizeof(*fresh->counts));
        fresh->exponential = malloc(sizeof(*fresh->exponential));
        if (fresh->counts == NULL || fresh->exponential == NULL) {
            free(fresh->counts);
            free(fresh->exponential);
            return NULL;
        }
        exponential_init(fresh->exponential);
    }
    s->count++;
    return fresh;
}

bool metrics_snapshot_put(struct metrics_snapshot *s, enum metric_id id, double value)
{
    struct metric_sample *to = sample_for(s, id, NULL, 0);

    if (to == NULL)
        return false;
    to->value += value;
    return true;
}

static void add_buckets(struct metric_sample *to, const struct metric_point *p)
{
    struct exponential own;

    for (size_t i = 0; i <= infos[p->id].bound_count; i++) {
        uint64_t count = atomic_load_explicit(&p->counts[i], memory_order_acquire);
        to->counts[i] += count;
        to->count += count;
    }
    exponential_shared_read(p->exponential, &own);
    exponential_merge(to->exponential, &own);
}

/* In the opposite order of metric_record(). */
static bool add_point(struct metrics_snapshot *s, const struct metric_point *p)
{
    struct metric_sample *to = sample_for(s, p->id, p->labels, p->label_count);

    if (to == NULL)
        return false;
    if (to->counts != NULL)
        add_buckets(to, p);
    to->value += atomic_load_explicit(&p->value, memory_order_relaxed);
    to->min = fmin(to->min, atomic_load_explicit(&p->min, memory_order_relaxed));
    to->max = fmax(to->max, atomic_load_explicit(&p->max, memory_order_relaxed));
    return true;
}

bool metrics_snapshot_add(struct metrics_snapshot *s, const struct metrics *m)
{
    for (size_t i = 0; i < METRIC_COUNT_OF_ALL; i++) {
        const struct metric_point *p = atomic_load_explicit(&m->points[i], memory_order_acquire);
        for (; p != NULL; p = atomic_load_explicit(&p->next, memory_order_acquire)) {
            if (!add_point(s, p))
                return false;
        }
    }
    return true;
}

static int compare_samples(const void *a, const void *b)
{
    const struct metric_sample *left = a;
    const struct metric_sample *right = b;

    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    for (size_t i = 0; i < left->label_count && i < right->label_count; i++) {
        int order = strcmp(left->labels[i].key, right->labels[i].key);
        if (order == 0)
            order = strcmp(left->labels[i].value.data, right->labels[i].value.data);
        if (order != 0)
            return order;
    }
    return left->label_count < right->label_count ? -1 : left->label_count > right->label_count;
}

void metrics_snapshot_sort(struct metrics_snapshot *s)
{
    if (s->count > 0)
        qsort(s->items, s->count, sizeof(*s->items), compare_samples);
}

struct metrics_snapshot *metrics_snapshot_free(struct metrics_snapshot *s)
{
    if (s == NULL)
        return NULL;
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].counts);
        free(s->items[i].exponential);
    }
    free(s->items);
    free(s);
    return NULL;
}
