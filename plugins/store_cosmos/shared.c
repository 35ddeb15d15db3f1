/* SPDX-License-Identifier: Apache-2.0 */
#include "shared.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 64
#define MAX_RANGE  40
#define MAX_VALUE  120

/* "0:-1#12#1=7": of range 0 the version -1, the number 12, and numbers of regions. */
struct range {
    char id[MAX_RANGE];
    char value[MAX_VALUE];
    int64_t version;
    int64_t number;
};

struct shared {
    pthread_mutex_t lock;
    int64_t skew_s;
    struct range ranges[MAX_RANGES];
    size_t range_count;
    size_t next_range; /* to be replaced when there are too many */
    bool is_starting;
    bool is_started;
    int64_t failed_until_ms;
    struct parley_error why;
    char *account;
};

static void lock(struct shared *s)
{
    (void)pthread_mutex_lock(&s->lock); /* fails only for a lock that is not one */
}

static void unlock(struct shared *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

struct shared *shared_create(void)
{
    struct shared *s = calloc(1, sizeof(*s));

    if (s != NULL)
        (void)pthread_mutex_init(&s->lock, NULL); /* never fails for a default lock */
    return s;
}

void shared_destroy(struct shared *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    free(s->account);
    free(s);
}

int64_t shared_skew_s(struct shared *s)
{
    lock(s);
    int64_t skew_s = s->skew_s;
    unlock(s);
    return skew_s;
}

void shared_set_skew_s(struct shared *s, int64_t skew_s)
{
    lock(s);
    s->skew_s = skew_s;
    unlock(s);
}

/* ---- session tokens ---- */

/* One token. False when it is none. */
static bool read_range(struct parley_view token, struct range *ret)
{
    const char *colon = token.len == 0 ? NULL : memchr(token.data, ':', token.len);
    size_t id_len = colon == NULL ? 0 : (size_t)(colon - token.data);
    size_t value_len = colon == NULL ? 0 : token.len - id_len - 1;
    char *rest = NULL;

    if (id_len == 0 || id_len >= MAX_RANGE || value_len == 0 || value_len >= MAX_VALUE)
        return false;
    memset(ret, 0, sizeof(*ret));
    memcpy(ret->id, token.data, id_len);
    memcpy(ret->value, colon + 1, value_len);
    if (strspn(ret->value, "0123456789-#=") != value_len)
        return false;
    ret->number = strtoll(ret->value, &rest, 10);
    if (*rest == '#') {
        ret->version = ret->number;
        ret->number = strtoll(rest + 1, NULL, 10);
    }
    return true;
}

static bool is_newer(const struct range *a, const struct range *b)
{
    return a->version != b->version ? a->version > b->version : a->number > b->number;
}

static void keep_range(struct shared *s, const struct range *range)
{
    for (size_t i = 0; i < s->range_count; i++) {
        if (strcmp(s->ranges[i].id, range->id) != 0)
            continue;
        if (is_newer(range, &s->ranges[i]))
            s->ranges[i] = *range;
        return;
    }
    if (s->range_count < MAX_RANGES) {
        s->ranges[s->range_count++] = *range;
        return;
    }
    s->ranges[s->next_range] = *range;
    s->next_range = (s->next_range + 1) % MAX_RANGES;
}

void shared_note_session(struct shared *s, struct parley_view token)
{
    lock(s);
    while (token.len > 0) {
        const char *comma = memchr(token.data, ',', token.len);
        size_t len = comma == NULL ? token.len : (size_t)(comma - token.data);
        struct range range;
        if (read_range((struct parley_view){token.data, len}, &range))
            keep_range(s, &range);
        token.data += len + (comma != NULL);
        token.len -= len + (comma != NULL);
    }
    unlock(s);
}

char *shared_session(struct shared *s)
{
    char *text = NULL;
    size_t len = 0;

    lock(s);
    if (s->range_count > 0)
        text = malloc(s->range_count * (MAX_RANGE + MAX_VALUE + 1));
    for (size_t i = 0; text != NULL && i < s->range_count; i++)
        len += (size_t)sprintf(text + len, "%s%s:%s", i == 0 ? "" : ",", s->ranges[i].id,
                               s->ranges[i].value);
    unlock(s);
    return text;
}

/* ---- the start ---- */

enum start_state shared_claim_start(struct shared *s, int64_t now_ms, char **ret_account,
                                    struct parley_error *ret_why, int64_t *ret_until_ms)
{
    enum start_state state = START_WAIT;

    lock(s);
    if (s->is_started) {
        *ret_account = strdup(s->account);
        state = *ret_account != NULL ? START_DONE : START_WAIT;
    } else if (now_ms < s->failed_until_ms) {
        *ret_why = s->why;
        *ret_until_ms = s->failed_until_ms;
        state = START_FAILED;
    } else if (!s->is_starting) {
        s->is_starting = true;
        state = START_YOURS;
    }
    unlock(s);
    return state;
}

void shared_set_account(struct shared *s, const char *account)
{
    char *copy = strdup(account);

    if (copy == NULL)
        return; /* the older one will do */
    lock(s);
    free(s->account);
    s->account = copy;
    unlock(s);
}

void shared_started(struct shared *s, const char *account)
{
    shared_set_account(s, account);
    lock(s);
    s->is_starting = false;
    s->is_started = s->account != NULL;
    unlock(s);
}

void shared_start_failed(struct shared *s, const struct parley_error *why, int64_t until_ms)
{
    lock(s);
    s->is_starting = false;
    s->failed_until_ms = why == NULL ? 0 : until_ms;
    if (why != NULL)
        s->why = *why;
    unlock(s);
}
