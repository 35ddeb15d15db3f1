/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All credentials of one configuration, with their tokens: one for each credential and scope,
 * shared by all threads, renewed before it ends by one fetch at a time. Meanwhile the old one is
 * handed out; without one, all who ask wait for the same fetch.
 *
 * When a token is renewed: at the time that its giver names (refresh_in); else at half of its life
 * when that is longer than two hours; else five minutes before its end. It is handed out until 30 s
 * before its end.
 */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include "conf/conf.h"
#include "identity/fetch.h"

struct identity;

/* Read the [credential NAME] sections. PARLEY_E_INVALID after mistakes, which are in the report.
 * Thread: main. */
int identity_create(const struct conf *conf, struct identity **ret, struct conf_report *report);

/* One more holder. Thread: any for both. */
struct identity *identity_ref(struct identity *id);
/* The last one wipes all. NULL is fine. Returns NULL. */
struct identity *identity_unref(struct identity *id);

/* NOT_FOUND, with the nearest name, when there is no section and no built-in of that name. Thread:
 * any. */
int identity_check(const struct identity *id, const char *name, struct parley_error *err);

/* The sections in the order of the file: name, and what they hold; NULL behind the last. Thread:
 * any. */
const char *identity_name_at(const struct identity *id, size_t i);
const struct options_values *identity_values_at(const struct identity *id, size_t i);

/* What a caller gets; borrowed. */
struct identity_token {
    int status;               /* PARLEY_OK, or PARLEY_E_... */
    bool is_api_key;          /* else a bearer token */
    struct parley_view value; /* empty on failure */
    int64_t expires_ms;       /* Unix milliseconds; 0: never */
    const char *message;      /* why it failed; "" on success */
};

typedef void (*identity_done)(void *ctx, const struct identity_token *token);

struct identity_request;

/*
 * A token of the credential for the scope. on_done once, never on this stack, on the place's loop;
 * the request is gone then. Thread: the place's.
 */
int identity_get(struct identity *id, const char *name, const char *scope,
                 struct fetch_place *place, identity_done on_done, void *ctx,
                 struct identity_request **ret, struct parley_error *err);

/* on_done does not come. Thread: the place's, before the loop goes. */
void identity_cancel(struct identity_request *request);

/* The peer refused this token, which is dropped if it is still the one kept. Thread: any. */
void identity_refused(struct identity *id, const char *name, const char *scope,
                      struct parley_view value);

#endif
