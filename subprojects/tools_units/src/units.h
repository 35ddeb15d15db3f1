/* SPDX-License-Identifier: Apache-2.0 */
/* Units, their names, and how one becomes another. Knows nothing of plugins. */
#ifndef UNITS_H
#define UNITS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    LENGTH,
    MASS,
    TEMPERATURE,
    VOLUME,
    SPEED,
    AREA,
    DATA,
    TIME,
    PRESSURE,
    ENERGY,
    POWER,
    QUANTITIES
} Quantity;

/* value in the quantity's base unit = value * factor + offset */
typedef struct {
    Quantity quantity;
    double factor;
    double offset;
    const char *one;   /* "mile" */
    const char *many;  /* "miles" */
    const char *names; /* other names and symbols, each ended by '|': "mi|" */
} Unit;

/* All of them, grouped by quantity; ended by one without a name. */
extern const Unit unit_table[];

const char *quantity_name(Quantity quantity);

/*
 * By name, plural or symbol. Symbols are told apart by their case ("Mb" is not "MB") and found in
 * any case when that leaves no doubt; spaces, dots and "degrees" do not matter. NULL: unknown.
 */
const Unit *unit_find(const char *name);

typedef enum { CONVERTED, DIFFERENT_QUANTITIES, BELOW_ZERO, NO_NUMBER } Conversion;

/* Lengths and the like cannot be negative, and no temperature is below absolute zero. */
Conversion unit_convert(double value, const Unit *from, const Unit *to, double *result);

/* "8.04672 kilometres" with so many significant digits at most. */
void unit_print(double value, const Unit *unit, int digits, char *out, size_t size);

/* A few units of a quantity, as a hint: "metre, kilometre, inch ...". */
void unit_examples(Quantity quantity, char *out, size_t size);

#endif
