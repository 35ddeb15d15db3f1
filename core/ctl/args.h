/* SPDX-License-Identifier: Apache-2.0 */
/* Options and words of a command line, in any order. */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include <parley/error.h>

#include <stdbool.h>
#include <stdint.h>

#define ARGS_MAX_WORDS 32

/* One option: with a value, or a flag. The table ends with a zeroed one. */
struct arg {
    const char *name;   /* "--url" */
    const char *letter; /* "-u" or NULL */
    const char **value; /* set to what follows */
    bool *flag;         /* or set to true */
};

struct args {
    const char *words[ARGS_MAX_WORDS]; /* what is no option, without argv[0] */
    int count;
    bool wants_help;
};

/* PARLEY_E_INVALID with what is wrong and the nearest known option. "--" ends the options. */
int args_parse(int argc, char **argv, const struct arg *table, struct args *ret,
               struct parley_error *err);

/* A --timeout: seconds, with or without a fraction, above 0 and up to most. text NULL: otherwise.
 * PARLEY_E_INVALID with what it should be. */
int args_timeout(const char *text, int otherwise, int most, int64_t *ret_ms,
                 struct parley_error *err);

#endif
