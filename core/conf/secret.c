/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/secret.h"

#include <stdlib.h>
#include <string.h>

void secret_wipe(void *bytes, size_t len)
{
    if (bytes != NULL)
        explicit_bzero(bytes, len);
}

void secret_free(char *text)
{
    if (text != NULL)
        secret_wipe(text, strlen(text));
    free(text);
}

void secret_buf_done(struct buf *b)
{
    secret_wipe(b->data, b->cap);
    buf_done(b);
}

const char *secret_shown(const char *text)
{
    return text == NULL || text[0] == '\0' ? "" : SECRET_HIDDEN;
}
