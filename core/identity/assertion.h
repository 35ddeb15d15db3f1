/* SPDX-License-Identifier: Apache-2.0 */
/* What a client certificate signs in place of a secret: a JWT, PS256, that Entra takes as
 * client_assertion. */
#ifndef IDENTITY_ASSERTION_H
#define IDENTITY_ASSERTION_H

#include "base/buf.h"

#include <parley/error.h>

/* Does the PEM file hold a certificate and its RSA key? Thread: any. */
int assertion_check(const char *pem_file, struct parley_error *err);

/*
 * The assertion of this client for `audience` (the token endpoint), valid for ten minutes from
 * now_s, Unix seconds. To be wiped by the caller. Thread: any; reads the file, which an operator
 * may have renewed.
 */
int assertion_make(const char *pem_file, const char *client_id, const char *audience, int64_t now_s,
                   struct buf *ret, struct parley_error *err);

#endif
