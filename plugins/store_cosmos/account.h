/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account's regions: where to read, where to write, and which of them are left alone for a
 * while. One per worker.
 */
#ifndef STORE_COSMOS_ACCOUNT_H
#define STORE_COSMOS_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/error.h>

#define ACCOUNT_MAX_REGIONS 40
#define ACCOUNT_REFRESH_MS  300000
#define ACCOUNT_DOWN_MS     300000 /* a region that failed is tried again after this */

/* In the order of the option's values. ACCOUNT: no header, the account's own. */
enum consistency {
    CONSISTENCY_ACCOUNT,
    CONSISTENCY_STRONG,
    CONSISTENCY_BOUNDED,
    CONSISTENCY_SESSION,
    CONSISTENCY_PREFIX,
    CONSISTENCY_EVENTUAL,
    CONSISTENCY_COUNT,
};

struct config;

struct region {
    char *endpoint; /* without a slash at its end */
    int64_t down_until_ms;
};

struct account {
    const struct config *config;
    char *global; /* the endpoint of the options, without a slash at its end */
    struct region regions[ACCOUNT_MAX_REGIONS];
    size_t region_count;
    size_t readable[ACCOUNT_MAX_REGIONS]; /* into regions, the preferred first */
    size_t readable_count;
    size_t writable[ACCOUNT_MAX_REGIONS];
    size_t writable_count;
    bool has_many_writers;
    enum consistency level;
    int64_t read_ms; /* when it was last read; 0: never */
};

/* False without memory. account_done() is due in any case. */
bool account_init(struct account *a, const struct config *config);
void account_done(struct account *a);

/* Take in the description that GET / answers with. PROTOCOL when it is none. */
int account_read(struct account *a, const char *json, int64_t now_ms, struct parley_error *err);

/* Where the next request goes. Never NULL. */
const char *account_reader(const struct account *a, int64_t now_ms);
const char *account_writer(const struct account *a, int64_t now_ms);

/* Where the account itself is described: the `tried`th place to ask. */
const char *account_describer(const struct account *a, unsigned tried);

/* Leave the region alone for a while. True when there is another that may serve instead. */
bool account_mark_down(struct account *a, const char *endpoint, bool is_write, int64_t now_ms);

/* The name in headers and descriptions; "" for CONSISTENCY_ACCOUNT. */
const char *consistency_name(enum consistency level);

#endif
