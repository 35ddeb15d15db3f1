/* SPDX-License-Identifier: Apache-2.0 */
#include "calculator.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 8
#define MAX_NAME      8
#define MAX_DIGITS    40

/* What is left to read, and the first thing that went wrong. */
struct reader {
    const char *at;
    const char *end;
    int depth;
    int status;
    struct parley_error *err;
};

static double sum(struct reader *r);

/* Keeps the first failure; reading goes on at the end of the text, so every loop stops. */
__attribute__((format(printf, 3, 4))) static double fail(struct reader *r, int status,
                                                         const char *format, ...)
{
    va_list args;

    r->at = r->end;
    if (r->status < 0)
        return 0;
    r->status = status;
    if (r->err != NULL) {
        va_start(args, format);
        r->err->status = status;
        (void)vsnprintf(r->err->message, sizeof(r->err->message), format, args);
        va_end(args);
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool accept(struct reader *r, const char *symbol)
{
    size_t len = strlen(symbol);

    skip_space(r);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, symbol, len) != 0)
        return false;
    r->at += len;
    return true;
}

/* Language models also write the typographic signs. */
static bool accept_times(struct reader *r)
{
    return accept(r, "*") || accept(r, "\u00d7") || accept(r, "\u00b7");
}

static bool accept_divide(struct reader *r)
{
    return accept(r, "/") || accept(r, "\u00f7");
}

static bool accept_minus(struct reader *r)
{
    return accept(r, "-") || accept(r, "\u2212");
}

static bool accept_power(struct reader *r)
{
    return accept(r, "^") || accept(r, "**");
}

static double number(struct reader *r)
{
    char digits[MAX_DIGITS + 1];
    size_t len = 0;
    bool has_point = false;

    while (r->at < r->end && (is_digit(*r->at) || (*r->at == '.' && !has_point))) {
        has_point = has_point || *r->at == '.';
        if (len == MAX_DIGITS)
            return fail(r, PARLEY_E_TOO_LARGE, "A number has more than %d digits.", MAX_DIGITS);
        digits[len++] = *r->at++;
    }
    digits[len] = '\0';
    if (has_point && len == 1)
        return fail(r, PARLEY_E_INVALID, "There is a point without a number.");
    return strtod(digits, NULL);
}

static double round_to(const double *v, size_t count)
{
    double factor = count == 2 ? pow(10, trunc(v[1])) : 1;

    return round(v[0] * factor) / factor;
}

static double least(const double *v, size_t count)
{
    double best = v[0];

    for (size_t i = 1; i < count; i++)
        best = fmin(best, v[i]);
    return best;
}

static double greatest(const double *v, size_t count)
{
    double best = v[0];

    for (size_t i = 1; i < count; i++)
        best = fmax(best, v[i]);
    return best;
}

static double power(const double *v, size_t count)
{
    (void)count;
    return pow(v[0], v[1]);
}

static double remainder_of(const double *v, size_t count)
{
    (void)count;
    return fmod(v[0], v[1]);
}

static double logarithm(const double *v, size_t count)
{
    return count == 2 ? log(v[0]) / log(v[1]) : log10(v[0]);
}

static const struct {
    const char *name;
    double (*one)(double);                         /* of one argument */
    double (*many)(const double *v, size_t count); /* of min to max arguments */
    size_t min;
    size_t max;
} functions[] = {
    {"abs", fabs, NULL, 1, 1},
    {"acos", acos, NULL, 1, 1},
    {"asin", asin, NULL, 1, 1},
    {"atan", atan, NULL, 1, 1},
    {"cbrt", cbrt, NULL, 1, 1},
    {"ceil", ceil, NULL, 1, 1},
    {"cos", cos, NULL, 1, 1},
    {"exp", exp, NULL, 1, 1},
    {"floor", floor, NULL, 1, 1},
    {"ln", log, NULL, 1, 1},
    {"log", NULL, logarithm, 1, 2},
    {"log2", log2, NULL, 1, 1},
    {"log10", log10, NULL, 1, 1},
    {"max", NULL, greatest, 1, MAX_ARGUMENTS},
    {"min", NULL, least, 1, MAX_ARGUMENTS},
    {"mod", NULL, remainder_of, 2, 2},
    {"pow", NULL, power, 2, 2},
    {"round", NULL, round_to, 1, 2},
    {"sin", sin, NULL, 1, 1},
    {"sqrt", sqrt, NULL, 1, 1},
    {"tan", tan, NULL, 1, 1},
    {"trunc", trunc, NULL, 1, 1},
};

static size_t arguments(struct reader *r, double *values)
{
    size_t count = 0;

    do {
        if (count == MAX_ARGUMENTS) {
            fail(r, PARLEY_E_TOO_LARGE, "A function has more than %d arguments.", MAX_ARGUMENTS);
            return 0;
        }
        values[count++] = sum(r);
    } while (accept(r, ","));
    if (!accept(r, ")"))
        fail(r, PARLEY_E_INVALID, "A closing parenthesis is missing.");
    return count;
}

static double call_function(struct reader *r, const char *name)
{
    double values[MAX_ARGUMENTS] = {0};

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(functions[i].name, name) != 0)
            continue;
        if (!accept(r, "("))
            return fail(r, PARLEY_E_INVALID, "%s needs its number in parentheses.", name);
        size_t count = arguments(r, values);
        if (r->status < 0)
            return 0;
        if (count < functions[i].min || count > functions[i].max)
            return fail(r, PARLEY_E_INVALID, "%s takes %zu to %zu numbers, not %zu.", name,
                        functions[i].min, functions[i].max, count);
        return functions[i].one != NULL ? functions[i].one(values[0])
                                        : functions[i].many(values, count);
    }
    return fail(r, PARLEY_E_INVALID, "There is no function called %s.", name);
}

static double word(struct reader *r)
{
    char name[MAX_NAME + 1];
    size_t len = 0;

    while (r->at < r->end && (is_letter(*r->at) || is_digit(*r->at)) && len < MAX_NAME) {
        char c = *r->at++;
        name[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    name[len] = '\0';
    if (strcmp(name, "pi") == 0)
        return M_PI;
    if (strcmp(name, "e") == 0)
        return M_E;
    return call_function(r, name);
}

static double primary(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return fail(r, PARLEY_E_INVALID, "The expression ends too early.");
    if (is_digit(*r->at) || *r->at == '.')
        return number(r);
    if (is_letter(*r->at))
        return word(r);
    if (!accept(r, "("))
        return fail(r, PARLEY_E_INVALID, "I cannot read the expression from '%.*s' on.",
                    (int)(r->end - r->at < 20 ? r->end - r->at : 20), r->at);
    double value = sum(r);
    if (!accept(r, ")"))
        return fail(r, PARLEY_E_INVALID, "A closing parenthesis is missing.");
    return value;
}

/* True when what follows can begin an operand, so that a `%` before it means the remainder. */
static bool operand_follows(struct reader *r)
{
    skip_space(r);
    return r->at < r->end &&
           (is_digit(*r->at) || is_letter(*r->at) || *r->at == '(' || *r->at == '.');
}

static double percent(struct reader *r)
{
    double value = primary(r);

    for (;;) {
        const char *before = r->at;
        if (!accept(r, "%"))
            return value;
        if (operand_follows(r)) {
            r->at = before;
            return value;
        }
        value /= 100;
    }
}

/* A sign binds less than a power: -2^2 is -4; the power's right side may carry its own sign. */
static double signed_power(struct reader *r)
{
    if (++r->depth > CALCULATOR_MAX_DEPTH)
        return fail(r, PARLEY_E_TOO_LARGE, "The expression is nested more than %d levels deep.",
                    CALCULATOR_MAX_DEPTH);
    double value = 0;
    if (accept_minus(r))
        value = -signed_power(r);
    else if (accept(r, "+"))
        value = signed_power(r);
    else {
        value = percent(r);
        if (accept_power(r))
            value = pow(value, signed_power(r));
    }
    r->depth--;
    return value;
}

static double divide(struct reader *r, double left, double right)
{
    if (right == 0 && r->status == 0)
        return fail(r, PARLEY_E_INVALID, "A division by zero has no result.");
    return left / right;
}

static double product(struct reader *r)
{
    double value = signed_power(r);

    for (;;) {
        if (accept_times(r))
            value *= signed_power(r);
        else if (accept_divide(r))
            value = divide(r, value, signed_power(r));
        else if (accept(r, "%"))
            value = fmod(value, signed_power(r));
        else
            return value;
    }
}

static double sum(struct reader *r)
{
    double value = product(r);

    for (;;) {
        if (accept(r, "+"))
            value += product(r);
        else if (accept_minus(r))
            value -= product(r);
        else
            return value;
    }
}

int calculator_eval(struct parley_view text, double *ret_value, struct parley_error *err)
{
    struct reader r = {.at = text.data, .end = text.data + text.len, .err = err};

    if (text.len > CALCULATOR_MAX_BYTES)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "The expression is longer than %d characters.",
                           CALCULATOR_MAX_BYTES);
    double value = sum(&r);
    skip_space(&r);
    if (r.status == 0 && r.at < r.end)
        fail(&r, PARLEY_E_INVALID, "I cannot read the expression from '%.*s' on.",
             (int)(r.end - r.at < 20 ? r.end - r.at : 20), r.at);
    if (r.status < 0)
        return r.status;
    if (!isfinite(value))
        return parley_fail(err, PARLEY_E_INVALID, "That has no finite result.");
    *ret_value = value;
    return PARLEY_OK;
}

void calculator_format(double value, char *text, size_t size)
{
    double whole = nearbyint(value);

    if (fabs(value) < 1e15 && fabs(value - whole) <= fabs(value) * 1e-15)
        (void)snprintf(text, size, "%.0f", whole == 0 ? 0.0 : whole); /* never "-0" */
    else
        (void)snprintf(text, size, "%.10g", value);
}
