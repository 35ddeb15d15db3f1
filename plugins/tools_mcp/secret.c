/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void secret_free(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

bool secret_set(char **secret, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL)
        return false;
    secret_free(*secret);
    *secret = copy;
    return true;
}

bool secret_is_token(const char *text)
{
    size_t len = strnlen(text, SECRET_MAX + 1);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return len > 0 && len <= SECRET_MAX;
}

static char *trimmed(const char *bytes, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", bytes[len - 1]) != NULL)
        len--;
    while (len > 0 && strchr(" \t\r\n", bytes[0]) != NULL) {
        bytes++;
        len--;
    }
    return strndup(bytes, len);
}

static int read_bytes(const char *option, const char *path, char *bytes, size_t *ret_len,
                      struct parley_error *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s cannot be read: %s", option, path,
                           strerror(errno));
    *ret_len = fread(bytes, 1, SECRET_MAX + 1, file);
    bool is_bad = ferror(file) != 0;
    (void)fclose(file);
    if (is_bad)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s cannot be read", option, path);
    if (*ret_len > SECRET_MAX)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "%s: %s is longer than %zu bytes", option, path,
                           SECRET_MAX);
    return PARLEY_OK;
}

int secret_read(const char *option, const char *path, char **ret, struct parley_error *err)
{
    char bytes[SECRET_MAX + 1];
    size_t len = 0;
    int r = read_bytes(option, path, bytes, &len, err);
    char *text = r < 0 ? NULL : trimmed(bytes, len);

    explicit_bzero(bytes, sizeof(bytes));
    if (r < 0)
        return r;
    if (text == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", option);
    if (text[0] != '\0') {
        *ret = text;
        return PARLEY_OK;
    }
    free(text);
    return parley_fail(err, PARLEY_E_INVALID, "%s: %s is empty", option, path);
}
