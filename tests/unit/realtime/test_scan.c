/* SPDX-License-Identifier: Apache-2.0 */
/* Built twice: as this machine scans, and with SCAN_PORTABLE as others do. */
#include "realtime/scan.c" /* first: cmocka has a macro `fail` */

#include "wire.h"

#define MAX_LEN 400

static struct scan scan_at(const char *text, size_t len)
{
    const unsigned char *begin = (const unsigned char *)text;

    return (struct scan){.at = begin, .end = begin + len};
}

/* Every length, and one odd byte at every place of it. */
static void a_string_ends_where_it_ends(void **state)
{
    static const char odd[] = {'"', '\\', '\x1f', '\0', '\x7f', '\x80', '\xff', ' ', '!', '#', '['};
    char text[MAX_LEN + 3];

    (void)state;
    for (size_t i = 0; i < sizeof(odd); i++) {
        for (size_t at = 0; at < MAX_LEN; at++) {
            struct parley_view found = {0};
            bool has_escapes = false;
            memset(text, 'A', sizeof(text));
            text[0] = '"';
            text[1 + at] = odd[i];
            text[MAX_LEN + 1] = '"';
            struct scan s = scan_at(text, MAX_LEN + 2);
            bool is_string = scan_string(&s, &found, &has_escapes);
            bool is_bad = (unsigned char)odd[i] < 0x20 || odd[i] == '\\';
            assert_int_equal(is_string, !is_bad);
            if (!is_string)
                continue;
            assert_int_equal(found.len, odd[i] == '"' ? at : MAX_LEN);
            assert_int_equal(s.saw_non_ascii, (unsigned char)odd[i] >= 0x80);
            assert_false(has_escapes);
        }
    }
}

static void a_string_without_end_is_no_string(void **state)
{
    char text[MAX_LEN];

    (void)state;
    memset(text, 'A', sizeof(text));
    text[0] = '"';
    for (size_t len = 0; len <= sizeof(text); len++) {
        struct parley_view found;
        bool has_escapes;
        struct scan s = scan_at(text, len);
        assert_false(scan_string(&s, &found, &has_escapes));
        assert_int_equal(s.fault, RT_FAULT_JSON);
    }
}

static void escapes_are_skipped_whole(void **state)
{
    static const char text[] = "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\"!";
    struct parley_view found;
    bool has_escapes;
    struct scan s = scan_at(text, sizeof(text) - 1);

    (void)state;
    assert_true(scan_string(&s, &found, &has_escapes));
    assert_true(has_escapes);
    assert_int_equal(*s.at, '!');
}

static void one_value_is_skipped_and_no_more(void **state)
{
    static const char *const texts[] = {
        "1",  "-0.5e+10", "true",    "null",  "\"x\"",
        "[]", "{}",       "[[],{}]", "[1,2]", "{\"a\":{\"b\":[true]}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s,]", texts[i]);
        struct scan s = scan_at(text, strlen(text));
        assert_true(scan_value(&s, 0));
        assert_int_equal((const char *)s.at - text, strlen(texts[i]));
    }
}

static void depth_counts_from_where_the_value_lies(void **state)
{
    struct scan s = scan_at("[[1]]", 5);

    (void)state;
    assert_true(scan_value(&s, RT_MAX_DEPTH - 2));
    s = scan_at("[[1]]", 5);
    assert_false(scan_value(&s, RT_MAX_DEPTH - 1));
    assert_int_equal(s.fault, RT_FAULT_TOO_DEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_ends_where_it_ends),
        cmocka_unit_test(a_string_without_end_is_no_string),
        cmocka_unit_test(escapes_are_skipped_whole),
        cmocka_unit_test(one_value_is_skipped_and_no_more),
        cmocka_unit_test(depth_counts_from_where_the_value_lies),
    };
    return cmocka_run_group_tests_name("realtime/scan", tests, NULL, NULL);
}
