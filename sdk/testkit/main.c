/* SPDX-License-Identifier: Apache-2.0 */
/* parley-plugin-test: a plugin through the rules of its roles, from the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/testkit/conformance.h>

#define MAX_WORDS 64

static const char help[] =
    "usage: parley-plugin-test [options] PLUGIN.so [KEY=VALUE ...]\n"
    "\n"
    "Runs a plugin through the rules of the plugin interface, each in a process of its own, in a\n"
    "host with a clock of its own and without a network. KEY=VALUE are options of its INI "
    "section;\n"
    "KEY=@/NAME stands for a file in a fresh folder.\n"
    "\n"
    "      --call TOOL JSON  a tool call that must succeed; may be repeated\n"
    "      --durable         a store that keeps what it has ended when it is opened again\n"
    "      --rule NAME       only this one; may be repeated\n"
    "      --except NAME     not this one; may be repeated\n"
    "      --list            every rule and what it says\n"
    "\n"
    "  parley-plugin-test --call roll_dice '{\"sides\": 20}' ./tools_dice.so\n"
    "  parley-plugin-test --durable ./store_files.so folder=@/data\n"
    "\n"
    "Exit code: 0 all rules are kept, 1 one is broken, 2 the plugin cannot be opened or wrong "
    "usage.\n";

struct words {
    const char *items[MAX_WORDS + 1];
    size_t count;
};

static int usage(const char *what)
{
    fprintf(stderr, "parley-plugin-test: %s; see --help\n", what);
    return 2;
}

static int unknown_option(const char *word)
{
    fprintf(stderr, "parley-plugin-test: there is no option %.60s; see --help\n", word);
    return 2;
}

/* A bare name is a file here; the loader of libraries would look for it elsewhere. */
static int take_plugin(struct testkit_subject *subject, const char *word)
{
    static char here[4096];

    if (strchr(word, '/') != NULL) {
        subject->path = word;
        return 0;
    }
    int len = snprintf(here, sizeof(here), "./%s", word);
    if (len < 0 || (size_t)len >= sizeof(here))
        return usage("the name of the plugin's file is too long");
    subject->path = here;
    return 0;
}

static int keep(struct words *words, const char *word)
{
    if (words->count == MAX_WORDS)
        return usage("more than 64 of a kind");
    words->items[words->count++] = word;
    return 0;
}

struct request {
    struct testkit_subject subject;
    struct testkit_call calls[MAX_WORDS];
    struct words only;
    struct words except;
    struct words options;
};

static int keep_call(struct request *q, const char *tool, const char *arguments)
{
    if (tool == NULL || arguments == NULL)
        return usage("--call needs the name of a tool and a JSON object");
    if (q->subject.call_count == MAX_WORDS)
        return usage("more than 64 calls");
    q->calls[q->subject.call_count++] = (struct testkit_call){tool, arguments};
    return 0;
}

/* One argument, and those that belong to it; *at is the last one used. */
static int take(struct request *q, char **argv, int *at)
{
    const char *word = argv[*at];

    if (strcmp(word, "--durable") == 0) {
        q->subject.flags |= TESTKIT_DURABLE;
        return 0;
    }
    if (strcmp(word, "--rule") == 0)
        return argv[*at + 1] == NULL ? usage("--rule needs a name") : keep(&q->only, argv[++*at]);
    if (strcmp(word, "--except") == 0)
        return argv[*at + 1] == NULL ? usage("--except needs a name")
                                     : keep(&q->except, argv[++*at]);
    if (strcmp(word, "--call") == 0) {
        int r = keep_call(q, argv[*at + 1], argv[*at + 1] == NULL ? NULL : argv[*at + 2]);
        *at += 2;
        return r;
    }
    if (strncmp(word, "--", 2) == 0)
        return unknown_option(word);
    if (q->subject.path == NULL)
        return take_plugin(&q->subject, word);
    return strchr(word, '=') == NULL ? usage("an option of the plugin is KEY=VALUE")
                                     : keep(&q->options, word);
}

int main(int argc, char **argv)
{
    static struct request q;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--list") == 0) {
            testkit_list();
            return 0;
        }
        int r = take(&q, argv, &i);
        if (r != 0)
            return r;
    }
    if (q.subject.path == NULL)
        return usage("name the plugin's file");
    q.subject.options = q.options.items;
    q.subject.calls = q.calls;
    q.subject.except = q.except.items;
    q.subject.only = q.only.count == 0 ? NULL : q.only.items;
    return testkit_run(&q.subject);
}
