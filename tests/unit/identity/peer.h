/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP server on a thread of the test, which gives prepared answers and keeps what it was asked.
 */
#ifndef IDENTITY_PEER_H
#define IDENTITY_PEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MOST    16
#define SILENCE ""

struct peer {
    int fd;
    int port;
    pthread_t thread;
    const char *answers[MOST]; /* "200 OK\nBODY", with more headers before the last line; the last
                                  one is repeated; SILENCE: nothing until the client hangs up */
    int answer_count;
    atomic_int requests;
    char seen[MOST][4096];
};

extern struct peer peer;

void open_peer(void);
void close_peer(void);

#define ANSWERS(...)                                                                               \
    do {                                                                                           \
        const char *const list_[] = {__VA_ARGS__};                                                 \
        peer.answer_count = (int)(sizeof(list_) / sizeof(list_[0]));                               \
        memcpy(peer.answers, list_, sizeof(list_));                                                \
    } while (0)

#endif
