/* SPDX-License-Identifier: Apache-2.0 */
/* One log record as one JSON line, without its end. */
#ifndef EXPORTER_CONSOLE_RECORD_H
#define EXPORTER_CONSOLE_RECORD_H

#include "line.h"

#include <parley/exporter.h>

/* The record at `i` of a batch that has it; "" without memory. What does not fit is cut. */
void record_json(const struct parley_batch *batch, uint32_t i, char out[LINE_SIZE]);

#endif
