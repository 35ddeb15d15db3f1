/* SPDX-License-Identifier: Apache-2.0 */
#include "quota.h"

#include "parts/text.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES     10
#define PERIOD_MS 60000
#define MAX_LINE  512

static bool may_log(struct quota *q, const struct surroundings *around)
{
    int64_t now = (int64_t)(around->host->now_us() / 1000);

    if (q->count == 0 || now - q->since_ms >= PERIOD_MS) {
        if (q->count > LINES)
            around->host->log(around->handle, PARLEY_LOG_WARN,
                              "further lines of the MCP server were not logged lines=%u",
                              q->count - LINES);
        *q = (struct quota){.since_ms = now};
    }
    return ++q->count <= LINES;
}

void quota_log(struct quota *q, const struct surroundings *around, int level, const char *what,
               struct parley_view text)
{
    char line[MAX_LINE + 1];

    if (!may_log(q, around))
        return;
    (void)snprintf(line, sizeof(line), "%.*s", (int)(text.len > MAX_LINE ? MAX_LINE : text.len),
                   text.data);
    char *tidy = text_tidy(line, MAX_LINE);
    around->host->log(around->handle, level, "%s \"%s\"", what, tidy == NULL ? "" : tidy);
    free(tidy);
}
