/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MCP server over standard input and output for tests: answers as its arguments say.
 *
 *   starts=FILE    adds a byte to the file at each start
 *   dies           ends at once
 *   banner         says what is no message before its messages
 *   crlf           ends its lines with CR LF, two messages in one write
 *   bytes          writes each byte by itself
 *   flood          writes 1 MiB to standard error before it reads anything
 *   stays=FILE     at the first start: ignores the end of its input and SIGTERM, has a child that
 *                  does, too; both hold a lock on the file
 *   probe=exit     ends when it is asked server/discover
 *   probe=silent   says nothing to it
 *   probe=CODE     answers it with that error
 *   probe=empty    answers it with an empty result
 *   probe=found    is of 2026-07-28
 *   probe=common   refuses the version, and names it among those it has
 *   probe=foreign  refuses the version, and names others
 *   version=V      answers initialize with that version
 *   seen=FILE      writes every line that it reads there
 *   ended=FILE     writes "ended" there when its input ends
 */
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static char **words;
static int word_count;

static bool does(const char *word)
{
    for (int i = 1; i < word_count; i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

/* What follows "name=", or "". */
static const char *value_of(const char *name)
{
    size_t len = strlen(name);

    for (int i = 1; i < word_count; i++) {
        if (strncmp(words[i], name, len) == 0 && words[i][len] == '=')
            return words[i] + len + 1;
    }
    return "";
}

static bool is_first_start(void)
{
    return access(value_of("starts"), F_OK) != 0;
}

static void append(const char *path, const char *text)
{
    FILE *file = path[0] == '\0' ? NULL : fopen(path, "a");

    if (file == NULL)
        return;
    (void)fputs(text, file);
    (void)fclose(file);
}

/* ---- writing ---- */

static void put(const char *bytes, size_t len)
{
    size_t step = does("bytes") ? 1 : len;

    for (size_t at = 0; at < len;) {
        ssize_t n = write(STDOUT_FILENO, bytes + at, len - at < step ? len - at : step);
        if (n <= 0)
            exit(9);
        at += (size_t)n;
    }
}

static void say(const char *text)
{
    static const char aside[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/aside\"}\r\n";
    static const char noise[] = "Starting up...\n\n{\"half\": \r\n{\"level\":\"info\"}\n";
    const char *end = does("crlf") ? "\r\n" : "\n";
    size_t len = strlen(text);
    char *line = malloc(len + sizeof(aside) + 4);
    int total = sprintf(line, "%s%s%s", does("crlf") ? aside : "", text, end);

    if (does("banner"))
        put(noise, sizeof(noise) - 1);
    put(line, (size_t)total);
    free(line);
}

static void answer(const json_t *id, const char *member, const char *body)
{
    char *number = json_dumps(id, JSON_ENCODE_ANY);
    size_t size = strlen(body) + strlen(number) + 64;
    char *text = malloc(size);

    (void)snprintf(text, size, "{\"%s\":%s,\"jsonrpc\":\"2.0\",\"id\":%s}", member, body, number);
    say(text);
    free(text);
    free(number);
}

static void answer_text(const json_t *id, const char *text)
{
    json_t *result = json_pack("{s:[{s:s, s:s}]}", "content", "type", "text", "text", text);
    char *body = json_dumps(result, JSON_COMPACT);

    answer(id, "result", body);
    free(body);
    json_decref(result);
}

/* ---- calls ---- */

static void call_huge(const json_t *id)
{
    size_t len = (size_t)5 << 20;
    char *text = malloc(len + 1);

    memset(text, 'x', len);
    text[len] = '\0';
    answer_text(id, text);
    free(text);
}

static void call_env(const json_t *id)
{
    extern char **environ;
    char text[4096] = " ";

    for (char **at = environ; *at != NULL; at++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, "%.*s ", (int)strcspn(*at, "="), *at);
    }
    answer_text(id, text);
}

static void call_garbage(const json_t *id)
{
    for (int i = 0; i < 999; i++)
        put("no message\n", 11);
    answer_text(id, "after garbage");
}

static void call_progress(const json_t *id)
{
    char text[160];

    for (int i = 1; i <= 5; i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                       "\"progressToken\":%lld,\"progress\":%d,\"total\":5,\"message\":\"step\"}}",
                       (long long)json_integer_value(id), i);
        say(text);
    }
    answer_text(id, "done");
}

/* Asks parley three things, and answers the call when it has heard three answers. */
static json_t *waiting;
static int heard;

static void call_asks(json_t *id)
{
    waiting = json_incref(id);
    heard = 0;
    say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
    say("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"sampling/createMessage\"}");
    say("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"roots/list\"}");
}

static void call_tool(const char *name, json_t *id, const json_t *params)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(params, "arguments"), "text"));

    if (strcmp(name, "echo") == 0)
        answer_text(id, text == NULL ? "" : text);
    else if (strcmp(name, "huge") == 0)
        call_huge(id);
    else if (strcmp(name, "env") == 0)
        call_env(id);
    else if (strcmp(name, "garbage") == 0)
        call_garbage(id);
    else if (strcmp(name, "progress") == 0)
        call_progress(id);
    else if (strcmp(name, "asks") == 0)
        call_asks(id);
    else if (strcmp(name, "array") == 0)
        say("[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"},7]");
    else if (strcmp(name, "die") == 0)
        exit(3);
    else if (strcmp(name, "close") == 0)
        (void)close(STDOUT_FILENO);
    else if (strcmp(name, "never") != 0)
        answer(id, "error", "{\"code\":-32602,\"message\":\"no such tool\"}");
}

/* ---- messages ---- */

static void probe(const json_t *id)
{
    static const char found[] =
        "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}";
    const char *how = value_of("probe");
    char body[160];

    if (strcmp(how, "exit") == 0)
        exit(4);
    if (strcmp(how, "silent") == 0)
        return;
    if (strcmp(how, "empty") == 0 || strcmp(how, "found") == 0) {
        answer(id, "result", how[0] == 'e' ? "{}" : found);
        return;
    }
    bool is_common = strcmp(how, "common") == 0, is_foreign = strcmp(how, "foreign") == 0;
    (void)snprintf(body, sizeof(body),
                   "{\"code\":%s,\"message\":\"no\",\"data\":{\"supported\":[\"%s\"]}}",
                   is_common || is_foreign ? "-32022"
                   : how[0] == '\0'        ? "-32601"
                                           : how,
                   is_common ? "2026-07-28" : "2031-01-01");
    answer(id, "error", body);
}

static void initialize(const json_t *id, const json_t *params)
{
    const char *version = value_of("version");
    char body[160];

    if (version[0] == '\0')
        version = json_string_value(json_object_get(params, "protocolVersion"));
    (void)snprintf(body, sizeof(body),
                   "{\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{}}",
                   version);
    answer(id, "result", body);
}

static void list(const json_t *id)
{
    static const char *const names[] = {"echo", "huge",  "env", "garbage", "progress",
                                        "asks", "array", "die", "close",   "never"};
    json_t *tools = json_array();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)json_array_append_new(tools, json_pack("{s:s}", "name", names[i]));
    json_t *result = json_pack("{s:o}", "tools", tools);
    char *body = json_dumps(result, JSON_COMPACT);
    answer(id, "result", body);
    free(body);
    json_decref(result);
}

static void take(json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    json_t *id = json_object_get(message, "id"), *params = json_object_get(message, "params");

    if (method == NULL && waiting != NULL && ++heard == 3) {
        answer_text(waiting, "three answers");
        json_decref(waiting);
        waiting = NULL;
    }
    if (method == NULL || id == NULL)
        return;
    if (strcmp(method, "server/discover") == 0)
        probe(id);
    else if (strcmp(method, "initialize") == 0)
        initialize(id, params);
    else if (strcmp(method, "tools/list") == 0)
        list(id);
    else if (strcmp(method, "tools/call") == 0)
        call_tool(json_string_value(json_object_get(params, "name")), id, params);
    else
        answer(id, "error", "{\"code\":-32601,\"message\":\"no such method\"}");
}

/* ---- life ---- */

static void flood(void)
{
    char line[1024];

    memset(line, 'e', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (int i = 0; i < 1024; i++) {
        if (write(STDERR_FILENO, line, sizeof(line)) < 0)
            exit(5);
    }
}

/* The lock belongs to the open file, which the child inherits. */
static void stay(const char *path)
{
    FILE *file = fopen(path, "a");

    if (file == NULL || flock(fileno(file), LOCK_EX) < 0)
        exit(6);
    (void)signal(SIGTERM, SIG_IGN);
    if (fork() != 0)
        return;
    (void)close(STDOUT_FILENO);
    for (;;)
        (void)pause();
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;

    words = argv;
    word_count = argc;
    bool stays = value_of("stays")[0] != '\0' && is_first_start();
    append(value_of("starts"), ".");
    if (does("dies"))
        return 7;
    if (does("flood"))
        flood();
    if (stays)
        stay(value_of("stays"));
    while (getline(&line, &size, stdin) > 0) {
        append(value_of("seen"), line);
        json_t *message = json_loads(line, 0, NULL);
        take(message);
        json_decref(message);
    }
    free(line);
    append(value_of("ended"), "ended");
    while (stays)
        (void)pause();
    return 0;
}
