/* SPDX-License-Identifier: Apache-2.0 */
/* An issuer's keys over time; a thread of the test is the issuer. Time is moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "identity/issuer.h"
#include "peer.h"
#include "signer.h"
#include "transport/http_client.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#define START_US UINT64_C(1767603600000000)
#define NAME     "https://id.example.com"

static struct {
    struct loop *loop;
    struct fetch_place place;
    struct issuer *issuer;
    EVP_PKEY *one, *two;
    char metadata[512];
    char keys_one[1200], keys_both[2000], keys_two[1200];
    int woken;
} t;

static char log_text[8192];

static void sink(void *ctx, enum log_level level, const char *line)
{
    size_t len = strlen(log_text);

    (void)ctx;
    (void)level;
    (void)snprintf(log_text + len, sizeof(log_text) - len, "%s\n", line);
}

static void write_keys(char *out, size_t size, json_t *take_keys)
{
    char *text = json_dumps(take_keys, JSON_COMPACT);

    assert_true(snprintf(out, size, "200 OK\n{\"keys\":%s}", text) < (int)size);
    free(text);
    json_decref(take_keys);
}

static void make_issuer(const char *name)
{
    char url[128];
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/.well-known/openid-configuration",
                   peer.port);
    const struct issuer_config config = {.metadata_url = url, .name = name, .ca_file = ""};
    assert_int_equal(issuer_create(&config, &t.issuer, &err), PARLEY_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    log_text[0] = '\0';
    clock_fake_start(1000000000, START_US);
    log_set_sink(sink, NULL);
    t.loop = loop_create();
    assert_non_null(t.loop);
    fetch_place_init(&t.place, t.loop);
    t.place.http = http_client_create(t.loop);
    open_peer();
    t.one = EVP_RSA_gen(2048);
    t.two = EVP_EC_gen("P-256");
    write_keys(t.keys_one, sizeof(t.keys_one), json_pack("[o]", signer_jwk(t.one, "one")));
    write_keys(t.keys_two, sizeof(t.keys_two), json_pack("[o]", signer_jwk(t.two, "two")));
    write_keys(t.keys_both, sizeof(t.keys_both),
               json_pack("[o,o]", signer_jwk(t.one, "one"), signer_jwk(t.two, "two")));
    (void)snprintf(t.metadata, sizeof(t.metadata),
                   "200 OK\n{\"issuer\":\"" NAME "\",\"jwks_uri\":\"http://127.0.0.1:%d/keys\"}",
                   peer.port);
    make_issuer(NAME);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t.place.http = http_client_destroy(t.place.http);
    (void)loop_run_due(t.loop);
    fetch_place_done(&t.place);
    (void)issuer_unref(t.issuer);
    loop_destroy(t.loop);
    EVP_PKEY_free(t.one);
    EVP_PKEY_free(t.two);
    close_peer();
    clock_fake_stop();
    log_set_sink(NULL, NULL);
    return 0;
}

static enum issuer_answer find(const char *kid, unsigned algorithm)
{
    struct jwt jwt = {.algorithm = algorithm};
    struct issuer_key key = {0};

    view_copy(jwt.kid, sizeof(jwt.kid), view_of(kid));
    enum issuer_answer answer = issuer_find(t.issuer, &jwt, &t.place, &key);
    if (answer == ISSUER_KEY)
        assert_string_equal(key.name, NAME);
    issuer_key_done(&key);
    return answer;
}

static void on_keys(void *ctx)
{
    (void)ctx;
    t.woken++;
}

/* Ask; what is on its way is waited for. */
static enum issuer_answer find_at_last(const char *kid, unsigned algorithm)
{
    enum issuer_answer answer = find(kid, algorithm);
    int before = t.woken;

    if (answer != ISSUER_WAIT)
        return answer;
    assert_non_null(issuer_wait(t.issuer, &t.place, on_keys, NULL));
    while (t.woken == before) {
        loop_run_once(t.loop);
        (void)loop_run_due(t.loop);
    }
    return find(kid, algorithm);
}

/* A refresh behind a token that is known runs to its end. */
static void wait_for_requests(int count)
{
    for (int i = 0; i < 20000 && atomic_load(&peer.requests) < count; i++)
        loop_run_once(t.loop);
    for (int i = 0; i < 200; i++) {
        loop_run_once(t.loop);
        (void)loop_run_due(t.loop);
    }
    assert_int_equal(atomic_load(&peer.requests), count);
}

static void advance_s(uint64_t s)
{
    clock_fake_advance_us(s * 1000000);
    (void)loop_run_due(t.loop);
}

static void keys_are_loaded_when_first_needed_and_once_for_all(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one);
    assert_int_equal(find("one", JWT_RS256), ISSUER_WAIT);
    assert_int_equal(find("one", JWT_RS256), ISSUER_WAIT);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
    assert_int_equal(find("one", JWT_PS256), ISSUER_KEY);
    assert_int_equal(find("one", JWT_ES256), ISSUER_NO_KEY);
    assert_int_equal(atomic_load(&peer.requests), 2);
    assert_non_null(strstr(peer.seen[0], "GET /.well-known/openid-configuration "));
    assert_non_null(strstr(peer.seen[1], "GET /keys "));
}

static void token_that_names_no_key_is_of_the_only_one(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_both);
    assert_int_equal(find_at_last("", JWT_RS256), ISSUER_KEY);
    assert_int_equal(find("", JWT_ES256), ISSUER_KEY);
}

static void unknown_key_is_asked_for_once_in_five_minutes(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one, t.metadata, t.keys_one);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(find("garbage", JWT_RS256), ISSUER_NO_KEY);
    assert_int_equal(atomic_load(&peer.requests), 2);
    advance_s(301);
    assert_int_equal(find_at_last("garbage", JWT_RS256), ISSUER_NO_KEY);
    assert_int_equal(atomic_load(&peer.requests), 4);
}

static void key_rolled_over_is_known_after_one_fetch_and_the_old_one_for_a_day(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one, t.metadata, t.keys_two);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
    advance_s(301);
    assert_int_equal(find_at_last("two", JWT_ES256), ISSUER_KEY);
    assert_int_equal(atomic_load(&peer.requests), 4);
    assert_int_equal(find("one", JWT_RS256), ISSUER_KEY);
    advance_s(24 * 3600);
    assert_int_equal(find("one", JWT_RS256), ISSUER_KEY); /* and the keys are loaded anew */
    ANSWERS("404 Not Found\n{}", "404 Not Found\n{}", "404 Not Found\n{}", "404 Not Found\n{}",
            t.metadata, t.keys_two);
    wait_for_requests(6);
    assert_int_equal(find("one", JWT_RS256), ISSUER_NO_KEY);
    assert_int_equal(find("two", JWT_ES256), ISSUER_KEY);
}

static void keys_are_loaded_anew_after_an_hour_while_the_old_ones_serve(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one, t.metadata, t.keys_both);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
    advance_s(3601);
    assert_int_equal(find("one", JWT_RS256), ISSUER_KEY);
    wait_for_requests(4);
    assert_int_equal(find("two", JWT_ES256), ISSUER_KEY);
}

static void keys_stay_in_use_while_the_issuer_is_down(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one, "503 Service Unavailable\n{}");
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
    advance_s(3601);
    assert_int_equal(find("one", JWT_RS256), ISSUER_KEY);
    wait_for_requests(3);
    assert_int_equal(find("one", JWT_RS256), ISSUER_KEY);
    assert_non_null(strstr(log_text, "the known ones stay in use"));
    assert_int_equal(atomic_load(&peer.requests), 3); /* not again at once */
}

static void issuer_that_never_answered_well_is_asked_again_after_ten_seconds(void **state)
{
    char problem[200];

    (void)state;
    ANSWERS("500 Internal Server Error\n{}", t.metadata, t.keys_one);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_NO_KEY);
    assert_false(issuer_has_keys(t.issuer, problem, sizeof(problem)));
    assert_string_equal(problem, "its metadata: answered with status 500");
    assert_int_equal(find("one", JWT_RS256), ISSUER_NO_KEY);
    advance_s(11);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
    assert_true(issuer_has_keys(t.issuer, problem, sizeof(problem)));
    assert_string_equal(problem, "");
}

/* As when the time service corrects a clock that was ahead. */
static void a_clock_that_is_set_back_keeps_no_keys_away(void **state)
{
    (void)state;
    ANSWERS("500 Internal Server Error\n{}", t.metadata, t.keys_one);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_NO_KEY);
    clock_fake_start(clock_now_us() + 11000000, clock_unix_us() - UINT64_C(7200) * 1000000);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_KEY);
}

static void expect_problem(const char *first, const char *second, const char *problem)
{
    char said[256];

    (void)teardown(NULL);
    (void)setup(NULL);
    ANSWERS(first == NULL ? t.metadata : first, second);
    assert_int_equal(find_at_last("one", JWT_RS256), ISSUER_NO_KEY);
    assert_false(issuer_has_keys(t.issuer, said, sizeof(said)));
    if (strstr(said, problem) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", problem, said);
}

static void answers_of_another_kind_are_told_plainly(void **state)
{
    (void)state;
    expect_problem("200 OK\n<html>", "", "its metadata: is not a JSON object");
    expect_problem("200 OK\n{\"issuer\":\"https://evil\",\"jwks_uri\":\"https://evil/keys\"}", "",
                   "is that of the issuer https://evil, not of " NAME);
    expect_problem("200 OK\n{\"issuer\":\"" NAME "\",\"jwks_uri\":\"http://10.0.0.1/keys\"}", "",
                   "is not an https:// address");
    expect_problem("200 OK\n{\"issuer\":\"" NAME
                   "\",\"jwks_uri\":\"http://localhost:x@10.0.0.1/\"}",
                   "", "is not an https:// address");
    expect_problem("200 OK\n{\"jwks_uri\":\"https://h/keys\"}", "", "names no issuer");
    expect_problem(NULL, "200 OK\n{\"keys\":[]}", "holds no key for RS256, PS256 or ES256");
    expect_problem(NULL, "200 OK\n{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AA\"}]}",
                   "the RSA key \"a\" is broken");
    expect_problem(NULL, "200 OK\n[]", "its jwks_uri: is not a JSON object");
}

static void who_has_gone_is_not_woken(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one);
    assert_int_equal(find("one", JWT_RS256), ISSUER_WAIT);
    struct issuer_wait *wait = issuer_wait(t.issuer, &t.place, on_keys, NULL);
    assert_non_null(wait);
    issuer_wait_cancel(wait);
    wait_for_requests(2);
    assert_int_equal(t.woken, 0);
}

static void too_many_who_wait_are_sent_away(void **state)
{
    int waiting = 0;

    (void)state;
    ANSWERS(t.metadata, t.keys_one);
    assert_int_equal(find("one", JWT_RS256), ISSUER_WAIT);
    while (waiting < 2000 && issuer_wait(t.issuer, &t.place, on_keys, NULL) != NULL)
        waiting++;
    assert_int_equal(waiting, 1000);
    while (t.woken < waiting) {
        loop_run_once(t.loop);
        (void)loop_run_due(t.loop);
    }
}

/* The linker puts it before that of base/loop.h. */
bool __real_loop_post(struct loop *l, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);
bool __wrap_loop_post(struct loop *l, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);

static bool has_no_memory;

bool __wrap_loop_post(struct loop *l, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
    return !has_no_memory && __real_loop_post(l, fn, drop, arg);
}

static void who_could_not_be_woken_is_woken_later_or_goes(void **state)
{
    (void)state;
    ANSWERS(t.metadata, t.keys_one);
    assert_int_equal(find("one", JWT_RS256), ISSUER_WAIT);
    struct issuer_wait *goes = issuer_wait(t.issuer, &t.place, on_keys, NULL);
    assert_non_null(issuer_wait(t.issuer, &t.place, on_keys, NULL));
    has_no_memory = true;
    wait_for_requests(2);
    while (find("one", JWT_RS256) == ISSUER_WAIT) {
        loop_run_once(t.loop);
        (void)loop_run_due(t.loop);
    }
    has_no_memory = false;
    issuer_wait_cancel(goes);
    assert_int_equal(find("one", JWT_RS256), ISSUER_KEY);
    (void)loop_run_due(t.loop);
    assert_int_equal(t.woken, 1);
}

static void metadata_over_clear_text_is_refused(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct issuer *other = NULL;
    const struct issuer_config config = {
        .metadata_url = "http://id.example.com/x", .name = "", .ca_file = ""};

    (void)state;
    assert_int_equal(issuer_create(&config, &other, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "http://id.example.com/x"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_loaded_when_first_needed_and_once_for_all),
        TEST(token_that_names_no_key_is_of_the_only_one),
        TEST(unknown_key_is_asked_for_once_in_five_minutes),
        TEST(key_rolled_over_is_known_after_one_fetch_and_the_old_one_for_a_day),
        TEST(keys_are_loaded_anew_after_an_hour_while_the_old_ones_serve),
        TEST(keys_stay_in_use_while_the_issuer_is_down),
        TEST(issuer_that_never_answered_well_is_asked_again_after_ten_seconds),
        TEST(a_clock_that_is_set_back_keeps_no_keys_away),
        TEST(answers_of_another_kind_are_told_plainly),
        TEST(who_has_gone_is_not_woken),
        TEST(too_many_who_wait_are_sent_away),
        TEST(who_could_not_be_woken_is_woken_later_or_goes),
        TEST(metadata_over_clear_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
