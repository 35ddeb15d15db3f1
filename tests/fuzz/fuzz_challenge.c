/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a refusal, and the addresses and scopes that they name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "challenge.h"
#include "uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct challenge *c)
{
    char joined[CHALLENGE_MAX_SCOPE], place[URI_MAX];

    if (strlen(c->resource_metadata) >= URI_MAX || strlen(c->scope) >= CHALLENGE_MAX_SCOPE)
        abort();
    if (challenge_join_scopes(c->scope, "more", joined) && !challenge_has_scopes(joined, c->scope))
        abort();
    if (uri_resource_metadata(c->resource_metadata, 0, place) && strlen(place) >= URI_MAX)
        abort();
    (void)uri_server_metadata(c->resource_metadata, 2, place);
    (void)uri_covers(c->resource_metadata, "https://h/mcp");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1); /* exactly so long: what reads on is found */
    struct challenge c;

    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    challenge_read((struct parley_view){copy, size}, &c);
    look(&c);
    free(copy);
    return 0;
}
