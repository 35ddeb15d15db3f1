/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is short while events wait. The linker sends realloc() through the function below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "dialect/voice_live.h"

#include <string.h>

void *__real_realloc(void *p, size_t len);
void *__wrap_realloc(void *p, size_t len);

static bool is_short;

void *__wrap_realloc(void *p, size_t len)
{
    return is_short ? NULL : __real_realloc(p, len);
}

static int said;
static char last[256];

static void to_session(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    said++;
    view_copy(last, sizeof(last), event);
}

static void to_client(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)event;
    (void)flags;
}

static void schedule(void *ctx)
{
    (void)ctx;
}

static void client(struct voice_live *v, const char *event)
{
    voice_live_client_event(v, view_of(event), 0);
}

static void event_without_room_is_left_out_whole(void **state)
{
    const struct voice_live_sink sink = {
        .to_session = to_session, .to_client = to_client, .schedule = schedule};
    struct voice_live *v = voice_live_create(&sink);

    (void)state;
    voice_live_session_event(v, VIEW("{\"type\":\"response.created\",\"response\":{}}"), 0);
    client(v, "{\"type\":\"response.create\"}");
    is_short = true;
    client(v,
           "{\"type\":\"conversation.item.delete\",\"item_id\":\"a_rather_long_name_of_an_item\"}");
    is_short = false;
    voice_live_session_event(v, VIEW("{\"type\":\"response.done\",\"response\":{}}"), 0);
    said = 0;
    voice_live_go_on(v);
    assert_int_equal(said, 1);
    assert_non_null(strstr(last, "response.create"));
    (void)voice_live_destroy(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_without_room_is_left_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
