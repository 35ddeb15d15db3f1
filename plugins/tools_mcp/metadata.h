/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of OAuth discovery, held against what they must say. Pure functions. */
#ifndef TOOLS_MCP_METADATA_H
#define TOOLS_MCP_METADATA_H

#include <stdbool.h>

#include <parley/error.h>

#include <jansson.h>

#include "challenge.h"
#include "uri.h"

#define METADATA_MAX_SERVERS 8

/* Of a protected resource (RFC 9728). */
struct metadata_resource {
    char resource[URI_MAX];
    char servers[METADATA_MAX_SERVERS][URI_MAX]; /* issuers */
    unsigned server_count;
    char scopes[CHALLENGE_MAX_SCOPE]; /* between blanks, or "" */
};

/* `url`: the MCP endpoint that the document was found for, which it must be meant for. */
int metadata_read_resource(const json_t *tree, const char *url, struct metadata_resource *ret,
                           struct parley_error *err);

/* How a client proves at the token endpoint who it is. */
#define METADATA_BASIC (1u << 0)
#define METADATA_POST  (1u << 1)
#define METADATA_NONE  (1u << 2)
#define METADATA_KEY   (1u << 3) /* private_key_jwt */

/* Of an authorization server (RFC 8414, OpenID). */
struct metadata_server {
    char issuer[URI_MAX];
    char authorization_endpoint[URI_MAX]; /* or "" */
    char token_endpoint[URI_MAX];
    char registration_endpoint[URI_MAX]; /* or "" */
    unsigned auth_methods;               /* METADATA_...; 0: none that we know */
    bool lists_auth_methods;
    bool has_s256;
    bool has_iss;                /* of the answer to the browser (RFC 9207) */
    bool takes_client_documents; /* client ids that are addresses of documents */
    bool offers_offline_access;  /* a scope that brings refresh tokens */
    bool knows_dpop;             /* binds tokens to a key for ES256 (RFC 9449) */
};

/* The document must name this issuer, character by character. */
int metadata_read_server(const json_t *tree, const char *issuer, struct metadata_server *ret,
                         struct parley_error *err);

/* Where a server of 2025-03-26 without any metadata has its endpoints: at the origin of `url`. */
bool metadata_default_server(const char *url, struct metadata_server *ret);

#endif
