/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

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

/* The header's value in NUL-terminated form; false when it is absent or too long to be one. */
static bool find_header(struct parley_view headers, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);

    while (headers.len > 0) {
        const char *end = memchr(headers.data, '\n', headers.len);
        size_t line = end == NULL ? headers.len : (size_t)(end - headers.data);
        if (line > name_len + 1 && headers.data[name_len] == ':' &&
            strncmp(headers.data, name, name_len) == 0) {
            size_t len = line - name_len - 1;
            if (len >= size)
                return false;
            memcpy(out, headers.data + name_len + 1, len);
            out[len] = '\0';
            return true;
        }
        headers.data += line + (end != NULL);
        headers.len -= line + (end != NULL);
    }
    return false;
}

int64_t retry_after_ms(struct parley_view headers, int64_t unix_ms)
{
    char value[64];
    char *end = NULL;
    struct tm date = {0};

    if (!find_header(headers, "retry-after", value, sizeof(value)))
        return 0;
    const char *start = value + strspn(value, " \t");
    long long seconds = strtoll(start, &end, 10);
    if (end == start || end[strspn(end, " \t\r")] != '\0') {
        end = strptime(start, "%a, %d %b %Y %H:%M:%S GMT", &date);
        if (end == NULL)
            return 0;
        seconds = (long long)timegm(&date) - unix_ms / 1000;
    }
    if (seconds < 0)
        return 0;
    return (seconds > MOST_S ? MOST_S : seconds) * 1000;
}
