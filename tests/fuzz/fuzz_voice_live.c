/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a Voice Live client and of a session, one a line; the client's begin with '>'. What
 * goes on is JSON whenever what came was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dialect/voice_live.h"
#include "realtime/peek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool was_json;
static bool is_scheduled;

static void look(void *ctx, struct parley_view event, uint32_t flags)
{
    size_t at;

    (void)ctx;
    (void)flags;
    if (was_json && rt_json_check(event, &at) != RT_FAULT_NONE)
        abort();
}

static void schedule(void *ctx)
{
    (void)ctx;
    is_scheduled = true;
}

static void say(struct voice_live *v, struct parley_view line)
{
    bool is_clients = line.len > 0 && line.data[0] == '>';
    size_t at;

    if (is_clients)
        line = (struct parley_view){line.data + 1, line.len - 1};
    was_json = rt_json_check(line, &at) == RT_FAULT_NONE;
    if (is_clients)
        voice_live_client_event(v, line, 0);
    else
        voice_live_session_event(v, line, 0);
    was_json = true;
    if (is_scheduled)
        voice_live_go_on(v);
    is_scheduled = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct voice_live_sink sink = {
        .to_session = look, .to_client = look, .schedule = schedule};
    struct voice_live *v = voice_live_create(&sink);
    struct parley_view rest = {(const char *)data, size};

    while (v != NULL && rest.len > 0) {
        struct parley_view line;
        (void)view_split(&rest, '\n', &line);
        char *copy = malloc(line.len + 1); /* exactly so long: what reads on is found */
        if (copy == NULL)
            break;
        memcpy(copy, line.data, line.len);
        say(v, (struct parley_view){copy, line.len});
        free(copy);
    }
    (void)voice_live_destroy(v);
    return 0;
}
