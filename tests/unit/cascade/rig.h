/* SPDX-License-Identifier: Apache-2.0 */
/* A cascade session on a loop with a clock moved by hand, and the events it sent. */
#ifndef CASCADE_RIG_H
#define CASCADE_RIG_H

#include "base/loop.h"
#include "cascade/cascade.h"
#include "fakes.h"

#include <jansson.h>
#include <stdbool.h>

#define RIG_MAX_EVENTS 2000
#define RIG_BOTH       (PARLEY_SPEECH_EARS | PARLEY_SPEECH_VOICE)

struct rig {
    struct loop *loop;
    struct parley_worker worker;
    struct cascade *cascade;
    void *session; /* NULL after on_closed */
    const struct parley_model_vtable *vtable;
    json_t *created; /* session.created */
    json_t *events[RIG_MAX_EVENTS];
    size_t event_count;
    size_t checked; /* events before this were expected already */
    size_t writables;
    size_t closes;
    struct parley_model_closed closed;
    /* Called for each event, after it was kept. */
    void (*on_event)(struct rig *r, const char *type);
    int noise_seed;
};

/* A session, opened, with these halves of speech (0: none). */
void rig_open(struct rig *r, uint32_t speech_flags);
void rig_close(struct rig *r);

/* One client event. */
int rig_send(struct rig *r, const char *json);

/* session.update with this `session` body; its answer, and events before, are taken off. */
void rig_update(struct rig *r, const char *body);

/* Handle everything that is due. */
void rig_run(struct rig *r);

/* Move time on in steps of 10 ms. */
void rig_wait(struct rig *r, int ms);

/* The user is quiet, or speaks, for so long; 24 kHz PCM in appends of 20 ms, in real time. */
void rig_quiet(struct rig *r, int ms);
void rig_voice(struct rig *r, int ms);

/* The events since the last check are exactly these, repeats of one type counting once. */
void rig_expect(struct rig *r, const char *const *types);
#define EXPECT(r, ...) rig_expect(r, (const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_NONE(r) rig_expect(r, (const char *const[]){NULL})

/* Forget the events so far. */
void rig_skip(struct rig *r);

/* The last event of that type, or the n-th from the beginning; fails when there is none. */
json_t *rig_last(struct rig *r, const char *type);
size_t rig_count(struct rig *r, const char *type);

/* A member by a path of dots: "response.status", "item.content.0.transcript". */
const char *rig_text(const json_t *event, const char *path);
long long rig_number(const json_t *event, const char *path);
const json_t *rig_member(const json_t *event, const char *path);

/* Milliseconds of PCM at 24 kHz in all audio deltas so far. */
long long rig_audio_ms(struct rig *r);

#endif
