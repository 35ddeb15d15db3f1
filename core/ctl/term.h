/* SPDX-License-Identifier: Apache-2.0 */
/* What people see: colours only on a terminal, JSON for programs. */
#ifndef CTL_TERM_H
#define CTL_TERM_H

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_RED, TERM_GREEN, TERM_YELLOW, TERM_CYAN };

/* The sequence that begins a style on this stream, or "" when it is no terminal or NO_COLOR is
 * set. TERM_PLAIN ends any. */
const char *term_style(FILE *stream, enum term_style style);

/* Print the tree, indented, with a line end, and drop the reference (NULL: nothing). */
void term_json(json_t *take_tree);

/* The same in one line. */
void term_json_line(json_t *take_tree);

/* How many characters a line has: the terminal's width, or 100 when it is none. */
size_t term_width(FILE *stream);

/* Write text that came from elsewhere: control characters that would drive a terminal are left
 * out, line ends and tabs stay. */
void term_safe(FILE *stream, struct parley_view text);

#endif
