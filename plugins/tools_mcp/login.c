/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_REQUEST 8192
#define MAX_VISITS  8 /* browsers open a few connections at once */
#define MAX_WORDS   32

extern char **environ;

/* One connection of the browser. */
struct visit {
    struct login *login;
    int fd; /* -1: none */
    struct parley_fdwatch *watch;
    char request[MAX_REQUEST];
    size_t len;
};

struct login {
    struct login_config config;
    void (*on_answer)(void *ctx, const struct login_answer *answer);
    void *ctx;
    int fd;
    struct parley_fdwatch *watch;
    struct parley_timer *limit;
    struct visit visits[MAX_VISITS];
    char redirect_uri[64];
    char state[64];
    bool is_begun;
    bool is_over;
    pid_t pid; /* of the program; 0: none */
};

/* ---- queries ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decode(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    size_t at = 0;

    for (size_t i = 0; out != NULL && i < len; i++) {
        bool is_code =
            text[i] == '%' && i + 2 < len && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
        if (is_code) {
            out[at++] = (char)(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out[at++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    if (out != NULL)
        out[at] = '\0';
    return out;
}

char *login_parameter(const char *query, const char *name)
{
    size_t name_len = strlen(name);
    char *found = NULL;

    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        if (len > name_len && strncmp(query, name, name_len) == 0 && query[name_len] == '=') {
            if (found != NULL) { /* which of them is meant? */
                free(found);
                return NULL;
            }
            found = decode(query + name_len + 1, len - name_len - 1);
        }
        query += len + (query[len] == '&' ? 1 : 0);
    }
    return found;
}

/* ---- answers to the browser ---- */

static void visit_close(struct visit *v)
{
    if (v->fd < 0)
        return;
    v->login->config.fdwatch->unwatch(v->watch);
    (void)close(v->fd);
    v->fd = -1;
    v->watch = NULL;
    explicit_bzero(v->request, sizeof(v->request));
    v->len = 0;
}

static void respond(struct visit *v, const char *status, const char *words)
{
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n"
                       "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
                       "Connection: close\r\n\r\n"
                       "<!doctype html><title>parley</title><p>%s</p>\n",
                       status, words);

    (void)send(v->fd, text, (size_t)len, MSG_NOSIGNAL); /* it fits into an empty socket */
    (void)shutdown(v->fd, SHUT_WR);
    visit_close(v);
}

static void tell(struct login *l, const struct login_answer *answer)
{
    if (l->is_over)
        return;
    l->is_over = true;
    l->config.around.timer->stop(l->limit);
    l->on_answer(l->ctx, answer); /* l may be gone after it */
}

/* Takes as long whatever the difference is. */
static bool is_same(const char *a, const char *b)
{
    size_t len = strlen(b);
    unsigned char difference = 0;

    if (strlen(a) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

static void take_answer(struct visit *v, const char *query)
{
    struct login *l = v->login;
    char *state = login_parameter(query, "state");
    char *code = login_parameter(query, "code");
    char *error = login_parameter(query, "error");
    char *iss = login_parameter(query, "iss");

    if (!l->is_begun || l->is_over || state == NULL || !is_same(state, l->state)) {
        respond(v, "400 Bad Request", "This is not the answer that parley waits for.");
    } else {
        const struct login_answer answer = {
            .status = PARLEY_OK, .code = code, .error = error, .iss = iss};
        respond(v, "200 OK",
                code != NULL && error == NULL
                    ? "parley has the answer. You can close this window."
                    : "The sign-in has failed; parley says why in its terminal.");
        tell(l, &answer);
    }
    if (code != NULL)
        explicit_bzero(code, strlen(code));
    free(state);
    free(code);
    free(error);
    free(iss);
}

/* "GET /callback?code=... HTTP/1.1" */
static void take_request(struct visit *v)
{
    static const char start[] = "GET /callback?";
    char query[MAX_REQUEST];
    const char *line_end = strpbrk(v->request, "\r\n");
    const char *blank = strchr(v->request + strlen("GET "), ' ');

    if (strncmp(v->request, start, strlen(start)) != 0 || blank == NULL || line_end == NULL ||
        blank > line_end) {
        respond(v, "404 Not Found", "There is nothing here but the end of a sign-in.");
        return;
    }
    const char *from = v->request + strlen(start);
    (void)snprintf(query, sizeof(query), "%.*s", (int)(blank > from ? blank - from : 0), from);
    take_answer(v, query);
    explicit_bzero(query, sizeof(query));
}

static void on_readable(void *ctx, uint32_t events)
{
    struct visit *v = ctx;
    ssize_t got = recv(v->fd, v->request + v->len, sizeof(v->request) - 1 - v->len, 0);

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        visit_close(v);
        return;
    }
    v->len += (size_t)got;
    v->request[v->len] = '\0';
    if (strstr(v->request, "\r\n\r\n") != NULL)
        take_request(v);
    else if (v->len == sizeof(v->request) - 1 || strlen(v->request) != v->len)
        visit_close(v);
}

static void on_visitor(void *ctx, uint32_t events)
{
    struct login *l = ctx;
    struct visit *v = l->visits;
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    while (v < l->visits + MAX_VISITS && v->fd >= 0)
        v++;
    if (fd < 0)
        return;
    if (v == l->visits + MAX_VISITS || l->is_over) {
        (void)close(fd);
        return;
    }
    v->fd = fd;
    v->len = 0;
    if (l->config.fdwatch->watch(l->config.around.worker, fd, PARLEY_FD_READ, on_readable, v,
                                 &v->watch, NULL) < 0) {
        v->watch = NULL;
        visit_close(v);
    }
}

static void on_limit(void *ctx)
{
    const struct login_answer late = {.status = PARLEY_E_TIMEOUT,
                                      .why = "nobody signed in within five minutes"};

    tell(ctx, &late);
}

/* ---- the program ---- */

void login_words_free(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        free(words[i]);
    free(words);
}

static char *take_word(const char **at)
{
    char quote = **at == '"' || **at == '\'' ? **at : '\0';
    const char *start = *at + (quote != '\0');
    const char *end = quote != '\0' ? strchr(start, quote) : start + strcspn(start, " \t");

    if (end == NULL)
        end = start + strlen(start);
    *at = end + (quote != '\0' && *end != '\0');
    return strndup(start, (size_t)(end - start));
}

char **login_words(const char *program)
{
    char **words = calloc(MAX_WORDS + 2, sizeof(*words));
    size_t count = 0;

    while (words != NULL && count < MAX_WORDS) {
        program += strspn(program, " \t");
        if (*program == '\0')
            break;
        words[count] = take_word(&program);
        if (words[count] == NULL)
            break;
        count++;
    }
    if (count > 0)
        return words;
    login_words_free(words);
    return NULL;
}

/* Its output must not get among parleyctl's, which programs read. */
static int spawn(const char *program, const char *url, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    char **words = login_words(program);
    size_t count = 0;

    while (words != NULL && words[count] != NULL)
        count++;
    if (count == 0 || (words[count] = strdup(url)) == NULL) {
        login_words_free(words);
        return ENOMEM;
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int r = posix_spawnp(ret_pid, words[0], &actions, NULL, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    login_words_free(words);
    return r;
}

int login_begin(struct login *l, const char *program, const char *url, const char *state,
                struct parley_error *err)
{
    (void)snprintf(l->state, sizeof(l->state), "%s", state);
    l->is_begun = true;
    l->config.around.timer->start(l->limit, LOGIN_LIMIT_MS);
    if (program[0] == '\0') {
        (void)fprintf(stderr, "Open this page to sign in:\n\n%s\n\n", url);
        return PARLEY_OK;
    }
    int r = spawn(program, url, &l->pid);
    if (r == 0)
        return PARLEY_OK;
    l->pid = 0;
    return parley_fail(err, PARLEY_E_INVALID, "open_command: %.150s cannot be started: %s", program,
                       strerror(r));
}

/* ---- life ---- */

static int listen_on(struct login *l, struct parley_error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)l->config.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    const int yes = 1; /* the last visitor's connection may linger */

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_good =
        l->fd >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(l->fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(l->fd, MAX_VISITS) == 0 &&
        getsockname(l->fd, (struct sockaddr *)&at, &len) == 0;
    if (!is_good)
        return parley_fail(err, PARLEY_E_UNAVAILABLE,
                           "redirect_port: no listener on 127.0.0.1:%lld for the browser's answer: "
                           "%s",
                           (long long)l->config.port, strerror(errno));
    l->config.port = ntohs(at.sin_port);
    (void)snprintf(l->redirect_uri, sizeof(l->redirect_uri), "http://127.0.0.1:%u/callback",
                   ntohs(at.sin_port));
    return l->config.fdwatch->watch(l->config.around.worker, l->fd, PARLEY_FD_READ, on_visitor, l,
                                    &l->watch, err);
}

struct login *login_open(const struct login_config *config,
                         void (*on_answer)(void *ctx, const struct login_answer *answer), void *ctx,
                         struct parley_error *err)
{
    struct login *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a sign-in");
        return NULL;
    }
    l->config = *config;
    l->on_answer = on_answer;
    l->ctx = ctx;
    l->fd = -1;
    for (size_t i = 0; i < MAX_VISITS; i++)
        l->visits[i] = (struct visit){.login = l, .fd = -1};
    l->limit = config->around.timer->create(config->around.worker, on_limit, l);
    if (l->limit == NULL)
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a sign-in");
    else if (listen_on(l, err) == PARLEY_OK)
        return l;
    login_close(l);
    return NULL;
}

const char *login_redirect_uri(const struct login *l)
{
    return l->redirect_uri;
}

int64_t login_port(const struct login *l)
{
    return l->config.port;
}

void login_close(struct login *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < MAX_VISITS; i++)
        visit_close(&l->visits[i]);
    l->config.fdwatch->unwatch(l->watch);
    if (l->fd >= 0)
        (void)close(l->fd);
    l->config.around.timer->destroy(l->limit);
    if (l->pid > 0)
        (void)waitpid(l->pid, NULL, WNOHANG); /* else it goes on by itself, as browsers do */
    explicit_bzero(l, sizeof(*l));
    free(l);
}
