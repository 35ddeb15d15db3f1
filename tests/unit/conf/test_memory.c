/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: reading a configuration reports it, leaks nothing and never crashes.
 * The linker sends the allocations of conf/ and base/ through the functions below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "conf/options.h"
#include "conf/show.h"

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *p, size_t len);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *p, size_t len);
char *__wrap_strdup(const char *s);

static bool is_counting;
static long until_failure;
static bool has_failed;

/* All allocations from the chosen one on fail, as they do when memory is really gone. */
static bool fails(void)
{
    if (!is_counting || until_failure-- > 0)
        return false;
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *p, size_t len)
{
    return fails() ? NULL : __real_realloc(p, len);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

struct config {
    const char *url;
    const char *key;
    int64_t count;
    struct parley_list tools;
    struct parley_list lines;
};

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, url, .default_value = "http://${HOST}/"),
    PARLEY_SECRET(C, key),
    PARLEY_INT(C, count, .default_value = "3"),
    PARLEY_LIST(C, tools),
    PARLEY_LINES(C, lines),
};
static const struct options_table table = OPTIONS_TABLE(options, C);

static const char text[] = "[server]\nkey = \"s ${HOST}\"\ntools = a, b\ntools = c\nlines = x\n"
                           "[model m]\nurl = ${NOPE:-y}\ncount = 7\n";

static const char *env(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "HOST") == 0 ? "example.org" : NULL;
}

/* False when something failed that is told only by its result. */
static bool read_all(struct conf_report *report)
{
    const struct conf_env environment = {.get = env};
    struct conf *c = conf_create("/etc", &environment);
    bool good = c != NULL && conf_add_layer(c, view_of(text), "a.ini", report) &&
                conf_add_layer(c, view_of("[server]\ntools = d\n"), "b.ini", report);

    for (const struct conf_section *s = good ? c->sections : NULL; s != NULL; s = s->next) {
        struct options_values *values = NULL;
        struct buf shown = {0};
        good &= options_fill(&table, c, s, &values, report) == PARLEY_OK;
        if (values != NULL)
            show_values_text(&shown, s->kind, values, true);
        good &= !shown.failed;
        buf_done(&shown);
        options_destroy(values);
    }
    conf_destroy(c);
    return good;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    long n = 0;

    for (has_failed = true; has_failed; n++) {
        struct conf_report report = {0};
        has_failed = false;
        until_failure = n;
        is_counting = true;
        bool good = read_all(&report);
        is_counting = false;
        assert_int_equal(good, !has_failed);
        assert_true(!good || report.errors == 0);
        conf_report_done(&report);
        assert_true(n < 10000);
    }
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
