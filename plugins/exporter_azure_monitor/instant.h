/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations as the schema writes them. */
#ifndef AZURE_MONITOR_INSTANT_H
#define AZURE_MONITOR_INSTANT_H

#include <stdint.h>

#define INSTANT_SIZE 40

/* "2026-01-05T09:00:00.620000Z" */
void instant_time(uint64_t unix_ns, char out[INSTANT_SIZE]);

/* "[d.]hh:mm:ss.fffffff": hours stay below 24. An end before its start is no duration: 0. */
void instant_duration(uint64_t start_ns, uint64_t end_ns, char out[INSTANT_SIZE]);

#endif
