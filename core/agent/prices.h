/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tokens cost: the [price NAME] sections of a generation. Sums are exact: prices are integers
 * of a billionth of the currency for a million tokens, costs are billionths (nano), rounded once an
 * answer. Immutable but for what was told already. Thread: any.
 */
#ifndef AGENT_PRICES_H
#define AGENT_PRICES_H

#include "conf/options.h"
#include "telemetry/usage.h"

#include <stdbool.h>
#include <stdint.h>

#define PRICES_NANO      INT64_C(1000000000)
#define PRICES_TEXT_SIZE 32 /* of a cost as text */

struct prices;

/* The keys of a [price NAME] section, for the reference. */
extern const struct options_table price_options;

/* Read all [price NAME] sections. *ret is NULL when there is none. Mistakes go to the report. */
int prices_read(const struct conf *conf, struct prices **ret, struct conf_report *report);
struct prices *prices_destroy(struct prices *p); /* NULL is fine; returns NULL */

/* "USD"; "" without prices. */
const char *prices_currency(const struct prices *p);

/* The i-th section's name and effective options, to be shown; NULL beyond the end. */
const char *prices_name_at(const struct prices *p, size_t i);
const struct options_values *prices_values_at(const struct prices *p, size_t i);

/*
 * What an answer costs, in nano. The model is looked up by the name it gave itself, then by the one
 * that was asked for; a price for "gpt-realtime" counts for "gpt-realtime-2025-08-28", too. False:
 * there is no price for it, or none for a kind of token that it used, which is logged once a model.
 */
bool prices_cost(struct prices *p, const char *answering, const char *asked,
                 const struct usage *usage, int64_t *ret_nano);

/* 1234500000 as "1.2345". */
void prices_format(int64_t nano, char out[PRICES_TEXT_SIZE]);

#endif
