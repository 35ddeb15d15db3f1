/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/variable.h"

#include "base/str.h"
#include "base/utf8.h"
#include "conf/nearest.h"

#include <string.h>

#define SHOWN_BYTES 40 /* of a word that is not known */

/* The first variable of "A|B" that is set; an empty one counts as unset. NULL: none. */
static const char *find(const struct conf_env *env, const char *names,
                        char name[VARIABLE_NAME_SIZE])
{
    struct parley_view rest = view_of(names);
    struct parley_view one;

    while (rest.len > 0) {
        view_split(&rest, '|', &one);
        view_copy(name, VARIABLE_NAME_SIZE, one);
        const char *value = env->get(env->ctx, name);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

/* "theirs=ours": is it about this word? */
static bool is_about(struct parley_view pair, struct parley_view word, struct parley_view *ret_ours)
{
    struct parley_view theirs;

    view_split(&pair, '=', &theirs);
    *ret_ours = pair;
    return view_equal_nocase(theirs, word);
}

static int fail_word(const struct parley_option *o, struct parley_view word,
                     struct parley_error *err)
{
    struct buf known = {0};
    struct parley_view rest = view_of(o->variable_words);
    struct parley_view theirs;

    while (rest.len > 0) {
        struct parley_view pair;
        view_split(&rest, '|', &pair);
        view_split(&pair, '=', &theirs);
        buf_append_str(&known, known.len == 0 ? "" : ", ");
        buf_append_view(&known, theirs);
    }
    if (word.len > SHOWN_BYTES)
        word.len = SHOWN_BYTES;
    int r = parley_fail(err, PARLEY_E_INVALID, "\"%.*s\" is not one of %s", (int)word.len,
                        word.data, buf_view(&known).data);
    buf_done(&known);
    return r;
}

/* In the words of the key. */
static int translate(const struct parley_option *o, const struct conf_env *env,
                     struct parley_view word, char name[VARIABLE_NAME_SIZE], struct buf *out,
                     struct parley_error *err)
{
    struct parley_view rest = view_of(o->variable_words);
    struct parley_view pair;
    struct parley_view ours;

    while (rest.len > 0) {
        view_split(&rest, '|', &pair);
        if (!is_about(pair, word, &ours))
            continue;
        if (ours.len == 0 || ours.data[0] != '$') {
            buf_append_view(out, ours);
            return 1;
        }
        view_copy(name, VARIABLE_NAME_SIZE, (struct parley_view){ours.data + 1, ours.len - 1});
        const char *value = env->get(env->ctx, name);
        buf_append_str(out, value == NULL ? "" : value);
        return value == NULL || value[0] == '\0' ? 0 : 1;
    }
    return fail_word(o, word, err);
}

int variable_read(const struct parley_option *option, const struct conf_env *env,
                  char name[VARIABLE_NAME_SIZE], struct buf *out, struct parley_error *err)
{
    const char *value = option->variable == NULL ? NULL : find(env, option->variable, name);

    if (value == NULL)
        return 0;
    if (!utf8_valid(value, strlen(value)))
        return parley_fail(err, PARLEY_E_INVALID, "is not UTF-8 text");
    if (option->variable_words != NULL)
        return translate(option, env, view_trim(view_of(value)), name, out, err);
    buf_append_view(out, view_trim(view_of(value)));
    return 1;
}

void variable_describe(const struct parley_option *option, struct buf *out)
{
    struct parley_view rest = view_of(option->variable == NULL ? "" : option->variable);
    struct parley_view one;

    for (bool is_first = true; rest.len > 0; is_first = false) {
        view_split(&rest, '|', &one);
        buf_append_str(out, is_first ? "" : ", ");
        buf_append_char(out, '`');
        buf_append_view(out, one);
        buf_append_char(out, '`');
    }
}
