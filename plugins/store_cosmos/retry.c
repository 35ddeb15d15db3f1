/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <parley/types.h>

#define SKEW_MIN_S        300 /* a signature is good for 15 minutes either way */
#define THROTTLED_TRIES   9
#define THROTTLED_MS      30000
#define COLLIDED_MS       1000
#define UNAVAILABLE_TRIES 4
#define GONE_TRIES        3
#define MOVED_TRIES       5
#define STALE_TRIES       2
#define UNREACHABLE_MS    2000

static int64_t doubled(int64_t first_ms, unsigned times, int64_t most_ms)
{
    int64_t wait_ms = first_ms;

    for (; times > 0 && wait_ms < most_ms; times--)
        wait_ms *= 2;
    return wait_ms < most_ms ? wait_ms : most_ms;
}

/* No answer: another region for reads; writes can only wait for theirs. */
static enum verdict judge_silence(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms)
{
    if (o->status != PARLEY_E_UNAVAILABLE && o->status != PARLEY_E_TIMEOUT &&
        o->status != PARLEY_OK)
        return VERDICT_FAIL;
    unsigned before = t->unreachable++;
    *ret_wait_ms = before == 0 ? 0 : doubled(100, before - 1, UNREACHABLE_MS);
    if (o->is_for_writer && before > 0)
        return VERDICT_REFRESH; /* the region for writes may have moved */
    return VERDICT_ELSEWHERE;
}

static enum verdict judge_throttled(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms)
{
    *ret_wait_ms = o->retry_after_ms >= 0 ? o->retry_after_ms : doubled(100, t->throttled, 2000);
    if (*ret_wait_ms < 1)
        *ret_wait_ms = 1;
    t->throttled++;
    t->throttled_ms += *ret_wait_ms;
    return t->throttled > THROTTLED_TRIES || t->throttled_ms > THROTTLED_MS ? VERDICT_FAIL
                                                                            : VERDICT_AGAIN;
}

static enum verdict judge_unavailable(struct tries *t, int64_t *ret_wait_ms)
{
    unsigned before = t->unavailable++;

    if (before >= UNAVAILABLE_TRIES)
        return VERDICT_FAIL;
    *ret_wait_ms = before == 0 ? 0 : doubled(1000, before - 1, 4000);
    return before == 0 ? VERDICT_ELSEWHERE : VERDICT_AGAIN;
}

static enum verdict judge_gone(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms)
{
    unsigned before = t->gone++;

    if (before >= GONE_TRIES)
        return VERDICT_FAIL;
    *ret_wait_ms = doubled(100, before, 1000);
    return o->substatus == 1022 && !o->is_for_writer ? VERDICT_ELSEWHERE : VERDICT_AGAIN;
}

static enum verdict judge_forbidden(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms)
{
    if (o->substatus == 3 || o->substatus == 1008) {
        unsigned before = t->moved++;
        *ret_wait_ms = before == 0 ? 0 : 1000;
        if (before >= MOVED_TRIES)
            return VERDICT_FAIL;
        return o->substatus == 3 || o->is_for_writer ? VERDICT_REFRESH : VERDICT_ELSEWHERE;
    }
    bool is_clock = o->skew_s > SKEW_MIN_S || o->skew_s < -SKEW_MIN_S;
    return is_clock && t->skewed++ == 0 ? VERDICT_CLOCK : VERDICT_FAIL;
}

static enum verdict judge_code(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms)
{
    switch (o->code) {
    case 401:
        return t->refused++ == 0 ? VERDICT_SIGN : VERDICT_FAIL;
    case 403:
        return judge_forbidden(o, t, ret_wait_ms);
    case 404:
        if (o->substatus != 1002)
            return o->substatus == 1003 && o->is_document ? VERDICT_FAIL : VERDICT_ANSWER;
        return t->stale++ < STALE_TRIES ? VERDICT_FRESHER : VERDICT_FAIL;
    case 408:
        return judge_silence(o, t, ret_wait_ms);
    case 410:
        return judge_gone(o, t, ret_wait_ms);
    case 423:
        *ret_wait_ms = 1000;
        return VERDICT_AGAIN;
    case 429:
        return o->substatus == 3092 ? judge_unavailable(t, ret_wait_ms)
                                    : judge_throttled(o, t, ret_wait_ms);
    case 449:
        *ret_wait_ms = doubled(10, t->collided++, COLLIDED_MS);
        return VERDICT_AGAIN;
    case 500:
        *ret_wait_ms = 100;
        return t->unavailable++ == 0 ? VERDICT_ELSEWHERE : VERDICT_FAIL;
    case 502:
    case 503:
    case 504:
        return judge_unavailable(t, ret_wait_ms);
    default:
        return VERDICT_FAIL;
    }
}

enum verdict retry_judge(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms)
{
    *ret_wait_ms = 0;
    t->total++;
    if (o->status < 0)
        return judge_silence(o, t, ret_wait_ms);
    switch (o->code) {
    case 409:
    case 412:
        return VERDICT_ANSWER;
    default:
        break;
    }
    if (o->code >= 200 && o->code < 300)
        return o->is_readable ? VERDICT_ANSWER : judge_silence(o, t, ret_wait_ms);
    return judge_code(o, t, ret_wait_ms);
}
