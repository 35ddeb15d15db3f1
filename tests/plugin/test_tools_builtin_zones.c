/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"
#include "zones.h"

#define ZONEINFO "/usr/share/zoneinfo"
#define MONDAY   INT64_C(1767603600) /* 2026-01-05 09:00:00 UTC */
#define DAY      INT64_C(86400)

static int open_zones(void **state)
{
    *state = zones_create(ZONEINFO, "/nonexistent");
    return *state == NULL;
}

static int close_zones(void **state)
{
    zones_destroy(*state);
    return 0;
}

static const char *said(const struct zones *zones, const char *name, int64_t unix_s)
{
    static char text[256];
    static struct parley_error err = PARLEY_ERROR_INIT;
    struct zones_match match;

    if (zones_find(zones, (struct parley_view){name, strlen(name)}, &match, &err) < 0)
        return err.message;
    clock_say(&match, unix_s, text, sizeof(text));
    return text;
}

static void clock_says_time_date_weekday_and_zone(void **state)
{
    assert_string_equal(said(*state, "Tokyo", MONDAY),
                        "It is 6:00 PM on Monday, 5 January 2026 in Tokyo, time zone JST.");
    assert_string_equal(said(*state, "new york", MONDAY),
                        "It is 4:00 AM on Monday, 5 January 2026 in New York, time zone EST.");
    assert_string_equal(said(*state, "Asia/Kolkata", MONDAY + DAY / 2),
                        "It is 2:30 AM on Tuesday, 6 January 2026 in Kolkata, time zone IST.");
    assert_string_equal(said(*state, "Dubai", MONDAY),
                        "It is 1:00 PM on Monday, 5 January 2026 in Dubai, time zone UTC+4.");
    assert_string_equal(
        said(*state, "Kathmandu", MONDAY),
        "It is 2:45 PM on Monday, 5 January 2026 in Kathmandu, time zone UTC+5:45.");
}

static void zones_without_a_name_or_a_local_file_are_utc(void **state)
{
    const char *expected = "It is 9:00 AM on Monday, 5 January 2026, time zone UTC.";

    assert_string_equal(said(*state, "", MONDAY), expected);
    assert_string_equal(said(*state, "local", MONDAY), expected);
    assert_string_equal(said(*state, "UTC", MONDAY), expected);
}

static void zones_know_places_that_the_database_does_not_name(void **state)
{
    assert_string_equal(said(*state, "San Francisco", MONDAY),
                        "It is 1:00 AM on Monday, 5 January 2026 in San Francisco, time zone PST.");
    assert_string_equal(said(*state, "munich", MONDAY + 180 * DAY),
                        "It is 11:00 AM on Saturday, 4 July 2026 in Munich, time zone CEST.");
    assert_string_equal(said(*state, "Paris, France", MONDAY),
                        "It is 10:00 AM on Monday, 5 January 2026 in Paris, time zone CET.");
    assert_string_equal(said(*state, "US/Eastern", MONDAY),
                        "It is 4:00 AM on Monday, 5 January 2026 in Eastern, time zone EST.");
}

static void zones_refuse_what_they_do_not_know(void **state)
{
    assert_string_equal(said(*state, "Atlantis", MONDAY),
                        "I do not know the time zone of Atlantis.");
    assert_string_equal(said(*state, "../../../etc/passwd", MONDAY),
                        "I do not know the time zone of ../../../etc/passwd.");
    assert_string_equal(
        said(*state, "a place whose name is so long that it goes beyond every name there could be",
             MONDAY),
        "That name is too long for a place.");
}

/* The C library as the judge; the test has one thread, so it may set TZ. */
static void zones_agree_with_the_c_library_for_decades(void **state)
{
    static const char *const names[] = {
        "Europe/Berlin",       "Europe/Dublin",      "America/New_York", "America/Santiago",
        "Australia/Lord_Howe", "Australia/Sydney",   "Pacific/Apia",     "Africa/Casablanca",
        "Asia/Gaza",           "Asia/Tehran",        "America/Nuuk",     "Asia/Jerusalem",
        "Africa/Cairo",        "Pacific/Kiritimati", "Antarctica/Troll", "America/Sao_Paulo"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct zones_match match;
        struct parley_view name = {names[i], strlen(names[i])};

        assert_int_equal(zones_find(*state, name, &match, NULL), PARLEY_OK);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t at = INT64_C(1577836800); at < INT64_C(2840140800); at += 9 * 3600 * 7 + 1) {
            time_t moment = (time_t)at;
            struct tm tm;
            struct tz_offset offset = tzif_at(match.zone, at);
            localtime_r(&moment, &tm);
            if (tm.tm_gmtoff != offset.seconds)
                fail_msg("%s at %lld: %d instead of %ld", names[i], (long long)at, offset.seconds,
                         tm.tm_gmtoff);
        }
    }
    unsetenv("TZ");
}

static void zones_refuse_files_that_lie(void **state)
{
    char bytes[200] = "TZif2";
    struct tzif zone;

    (void)state;
    for (size_t len = 0; len < sizeof(bytes); len++)
        assert_int_equal(tzif_parse((struct parley_view){bytes, len}, &zone, NULL),
                         PARLEY_E_INVALID);
    memset(bytes + 20, 0xff, 24);
    assert_int_equal(tzif_parse((struct parley_view){bytes, sizeof(bytes)}, &zone, NULL),
                     PARLEY_E_INVALID);
}

static void posix_rules_of_every_form_are_read(void **state)
{
    struct tz_offset offset;

    (void)state;
    assert_true(posix_tz_at("<-03>3", MONDAY, &offset));
    assert_int_equal(offset.seconds, -10800);
    assert_true(posix_tz_at("EST5EDT,J60/2,J300/2", MONDAY + 180 * DAY, &offset));
    assert_string_equal(offset.abbreviation, "EDT");
    assert_true(posix_tz_at("AAA-1BBB-2,59,299/-1:30", MONDAY + 180 * DAY, &offset));
    assert_int_equal(offset.seconds, 7200);
    assert_false(posix_tz_at("", MONDAY, &offset));
    assert_false(posix_tz_at("EST", MONDAY, &offset));
    assert_false(posix_tz_at("EST5EDT,M13.1.0,M11.1.0", MONDAY, &offset));
    assert_false(posix_tz_at("EST5EDT,M3.1", MONDAY, &offset));
    assert_false(posix_tz_at("<AVERYLONGNAME>5", MONDAY, &offset));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clock_says_time_date_weekday_and_zone, open_zones,
                                        close_zones),
        cmocka_unit_test_setup_teardown(zones_without_a_name_or_a_local_file_are_utc, open_zones,
                                        close_zones),
        cmocka_unit_test_setup_teardown(zones_know_places_that_the_database_does_not_name,
                                        open_zones, close_zones),
        cmocka_unit_test_setup_teardown(zones_refuse_what_they_do_not_know, open_zones,
                                        close_zones),
        cmocka_unit_test_setup_teardown(zones_agree_with_the_c_library_for_decades, open_zones,
                                        close_zones),
        cmocka_unit_test(zones_refuse_files_that_lie),
        cmocka_unit_test(posix_rules_of_every_form_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
