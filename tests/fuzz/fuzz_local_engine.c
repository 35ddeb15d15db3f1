/* SPDX-License-Identifier: Apache-2.0 */
/* The rule engine of model_local: the first line is the tools' JSON, each further line one thing
 * said. */
#include "fuzz.h"

#include <string.h>

#include "dialogue.h"

#define MAX_TURNS 8

static size_t line_length(const char *text, size_t len)
{
    const char *end = len > 0 ? memchr(text, '\n', len) : NULL;

    return end != NULL ? (size_t)(end - text) : len;
}

static void say_lines(const struct catalog *catalog, const char *text, size_t len)
{
    static const struct dialogue_rules rules = {.confirm = CONFIRM_ALL, .min_score = 0.5};
    struct dialogue dialogue = {0};
    struct dialogue_reply reply;

    for (int turn = 0; turn < MAX_TURNS && len > 0; turn++) {
        size_t line = line_length(text, len);
        struct parley_view said = {text, line};
        dialogue_turn(&dialogue, catalog, said, &rules, 1767603600, &reply);
        dialogue_reply_done(&reply);
        dialogue_results(&dialogue, &said, 1, &reply);
        dialogue_reply_done(&reply);
        text += line + (line < len);
        len -= line + (line < len);
    }
    dialogue_force(&dialogue, catalog, NULL, (struct parley_view){"go", 2}, 0, &reply);
    dialogue_reply_done(&reply);
    dialogue_greet(&dialogue, catalog, &reply);
    dialogue_reply_done(&reply);
    dialogue_done(&dialogue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t line = line_length(text, size);
    struct catalog catalog;

    if (!catalog_read(&catalog, (struct parley_view){text, line}))
        return 0;
    if (line < size)
        say_lines(&catalog, text + line + 1, size - line - 1);
    catalog_done(&catalog);
    return 0;
}
