/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and signatures as Cosmos DB reads them: pure functions. */
#ifndef STORE_COSMOS_SIGN_H
#define STORE_COSMOS_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <parley/types.h>

#define SIGN_DATE_SIZE     30
#define SIGN_KEY_SIZE      256 /* bytes of an account key; the service's have 64 */
#define SIGN_MAX_SIGNATURE 160 /* the value of `authorization`, NUL included */

/* "Mon, 23 Nov 2026 07:00:00 GMT", whatever the locale. */
void sign_date(int64_t unix_s, char out[SIGN_DATE_SIZE]);

/* The other way. False when the text is no such date. */
bool sign_read_date(struct parley_view text, int64_t *ret_unix_s);

/* An account key's bytes. False when the text is not Base64, or too long. */
bool sign_decode_key(const char *base64, unsigned char out[SIGN_KEY_SIZE], size_t *ret_len);

/*
 * The authorization of one request. `path` is the resource's, by names, not encoded and without a
 * slash at either end ("dbs/a/colls/b/docs"). False only when libcrypto fails.
 */
bool sign_request(const unsigned char *key, size_t key_len, const char *verb, const char *path,
                  const char *date, char out[SIGN_MAX_SIGNATURE]);

/* The text, percent-encoded but for letters, digits and -._~; allocated, NULL without memory. */
char *sign_percent(const char *text);

#endif
