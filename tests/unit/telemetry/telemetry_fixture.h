/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry on a loop with a fake clock, and a sink that keeps the last batch's facts. */
#ifndef TESTS_TELEMETRY_FIXTURE_H
#define TESTS_TELEMETRY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"
#include "telemetry/span.h"
#include "telemetry/telemetry.h"

#include <stdlib.h>

#define START_NOW_US  UINT64_C(5000000)
#define START_UNIX_US UINT64_C(1700000000000000)

struct fixture {
    struct loop *loop;
    struct telemetry *telemetry;
    struct telemetry_recorder *recorder;
    void (*look)(const struct parley_batch *batch); /* at each batch */
    unsigned batches;
    unsigned spans;
    unsigned metrics;
};

static void fixture_deliver(void *ctx, const struct parley_batch *batch)
{
    struct fixture *f = ctx;

    f->batches++;
    f->spans += batch->span_count;
    f->metrics += batch->metric_count;
    if (f->look != NULL)
        f->look(batch);
}

static struct fixture *fixture_create(struct telemetry_config config)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_non_null(f);
    clock_fake_start(START_NOW_US, START_UNIX_US);
    f->loop = loop_create();
    assert_non_null(f->loop);
    config.sink = (struct telemetry_sink){fixture_deliver, f};
    assert_int_equal(telemetry_create(&config, f->loop, &f->telemetry, &err), PARLEY_OK);
    f->recorder = telemetry_recorder_create(f->telemetry);
    assert_non_null(f->recorder);
    telemetry_start(f->telemetry);
    return f;
}

static void fixture_destroy(struct fixture *f)
{
    telemetry_destroy(f->telemetry);
    loop_destroy(f->loop);
    clock_fake_stop();
    free(f);
}

#endif
