/* SPDX-License-Identifier: Apache-2.0 */
#include "vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <parley/service/credentials.h>
#include <parley/testkit/fake_host.h>

#define REQUEST 7

struct vault vault;

static const struct parley_credential_events *waiting;
static void *waiting_ctx;
static char handed_over[64];

static int check(const void *instance, const char *name, struct parley_error *err)
{
    (void)instance;
    return strcmp(name, "azure") == 0
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NOT_FOUND, "there is no [credential %s] section", name);
}

static int get(const void *instance, struct parley_worker *worker, const char *name,
               const char *scope, const struct parley_credential_events *events, void *ctx,
               uint64_t *ret_request, struct parley_error *err)
{
    (void)instance;
    (void)worker;
    (void)name;
    (void)err;
    vault.asked++;
    (void)snprintf(vault.scope, sizeof(vault.scope), "%s", scope);
    waiting = events;
    waiting_ctx = ctx;
    *ret_request = REQUEST;
    return PARLEY_OK;
}

static void cancel(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    vault.cancelled += request == REQUEST;
}

static void refused(const void *instance, const char *name, const char *scope,
                    struct parley_view value)
{
    (void)instance;
    (void)name;
    (void)scope;
    assert_int_equal(value.len, strlen(handed_over));
    assert_memory_equal(value.data, handed_over, value.len);
    vault.refused++;
}

static const struct parley_service_credentials service = {
    .size = sizeof(service), .check = check, .get = get, .cancel = cancel, .refused = refused};

void vault_setup(void)
{
    vault = (struct vault){0};
    waiting = NULL;
    handed_over[0] = '\0';
    fake_host_provide(PARLEY_SERVICE_CREDENTIALS, &service);
}

void vault_hand_over(const char *token)
{
    const struct parley_credential_token told = {
        .size = sizeof(told), .value = {token, strlen(token)}, .message = ""};

    (void)snprintf(handed_over, sizeof(handed_over), "%s", token);
    assert_non_null(waiting);
    waiting->on_token(waiting_ctx, &told);
}

void vault_fails(int status, const char *message)
{
    const struct parley_credential_token told = {
        .size = sizeof(told), .status = status, .value = {"", 0}, .message = message};

    assert_non_null(waiting);
    waiting->on_token(waiting_ctx, &told);
}
