/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, from endpoints that a thread of the test plays. Time is moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "identity/identity.h"
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_US UINT64_C(1767603600000000)
#define SCOPE    "https://cosmos.azure.com/.default"

/* ---- the caller ---- */

static struct {
    struct loop *loop;
    struct fetch_place place;
    struct conf *conf;
    struct conf_report report;
    struct identity *id;
    int tokens;
    int status;
    bool is_api_key;
    char value[64];
    char message[640];
} t;

static char log_text[8192];

static void sink(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    size_t len = strlen(log_text);
    (void)snprintf(log_text + len, sizeof(log_text) - len, "%s\n", line);
}

static void set(const char *name, const char *format, ...)
{
    char value[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    (void)setenv(name, value, 1);
}

static int setup(void **state)
{
    static const char *const names[] = {
        "IDENTITY_ENDPOINT",    "IDENTITY_HEADER",
        "AZURE_TENANT_ID",      "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",  "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST", "no_proxy",
        "http_proxy",           "AZURE_POD_IDENTITY_AUTHORITY_HOST"};

    (void)state;
    memset(&t, 0, sizeof(t));
    log_text[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]);
    set("PATH", "/nowhere"); /* no Azure CLI */
    clock_fake_start(1000000000, START_US);
    log_set_sink(sink, NULL);
    t.loop = loop_create();
    assert_non_null(t.loop);
    fetch_place_init(&t.place, t.loop);
    t.place.http = http_client_create(t.loop);
    assert_non_null(t.place.http);
    open_peer();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fetch_place_done(&t.place);
    t.place.http = http_client_destroy(t.place.http);
    (void)loop_run_due(t.loop);
    (void)identity_unref(t.id);
    loop_destroy(t.loop);
    conf_destroy(t.conf);
    conf_report_done(&t.report);
    close_peer();
    clock_fake_stop();
    log_set_sink(NULL, NULL);
    return 0;
}

static int read_config(const char *text)
{
    t.conf = conf_create("/", NULL);
    assert_true(conf_add_layer(t.conf, view_of(text), "test.ini", &t.report));
    return identity_create(t.conf, &t.id, &t.report);
}

static void use(const char *text)
{
    if (read_config(text) < 0)
        fail_msg("%s", t.report.items[0].text);
}

static void on_token(void *ctx, const struct identity_token *token)
{
    (void)ctx;
    t.tokens++;
    t.status = token->status;
    t.is_api_key = token->is_api_key;
    view_copy(t.value, sizeof(t.value), token->value);
    (void)snprintf(t.message, sizeof(t.message), "%s", token->message);
}

static struct identity_request *ask(const char *name)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct identity_request *r = NULL;

    if (identity_get(t.id, name, SCOPE, &t.place, on_token, NULL, &r, &err) < 0)
        fail_msg("%s", err.message);
    return r;
}

static void turn(void)
{
    loop_run_once(t.loop);
    (void)loop_run_due(t.loop);
}

static void wait_for_tokens(int count)
{
    while (t.tokens < count)
        turn();
    assert_int_equal(t.tokens, count);
}

static void wait_for_requests(int count)
{
    while (atomic_load(&peer.requests) < count)
        turn();
}

/* Until the answer to request `count` was read, which shows in that nothing is under way. */
static void advance_s(uint64_t s)
{
    for (int i = 0; i < 200; i++)
        turn();
    clock_fake_advance_us(s * 1000000);
}

static void on_platform(void)
{
    set("IDENTITY_ENDPOINT", "http://127.0.0.1:%d/msi/token", peer.port);
    set("IDENTITY_HEADER", "guess-me");
}

#define TOKEN(value, seconds)                                                                      \
    "200 OK\n{\"access_token\":\"" value "\",\"expires_in\":" seconds ",\"token_type\":"           \
    "\"Bearer\"}"

/* ---- managed identities ---- */

static void a_managed_identity_is_asked_for_by_the_platform_s_endpoint(void **state)
{
    (void)state;
    on_platform();
    ANSWERS("200 OK\n{\"access_token\":\"tok-1\",\"expires_on\":\"1767607200\"}");
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_OK);
    assert_string_equal(t.value, "tok-1");
    assert_non_null(strstr(peer.seen[0], "GET /msi/token?api-version=2019-08-01&resource="
                                         "https%3A%2F%2Fcosmos.azure.com HTTP/1.1"));
    assert_non_null(strstr(peer.seen[0], "X-IDENTITY-HEADER: guess-me\r\n"));
    assert_non_null(strstr(log_text, "source=managed-identity"));
    assert_null(strstr(log_text, "tok-1"));
    assert_null(strstr(log_text, "guess-me"));
}

static void without_the_platform_imds_is_asked(void **state)
{
    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS(TOKEN("tok-1", "\"3600\""));
    use("[credential mine]\ntype = managed-identity\nclient_id = abc\n");
    (void)ask("mine");
    wait_for_tokens(1);
    assert_string_equal(t.value, "tok-1");
    assert_non_null(strstr(peer.seen[0], "/metadata/identity/oauth2/token?api-version=2018-02-01"));
    assert_non_null(strstr(peer.seen[0], "client_id=abc"));
    assert_non_null(strstr(peer.seen[0], "Metadata: true\r\n"));
}

static void an_endpoint_that_is_updating_is_asked_again(void **state)
{
    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS("410 Gone\n", "410 Gone\n", TOKEN("tok-1", "3600"));
    use("");
    (void)ask("managed-identity");
    wait_for_requests(1);
    advance_s(13);
    wait_for_requests(2);
    advance_s(13);
    wait_for_tokens(1);
    assert_string_equal(t.value, "tok-1");
}

/* 404 while it starts, 429 and 5xx while it is busy: each by the pauses that IMDS asks for. */
static void a_busy_imds_is_asked_again(void **state)
{
    static const int pauses_s[] = {3, 5, 9};

    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS("404 Not Found\n{}", "429 Too Many Requests\n{}", "500 Internal Server Error\n{}",
            TOKEN("tok-1", "3600"));
    use("");
    (void)ask("managed-identity");
    for (int i = 0; i < 3; i++) {
        wait_for_requests(i + 1);
        advance_s(1);
        for (int n = 0; n < 100; n++)
            turn();
        assert_int_equal(atomic_load(&peer.requests), i + 1);
        clock_fake_advance_us((uint64_t)pauses_s[i] * 1250000);
    }
    wait_for_tokens(1);
    assert_string_equal(t.value, "tok-1");
}

static void an_imds_that_stays_busy_is_given_up_by_name(void **state)
{
    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS("429 Too Many Requests\n{}");
    use("");
    (void)ask("managed-identity");
    for (int i = 1; i <= 5; i++) {
        wait_for_requests(i);
        advance_s(21);
    }
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_UNAVAILABLE);
    assert_string_equal(t.message, "credential managed-identity: the managed identity endpoint "
                                   "answers with HTTP 429");
    assert_int_equal(atomic_load(&peer.requests), 5);
}

static void an_identity_that_is_not_there_is_told_plainly(void **state)
{
    (void)state;
    on_platform();
    ANSWERS("400 Bad Request\n{\"error\":\"invalid_request\"}");
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_DENIED);
    assert_non_null(strstr(t.message, "knows no such identity"));
    assert_int_equal(atomic_load(&peer.requests), 1);
}

/* ---- keeping ---- */

static void many_who_ask_wait_for_one_request(void **state)
{
    (void)state;
    on_platform();
    ANSWERS(TOKEN("tok-1", "3600"));
    use("");
    for (int i = 0; i < 20; i++)
        (void)ask("managed-identity");
    wait_for_tokens(20);
    (void)ask("managed-identity");
    wait_for_tokens(21);
    assert_int_equal(atomic_load(&peer.requests), 1);
}

static void a_token_is_renewed_before_its_end_and_the_old_one_handed_out_meanwhile(void **state)
{
    (void)state;
    on_platform();
    ANSWERS(TOKEN("tok-1", "3600"), TOKEN("tok-2", "3600"));
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    clock_fake_advance_us(UINT64_C(3299) * 1000000);
    (void)ask("managed-identity");
    wait_for_tokens(2);
    assert_int_equal(atomic_load(&peer.requests), 1);
    clock_fake_advance_us(2000000);
    (void)ask("managed-identity");
    wait_for_tokens(3);
    assert_string_equal(t.value, "tok-1");
    wait_for_requests(2);
    while (strcmp(t.value, "tok-2") != 0) {
        (void)ask("managed-identity");
        wait_for_tokens(t.tokens + 1);
    }
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void a_renewal_that_fails_leaves_the_old_token(void **state)
{
    (void)state;
    on_platform();
    ANSWERS(TOKEN("tok-1", "3600"), "400 Bad Request\n{}");
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    clock_fake_advance_us(UINT64_C(3400) * 1000000);
    (void)ask("managed-identity");
    wait_for_tokens(2);
    wait_for_requests(2);
    advance_s(0);
    (void)ask("managed-identity");
    wait_for_tokens(3);
    assert_string_equal(t.value, "tok-1");
}

static void a_refused_token_is_not_handed_out_again(void **state)
{
    (void)state;
    on_platform();
    ANSWERS(TOKEN("tok-1", "3600"), TOKEN("tok-2", "3600"));
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    identity_refused(t.id, "managed-identity", SCOPE, VIEW("something else"));
    (void)ask("managed-identity");
    wait_for_tokens(2);
    assert_string_equal(t.value, "tok-1");
    identity_refused(t.id, "managed-identity", SCOPE, VIEW("tok-1"));
    (void)ask("managed-identity");
    wait_for_tokens(3);
    assert_string_equal(t.value, "tok-2");
}

/* The renewal failed a moment ago, while the old token seemed good. */
static void a_token_refused_after_its_renewal_failed_is_fetched_anew(void **state)
{
    (void)state;
    on_platform();
    ANSWERS(TOKEN("tok-1", "3600"), "400 Bad Request\n{}", TOKEN("tok-2", "3600"));
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    clock_fake_advance_us(UINT64_C(3400) * 1000000);
    (void)ask("managed-identity");
    wait_for_tokens(2);
    wait_for_requests(2);
    advance_s(0);
    identity_refused(t.id, "managed-identity", SCOPE, VIEW("tok-1"));
    (void)ask("managed-identity");
    wait_for_tokens(3);
    assert_int_equal(t.status, PARLEY_OK);
    assert_string_equal(t.value, "tok-2");
}

/* As when the time service corrects a clock that was ahead. */
static void a_clock_that_is_set_back_after_a_failure_stops_nothing(void **state)
{
    (void)state;
    on_platform();
    ANSWERS("400 Bad Request\n{}", TOKEN("tok-1", "3600"));
    use("");
    (void)ask("managed-identity");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_DENIED);
    clock_fake_start(clock_now_us() + 3000000, clock_unix_us() - UINT64_C(7200) * 1000000);
    (void)ask("managed-identity");
    wait_for_tokens(2);
    assert_int_equal(t.status, PARLEY_OK);
    assert_string_equal(t.value, "tok-1");
}

static void a_cancelled_request_hears_nothing(void **state)
{
    (void)state;
    on_platform();
    ANSWERS(TOKEN("tok-1", "3600"));
    use("");
    struct identity_request *r = ask("managed-identity");
    (void)ask("managed-identity");
    identity_cancel(r);
    wait_for_tokens(1);
    r = ask("managed-identity"); /* on its way back already */
    identity_cancel(r);
    for (int i = 0; i < 10; i++)
        turn();
    assert_int_equal(t.tokens, 1);
}

/* ---- Entra ---- */

static void use_secret(void)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "[credential app]\ntype = client-secret\ntenant_id = contoso\n"
                   "client_id = app-1\nclient_secret = s&cret\n"
                   "authority = http://127.0.0.1:%d/\n",
                   peer.port);
    use(text);
}

static void a_client_secret_is_exchanged_for_a_token(void **state)
{
    (void)state;
    ANSWERS(TOKEN("tok-1", "3600"));
    use_secret();
    (void)ask("app");
    wait_for_tokens(1);
    assert_string_equal(t.value, "tok-1");
    assert_non_null(strstr(peer.seen[0], "POST /contoso/oauth2/v2.0/token HTTP/1.1"));
    assert_non_null(strstr(peer.seen[0],
                           "grant_type=client_credentials&client_id=app-1&scope=https%3A%2F%2F"
                           "cosmos.azure.com%2F.default&client_secret=s%26cret"));
}

static void an_expired_secret_is_named_and_not_tried_again(void **state)
{
    (void)state;
    ANSWERS(
        "401 Unauthorized\n{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: "
        "s&cret\",\"error_codes\":[7000222],\"trace_id\":\"tr-1\"}");
    use_secret();
    (void)ask("app");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_DENIED);
    assert_string_equal(t.message,
                        "credential app: Entra refuses with invalid_client (AADSTS7000222): the "
                        "client secret has expired; make a new one trace_id=tr-1");
    assert_null(strstr(log_text, "s&cret"));
    (void)ask("app"); /* at once: the same answer, without a request */
    wait_for_tokens(2);
    assert_int_equal(atomic_load(&peer.requests), 1);
    clock_fake_advance_us(3000000);
    (void)ask("app");
    wait_for_tokens(3);
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void a_busy_entra_is_asked_again_when_it_says(void **state)
{
    (void)state;
    ANSWERS("429 Too Many Requests\r\nRetry-After: 20\n{}", TOKEN("tok-1", "3600"));
    use_secret();
    (void)ask("app");
    wait_for_requests(1);
    advance_s(19);
    for (int i = 0; i < 100; i++)
        turn();
    assert_int_equal(atomic_load(&peer.requests), 1);
    clock_fake_advance_us(6000000);
    wait_for_tokens(1);
    assert_string_equal(t.value, "tok-1");
}

static void a_clock_that_is_wrong_is_named_after_one_more_try(void **state)
{
    (void)state;
    ANSWERS("401 Unauthorized\n{\"error\":\"invalid_client\",\"error_codes\":[700024],"
            "\"trace_id\":\"tr-1\"}");
    use_secret();
    (void)ask("app");
    wait_for_requests(1);
    while (t.tokens < 1)
        advance_s(1);
    assert_int_equal(t.status, PARLEY_E_DENIED);
    assert_non_null(strstr(t.message, "(AADSTS700024): the assertion is outside its time; check "
                                      "this machine's clock"));
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void an_answer_that_is_no_token_is_refused(void **state)
{
    (void)state;
    ANSWERS("200 OK\n{\"access_token\":\"two\\r\\nlines\",\"expires_in\":3600}");
    use_secret();
    (void)ask("app");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_PROTOCOL);
}

static void a_workload_identity_reads_its_file_each_time(void **state)
{
    char path[] = "/tmp/parley-workload-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "first\n", 6), 6);
    set("AZURE_TENANT_ID", "contoso");
    set("AZURE_CLIENT_ID", "app-1");
    set("AZURE_FEDERATED_TOKEN_FILE", "%s", path);
    set("AZURE_AUTHORITY_HOST", "http://127.0.0.1:%d/", peer.port);
    ANSWERS(TOKEN("tok-1", "3600"), TOKEN("tok-2", "3600"));
    use("");
    (void)ask("workload-identity");
    wait_for_tokens(1);
    assert_non_null(strstr(peer.seen[0], "client_assertion=first"));
    assert_int_equal(pwrite(fd, "other\n", 6, 0), 6);
    identity_refused(t.id, "workload-identity", SCOPE, VIEW("tok-1"));
    (void)ask("workload-identity");
    wait_for_tokens(2);
    assert_non_null(strstr(peer.seen[1], "client_assertion=other"));
    (void)close(fd);
    (void)unlink(path);
}

/* ---- default ---- */

static void default_takes_the_managed_identity_that_answers(void **state)
{
    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS("400 Bad Request\n{}", TOKEN("tok-1", "3600"));
    use("");
    (void)ask("default");
    wait_for_tokens(1);
    assert_string_equal(t.value, "tok-1");
    assert_null(strstr(peer.seen[0], "resource=")); /* is it there? */
    assert_non_null(strstr(peer.seen[1], "resource="));
}

static void default_stops_at_what_is_configured_and_fails(void **state)
{
    (void)state;
    set("AZURE_TENANT_ID", "contoso");
    set("AZURE_CLIENT_ID", "app-1");
    set("AZURE_CLIENT_SECRET", "wrong");
    set("AZURE_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS("401 Unauthorized\n{\"error\":\"invalid_client\",\"error_codes\":[7000215]}");
    use("");
    (void)ask("default");
    wait_for_tokens(1);
    assert_non_null(strstr(t.message, "the client secret is wrong"));
    assert_int_equal(atomic_load(&peer.requests), 1);
}

/* On other clouds a packet to IMDS is dropped: the probe ends after a second, by curl's clock. */
static void default_does_not_wait_for_an_imds_that_is_silent(void **state)
{
    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d", peer.port);
    ANSWERS(SILENCE);
    use("");
    (void)ask("default");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(t.message, "no identity was found"));
    wait_for_requests(1);
    assert_null(strstr(peer.seen[0], "resource="));
}

static void default_says_when_nothing_is_there(void **state)
{
    (void)state;
    set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
    use("");
    (void)ask("default");
    wait_for_tokens(1);
    assert_int_equal(t.status, PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(t.message, "no identity was found"));
}

/* ---- sections ---- */

static void an_api_key_is_handed_out_as_it_is(void **state)
{
    (void)state;
    use("[credential key]\ntype = api-key\nkey = k-1\n");
    (void)ask("key");
    wait_for_tokens(1);
    assert_true(t.is_api_key);
    assert_string_equal(t.value, "k-1");
}

static void a_missing_key_is_named_with_its_place(void **state)
{
    (void)state;
    assert_int_equal(read_config("[credential app]\ntype = client-secret\nclient_id = x\n"),
                     PARLEY_E_INVALID);
    assert_string_equal(t.report.items[0].text,
                        "test.ini:1: [credential app] tenant_id: type = client-secret needs it");
}

static void an_authority_in_clear_text_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_config("[credential app]\nauthority = http://login.example.com/\n"),
                     PARLEY_E_INVALID);
    assert_non_null(strstr(t.report.items[0].text, "does not begin with https://"));
}

static void an_unknown_credential_is_refused_with_the_nearest(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    use("");
    assert_int_equal(identity_check(t.id, "manged-identity", &err), PARLEY_E_NOT_FOUND);
    assert_string_equal(err.message, "there is no [credential manged-identity] section; did you "
                                     "mean \"managed-identity\"?");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_managed_identity_is_asked_for_by_the_platform_s_endpoint),
        TEST(without_the_platform_imds_is_asked),
        TEST(an_endpoint_that_is_updating_is_asked_again),
        TEST(a_busy_imds_is_asked_again),
        TEST(an_imds_that_stays_busy_is_given_up_by_name),
        TEST(an_identity_that_is_not_there_is_told_plainly),
        TEST(many_who_ask_wait_for_one_request),
        TEST(a_token_is_renewed_before_its_end_and_the_old_one_handed_out_meanwhile),
        TEST(a_renewal_that_fails_leaves_the_old_token),
        TEST(a_refused_token_is_not_handed_out_again),
        TEST(a_token_refused_after_its_renewal_failed_is_fetched_anew),
        TEST(a_clock_that_is_set_back_after_a_failure_stops_nothing),
        TEST(a_cancelled_request_hears_nothing),
        TEST(a_client_secret_is_exchanged_for_a_token),
        TEST(an_expired_secret_is_named_and_not_tried_again),
        TEST(a_busy_entra_is_asked_again_when_it_says),
        TEST(a_clock_that_is_wrong_is_named_after_one_more_try),
        TEST(an_answer_that_is_no_token_is_refused),
        TEST(a_workload_identity_reads_its_file_each_time),
        TEST(default_takes_the_managed_identity_that_answers),
        TEST(default_stops_at_what_is_configured_and_fails),
        TEST(default_does_not_wait_for_an_imds_that_is_silent),
        TEST(default_says_when_nothing_is_there),
        TEST(an_api_key_is_handed_out_as_it_is),
        TEST(a_missing_key_is_named_with_its_place),
        TEST(an_authority_in_clear_text_is_refused),
        TEST(an_unknown_credential_is_refused_with_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
