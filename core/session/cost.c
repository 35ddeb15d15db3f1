/* SPDX-License-Identifier: Apache-2.0 */
#include "session/cost.h"

#include "agent/prices.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "session/state.h"
#include "telemetry/names.h"

static struct prices *prices_of(const struct session *s)
{
    return generation_prices(worker_generation_config(s->wg));
}

static double whole(int64_t nano)
{
    return (double)nano / (double)PRICES_NANO;
}

static bool is_told(const struct cost *c)
{
    return c->has_any && !c->is_incomplete;
}

void cost_add(struct cost *to, const struct cost *more)
{
    int64_t nano = 0;
    bool is_too_large = __builtin_add_overflow(to->nano, more->nano, &nano);

    to->nano = is_too_large ? to->nano : nano;
    to->has_any = to->has_any || more->has_any;
    to->is_incomplete = to->is_incomplete || more->is_incomplete || is_too_large;
}

static void set(const struct session *s, struct span *span, const char *key, const struct cost *c)
{
    if (!is_told(c))
        return;
    span_set_double(span, key, whole(c->nano));
    span_set_str(span, NAME_COST_CURRENCY, view_of(prices_currency(prices_of(s))));
}

static void count(const struct session *s, int64_t nano)
{
    const struct metric_label labels[] = {
        {NAME_AGENT_NAME, view_of(s->agent->name)},
        {NAME_PROVIDER, view_of(s->provider)},
        {NAME_REQUEST_MODEL, view_of(s->model_name)},
        {NAME_COST_CURRENCY, view_of(prices_currency(prices_of(s)))}};

    metric_add(metrics_point(s->env->recorder, METRIC_COST, labels, ARRAY_LEN(labels)),
               whole(nano));
}

struct cost cost_of_answer(struct session *s, const struct usage *usage, struct span *span)
{
    struct cost c = {0};

    if (prices_of(s) == NULL)
        return c;
    c.has_any = prices_cost(prices_of(s), s->answering_model, s->model_name, usage, &c.nano);
    c.is_incomplete = !c.has_any;
    cost_add(&s->cost, &c);
    if (c.has_any)
        count(s, c.nano);
    set(s, span, NAME_COST, &c);
    return c;
}

void cost_set(const struct session *s, struct span *turn, const struct cost *cost)
{
    set(s, turn, NAME_COST, cost);
    set(s, turn, NAME_SESSION_COST, &s->cost);
}

void cost_measure(const struct session *s)
{
    const struct metric_label labels[] = {
        {NAME_AGENT_NAME, view_of(s->agent->name)},
        {NAME_COST_CURRENCY, view_of(prices_currency(prices_of(s)))}};

    if (is_told(&s->cost))
        metric_record(metrics_point(s->env->recorder, METRIC_SESSION_COST, labels, 2),
                      whole(s->cost.nano));
}

const char *cost_text(const struct session *s, char out[COST_TEXT_SIZE])
{
    char text[PRICES_TEXT_SIZE];

    out[0] = '\0';
    if (!is_told(&s->cost))
        return out;
    prices_format(s->cost.nano, text);
    (void)snprintf(out, COST_TEXT_SIZE, " cost=%s currency=%.8s", text,
                   prices_currency(prices_of(s)));
    return out;
}
