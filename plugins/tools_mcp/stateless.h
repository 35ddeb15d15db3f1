/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is different in 2026-07-28, the stateless revision: no handshake, every request says who
 * asks and in which revision, and a result may ask back. Pure functions.
 */
#ifndef TOOLS_MCP_STATELESS_H
#define TOOLS_MCP_STATELESS_H

#include <stdbool.h>

#include "message.h"

#define STATELESS_VERSION    "2026-07-28"
#define STATELESS_MAX_ROUNDS 3
#define STATELESS_MAX_HEADER 1024

#define STATELESS_HEADER_MISMATCH (-32020) /* headers do not repeat what the body says */

/* Put the revision, our capabilities and our name into params._meta. */
void stateless_stamp(json_t *params);

enum stateless_verdict {
    STATELESS_YES,
    STATELESS_NO,    /* an older server, which wants `initialize` */
    STATELESS_NEVER, /* a server of other stateless revisions alone */
};

/* From the answer to server/discover. */
enum stateless_verdict stateless_judge(const struct message *answer);

/* The revisions that the answer names, for the log: "2027-01-01, 2027-02-01"; cut when too long. */
void stateless_versions(const struct message *answer, char *text, size_t size);

enum stateless_result { STATELESS_COMPLETE, STATELESS_ASKS, STATELESS_WRONG };

/* What kind of result it is; one without a kind is complete. */
enum stateless_result stateless_result_of(const json_t *result);

/*
 * The same request again, with a new id and answers to what the result asks: forms as in elicit.h.
 * NULL when it asks what was not offered, or without memory. Freed by the caller.
 */
char *stateless_again(const char *request, uint64_t id, const json_t *result,
                      bool accepts_defaults);

/* A value as HTTP headers carry it: plain, or in base64 where it is not plain. False: too long. */
bool stateless_header(const char *value, char out[STATELESS_MAX_HEADER]);

#endif
