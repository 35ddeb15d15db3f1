/* SPDX-License-Identifier: Apache-2.0 */
/* The lexical part of peek: whole JSON values, skipped and checked without recursion or memory. */
#ifndef REALTIME_SCAN_H
#define REALTIME_SCAN_H

#include "realtime/peek.h"

#include <stdbool.h>

struct scan {
    const unsigned char *at;
    const unsigned char *end;
    enum rt_fault fault;
    bool saw_non_ascii;
};

/* Skip spaces, tabs and line ends. */
void scan_space(struct scan *s);

/* At a quote: skip the string. ret_text is what stands between the quotes. */
bool scan_string(struct scan *s, struct parley_view *ret_text, bool *ret_has_escapes);

/* Skip any one value that lies inside `depth` containers. */
bool scan_value(struct scan *s, unsigned depth);

#endif
