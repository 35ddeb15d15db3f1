/* SPDX-License-Identifier: Apache-2.0 */
#include "session/timing.h"

#include "base/clock.h"
#include "base/str.h"
#include "session/state.h"

int64_t timing_ms(const struct session *s, uint64_t at_us)
{
    int64_t ago_ms = (int64_t)(clock_now_us() - at_us) / 1000;
    int64_t at_ms = clock_unix_ms() - ago_ms - s->journal.created_ms;

    return at_ms > 0 ? at_ms : 0;
}

static const char *by_name(enum response_by by)
{
    static const char *const names[] = {
        [RESPONSE_BY_MODEL] = "turn_detection", [RESPONSE_BY_CLIENT] = "client",
        [RESPONSE_BY_TOOLS] = "tools",          [RESPONSE_BY_GREETING] = "greeting",
        [RESPONSE_BY_FILLER] = "filler",
    };

    return names[by];
}

static void write_time(const struct session *s, struct buf *out, const char *name, uint64_t at_us)
{
    if (at_us != 0)
        buf_printf(out, ",\"%s\":%lld", name, (long long)timing_ms(s, at_us));
}

/* What the user did before it, and how long the answer took. */
static void write_turn(const struct session *s, const struct turn *t, struct buf *out)
{
    buf_printf(out, ",\"turn\":%u", t->number);
    write_time(s, out, "speech_at_ms", t->speech_us);
    write_time(s, out, "asked_at_ms", t->asked_us);
    uint64_t answered_us = turn_answered_us(t);
    if (answered_us != 0 && t->asked_us != 0 && answered_us >= t->asked_us)
        buf_printf(out, ",\"latency_ms\":%lld", (long long)((answered_us - t->asked_us) / 1000));
}

/* Where its audio is played, as far as it is known now: a later interruption is told with the item.
 */
static void write_played(const struct session *s, const struct response *r, struct buf *out)
{
    uint64_t from = UINT64_MAX, until = 0;

    for (size_t n = 0; n < PLAYBACK_ITEMS; n++) {
        const struct playback_item *p = &s->playback.items[n];
        const struct item *i =
            p->id[0] == '\0' ? NULL : items_find_model(&s->items, view_of(p->id));
        if (i == NULL || !r->in_band || i->response != r->number)
            continue;
        from = p->start_us < from ? p->start_us : from;
        until = playback_item_end_us(p) > until ? playback_item_end_us(p) : until;
    }
    if (until == 0)
        return;
    write_time(s, out, "plays_at_ms", from);
    write_time(s, out, "plays_until_ms", until);
}

void timing_write_response(const struct session *s, const struct response *r, struct buf *out)
{
    buf_printf(out, ",\"by\":\"%s\",\"model\":", by_name(r->by));
    buf_append_json_string(out, view_of(s->model_title));
    if (r->turn != 0 && r->turn == s->turn.number)
        write_turn(s, &s->turn, out);
    write_time(s, out, "created_at_ms", r->created_us);
    write_time(s, out, "first_output_at_ms", r->first_output_us);
    write_time(s, out, "done_at_ms", clock_now_us());
    write_played(s, r, out);
}
