/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a model is asked for in place of the one that a session wants. */
#include "base/json.h"
#include "base/str.h"
#include "convert/state.h"

#include <string.h>

uint32_t format_bit(enum rt_audio format)
{
    return format == RT_AUDIO_PCMU   ? PARLEY_AUDIO_PCMU
           : format == RT_AUDIO_PCMA ? PARLEY_AUDIO_PCMA
                                     : PARLEY_AUDIO_PCM_24K;
}

/* The one that loses least comes first. */
static enum rt_audio carrier_of(const struct way *w, enum rt_audio wanted)
{
    if (w->formats == 0 || (w->formats & format_bit(wanted)) != 0)
        return wanted;
    for (int i = 0; i < RT_AUDIO_COUNT; i++) {
        if ((w->formats & format_bit((enum rt_audio)i)) != 0)
            return (enum rt_audio)i;
    }
    return wanted;
}

struct way way_of(uint32_t formats)
{
    struct way w = {.wanted = RT_AUDIO_PCM24K, .formats = formats};

    w.carried = carrier_of(&w, w.wanted);
    return w;
}

static json_t *format_object(enum rt_audio format)
{
    json_t *object = json_pack("{s:s}", "type", rt_audio_name(format));

    if (format == RT_AUDIO_PCM24K)
        json_object_set_new(object, "rate", json_integer(rt_audio_rate(format)));
    return object;
}

static json_t *side_of(const json_t *session, const char *side)
{
    return json_object_get(json_object_get(session, "audio"), side);
}

/* False: it stays what it was. */
static bool ask(struct way *w, json_t *side)
{
    const json_t *format = json_object_get(side, "format");

    if (!json_is_object(format))
        return false;
    w->wanted = rt_audio_of(format);
    w->carried = carrier_of(w, w->wanted);
    if (w->carried != w->wanted)
        json_object_set_new(side, "format", format_object(w->carried));
    return true;
}

/* The stream goes on when it is the same. */
static void renew_in_pipe(struct conversion *c)
{
    const struct way *in = &c->in;
    struct pipe *p = &c->in_pipe;

    if (in->wanted == in->carried)
        pipe_done(p);
    else if (!pipe_is_open(p) || p->from != in->wanted || p->to != in->carried)
        (void)pipe_open(p, in->wanted, in->carried, NULL);
}

static void remember(struct conversion *c, const struct asked *asked)
{
    if (c->asked_count == MOST_ASKED)
        memmove(c->asked, c->asked + 1, --c->asked_count * sizeof(c->asked[0]));
    c->asked[c->asked_count++] = *asked;
}

void formats_ask(struct conversion *c, json_t *session, struct parley_view update_id)
{
    struct asked a = {.in_before = c->in.wanted, .out_before = c->out.wanted};

    a.asks_in = ask(&c->in, side_of(session, "input"));
    a.asks_out = ask(&c->out, side_of(session, "output"));
    a.in = c->in.wanted;
    a.out = c->out.wanted;
    view_copy(a.update_id, sizeof(a.update_id), update_id);
    renew_in_pipe(c);
    if (a.asks_in || a.asks_out)
        remember(c, &a);
}

/* As if it had never been: those after it follow what was before it. */
static void take_back(struct conversion *c, size_t at)
{
    enum rt_audio in = c->asked[at].in_before, out = c->asked[at].out_before;

    c->asked_count--;
    memmove(c->asked + at, c->asked + at + 1, (c->asked_count - at) * sizeof(c->asked[0]));
    for (struct asked *a = c->asked + at; a < c->asked + c->asked_count; a++) {
        a->in_before = in;
        a->out_before = out;
        in = a->asks_in ? a->in : in;
        out = a->asks_out ? a->out : out;
    }
    c->in.wanted = in;
    c->out.wanted = out;
}

void formats_refused(struct conversion *c, const char *event_id)
{
    size_t at = 0;

    while (at < c->asked_count && strcmp(c->asked[at].update_id, event_id) != 0)
        at++;
    if (event_id[0] == '\0' || at == c->asked_count)
        return;
    take_back(c, at);
    c->in.carried = carrier_of(&c->in, c->in.wanted);
    c->out.carried = carrier_of(&c->out, c->out.wanted);
    renew_in_pipe(c);
}

static void tell(const struct way *w, json_t *side)
{
    const json_t *format = json_object_get(side, "format");

    if (w->wanted != w->carried && json_is_object(format) && rt_audio_of(format) == w->carried)
        json_object_set_new(side, "format", format_object(w->wanted));
}

void formats_tell(const struct conversion *c, json_t *session)
{
    tell(&c->in, side_of(session, "input"));
    tell(&c->out, side_of(session, "output"));
}

static bool convert_part(json_t *part, enum rt_audio from, enum rt_audio to)
{
    struct parley_view audio = json_get_view(part, "audio");
    struct pipe pipe = {0};
    struct buf out = {0};

    if (audio.len == 0)
        return true;
    bool is_good =
        pipe_open(&pipe, from, to, NULL) == PARLEY_OK && pipe_run(&pipe, audio, true, &out);
    if (is_good)
        json_object_set_new(part, "audio", json_from_view(buf_view(&out)));
    pipe_done(&pipe);
    buf_done(&out);
    return is_good;
}

bool formats_convert_item(json_t *item, enum rt_audio from, enum rt_audio to)
{
    json_t *part;
    size_t i;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        if (from != to && !convert_part(part, from, to))
            return false;
    }
    return true;
}
