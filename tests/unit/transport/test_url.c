/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void url_is_taken_apart(void **state)
{
    static const struct {
        const char *text;
        bool is_tls;
        const char *host;
        int port;
        const char *host_header;
        const char *path;
    } cases[] = {
        {"wss://api.example.com/v1/realtime?model=a", true, "api.example.com", 443,
         "api.example.com", "/v1/realtime?model=a"},
        {"https://h", true, "h", 443, "h", "/"},
        {"ws://h:8080?x=y#part", false, "h", 8080, "h:8080", "/?x=y"},
        {"HTTP://h:80/a", false, "h", 80, "h", "/a"},
        {"ws://[::1]:99/x", false, "::1", 99, "[::1]:99", "/x"},
        {"ws://127.0.0.1/", false, "127.0.0.1", 80, "127.0.0.1", "/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct url u;
        struct parley_error err = PARLEY_ERROR_INIT;
        if (url_parse(&u, cases[i].text, &err) != PARLEY_OK)
            fail_msg("%s", err.message);
        assert_int_equal(u.is_tls, cases[i].is_tls);
        assert_string_equal(u.host, cases[i].host);
        assert_int_equal(u.port, cases[i].port);
        assert_string_equal(u.host_header, cases[i].host_header);
        assert_string_equal(u.path, cases[i].path);
    }
}

static void url_that_is_wrong_is_refused_without_its_query(void **state)
{
    static const char *const wrong[] = {
        "",
        "h",
        "ftp://h?key=secret",
        "ws:///x?key=secret",
        "ws://h:x?key=secret",
        "ws://h:0/",
        "ws://h:70000/",
        "ws://[::1/?key=secret",
        "ws://a b/?key=secret",
        "ws://u:p@h/?key=secret",
        "ws://h/\n?key=secret",
        "ws://h/\xc3\xbc?key=secret",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct url u;
        struct parley_error err = PARLEY_ERROR_INIT;
        assert_int_equal(url_parse(&u, wrong[i], &err), PARLEY_E_INVALID);
        assert_null(strstr(err.message, "secret"));
    }
}

static void url_that_is_too_long_is_refused(void **state)
{
    char text[URL_PATH_MAX + 100];
    struct url u;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "ws://h/", 7);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(url_parse(&u, text, NULL), PARLEY_E_INVALID);
    memset(text, 'a', 300);
    memcpy(text, "ws://", 5);
    text[300] = '\0';
    assert_int_equal(url_parse(&u, text, NULL), PARLEY_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url_is_taken_apart),
        cmocka_unit_test(url_that_is_wrong_is_refused_without_its_query),
        cmocka_unit_test(url_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
