/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/counters.h"

#include "base/base64.h"
#include "base/json.h"

static _Thread_local uint64_t peeks;

void rt_counters_add_peek(void)
{
    peeks++;
}

struct rt_counters rt_counters_now(void)
{
    return (struct rt_counters){
        .peeks = peeks,
        .trees = json_parse_count(),
        .base64_decodes = base64_decode_count(),
    };
}

struct rt_counters rt_counters_since(struct rt_counters earlier)
{
    struct rt_counters now = rt_counters_now();

    now.peeks -= earlier.peeks;
    now.trees -= earlier.trees;
    now.base64_decodes -= earlier.base64_decodes;
    return now;
}
