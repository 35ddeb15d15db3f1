/* SPDX-License-Identifier: Apache-2.0 */
#include "instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

void instant_time(uint64_t unix_ns, char out[INSTANT_SIZE])
{
    time_t seconds = (time_t)(unix_ns / NS_PER_S);
    struct tm date = {0};
    char day[INSTANT_SIZE - 10];

    if (gmtime_r(&seconds, &date) == NULL ||
        strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &date) == 0)
        (void)strcpy(day, "1970-01-01T00:00:00");
    (void)snprintf(out, INSTANT_SIZE, "%s.%06uZ", day, (unsigned)(unix_ns % NS_PER_S / 1000));
}

void instant_duration(uint64_t start_ns, uint64_t end_ns, char out[INSTANT_SIZE])
{
    uint64_t ns = end_ns > start_ns ? end_ns - start_ns : 0;
    uint64_t s = ns / NS_PER_S;
    unsigned long long days = s / 86400;
    char head[24] = "";

    if (days > 0)
        (void)snprintf(head, sizeof(head), "%llu.", days);
    (void)snprintf(out, INSTANT_SIZE, "%s%02u:%02u:%02u.%07u", head, (unsigned)(s / 3600 % 24),
                   (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(ns % NS_PER_S / 100));
}
