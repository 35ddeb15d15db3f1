/* SPDX-License-Identifier: Apache-2.0 */
#include "score.h"

#include <math.h>
#include <string.h>

#include "slots.h"
#include "words.h"

#define BM25_K1          1.2
#define BM25_B           0.4
#define SYNONYM_WEIGHT   0.7
#define REMARK_WEIGHT    0.4
#define LEAST_TOOLS      8   /* so that one tool alone still has telling words */
#define ARITHMETIC_BONUS 6.0 /* a sum was said and the tool takes one */

/* What the sentence asks for, besides its words. */
struct mood {
    bool is_question; /* wants to know, so a tool that only reads is likelier */
    bool is_creation; /* wants something made, so a tool that only reads is unlikely */
    bool is_remark;   /* tells something of the speaker and asks for nothing */
    bool is_deletion;
};

static bool starts_with(const struct utterance *u, size_t at, const char *first, const char *second)
{
    return utterance_in(u, at, first) && (second == NULL || utterance_in(u, at + 1, second));
}

/* "do you like music", "what do you think about the weather": asks for an opinion, not for a tool.
 */
static bool asks_opinion(const struct utterance *u)
{
    for (size_t i = 0; i + 1 < u->count; i++) {
        if (starts_with(u, i, "you", "like love think feel believe hate"))
            return true;
    }
    return false;
}

/* "the order was wrong": a statement about something. */
static bool states_past(const struct utterance *u, size_t at)
{
    for (size_t i = at + 1; i < at + 4; i++) {
        if (utterance_in(u, i, "was were"))
            return utterance_in(u, at, "the this that these those");
    }
    return false;
}

/* "I lost my umbrella" wishes for nothing; "I need", "I want", "I'd like" do. */
static bool is_remark(const struct utterance *u)
{
    static const char wishes[] =
        "i need want wanna would wish like have am got must should can could do";
    size_t at = 0;

    while (utterance_in(u, at, "well oh so and but hey hi hello um uh , yes no ok okay"))
        at++;
    if (starts_with(u, at, "i", NULL))
        return !utterance_in(u, at + 1, wishes);
    if (starts_with(u, at, "my we they he she it", NULL))
        return !utterance_in(u, at + 1, "need");
    return starts_with(u, at, "what", "a an") || asks_opinion(u) || states_past(u, at);
}

static struct mood mood_of(const struct utterance *u)
{
    static const char questions[] =
        "what what's whats which who who's when where how how's is are do "
        "does did show list read tell any";
    struct mood mood = {.is_remark = is_remark(u)};
    size_t at = 0;

    while (utterance_in(u, at, "can could would will you please and now , ok okay"))
        at++;
    mood.is_creation = utterance_in(u, at, "take make add create write put jot save set");
    for (size_t i = 0; i < u->count; i++) {
        mood.is_deletion = mood.is_deletion || word_is_destructive(u->tokens[i].word) ||
                           utterance_in(u, i, "forget");
        mood.is_question =
            mood.is_question || (i < 4 && utterance_in(u, i, questions)) || utterance_is(u, i, "?");
    }
    return mood;
}

/* --- BM25 ---------------------------------------------------------------------------------------
 */

/* In how many tools the stem stands. */
static size_t document_count(const struct catalog *catalog, const char *stem)
{
    size_t count = 0;

    for (size_t i = 0; i < catalog->count; i++)
        count += tool_term(&catalog->tools[i], stem) != NULL;
    return count;
}

static double rarity(const struct catalog *catalog, const char *stem)
{
    double all = catalog->count > LEAST_TOOLS ? (double)catalog->count : LEAST_TOOLS;
    double with = (double)document_count(catalog, stem);

    return log(1 + (all - with + 0.5) / (with + 0.5));
}

static double term_score(const struct catalog *catalog, const struct tool *tool,
                         const struct term *term)
{
    double length = tool->weight_sum / (catalog->mean_weight > 0 ? catalog->mean_weight : 1);
    double norm = BM25_K1 * (1 - BM25_B + BM25_B * length);

    return rarity(catalog, term->stem) * term->weight * (BM25_K1 + 1) / (term->weight + norm);
}

static bool is_asked(const struct token *token)
{
    return !token->is_stop && !token->is_number;
}

static bool is_repeated(const struct utterance *u, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(u->tokens[i].stem, u->tokens[at].stem) == 0)
            return true;
    }
    return false;
}

/* The words of a sum say nothing about tools that take none: "twelve times four" asks no clock. */
static bool is_in_arithmetic(const struct arithmetic *arithmetic, size_t at)
{
    return arithmetic != NULL && at >= arithmetic->first && at < arithmetic->end;
}

static double bm25(const struct catalog *catalog, const struct tool *tool,
                   const struct utterance *u, const struct arithmetic *arithmetic,
                   bool *ret_is_anchored)
{
    double score = 0;

    *ret_is_anchored = false;
    for (size_t i = 0; i < u->count; i++) {
        const struct token *token = &u->tokens[i];
        if (!is_asked(token) || is_in_arithmetic(arithmetic, i) || is_repeated(u, i))
            continue;
        const struct term *same = tool_term(tool, token->stem);
        const struct term *like = tool_term_like(tool, token->stem);
        if (like == NULL)
            continue;
        *ret_is_anchored = *ret_is_anchored || like->is_anchor;
        double weight = same == like ? 1 : SYNONYM_WEIGHT;
        score += term_score(catalog, tool, like) * weight;
    }
    return score;
}

/* --- Weighing -----------------------------------------------------------------------------------
 */

/* Which share of the words that matter the tool can explain, by its terms or by its arguments. */
static double coverage(const struct slots *slots)
{
    double asked = 0, explained = 0;

    for (size_t i = 0; i < slots->u->count; i++) {
        const struct token *token = &slots->u->tokens[i];
        if (!is_asked(token) && !slots->used[i])
            continue;
        if (!is_asked(token))
            continue; /* a number or a small word inside an argument */
        asked++;
        explained += slots->used[i] || tool_term_like(slots->tool, token->stem) != NULL;
    }
    return asked > 0 ? explained / asked : 1;
}

static bool takes_arithmetic(const struct tool *tool)
{
    for (size_t i = 0; i < tool->parameter_count; i++) {
        if (tool->parameters[i].kind == SLOT_EXPRESSION)
            return true;
    }
    return false;
}

static double weigh(const struct slots *slots, const struct mood *mood, double score)
{
    double share = slots_share(slots->tool, slots->arguments);

    score *= 0.6 + 0.4 * share;
    score *= 0.4 + 0.6 * coverage(slots);
    if (mood->is_remark)
        score *= REMARK_WEIGHT;
    if (mood->is_question && slots->tool->is_read_only)
        score *= 1.15;
    if (mood->is_question && !slots->tool->is_read_only && share < 1)
        score *= 0.8;
    if (mood->is_creation && slots->tool->is_read_only)
        score *= 0.5;
    if (slots->tool->is_destructive && !mood->is_deletion)
        score *= 0.5;
    return score;
}

/* Keep the best ones, best first; of equals the earlier one. */
static void insert(struct match *matches, size_t *count, const struct match *match)
{
    size_t at = *count;

    while (at > 0 && matches[at - 1].score < match->score)
        at--;
    if (at == SCORE_MAX_MATCHES)
        return;
    size_t last = *count < SCORE_MAX_MATCHES ? *count : SCORE_MAX_MATCHES - 1;
    memmove(matches + at + 1, matches + at, (last - at) * sizeof(*matches));
    matches[at] = *match;
    *count = last + 1;
}

static size_t rank(const struct catalog *catalog, const struct utterance *u,
                   const struct arithmetic *arithmetic, struct match *matches)
{
    size_t count = 0;

    for (size_t i = 0; i < catalog->count; i++) {
        struct match match = {.tool = &catalog->tools[i]};
        bool is_anchored = false;
        match.score = bm25(catalog, match.tool, u, arithmetic, &is_anchored);
        if (arithmetic != NULL && takes_arithmetic(match.tool)) {
            match.score += ARITHMETIC_BONUS;
            is_anchored = true;
        }
        if (is_anchored && match.tool->is_fillable)
            insert(matches, &count, &match);
    }
    return count;
}

size_t score_tools(const struct catalog *catalog, const struct utterance *u, int64_t now_s,
                   struct match *ret_matches)
{
    struct match ranked[SCORE_MAX_MATCHES];
    struct arithmetic arithmetic;
    const struct arithmetic *found = arithmetic_find(u, &arithmetic) ? &arithmetic : NULL;
    struct mood mood = mood_of(u);
    size_t count = 0, ranked_count = rank(catalog, u, found, ranked);

    for (size_t i = 0; i < ranked_count; i++) {
        struct slots slots = {.u = u, .tool = ranked[i].tool, .arithmetic = found, .now_s = now_s};
        if (!slots_fill(&slots))
            continue;
        struct match match = {ranked[i].tool, weigh(&slots, &mood, ranked[i].score),
                              slots.arguments};
        insert(ret_matches, &count, &match);
    }
    return count;
}

void score_done(struct match *matches, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_decref(matches[i].arguments);
}
