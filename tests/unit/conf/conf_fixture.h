/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration from a text, with an environment of its own and a folder that goes away. */
#ifndef TESTS_CONF_FIXTURE_H
#define TESTS_CONF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "conf/conf.h"
#include "conf/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    struct conf *conf;
    struct conf_report report;
};

static const char *fixture_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "HOST") == 0)
        return "example.org";
    if (strcmp(name, "EMPTY") == 0)
        return "";
    if (strcmp(name, "TRICK") == 0)
        return "file:/etc/passwd";
    if (strcmp(name, "BROKEN") == 0)
        return "\xff\xfe";
    return NULL;
}

static const struct conf_env fixture_environment = {.get = fixture_env};

static int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/parley-conf-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->conf = conf_create(f->dir, &fixture_environment);
    assert_non_null(f->conf);
    *state = f;
    return 0;
}

static const char *fixture_path(struct fixture *f, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return path;
}

__attribute__((unused)) static void fixture_write(struct fixture *f, const char *name,
                                                  const char *text, mode_t mode)
{
    FILE *file = fopen(fixture_path(f, name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(fixture_path(f, name), mode), 0);
}

static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"parley.ini", "parley.production.ini", "key", "prompt.md"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(fixture_path(f, names[i]));
    assert_int_equal(rmdir(f->dir), 0);
    conf_destroy(f->conf);
    conf_report_done(&f->report);
    free(f);
    return 0;
}

static bool fixture_parse(struct fixture *f, const char *text)
{
    return conf_add_layer(f->conf, view_of(text), f->conf->file_count == 0 ? "a.ini" : "b.ini",
                          &f->report);
}

/* Is there a problem with this text, and exactly `count` problems in all? */
static void assert_problem(struct fixture *f, size_t count, const char *text)
{
    for (size_t i = 0; i < f->report.count; i++) {
        if (strstr(f->report.items[i].text, text) != NULL) {
            assert_int_equal(f->report.count, count);
            return;
        }
    }
    for (size_t i = 0; i < f->report.count; i++)
        print_error("reported: %s\n", f->report.items[i].text);
    fail_msg("not reported: %s", text);
}

#endif
