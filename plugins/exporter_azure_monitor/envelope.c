/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include "instant.h"

#include "parts/otlp/dress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parcel that takes the next item; NULL without memory. */
static struct parcel *current(struct envelopes *all)
{
    if (all->count > 0 && !parcel_is_full(&all->parcels[all->count - 1]))
        return &all->parcels[all->count - 1];
    struct parcel *parcels = realloc(all->parcels, (all->count + 1) * sizeof(*parcels));
    if (parcels == NULL)
        return NULL;
    all->parcels = parcels;
    parcels[all->count] = (struct parcel){0};
    return &parcels[all->count++];
}

static void add_head(struct json *out, const struct envelopes *all,
                     const struct envelope_head *head)
{
    double ratio = head->sample_ratio > 0 && head->sample_ratio < 1 ? head->sample_ratio : 1;
    char text[80];

    json_raw(out, "{\"ver\":1,\"name\":");
    (void)snprintf(text, sizeof(text), "Microsoft.ApplicationInsights.%s", head->name);
    json_str(out, text, sizeof(text));
    instant_time(head->unix_ns, text);
    json_key(out, "time");
    json_str(out, text, sizeof(text));
    json_key(out, "sampleRate");
    json_double(out, ratio * 100);
    json_key(out, "iKey");
    json_str(out, all->config->key, 40);
    tags_write(out, &head->tags, &all->resource);
    json_key(out, "data");
    json_raw(out, "{\"baseType\":");
    json_str(out, head->base_type, 64);
    json_key(out, "baseData");
    json_raw(out, "{\"ver\":2");
}

struct envelope envelope_begin(struct envelopes *all, const struct envelope_head *head)
{
    struct parcel *parcel = all->failed ? NULL : current(all);
    struct envelope e = {.all = all, .out = parcel == NULL ? &all->nowhere : &parcel->lines};

    all->failed = all->failed || parcel == NULL;
    e.at = e.out->len;
    add_head(e.out, all, head);
    return e;
}

void envelope_end(struct envelope *e, bool is_record)
{
    json_raw(e->out, "}}}");
    if (e->all->failed || !parcel_close_item(&e->all->parcels[e->all->count - 1], is_record))
        e->all->failed = true;
}

struct properties envelope_properties(const struct envelope *e)
{
    struct properties p = {
        .out = e->out, .item_at = e->at, .with_content = e->all->config->with_content};

    properties_begin(&p);
    return p;
}

const char *severity_name(uint32_t severity)
{
    static const char *const names[] = {"Verbose", "Information", "Warning", "Error", "Critical"};

    if (severity == 0 || severity > 24)
        return names[1];
    return severity <= 8 ? names[0] : names[(severity - 1) / 4 - 1];
}

static void write_all(struct envelopes *all, const struct parley_batch *batch)
{
    for (uint32_t i = 0; i < batch->span_count; i++) {
        if (i == 0)
            resource_write(all, &batch->resource, span_at(batch, 0)->end_unix_ns);
        span_write(all, span_at(batch, i), batch->span_size);
    }
    for (uint32_t i = 0; i < batch->metric_count; i++)
        metric_write(all,
                     (const void *)((const char *)batch->metrics + (size_t)i * batch->metric_size));
    for (uint32_t i = 0; i < batch->log_count; i++)
        log_write(all, (const void *)((const char *)batch->logs + (size_t)i * batch->log_size),
                  batch->log_size);
}

bool envelopes_write(struct envelopes *all, const struct envelope_config *config,
                     const struct parley_batch *batch)
{
    *all = (struct envelopes){.config = config, .nowhere = {.failed = true}};
    tags_resource(&all->resource, &batch->resource, config->version);
    all->failed = all->resource.failed;
    if (!all->failed)
        write_all(all, batch);
    if (all->failed)
        envelopes_done(all);
    return !all->failed;
}

void envelopes_done(struct envelopes *all)
{
    bool failed = all->failed;

    for (uint32_t i = 0; i < all->count; i++)
        parcel_done(&all->parcels[i]);
    free(all->parcels);
    json_done(&all->resource);
    *all = (struct envelopes){.failed = failed};
}
