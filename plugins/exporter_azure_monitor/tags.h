/* SPDX-License-Identifier: Apache-2.0 */
/* `tags` of an envelope: which operation it belongs to, whose it is, and which process says so. */
#ifndef AZURE_MONITOR_TAGS_H
#define AZURE_MONITOR_TAGS_H

#include "json.h"

#include <parley/exporter.h>

#include <stdbool.h>

#define TAG_SESSION 64

/* Of one item. */
struct tags {
    const uint8_t *trace_id;  /* 16 bytes; NULL or zero: none */
    const uint8_t *parent_id; /* 8 bytes; likewise */
    struct parley_view operation;
    const struct parley_attrs *attrs; /* session, user ...; NULL for a metric */
    bool is_server;                   /* the span's client is the user */
};

/* What the resource says, once for all items of a batch: members without braces. */
void tags_resource(struct json *out, const struct parley_attrs *resource, const char *version);

/* `"tags":{...}` */
void tags_write(struct json *out, const struct tags *tags, const struct json *resource);

/* Hexadecimal digits of an id, as a member's value. */
void tags_id(struct json *out, const uint8_t *id, size_t len);
bool tags_has_id(const uint8_t *id, size_t len);

#endif
