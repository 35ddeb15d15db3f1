/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/args.h"

#include "conf/nearest.h"

#include <stdlib.h>
#include <string.h>

static const struct arg *find(const struct arg *table, const char *text, size_t len)
{
    for (const struct arg *a = table; a->name != NULL; a++) {
        if ((strlen(a->name) == len && strncmp(a->name, text, len) == 0) ||
            (a->letter != NULL && strlen(a->letter) == len && strncmp(a->letter, text, len) == 0))
            return a;
    }
    return NULL;
}

static int unknown(const struct arg *table, const char *text, struct parley_error *err)
{
    char hint[96];
    struct nearest n = nearest_to(text);

    for (const struct arg *a = table; a->name != NULL; a++)
        nearest_offer(&n, a->name);
    return parley_fail(err, PARLEY_E_INVALID, "there is no option %.60s%s", text,
                       nearest_hint(&n, hint, sizeof(hint)));
}

static int take_value(const struct arg *a, const char *inline_value, int argc, char **argv, int *at,
                      struct parley_error *err)
{
    if (a->flag != NULL) {
        if (inline_value != NULL)
            return parley_fail(err, PARLEY_E_INVALID, "%s takes no value", a->name);
        *a->flag = true;
        return PARLEY_OK;
    }
    if (inline_value == NULL && *at + 1 >= argc)
        return parley_fail(err, PARLEY_E_INVALID, "%s needs a value", a->name);
    *a->value = inline_value != NULL ? inline_value : argv[++*at];
    return PARLEY_OK;
}

static int take_word(struct args *ret, const char *word, struct parley_error *err)
{
    if (ret->count == ARGS_MAX_WORDS)
        return parley_fail(err, PARLEY_E_INVALID, "more than %d words", ARGS_MAX_WORDS);
    ret->words[ret->count++] = word;
    return PARLEY_OK;
}

static int take_option(int argc, char **argv, int *at, const struct arg *table, struct args *ret,
                       struct parley_error *err)
{
    const char *text = argv[*at];
    size_t len = strcspn(text, "=");
    const struct arg *a = find(table, text, len);

    if (a != NULL)
        return take_value(a, text[len] == '=' ? text + len + 1 : NULL, argc, argv, at, err);
    if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
        ret->wants_help = true;
        return PARLEY_OK;
    }
    return unknown(table, text, err);
}

int args_parse(int argc, char **argv, const struct arg *table, struct args *ret,
               struct parley_error *err)
{
    bool only_words = false;

    *ret = (struct args){0};
    for (int at = 1; at < argc; at++) {
        int r;
        if (!only_words && strcmp(argv[at], "--") == 0) {
            only_words = true;
            continue;
        }
        if (only_words || argv[at][0] != '-' || argv[at][1] == '\0')
            r = take_word(ret, argv[at], err);
        else
            r = take_option(argc, argv, &at, table, ret, err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

int args_timeout(const char *text, int otherwise, int most, int64_t *ret_ms,
                 struct parley_error *err)
{
    char *end = NULL;
    double seconds = text == NULL ? otherwise : strtod(text, &end);

    if (!(seconds > 0 && seconds <= most) || (text != NULL && (*end != '\0' || end == text)))
        return parley_fail(err, PARLEY_E_INVALID,
                           "--timeout is %.40s; it is a number of seconds, up to %d", text, most);
    *ret_ms = (int64_t)(seconds * 1000);
    return PARLEY_OK;
}
