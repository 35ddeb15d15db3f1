/* SPDX-License-Identifier: Apache-2.0 */
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "words.h"

#define DAY 86400

static void civil(int64_t unix_s, struct tm *ret)
{
    time_t at = (time_t)unix_s;

    if (gmtime_r(&at, ret) == NULL)
        *ret = (struct tm){.tm_year = 70, .tm_mday = 1};
}

static void write_day(struct when *when, int64_t unix_s)
{
    struct tm tm;

    civil(unix_s, &tm);
    (void)strftime(when->text, sizeof(when->text), "%Y-%m-%d", &tm);
}

/* --- Dates --------------------------------------------------------------------------------------
 */

static bool near_day(const struct utterance *u, size_t at, int64_t now_s, struct when *when)
{
    static const struct {
        const char *words;
        int days;
    } days[] = {{"today tonight", 0}, {"tomorrow", 1}, {"yesterday", -1}};

    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        if (!utterance_in(u, at, days[i].words))
            continue;
        write_day(when, now_s + (int64_t)days[i].days * DAY);
        when->end = at + 1;
        return true;
    }
    return false;
}

/* A weekday is the next one to come; "next" makes no difference, since people do not agree on it.
 */
static bool weekday(const struct utterance *u, size_t at, int64_t now_s, struct when *when)
{
    size_t name = at + utterance_in(u, at, "this next on");
    int day = name < u->count ? word_weekday(u->tokens[name].word) : -1;
    struct tm tm;

    if (day < 0)
        return false;
    civil(now_s, &tm);
    int ahead = (day - tm.tm_wday + 7) % 7;
    write_day(when, now_s + (int64_t)(ahead == 0 ? 7 : ahead) * DAY);
    when->end = name + 1;
    return true;
}

static int day_of_month(const struct utterance *u, size_t at, size_t *ret_end)
{
    static const char *const ordinals[] = {"first", "second", "third",    "fourth",
                                           "fifth", "sixth",  "seventh",  "eighth",
                                           "ninth", "tenth",  "eleventh", "twelfth"};

    if (at >= u->count)
        return 0;
    *ret_end = at + 1;
    for (int i = 0; i < 12; i++) {
        if (strcmp(ordinals[i], u->tokens[at].word) == 0)
            return i + 1;
    }
    double number = u->tokens[at].number;
    if (!u->tokens[at].is_number || number < 1 || number > 31)
        return 0;
    *ret_end += utterance_in(u, at + 1, "st nd rd th");
    return (int)number;
}

/* Month and day, in this year or, when that has passed, the next. */
static void write_month_day(struct when *when, int64_t now_s, int month, int day)
{
    struct tm tm;

    civil(now_s, &tm);
    int year = tm.tm_year + 1900;
    if (month < tm.tm_mon + 1 || (month == tm.tm_mon + 1 && day < tm.tm_mday))
        year++;
    (void)snprintf(when->text, sizeof(when->text), "%04d-%02d-%02d", year, month, day);
}

static bool month_and_day(const struct utterance *u, size_t at, int64_t now_s, struct when *when)
{
    size_t end = 0;
    int month = at < u->count ? word_month(u->tokens[at].word) : -1;
    int day = 0;

    if (month > 0) { /* January 5th */
        day = day_of_month(u, at + 1 + utterance_is(u, at + 1, "the"), &end);
    } else { /* the 5th of January */
        day = day_of_month(u, at, &end);
        end += utterance_is(u, end, "of");
        month = day > 0 && end < u->count ? word_month(u->tokens[end].word) : -1;
        end++;
    }
    if (month <= 0 || day <= 0)
        return false;
    write_month_day(when, now_s, month, day);
    when->end = end;
    return true;
}

static bool in_days(const struct utterance *u, size_t at, int64_t now_s, struct when *when)
{
    if (!utterance_is(u, at, "in") || at + 2 >= u->count || !u->tokens[at + 1].is_number)
        return false;
    double unit = word_time_unit(u->tokens[at + 2].word);
    double days = u->tokens[at + 1].number * unit / DAY;
    if (unit < DAY || days > 36500)
        return false;
    write_day(when, now_s + (int64_t)days * DAY);
    when->end = at + 3;
    return true;
}

static bool is_iso_date(const char *word)
{
    return strlen(word) == 10 && word[4] == '-' && word[7] == '-';
}

static bool written_date(const struct utterance *u, size_t at, struct when *when)
{
    if (!is_iso_date(u->tokens[at].word))
        return false;
    (void)snprintf(when->text, sizeof(when->text), "%s", u->tokens[at].word);
    when->end = at + 1;
    return true;
}

static void write_as_said(const struct utterance *u, struct when *when)
{
    size_t first = when->first + utterance_in(u, when->first, "on the");
    struct parley_view said = utterance_span(u, first, when->end);

    (void)snprintf(when->text, sizeof(when->text), "%.*s", (int)said.len, said.data);
}

bool when_date(const struct utterance *u, int64_t now_s, bool iso, struct when *ret_when)
{
    for (size_t at = 0; at < u->count; at++) {
        struct when when = {.first = at};
        if (!near_day(u, at, now_s, &when) && !weekday(u, at, now_s, &when) &&
            !month_and_day(u, at, now_s, &when) && !in_days(u, at, now_s, &when) &&
            !written_date(u, at, &when))
            continue;
        if (!iso)
            write_as_said(u, &when);
        if (at > 0 && utterance_in(u, at - 1, "on the for"))
            when.first--;
        *ret_when = when;
        return true;
    }
    return false;
}

/* --- Times --------------------------------------------------------------------------------------
 */

static bool write_time(struct when *when, int hour, int minute, size_t end)
{
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    (void)snprintf(when->text, sizeof(when->text), "%02d:%02d", hour, minute);
    when->end = end;
    return true;
}

/* am, pm, in the evening ...: shifts the hour and says where the phrase ends. */
static int half_of_day(const struct utterance *u, int hour, size_t *end)
{
    bool is_am = utterance_in(u, *end, "am a.m");
    bool is_pm = utterance_in(u, *end, "pm p.m");
    size_t used = is_am || is_pm;

    if (utterance_is(u, *end, "in") && utterance_is(u, *end + 1, "the")) {
        is_am = utterance_is(u, *end + 2, "morning");
        is_pm = utterance_in(u, *end + 2, "afternoon evening");
        used = is_am || is_pm ? 3 : 0;
    }
    *end += used;
    if (is_am && hour == 12)
        return 0;
    return is_pm && hour < 12 ? hour + 12 : hour;
}

static bool clock_time(const struct utterance *u, size_t at, struct when *when)
{
    const char *word = u->tokens[at].word;
    int hour = 0, minute = 0, used = 0;
    size_t end = at + 1;

    if (sscanf(word, "%2d:%2d%n", &hour, &minute, &used) != 2 || word[used] != '\0')
        return false;
    hour = half_of_day(u, hour, &end);
    return write_time(when, hour, minute, end);
}

static int whole_number(const struct utterance *u, size_t at, int max)
{
    const struct token *token = at < u->count ? &u->tokens[at] : NULL;

    if (token == NULL || !token->is_number || token->number < 0 || token->number > max)
        return -1;
    int whole = (int)token->number;
    return whole == token->number ? whole : -1;
}

/* 7 pm, seven o'clock, at seven, at seven thirty. */
static bool hour_time(const struct utterance *u, size_t at, struct when *when)
{
    int hour = whole_number(u, at, 24);
    int minute = whole_number(u, at + 1, 59);
    bool is_after_at = at > 0 && utterance_is(u, at - 1, "at");
    size_t end = at + 1;

    if (hour < 0)
        return false;
    if (minute >= 10 && (is_after_at || utterance_in(u, at + 2, "am pm")))
        end++;
    else
        minute = 0;
    bool is_said = utterance_is(u, end, "o'clock");
    end += is_said;
    size_t before = end;
    int shifted = half_of_day(u, hour, &end);
    bool is_alone = end == u->count || !(word_time_unit(u->tokens[end].word) > 0);
    if (!is_said && end == before && !(is_after_at && is_alone))
        return false;
    return write_time(when, shifted, minute, end);
}

static bool spoken_time(const struct utterance *u, size_t at, struct when *when)
{
    bool is_half = utterance_is(u, at, "half");
    bool is_quarter = utterance_is(u, at, "quarter");
    bool is_past = utterance_in(u, at + 1, "past after");
    int hour = whole_number(u, at + 2, 12);
    size_t end = at + 3;

    if (utterance_is(u, at, "noon") || utterance_is(u, at, "midnight"))
        return write_time(when, utterance_is(u, at, "noon") ? 12 : 0, 0, at + 1);
    if (hour < 1 || !(is_half || is_quarter) ||
        !(is_past || (is_quarter && utterance_is(u, at + 1, "to"))))
        return false;
    hour = half_of_day(u, hour, &end);
    if (is_past)
        return write_time(when, hour, is_half ? 30 : 15, end);
    return write_time(when, (hour + 23) % 24, 45, end);
}

bool when_time(const struct utterance *u, struct when *ret_when)
{
    for (size_t at = 0; at < u->count; at++) {
        struct when when = {.first = at};
        if (!clock_time(u, at, &when) && !spoken_time(u, at, &when) && !hour_time(u, at, &when))
            continue;
        if (at > 0 && utterance_in(u, at - 1, "at by for"))
            when.first--;
        *ret_when = when;
        return true;
    }
    return false;
}
