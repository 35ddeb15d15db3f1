/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sign-in is kept in: a file with mode 0600, replaced as a whole, so that a reader never
 * sees half of one. Pure but for the two functions that block.
 */
#ifndef TOOLS_MCP_KEEP_H
#define TOOLS_MCP_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/error.h>

/* NULL: not known. */
struct keep {
    char *url;    /* of the MCP server that it is for */
    char *issuer; /* whom the rest may be shown to */
    char *client_id;
    char *client_secret; /* of a registration */
    char *auth_method;   /* the same */
    char *refresh_token;
    char *access_token;
    char *scope;
    int64_t expires_s; /* of the access token, Unix time; 0: not known */
};

void keep_done(struct keep *k);

/* The file's text, freed with secret_free(); NULL without memory. */
char *keep_write(const struct keep *k);

/* From the text; false when it is none. `ret` is to be done in any case. */
bool keep_read(const char *text, struct keep *ret);

/* Blocks. */
int keep_save(const char *path, const char *text, struct parley_error *err);

#endif
