/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures against published ones, dates, session tokens, and the rules of patience. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <parley/types.h>

#include "cache.h"
#include "document.h"
#include "retry.h"
#include "shared.h"
#include "sign.h"

#define KEY  "cGFybGV5LWxvY2FsLXRlc3Qta2V5"
#define DATE "Mon, 23 Nov 2026 07:00:00 GMT"

static void signs(const char *base64, const char *verb, const char *path, const char *date,
                  const char *wanted)
{
    unsigned char key[SIGN_KEY_SIZE];
    char value[SIGN_MAX_SIGNATURE], expected[SIGN_MAX_SIGNATURE];
    size_t len = 0;

    assert_true(sign_decode_key(base64, key, &len));
    assert_true(sign_request(key, len, verb, path, date, value));
    (void)snprintf(expected, sizeof(expected), "type%%3Dmaster%%26ver%%3D1.0%%26sig%%3D%s", wanted);
    assert_string_equal(value, expected);
}

static void microsofts_published_example_is_reproduced(void **state)
{
    (void)state;
    signs(
        "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==",
        "GET", "dbs/ToDoList", "Thu, 27 Apr 2017 00:51:12 GMT",
        "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu%2Bc%2Bc%3D");
}

static void every_kind_of_resource_is_signed_by_its_names(void **state)
{
    (void)state;
    signs(KEY, "GET", "", DATE, "3POmA2maQyc%2F3n1%2FH5DgPn56tZqJSK4cZk5o%2F8aLElQ%3D");
    signs(KEY, "POST", "dbs/parley/colls/sessions/docs", DATE,
          "MkDLcMDoxvVwkKYnmGnJIh%2F9Bc%2FFU5msBhH0QgL24sM%3D");
    signs(KEY, "GET", "dbs/parley/colls/sessions/docs/S-1", DATE,
          "L4dDIx%2BnyTBfvu67tTqndyqutgVVkPNv5LJDz6wmkpA%3D");
    signs(KEY, "PATCH", "dbs/parley/colls/sessions/docs/a b%\xc3\xa9+", DATE,
          "SPSlQJcSRRneQhBVq9dTWOJioMfcm%2B0pkZhYkax1Fow%3D");
    signs(KEY, "GET", "dbs/parley/colls/sessions/pkranges", DATE,
          "7BG%2BEtHtDiSzzxgTINJTNhBin9bc%2FkCX5Na6aT%2FNsQc%3D");
}

static void keys_that_are_not_base64_are_refused(void **state)
{
    static const char *const wrong[] = {"", "abc", "abc!", "ab=c", "====", "abcd\n"};
    unsigned char key[SIGN_KEY_SIZE];
    char long_one[1000];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(sign_decode_key(wrong[i], key, &len));
    memset(long_one, 'A', sizeof(long_one));
    long_one[996] = '\0';
    assert_false(sign_decode_key(long_one, key, &len));
    assert_true(sign_decode_key("AAE=", key, &len));
    assert_int_equal(len, 2);
    assert_int_equal(key[1], 1);
}

static void dates_are_english_in_every_locale_and_can_be_read_back(void **state)
{
    char date[SIGN_DATE_SIZE];
    int64_t seconds = 0;

    (void)state;
    (void)setlocale(LC_ALL, "");
    sign_date(1795417200, date);
    assert_string_equal(date, DATE);
    assert_true(sign_read_date((struct parley_view)PARLEY_VIEW(DATE), &seconds));
    assert_int_equal(seconds, 1795417200);
    sign_date(1772323200, date);
    assert_string_equal(date, "Sun, 01 Mar 2026 00:00:00 GMT");
    assert_false(sign_read_date((struct parley_view)PARLEY_VIEW("yesterday"), &seconds));
    assert_false(sign_read_date((struct parley_view){"", 0}, &seconds));
    assert_false(
        sign_read_date((struct parley_view)PARLEY_VIEW("Mon, 23 Foo 2026 07:00:00 GMT"), &seconds));
}

static void note(struct shared *s, const char *token)
{
    shared_note_session(s, (struct parley_view){token, strlen(token)});
}

static void holds_session(struct shared *s, const char *wanted)
{
    char *session = shared_session(s);

    assert_string_equal(session, wanted);
    free(session);
}

static void the_newest_session_token_of_each_range_is_kept(void **state)
{
    struct shared *s = shared_create();

    (void)state;
    assert_null(shared_session(s));
    note(s, "0:-1#12#1=7");
    note(s, "0:-1#9#1=9");
    holds_session(s, "0:-1#12#1=7");
    note(s, "3:-1#2,0:-1#13#1=8");
    holds_session(s, "0:-1#13#1=8,3:-1#2");
    note(s, "0:1#4");
    holds_session(s, "0:1#4,3:-1#2"); /* a newer version of the range counts first */
    note(s, "nonsense");
    note(s, "0:");
    note(s, ":-1#5");
    note(s, "7:x\r\ny: z");
    holds_session(s, "0:1#4,3:-1#2");
    shared_destroy(s);
}

static void session_tokens_stay_bounded(void **state)
{
    struct shared *s = shared_create();
    char token[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(token, sizeof(token), "%d:-1#5", i);
        note(s, token);
    }
    char *session = shared_session(s);
    assert_true(strlen(session) < 4096);
    free(session);
    shared_destroy(s);
}

static json_t *head_of(size_t data_len)
{
    char *data = malloc(data_len + 1);

    memset(data, 'x', data_len);
    data[data_len] = '\0';
    json_t *head = json_pack("{ssss}", "kind", "head", "data", data);
    free(data);
    return head;
}

static void heads_in_memory_are_bounded_and_the_newest_stays(void **state)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    json_t *large = head_of(100000), *huge = head_of(1000000);
    char *etag = NULL;

    (void)state;
    for (size_t i = 0; i < 2000; i++)
        cache_keep(cache, "sess", i, large, "\"1\"");
    assert_true(cache->bytes <= (size_t)16 << 20 && cache->bytes > (size_t)15 << 20);
    json_t *found = cache_find(cache, "sess", 1999, &etag);
    assert_ptr_equal(found, large);
    json_decref(found);
    free(etag);
    cache_keep(cache, "sess", 1999, huge,
               "\"2\""); /* too long to be kept, and the old one is wrong */
    assert_null(cache_find(cache, "sess", 1999, &etag));
    cache_done(cache);
    assert_int_equal(cache->bytes, 0);
    free(cache);
    json_decref(large);
    json_decref(huge);
}

static void ids_of_rows_hold_only_what_cosmos_takes(void **state)
{
    json_t *head = json_pack("{sssI}", "session", "a/b \xc3\xa9#", "created_ms", (json_int_t)7);
    char *id = document_row_id(head);

    (void)state;
    assert_string_equal(id, "row.7.a.2Fb.20.C3.A9.23");
    free(id);
    json_decref(head);
}

static enum verdict judge(struct outcome o, struct tries *t, int64_t *ret_wait_ms)
{
    if (o.retry_after_ms == 0)
        o.retry_after_ms = -1;
    return retry_judge(&o, t, ret_wait_ms);
}

static void the_answers_that_callers_judge_are_never_tried_again(void **state)
{
    static const int codes[] = {200, 201, 204, 404, 409, 412};
    struct tries t = {0};
    int64_t wait_ms;

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_int_equal(
            judge((struct outcome){.code = codes[i], .is_readable = true}, &t, &wait_ms),
            VERDICT_ANSWER);
}

static void what_can_never_work_fails_at_once(void **state)
{
    static const struct outcome outcomes[] = {
        {.code = 400, .substatus = 1001},
        {.code = 400, .substatus = 1004},
        {.code = 403, .substatus = 1014},
        {.code = 403, .substatus = 5300},
        {.code = 404, .substatus = 1003, .is_document = true},
        {.code = 413},
        {.code = 302},
        {.status = PARLEY_E_INVALID},
        {.status = PARLEY_E_TOO_LARGE},
        {.status = PARLEY_E_CANCELLED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        struct tries t = {0};
        int64_t wait_ms;
        assert_int_equal(judge(outcomes[i], &t, &wait_ms), VERDICT_FAIL);
    }
}

static void waits_double_up_to_their_limit(void **state)
{
    static const int64_t waits[] = {100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000};
    struct tries t = {0};
    int64_t wait_ms;

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(judge((struct outcome){.code = 429}, &t, &wait_ms), VERDICT_AGAIN);
        assert_int_equal(wait_ms, waits[i]);
    }
    assert_int_equal(judge((struct outcome){.code = 429}, &t, &wait_ms), VERDICT_FAIL);
    t = (struct tries){0};
    for (size_t i = 0; i < 12; i++)
        (void)judge((struct outcome){.code = 449}, &t, &wait_ms);
    assert_int_equal(wait_ms, 1000);
}

static void throttling_is_not_waited_for_longer_than_30_seconds_in_all(void **state)
{
    struct tries t = {0};
    int64_t wait_ms;

    (void)state;
    const struct outcome o = {.code = 429, .retry_after_ms = 11000};
    assert_int_equal(judge(o, &t, &wait_ms), VERDICT_AGAIN);
    assert_int_equal(judge(o, &t, &wait_ms), VERDICT_AGAIN);
    assert_int_equal(judge(o, &t, &wait_ms), VERDICT_FAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(microsofts_published_example_is_reproduced),
        cmocka_unit_test(every_kind_of_resource_is_signed_by_its_names),
        cmocka_unit_test(keys_that_are_not_base64_are_refused),
        cmocka_unit_test(dates_are_english_in_every_locale_and_can_be_read_back),
        cmocka_unit_test(the_newest_session_token_of_each_range_is_kept),
        cmocka_unit_test(session_tokens_stay_bounded),
        cmocka_unit_test(heads_in_memory_are_bounded_and_the_newest_stays),
        cmocka_unit_test(ids_of_rows_hold_only_what_cosmos_takes),
        cmocka_unit_test(the_answers_that_callers_judge_are_never_tried_again),
        cmocka_unit_test(what_can_never_work_fails_at_once),
        cmocka_unit_test(waits_double_up_to_their_limit),
        cmocka_unit_test(throttling_is_not_waited_for_longer_than_30_seconds_in_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
