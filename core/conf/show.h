/* SPDX-License-Identifier: Apache-2.0 */
/* Effective values for `parleyctl config show`, and option tables for `plugins describe` and the
 * generated reference. */
#ifndef CONF_SHOW_H
#define CONF_SHOW_H

#include "base/buf.h"
#include "conf/options.h"

#include <jansson.h>

/* Append the lines of one section, `key = value  # source`; with_defaults also what is not set. */
void show_values_text(struct buf *out, const char *title, const struct options_values *values,
                      bool with_defaults);

/* The lines alone, of what is set in the file, for a section that more than one table fills; but
 * not those that `shown` (NULL: none) has, too. */
void show_set_text(struct buf *out, const struct options_values *values,
                   const struct options_values *shown);

/* Add each setting to an object: {"key": {"value", "source", "file", "line", "environment"}}. False
 * without memory. */
bool show_values_json(json_t *object, const struct options_values *values);

/* The same, of what is set in the file. */
bool show_set_json(json_t *object, const struct options_values *values);

/* "string", "duration" ... of a PARLEY_TYPE_..., for people. */
const char *describe_type(uint32_t type);

/* Append a table for a terminal: one block an option. */
void describe_text(struct buf *out, const struct options_table *table);

/* An array of {"name","type","help","default","example","values","min","max","required"}; the
 * caller owns it. NULL without memory. */
json_t *describe_json(const struct options_table *table);

/* Append a Markdown table of the options. */
void describe_markdown(struct buf *out, const struct options_table *table);

#endif
