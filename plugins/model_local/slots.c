/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <math.h>
#include <string.h>

#include "phrases.h"
#include "when.h"
#include "words.h"

#define MAX_TEXT 256

static void use(struct slots *slots, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        slots->used[i] = true;
}

static json_t *json_span(const struct utterance *u, struct span span)
{
    struct parley_view text = utterance_span(u, span.first, span.end);

    return json_stringn(text.data, text.len); /* NULL when the text is not UTF-8 */
}

/* --- Choices ------------------------------------------------------------------------------------
 */

static bool same_word(const struct token *said, const struct token *wanted)
{
    const char *like[WORD_MAX_SYNONYMS];

    if (strcmp(said->stem, wanted->stem) == 0 || strcmp(said->word, wanted->word) == 0)
        return true;
    size_t count = word_synonyms(said->stem, like);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(like[i], wanted->stem) == 0)
            return true;
    }
    return false;
}

/* Where the words of `wanted` stand side by side; u->count when they do not. */
static size_t find_words(const struct utterance *u, const struct utterance *wanted)
{
    for (size_t i = 0; wanted->count > 0 && i + wanted->count <= u->count; i++) {
        size_t same = 0;
        while (same < wanted->count && same_word(&u->tokens[i + same], &wanted->tokens[same]))
            same++;
        if (same == wanted->count)
            return i;
    }
    return u->count;
}

/* The value with the most words said. `scratch` holds the value being compared. */
static json_t *find_enum(struct slots *slots, json_t *values, struct utterance *scratch)
{
    size_t index = 0, best_at = 0, best_words = 0;
    json_t *value = NULL, *best = NULL;

    json_array_foreach(values, index, value)
    {
        if (!json_is_string(value) || index == 50)
            continue;
        utterance_read_name(
            scratch, (struct parley_view){json_string_value(value), json_string_length(value)});
        size_t at = find_words(slots->u, scratch);
        if (at == slots->u->count || scratch->count <= best_words)
            continue;
        best = value;
        best_at = at;
        best_words = scratch->count;
    }
    use(slots, best_at, best_at + best_words);
    return json_incref(best);
}

static json_t *find_bool(struct slots *slots, const struct parameter *parameter,
                         struct utterance *scratch)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        bool is_yes = utterance_in(slots->u, i, "on yes true enable enabled");
        if (is_yes || utterance_in(slots->u, i, "off no false disable disabled")) {
            use(slots, i, i + 1);
            return json_boolean(is_yes);
        }
    }
    utterance_read_name(scratch, (struct parley_view){parameter->name, strlen(parameter->name)});
    size_t at = find_words(slots->u, scratch);
    if (at == slots->u->count)
        return NULL;
    return json_boolean(at == 0 || !utterance_in(slots->u, at - 1, "not no"));
}

/* --- Numbers ------------------------------------------------------------------------------------
 */

static json_t *json_number_of(const struct parameter *parameter, double value)
{
    if (!isfinite(value) || fabs(value) > 1e15)
        return NULL;
    if (parameter->is_integer || (value == floor(value)))
        return json_integer((json_int_t)llround(value));
    return json_real(value);
}

/* "five minutes", "two and a half hours", "an hour", "half an hour": seconds and where it ends. */
static double duration_at(const struct utterance *u, size_t at, size_t *ret_end)
{
    double amount = 1;
    size_t unit = at + 1;

    if (u->tokens[at].is_number) {
        amount = u->tokens[at].number;
    } else if (utterance_is(u, at, "half")) {
        amount = 0.5;
        unit += utterance_in(u, unit, "a an");
    } else if (!utterance_in(u, at, "a an")) {
        return 0;
    }
    if (utterance_is(u, unit, "and") && utterance_is(u, unit + 1, "a") &&
        utterance_is(u, unit + 2, "half")) {
        amount += 0.5;
        unit += 3;
    }
    double seconds = unit < u->count ? word_time_unit(u->tokens[unit].word) : 0;
    *ret_end = unit + 1;
    if (utterance_is(u, unit + 1, "and") && utterance_is(u, unit + 2, "a") &&
        utterance_is(u, unit + 3, "half")) { /* an hour and a half */
        amount += 0.5;
        *ret_end = unit + 4;
    }
    return amount * seconds;
}

static json_t *find_duration(struct slots *slots, const struct parameter *parameter)
{
    double total = 0;

    for (size_t i = 0, end = 0; i < slots->u->count; i++) {
        double seconds = slots->used[i] ? 0 : duration_at(slots->u, i, &end);
        if (!(seconds > 0)) {
            if (total > 0 && !utterance_in(slots->u, i, "and ,"))
                break; /* "five minutes ... two hours": only the first */
            continue;
        }
        total += seconds;
        use(slots, i, end);
        i = end - 1;
    }
    return total > 0 ? json_number_of(parameter, total / parameter->unit_seconds) : NULL;
}

static bool is_negative(const struct utterance *u, size_t at)
{
    return at > 0 && (utterance_is(u, at - 1, "minus") ||
                      (utterance_is(u, at - 1, "-") && !u->tokens[at - 1].is_glued));
}

static bool has_time_unit(const struct utterance *u, size_t at)
{
    return at + 1 < u->count && word_time_unit(u->tokens[at + 1].word) > 0;
}

static json_t *find_plain_number(struct slots *slots, const struct parameter *parameter)
{
    for (size_t i = 0; i < slots->u->count; i++) {
        const struct token *token = &slots->u->tokens[i];
        if (!token->is_number || slots->used[i] || has_time_unit(slots->u, i))
            continue;
        use(slots, i, i + 1);
        return json_number_of(parameter, is_negative(slots->u, i) ? -token->number : token->number);
    }
    return NULL;
}

/* "set a timer for to minutes": small words count as numbers only where one is missing. */
static json_t *find_homophone(struct slots *slots, const struct parameter *parameter)
{
    for (size_t i = 1; i < slots->u->count; i++) {
        double value = 0;
        bool is_preposition = utterance_in(slots->u, i, "to for too");
        bool is_last = i + 1 == slots->u->count || slots->u->tokens[i + 1].is_sign;
        bool has_unit = has_time_unit(slots->u, i);
        if (slots->used[i] || !word_homophone(slots->u->tokens[i].word, &value) ||
            (is_preposition && !is_last && !has_unit))
            continue;
        if (has_unit && parameter->unit_seconds > 0)
            value *= word_time_unit(slots->u->tokens[i + 1].word) / parameter->unit_seconds;
        use(slots, i, i + 1 + has_unit);
        return json_number_of(parameter, value);
    }
    return NULL;
}

static json_t *find_number(struct slots *slots, const struct parameter *parameter)
{
    json_t *value = NULL;

    if (parameter->unit_seconds > 0)
        value = find_duration(slots, parameter);
    if (value == NULL)
        value = find_plain_number(slots, parameter);
    if (value == NULL && parameter->is_required)
        value = find_homophone(slots, parameter);
    return value;
}

/* --- The rest -----------------------------------------------------------------------------------
 */

static json_t *find_expression(struct slots *slots)
{
    if (slots->arithmetic == NULL)
        return NULL;
    use(slots, slots->arithmetic->first, slots->arithmetic->end);
    return json_string(slots->arithmetic->text);
}

static json_t *find_when(struct slots *slots, const struct parameter *parameter)
{
    struct when when;
    bool found = parameter->kind == SLOT_DATE
                     ? when_date(slots->u, slots->now_s, parameter->wants_iso_date, &when)
                     : when_time(slots->u, &when);

    if (!found)
        return NULL;
    use(slots, when.first, when.end);
    return json_string(when.text);
}

static json_t *find_file(struct slots *slots)
{
    char text[MAX_TEXT];

    return phrase_file(slots, text, sizeof(text)) ? json_string(text) : NULL;
}

static json_t *find_id(struct slots *slots)
{
    char text[MAX_TEXT];

    return phrase_id(slots, text, sizeof(text)) ? json_string(text) : NULL;
}

static json_t *take_span(struct slots *slots, struct span span)
{
    use(slots, span.first, span.end);
    return json_span(slots->u, span);
}

static json_t *find_place(struct slots *slots, const struct parameter *parameter)
{
    struct span span;

    return phrase_place(slots, parameter->is_required, &span) ? take_span(slots, span) : NULL;
}

static json_t *find_person(struct slots *slots)
{
    struct span span;

    return phrase_person(slots, &span) ? take_span(slots, span) : NULL;
}

static json_t *find_text(struct slots *slots, const struct parameter *parameter)
{
    struct span span;

    return phrase_text(slots, parameter->is_required, &span) ? take_span(slots, span) : NULL;
}

static json_t *find_name(struct slots *slots, const struct parameter *parameter)
{
    struct span span;

    if (phrase_name(slots, &span))
        return take_span(slots, span);
    return parameter->is_required ? find_text(slots, parameter) : NULL;
}

static json_t *find_key_or_value(struct slots *slots, const struct parameter *parameter)
{
    struct span span;
    bool found =
        parameter->kind == SLOT_KEY ? phrase_key(slots, &span) : phrase_value(slots, &span);

    if (found)
        return take_span(slots, span);
    return parameter->kind == SLOT_VALUE ? find_text(slots, parameter) : NULL;
}

/* "milk, bread and eggs" as an array of strings. */
static json_t *split_list(const struct utterance *u, struct span span)
{
    json_t *list = json_array();

    for (size_t first = span.first, at = span.first; at <= span.end; at++) {
        if (at < span.end && !utterance_in(u, at, "and ,"))
            continue;
        if (at > first)
            (void)json_array_append_new(list, json_span(u, (struct span){first, at}));
        first = at + 1;
    }
    return list;
}

static json_t *find_list(struct slots *slots, const struct parameter *parameter)
{
    struct span span;

    if (!parameter->is_required || !phrase_text(slots, true, &span))
        return NULL;
    use(slots, span.first, span.end);
    return split_list(slots->u, span);
}

static json_t *find_value(struct slots *slots, const struct parameter *parameter,
                          struct utterance *scratch)
{
    switch (parameter->kind) {
    case SLOT_EXPRESSION:
        return find_expression(slots);
    case SLOT_ENUM:
        return find_enum(slots, parameter->values, scratch);
    case SLOT_BOOL:
        return find_bool(slots, parameter, scratch);
    case SLOT_NUMBER:
        return find_number(slots, parameter);
    case SLOT_DATE:
    case SLOT_TIME:
        return find_when(slots, parameter);
    case SLOT_FILE:
        return find_file(slots);
    case SLOT_ID:
        return find_id(slots);
    case SLOT_KEY:
    case SLOT_VALUE:
        return find_key_or_value(slots, parameter);
    case SLOT_PERSON:
        return find_person(slots);
    case SLOT_PLACE:
        return find_place(slots, parameter);
    case SLOT_NAME:
        return find_name(slots, parameter);
    case SLOT_TEXT:
        return find_text(slots, parameter);
    case SLOT_LIST:
        return find_list(slots, parameter);
    case SLOT_OTHER:
        break;
    }
    return NULL;
}

/* The sure ones first; free text last, since it takes what is left. */
static const enum slot_kind filling_order[] = {
    SLOT_EXPRESSION, SLOT_ENUM,   SLOT_DATE, SLOT_TIME,  SLOT_FILE,
    SLOT_ID,         SLOT_NUMBER, SLOT_BOOL, SLOT_VALUE, SLOT_KEY,
    SLOT_PERSON,     SLOT_PLACE,  SLOT_NAME, SLOT_TEXT,  SLOT_LIST,
};

bool slots_fill(struct slots *slots)
{
    struct utterance scratch;

    memset(slots->used, 0, sizeof(slots->used));
    slots->arguments = json_object();
    if (slots->arguments == NULL)
        return false;
    for (size_t k = 0; k < sizeof(filling_order) / sizeof(filling_order[0]); k++) {
        for (size_t i = 0; i < slots->tool->parameter_count; i++) {
            const struct parameter *parameter = &slots->tool->parameters[i];
            if (parameter->kind != filling_order[k])
                continue;
            json_t *value = find_value(slots, parameter, &scratch);
            if (value != NULL)
                (void)json_object_set_new(slots->arguments, parameter->name, value);
        }
    }
    return true;
}

/* --- Answers to a question ----------------------------------------------------------------------
 */

/* "It's for Anna, please": what is left without the words around it. */
static struct span answer_span(const struct utterance *u)
{
    struct span span = phrase_trim(u, (struct span){0, u->count});

    while (
        span.end - span.first > 1 &&
        utterance_in(u, span.first, "it it's its is the in at to for um uh well , say i want make"))
        span.first++;
    return span;
}

static json_t *answer_text(const struct utterance *u)
{
    struct span span = answer_span(u);

    return span.first < span.end ? json_span(u, span) : NULL;
}

static json_t *answer_number(const struct utterance *u, const struct parameter *parameter,
                             struct slots *slots)
{
    double value = 0;
    json_t *found = find_number(slots, parameter);

    if (found == NULL && u->count > 0 && word_homophone(u->tokens[0].word, &value))
        found = json_number_of(parameter, value);
    return found;
}

static json_t *answer_expression(const struct utterance *u)
{
    struct arithmetic arithmetic;

    return arithmetic_answer(u, &arithmetic) ? json_string(arithmetic.text) : NULL;
}

json_t *slots_answer(const struct utterance *u, const struct parameter *parameter, int64_t now_s)
{
    static const struct tool no_tool = {0};
    struct slots slots = {.u = u, .tool = &no_tool, .now_s = now_s};
    struct utterance scratch;
    struct span span = answer_span(u);

    switch (parameter->kind) {
    case SLOT_EXPRESSION:
        return answer_expression(u);
    case SLOT_NUMBER:
        return answer_number(u, parameter, &slots);
    case SLOT_ENUM:
    case SLOT_BOOL:
        return find_value(&slots, parameter, &scratch);
    case SLOT_DATE:
    case SLOT_TIME:
    case SLOT_FILE:
    case SLOT_ID: {
        json_t *value = find_value(&slots, parameter, &scratch);
        return value != NULL ? value : answer_text(u);
    }
    case SLOT_LIST:
        return span.first < span.end ? split_list(u, span) : NULL;
    case SLOT_OTHER:
        return NULL;
    default:
        return answer_text(u);
    }
}

/* --- What is there ------------------------------------------------------------------------------
 */

const struct parameter *slots_missing(const struct tool *tool, json_t *arguments)
{
    for (size_t i = 0; i < tool->parameter_count; i++) {
        const struct parameter *parameter = &tool->parameters[i];
        if (parameter->is_required && json_object_get(arguments, parameter->name) == NULL)
            return parameter;
    }
    return NULL;
}

double slots_share(const struct tool *tool, json_t *arguments)
{
    double required = 0, found = 0;

    for (size_t i = 0; i < tool->parameter_count; i++) {
        required += tool->parameters[i].is_required;
        found += tool->parameters[i].is_required &&
                 json_object_get(arguments, tool->parameters[i].name) != NULL;
    }
    return required > 0 ? found / required : 1;
}
