/* SPDX-License-Identifier: Apache-2.0 */
/* The list of tools: read page by page, again when it changes, and offered to the host. */
#include "client_state.h"

#include "catalog.h"

#include <stdio.h>

#define RELIST_MS           1000 /* at most one listing in this time */
#define MAX_PAGES           64
#define MAX_CURSOR          4096
#define MAX_REFUSALS_LOGGED 10

static void drop_catalog(struct client *c)
{
    if (c->current != c->shown)
        catalog_destroy(c->current);
    c->current = NULL;
}

void listing_replace(struct client *c, struct catalog *fresh)
{
    if (catalog_equals(c->current, fresh)) {
        catalog_destroy(fresh);
        return;
    }
    drop_catalog(c);
    c->current = fresh;
    c->tools->changed(c->config.around.worker, c->worker_instance);
}

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
    c->is_stale = false;
    c->pages = 0;
    c->refusals = 0;
    c->fresh = catalog_create();
    if (c->fresh == NULL) {
        client_fail(c, "no memory for its tools");
        return;
    }
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

    warn_of_missing(c);
    if (c->refusals > MAX_REFUSALS_LOGGED)
        LOG(c, WARN, "further tools are not offered count=%u", c->refusals - MAX_REFUSALS_LOGGED);
    c->fresh = NULL;
    c->awaited = 0;
    c->listed_ms = client_now_ms(c);
    c->config.around.timer->stop(c->step);
    listing_replace(c, fresh);
    if (c->state != READY)
        client_become_ready(c);
    if (c->is_stale)
        schedule(c);
}

static void on_refused(void *ctx, const char *name, const char *reason)
{
    struct client *c = ctx;

    if (c->listed_ms == 0 &&
        ++c->refusals <= MAX_REFUSALS_LOGGED) /* known after the first listing */
        LOG(c, WARN, "a tool is not offered: %s tool=\"%.80s\"", reason, name);
}

static void take_page(struct client *c, json_t *result)
{
    const struct catalog_rules rules = {
        .prefix = c->config.prefix,
        .allow = c->config.allow,
        .timeout_ms = c->config.timeout_ms,
        .mirrors = client_mirrors(c),
    };
    json_t *cursor = json_object_get(result, "nextCursor");

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

void listing_changed(struct client *c)
{
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

void client_list(struct client *c, struct parley_tool_list *ret_list)
{
    size_t count;

    if (c->shown != c->current)
        catalog_destroy(c->shown);
    c->shown = c->current;
    const struct parley_tool *items = catalog_items(c->current, &count);
    *ret_list = (struct parley_tool_list){
        .size = sizeof(*ret_list),
        .item_size = sizeof(*items),
        .items = items,
        .count = count,
    };
}
