/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/sampling.h"

#include <stdio.h>
#include <string.h>

#define RANDOM_BYTES 7 /* the last ones of a trace id are its randomness */
#define TOP          (UINT64_C(1) << 56)
#define FLAG_SAMPLED 1

/* Traces whose randomness is below it are left out. */
static uint64_t threshold(double ratio)
{
    if (!(ratio > 0))
        return TOP;
    return ratio >= 1 ? 0 : (uint64_t)((1 - ratio) * (double)TOP);
}

static uint64_t randomness(const uint8_t trace_id[16])
{
    uint64_t value = 0;

    for (int i = 16 - RANDOM_BYTES; i < 16; i++)
        value = value << 8 | trace_id[i];
    return value;
}

enum sampling_verdict sampling_of(const struct sampling *s, const struct trace_context *parent,
                                  const uint8_t trace_id[16])
{
    if (s->follows_parent && parent->is_remote)
        return parent->flags & FLAG_SAMPLED ? SAMPLING_BY_PARENT : SAMPLING_LEFT_OUT;
    if (s->ratio >= 1)
        return SAMPLING_ALWAYS;
    return randomness(trace_id) >= threshold(s->ratio) ? SAMPLING_BY_RATIO : SAMPLING_LEFT_OUT;
}

void sampling_state(const struct sampling *s, enum sampling_verdict verdict,
                    char out[SAMPLING_STATE_SIZE])
{
    char digits[16];
    size_t len = RANDOM_BYTES * 2;

    out[0] = '\0';
    if (s->ratio >= 1 || verdict == SAMPLING_BY_PARENT || verdict == SAMPLING_LEFT_OUT)
        return;
    uint64_t t = verdict == SAMPLING_ALWAYS ? 0 : threshold(s->ratio);
    (void)snprintf(digits, sizeof(digits), "%014llx", (unsigned long long)t);
    while (len > 1 && digits[len - 1] == '0')
        len--;
    (void)snprintf(out, SAMPLING_STATE_SIZE, "ot=th:%.*s", (int)len, digits);
}

double sampling_share(const struct sampling *s, enum sampling_verdict verdict)
{
    switch (verdict) {
    case SAMPLING_BY_RATIO:
        return s->ratio;
    case SAMPLING_ALWAYS:
        return 1;
    default:
        return 0;
    }
}
