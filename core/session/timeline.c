/* SPDX-License-Identifier: Apache-2.0 */
#include "session/timeline.h"

#include <string.h>

static uint64_t ms_frames(int64_t ms)
{
    return ms < 0 ? 0 : (uint64_t)ms * (TIMELINE_RATE_HZ / 1000);
}

uint64_t timeline_frames(enum rt_audio format, uint64_t bytes)
{
    return bytes / rt_audio_bytes_per_sample(format) * (TIMELINE_RATE_HZ / rt_audio_rate(format));
}

/* ---- the user ---- */

uint64_t spoken_end(const struct spoken *s)
{
    return s->has_run ? s->start + timeline_frames(s->format, s->bytes) : s->floor;
}

static uint64_t begun_at(enum rt_audio format, uint64_t bytes, uint64_t now)
{
    uint64_t frames = timeline_frames(format, bytes);

    return now > frames ? now - frames : 0;
}

bool spoken_continues(const struct spoken *s, enum rt_audio format, uint64_t bytes, uint64_t now)
{
    return s->has_run && s->format == format &&
           begun_at(format, bytes, now) <= spoken_end(s) + ms_frames(TIMELINE_USER_GAP_MS);
}

void spoken_add(struct spoken *s, enum rt_audio format, uint64_t bytes, uint64_t now)
{
    if (!spoken_continues(s, format, bytes, now)) {
        uint64_t floor = spoken_end(s);
        *s =
            (struct spoken){.has_run = true, .format = format, .start = UINT64_MAX, .floor = floor};
    }
    s->bytes += bytes;
    uint64_t latest = begun_at(format, s->bytes, now);
    if (!s->is_fixed && latest < s->start)
        s->start = latest > s->floor ? latest : s->floor;
}

uint64_t spoken_fix(struct spoken *s)
{
    s->is_fixed = true;
    return s->start;
}

/* ---- the agent ---- */

static struct played_item *find(struct played *p, uint32_t item)
{
    for (size_t i = 0; i < PLAYBACK_ITEMS; i++) {
        if (p->items[i].number == item)
            return item == 0 ? NULL : &p->items[i];
    }
    return NULL;
}

static struct played_item *begin(struct played *p, uint32_t item, enum rt_audio format,
                                 uint64_t now)
{
    struct played_item *i = &p->items[p->next];

    p->next = (p->next + 1) % PLAYBACK_ITEMS;
    *i = (struct played_item){.number = item, .format = format, .came = now};
    return i;
}

static uint64_t item_end(const struct played_item *i)
{
    const struct stretch *last = &i->stretches[i->stretch_count - 1];

    if (i->is_cut)
        return i->cut_at;
    return last->place + timeline_frames(i->format, i->bytes) - last->item_frame;
}

/* A stretch too many pushes the oldest out: what lies that far back is not cut any more. */
static void add_stretch(struct played_item *i, uint64_t place)
{
    if (i->stretch_count == TIMELINE_STRETCHES) {
        memmove(i->stretches, i->stretches + 1, sizeof(i->stretches) - sizeof(i->stretches[0]));
        i->stretch_count--;
    }
    i->stretches[i->stretch_count++] =
        (struct stretch){.item_frame = timeline_frames(i->format, i->bytes), .place = place};
}

static uint64_t bytes_of(enum rt_audio format, uint64_t frames)
{
    return frames / (TIMELINE_RATE_HZ / rt_audio_rate(format)) * rt_audio_bytes_per_sample(format);
}

struct played_place played_add(struct played *p, uint32_t item, enum rt_audio format,
                               uint64_t bytes, uint64_t plays, uint64_t now)
{
    struct played_place place = {0};

    if (item == 0)
        return place;
    struct played_item *i = find(p, item);
    if (i == NULL)
        i = begin(p, item, format, now);
    if (i->is_cut || i->format != format) /* a format does not change within an item */
        return place;
    uint64_t ready = i->stretch_count == 0 ? p->end : item_end(i);
    if (i->stretch_count == 0 || plays > ready + ms_frames(TIMELINE_AGENT_GAP_MS))
        add_stretch(i, plays > ready ? plays : ready);
    const struct stretch *s = &i->stretches[i->stretch_count - 1];
    place.is_heard = true;
    place.run_place = s->place;
    place.run_bytes = i->bytes - bytes_of(format, s->item_frame);
    i->bytes += bytes;
    if (item_end(i) > p->end)
        p->end = item_end(i);
    return place;
}

/* Where a frame of the item lies. */
static uint64_t place_of(const struct played_item *i, uint64_t frame)
{
    const struct stretch *s = &i->stretches[0];

    for (size_t n = 1; n < i->stretch_count && i->stretches[n].item_frame <= frame; n++)
        s = &i->stretches[n];
    return frame < s->item_frame ? s->place : s->place + (frame - s->item_frame);
}

/* Make an item that was not begun at that time silent, and forget where it lay. */
static bool drop_queued(struct played_item *i, uint64_t from, struct silence *ret)
{
    if (i->came > from || i->stretches[0].place < from)
        return false;
    *ret = (struct silence){i->stretches[0].place, item_end(i)};
    i->stretch_count = 0;
    return true;
}

size_t played_cut(struct played *p, uint32_t item, int64_t heard_ms,
                  struct silence ret[PLAYBACK_ITEMS])
{
    struct played_item *cut = find(p, item);
    size_t count = 0;

    if (cut == NULL || cut->stretch_count == 0)
        return 0;
    uint64_t from = place_of(cut, ms_frames(heard_ms));
    if (from < item_end(cut))
        ret[count++] = (struct silence){from, item_end(cut)};
    else
        from = item_end(cut);
    cut->is_cut = true;
    cut->cut_at = p->end = from;
    for (size_t n = 0; n < PLAYBACK_ITEMS; n++) {
        struct played_item *i = &p->items[n];
        if (i == cut || i->number == 0 || i->stretch_count == 0)
            continue;
        if (drop_queued(i, from, &ret[count]))
            count++;
        else if (item_end(i) > p->end)
            p->end = item_end(i);
    }
    return count;
}
