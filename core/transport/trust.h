/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that the system trusts: read once, since a bundle takes tens of milliseconds. */
#ifndef TRANSPORT_TRUST_H
#define TRANSPORT_TRUST_H

#include <parley/error.h>

#include <openssl/ssl.h>

/* Let connections of ctx trust what the system does and, when not "", what is in ca_file. */
int trust_use(SSL_CTX *ctx, const char *ca_file, struct parley_error *err);

#endif
