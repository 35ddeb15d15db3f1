/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool token_copy(struct lws *wsi, enum lws_token_indexes token, struct buf *out)
{
    int len = lws_hdr_total_length(wsi, token);

    if (len <= 0 || !buf_reserve(out, (size_t)len + 2))
        return false;
    int n = lws_hdr_copy(wsi, out->data + out->len, len + 1, token);
    if (n < 0)
        return false;
    out->len += (size_t)n;
    out->data[out->len] = '\0';
    return true;
}

/* The library's own number of a header, or -1: it keeps the others by their names. */
static int token_of(const char *name_and_colon)
{
    for (int i = 0; i < WSI_TOKEN_COUNT; i++) {
        const unsigned char *text = lws_token_to_string((enum lws_token_indexes)i);
        if (text != NULL && strcmp((const char *)text, name_and_colon) == 0)
            return i;
    }
    return -1;
}

bool header_copy(struct lws *wsi, const char *name, struct buf *out)
{
    char key[128];
    size_t len = strlen(name);

    if (len == 0 || len + 2 > sizeof(key))
        return false;
    for (size_t i = 0; i < len; i++)
        key[i] = (char)tolower((unsigned char)name[i]);
    key[len] = ':';
    key[len + 1] = '\0';
    int token = token_of(key);
    if (token >= 0)
        return token_copy(wsi, (enum lws_token_indexes)token, out);
    int value_len = lws_hdr_custom_length(wsi, key, (int)len + 1);
    if (value_len < 0 || !buf_reserve(out, (size_t)value_len + 2))
        return false;
    if (lws_hdr_custom_copy(wsi, out->data + out->len, value_len + 1, key, (int)len + 1) < 0)
        return false;
    out->len += (size_t)value_len;
    out->data[out->len] = '\0';
    return true;
}
