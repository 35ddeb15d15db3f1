/* SPDX-License-Identifier: Apache-2.0 */
#include "posix_tz.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define DAY INT64_C(86400)

/* The day of a year on which a change happens, and the local second of that day. */
struct change {
    char kind; /* 'M': month, week, weekday; 'J': day 1..365 without 29 February; 'n': day 0..365 */
    int month;
    int week;
    int day;
    int second;
};

static bool read_number(const char **at, int max, int *ret)
{
    int value = 0;

    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        value = value * 10 + (**at - '0');
        if (value > max)
            return false;
    }
    *ret = value;
    return true;
}

static bool read_name(const char **at, char *name)
{
    bool is_quoted = **at == '<';
    size_t len = 0;

    *at += is_quoted;
    for (; **at != '\0' && **at != '>'; (*at)++) {
        bool is_letter = (**at >= 'a' && **at <= 'z') || (**at >= 'A' && **at <= 'Z');
        if (!is_quoted && !is_letter)
            break;
        if (len == TZ_ABBREVIATION_MAX)
            return false;
        name[len++] = **at;
    }
    name[len] = '\0';
    if (is_quoted && *(*at)++ != '>')
        return false;
    return len > 0;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_time(const char **at, int *ret)
{
    int sign = **at == '-' ? -1 : 1;
    int part[3] = {0};

    *at += **at == '-' || **at == '+';
    for (int i = 0; i < 3; i++) {
        if (i > 0 && *(*at)++ != ':')
            return false;
        if (!read_number(at, i == 0 ? 167 : 59, &part[i]))
            return false;
        if (**at != ':')
            break;
    }
    *ret = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
    return true;
}

static bool read_month_day(const char **at, struct change *change)
{
    (*at)++;
    return read_number(at, 12, &change->month) && change->month > 0 && *(*at)++ == '.' &&
           read_number(at, 5, &change->week) && change->week > 0 && *(*at)++ == '.' &&
           read_number(at, 6, &change->day);
}

static bool read_change(const char **at, struct change *change)
{
    *change = (struct change){.kind = 'n', .second = 7200};
    if (**at == 'M') {
        change->kind = 'M';
        if (!read_month_day(at, change))
            return false;
    } else {
        if (**at == 'J') {
            change->kind = 'J';
            (*at)++;
        }
        if (!read_number(at, 365, &change->day))
            return false;
    }
    if (**at != '/')
        return true;
    (*at)++;
    return read_time(at, &change->second);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t weekday_in_month(int64_t year, const struct change *change)
{
    int64_t first = days_from_civil(year, change->month, 1);
    int64_t next = change->month == 12 ? days_from_civil(year + 1, 1, 1)
                                       : days_from_civil(year, change->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (change->day - weekday + 7) % 7 + (change->week - 1) * 7;

    return day < next ? day : day - 7; /* week 5 means the last one */
}

static int64_t change_at(int64_t year, const struct change *change, int32_t offset_before)
{
    int64_t day = 0;

    if (change->kind == 'M')
        day = weekday_in_month(year, change);
    else if (change->kind == 'J')
        day = days_from_civil(year, 1, 1) + change->day - 1 + (is_leap(year) && change->day > 59);
    else
        day = days_from_civil(year, 1, 1) + change->day;
    return day * DAY + change->second - offset_before;
}

static int64_t year_of(int64_t local_s)
{
    time_t at = (time_t)local_s;
    struct tm tm;

    return gmtime_r(&at, &tm) != NULL ? tm.tm_year + INT64_C(1900) : 1970;
}

static bool is_summer(int64_t unix_s, const struct change *start, const struct change *end,
                      int32_t standard, int32_t summer)
{
    int64_t year = year_of(unix_s + standard);
    int64_t begins = change_at(year, start, standard);
    int64_t ends = change_at(year, end, summer);

    if (begins < ends)
        return unix_s >= begins && unix_s < ends;
    return unix_s >= begins || unix_s < ends; /* southern half: summer spans the new year */
}

bool posix_tz_at(const char *rule, int64_t unix_s, struct tz_offset *ret_offset)
{
    struct tz_offset standard = {0}, summer = {0};
    struct change start, end;
    int west = 0;

    if (!read_name(&rule, standard.abbreviation) || !read_time(&rule, &west))
        return false;
    standard.seconds = -west; /* POSIX counts west of Greenwich */
    *ret_offset = standard;
    if (*rule == '\0')
        return true;
    if (!read_name(&rule, summer.abbreviation))
        return false;
    summer.seconds = standard.seconds + 3600;
    if (*rule != ',' && *rule != '\0') {
        if (!read_time(&rule, &west))
            return false;
        summer.seconds = -west;
    }
    if (*rule++ != ',' || !read_change(&rule, &start) || *rule++ != ',' ||
        !read_change(&rule, &end) || *rule != '\0')
        return false;
    if (is_summer(unix_s, &start, &end, standard.seconds, summer.seconds))
        *ret_offset = summer;
    return true;
}
