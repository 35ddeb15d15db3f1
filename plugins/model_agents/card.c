/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <string.h>
#include <strings.h>

#include "value.h"

static bool is_wanted(enum a2a_version wanted, bool is_old)
{
    return wanted == A2A_AUTO || (wanted == A2A_0_3) == is_old;
}

/* The newest interface that is wanted; agents list the preferred one first. */
static void read_interfaces(const json_t *list, enum a2a_version wanted, struct card *card)
{
    const json_t *face = NULL;
    size_t i = 0;

    json_array_foreach(list, i, face)
    {
        const char *version = value_str(face, "protocolVersion");
        bool is_old = strncmp(version, "0.", 2) == 0;
        bool is_better = card->url == NULL || (card->is_old && !is_old);
        if (!value_is(face, "protocolBinding", "JSONRPC") || value_str(face, "url")[0] == '\0' ||
            !is_wanted(wanted, is_old) || !is_better)
            continue;
        card->url = value_str(face, "url");
        card->is_old = is_old;
    }
}

static void read_old_interfaces(const json_t *list, struct card *card)
{
    const json_t *face = NULL;
    size_t i = 0;

    json_array_foreach(list, i, face)
    {
        if (card->url == NULL && value_is(face, "transport", "JSONRPC"))
            card->url = value_str(face, "url");
    }
}

/* 0.3: one URL, and others beside it. */
static void read_old(const json_t *tree, struct card *card)
{
    const char *transport = value_str(tree, "preferredTransport");

    if (card->url != NULL)
        return;
    if (value_str(tree, "url")[0] != '\0' &&
        (transport[0] == '\0' || strcmp(transport, "JSONRPC") == 0))
        card->url = value_str(tree, "url");
    read_old_interfaces(json_object_get(tree, "additionalInterfaces"), card);
    card->is_old = card->url != NULL;
}

int card_read(const json_t *tree, enum a2a_version version, struct card *ret,
              struct parley_error *err)
{
    struct card card = {0};

    read_interfaces(json_object_get(tree, "supportedInterfaces"), version, &card);
    if (is_wanted(version, true))
        read_old(tree, &card);
    if (card.url == NULL || card.url[0] == '\0')
        return parley_fail(
            err, PARLEY_E_UNSUPPORTED,
            "the agent's card offers no JSON-RPC interface of A2A %s; see a2a_version",
            version == A2A_0_3   ? "0.3"
            : version == A2A_1_0 ? "1.0"
                                 : "1.0 or 0.3");
    card.can_stream = json_is_true(json_object_get(json_object_get(tree, "capabilities"), //
                                                   "streaming"));
    *ret = card;
    return PARLEY_OK;
}

/* Length of scheme, host and port. */
static size_t origin_len(const char *url)
{
    const char *host = strstr(url, "://");

    return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

bool card_is_same_origin(const char *url, const char *other)
{
    size_t len = origin_len(url);

    return len > 0 && len == origin_len(other) && strncasecmp(url, other, len) == 0;
}
