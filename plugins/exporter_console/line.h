/* SPDX-License-Identifier: Apache-2.0 */
/* One turn as one line, without its end. */
#ifndef EXPORTER_CONSOLE_LINE_H
#define EXPORTER_CONSOLE_LINE_H

#include "turns.h"

#define LINE_SIZE 4000 /* below PIPE_BUF, so that a line is written whole or not at all */

/* For people: time, agent, session, time to first output, tools, tokens. */
void line_text(const struct turn *turn, bool with_colours, char out[LINE_SIZE]);

/* For programs: one JSON object; "" without memory. */
void line_json(const struct turn *turn, char out[LINE_SIZE]);

#endif
