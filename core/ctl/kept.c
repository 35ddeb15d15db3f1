/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/kept.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "ctl/command.h"
#include "ctl/term.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_word(const struct args *args, const char *word)
{
    return args->count > 0 && strcmp(args->words[0], word) == 0;
}

bool kept_is(const struct kept_options *k, const struct args *args)
{
    return is_word(args, "export") || is_word(args, "delete") ||
           (is_word(args, "list") && k->is_kept);
}

/* It stands in a path. */
static bool is_id(const char *id)
{
    for (const char *c = id; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return false;
    }
    return id[0] != '\0' && strlen(id) < 64;
}

int kept_check(const struct kept_options *k, const struct args *args, struct parley_error *err)
{
    if (is_word(args, "list"))
        return args->count == 1 ? PARLEY_OK
                                : parley_fail(err, PARLEY_E_INVALID, "list takes no words");
    if (is_word(args, "export") && args->count != 2)
        return parley_fail(err, PARLEY_E_INVALID,
                           "export needs the id of one session; parleyctl sessions list --kept has "
                           "them");
    if (is_word(args, "delete") && (args->count == 2) == (k->user != NULL))
        return parley_fail(
            err, PARLEY_E_INVALID,
            "delete needs the id of one session, or --user NAME for all of a user's");
    if (args->count == 2 && !is_id(args->words[1]))
        return parley_fail(err, PARLEY_E_INVALID, "%.80s is no id of a session", args->words[1]);
    return PARLEY_OK;
}

/* ---- the question ---- */

static void append_query(struct buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(path, "%s%s=", strchr(path->data, '?') == NULL ? "?" : "&", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (isalnum((unsigned char)*c) || strchr("-._~", *c) != NULL)
            buf_append_char(path, *c);
        else
            buf_printf(path, "%%%02X", (unsigned char)*c);
    }
}

static void write_path(struct buf *path, const struct kept_options *k, const struct args *args)
{
    buf_append_str(path, "/admin/v1/kept");
    if (args->count > 1)
        buf_printf(path, "/%s", args->words[1]);
    append_query(path, "store", k->store);
    if (args->count > 1)
        return;
    append_query(path, "agent", k->agent);
    append_query(path, "user", k->user);
    append_query(path, "limit", k->limit);
}

/* A script says --yes; a person is asked. */
static bool is_confirmed(const struct kept_options *k, const struct args *args)
{
    char line[16] = "";

    if (k->is_sure || !isatty(STDIN_FILENO))
        return k->is_sure;
    (void)fprintf(
        stderr, "Delete %s%s for good? Type yes: ", k->user != NULL ? "every kept session of " : "",
        k->user != NULL ? k->user : args->words[1]);
    return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

/* ---- the answer ---- */

static void print_time(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm date;
    char text[32] = "-";

    if (ms > 0 && localtime_r(&seconds, &date) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &date);
    (void)printf("%-20s", text);
}

static void print_row(const json_t *s)
{
    bool is_live = json_get_bool(s, "live", false);

    (void)printf("%-26s ", json_get_str(s, "id", ""));
    (void)printf("%-16s %-16s %-7s", json_get_str(s, "agent", ""), json_get_str(s, "user", ""),
                 is_live ? "live" : json_get_str(s, "state", ""));
    print_time(json_get_int(s, "created_ms", 0));
    (void)printf("%6" PRId64 "\n", json_get_int(s, "records", 0));
}

static void print_list(const json_t *answer)
{
    const json_t *data = json_object_get(answer, "data");
    json_t *session;
    size_t i;

    if (json_array_size(data) == 0) {
        (void)printf("The store keeps no session of that kind.\n");
        return;
    }
    (void)printf("%s%-26s %-16s %-16s %-7s%-20s%6s%s\n", term_style(stdout, TERM_DIM), "SESSION",
                 "AGENT", "USER", "STATE", "BEGAN", "RECORDS", term_style(stdout, TERM_PLAIN));
    json_array_foreach(data, i, session) print_row(session);
    if (json_get_bool(answer, "has_more", false))
        (void)printf("There are more; see --limit, --agent and --user.\n");
}

static void print_recordings(const json_t *recordings)
{
    int64_t deleted = json_get_int(recordings, "deleted", 0);
    json_t *one;
    size_t i;

    if (deleted > 0)
        (void)printf("%" PRId64 " recording%s %s deleted\n", deleted, deleted == 1 ? "" : "s",
                     deleted == 1 ? "is" : "are");
    json_array_foreach(json_object_get(recordings, "left"), i, one)(void)
        printf("%s could not be deleted; do it by hand\n", json_string_value(one));
    json_array_foreach(json_object_get(recordings, "elsewhere"), i, one)(void)
        printf("%s lies on host %s, out of reach from here; say the same to its parleyd\n",
               json_get_str(one, "file", ""), json_get_str(one, "host", ""));
}

static void print_deleted(const struct kept_options *k, const json_t *answer)
{
    int64_t live = json_get_int(answer, "live", 0);

    if (k->user == NULL)
        (void)printf("%s is deleted\n", json_get_str(answer, "id", ""));
    else
        (void)printf("%" PRId64 " sessions of %s are deleted\n", json_get_int(answer, "deleted", 0),
                     k->user);
    if (live > 0)
        (void)printf("%" PRId64 " are live and stay; delete them when they have ended\n", live);
    print_recordings(json_object_get(answer, "recordings"));
}

/* Is there something that should be gone and is not, or that nobody knows of here? */
static bool is_incomplete(const json_t *answer)
{
    const json_t *recordings = json_object_get(answer, "recordings");

    return json_get_int(answer, "live", 0) > 0 ||
           json_array_size(json_object_get(recordings, "left")) > 0 ||
           json_array_size(json_object_get(recordings, "elsewhere")) > 0;
}

int kept_run(const struct admin_options *o, const struct kept_options *k, const struct args *args,
             int *ret_code, struct parley_error *err)
{
    _cleanup_(buf_done) struct buf path = {0};
    _cleanup_json_ json_t *answer = NULL;
    bool deletes = is_word(args, "delete");

    *ret_code = CTL_DONE;
    if (deletes && !is_confirmed(k, args)) {
        (void)fprintf(stderr, "Nothing is deleted%s.\n",
                      isatty(STDIN_FILENO) ? "" : "; say --yes when nobody can be asked");
        *ret_code = CTL_FAILED;
        return PARLEY_OK;
    }
    write_path(&path, k, args);
    int r = path.failed ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory")
                        : admin_ask(o, deletes ? "DELETE" : "GET", path.data, &answer, err);
    if (r < 0)
        return r;
    if (is_incomplete(answer))
        *ret_code = CTL_FAILED;
    if (o->is_json || is_word(args, "export"))
        term_json(json_incref(answer));
    else if (deletes)
        print_deleted(k, answer);
    else
        print_list(answer);
    return PARLEY_OK;
}
