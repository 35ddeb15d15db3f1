/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "cascade/dialogue.h"

#include <stdio.h>
#include <stdlib.h>

static struct dialogue d;

static int open_dialogue(void **state)
{
    (void)state;
    dialogue_init(&d);
    return 0;
}

static int close_dialogue(void **state)
{
    (void)state;
    dialogue_done(&d);
    return 0;
}

static struct dialogue_item *add_text(const char *id, const char *role, const char *type,
                                      const char *text)
{
    json_t *json = dialogue_message_json(id, role, "completed");

    dialogue_set_part(json, type, "text", view_of(text));
    struct dialogue_item *i = dialogue_item_create(json);
    assert_non_null(i);
    dialogue_append(&d, i);
    return i;
}

static struct dialogue_item *add_user(const char *id, const char *text)
{
    return add_text(id, "user", "input_text", text);
}

/* What the text model is shown, as a tree. */
static json_t *context(void)
{
    _cleanup_(buf_done) struct buf out = {0};

    dialogue_context(&d, &out);
    json_t *tree = json_parse(buf_view(&out), NULL);
    assert_true(json_is_array(tree));
    return tree;
}

static void an_item_needs_an_id_of_fair_length(void **state)
{
    char id[RT_MAX_CLIENT_ID_CHARS + 2];

    (void)state;
    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    assert_null(dialogue_item_create(dialogue_message_json(id, "user", "completed")));
    assert_null(dialogue_item_create(json_pack("{s:s}", "type", "message")));
}

static void items_are_found_and_follow_each_other(void **state)
{
    struct dialogue_item *a = add_user("a", "1"), *b = add_user("b", "2");

    (void)state;
    assert_ptr_equal(dialogue_find(&d, VIEW("b")), b);
    assert_null(dialogue_find(&d, VIEW("c")));
    assert_null(dialogue_previous_id(&d, a).data);
    assert_true(view_is(dialogue_previous_id(&d, b), "a"));
    assert_true(view_is(dialogue_last_id(&d), "b"));
    dialogue_remove(&d, a);
    assert_null(dialogue_previous_id(&d, b).data);
}

static void the_oldest_items_are_forgotten_beyond_the_limit(void **state)
{
    char id[16];

    (void)state;
    for (int i = 0; i < DIALOGUE_MAX_ITEMS + 5; i++) {
        snprintf(id, sizeof(id), "i%d", i);
        add_user(id, "x");
    }
    assert_int_equal(d.count, DIALOGUE_MAX_ITEMS);
    assert_null(dialogue_find(&d, VIEW("i4")));
    assert_non_null(dialogue_find(&d, VIEW("i5")));
}

static void an_item_that_is_being_written_is_never_forgotten(void **state)
{
    struct dialogue_item *open = add_user("open", "x");
    char id[16];

    (void)state;
    open->is_open = true;
    for (int i = 0; i < DIALOGUE_MAX_ITEMS + 5; i++) {
        snprintf(id, sizeof(id), "i%d", i);
        add_user(id, "x");
    }
    assert_ptr_equal(dialogue_find(&d, VIEW("open")), open);
}

static void the_context_holds_the_newest_items_that_fit(void **state)
{
    char *text = malloc(100001), id[16];

    (void)state;
    assert_non_null(text);
    memset(text, 'y', 100000);
    text[100000] = '\0';
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "i%d", i);
        add_user(id, text);
    }
    free(text);
    _cleanup_json_ json_t *items = context();
    assert_int_equal(json_array_size(items), DIALOGUE_MAX_CONTEXT_BYTES / 100300);
}

static void a_result_without_its_call_is_left_out(void **state)
{
    char *text = malloc(DIALOGUE_MAX_CONTEXT_BYTES);

    (void)state;
    assert_non_null(text);
    memset(text, 'y', DIALOGUE_MAX_CONTEXT_BYTES - 1);
    text[DIALOGUE_MAX_CONTEXT_BYTES - 1] = '\0';
    dialogue_append(&d, dialogue_item_create(dialogue_call_json("c", "completed", "call_1",
                                                                VIEW("add"), view_of(text))));
    free(text);
    dialogue_append(&d, dialogue_item_create(json_pack(
                            "{s:s, s:s, s:s, s:s, s:s}", "id", "o", "object", "realtime.item",
                            "type", "function_call_output", "call_id", "call_1", "output", "5")));
    add_user("u", "and now?");
    _cleanup_json_ json_t *items = context();
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_get_str(json_array_get(items, 0), "role", ""), "user");
}

static void the_oldest_audio_is_forgotten_beyond_the_limit(void **state)
{
    struct dialogue_item *a = add_user("a", ""), *b = add_user("b", "");
    size_t count = DIALOGUE_MAX_AUDIO_BYTES * 2 / 3;
    int16_t *samples = calloc(count, sizeof(*samples));

    (void)state;
    assert_non_null(samples);
    dialogue_keep_audio(&d, a, samples, count, 16000);
    dialogue_keep_audio(&d, b, samples, count, 16000);
    assert_int_equal(a->audio.len, 0);
    assert_int_equal(b->audio.len, count);
    assert_int_equal(d.audio_bytes, count);
    assert_true(a->audio_us > 0);
    free(samples);
}

/* "One two. Three four." in two seconds. */
static struct dialogue_item *add_spoken(void)
{
    json_t *json = dialogue_message_json("s", "assistant", "completed");
    static const int16_t second[16000];

    dialogue_set_part(json, "output_audio", "transcript", VIEW("One two. Three four."));
    struct dialogue_item *i = dialogue_item_create(json);
    assert_non_null(i);
    i->is_spoken = true;
    dialogue_append(&d, i);
    buf_append_str(&i->text, "One two. ");
    dialogue_keep_audio(&d, i, second, 16000, 16000);
    dialogue_mark(i);
    buf_append_str(&i->text, "Three four.");
    dialogue_keep_audio(&d, i, second, 16000, 16000);
    dialogue_mark(i);
    return i;
}

static const char *first_text(const json_t *items)
{
    json_t *parts = json_object_get(json_array_get(items, 0), "content");

    return json_get_str(json_array_get(parts, 0), "text", "");
}

static void an_answer_is_shown_as_text(void **state)
{
    (void)state;
    add_spoken();
    _cleanup_json_ json_t *items = context();
    assert_string_equal(first_text(items), "One two. Three four.");
}

static void a_cut_answer_is_shown_as_heard(void **state)
{
    struct dialogue_item *i = add_spoken();

    (void)state;
    dialogue_cut(&d, i, 1000);
    assert_int_equal(i->audio.len, 16000);
    assert_int_equal(d.audio_bytes, 16000);
    _cleanup_json_ json_t *items = context();
    assert_string_equal(first_text(items), "One two.");
}

static void an_answer_cut_twice_is_shown_by_the_shorter_cut(void **state)
{
    struct dialogue_item *i = add_spoken();

    (void)state;
    dialogue_interrupt(i, 1600);
    dialogue_cut(&d, i, 400);
    _cleanup_json_ json_t *items = context();
    assert_string_equal(first_text(items), "One");
}

static void pending_words_are_seen(void **state)
{
    struct dialogue_item *i = add_user("a", "");

    (void)state;
    assert_false(dialogue_is_pending(&d));
    i->words = DIALOGUE_PENDING;
    assert_true(dialogue_is_pending(&d));
    dialogue_hear(&d, i, VIEW("words"));
    assert_false(dialogue_is_pending(&d));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dialogue, close_dialogue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_item_needs_an_id_of_fair_length),
        TEST(items_are_found_and_follow_each_other),
        TEST(the_oldest_items_are_forgotten_beyond_the_limit),
        TEST(an_item_that_is_being_written_is_never_forgotten),
        TEST(the_context_holds_the_newest_items_that_fit),
        TEST(a_result_without_its_call_is_left_out),
        TEST(the_oldest_audio_is_forgotten_beyond_the_limit),
        TEST(an_answer_is_shown_as_text),
        TEST(a_cut_answer_is_shown_as_heard),
        TEST(an_answer_cut_twice_is_shown_by_the_shorter_cut),
        TEST(pending_words_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
