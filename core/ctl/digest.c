/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/digest.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

static void context_free_p(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static int hash_all(int fd, EVP_MD_CTX *context, const char *path, struct parley_error *err)
{
    static _Thread_local unsigned char chunk[CHUNK_BYTES];

    for (;;) {
        ssize_t len = read(fd, chunk, sizeof(chunk));
        if (len == 0)
            return PARLEY_OK;
        if (len < 0)
            return parley_fail(err, PARLEY_E_INTERNAL, "%s: cannot be read: %s", path,
                               strerror(errno));
        if (EVP_DigestUpdate(context, chunk, (size_t)len) != 1)
            return parley_fail(err, PARLEY_E_INTERNAL, "%s: SHA-256 failed", path);
    }
}

static int hash_fd(int fd, const char *path, char *ret_hex, struct parley_error *err)
{
    _cleanup_(context_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: SHA-256 is not available", path);
    int r = hash_all(fd, context, path, err);
    if (r < 0)
        return r;
    if (EVP_DigestFinal_ex(context, digest, &len) != 1 || len != 32)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: SHA-256 failed", path);
    for (unsigned i = 0; i < len; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    return PARLEY_OK;
}

int digest_file(const char *path, char ret_hex[DIGEST_HEX_SIZE], struct parley_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return parley_fail(err, errno == ENOENT ? PARLEY_E_NOT_FOUND : PARLEY_E_INVALID, "%s: %s",
                           path, strerror(errno));
    int r = PARLEY_OK;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        r = parley_fail(err, PARLEY_E_INVALID, "%s: is not a regular file", path);
    if (r == PARLEY_OK)
        r = hash_fd(fd, path, ret_hex, err);
    close(fd);
    return r;
}
