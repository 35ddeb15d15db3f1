/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversation items: written without a tree, read leniently from a tree (an upstream may send
 * more than parley knows), checked strictly when a client made them (decode.h does that).
 */
#ifndef REALTIME_ITEM_H
#define REALTIME_ITEM_H

#include "base/buf.h"

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>

/* Longest item id or call_id that a client may choose. A model may take less (OpenAI: 32), see
 * struct parley_model_caps: then the session has its own name for the item towards the model. */
#define RT_MAX_CLIENT_ID_CHARS 128

enum rt_item_kind {
    RT_ITEM_UNKNOWN,
    RT_ITEM_MESSAGE,
    RT_ITEM_FUNCTION_CALL,
    RT_ITEM_FUNCTION_CALL_OUTPUT,
    RT_ITEM_MCP_LIST_TOOLS,
    RT_ITEM_MCP_CALL,
    RT_ITEM_MCP_APPROVAL_REQUEST,
    RT_ITEM_MCP_APPROVAL_RESPONSE,
    RT_ITEM_REFERENCE, /* only in the `input` of a response.create */
    RT_ITEM_KIND_COUNT
};

enum rt_role { RT_ROLE_NONE, RT_ROLE_SYSTEM, RT_ROLE_USER, RT_ROLE_ASSISTANT, RT_ROLE_COUNT };

enum rt_item_status {
    RT_ITEM_NO_STATUS, /* absent */
    RT_ITEM_IN_PROGRESS,
    RT_ITEM_COMPLETED,
    RT_ITEM_INCOMPLETE,
    RT_ITEM_STATUS_COUNT
};

enum rt_part_kind {
    RT_PART_UNKNOWN,
    RT_PART_INPUT_TEXT,
    RT_PART_INPUT_AUDIO,
    RT_PART_INPUT_IMAGE,
    RT_PART_OUTPUT_TEXT,
    RT_PART_OUTPUT_AUDIO,
    RT_PART_KIND_COUNT
};

struct rt_part {
    enum rt_part_kind kind;
    struct parley_view
        text; /* text or transcript; NULL data: absent (written as transcript null) */
    struct parley_view audio; /* base64; NULL data: left out, as everywhere but in `retrieved` */
    struct parley_view image_url;
};

/* All views are borrowed: from the writer's memory, or from `tree` when read. */
struct rt_item {
    enum rt_item_kind kind;
    enum rt_role role;
    enum rt_item_status status;
    struct parley_view id;
    struct parley_view call_id;
    struct parley_view name;
    struct parley_view arguments;
    struct parley_view output;
    const struct rt_part *parts; /* for writing; reading leaves it NULL, see rt_item_part() */
    size_t part_count;
    const json_t *tree; /* what it was read from, else NULL */
};

/* "function_call", "assistant", "in_progress", "output_text"; "" for the first of each. */
const char *rt_item_kind_name(enum rt_item_kind kind);
const char *rt_role_name(enum rt_role role);
const char *rt_item_status_name(enum rt_item_status status);
const char *rt_part_kind_name(enum rt_part_kind kind);

/* Append the item as JSON. Members that are absent are left out, never null, but the `transcript`
 * of an audio part, which is always there. */
void rt_item_write(struct buf *out, const struct rt_item *item);

/* What the tree says, without judging it: unknown words give UNKNOWN, absent members empty views.
 */
void rt_item_read(const json_t *tree, struct rt_item *ret_item);

/* The i-th part of a message, false when there is none. Knows the short names `text` and `audio`
 * that some servers still use for an assistant's parts. */
bool rt_item_part(const json_t *tree, size_t i, struct rt_part *ret_part);

/* Append all text and transcripts of a message, one space between parts. */
void rt_item_text(struct buf *out, const json_t *tree);

/*
 * The item as it can be put into a fresh conversation by conversation.item.create: no status, no
 * object, spoken parts as text (audio of an assistant cannot be inserted), parts without text left
 * out. NULL for what cannot be replayed: lists of MCP tools, references, messages left empty. The
 * caller owns the tree.
 */
json_t *rt_item_for_replay(const json_t *tree);

#endif
