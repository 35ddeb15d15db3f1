/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_fixture.h"

#include "base/log.h"
#include "telemetry/logs.h"
#include "telemetry/redact.h"

static struct redact *patterns(const char *const *items, size_t count)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct redact *r = NULL;

    if (redact_create((struct parley_list){items, count}, &r, &err) < 0)
        fail_msg("%s", err.message);
    return r;
}

static const char *const cards_and_mails[] = {"\\b\\d(?:[ -]?\\d){12,18}\\b", "[\\w.]+@[\\w.]+"};

static void matches_are_blotted_out_and_the_rest_stays(void **state)
{
    (void)state;
    struct redact *r = patterns(cards_and_mails, 2);
    struct buf out = {0};

    assert_true(
        redact_apply(r, VIEW("card 4111 1111 1111 1111, mail \xc3\xa4nn@example.org now"), &out));
    assert_string_equal(out.data, "card [redacted], mail [redacted] now");
    buf_clear(&out);
    assert_false(redact_apply(r, VIEW("nothing of the kind: 12"), &out));
    assert_int_equal(out.len, 0);
    assert_false(redact_apply(NULL, VIEW("x"), &out));
    buf_done(&out);
    redact_destroy(r);
}

static void text_that_takes_too_long_is_blotted_out_whole(void **state)
{
    (void)state;
    static const char *const slow[] = {"(a+)+$"};
    struct redact *r = patterns(slow, 1);
    struct buf out = {0};
    char text[200];

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = 'b';
    assert_true(redact_apply(r, (struct parley_view){text, sizeof(text)}, &out));
    assert_string_equal(out.data, REDACT_MARK);
    buf_done(&out);
    redact_destroy(r);
}

static void empty_matches_do_not_go_round_in_circles(void **state)
{
    (void)state;
    static const char *const odd[] = {"x*", "\\Kb|a\\Kb"};
    struct redact *r = patterns(odd, 2);
    struct buf out = {0};

    assert_true(redact_apply(r, VIEW("axxb"), &out));
    buf_done(&out);
    redact_destroy(r);
}

static void bad_pattern_is_named_with_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"fine", "a(b"};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct redact *r = NULL;

    assert_int_equal(redact_create((struct parley_list){bad, 2}, &r, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "\"a(b\": at character 4: missing"));
    assert_null(r);
}

static unsigned looks;

static void look(const struct parley_batch *b)
{
    for (uint32_t i = 0; i < b->span_count; i++) {
        const struct parley_span *s = &b->spans[i];
        assert_string_equal(s->status_message, "refused [redacted]");
        for (uint32_t a = 0; a < s->attrs.count; a++) {
            const struct parley_attr *attr = &s->attrs.items[a];
            if ((attr->flags & PARLEY_ATTR_CONTENT) != 0)
                assert_true(view_is(attr->string, "[{\"content\":\"I am [redacted]\"}]"));
        }
        looks++;
    }
    for (uint32_t i = 0; i < b->log_count; i++) {
        assert_true(view_is(b->logs[i].body, "gone user=[redacted] session=s"));
        looks++;
    }
}

static void nothing_else_leaves_spans_and_logs(void **state)
{
    (void)state;
    struct fixture *f =
        fixture_create((struct telemetry_config){.captures_content = true,
                                                 .records_logs = true,
                                                 .log_level = LOG_LEVEL_INFO,
                                                 .redact = patterns(cards_and_mails, 2)});

    f->look = look;
    looks = 0;
    logs_attach(f->recorder, NULL);
    struct span *s = span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL);
    span_set_content(s, NAME_INPUT_MESSAGES, VIEW("[{\"content\":\"I am a@b.c\"}]"));
    span_fail(s, VIEW("x"), VIEW("refused a@b"));
    span_end(s);
    log_info("gone user=a@b.example session=s");
    telemetry_flush(f->telemetry);
    assert_int_equal(looks, 2);
    logs_detach();
    fixture_destroy(f);
}

static void swallow(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_blotted_out_and_the_rest_stays),
        cmocka_unit_test(text_that_takes_too_long_is_blotted_out_whole),
        cmocka_unit_test(empty_matches_do_not_go_round_in_circles),
        cmocka_unit_test(bad_pattern_is_named_with_its_place),
        cmocka_unit_test(nothing_else_leaves_spans_and_logs),
    };
    log_set_sink(swallow, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
