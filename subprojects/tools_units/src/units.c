/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 64
#define EXAMPLES  6

const char *quantity_name(Quantity quantity)
{
    static const char *const names[QUANTITIES] = {
        "length", "mass", "temperature", "volume", "speed",  "area",
        "data",   "time", "pressure",    "energy", "power",
    };

    return names[quantity];
}

/* "degrees Fahrenheit" -> "Fahrenheit", "sq. ft" -> "sqft", "miles per hour" -> "milesperhour" */
static void squeeze(const char *name, char *out, size_t size)
{
    size_t len = 0;

    if (strncmp(name, "degrees ", 8) == 0)
        name += 8;
    else if (strncmp(name, "degree ", 7) == 0)
        name += 7;
    for (; *name != '\0' && len + 1 < size; name++) {
        if (*name != ' ' && *name != '.' && *name != '-' && *name != '_')
            out[len++] = *name;
    }
    out[len] = '\0';
}

static bool same(const char *a, const char *b, size_t b_len, bool any_case)
{
    if (strlen(a) != b_len)
        return false;
    for (size_t i = 0; i < b_len; i++) {
        int x = (unsigned char)a[i], y = (unsigned char)b[i];
        if (x != y && !(any_case && tolower(x) == tolower(y)))
            return false;
    }
    return true;
}

static bool is_called(const Unit *unit, const char *name, bool any_case)
{
    char word[NAME_SIZE];

    squeeze(unit->one, word, sizeof word);
    if (same(name, word, strlen(word), true)) /* whole words are never told apart by case */
        return true;
    squeeze(unit->many, word, sizeof word);
    if (same(name, word, strlen(word), true))
        return true;
    for (const char *at = unit->names; *at != '\0';) {
        size_t len = strcspn(at, "|");
        if (same(name, at, len, any_case))
            return true;
        at += len + 1;
    }
    return false;
}

const Unit *unit_find(const char *name)
{
    char word[NAME_SIZE];
    const Unit *found = NULL;

    squeeze(name, word, sizeof word);
    if (word[0] == '\0')
        return NULL;
    for (const Unit *unit = unit_table; unit->one != NULL; unit++) {
        if (is_called(unit, word, false))
            return unit;
    }
    for (const Unit *unit = unit_table; unit->one != NULL; unit++) {
        if (!is_called(unit, word, true))
            continue;
        if (found != NULL)
            return NULL; /* "mB": megabyte or megabit? */
        found = unit;
    }
    return found;
}

Conversion unit_convert(double value, const Unit *from, const Unit *to, double *result)
{
    if (from->quantity != to->quantity)
        return DIFFERENT_QUANTITIES;
    if (!isfinite(value))
        return NO_NUMBER;
    double base = value * from->factor + from->offset;
    if (base < -1e-9)
        return BELOW_ZERO;
    *result = (base - to->offset) / to->factor;
    return isfinite(*result) ? CONVERTED : NO_NUMBER;
}

void unit_print(double value, const Unit *unit, int digits, char *out, size_t size)
{
    char number[64];

    snprintf(number, sizeof number, "%.*g", digits, value);
    if (strchr(number, 'e') != NULL && fabs(value) >= 1 && fabs(value) < 1e15)
        snprintf(number, sizeof number, "%.0f", value); /* people do not say exponents */
    snprintf(out, size, "%s %s", number, strcmp(number, "1") == 0 ? unit->one : unit->many);
}

void unit_examples(Quantity quantity, char *out, size_t size)
{
    size_t len = 0;
    int count = 0;

    out[0] = '\0';
    for (const Unit *unit = unit_table; unit->one != NULL && count < EXAMPLES; unit++) {
        if (unit->quantity != quantity)
            continue;
        int added = snprintf(out + len, size - len, "%s%s", count++ == 0 ? "" : ", ", unit->one);
        if (added < 0 || (size_t)added >= size - len)
            return;
        len += (size_t)added;
    }
}
