/* SPDX-License-Identifier: Apache-2.0 */
/* protocol = otlp: Azure Monitor's own OTLP endpoints, of a data collection rule. They take tokens
 * of Entra only, and metrics as changes with exponential histograms. */
#ifndef AZURE_MONITOR_NATIVE_H
#define AZURE_MONITOR_NATIVE_H

#include "config.h"

#include "parts/otlp/sender.h"

/* [main] Are the addresses and the credential there? */
int native_check(const struct config *config, struct parley_error *err);

/* What its sender needs. The headers must outlive that; see native_headers(). */
struct sender_config native_sender(const struct config *config, const struct parley_host *host,
                                   const void *handle, const char *name,
                                   const struct headers *headers);

/* False without memory. */
bool native_headers(struct headers *headers, const struct parley_host *host);

#endif
