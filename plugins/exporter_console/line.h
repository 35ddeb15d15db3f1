/* SPDX-License-Identifier: Apache-2.0 */
/* One turn as one line, without its end. */
#ifndef EXPORTER_CONSOLE_LINE_H
#define EXPORTER_CONSOLE_LINE_H

#include "turns.h"

#define LINE_ISO_SIZE 40

#define LINE_SIZE 4000 /* below PIPE_BUF, so that a line is written whole or not at all */

/* For people: time, agent, session, time to first output, tools, tokens. */
void line_text(const struct turn *turn, bool with_colours, char out[LINE_SIZE]);

/* For programs: one JSON object; "" without memory. */
void line_json(const struct turn *turn, char out[LINE_SIZE]);

/* 2026-01-05T09:00:02.400Z */
void line_iso_time(uint64_t unix_ns, char out[LINE_ISO_SIZE]);

#endif
