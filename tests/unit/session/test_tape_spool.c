/* SPDX-License-Identifier: Apache-2.0 */
#include "session/tape_spool.h"

#include "../ctl/temp_dir.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/str.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct loop *loop;
static struct offload *pool; /* one thread: jobs end in order */
static struct spool_budget budget;
static sem_t gate;
static sem_t passed; /* once for each job that was let through */

static struct seen {
    unsigned failures;
    unsigned finishes;
    uint64_t lost_frames;
    char message[256];
} seen;

static void on_failed(void *ctx, uint64_t lost_frames, const struct parley_error *err)
{
    (void)ctx;
    seen.failures++;
    seen.lost_frames += lost_frames;
    view_copy(seen.message, sizeof(seen.message), view_of(err->message));
}

static void on_finished(void *ctx)
{
    (void)ctx;
    seen.finishes++;
}

static const struct spool_events events = {.on_failed = on_failed, .on_finished = on_finished};

static int set_up(void **state)
{
    (void)state;
    seen = (struct seen){0};
    budget = (struct spool_budget){0};
    clock_fake_start(1000000, 1000000);
    loop = loop_create();
    pool = offload_create("test", 1, 3);
    return sem_init(&gate, 0, 0) | sem_init(&passed, 0, 0);
}

static int tear_down(void **state)
{
    (void)state;
    pool = offload_destroy(pool);
    loop = loop_destroy(loop);
    clock_fake_stop();
    assert_int_equal(budget.bytes, 0);
    return sem_destroy(&gate) | sem_destroy(&passed);
}

static struct spool *make(const char *name)
{
    const struct spool_config config = {.loop = loop,
                                        .pool = pool,
                                        .budget = &budget,
                                        .path = temp_path(name),
                                        .comment = "",
                                        .max_frames = 1000000,
                                        .events = &events};

    return spool_create(&config);
}

/* So many bytes of sound at the place where the last ones ended. */
static void put(struct spool *s, uint64_t place, size_t bytes)
{
    struct tape_block *b = tape_block_create(STEREO_LEFT);
    struct buf text = {0};
    char *sound = calloc(1, bytes);

    base64_encode(&text, sound, bytes);
    b->run_place = place;
    assert_true(tape_block_add(b, buf_view(&text)));
    spool_hold(s, b->text.len);
    spool_put(s, b);
    buf_done(&text);
    free(sound);
}

static void wait_at_gate(void *arg)
{
    (void)sem_wait(arg);
    (void)sem_post(&passed);
}

static void open_gate(void *arg)
{
    (void)sem_post(arg);
}

static void ignore(void *arg, int status)
{
    (void)arg;
    (void)status;
}

/* The pool's thread is held up until the gate is opened. */
static void hold_pool(void)
{
    assert_int_equal(offload_run(pool, loop, NULL, wait_at_gate, ignore, &gate), 0);
}

/* All that the pool has is done, and what that leads to. */
static void settle(void)
{
    sem_t is_there;

    (void)sem_init(&is_there, 0, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(offload_run(pool, loop, NULL, open_gate, ignore, &is_there), 0);
        (void)sem_wait(&is_there);
        (void)loop_run_due(loop);
    }
    (void)sem_destroy(&is_there);
}

static off_t size_of(const char *name)
{
    struct stat info = {0};

    return stat(temp_path(name), &info) == 0 ? info.st_size : -1;
}

static void what_waits_goes_in_one_job_and_is_finished(void **state)
{
    struct spool *s = make("one.wav");

    (void)state;
    hold_pool();
    put(s, 0, 1000);
    spool_send(s);
    put(s, 500, 1000);
    put(s, 1000, 1000);
    spool_send(s); /* one is under way: these wait for it */
    spool_finish(s, 1200);
    open_gate(&gate);
    settle();
    assert_int_equal(seen.finishes, 1);
    assert_int_equal(seen.failures, 0);
    assert_int_equal(size_of("one.wav"), 66 + 1200 * 4);
    assert_int_equal(spool_held(s), 0);
    (void)spool_abandon(s);
}

static void memory_is_bounded_for_one_and_for_all(void **state)
{
    struct spool *s = make("a.wav");
    struct spool *other = make("b.wav");

    (void)state;
    assert_true(spool_has_room(s, SPOOL_MAX_BYTES));
    assert_false(spool_has_room(s, SPOOL_MAX_BYTES + 1));
    spool_hold(s, SPOOL_MAX_BYTES);
    assert_false(spool_has_room(s, 1));
    assert_true(spool_has_room(other, SPOOL_MAX_BYTES));
    budget.bytes += SPOOL_WORKER_BYTES - SPOOL_MAX_BYTES; /* by others */
    assert_false(spool_has_room(other, 1));
    budget.bytes -= SPOOL_WORKER_BYTES - SPOOL_MAX_BYTES;
    (void)spool_abandon(s);
    (void)spool_abandon(other);
}

static void a_file_that_cannot_be_made_is_told_and_tried_once(void **state)
{
    struct spool *s;

    (void)state;
    temp_write("file", "", 0600);
    s = make("file/below/x.wav");
    put(s, 0, 960);
    spool_send(s);
    settle();
    assert_true(spool_is_dead(s));
    assert_int_equal(seen.lost_frames, 480);
    assert_non_null(strstr(seen.message, "file/below/x.wav"));
    spool_finish(s, 480);
    settle();
    assert_int_equal(seen.finishes, 1);
    (void)spool_abandon(s);
}

static void begin_and_wait(void *arg)
{
    (void)sem_post(arg);
    wait_at_gate(&gate);
}

static void a_full_pool_is_asked_again(void **state)
{
    struct spool *s = make("busy.wav");
    sem_t begun;
    int held = 1;

    (void)state;
    (void)sem_init(&begun, 0, 0);
    assert_int_equal(offload_run(pool, loop, NULL, begin_and_wait, ignore, &begun), 0);
    (void)sem_wait(&begun);
    while (offload_run(pool, loop, NULL, wait_at_gate, ignore, &gate) == 0)
        held++;
    put(s, 0, 960);
    spool_send(s);
    for (int i = 0; i < held; i++)
        open_gate(&gate);
    for (int i = 0; i < held; i++)
        (void)sem_wait(&passed);
    assert_int_equal(size_of("busy.wav"), -1);
    clock_fake_advance_us(SPOOL_RETRY_MS * 1000);
    (void)loop_run_due(loop);
    settle();
    assert_int_equal(size_of("busy.wav"), 66 + 480 * 4);
    assert_int_equal(seen.failures, 0);
    (void)spool_abandon(s);
    (void)sem_destroy(&begun);
}

static void who_is_abandoned_hears_nothing_of_its_job(void **state)
{
    struct spool *s = make("gone.wav");

    (void)state;
    hold_pool();
    put(s, 0, 960);
    spool_send(s);
    (void)spool_abandon(s);
    open_gate(&gate);
    settle();
    assert_int_equal(budget.bytes, 0);
    assert_int_equal(seen.failures + seen.finishes, 0);
    assert_int_equal(size_of("gone.wav"), 66 + 480 * 4);
}

static void what_a_disk_that_hangs_keeps_in_memory_is_counted(void **state)
{
    struct spool *s = make("hangs.wav");

    (void)state;
    hold_pool();
    put(s, 0, 960);
    spool_send(s);
    size_t in_job = budget.bytes;
    put(s, 480, 960);
    put(s, 960, 960);
    (void)spool_abandon(s);
    assert_int_equal(budget.bytes, in_job);
    open_gate(&gate);
    settle();
    assert_int_equal(budget.bytes, 0);
}

static void a_budget_stays_until_the_last_late_job_has_ended(void **state)
{
    struct spool_budget *own = spool_budget_create();
    const struct spool_config config = {.loop = loop,
                                        .pool = pool,
                                        .budget = own,
                                        .path = temp_path("late.wav"),
                                        .comment = "",
                                        .max_frames = 1000,
                                        .events = &events};
    struct spool *s = spool_create(&config);

    (void)state;
    hold_pool();
    put(s, 0, 960);
    spool_send(s);
    (void)spool_abandon(s);
    (void)spool_budget_leave(own); /* the sanitizer sees whether it is freed, and when */
    open_gate(&gate);
    settle();
    assert_int_equal(size_of("late.wav"), 66 + 480 * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_goes_in_one_job_and_is_finished, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(memory_is_bounded_for_one_and_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_made_is_told_and_tried_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_pool_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_abandoned_hears_nothing_of_its_job, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_disk_that_hangs_keeps_in_memory_is_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_budget_stays_until_the_last_late_job_has_ended, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
