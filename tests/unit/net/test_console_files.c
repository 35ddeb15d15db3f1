/* SPDX-License-Identifier: Apache-2.0 */
#include "net/console_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void the_root_is_the_page(void **state)
{
    const struct console_file *file = console_file_find(VIEW("/"));

    (void)state;
    assert_non_null(file);
    assert_string_equal(file->path, "/index.html");
    assert_string_equal(file->mime, "text/html; charset=utf-8");
    assert_memory_equal(file->data, "<!doctype html>", 15);
    assert_ptr_equal(file, console_file_find(VIEW("/index.html")));
}

static void a_file_has_its_type_and_a_quoted_tag(void **state)
{
    const struct console_file *script = console_file_find(VIEW("/app.js"));
    const struct console_file *style = console_file_find(VIEW("/style.css"));

    (void)state;
    assert_non_null(script);
    assert_non_null(style);
    assert_string_equal(script->mime, "text/javascript; charset=utf-8");
    assert_string_equal(style->mime, "text/css; charset=utf-8");
    assert_int_equal(script->etag[0], '"');
    assert_int_equal(script->etag[strlen(script->etag) - 1], '"');
    assert_string_not_equal(script->etag, style->etag);
}

static void what_is_not_a_page_file_is_not_found(void **state)
{
    static const char *const paths[] = {"",          "index.html",   "/nothing.js", "/../app.js",
                                        "/embed.py", "/meson.build", "/app.js/",    "//"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_null(console_file_find(view_of(paths[i])));
    assert_null(console_file_find((struct parley_view){"/app.js\0x", 9}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_the_page),
        cmocka_unit_test(a_file_has_its_type_and_a_quoted_tag),
        cmocka_unit_test(what_is_not_a_page_file_is_not_found),
    };

    return cmocka_run_group_tests_name("net/console_files", tests, NULL, NULL);
}
