/* SPDX-License-Identifier: Apache-2.0 */
#include "arithmetic.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#define MAX_DEPTH 16

/* A reading attempt: where it stands and what it wrote. Copied to try, assigned back to give up. */
struct maths {
    const struct utterance *u;
    size_t at;
    size_t len;
    int depth;
    int operations;
    char out[ARITHMETIC_MAX_BYTES + 1];
};

static bool read_sum(struct maths *m);
static bool operand(struct maths *m, bool homophones);

__attribute__((format(printf, 2, 3))) static bool emit(struct maths *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(m->out + m->len, sizeof(m->out) - m->len, format, args);
    va_end(args);
    if (len < 0 || m->len + (size_t)len >= sizeof(m->out))
        return false;
    m->len += (size_t)len;
    return true;
}

static bool is_at(const struct maths *m, const char *word)
{
    return utterance_is(m->u, m->at, word);
}

/* Take the words of the phrase when all of them come next. */
static bool take(struct maths *m, const char *phrase)
{
    char word[TOKEN_MAX_BYTES + 1];
    size_t at = m->at;

    while (*phrase != '\0') {
        size_t len = strcspn(phrase, " ");
        memcpy(word, phrase, len);
        word[len] = '\0';
        if (!utterance_is(m->u, at++, word))
            return false;
        phrase += len + (phrase[len] == ' ');
    }
    m->at = at;
    return true;
}

static bool take_any(struct maths *m, const char *const *phrases)
{
    for (; *phrases != NULL; phrases++) {
        if (take(m, *phrases))
            return true;
    }
    return false;
}

static bool number_follows(const struct maths *m, size_t at)
{
    return at < m->u->count && (m->u->tokens[at].is_number || utterance_is(m->u, at, "("));
}

/* --- Operands -----------------------------------------------------------------------------------
 */

static bool number(struct maths *m, bool homophones)
{
    const struct token *token = m->at < m->u->count ? &m->u->tokens[m->at] : NULL;
    double value = 0;

    if (token == NULL)
        return false;
    if (token->is_number)
        value = token->number;
    else if (!homophones || !word_homophone(token->word, &value))
        return false;
    m->at++;
    return emit(m, "%.15g", value);
}

static bool in_parentheses(struct maths *m)
{
    m->at++;
    if (!emit(m, "(") || !read_sum(m))
        return false;
    while (take(m, ",")) {
        if (!emit(m, ", ") || !read_sum(m))
            return false;
    }
    return take(m, ")") && emit(m, ")");
}

/* Names of the calculator, as they are typed: sqrt(2). */
static bool typed_function(struct maths *m)
{
    static const char names[] =
        "abs acos asin atan cbrt ceil cos exp floor ln log log2 log10 max min "
        "mod pow round sin sqrt tan trunc";

    if (!utterance_in(m->u, m->at, names) || !utterance_is(m->u, m->at + 1, "("))
        return false;
    m->operations++;
    return emit(m, "%s", m->u->tokens[m->at++].word) && in_parentheses(m);
}

/* "square root of nine": before, operand, after. */
static bool spoken_function(struct maths *m, bool *ret_is_one)
{
    static const struct {
        const char *phrase;
        const char *before;
        const char *after;
    } functions[] = {
        {"square root of", "sqrt(", ")"},
        {"square root", "sqrt(", ")"},
        {"cube root of", "cbrt(", ")"},
        {"root of", "sqrt(", ")"},
        {"square of", "", "^2"},
        {"cube of", "", "^3"},
        {"half of", "", " / 2"},
        {"third of", "", " / 3"},
        {"quarter of", "", " / 4"},
        {"double", "2 * ", ""},
        {"twice", "2 * ", ""},
        {"triple", "3 * ", ""},
    };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (!take(m, functions[i].phrase))
            continue;
        *ret_is_one = true;
        m->operations++;
        return emit(m, "%s", functions[i].before) && operand(m, true) &&
               emit(m, "%s", functions[i].after);
    }
    return true;
}

static bool postfix(struct maths *m)
{
    static const char *const units[] = {"dollars", "dollar", "euros", "euro", "pounds",
                                        "pound",   "cents",  "cent",  NULL};
    static const char *const percent[] = {"percent", "per cent", NULL};

    (void)take_any(m, units);
    if (take(m, "squared")) {
        m->operations++;
        return emit(m, "^2");
    }
    if (take(m, "cubed")) {
        m->operations++;
        return emit(m, "^3");
    }
    bool is_percent = take_any(m, percent);
    if (!is_percent && is_at(m, "%") && !number_follows(m, m->at + 1))
        is_percent = take(m, "%");
    if (!is_percent)
        return true;
    if (!emit(m, "%%"))
        return false;
    if (!take(m, "of"))
        return true;
    m->operations++;
    return emit(m, " * ") && operand(m, true);
}

static bool negative(struct maths *m)
{
    static const char *const signs[] = {"negative", "minus", "-", NULL};

    return take_any(m, signs);
}

static bool bare_operand(struct maths *m, bool homophones)
{
    static const char *const articles[] = {"the", "a", NULL};
    bool is_function = false;

    if (negative(m))
        return emit(m, "-") && operand(m, homophones);
    (void)take_any(m, articles);
    if (!spoken_function(m, &is_function))
        return false;
    if (is_function)
        return true;
    if (is_at(m, "("))
        return in_parentheses(m);
    struct maths before = *m;
    if (typed_function(m))
        return true;
    *m = before;
    return number(m, homophones);
}

static bool operand(struct maths *m, bool homophones)
{
    if (m->depth >= MAX_DEPTH)
        return false;
    m->depth++;
    bool is_read = bare_operand(m, homophones) && postfix(m);
    m->depth--;
    return is_read;
}

/* --- Operators between --------------------------------------------------------------------------
 */

static const struct infix {
    const char *phrase;
    const char *sign;
    bool is_sure; /* nothing else is meant, even after a word that only sounds like a number */
} infixes[] = {
    {"plus", "+", true},
    {"+", "+", true},
    {"minus", "-", true},
    {"take away", "-", true},
    {"less", "-", false},
    {"-", "-", false},
    {"times", "*", true},
    {"multiplied by", "*", true},
    {"multiplied with", "*", true},
    {"x", "*", false},
    {"*", "*", true},
    {"divided by", "/", true},
    {"over", "/", false},
    {"/", "/", false},
    {"raised to the power of", "^", true},
    {"to the power of", "^", false},
    {"to the power", "^", false},
    {"^", "^", true},
    {"modulo", "%", true},
    {"mod", "%", true},
};

/* A dash without blanks is arithmetic only where it was asked for; else it is a phone number. */
static bool dash_counts(const struct maths *m)
{
    if (!m->u->tokens[m->at].is_glued || m->at == 1)
        return true;
    if (utterance_is(m->u, m->at - 2, "is"))
        return m->at > 2 && utterance_is(m->u, m->at - 3, "what");
    return utterance_in(m->u, m->at - 2,
                        "what's whats calculate compute evaluate much solve ( + - * /");
}

static const struct infix *infix_here(struct maths *m)
{
    if (is_at(m, "%") && number_follows(m, m->at + 1)) {
        static const struct infix remainder = {"%", "%", true};
        m->at++;
        return &remainder;
    }
    if (is_at(m, "-") && !dash_counts(m))
        return NULL;
    for (size_t i = 0; i < sizeof(infixes) / sizeof(infixes[0]); i++) {
        if (take(m, infixes[i].phrase))
            return &infixes[i];
    }
    return NULL;
}

/* Recognisers write a short pause as a comma: "two, plus three". */
static const struct infix *infix(struct maths *m)
{
    size_t before = m->at;

    while (take(m, ","))
        continue;
    bool has_pause = m->at != before;
    const struct infix *found = infix_here(m);
    if (found != NULL && has_pause && !found->is_sure)
        found = NULL;
    if (found == NULL)
        m->at = before;
    return found;
}

/* Operators and operands after the first one, as far as they go. */
static bool read_tail(struct maths *m)
{
    for (;;) {
        struct maths before = *m;
        const struct infix *between = infix(m);
        if (between == NULL || !emit(m, " %s ", between->sign) || !operand(m, true)) {
            *m = before;
            return true;
        }
        m->operations++;
    }
}

static bool read_sum(struct maths *m)
{
    struct maths ahead = *m;
    bool is_homophone = m->at < m->u->count && !m->u->tokens[m->at].is_number;

    if (is_homophone) { /* "to plus free": only when an operator leaves no doubt */
        ahead.at++;
        const struct infix *next = infix(&ahead);
        is_homophone = next != NULL && next->is_sure;
    }
    return operand(m, is_homophone) && read_tail(m);
}

/* --- Commands -----------------------------------------------------------------------------------
 */

/* "add two to three" heard as "add 2 2 3": the middle one was the word between. */
static void take_misheard_to(struct maths *m)
{
    if (number_follows(m, m->at) && m->u->tokens[m->at].number == 2 &&
        number_follows(m, m->at + 1) && !number_follows(m, m->at + 2))
        m->at++;
}

/* A, B and C joined by one sign. */
static bool read_list(struct maths *m, const char *sign, const char *const *between, int *ret_count)
{
    if (!operand(m, true))
        return false;
    take_misheard_to(m);
    for (*ret_count = 1;; (*ret_count)++) {
        struct maths before = *m;
        bool is_joined = take_any(m, between) || (*ret_count == 1 && number_follows(m, m->at));
        (void)take(m, "and");
        if (!is_joined || !emit(m, " %s ", sign) || !operand(m, true)) {
            *m = before;
            return *ret_count > 1;
        }
        m->operations++;
    }
}

/* "subtract A from B" is B - A. */
static bool read_reversed(struct maths *m)
{
    size_t start = m->len;
    char first[ARITHMETIC_MAX_BYTES + 1];

    if (!operand(m, true) || !take(m, "from"))
        return false;
    memcpy(first, m->out + start, m->len - start);
    first[m->len - start] = '\0';
    m->len = start;
    m->operations++;
    return operand(m, true) && emit(m, " - %s", first);
}

static bool read_average(struct maths *m, const char *const *between)
{
    int count = 0;

    return emit(m, "(") && read_list(m, "+", between, &count) && emit(m, ") / %d", count);
}

static bool read_command(struct maths *m)
{
    static const char *const add[] = {"add", "sum up", "sum of", "total of", "add up", NULL};
    static const char *const multiply[] = {"multiply", "product of", NULL};
    static const char *const divide[] = {"divide", "quotient of", NULL};
    static const char *const subtract[] = {"subtract", "take away", "take", "deduct", NULL};
    static const char *const difference[] = {"difference between", "difference of", NULL};
    static const char *const average[] = {"average of", "mean of", NULL};
    static const char *const added[] = {"and", "to", "plus", "with", ",", "+", NULL};
    static const char *const by[] = {"by", "and", "with", "times", ",", NULL};
    int count = 0;

    if (take_any(m, add))
        return read_list(m, "+", added, &count);
    if (take_any(m, multiply))
        return read_list(m, "*", by, &count);
    if (take_any(m, divide))
        return read_list(m, "/", by, &count);
    if (take_any(m, subtract))
        return read_reversed(m);
    if (take_any(m, difference))
        return read_list(m, "-", added, &count);
    return take_any(m, average) && read_average(m, added);
}

/* --- Finding ------------------------------------------------------------------------------------
 */

static bool read_at(const struct utterance *u, size_t at, struct maths *ret)
{
    *ret = (struct maths){.u = u, .at = at};
    if (read_command(ret) && read_tail(ret))
        return true;
    *ret = (struct maths){.u = u, .at = at};
    return read_sum(ret);
}

static bool find(const struct utterance *u, int least_operations, struct arithmetic *ret)
{
    struct maths best = {0}, m;
    size_t best_first = 0, best_tokens = 0;

    for (size_t at = 0; at < u->count; at++) {
        if (!read_at(u, at, &m) || m.operations < least_operations || m.at - at <= best_tokens)
            continue;
        best = m;
        best_first = at;
        best_tokens = m.at - at;
        at = m.at - 1;
    }
    if (best_tokens == 0)
        return false;
    memcpy(ret->text, best.out, sizeof(ret->text));
    ret->text[best.len] = '\0';
    ret->first = best_first;
    ret->end = best.at;
    return true;
}

bool arithmetic_find(const struct utterance *u, struct arithmetic *ret_arithmetic)
{
    return find(u, 1, ret_arithmetic);
}

bool arithmetic_answer(const struct utterance *u, struct arithmetic *ret_arithmetic)
{
    return find(u, 1, ret_arithmetic) || find(u, 0, ret_arithmetic);
}
