/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of tools: read page by page, and again when the server says that it has changed, or when
 * it is wanted and no longer fresh; never just because time passes. Offered to the host.
 */
#include "client_state.h"

#include "catalog.h"

#include <stdio.h>

#define RELIST_MS           1000 /* at most one listing in this time */
#define MAX_PAGES           64
#define MAX_CURSOR          4096
#define MAX_REFUSALS_LOGGED 10
#define MAX_FRESH_MS        86400000
#define NEVER_OLD           (-1) /* older revisions do not say how long a list is fresh */

/* ---- telling the host ---- */

static void drop_catalog(struct client *c)
{
    if (c->current != c->shown)
        catalog_destroy(c->current);
    c->current = NULL;
}

static void tell_changed(struct client *c)
{
    c->is_promised = false;
    c->is_list_due = true;
    c->tools->changed(c->config.around.worker, c->worker_instance);
}

void listing_replace(struct client *c, struct catalog *fresh)
{
    bool is_same = catalog_equals(c->current, fresh);

    if (is_same)
        catalog_destroy(fresh);
    else
        drop_catalog(c);
    if (!is_same)
        c->current = fresh;
    if (!is_same || c->is_promised)
        tell_changed(c);
}

/* ---- asking the server ---- */

void listing_abandon(struct client *c)
{
    catalog_destroy(c->fresh);
    c->fresh = NULL;
    c->awaited = 0;
}

static void list_page(struct client *c, const char *cursor)
{
    client_ask(c, "tools/list",
               cursor == NULL ? json_object() : json_pack("{s:s}", "cursor", cursor),
               LINK_ORDINARY);
}

void listing_begin(struct client *c)
{
    listing_abandon(c);
    if (c->config.elder != NULL) {
        client_become_ready(c);
        return;
    }
    c->is_stale = false;
    c->pages = 0;
    c->refusals = 0;
    c->ttl_ms = c->is_stateless ? MAX_FRESH_MS : NEVER_OLD;
    c->fresh = catalog_create();
    if (c->fresh == NULL) {
        client_fail(c, "no memory for its tools");
        return;
    }
    c->listing_ms = client_now_ms(c);
    if (c->state == READY)
        c->config.around.timer->start(c->step, c->config.start_timeout_ms);
    list_page(c, NULL);
}

void listing_on_timer(void *ctx)
{
    struct client *c = ctx;

    if (c->state == READY && c->awaited == 0)
        listing_begin(c);
}

static void schedule(struct client *c)
{
    int64_t wait = c->listed_ms + RELIST_MS - client_now_ms(c);

    c->config.around.timer->start(c->relist, wait > 0 ? wait : 0);
}

/* ---- what it answers ---- */

static void warn_of_missing(struct client *c)
{
    const struct parley_list *allow = c->config.allow;

    for (size_t i = 0; allow != NULL && i < allow->count; i++) {
        if (catalog_find_own(c->fresh, allow->items[i]) == NULL)
            LOG(c, WARN, "allow: the server has no usable tool \"%.80s\"", allow->items[i]);
    }
}

static void finish(struct client *c)
{
    struct catalog *fresh = c->fresh;

    if (c->listed_ms == 0)
        warn_of_missing(c);
    if (c->refusals > MAX_REFUSALS_LOGGED)
        LOG(c, WARN, "further tools are not offered count=%u", c->refusals - MAX_REFUSALS_LOGGED);
    c->fresh = NULL;
    c->awaited = 0;
    c->listed_ms = client_now_ms(c);
    c->config.around.timer->stop(c->step);
    listing_replace(c, fresh);
    if (c->state == READY)
        calling_listed(c);
    else
        client_become_ready(c);
    if (c->is_stale && c->state == READY)
        schedule(c);
}

/* Known after the first listing. */
static void on_refused(void *ctx, const char *name, const char *reason)
{
    struct client *c = ctx;

    if (c->listed_ms == 0 && ++c->refusals <= MAX_REFUSALS_LOGGED)
        LOG(c, WARN, "a tool is not offered: %s tool=\"%.80s\"", reason, name);
}

static void on_changed(void *ctx, const char *name)
{
    const struct client *c = ctx;

    LOG(c, WARN, "the MCP server has changed what it says of a tool; %s tool=\"%.80s\"",
        c->config.refuses_changed ? "it is not offered any more, see on_changed_tool"
                                  : "the new words are in use",
        name);
}

/* The shortest of its pages; missing and negative ones mean that it is old at once. */
static void take_ttl(struct client *c, const json_t *result)
{
    const json_t *ttl = json_object_get(result, "ttlMs");
    double ms = json_is_number(ttl) ? json_number_value(ttl) : 0;

    if (c->ttl_ms != NEVER_OLD && ms < (double)c->ttl_ms)
        c->ttl_ms = ms > 0 ? (int64_t)ms : 0;
}

static void take_page(struct client *c, json_t *result)
{
    const struct catalog_rules rules = {
        .prefix = c->config.prefix,
        .allow = c->config.allow,
        .timeout_ms = c->config.timeout_ms,
        .max_timeout_ms = c->config.max_timeout_ms,
        .mirrors = client_mirrors(c),
        .pins = c->config.pins,
        .refuses_changed = c->config.refuses_changed,
        .on_changed = on_changed,
    };
    json_t *cursor = json_object_get(result, "nextCursor");

    take_ttl(c, result);
    catalog_add(c->fresh, &rules, json_object_get(result, "tools"), on_refused, c);
    /* An empty cursor is one, too: only a missing one is the end. */
    if (!json_is_string(cursor) || json_string_length(cursor) > MAX_CURSOR)
        finish(c);
    else if (++c->pages < MAX_PAGES)
        list_page(c, json_string_value(cursor));
    else {
        LOG(c, WARN, "the list of tools has more than %d pages; the rest is left out", MAX_PAGES);
        finish(c);
    }
}

void listing_answered(struct client *c, const struct message *m)
{
    char why[300];

    if (m->kind == MESSAGE_RESULT)
        take_page(c, m->result);
    else if (m->error_code == MESSAGE_METHOD_NOT_FOUND)
        finish(c); /* a server without tools */
    else {
        (void)snprintf(why, sizeof(why), "it answered tools/list with error %lld: %.180s",
                       (long long)m->error_code, m->error_message);
        client_fail(c, why);
    }
}

void listing_settle(struct client *c)
{
    if (c->is_promised)
        tell_changed(c);
}

void listing_failed(struct client *c)
{
    listing_abandon(c);
    listing_settle(c);
    calling_listed(c);
}

void listing_changed(struct client *c)
{
    if (c->config.elder != NULL)
        return;
    if (c->awaited != 0)
        c->is_stale = true;
    else if (c->state == READY)
        schedule(c);
}

void listing_done(struct client *c)
{
    catalog_destroy(c->fresh);
    if (c->shown != c->current)
        catalog_destroy(c->shown);
    catalog_destroy(c->current);
}

/* ---- for the role ---- */

static int64_t fresh_ms(const struct client *c)
{
    int64_t left = c->listed_ms + c->ttl_ms - client_now_ms(c);

    if (c->ttl_ms == NEVER_OLD || c->state != READY)
        return 0;
    return left > 1 ? left : 1;
}

/* Somebody wants the list, and it is old: but not because it was told just now that it is new. */
static void freshen(struct client *c)
{
    bool is_wanted =
        !c->is_list_due && c->state == READY && c->awaited == 0 && c->ttl_ms != NEVER_OLD;
    int64_t age = client_now_ms(c) - c->listed_ms;

    c->is_list_due = false;
    if (is_wanted && age >= c->ttl_ms && age >= RELIST_MS)
        listing_begin(c);
}

/* How long a conversation may wait for a list that is being made, the first one or a fresh one.
 * A server that has failed already is not waited for. */
static int64_t wait_ms(const struct client *c)
{
    bool is_first = c->state != READY && c->failures == 0;
    bool is_again = c->state == READY && c->fresh != NULL;
    int64_t since = is_first ? c->begun_ms : c->listing_ms;
    int64_t left = since + c->config.ready_timeout_ms - client_now_ms(c);

    return (is_first || is_again) && left > 0 ? left : 0;
}

void client_list(struct client *c, struct parley_tool_list *ret_list)
{
    size_t count;

    freshen(c);
    if (c->shown != c->current)
        catalog_destroy(c->shown);
    c->shown = c->current;
    const struct parley_tool *items = catalog_items(c->current, &count);
    *ret_list = (struct parley_tool_list){
        .size = sizeof(*ret_list),
        .item_size = sizeof(*items),
        .items = items,
        .count = count,
        .wait_ms = wait_ms(c),
        .fresh_ms = fresh_ms(c),
        .trouble = c->trouble[0] == '\0' ? NULL : c->trouble,
    };
    c->is_promised = ret_list->wait_ms > 0;
}
