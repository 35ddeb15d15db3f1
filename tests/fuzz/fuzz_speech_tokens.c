/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses: a file of word pieces (bytes repeated until there are enough lines), a
 * text to be tidied, a text to be spoken.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "speakable.h"
#include "tokens.h"

static void parse(const char *text, size_t len)
{
    struct tokens *tokens = NULL;
    char out[64];
    size_t at = 0;

    if (tokens_parse(text, len, &tokens, NULL) < 0)
        return;
    for (int64_t i = -1; i <= TOKENS_COUNT; i += 997)
        (void)tokens_append(tokens, i, out, sizeof(out), &at);
    (void)tokens_tidy(out, at);
    tokens_destroy(tokens);
}

static void parse_repeated(const char *text, size_t len)
{
    size_t total = len == 0 ? 0 : 400000 / len * len;
    char *many = malloc(total + 1);

    if (many == NULL)
        abort();
    for (size_t i = 0; i < total; i += len)
        memcpy(many + i, text, len);
    parse(many, total);
    free(many);
}

static void tidy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        abort();
    memcpy(copy, text, len);
    size_t left = tokens_tidy(copy, len);
    if (left > len || tokens_tidy(copy, left) != left)
        abort(); /* tidying twice changes nothing */
    free(copy);
}

static void speak(const char *text, size_t len)
{
    char out[256];

    int r = speakable((struct parley_view){text, len}, out, sizeof(out), NULL);
    if (r >= 0 && strlen(out) != (size_t)r)
        abort();
    for (int i = 0; i < r; i++) {
        if (out[i] < ' ' || out[i] > '~')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;

    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        parse(text, size - 1);
        break;
    case 1:
        parse_repeated(text, size - 1);
        break;
    case 2:
        tidy(text, size - 1);
        break;
    default:
        speak(text, size - 1);
    }
    return 0;
}
