/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An issuer of tokens: what it calls itself and its keys, from its OpenID Connect metadata. Loaded
 * when first needed and then once an hour, by one fetch at a time for all threads; for a key that
 * is not known, at once, but not more often than every five minutes. Keys are kept for a day after
 * the issuer has stopped to list them, and for as long as it cannot be reached.
 */
#ifndef IDENTITY_ISSUER_H
#define IDENTITY_ISSUER_H

#include "identity/fetch.h"
#include "identity/jwt.h"

struct issuer_config {
    const char *metadata_url; /* https, or http at this machine itself */
    const char *name;         /* what the metadata must call the issuer; "": what it will */
    const char *ca_file;      /* PEM trusted beside the system's, or "" */
};

struct issuer;

/* The strings are copied. PARLEY_E_INVALID: a URL that is not taken. */
int issuer_create(const struct issuer_config *config, struct issuer **ret,
                  struct parley_error *err);
/* Thread: any for both; NULL is fine. */
struct issuer *issuer_ref(struct issuer *i);
/* Returns NULL. */
struct issuer *issuer_unref(struct issuer *i);

/* Are there keys? When not, `problem` says why, or "". Thread: any. */
bool issuer_has_keys(struct issuer *i, char *problem, size_t size);

/* Load the keys if that is due. Thread: the place's. */
void issuer_refresh(struct issuer *i, struct fetch_place *place);

enum issuer_answer {
    ISSUER_KEY,    /* *ret is set, to be freed by issuer_key_done() */
    ISSUER_NO_KEY, /* it has none of that name, or the keys cannot be had */
    ISSUER_WAIT,   /* keys are on their way: issuer_wait(), and ask again */
};

struct issuer_key {
    EVP_PKEY *pkey;
    char key_issuer[JWK_ISSUER_SIZE]; /* whom the key is bound to, or "" */
    char name[JWK_ISSUER_SIZE];       /* what the issuer calls itself */
};

/* The key that the token says it is signed by; refreshes when due. Thread: the place's. */
enum issuer_answer issuer_find(struct issuer *i, const struct jwt *jwt, struct fetch_place *place,
                               struct issuer_key *ret);
void issuer_key_done(struct issuer_key *key);

struct issuer_wait;

/* on_keys once, never on this stack, on the place's loop, when the fetch under way has ended, well
 * or not; the wait is gone then. NULL: too many wait, or no memory. Thread: the place's. */
struct issuer_wait *issuer_wait(struct issuer *i, struct fetch_place *place,
                                void (*on_keys)(void *ctx), void *ctx);
/* on_keys does not come. Thread: the place's. */
void issuer_wait_cancel(struct issuer_wait *wait);

#endif
