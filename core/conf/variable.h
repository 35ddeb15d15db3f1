/* SPDX-License-Identifier: Apache-2.0 */
/* The environment variable of an option that the file does not set. */
#ifndef CONF_VARIABLE_H
#define CONF_VARIABLE_H

#include "base/buf.h"
#include "conf/conf.h"

#include <parley/error.h>
#include <parley/options.h>

#define VARIABLE_NAME_SIZE 96

/*
 * Append the value that stands in for the option's key, and tell the variable's name. 1: there is
 * one; 0: no variable is set; a failure says what is wrong with it.
 */
int variable_read(const struct parley_option *option, const struct conf_env *env,
                  char name[VARIABLE_NAME_SIZE], struct buf *out, struct parley_error *err);

/* Append the option's variables as `A`, `B`; nothing when it has none. */
void variable_describe(const struct parley_option *option, struct buf *out);

#endif
