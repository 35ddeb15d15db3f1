/* SPDX-License-Identifier: Apache-2.0 */
#include "phrases.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

#define MAX_PLACE_WORDS  4
#define MAX_PERSON_WORDS 3

static const struct token *token_at(const struct slots *slots, size_t at)
{
    return at < slots->u->count ? &slots->u->tokens[at] : NULL;
}

static bool is(const struct slots *slots, size_t at, const char *word)
{
    return utterance_is(slots->u, at, word);
}

static bool is_in(const struct slots *slots, size_t at, const char *list)
{
    return utterance_in(slots->u, at, list);
}

/* A word of the tool's own name or description, so of the command rather than of its content. */
static bool is_anchor(const struct slots *slots, size_t at)
{
    const struct token *token = token_at(slots, at);

    if (token == NULL || token->is_stop || token->is_number)
        return false;
    const struct term *term = tool_term_like(slots->tool, token->stem);
    return term != NULL && term->is_anchor;
}

/* A word that names something: not punctuation, not filler, not a number, not spoken for. */
static bool is_content(const struct slots *slots, size_t at)
{
    const struct token *token = token_at(slots, at);

    return token != NULL && !token->is_stop && !token->is_number && !slots->used[at];
}

struct span phrase_trim(const struct utterance *u, struct span span)
{
    static const char polite[] = "please thanks thank you . , ? ! : ;";

    while (span.first < span.end && utterance_in(u, span.first, "please , . : ; -"))
        span.first++;
    while (span.end > span.first && utterance_in(u, span.end - 1, polite))
        span.end--;
    return span;
}

/* --- Places and people --------------------------------------------------------------------------
 */

static size_t place_end(const struct slots *slots, size_t at)
{
    size_t end = at;
    bool has_own_word = false;

    while (end - at < MAX_PLACE_WORDS && is_content(slots, end) &&
           !word_is_time(slots->u->tokens[end].word)) {
        has_own_word = has_own_word || slots->u->tokens[end].is_capital || !is_anchor(slots, end);
        end++;
    }
    return has_own_word ? end : at; /* "in the forecast" is no place */
}

static bool place_after(const struct slots *slots, const char *prepositions, struct span *ret_span)
{
    for (size_t i = 0; i + 1 < slots->u->count; i++) {
        if (!is_in(slots, i, prepositions))
            continue;
        size_t first = i + 1 + is(slots, i + 1, "the");
        size_t end = place_end(slots, first);
        if (end > first) {
            *ret_span = (struct span){first, end};
            return true;
        }
    }
    return false;
}

/* The last run of capitals, when capitals say anything: not at the start, not in a shout. */
static bool capital_run(const struct slots *slots, struct span *ret_span)
{
    for (size_t end = slots->u->count; end > 1; end--) {
        size_t first = end;
        while (first > 1 && is_content(slots, first - 1) &&
               slots->u->tokens[first - 1].is_capital &&
               !word_is_time(slots->u->tokens[first - 1].word))
            first--;
        if (first < end) {
            *ret_span = (struct span){first, end};
            return true;
        }
    }
    return false;
}

bool phrase_place(const struct slots *slots, bool is_required, struct span *ret_span)
{
    static const char *const prepositions[] = {"in near", "at", "for", "of", "from", "to"};

    for (size_t i = 0; i < sizeof(prepositions) / sizeof(prepositions[0]); i++) {
        if (place_after(slots, prepositions[i], ret_span))
            return true;
    }
    return is_required && capital_run(slots, ret_span);
}

static size_t person_end(const struct slots *slots, size_t at)
{
    size_t end = at + is(slots, at, "my");

    if (!is_content(slots, end) || word_is_time(slots->u->tokens[end].word))
        return at;
    bool is_capital = slots->u->tokens[end++].is_capital;
    while (is_capital && end - at < MAX_PERSON_WORDS && is_content(slots, end) &&
           slots->u->tokens[end].is_capital)
        end++;
    return end;
}

static bool person_after(const struct slots *slots, const char *markers, bool capital,
                         struct span *ret_span)
{
    for (size_t i = 0; i + 1 < slots->u->count; i++) {
        size_t end = person_end(slots, i + 1);
        if (!is_in(slots, i, markers) || end == i + 1 || is_anchor(slots, i + 1))
            continue;
        if (capital && !slots->u->tokens[i + 1].is_capital)
            continue;
        *ret_span = (struct span){i + 1, end};
        return true;
    }
    return false;
}

bool phrase_person(const struct slots *slots, struct span *ret_span)
{
    static const char verbs[] =
        "text message call email phone ring tell ask send invite contact mail "
        "dial";

    return person_after(slots, "to for with", true, ret_span) ||
           person_after(slots, verbs, false, ret_span) ||
           person_after(slots, "to for with", false, ret_span);
}

/* --- Text ---------------------------------------------------------------------------------------
 */

static bool has_words(const struct slots *slots, struct span span)
{
    for (size_t i = span.first; i < span.end; i++) {
        if (!slots->u->tokens[i].is_stop)
            return true;
    }
    return false;
}

/* Text that was announced counts whatever it says ("saying hello"). */
static bool give_announced(const struct slots *slots, size_t first, size_t end,
                           struct span *ret_span)
{
    *ret_span = phrase_trim(slots->u, (struct span){first, end});
    return ret_span->first < ret_span->end;
}

static bool give(const struct slots *slots, size_t first, size_t end, struct span *ret_span)
{
    return give_announced(slots, first, end, ret_span) && has_words(slots, *ret_span);
}

static bool quoted(const struct slots *slots, struct span *ret_span)
{
    size_t open = 0;

    while (open < slots->u->count && !is(slots, open, "\""))
        open++;
    for (size_t i = open + 1; i < slots->u->count; i++) {
        if (is(slots, i, "\""))
            return give_announced(slots, open + 1, i, ret_span);
    }
    return false;
}

/* Words that announce text: how many tokens they are, or 0. */
static size_t text_marker(const struct slots *slots, size_t at)
{
    bool is_command = at > 0 && (is_anchor(slots, at - 1) || slots->used[at - 1] ||
                                 slots->u->tokens[at - 1].is_stop);

    if (is(slots, at, "saying") || (at > 0 && is(slots, at, ":")))
        return 1;
    if (is_in(slots, at, "that which") && is(slots, at + 1, "says"))
        return 2;
    if (is(slots, at, "to") && is(slots, at + 1, "say"))
        return 2;
    if (is(slots, at, "with") && is_in(slots, at + 1, "text message"))
        return 2;
    return is_command && is(slots, at, "that") ? 1 : 0;
}

static bool marked_text(const struct slots *slots, struct span *ret_span)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        size_t marker = text_marker(slots, i);
        if (marker > 0 && give_announced(slots, i + marker, slots->u->count, ret_span))
            return true;
    }
    return false;
}

/* Where the command ends and its content begins, counted from the first word of the command. */
static size_t command_end(const struct slots *slots, size_t first)
{
    size_t end = first;

    for (size_t i = first; i < slots->u->count; i++) {
        bool is_command = is_anchor(slots, i) || slots->used[i];
        if (!is_command && !slots->u->tokens[i].is_stop)
            break;
        bool connects = is_in(slots, i, "to that about for") && !slots->used[i];
        if (is_command || connects || is_in(slots, i, "up down out"))
            end = i + 1;
        bool goes_on =
            i + 1 < slots->u->count && (slots->used[i + 1] || is_in(slots, i + 1, "me us"));
        if (connects && !goes_on)
            break;
    }
    return end;
}

/* "milk to the shopping list": where the words about the tool at the end begin. */
static size_t content_end(const struct slots *slots, size_t first)
{
    size_t end = slots->u->count, cut = end;

    while (end > first && (slots->u->tokens[end - 1].is_stop || slots->used[end - 1] ||
                           is_anchor(slots, end - 1))) {
        end--;
        if (slots->used[end] || is_in(slots, end, "to on in from into onto off"))
            cut = end;
    }
    return cut;
}

static bool text_after_command(const struct slots *slots, struct span *ret_span)
{
    size_t anchor = 0;

    while (anchor < slots->u->count && !is_anchor(slots, anchor))
        anchor++;
    size_t first = anchor < slots->u->count ? command_end(slots, anchor) : 0;
    if (give(slots, first, content_end(slots, first), ret_span))
        return true;
    /* "put milk on the shopping list": the content comes before the tool's words */
    first = 0;
    while (first < anchor && (slots->u->tokens[first].is_stop || slots->used[first]))
        first++;
    while (anchor > first && (slots->u->tokens[anchor - 1].is_stop || slots->used[anchor - 1]))
        anchor--;
    return anchor < slots->u->count && give(slots, first, anchor, ret_span);
}

bool phrase_text(const struct slots *slots, bool is_required, struct span *ret_span)
{
    return quoted(slots, ret_span) || marked_text(slots, ret_span) ||
           (is_required && text_after_command(slots, ret_span));
}

bool phrase_name(const struct slots *slots, struct span *ret_span)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        if (is_in(slots, i, "called named titled") &&
            give(slots, i + 1, content_end(slots, i + 1), ret_span))
            return true;
    }
    return false;
}

/* --- Keys and values ----------------------------------------------------------------------------
 */

/* The token after which the value stands: "is" of "my X is Y", "to" of "set X to Y". */
static size_t value_marker(const struct slots *slots, size_t *ret_key)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        bool is_my = is(slots, i, "my");
        if (!is_my && !is(slots, i, "set"))
            continue;
        *ret_key = i + 1 + is_in(slots, i + 1, "the my");
        for (size_t j = *ret_key + 1; j < slots->u->count; j++) {
            if (is_in(slots, j, is_my ? "is are =" : "to ="))
                return j;
        }
    }
    return slots->u->count;
}

bool phrase_key(const struct slots *slots, struct span *ret_span)
{
    size_t key = 0;
    size_t marker = value_marker(slots, &key);

    if (key == 0)
        return false;
    return give(slots, key, marker, ret_span);
}

bool phrase_value(const struct slots *slots, struct span *ret_span)
{
    size_t key = 0;
    size_t marker = value_marker(slots, &key);

    return marker < slots->u->count && give(slots, marker + 1, slots->u->count, ret_span);
}

/* --- Files and numbers that name ----------------------------------------------------------------
 */

static void copy_span(const struct slots *slots, size_t at, char *text, size_t size)
{
    struct parley_view said = utterance_span(slots->u, at, at + 1);

    (void)snprintf(text, size, "%.*s", (int)said.len, said.data);
}

bool phrase_file(struct slots *slots, char *text, size_t size)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        const struct token *token = &slots->u->tokens[i];
        if (slots->used[i] || token->is_number || token->is_sign)
            continue;
        if (is(slots, i + 1, "dot") && i + 2 < slots->u->count) {
            (void)snprintf(text, size, "%s.%s", token->word, slots->u->tokens[i + 2].word);
            memset(slots->used + i, true, 3);
            return true;
        }
        if (strchr(token->word, '.') != NULL || strchr(token->word, '/') != NULL) {
            copy_span(slots, i, text, size);
            slots->used[i] = true;
            return true;
        }
    }
    return false;
}

static bool has_digit(const char *word)
{
    return strpbrk(word, "0123456789") != NULL;
}

/* Digits said one by one are one number: "one two three" is 123. */
static void join_digits(struct slots *slots, size_t at, char *text, size_t size)
{
    size_t len = 0;

    for (; at < slots->u->count && slots->u->tokens[at].is_number; at++) {
        int written = snprintf(text + len, size - len, "%s", slots->u->tokens[at].word);
        if (written < 0 || (size_t)written >= size - len)
            return;
        len += (size_t)written;
        slots->used[at] = true;
    }
}

static bool id_at(struct slots *slots, size_t at, char *text, size_t size)
{
    const struct token *token = token_at(slots, at);

    if (token == NULL || slots->used[at] || !has_digit(token->word))
        return false;
    if (token->is_number && at + 1 < slots->u->count && slots->u->tokens[at + 1].is_number) {
        join_digits(slots, at, text, size);
    } else {
        copy_span(slots, at, text, size);
        if (token->is_number)
            (void)snprintf(text, size, "%s", token->word); /* spoken: its digits */
        slots->used[at] = true;
    }
    return true;
}

bool phrase_id(struct slots *slots, char *text, size_t size)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        if (is_in(slots, i, "number id code order ticket invoice case reference") &&
            id_at(slots, i + 1, text, size))
            return true;
    }
    for (size_t i = 0; i < slots->u->count; i++) {
        if (id_at(slots, i, text, size))
            return true;
    }
    return false;
}
