/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "identity/claims.h"

#include <string.h>

#define NOW     1000000
#define TENANT  "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define OTHER   "11111111-2222-3333-4444-555555555555"
#define OBJECT  "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define ISSUER  "https://login.microsoftonline.com/" TENANT "/v2.0"
#define PATTERN "https://login.microsoftonline.com/{tenantid}/v2.0"

static struct claims_policy entra(void)
{
    static const char *const audience[] = {"api-id", "api://parley"};
    static const char *const tenants[] = {"72F988BF-86F1-41AF-91AB-2D7CD011DB47"};

    return (struct claims_policy){.audience = {audience, 2},
                                  .tenants = {tenants, 1},
                                  .roles_claim = "roles",
                                  .user_claim = "sub",
                                  .leeway_s = 60};
}

static struct claims_policy oidc(void)
{
    struct claims_policy p = entra();

    p.tenants = (struct parley_list){0};
    return p;
}

static json_t *good(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "aud", "api-id", "iss", ISSUER, "tid",
                     TENANT, "oid", OBJECT, "sub", "user-1", "exp", NOW + 100, "nbf", NOW - 100);
}

static char user[CLAIMS_USER_SIZE];
static char code[64];

/* "" when it is taken, else the code. */
static const char *check_as(json_t *take_claims, const struct claims_policy *policy,
                            const char *issuer, const char *key_issuer)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    code[0] = user[0] = '\0';
    if (claims_check(take_claims, policy, issuer, key_issuer, NOW, user, &err) < 0)
        memcpy(code, err.code, sizeof(code));
    json_decref(take_claims);
    return code;
}

static const char *check(json_t *take_claims)
{
    struct claims_policy policy = entra();

    return check_as(take_claims, &policy, ISSUER, "");
}

static json_t *but(const char *name, json_t *take_value)
{
    json_t *claims = good();

    json_object_set_new(claims, name, take_value);
    return claims;
}

static json_t *without(const char *name)
{
    json_t *claims = good();

    json_object_del(claims, name);
    return claims;
}

static void bearer_is_named_by_tenant_and_object(void **state)
{
    (void)state;
    assert_string_equal(check(good()), "");
    assert_string_equal(user, "entra:" TENANT ":" OBJECT);
    assert_string_equal(check(without("oid")), "user");
    assert_string_equal(check(but("oid", json_string("not-a-guid"))), "user");
}

static void token_for_another_service_is_refused(void **state)
{
    (void)state;
    assert_string_equal(check(but("aud", json_string("https://graph.microsoft.com"))), "audience");
    assert_string_equal(check(without("aud")), "audience");
    assert_string_equal(check(but("aud", json_string("api-id2"))), "audience");
    assert_string_equal(check(but("aud", json_pack("[s,s]", "x", "api://parley"))), "");
    assert_string_equal(check(but("aud", json_pack("[s]", "x"))), "audience");
}

static void token_of_several_audiences_is_for_the_party_it_names(void **state)
{
    json_t *claims = but("aud", json_pack("[s,s]", "x", "api-id"));

    (void)state;
    json_object_set_new(claims, "azp", json_string("x"));
    assert_string_equal(check(json_incref(claims)), "client");
    json_object_set_new(claims, "azp", json_string("api-id"));
    assert_string_equal(check(claims), "");
}

static void application_outside_of_the_list_is_refused(void **state)
{
    struct claims_policy p = entra();
    static const char *const clients[] = {"app-1"};

    (void)state;
    p.clients = (struct parley_list){clients, 1};
    assert_string_equal(check_as(but("azp", json_string("app-1")), &p, ISSUER, ""), "");
    assert_string_equal(check_as(but("appid", json_string("app-1")), &p, ISSUER, ""), "");
    assert_string_equal(check_as(but("azp", json_string("app-2")), &p, ISSUER, ""), "client");
    assert_string_equal(check_as(good(), &p, ISSUER, ""), "client");
}

static void another_issuer_or_tenant_is_refused(void **state)
{
    (void)state;
    assert_string_equal(check(but("iss", json_string("https://evil.example.com/"))), "issuer");
    assert_string_equal(check(but("iss", json_string(ISSUER "/"))), "issuer");
    assert_string_equal(check(without("iss")), "issuer");
    assert_string_equal(check(but("tid", json_string(OTHER))), "tenant");
    assert_string_equal(check(without("tid")), "tenant");
}

static void issuer_of_many_tenants_is_that_of_the_tokens(void **state)
{
    struct claims_policy p = entra();
    static const char *const tenants[] = {OTHER, TENANT};

    (void)state;
    p.tenants = (struct parley_list){tenants, 2};
    assert_string_equal(check_as(good(), &p, PATTERN, PATTERN), "");
    assert_string_equal(check_as(good(), &p, PATTERN, ISSUER), "");
    assert_string_equal(
        check_as(good(), &p, PATTERN, "https://login.microsoftonline.com/" OTHER "/v2.0"),
        "issuer"); /* another tenant's key */
    assert_string_equal(check_as(but("tid", json_string(OTHER)), &p, PATTERN, ""), "issuer");
}

static void token_holds_between_its_times_and_a_minute_more(void **state)
{
    (void)state;
    assert_string_equal(check(but("exp", json_integer(NOW - 59))), "");
    assert_string_equal(check(but("exp", json_integer(NOW - 60))), "expired");
    assert_string_equal(check(without("exp")), "expired");
    assert_string_equal(check(but("exp", json_string("tomorrow"))), "expired");
    assert_string_equal(check(but("nbf", json_integer(NOW + 60))), "");
    assert_string_equal(check(but("nbf", json_integer(NOW + 61))), "not_yet_valid");
    assert_string_equal(check(but("exp", json_real(1e300))), "");
}

static void one_of_the_scopes_or_roles_is_needed(void **state)
{
    struct claims_policy p = entra();
    static const char *const scopes[] = {"Voice.Talk"};
    static const char *const roles[] = {"Voice.All", "Voice.Admin"};

    (void)state;
    p.scopes = (struct parley_list){scopes, 1};
    p.roles = (struct parley_list){roles, 2};
    assert_string_equal(check_as(good(), &p, ISSUER, ""), "permission");
    assert_string_equal(check_as(but("scp", json_string("a Voice.Talk b")), &p, ISSUER, ""), "");
    assert_string_equal(check_as(but("scp", json_string("Voice.Talk2")), &p, ISSUER, ""),
                        "permission");
    assert_string_equal(check_as(but("roles", json_pack("[s]", "Voice.Admin")), &p, ISSUER, ""),
                        "");
    assert_string_equal(check_as(but("roles", json_pack("[s]", "Voice.Talk")), &p, ISSUER, ""),
                        "permission"); /* a scope is no role */
}

static void roles_are_found_by_a_path_or_by_a_name_with_dots(void **state)
{
    struct claims_policy p = oidc();
    static const char *const roles[] = {"talker"};

    (void)state;
    p.roles = (struct parley_list){roles, 1};
    p.roles_claim = "realm_access.roles";
    assert_string_equal(
        check_as(but("realm_access", json_pack("{s:[s]}", "roles", "talker")), &p, ISSUER, ""), "");
    assert_string_equal(
        check_as(but("realm_access.roles", json_pack("[s]", "talker")), &p, ISSUER, ""), "");
    assert_string_equal(check_as(but("realm_access", json_string("talker")), &p, ISSUER, ""),
                        "permission");
}

static void user_of_another_provider_has_its_claim(void **state)
{
    struct claims_policy p = oidc();
    char long_name[300];

    (void)state;
    assert_string_equal(check_as(good(), &p, ISSUER, ""), "");
    assert_string_equal(user, "oidc:user-1");
    memset(long_name, 'a', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    assert_string_equal(check_as(but("sub", json_string(long_name)), &p, ISSUER, ""), "");
    assert_int_equal(strncmp(user, "oidc:sha256:", 12), 0);
    assert_string_equal(check_as(but("sub", json_string("Zoë")), &p, ISSUER, ""), "");
    assert_int_equal(strncmp(user, "oidc:sha256:", 12), 0);
    assert_string_equal(check_as(but("sub", json_integer(7)), &p, ISSUER, ""), "user");
    assert_string_equal(check_as(but("sub", json_string("")), &p, ISSUER, ""), "user");
}

static void nobody_is_named_like_the_digest_of_another(void **state)
{
    struct claims_policy p = oidc();
    char digest[CLAIMS_USER_SIZE];

    (void)state;
    assert_string_equal(check_as(but("sub", json_string("Zoë")), &p, ISSUER, ""), "");
    view_copy(digest, sizeof(digest), view_of(user));
    assert_string_equal(check_as(but("sub", json_string(digest + strlen("oidc:"))), &p, ISSUER, ""),
                        "");
    assert_string_not_equal(user, digest);
    assert_int_equal(strncmp(user, "oidc:sha256:", 12), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bearer_is_named_by_tenant_and_object),
        cmocka_unit_test(token_for_another_service_is_refused),
        cmocka_unit_test(token_of_several_audiences_is_for_the_party_it_names),
        cmocka_unit_test(application_outside_of_the_list_is_refused),
        cmocka_unit_test(another_issuer_or_tenant_is_refused),
        cmocka_unit_test(issuer_of_many_tenants_is_that_of_the_tokens),
        cmocka_unit_test(token_holds_between_its_times_and_a_minute_more),
        cmocka_unit_test(one_of_the_scopes_or_roles_is_needed),
        cmocka_unit_test(roles_are_found_by_a_path_or_by_a_name_with_dots),
        cmocka_unit_test(user_of_another_provider_has_its_claim),
        cmocka_unit_test(nobody_is_named_like_the_digest_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
