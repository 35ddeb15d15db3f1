/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the test kit: whose turn it is, how a fault is told, operations, and what is under way.
 * Everything hangs from one process: each rule runs in a child of its own (conformance.c), so a
 * plugin that crashes, hangs or ruins its memory breaks one rule and not the run.
 */
#ifndef TESTKIT_KIT_H
#define TESTKIT_KIT_H

#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_host.h>

/* --- Calls into the plugin (probe.c) ------------------------------------------------------------
 */

enum kit_thread { KIT_MAIN, KIT_WORKER, KIT_OFFLOAD };

/* What a rule's child tells its parent; in shared memory, so that a crash can be named, too. */
struct kit_report {
    bool is_child;
    bool is_broken;
    bool is_skipped;
    unsigned failed_allocation; /* the n-th fails at the moment; 0: none */
    char callback[64];          /* that ran last */
    char rule[64];
    char message[1024];
    char folder[256]; /* of this rule, removed when its child is gone */
};

extern struct kit_report *kit_report;

/* Around every call of a function of the plugin. Calls nest: on_event -> send. */
void kit_enter(const char *callback, enum kit_thread thread);
void kit_leave(void);

/* Does a function of the plugin run on this thread, and not one of the kit that it called? */
bool kit_in_plugin(void);
enum kit_thread kit_thread_now(void);

/* Around what the kit does for itself while a function of the plugin runs. */
void kit_pause(void);
void kit_resume(void);

#define KIT_CALL(callback, thread, expression)                                                     \
    __extension__({                                                                                \
        kit_enter(callback, thread);                                                               \
        __auto_type result_ = (expression);                                                        \
        kit_leave();                                                                               \
        result_;                                                                                   \
    })
#define KIT_DO(callback, thread, statement)                                                        \
    do {                                                                                           \
        kit_enter(callback, thread);                                                               \
        statement;                                                                                 \
        kit_leave();                                                                               \
    } while (0)

/* The plugin broke the rule, in the callback that ran last. Ends the child; without one, the
 * process. */
_Noreturn void kit_fail(const char *rule, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, and the rule is that of the running case. */
_Noreturn void kit_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* This case does not fit the plugin. */
_Noreturn void kit_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- Memory (memory.c) --------------------------------------------------------------------------
 */

/* The n-th allocation from now on that the plugin makes fails; 0: none does. */
void kit_memory_fail_at(unsigned n);

/* Has it come to that? */
bool kit_memory_has_failed(void);

/* Blocks that are allocated and not freed, of the whole process. */
long kit_memory_live(void);

/* False where another allocator, such as a sanitizer's, is in the way of counting. */
bool kit_memory_counts(void);

#define KIT_MAX_ALLOCATIONS 3000

/* The allocation that fails next: each of the first, then fewer of them. */
unsigned kit_memory_next(unsigned n);

/* Functions that wait are looked at (blocking.c). */
void kit_blocking_watch(void);

/* --- Operations (ops.c) -------------------------------------------------------------------------
 */

/* Begin one; `what` names it in messages: "tool \"weather\"". */
parley_op kit_op_begin(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* What the plugin's function returned about it. */
void kit_op_answered(parley_op op, int status, const struct parley_error *err);

/* The plugin ended it, by the host function of that name. */
void kit_op_ended(parley_op op, const char *function, int status);

/* The plugin tells something about it before its end. */
void kit_op_told(parley_op op, const char *function);

bool kit_op_is_open(parley_op op);
int kit_op_status(parley_op op);
size_t kit_ops_open(void);

/* worker_stop has returned: all ends are too late from now on. */
void kit_ops_over(void);

void kit_ops_reset(void);

/* --- What is under way (settle.c) ---------------------------------------------------------------
 */

/* Jobs, timers that are due, answers of the network and of the fixture, until nothing moves. The
 * clock stands. */
void kit_settle(void);

/* The same, and the clock goes on to the next timer while it is waited for something, for at most
 * so long. A real peer is given real time first. */
void kit_settle_while(bool (*is_waiting)(void), int64_t ms);

/* While any operation is open. */
void kit_settle_for(int64_t ms);

/* A real peer's answers may get lost from here on: do not wait for them for long. */
void kit_be_impatient(void);

/* So much time passes. */
void kit_pass(int64_t ms);

/* The offload pool, also when the plugin is refused it. */
struct parley_service_offload;
const struct parley_service_offload *kit_pool(void);

/* --- The subject (subject.c) --------------------------------------------------------------------
 */

const struct testkit_subject *kit_subject(void);

/* The file's name without folder and .so. */
const char *kit_plugin_name(void);

/* A folder for the rule that runs; "@/" in options becomes it. */
const char *kit_folder(void);
void kit_folder_remove(void);

/* The subject, opened with its options. kit_try_open gives back NULL when it refuses. */
struct fake_plugin *kit_open(void);
struct fake_plugin *kit_try_open(struct parley_error *err);

/* Another instance of it, beside the first, as a reload makes it. */
struct fake_plugin *kit_open_beside(struct fake_plugin *first);

/* As the host does it: jobs to their end, worker_stop ...; then looks at what was left behind. */
void kit_close(struct fake_plugin *plugin);

/* --- Rules --------------------------------------------------------------------------------------
 */

struct kit_case {
    const char *name; /* "tools.cancel" */
    const char *says; /* what a plugin keeps to */
    void (*run)(void);
};

struct kit_suite {
    const char *role; /* NULL: for every plugin */
    const struct kit_case *cases;
    size_t count;
};

extern const struct kit_suite kit_suite_life;
extern const struct kit_suite kit_suite_tools;
extern const struct kit_suite kit_suite_store;
extern const struct kit_suite kit_suite_store_faults;
extern const struct kit_suite kit_suite_exporter;
extern const struct kit_suite kit_suite_model;
extern const struct kit_suite kit_suite_chat;
extern const struct kit_suite kit_suite_speech;

#define KIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- Small helpers ------------------------------------------------------------------------------
 */

/* Is it UTF-8? Is it JSON, and does the text begin an object or array (`open`), or anything (0)? */
bool kit_is_utf8(struct parley_view text);
bool kit_is_json(struct parley_view text, char open);

struct parley_view kit_view(const char *text);

/* A negative status comes with a sentence. */
void kit_check_refusal(int status, const struct parley_error *err);

#define KIT_EXPECT_INT(actual, expected)                                                           \
    kit_expect_int(#actual, (long long)(actual), (long long)(expected))
#define KIT_EXPECT_TEXT(actual, expected) kit_expect_text(#actual, actual, expected)

void kit_expect_int(const char *what, long long actual, long long expected);
void kit_expect_text(const char *what, const char *actual, const char *expected);

#endif
