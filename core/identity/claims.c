/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/claims.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <openssl/evp.h>
#include <stdio.h>

#define TENANT_MARK "{tenantid}"
#define GUID_LEN    36
#define DEPTH_MAX   8 /* of a path to roles */
#define DIGEST_MARK "sha256:"

__attribute__((format(printf, 3, 4))) static int deny(struct parley_error *err, const char *code,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args); /* cut when too long */
    va_end(args);
    err->status = PARLEY_E_DENIED;
    view_copy(err->code, sizeof(err->code), view_of(code));
    return PARLEY_E_DENIED;
}

static bool lists(const struct parley_list *list, struct parley_view word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (view_is(word, list->items[i]))
            return true;
    }
    return false;
}

/* ---- whom it is for ---- */

/* A string, or several. */
static int check_audience(const json_t *claims, const struct claims_policy *p,
                          struct parley_error *err)
{
    const json_t *aud = json_object_get(claims, "aud");
    const json_t *one;
    size_t i;

    if (json_is_string(aud) && lists(&p->audience, json_view(aud)))
        return PARLEY_OK;
    json_array_foreach(aud, i, one)
    {
        if (json_is_string(one) && lists(&p->audience, json_view(one)))
            return PARLEY_OK;
    }
    return deny(err, "audience", "its audience \"%.80s\" is not one of [auth] audience",
                json_is_string(aud) ? json_string_value(aud) : "");
}

/* The application that got it. A token for several audiences that names one is for that one. */
static int check_client(const json_t *claims, const struct claims_policy *p,
                        struct parley_error *err)
{
    static const char *const names[] = {"azp", "appid", "client_id"};
    const struct parley_list *known = p->clients.count > 0 ? &p->clients : &p->audience;
    struct parley_view who = {0};

    for (size_t i = 0; i < ARRAY_LEN(names) && who.len == 0; i++)
        who = json_get_view(claims, names[i]);
    if (p->clients.count == 0 && (json_array_size(json_object_get(claims, "aud")) < 2 ||
                                  json_get_view(claims, "azp").len == 0))
        return PARLEY_OK;
    if (lists(known, who))
        return PARLEY_OK;
    return deny(err, "client",
                "it was given to the application \"%.*s\", which is not one of "
                "[auth] %s",
                (int)(who.len < 80 ? who.len : 80), who.data == NULL ? "" : who.data,
                p->clients.count > 0 ? "clients" : "audience");
}

/* ---- who made it ---- */

static bool is_guid(struct parley_view text)
{
    if (text.len != GUID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.data[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (is_dash ? c != '-' : !is_hex)
            return false;
    }
    return true;
}

static bool is_tenant(const struct parley_list *tenants, struct parley_view tid)
{
    for (size_t i = 0; i < tenants->count; i++) {
        if (view_equal_nocase(tid, view_of(tenants->items[i])))
            return is_guid(tid);
    }
    return false;
}

/* Is `text` the pattern with this tenant in the place of the mark? */
static bool fits(const char *pattern, struct parley_view tenant, struct parley_view text)
{
    const char *mark = strstr(pattern, TENANT_MARK);
    char expected[512];

    if (mark == NULL)
        return view_is(text, pattern);
    int len = snprintf(expected, sizeof(expected), "%.*s%.*s%s", (int)(mark - pattern), pattern,
                       (int)tenant.len, tenant.data, mark + strlen(TENANT_MARK));
    return len > 0 && (size_t)len < sizeof(expected) && view_is(text, expected);
}

static int check_issuer(const json_t *claims, const struct claims_policy *p, const char *issuer,
                        const char *key_issuer, struct parley_error *err)
{
    struct parley_view iss = json_get_view(claims, "iss");
    struct parley_view tid = json_get_view(claims, "tid");

    if (p->tenants.count > 0 && !is_tenant(&p->tenants, tid))
        return deny(err, "tenant", "its tenant \"%.*s\" is not one of [auth] tenants",
                    (int)(tid.len < 80 ? tid.len : 80), tid.data == NULL ? "" : tid.data);
    if (!fits(issuer, tid, iss))
        return deny(err, "issuer", "its issuer \"%.*s\" is not %s",
                    (int)(iss.len < 120 ? iss.len : 120), iss.data == NULL ? "" : iss.data, issuer);
    if (p->tenants.count > 0 && memmem(iss.data, iss.len, tid.data, tid.len) == NULL)
        return deny(err, "issuer", "its issuer %.*s is not that of its tenant %.*s", (int)iss.len,
                    iss.data, (int)tid.len, tid.data);
    if (key_issuer[0] != '\0' && !fits(key_issuer, tid, iss))
        return deny(err, "issuer", "it is signed by a key of another tenant");
    return PARLEY_OK;
}

/* ---- when ---- */

static int check_time(const json_t *claims, const struct claims_policy *p, int64_t now_s,
                      struct parley_error *err)
{
    const json_t *exp = json_object_get(claims, "exp");
    const json_t *nbf = json_object_get(claims, "nbf");

    if (!json_is_number(exp))
        return deny(err, "expired", "it says nowhere when it ends");
    double ended_s = (double)now_s - json_number_value(exp);
    if (ended_s >= (double)p->leeway_s)
        return deny(err, "expired", "it has expired %.0f s ago; the client has to get a new one",
                    ended_s);
    double early_s = json_is_number(nbf) ? json_number_value(nbf) - (double)now_s : 0;
    if (early_s > (double)p->leeway_s)
        return deny(err, "not_yet_valid", "it begins in %.0f s; are the clocks right?", early_s);
    return PARLEY_OK;
}

/* ---- what it may ---- */

static bool holds_word(struct parley_view text, const struct parley_list *wanted)
{
    while (text.len > 0) {
        struct parley_view word;
        (void)view_split(&text, ' ', &word);
        if (word.len > 0 && lists(wanted, word))
            return true;
    }
    return false;
}

/* Scopes between blanks, or in an array, as some providers have them. */
static bool has_one(const json_t *value, const struct parley_list *wanted)
{
    const json_t *one;
    size_t i;

    if (json_is_string(value))
        return holds_word(json_view(value), wanted);
    json_array_foreach(value, i, one)
    {
        if (json_is_string(one) && lists(wanted, json_view(one)))
            return true;
    }
    return false;
}

/* A claim by its name, which may hold dots (URLs do), or by a path into objects. */
static const json_t *claim_at(const json_t *claims, const char *path)
{
    const json_t *at = json_object_get(claims, path);
    struct parley_view rest = view_of(path);

    if (at != NULL)
        return at;
    at = claims;
    for (int depth = 0; depth < DEPTH_MAX && rest.len > 0 && at != NULL; depth++) {
        struct parley_view name;
        (void)view_split(&rest, '.', &name);
        at = json_object_getn(at, name.data, name.len);
    }
    return rest.len > 0 ? NULL : at;
}

static int check_permission(const json_t *claims, const struct claims_policy *p,
                            struct parley_error *err)
{
    if (p->scopes.count == 0 && p->roles.count == 0)
        return PARLEY_OK;
    if (has_one(json_object_get(claims, "scp"), &p->scopes) ||
        has_one(json_object_get(claims, "scope"), &p->scopes) ||
        has_one(claim_at(claims, p->roles_claim), &p->roles))
        return PARLEY_OK;
    return deny(err, "permission", "it has none of [auth] %s%s%s",
                p->scopes.count > 0 ? "scopes" : "",
                p->scopes.count > 0 && p->roles.count > 0 ? " and " : "",
                p->roles.count > 0 ? "roles" : "");
}

/* ---- who it is ---- */

static bool is_plain(struct parley_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0;
}

/* Could it be taken for the digest of another's? */
static bool looks_like_digest(struct parley_view who)
{
    return who.len >= strlen(DIGEST_MARK) &&
           memcmp(who.data, DIGEST_MARK, strlen(DIGEST_MARK)) == 0;
}

/* What would not fit, or not look like a name, stands as its digest. */
static void name_user(struct parley_view who, char ret_user[CLAIMS_USER_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    struct buf text = {0};

    if (is_plain(who) && !looks_like_digest(who) && who.len + 5 < CLAIMS_USER_SIZE) {
        (void)snprintf(ret_user, CLAIMS_USER_SIZE, "oidc:%.*s", (int)who.len, who.data);
        return;
    }
    ret_user[0] = '\0';
    if (EVP_Digest(who.data, who.len, digest, &len, EVP_sha256(), NULL) == 1)
        base64url_encode(&text, digest, len);
    if (text.len > 0)
        (void)snprintf(ret_user, CLAIMS_USER_SIZE, "oidc:" DIGEST_MARK "%s", text.data);
    buf_done(&text);
}

static int read_user(const json_t *claims, const struct claims_policy *p,
                     char ret_user[CLAIMS_USER_SIZE], struct parley_error *err)
{
    struct parley_view tid = json_get_view(claims, "tid");
    struct parley_view oid = json_get_view(claims, "oid");

    if (p->tenants.count > 0) {
        if (!is_guid(oid))
            return deny(err, "user", "it has no `oid`, the object of who brings it");
        (void)snprintf(ret_user, CLAIMS_USER_SIZE, "entra:%.*s:%.*s", GUID_LEN, tid.data, GUID_LEN,
                       oid.data);
        return PARLEY_OK;
    }
    const json_t *who = claim_at(claims, p->user_claim);
    if (!json_is_string(who) || json_string_length(who) == 0)
        return deny(err, "user",
                    "it has no claim `%s` to tell users apart by; see [auth] "
                    "user_claim",
                    p->user_claim);
    name_user(json_view(who), ret_user);
    return ret_user[0] == '\0' ? deny(err, "user", "no memory for the user's name") : PARLEY_OK;
}

int claims_check(const json_t *claims, const struct claims_policy *policy, const char *issuer,
                 const char *key_issuer, int64_t now_s, char ret_user[CLAIMS_USER_SIZE],
                 struct parley_error *err)
{
    struct parley_error none = PARLEY_ERROR_INIT;

    if (err == NULL)
        err = &none;
    int r = check_audience(claims, policy, err);
    if (r == PARLEY_OK)
        r = check_client(claims, policy, err);
    if (r == PARLEY_OK)
        r = check_issuer(claims, policy, issuer, key_issuer, err);
    if (r == PARLEY_OK)
        r = check_time(claims, policy, now_s, err);
    if (r == PARLEY_OK)
        r = check_permission(claims, policy, err);
    return r == PARLEY_OK ? read_user(claims, policy, ret_user, err) : r;
}
