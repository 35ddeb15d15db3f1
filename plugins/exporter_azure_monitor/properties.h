/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes as `properties`: names of up to 150 bytes, text of up to 8192; what people said is let
 * grow further. What has a field of its own in the schema is not said twice.
 */
#ifndef AZURE_MONITOR_PROPERTIES_H
#define AZURE_MONITOR_PROPERTIES_H

#include "json.h"

#include <parley/exporter.h>

#include <stdbool.h>

#define PROPERTY_KEY   150
#define PROPERTY_VALUE 8192
#define PROPERTY_SAID  (256u << 10) /* conversations, tool calls */
#define PROPERTY_ITEM  (64u << 10)  /* of a whole item, what was said aside */

struct properties {
    struct json *out;
    size_t item_at; /* where the item begins in it */
    bool with_content;
    bool is_http;      /* a span's: method, address and status are fields of their own */
    bool is_metric;    /* everything is a dimension */
    bool is_exception; /* type, message and stack are fields of their own */
    size_t said;       /* bytes that do not count for the item's size */
    uint32_t left_out; /* for want of room */
};

/* `"properties":{`, and its end. */
void properties_begin(struct properties *p);
void properties_end(struct properties *p);

void properties_add(struct properties *p, const char *key, struct parley_view text);
void properties_add_attrs(struct properties *p, const struct parley_attrs *attrs);

#endif
