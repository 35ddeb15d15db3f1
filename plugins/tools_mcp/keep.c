/* SPDX-License-Identifier: Apache-2.0 */
#include "keep.h"

#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- members ---- */

static const struct {
    const char *name;
    size_t offset;
} members[] = {
    {"url", offsetof(struct keep, url)},
    {"issuer", offsetof(struct keep, issuer)},
    {"client_id", offsetof(struct keep, client_id)},
    {"client_secret", offsetof(struct keep, client_secret)},
    {"token_endpoint_auth_method", offsetof(struct keep, auth_method)},
    {"refresh_token", offsetof(struct keep, refresh_token)},
    {"access_token", offsetof(struct keep, access_token)},
    {"scope", offsetof(struct keep, scope)},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static char **member(const struct keep *k, size_t i)
{
    return (char **)(uintptr_t)((const char *)k + members[i].offset);
}

void keep_done(struct keep *k)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        secret_free(*member(k, i));
    *k = (struct keep){0};
}

char *keep_write(const struct keep *k)
{
    json_t *tree = json_object();

    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (*member(k, i) != NULL)
            (void)json_object_set_new(tree, members[i].name, json_string(*member(k, i)));
    }
    if (k->expires_s > 0)
        (void)json_object_set_new(tree, "expires_at", json_integer((json_int_t)k->expires_s));
    char *text = json_dumps(tree, JSON_INDENT(2));
    json_decref(tree);
    return text;
}

bool keep_read(const char *text, struct keep *ret)
{
    json_t *tree = json_loads(text, 0, NULL);
    bool is_good = json_is_object(tree);

    *ret = (struct keep){0};
    for (size_t i = 0; is_good && i < MEMBER_COUNT; i++)
        is_good =
            secret_set(member(ret, i), json_string_value(json_object_get(tree, members[i].name)));
    if (is_good)
        ret->expires_s = (int64_t)json_integer_value(json_object_get(tree, "expires_at"));
    json_decref(tree);
    return is_good;
}

/* ---- the file ---- */

static bool write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t written = write(fd, text, left);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    return fsync(fd) == 0;
}

int keep_save(const char *path, const char *text, struct parley_error *err)
{
    char *beside = NULL;

    if (asprintf(&beside, "%s.XXXXXX", path) < 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "login_file: no memory");
    int fd = mkostemp(beside, O_CLOEXEC); /* made with mode 0600 */
    bool is_good = fd >= 0 && fchmod(fd, 0600) == 0 && write_all(fd, text);
    if (fd >= 0)
        is_good = close(fd) == 0 && is_good;
    is_good = is_good && rename(beside, path) == 0;
    int why = errno;
    if (!is_good && fd >= 0)
        (void)unlink(beside);
    free(beside);
    return is_good ? PARLEY_OK
                   : parley_fail(err, PARLEY_E_UNAVAILABLE,
                                 "login_file: %.200s cannot be written: %s", path, strerror(why));
}
