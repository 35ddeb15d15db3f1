/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/parse.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "conf/nearest.h"

#include <locale.h>
#include <math.h>

#define CONF_PARSE_MAX_WORD 48 /* of an ENUM, for the hint */

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
static const struct unit sizes[] = {{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}};

/* A value as messages show it: not too long, cut between characters. */
struct shown {
    char text[64];
};

static struct shown shown(const char *text)
{
    struct shown s;
    size_t len = strlen(text);
    size_t at = 0;

    while (at < len) {
        size_t step = utf8_char_len(text + at, len - at);
        if (step == 0)
            step = 1;
        if (at + step > sizeof(s.text) - 4)
            break;
        at += step;
    }
    memcpy(s.text, text, at);
    memcpy(s.text + at, at < len ? "..." : "", at < len ? 4 : 1);
    return s;
}

static const struct unit *units_of(uint32_t type, size_t *ret_count)
{
    *ret_count = type == PARLEY_TYPE_DURATION ? ARRAY_LEN(durations)
                 : type == PARLEY_TYPE_SIZE   ? ARRAY_LEN(sizes)
                                              : 0;
    return type == PARLEY_TYPE_DURATION ? durations : sizes;
}

/* Cut a unit off the end of the text; 1 when there is none. */
static int64_t take_unit(uint32_t type, struct parley_view *text)
{
    size_t count;
    const struct unit *units = units_of(type, &count);

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(units[i].name);
        if (text->len <= len)
            continue;
        struct parley_view end = {text->data + text->len - len, len};
        if (!view_equal_nocase(end, view_of(units[i].name)))
            continue;
        text->len -= len;
        *text = view_trim(*text);
        return units[i].factor;
    }
    return 1;
}

void parse_write_whole(uint32_t type, int64_t value, struct buf *out)
{
    size_t count;
    const struct unit *units = units_of(type, &count);
    const struct unit *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (value != 0 && value % units[i].factor == 0)
            best = &units[i];
    }
    if (best == NULL)
        buf_printf(out, "%lld", (long long)value);
    else
        buf_printf(out, "%lld%s", (long long)(value / best->factor), best->name);
}

static int out_of_bounds(const struct parley_option *option, const char *text, bool is_below,
                         struct parley_error *err)
{
    _cleanup_(buf_done) struct buf bound = {0};

    parse_write_whole(option->type, is_below ? option->min : option->max, &bound);
    return parley_fail(err, PARLEY_E_INVALID, "%s is %s %s", shown(text).text,
                       is_below ? "below the minimum" : "above the maximum", buf_view(&bound).data);
}

static const char *whole_forms(uint32_t type)
{
    switch (type) {
    case PARLEY_TYPE_DURATION:
        return "a duration such as 250ms, 5s, 2m or 1h";
    case PARLEY_TYPE_SIZE:
        return "a size such as 4096, 64k, 15m or 1g";
    default:
        return "a whole number";
    }
}

int parse_whole(const struct parley_option *option, const char *text, int64_t *ret,
                struct parley_error *err)
{
    struct parley_view v = view_trim(view_of(text));
    int64_t factor = take_unit(option->type, &v);
    int64_t value;

    if (!view_to_int64(v, &value) || __builtin_mul_overflow(value, factor, &value))
        return parley_fail(err, PARLEY_E_INVALID, "\"%s\" is not %s", shown(text).text,
                           whole_forms(option->type));
    if (option->min < option->max && value < option->min)
        return out_of_bounds(option, text, true, err);
    if (option->min < option->max && value > option->max)
        return out_of_bounds(option, text, false, err);
    if (option->min >= option->max && option->type != PARLEY_TYPE_INT && value < 0)
        return parley_fail(err, PARLEY_E_INVALID, "%s is negative", shown(text).text);
    *ret = value;
    return PARLEY_OK;
}

int parse_number(const struct parley_option *option, const char *text, double *ret,
                 struct parley_error *err)
{
    static const char digits[] = "0123456789+-.eE";
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end = NULL;
    double value = NAN;

    /* The characters are checked, because strtod() also takes "inf", "nan" and hexadecimal. */
    if (c_locale != (locale_t)0 && text[0] != '\0' && text[strspn(text, digits)] == '\0')
        value = strtod_l(text, &end, c_locale);
    if (c_locale != (locale_t)0)
        freelocale(c_locale);
    if (end == NULL || *end != '\0' || !isfinite(value))
        return parley_fail(err, PARLEY_E_INVALID, "\"%s\" is not a number such as 0.5",
                           shown(text).text);
    if (option->min < option->max && value < (double)option->min)
        return out_of_bounds(option, text, true, err);
    if (option->min < option->max && value > (double)option->max)
        return out_of_bounds(option, text, false, err);
    *ret = value;
    return PARLEY_OK;
}

int parse_bool(const char *text, int32_t *ret, struct parley_error *err)
{
    static const char *const words[][2] = {
        {"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (int32_t value = 0; value < 2; value++) {
            if (view_equal_nocase(view_of(text), view_of(words[i][value]))) {
                *ret = value;
                return PARLEY_OK;
            }
        }
    }
    return parley_fail(err, PARLEY_E_INVALID, "\"%s\" is neither yes nor no", shown(text).text);
}

int parse_enum(const struct parley_option *option, const char *text, int32_t *ret,
               struct parley_error *err)
{
    struct parley_view rest = view_of(option->values);
    struct parley_view word;
    struct nearest near = nearest_to(text);
    char words[16][CONF_PARSE_MAX_WORD];
    char hint[CONF_PARSE_MAX_WORD + 32];

    for (int32_t i = 0; rest.len > 0; i++) {
        view_split(&rest, '|', &word);
        if (view_is(word, text)) {
            *ret = i;
            return PARLEY_OK;
        }
        if ((size_t)i < ARRAY_LEN(words)) {
            view_copy(words[i], sizeof(words[i]), word);
            nearest_offer(&near, words[i]);
        }
    }
    return parley_fail(err, PARLEY_E_INVALID, "\"%s\" is not one of %s%s", shown(text).text,
                       option->values == NULL ? "(none)" : option->values,
                       nearest_hint(&near, hint, sizeof(hint)));
}
