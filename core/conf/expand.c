/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/expand.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_VARIABLE 128 /* longest name of a variable */
#define READ_STEP    4096

static bool is_variable_char(char c, bool is_first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
        return true;
    return !is_first && c >= '0' && c <= '9';
}

static size_t variable_len(const char *text)
{
    size_t len = 0;

    while (is_variable_char(text[len], len == 0))
        len++;
    return len;
}

static void note_name(struct buf *names, const char *name)
{
    if (names == NULL)
        return;
    if (names->len > 0)
        buf_append_str(names, ", ");
    buf_append_str(names, name);
}

/* `*text` stands behind "${"; moves it behind the "}". */
static int expand_one(const struct conf_env *env, const char **text, struct buf *out,
                      struct buf *names, struct parley_error *err)
{
    char name[MAX_VARIABLE + 1];
    size_t len = variable_len(*text);
    const char *after = *text + len;
    const char *end = strchr(after, '}');
    bool has_default = strncmp(after, ":-", 2) == 0;

    if (len == 0 || len > MAX_VARIABLE || end == NULL || (!has_default && end != after))
        return parley_fail(err, PARLEY_E_INVALID,
                           "a variable that cannot be read; write ${NAME} or ${NAME:-default}, and "
                           "$$ for a dollar sign");
    view_copy(name, sizeof(name), (struct parley_view){*text, len});
    note_name(names, name);
    *text = end + 1;

    const char *value = env->get(env->ctx, name);
    if (has_default && (value == NULL || value[0] == '\0'))
        buf_append(out, after + 2, (size_t)(end - after - 2));
    else if (value != NULL)
        buf_append_str(out, value);
    else
        return parley_fail(err, PARLEY_E_NOT_FOUND,
                           "the environment variable %s is not set; set it, or write "
                           "${%s:-default}",
                           name, name);
    return PARLEY_OK;
}

int expand_variables(const struct conf_env *env, const char *text, struct buf *out,
                     struct buf *names, struct parley_error *err)
{
    size_t before = out->len;

    while (*text != '\0') {
        size_t plain = strcspn(text, "$");
        buf_append(out, text, plain);
        text += plain;
        if (text[0] == '$' && text[1] == '{') {
            text += 2;
            int r = expand_one(env, &text, out, names, err);
            if (r < 0)
                return r;
        } else if (text[0] == '$') {
            buf_append_char(out, '$');
            text += text[1] == '$' ? 2 : 1;
        }
        if (out->len - before > EXPAND_MAX_BYTES)
            return parley_fail(err, PARLEY_E_TOO_LARGE, "longer than %d bytes with its variables",
                               EXPAND_MAX_BYTES);
    }
    if (out->failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    if (out->len > before && !utf8_valid(out->data + before, out->len - before))
        return parley_fail(err, PARLEY_E_INVALID, "not UTF-8 with its variables");
    return PARLEY_OK;
}

void expand_path(const char *dir, const char *path, struct buf *out)
{
    if (path[0] != '/' && path[0] != '\0') {
        buf_append_str(out, dir);
        if (!view_ends_with(view_of(dir), VIEW("/")))
            buf_append_char(out, '/');
    }
    buf_append_str(out, path);
}

static int read_all(int fd, const char *path, size_t limit, struct buf *out,
                    struct parley_error *err)
{
    size_t got = 0;

    for (;;) {
        if (!buf_reserve(out, READ_STEP))
            return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
        ssize_t n = read(fd, out->data + out->len, READ_STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return parley_fail(err, PARLEY_E_INVALID, "%s: %s", path, strerror(errno));
        if (n == 0)
            break;
        got += (size_t)n;
        out->len += (size_t)n;
        if (got > limit)
            return parley_fail(err, PARLEY_E_TOO_LARGE, "%s: larger than %zu bytes", path, limit);
    }
    out->data[out->len] = '\0';
    return PARLEY_OK;
}

int expand_file(const char *path, size_t limit, struct buf *out, bool *ret_world_readable,
                struct parley_error *err)
{
    struct stat st;
    /* Not blocking, so that a pipe without a writer is refused instead of waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r;

    if (fd < 0)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        r = parley_fail(err, PARLEY_E_INVALID, "%s: not a file", path);
    else if (st.st_size > (off_t)limit)
        r = parley_fail(err, PARLEY_E_TOO_LARGE, "%s: larger than %zu bytes", path, limit);
    else if (!buf_reserve(out, (size_t)st.st_size + READ_STEP)) /* at once: no copies of secrets */
        r = parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
    else
        r = read_all(fd, path, limit, out, err);
    if (r == PARLEY_OK && ret_world_readable != NULL)
        *ret_world_readable = (st.st_mode & S_IROTH) != 0;
    (void)close(fd); /* it was only read */
    return r;
}
