/* SPDX-License-Identifier: Apache-2.0 */
#include "spoken.h"

#include <math.h>
#include <string.h>

#define MAX_DECIMALS 12

/* What a number word may be followed by decides how it is joined. */
enum part { PART_NONE, PART_UNIT, PART_TEEN, PART_TEN, PART_HUNDRED, PART_SCALE };

static const struct {
    const char *word;
    enum part part;
    double value;
} number_words[] = {
    {"zero", PART_TEEN, 0},        {"one", PART_UNIT, 1},        {"two", PART_UNIT, 2},
    {"three", PART_UNIT, 3},       {"four", PART_UNIT, 4},       {"five", PART_UNIT, 5},
    {"six", PART_UNIT, 6},         {"seven", PART_UNIT, 7},      {"eight", PART_UNIT, 8},
    {"nine", PART_UNIT, 9},        {"ten", PART_TEEN, 10},       {"eleven", PART_TEEN, 11},
    {"twelve", PART_TEEN, 12},     {"thirteen", PART_TEEN, 13},  {"fourteen", PART_TEEN, 14},
    {"fifteen", PART_TEEN, 15},    {"sixteen", PART_TEEN, 16},   {"seventeen", PART_TEEN, 17},
    {"eighteen", PART_TEEN, 18},   {"nineteen", PART_TEEN, 19},  {"twenty", PART_TEN, 20},
    {"thirty", PART_TEN, 30},      {"forty", PART_TEN, 40},      {"fourty", PART_TEN, 40},
    {"fifty", PART_TEN, 50},       {"sixty", PART_TEN, 60},      {"seventy", PART_TEN, 70},
    {"eighty", PART_TEN, 80},      {"ninety", PART_TEN, 90},     {"hundred", PART_HUNDRED, 100},
    {"thousand", PART_SCALE, 1e3}, {"million", PART_SCALE, 1e6}, {"billion", PART_SCALE, 1e9},
    {"dozen", PART_SCALE, 12},
};

static enum part part_at(const struct utterance *u, size_t at, double *ret_value)
{
    if (at >= u->count || u->tokens[at].is_number)
        return PART_NONE;
    for (size_t i = 0; i < sizeof(number_words) / sizeof(number_words[0]); i++) {
        if (strcmp(number_words[i].word, u->tokens[at].word) == 0) {
            *ret_value = number_words[i].value;
            return number_words[i].part;
        }
    }
    return PART_NONE;
}

/* The number so far: `total` of the scales that are closed, `current` of the one being said. */
struct sum {
    double total;
    double current;
    enum part last;
};

static bool join(struct sum *sum, enum part part, double value)
{
    bool starts_group =
        sum->last == PART_NONE || sum->last == PART_HUNDRED || sum->last == PART_SCALE;

    if (part == PART_UNIT && !starts_group && sum->last != PART_TEN)
        return false;
    if ((part == PART_TEEN || part == PART_TEN) && !starts_group)
        return false;
    if (part == PART_HUNDRED || part == PART_SCALE) {
        if (sum->current == 0 || (part == PART_HUNDRED && sum->current >= 100))
            return false;
        sum->current *= value;
        if (part == PART_SCALE) {
            sum->total += sum->current;
            sum->current = 0;
        }
    } else {
        sum->current += value;
    }
    sum->last = part;
    return true;
}

/* "and" belongs to a number only in "two hundred and five". */
static bool is_inner_and(const struct utterance *u, size_t at, const struct sum *sum)
{
    double value = 0;
    enum part next = part_at(u, at + 1, &value);

    return utterance_is(u, at, "and") && (sum->last == PART_HUNDRED || sum->last == PART_SCALE) &&
           (next == PART_UNIT || next == PART_TEEN || next == PART_TEN) && value > 0;
}

/* "point one four" after a number. */
static size_t decimals(const struct utterance *u, size_t at, double *value)
{
    double place = 0.1, digit = 0;
    size_t count = 0;

    if (!utterance_is(u, at, "point"))
        return 0;
    for (; count < MAX_DECIMALS; count++, place /= 10) {
        const struct token *token = at + 1 + count < u->count ? &u->tokens[at + 1 + count] : NULL;
        if (token != NULL && token->is_number && token->number < 10)
            digit = token->number;
        else if (part_at(u, at + 1 + count, &digit) == PART_NONE || digit >= 10)
            break;
        *value += digit * place;
    }
    *value = round(*value * 1e12) / 1e12;
    return count > 0 ? count + 1 : 0;
}

/* The first part: digits, a word, or "a" before hundred, thousand, dozen. */
static size_t begin(const struct utterance *u, size_t at, struct sum *sum)
{
    double value = 0;
    enum part part = part_at(u, at, &value);

    if (u->tokens[at].is_number) {
        sum->current = u->tokens[at].number;
        sum->last = PART_TEEN;
        return 1;
    }
    if (part != PART_NONE && part < PART_HUNDRED) {
        (void)join(sum, part, value); /* anything may begin a number */
        return 1;
    }
    enum part next = part_at(u, at + 1, &value);
    if (utterance_in(u, at, "a an") && (next == PART_HUNDRED || next == PART_SCALE)) {
        sum->current = 1;
        sum->last = PART_UNIT;
        return 1;
    }
    return 0;
}

size_t spoken_number(const struct utterance *u, size_t at, double *ret_value)
{
    struct sum sum = {0};
    size_t used = begin(u, at, &sum);

    if (used == 0)
        return 0;
    for (double value = 0;;) {
        size_t skip = is_inner_and(u, at + used, &sum);
        enum part part = part_at(u, at + used + skip, &value);
        if (part == PART_NONE || !join(&sum, part, value))
            break;
        used += skip + 1;
    }
    double value = sum.total + sum.current;
    used += decimals(u, at + used, &value);
    if (used == 1 && u->tokens[at].is_number)
        return 0; /* plain digits are a number already */
    *ret_value = value;
    return used;
}
