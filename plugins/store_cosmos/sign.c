/* SPDX-License-Identifier: Apache-2.0 */
#include "sign.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define MAX_TEXT   2048 /* of what is signed: names have at most 255 characters */
#define DIGEST_LEN 32

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- dates ---- */

void sign_date(int64_t unix_s, char out[SIGN_DATE_SIZE])
{
    const time_t seconds = (time_t)unix_s;
    char text[64];
    struct tm t;

    (void)gmtime_r(&seconds, &t);
    (void)snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday],
                   t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    (void)snprintf(out, SIGN_DATE_SIZE, "%.*s", SIGN_DATE_SIZE - 1, text);
}

bool sign_read_date(struct parley_view text, int64_t *ret_unix_s)
{
    char copy[SIGN_DATE_SIZE], month[4] = "";
    struct tm t = {0};

    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "%*3c, %2d %3s %4d %2d:%2d:%2d", &t.tm_mday, month, &t.tm_year, &t.tm_hour,
               &t.tm_min, &t.tm_sec) != 6)
        return false;
    for (t.tm_mon = 0; t.tm_mon < 12 && strcmp(months[t.tm_mon], month) != 0; t.tm_mon++)
        continue;
    t.tm_year -= 1900;
    if (t.tm_mon == 12)
        return false;
    *ret_unix_s = (int64_t)timegm(&t);
    return true;
}

/* ---- keys ---- */

bool sign_decode_key(const char *base64, unsigned char out[SIGN_KEY_SIZE], size_t *ret_len)
{
    unsigned char decoded[SIGN_KEY_SIZE + 3];
    size_t len = strlen(base64);
    size_t padding = len > 1 && base64[len - 1] == '=' ? 1 + (base64[len - 2] == '=') : 0;

    if (len == 0 || len % 4 != 0 || len / 4 * 3 - padding > SIGN_KEY_SIZE)
        return false;
    for (size_t i = 0; i < len - padding; i++) {
        if (!isalnum((unsigned char)base64[i]) && base64[i] != '+' && base64[i] != '/')
            return false;
    }
    if (EVP_DecodeBlock(decoded, (const unsigned char *)base64, (int)len) < 0)
        return false;
    *ret_len = len / 4 * 3 - padding;
    memcpy(out, decoded, *ret_len);
    return true;
}

/* ---- signatures ---- */

/* Type and link of a resource: the last name is an id when the number of names is even. */
static void split_path(const char *path, const char **ret_type, int *ret_type_len,
                       int *ret_link_len)
{
    size_t names = path[0] == '\0' ? 0 : 1;
    const char *last = path, *before = path;

    for (const char *at = path; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        names++;
        before = last;
        last = at + 1;
    }
    bool has_id = names % 2 == 0;
    *ret_type = has_id ? before : last;
    *ret_type_len = (int)strcspn(*ret_type, "/");
    *ret_link_len = has_id ? (int)strlen(path) : (int)(last == path ? 0 : last - path - 1);
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

/* Base64 with its "+", "/" and "=" percent-encoded. */
static void append_encoded(char *out, size_t size, const char *base64)
{
    size_t len = strlen(out);

    for (; *base64 != '\0' && len + 4 < size; base64++) {
        if (isalnum((unsigned char)*base64))
            out[len++] = *base64;
        else
            len += (size_t)snprintf(out + len, size - len, "%%%02X", (unsigned char)*base64);
    }
    out[len] = '\0';
}

bool sign_request(const unsigned char *key, size_t key_len, const char *verb, const char *path,
                  const char *date, char out[SIGN_MAX_SIGNATURE])
{
    unsigned char digest[EVP_MAX_MD_SIZE], base64[DIGEST_LEN * 2];
    char text[MAX_TEXT], small_verb[16], small_date[SIGN_DATE_SIZE];
    unsigned digest_len = 0;
    int type_len, link_len;
    const char *type;

    split_path(path, &type, &type_len, &link_len);
    (void)snprintf(small_verb, sizeof(small_verb), "%s", verb);
    (void)snprintf(small_date, sizeof(small_date), "%s", date);
    lower(small_verb);
    lower(small_date);
    int len = snprintf(text, sizeof(text), "%s\n%.*s\n%.*s\n%s\n\n", small_verb, type_len, type,
                       link_len, path, small_date);
    if (len < 0 || (size_t)len >= sizeof(text))
        return false;
    if (HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, (size_t)len, digest,
             &digest_len) == NULL)
        return false;
    (void)EVP_EncodeBlock(base64, digest, (int)digest_len);
    (void)snprintf(out, SIGN_MAX_SIGNATURE, "type%%3Dmaster%%26ver%%3D1.0%%26sig%%3D");
    append_encoded(out, SIGN_MAX_SIGNATURE, (const char *)base64);
    return true;
}

char *sign_percent(const char *text)
{
    char *out = malloc(strlen(text) * 3 + 1);
    char *at = out;

    if (out == NULL)
        return NULL;
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
            *at++ = *text;
        else
            at += snprintf(at, 4, "%%%02X", (unsigned char)*text);
    }
    *at = '\0';
    return out;
}
