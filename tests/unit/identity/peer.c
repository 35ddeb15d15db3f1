/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer peer;

/* Head and body: everything that came until the announced length is there. */
static void read_request(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        ssize_t n = read(fd, out + len, size - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
        out[len] = '\0';
        const char *end = strstr(out, "\r\n\r\n");
        const char *announced = strstr(out, "Content-Length: ");
        size_t body = announced == NULL ? 0 : strtoul(announced + 16, NULL, 10);
        if (end != NULL && len >= (size_t)(end + 4 - out) + body)
            break;
    }
    out[len] = '\0';
}

static void write_answer(int fd, const char *answer)
{
    char text[4096];
    const char *body = strrchr(answer, '\n');
    int head = body == NULL ? (int)strlen(answer) : (int)(body - answer);

    body = body == NULL ? "" : body + 1;
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %.*s\r\nContent-Type: application/json\r\nContent-Length: "
                       "%zu\r\nConnection: close\r\n\r\n%s",
                       head, answer, strlen(body), body);
    assert_true(write(fd, text, (size_t)len) == len);
}

static void wait_for_hang_up(int fd)
{
    char byte;

    while (read(fd, &byte, 1) > 0)
        ;
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(peer.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        int n = atomic_load(&peer.requests);
        read_request(fd, peer.seen[n % MOST], sizeof(peer.seen[0]));
        const char *answer = peer.answers[n < peer.answer_count ? n : peer.answer_count - 1];
        if (answer[0] == '\0')
            wait_for_hang_up(fd);
        else
            write_answer(fd, answer);
        atomic_store(&peer.requests, n + 1);
        (void)close(fd);
    }
}

void open_peer(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    memset(&peer, 0, sizeof(peer));
    peer.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(peer.fd, 8), 0);
    assert_int_equal(getsockname(peer.fd, (struct sockaddr *)&at, &len), 0);
    peer.port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&peer.thread, NULL, serve, NULL), 0);
}

void close_peer(void)
{
    (void)shutdown(peer.fd, SHUT_RDWR);
    pthread_join(peer.thread, NULL);
    (void)close(peer.fd);
}
