/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the rules that fit, each in a child of its own, and says what became of them. */
#include "kit.h"
#include "runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_SECONDS 60
#define OUTPUT_SHOWN  6000 /* bytes, of what a child wrote before it broke a rule */

static const struct kit_suite *const suites[] = {
    &kit_suite_life,  &kit_suite_tools, &kit_suite_store,  &kit_suite_store_faults,
    &kit_suite_model, &kit_suite_chat,  &kit_suite_speech, &kit_suite_exporter,
};

struct tally {
    unsigned kept;
    unsigned broken;
    unsigned skipped;
};

/* ---- in the child ---- */

/* Nobody asked the plugin to write there. What it says is shown when a rule is broken. */
static void catch_output(int file)
{
    if (file >= 0 && getenv("PARLEY_TESTKIT_OUTPUT") == NULL) {
        (void)dup2(file, STDOUT_FILENO);
        (void)dup2(file, STDERR_FILENO);
    }
}

/* The last words of a child, with the report of a sanitizer. */
static void show_output(int file)
{
    char text[OUTPUT_SHOWN + 1];
    off_t end = lseek(file, 0, SEEK_END);
    ssize_t len = pread(file, text, OUTPUT_SHOWN, end > OUTPUT_SHOWN ? end - OUTPUT_SHOWN : 0);

    if (len > 0)
        printf("%.*s%s", (int)len, text, text[len - 1] == '\n' ? "" : "\n");
}

static _Noreturn void run_in_child(const struct kit_case *c, int output)
{
    const struct testkit_fixture *fixture = kit_subject()->fixture;
    unsigned limit = kit_subject()->limit_seconds;

    kit_report->is_child = true;
    (void)snprintf(kit_report->rule, sizeof(kit_report->rule), "%s", c->name);
    kit_blocking_watch();
    catch_output(output);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(limit == 0 ? LIMIT_SECONDS : limit);
    fake_host_reset();
    kit_ops_reset();
    if (fixture != NULL && fixture->open != NULL)
        fixture->open(fixture->ctx);
    c->run();
    if (fixture != NULL && fixture->close != NULL)
        fixture->close(fixture->ctx);
    fake_host_reset();
    subject_done();
    exit(0); /* with the checks of a sanitizer for leaks */
}

/* ---- in the parent ---- */

static void say_broken(const char *name, const char *rule, const char *callback,
                       const char *message)
{
    printf("FAIL  %-28s %s broke the rule \"%s\" in %s(): %s\n", name, kit_plugin_name(), rule,
           callback[0] == '\0' ? "?" : callback, message);
}

static void say_death(const struct kit_case *c, int status)
{
    const struct kit_report *r = kit_report;
    char message[256], while_[64] = "";

    if (r->failed_allocation > 0)
        (void)snprintf(while_, sizeof(while_), " when allocation %u failed", r->failed_allocation);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        (void)snprintf(message, sizeof(message), "did not come back%s", while_);
        say_broken(c->name, "never-blocks", r->callback, message);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(message, sizeof(message), "crashed%s: %s", while_,
                       strsignal(WTERMSIG(status)));
        say_broken(c->name, "never-crashes", r->callback, message);
    } else {
        (void)snprintf(message, sizeof(message),
                       "ended the process%s with exit code %d; its last words follow", while_,
                       WEXITSTATUS(status));
        say_broken(c->name, "never-crashes", r->callback, message);
    }
}

/* Say how it went; false: the rule is broken. */
static bool say(const struct kit_case *c, int status, struct tally *tally)
{
    if (kit_report->is_broken) {
        say_broken(c->name, kit_report->rule, kit_report->callback, kit_report->message);
        tally->broken++;
        return false;
    }
    if (kit_report->is_skipped) {
        printf("skip  %-28s %s\n", c->name, kit_report->message);
        tally->skipped++;
        return true;
    }
    if (status != 0) {
        say_death(c, status);
        tally->broken++;
        return false;
    }
    printf("ok    %-28s %s\n", c->name, c->says);
    tally->kept++;
    return true;
}

static void run_case(const struct kit_case *c, struct tally *tally)
{
    int status = 0;
    int output = memfd_create("output", MFD_CLOEXEC);

    memset(kit_report, 0, sizeof(*kit_report));
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        run_in_child(c, output);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        say_broken(c->name, "kit", "fork", "no child process can be made");
        tally->broken++;
        (void)close(output);
        return;
    }
    kit_folder_remove();
    if (!say(c, status, tally))
        show_output(output);
    (void)close(output);
}

static bool is_among(const char *name, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static bool is_wanted(const char *name)
{
    const struct testkit_subject *s = kit_subject();

    return (s->only == NULL || is_among(name, s->only)) && !is_among(name, s->except);
}

static bool has_role(const struct parley_plugin *d, const char *id)
{
    for (uint32_t i = 0; id != NULL && i < d->role_count; i++) {
        const struct parley_role *role =
            (const void *)((const char *)d->roles + (size_t)i * d->role_size);
        if (role->id != NULL && strcmp(role->id, id) == 0)
            return true;
    }
    return id == NULL;
}

/* ---- a first look, in a child too: opening may already be the plugin's end ---- */

struct first_look {
    struct kit_report report; /* first: kit_report leads to it */
    char version[64];
    bool plays[KIT_COUNT(suites)];
    bool is_open;
};

static _Noreturn void look_in_child(struct first_look *look, int output)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct testkit_fixture *fixture = kit_subject()->fixture;

    kit_report->is_child = true;
    (void)snprintf(kit_report->rule, sizeof(kit_report->rule), "opens");
    catch_output(output);
    (void)alarm(LIMIT_SECONDS);
    fake_host_reset();
    if (fixture != NULL && fixture->open != NULL)
        fixture->open(fixture->ctx);
    struct fake_plugin *plugin = kit_try_open(&err);
    if (plugin == NULL)
        kit_broken("%s", err.message[0] == '\0' ? "it was refused without a reason" : err.message);
    const struct parley_plugin *d = fake_plugin_descriptor(plugin);
    (void)snprintf(look->version, sizeof(look->version), "%s",
                   d->version == NULL ? "?" : d->version);
    for (size_t i = 0; i < KIT_COUNT(suites); i++)
        look->plays[i] = has_role(d, suites[i]->role);
    look->is_open = true;
    subject_done();
    _exit(0);
}

static bool take_first_look(struct first_look *look)
{
    int status = 0;
    int output = memfd_create("output", MFD_CLOEXEC);

    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        look_in_child(look, output);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    kit_folder_remove();
    if (look->is_open) {
        (void)close(output);
        return true;
    }
    if (look->report.is_broken)
        say_broken("opens", look->report.rule, look->report.callback, look->report.message);
    else
        say_death(&(const struct kit_case){.name = "opens"}, status);
    show_output(output);
    (void)close(output);
    return false;
}

static int run_all(const struct first_look *look)
{
    struct tally tally = {0};

    printf("%s %s\n", kit_plugin_name(), look->version);
    for (size_t s = 0; s < KIT_COUNT(suites); s++) {
        for (size_t i = 0; look->plays[s] && i < suites[s]->count; i++) {
            if (is_wanted(suites[s]->cases[i].name))
                run_case(&suites[s]->cases[i], &tally);
        }
    }
    printf("%s: %u rules kept, %u broken, %u skipped\n", kit_plugin_name(), tally.kept,
           tally.broken, tally.skipped);
    return tally.broken == 0 ? 0 : 1;
}

int testkit_run(const struct testkit_subject *subject)
{
    struct first_look *look =
        mmap(NULL, sizeof(*look), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kit_report *before = kit_report;
    int code = 2;

    if (look == MAP_FAILED)
        return 2;
    kit_report = &look->report;
    subject_set(subject);
    if (take_first_look(look))
        code = run_all(look);
    (void)fflush(stdout);
    kit_report = before;
    (void)munmap(look, sizeof(*look));
    return code;
}

void testkit_list(void)
{
    for (size_t s = 0; s < KIT_COUNT(suites); s++) {
        for (size_t i = 0; i < suites[s]->count; i++)
            printf("%-28s %s\n", suites[s]->cases[i].name, suites[s]->cases[i].says);
    }
}
