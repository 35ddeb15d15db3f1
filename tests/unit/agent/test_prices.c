/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/prices.h"
#include "base/log.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define REALTIME                                                                                   \
    "[price gpt-realtime]\ninput_text = 4.00\ninput_audio = 32\ncached_text = 0.4\n"               \
    "cached_audio = 0.40\noutput_text = 16\noutput_audio = 64\n"

static char last[512];
static unsigned lines;

static void keep(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)snprintf(last, sizeof(last), "%s", line);
    lines++;
}

static const char *no_variables(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

/* NULL when it is refused: then *ret_fault tells why. */
static struct prices *read(const char *text, char fault[256])
{
    const struct conf_env env = {.get = no_variables};
    struct conf *conf = conf_create("/", &env);
    struct conf_report report = {0};
    struct prices *p = NULL;

    assert_true(conf_add_layer(conf, view_of(text), "a.ini", &report));
    int r = prices_read(conf, &p, &report);
    assert_int_equal(r == PARLEY_OK, report.errors == 0);
    (void)snprintf(fault, 256, "%s", report.count > 0 ? report.items[0].text : "");
    conf_report_done(&report);
    /* Names are the configuration's, which outlives the prices. */
    static struct conf *kept[16];
    static size_t count;
    assert_true(count < 16);
    kept[count++] = conf;
    (void)kept;
    return p;
}

static int64_t cost(struct prices *p, const char *answering, const char *asked, struct usage usage)
{
    int64_t nano = -1;

    return prices_cost(p, answering, asked, &usage, &nano) ? nano : -1;
}

static void kinds_of_tokens_have_their_own_price(void **state)
{
    (void)state;
    char fault[256];
    struct prices *p = read(REALTIME, fault);

    assert_non_null(p);
    assert_string_equal(prices_currency(p), "USD");
    /* 900 fresh and 100 cached of text, 200 and 50 of audio: 3.6m + 0.04m + 6.4m + 0.02m, then
     * 0.8m + 12.8m for the answer, in thousandths. */
    const struct usage u = {.input_text = 1000,
                            .cached_text = 100,
                            .input_audio = 250,
                            .cached_audio = 50,
                            .output_text = 50,
                            .output_audio = 200};
    assert_int_equal(cost(p, "gpt-realtime", "", u),
                     3600000 + 40000 + 6400000 + 20000 + 800000 + 12800000);
    prices_destroy(p);
}

static void sums_are_exact(void **state)
{
    (void)state;
    char fault[256];
    struct prices *p = read("[price m]\ninput_text = 0.1\noutput_text = 0.000000001\n", fault);

    /* A tenth has no exact double; ten million answers of one token are exactly one. */
    int64_t total = 0;
    for (int i = 0; i < 1000000; i++)
        total += cost(p, "m", "", (struct usage){.input_text = 1});
    assert_int_equal(total, 100000000);
    assert_int_equal(cost(p, "m", "", (struct usage){.output_text = INT64_C(500000)}),
                     1); /* half */
    assert_int_equal(cost(p, "m", "", (struct usage){.output_text = INT64_C(499999)}), 0);
    assert_int_equal(cost(p, "m", "", (struct usage){.input_text = INT64_C(9000000000000)}),
                     INT64_C(900000000000000));
    prices_destroy(p);
}

static void dated_names_have_the_price_of_the_plain_one(void **state)
{
    (void)state;
    char fault[256];
    struct prices *p =
        read(REALTIME "[price mini]\nmodel = gpt-realtime-mini, gpt-4.1\ninput_text = 1\n", fault);
    const struct usage one = {.input_text = 1000000};

    assert_int_equal(cost(p, "gpt-realtime-2025-08-28", "", one), 4 * PRICES_NANO);
    assert_int_equal(cost(p, "gpt-realtime-mini-2025-10-06", "", one), PRICES_NANO);
    assert_int_equal(cost(p, "gpt-4.1", "", one), PRICES_NANO);
    assert_int_equal(cost(p, "something", "gpt-realtime", one), 4 * PRICES_NANO);
    assert_int_equal(cost(p, "", "gpt-realtime", one), 4 * PRICES_NANO);
    assert_int_equal(cost(p, "gpt-4.1-0414", "", one), PRICES_NANO);
    assert_int_equal(cost(p, "gpt-4.1-20250414", "", one), PRICES_NANO);
    assert_int_equal(cost(p, "gpt-realtime-preview", "", one), -1);
    /* Other models, with prices of their own. */
    assert_int_equal(cost(p, "gpt-realtime-2", "", one), -1);
    assert_int_equal(cost(p, "gpt-realtime-2.1", "", one), -1);
    assert_int_equal(cost(p, "gpt-realtime-2-2026-08-28", "", one), -1);
    assert_int_equal(cost(p, "gpt-4.1-32k", "", one), -1);
    prices_destroy(p);
}

static void what_is_not_known_is_told_once(void **state)
{
    (void)state;
    char fault[256];
    struct prices *p = read(REALTIME, fault);

    lines = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(cost(p, "other", "asked", (struct usage){.input_text = 1}), -1);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last, "model=other price=none fix=\"add a [price NAME] section"));
    assert_int_equal(cost(p, "gpt-realtime", "", (struct usage){.input_image = 1}), -1);
    assert_non_null(strstr(last, "model=gpt-realtime price=gpt-realtime fix=\"give the price of"));
    prices_destroy(p);
    assert_int_equal(cost(NULL, "m", "", (struct usage){.input_text = 1}), -1);
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    char fault[256];

    assert_null(read("[price m]\ninput_text = 4,00\n", fault));
    assert_non_null(strstr(fault, "a.ini:2: [price m] input_text: \"4,00\" is no price"));
    assert_null(read("[price m]\noutput_audio = -1\n", fault));
    assert_null(read("[price m]\noutput_audio = 1.\n", fault));
    assert_null(read("[price m]\noutput_audio = 1234567\n", fault));
    assert_null(read("[price m]\n[price n]\ncurrency = EUR\n", fault));
    assert_non_null(strstr(fault, "is EUR here and USD in [price m]"));
    assert_null(read("[server]\n", fault)); /* none at all is no mistake */
    assert_string_equal(fault, "");
}

static void cost_is_written_without_needless_zeros(void **state)
{
    (void)state;
    char text[PRICES_TEXT_SIZE];

    prices_format(1234500000, text);
    assert_string_equal(text, "1.2345");
    prices_format(1, text);
    assert_string_equal(text, "0.000000001");
    prices_format(20 * PRICES_NANO, text);
    assert_string_equal(text, "20");
    prices_format(0, text);
    assert_string_equal(text, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_tokens_have_their_own_price),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(dated_names_have_the_price_of_the_plain_one),
        cmocka_unit_test(what_is_not_known_is_told_once),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(cost_is_written_without_needless_zeros),
    };
    log_set_sink(keep, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
