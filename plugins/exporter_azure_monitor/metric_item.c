/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include <math.h>

#define MAX_NAME 150 /* longer ones are taken, and cannot be charted */

struct figures {
    double value;
    uint64_t count;
    double min; /* NAN: not known */
    double max;
};

/*
 * Of a report of changes nobody knows the least and the greatest value; the buckets they are in
 * are known, and narrow: the lower bound of the first and the upper one of the last.
 */
static void bounds_of(const struct parley_exponential *e, struct figures *f)
{
    double step = exp2(-(double)e->scale); /* of the base's logarithm */
    uint32_t first = 0, last = e->bucket_count;

    while (first < e->bucket_count && e->counts[first] == 0)
        first++;
    while (last > first && e->counts[last - 1] == 0)
        last--;
    if (first < last) {
        f->min = exp2(step * ((double)e->offset + first));
        f->max = exp2(step * ((double)e->offset + last));
    }
    if (e->zero_count > 0) {
        f->min = 0;
        f->max = first < last ? f->max : 0;
    }
}

static struct figures figures_of(const struct parley_metric *m)
{
    struct figures f = {.value = m->value, .count = 1, .min = NAN, .max = NAN};

    if (m->kind != PARLEY_METRIC_HISTOGRAM)
        return f;
    f.value = m->sum;
    f.count = m->count;
    if (m->exponential != NULL)
        bounds_of(m->exponential, &f);
    if (m->count > 0 && isfinite(m->min) && isfinite(m->max)) {
        f.min = m->min;
        f.max = m->max;
    }
    return f;
}

static void add_figures(struct json *out, const char *name, const struct figures *f)
{
    json_key(out, "metrics");
    json_raw(out, "[{\"name\":");
    json_str(out, name, MAX_NAME);
    json_raw(out, ",\"kind\":\"Aggregation\",\"value\":");
    json_double(out, f->value);
    json_key(out, "count");
    json_int(out, f->count > INT32_MAX ? INT32_MAX : (int64_t)f->count);
    if (isfinite(f->min) && isfinite(f->max)) {
        json_key(out, "min");
        json_double(out, f->min);
        json_key(out, "max");
        json_double(out, f->max);
    }
    json_raw(out, "}]");
}

static void write(struct envelopes *all, const char *name, uint64_t unix_ns,
                  const struct figures *f, const struct parley_attrs *attrs, bool is_record)
{
    const struct envelope_head head = {
        .name = "Metric", .base_type = "MetricData", .unix_ns = unix_ns};
    struct envelope e = envelope_begin(all, &head);

    add_figures(e.out, name, f);
    struct properties p = envelope_properties(&e);
    p.is_metric = true;
    properties_add_attrs(&p, attrs);
    properties_end(&p);
    envelope_end(&e, is_record);
}

void metric_write(struct envelopes *all, const struct parley_metric *m)
{
    struct figures f = figures_of(m);

    write(all, m->name, m->time_unix_ns, &f, &m->attrs, true);
}

void resource_write(struct envelopes *all, const struct parley_attrs *resource, uint64_t unix_ns)
{
    const struct figures one = {.value = 1, .count = 1, .min = NAN, .max = NAN};

    write(all, "_OTELRESOURCE_", unix_ns, &one, resource, false);
}
