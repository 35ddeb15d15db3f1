/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include "parts/header.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_MS   1000
#define LONGEST_MS 5000
#define MOST_S     86400 /* of a server's wish; more is as good as never */

bool retry_is_wanted(int status, int code)
{
    if (status < 0)
        return status == PARLEY_E_UNAVAILABLE || status == PARLEY_E_TIMEOUT ||
               status == PARLEY_E_BUSY;
    return code == 429 || code == 502 || code == 503 || code == 504;
}

int64_t retry_delay_ms(unsigned tried, uint32_t random, int64_t after_ms)
{
    int64_t delay = FIRST_MS;

    for (unsigned i = 1; i < tried && delay < LONGEST_MS; i++)
        delay = delay * 3 / 2;
    if (delay > LONGEST_MS)
        delay = LONGEST_MS;
    delay += delay * ((int64_t)(random % 401) - 200) / 1000;
    return delay < after_ms ? after_ms : delay;
}

int64_t retry_after_ms(struct parley_view headers, int64_t unix_ms)
{
    const struct parley_view given = header_value(headers, "retry-after");
    char value[64];
    char *end = NULL;
    struct tm date = {0};

    if (given.len == 0 || given.len >= sizeof(value))
        return 0;
    memcpy(value, given.data, given.len);
    value[given.len] = '\0';
    long long seconds = strtoll(value, &end, 10);
    if (end == value || *end != '\0') {
        end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date);
        if (end == NULL)
            return 0;
        seconds = (long long)timegm(&date) - unix_ms / 1000;
    }
    if (seconds < 0)
        return 0;
    return (seconds > MOST_S ? MOST_S : seconds) * 1000;
}
