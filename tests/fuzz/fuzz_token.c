/* SPDX-License-Identifier: Apache-2.0 */
/* A client's token, and the keys of an issuer: the part before the first NUL is the one, what
 * follows the other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "identity/claims.h"
#include "identity/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {"a", "72f988bf-86f1-41af-91ab-2d7cd011db47"};

static void look_at_claims(const json_t *claims)
{
    struct claims_policy policy = {
        .audience = {words, 1}, .roles_claim = "a.b", .user_claim = "sub", .leeway_s = 60};
    char user[CLAIMS_USER_SIZE];

    for (int is_entra = 0; is_entra < 2; is_entra++) {
        policy.tenants = (struct parley_list){words + 1, (size_t)is_entra};
        policy.roles = (struct parley_list){words, (size_t)is_entra};
        if (claims_check(claims, &policy, "https://i/{tenantid}/v2.0", "", 1000, user, NULL) ==
                PARLEY_OK &&
            strlen(user) >= CLAIMS_USER_SIZE)
            abort();
    }
}

static void look_at_key(const json_t *object, const struct jwt *jwt)
{
    struct jwk *key = NULL;

    if (jwk_read(object, &key, NULL) < 0)
        return;
    if (jwt != NULL && jwt_is_signed_by(jwt, key->pkey))
        abort(); /* nobody has the other half */
    (void)jwk_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1); /* exactly so long: what reads on is found */
    struct jwt jwt;

    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    const char *end = size == 0 ? NULL : memchr(copy, '\0', size);
    size_t len = end == NULL ? size : (size_t)(end - copy);
    bool is_read = jwt_read((struct parley_view){copy, len}, JWT_RS256 | JWT_PS256 | JWT_ES256,
                            &jwt, NULL) == PARLEY_OK;
    if (is_read)
        look_at_claims(jwt.claims);
    if (end != NULL) {
        json_t *tree = json_parse((struct parley_view){end + 1, size - len - 1}, NULL);
        look_at_key(tree, is_read ? &jwt : NULL);
        json_decref(tree);
    }
    jwt_done(&jwt);
    free(copy);
    return 0;
}
