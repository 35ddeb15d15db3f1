/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found wrong in a configuration: every mistake, not only the first, up to a bound, each
 * as one line `file:line: [section] key: what is wrong, what would be right`.
 */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include <parley/error.h>

#include <stdbool.h>
#include <stddef.h>

#define CONF_REPORT_MAX 100 /* lines kept of one report; further ones are counted */

struct conf_section;

struct conf_problem {
    bool is_warning;
    char *text;
};

/* A zeroed struct is an empty report. */
struct conf_report {
    struct conf_problem *items;
    size_t count;
    size_t errors;   /* all of them, kept or not */
    size_t warnings; /* likewise */
};

/* Where a problem is: any part may be NULL or 0. */
struct conf_place {
    const char *file;
    int line;
    const struct conf_section *section;
    const char *key;
};

/* Add a line. The message must not hold a secret. */
void conf_report_error(struct conf_report *r, struct conf_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void conf_report_warning(struct conf_report *r, struct conf_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first error as err, with the number of the others. Returns PARLEY_E_INVALID, or PARLEY_OK
 * when there is none. */
int conf_report_to_error(const struct conf_report *r, struct parley_error *err);

void conf_report_done(struct conf_report *r);

#endif
