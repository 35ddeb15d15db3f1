/* SPDX-License-Identifier: Apache-2.0 */
#include "session/playback.h"

#include "base/str.h"

void playback_init(struct playback *p)
{
    *p = (struct playback){0};
}

struct playback_item *playback_find(struct playback *p, struct parley_view item_id)
{
    for (size_t i = 0; i < PLAYBACK_ITEMS; i++) {
        if (p->items[i].id[0] != '\0' && view_is(item_id, p->items[i].id))
            return &p->items[i];
    }
    return NULL;
}

int64_t playback_produced_ms(const struct playback_item *i)
{
    return i->bytes_per_ms == 0 ? 0 : (int64_t)(i->produced_bytes / i->bytes_per_ms);
}

static int64_t length_ms(const struct playback_item *i)
{
    return i->truncated_ms >= 0 ? i->truncated_ms : playback_produced_ms(i);
}

uint64_t playback_item_end_us(const struct playback_item *i)
{
    return i->start_us + (uint64_t)length_ms(i) * 1000;
}

uint64_t playback_end_us(const struct playback *p)
{
    uint64_t end = 0;

    for (size_t i = 0; i < PLAYBACK_ITEMS; i++) {
        if (p->items[i].id[0] != '\0' && playback_item_end_us(&p->items[i]) > end)
            end = playback_item_end_us(&p->items[i]);
    }
    return end;
}

/* Items play one after another: a new one starts when the last of the others ends. */
static uint64_t start_after_others(const struct playback *p, uint64_t now_us)
{
    uint64_t end = playback_end_us(p);

    return end > now_us ? end : now_us;
}

static struct playback_item *begin(struct playback *p, struct parley_view item_id,
                                   uint32_t bytes_per_ms, uint64_t now_us)
{
    struct playback_item *i = &p->items[p->next];

    i->id[0] = '\0';
    uint64_t start = start_after_others(p, now_us);
    p->next = (p->next + 1) % PLAYBACK_ITEMS;
    *i = (struct playback_item){.number = ++p->begun,
                                .start_us = start,
                                .reported_ms = -1,
                                .truncated_ms = -1,
                                .bytes_per_ms = bytes_per_ms};
    view_copy(i->id, sizeof(i->id), item_id);
    return i;
}

void playback_produce(struct playback *p, struct parley_view item_id, uint64_t bytes,
                      uint32_t bytes_per_ms, uint64_t now_us)
{
    if (item_id.len == 0 || item_id.len > PLAYBACK_ID_CHARS)
        return;
    struct playback_item *i = playback_find(p, item_id);
    if (i == NULL)
        i = begin(p, item_id, bytes_per_ms, now_us);
    /* The player ran dry before this piece came: the clock waits, as the player did. */
    if (i->produced_bytes > 0 && playback_item_end_us(i) < now_us && i->truncated_ms < 0)
        i->start_us += now_us - playback_item_end_us(i);
    i->produced_bytes += bytes;
}

struct playback_item *playback_current(struct playback *p, uint64_t now_us)
{
    for (size_t i = 0; i < PLAYBACK_ITEMS; i++) {
        struct playback_item *item = &p->items[i];
        if (item->id[0] != '\0' && item->start_us <= now_us && playback_item_end_us(item) > now_us)
            return item;
    }
    return NULL;
}

static int64_t clamp(int64_t ms, int64_t most)
{
    return ms < 0 ? 0 : ms > most ? most : ms;
}

void playback_report(struct playback_item *i, int64_t played_ms)
{
    i->reported_ms = clamp(played_ms, playback_produced_ms(i));
}

int64_t playback_heard_ms(const struct playback_item *i, uint64_t now_us)
{
    if (i->reported_ms >= 0)
        return clamp(i->reported_ms, length_ms(i));
    if (now_us <= i->start_us)
        return 0;
    return clamp((int64_t)((now_us - i->start_us) / 1000), length_ms(i));
}

void playback_truncate(struct playback_item *i, int64_t ms)
{
    i->truncated_ms = clamp(ms, length_ms(i));
    i->is_settled = true;
}
