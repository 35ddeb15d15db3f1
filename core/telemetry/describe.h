/* SPDX-License-Identifier: Apache-2.0 */
/* All that parley tells about itself, for people: the metrics, the spans and what they carry. */
#ifndef TELEMETRY_DESCRIBE_H
#define TELEMETRY_DESCRIBE_H

#include "base/buf.h"

#include <jansson.h>

/* Append the generated reference: metrics, spans, their events and attributes, the resource. */
void telemetry_describe_markdown(struct buf *out);

/* The same as {"metrics", "spans", "events", "attributes", "resource"}; the caller owns it. NULL
 * without memory. */
json_t *telemetry_describe_json(void);

#endif
