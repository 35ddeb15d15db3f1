/* SPDX-License-Identifier: Apache-2.0 */
/* The name that all items of an operation carry, so that they are found together. */
#ifndef AZURE_MONITOR_OPERATION_H
#define AZURE_MONITOR_OPERATION_H

#include <parley/exporter.h>

#define OPERATION_SIZE 1025

/* "GET /v1/realtime" for a request; the turn's name for what belongs to a turn; else the span's. */
struct parley_view operation_of_span(const struct parley_span *span, char room[OPERATION_SIZE]);

/* "invoke_agent receptionist", where the agent is known; else empty. */
struct parley_view operation_of_turn(const struct parley_attrs *attrs, char room[OPERATION_SIZE]);

#endif
