/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/events.h"

#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>

#define HOT  true
#define COLD false

static const struct rt_event_info events[RT_EVENT_COUNT] = {
    [RT_UNKNOWN] = {"", RT_CLIENT, false, RT_DO_RELAY},
#define RT_EVENT(symbol, name, direction, heat, action)                                            \
    [RT_##symbol] = {name, RT_##direction, heat, RT_DO_##action},
#include "realtime/events.def"
#undef RT_EVENT
};

/* Lengths of the names by event: one memchr() over them finds the few candidates. */
static const uint8_t lengths[RT_EVENT_COUNT] = {
    [RT_UNKNOWN] = 0,
#define RT_EVENT(symbol, name, direction, heat, action) [RT_##symbol] = sizeof(name) - 1,
#include "realtime/events.def"
#undef RT_EVENT
};

const struct rt_event_info *rt_event_info(enum rt_event event)
{
    return &events[(unsigned)event < RT_EVENT_COUNT ? event : RT_UNKNOWN];
}

enum rt_event rt_event_find(struct parley_view name)
{
    if (name.len == 0 || name.len > UINT8_MAX)
        return RT_UNKNOWN;

    const uint8_t *end = lengths + ARRAY_LEN(lengths);
    const uint8_t *at = lengths;
    while ((at = memchr(at, (int)name.len, (size_t)(end - at))) != NULL) {
        enum rt_event event = (enum rt_event)(at - lengths);
        if (memcmp(events[event].name, name.data, name.len) == 0)
            return event;
        at++;
    }
    return RT_UNKNOWN;
}
