/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a section shows its server over HTTP: a key, or a token of a [credential] in its place. The
 * header is the same for both.
 */
#ifndef PARTS_KEY_H
#define PARTS_KEY_H

#include <parley/error.h>
#include <parley/service/credentials.h>

#include <stdbool.h>
#include <stdint.h>

/* What the section says; immutable, and shared by all workers. Texts are borrowed. */
struct key {
    const struct parley_service_credentials *credentials; /* NULL: the host has none */
    const void *handle;
    const char *text;       /* "": none */
    const char *header;     /* that carries it; "": Authorization, as a bearer */
    const char *credential; /* "": none */
    const char *scope;
};

/* The values of the options api_key and credential. */
int key_check(const char *api_key, const char *credential, struct parley_error *err);

/* Does the host have the credential, when one is named? */
int key_check_credential(const struct key *k, struct parley_error *err);

/* A conversation's token, asked for before each answer. Thread: the worker's. */
struct key_token {
    const struct key *key;
    struct parley_worker *worker;
    void (*on_token)(void *ctx, const struct parley_error *failure); /* NULL: it is there */
    void *ctx;
    char *value;      /* as it was sent; NULL: none */
    uint64_t request; /* 0: none is waited for */
    bool has_renewed; /* after a refusal */
};

/* on_token follows, not on the stack of this. */
int key_token_ask(struct key_token *t, struct parley_error *err);

/* It is not waited for any more. */
void key_token_cancel(struct key_token *t);

/* The server refuses it: the next one that is asked for is another. False: there is none, or that
 * was tried already. */
bool key_token_renew(struct key_token *t);

/* The answer is over: the next one may renew its token, too. */
void key_token_forget(struct key_token *t);

/* The header's line, with the section's key when there is no token; NULL without both. Freed by
 * key_wipe(). */
char *key_line(const struct key_token *t);

/* What a server says of a failure may quote the key or token that it refused: hidden. */
void key_scrub(const struct key_token *t, struct parley_error *err);

/* NULL is fine. */
void key_wipe(char *secret);

#endif
