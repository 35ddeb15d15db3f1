/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

/* Zones without letters of their own carry "+03" as abbreviation: say "UTC+3" then. */
static void say_zone(const struct tz_offset *offset, char *text, size_t size)
{
    char first = offset->abbreviation[0];
    int minutes = abs(offset->seconds) / 60;

    if (first != '+' && first != '-' && first != '\0')
        (void)snprintf(text, size, "%s", offset->abbreviation);
    else if (minutes % 60 == 0)
        (void)snprintf(text, size, "UTC%c%d", offset->seconds < 0 ? '-' : '+', minutes / 60);
    else
        (void)snprintf(text, size, "UTC%c%d:%02d", offset->seconds < 0 ? '-' : '+', minutes / 60,
                       minutes % 60);
}

static struct tm local_time(const struct tz_offset *offset, int64_t unix_s)
{
    time_t local = (time_t)(unix_s + offset->seconds);
    struct tm tm = {0};

    if (gmtime_r(&local, &tm) == NULL)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1, .tm_wday = 4}; /* beyond the calendar */
    return tm;
}

void clock_say(const struct zones_match *match, int64_t unix_s, char *text, size_t size)
{
    struct tz_offset offset = tzif_at(match->zone, unix_s);
    struct tm tm = local_time(&offset, unix_s);
    char zone[32];

    say_zone(&offset, zone, sizeof(zone));
    (void)snprintf(text, size, "It is %d:%02d %s on %s, %d %s %d%s%s, time zone %s.",
                   tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12, tm.tm_min,
                   tm.tm_hour < 12 ? "AM" : "PM", weekdays[tm.tm_wday], tm.tm_mday,
                   months[tm.tm_mon], tm.tm_year + 1900, match->place[0] != '\0' ? " in " : "",
                   match->place, zone);
}

void clock_iso(const struct zones_match *match, int64_t unix_s, char *text, size_t size)
{
    struct tz_offset offset = tzif_at(match->zone, unix_s);
    struct tm tm = local_time(&offset, unix_s);
    int minutes = abs(offset.seconds) / 60;

    (void)snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   offset.seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

const char *clock_weekday(const struct zones_match *match, int64_t unix_s)
{
    struct tz_offset offset = tzif_at(match->zone, unix_s);

    return weekdays[local_time(&offset, unix_s).tm_wday];
}
