/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/prices.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MILLION      1000000
#define MAX_DIGITS   6 /* of the whole part: a million tokens for less than a million */
#define NANO_DIGITS  9
#define UNKNOWN      (-1)
#define DEFAULT_WORD "USD"

__extension__ typedef __int128 wide;

enum kind {
    KIND_INPUT_TEXT,
    KIND_INPUT_AUDIO,
    KIND_INPUT_IMAGE,
    KIND_CACHED_TEXT,
    KIND_CACHED_AUDIO,
    KIND_CACHED_IMAGE,
    KIND_OUTPUT_TEXT,
    KIND_OUTPUT_AUDIO,
    KIND_COUNT
};

struct price_config {
    struct parley_list model;
    const char *currency;
    const char *input_text;
    const char *input_audio;
    const char *input_image;
    const char *cached_text;
    const char *cached_audio;
    const char *cached_image;
    const char *output_text;
    const char *output_audio;
};

struct price {
    const char *name; /* the section's */
    struct options_values *values;
    const struct price_config *config;
    int64_t nano[KIND_COUNT]; /* for a million tokens; UNKNOWN */
};

struct prices {
    struct price *items;
    size_t count;
    atomic_uint_fast64_t told; /* a bit for each model that was told about, by its name's hash */
};

#define C struct price_config
static const struct parley_option items[] = {
    PARLEY_LIST(C, model, .example = "gpt-4.1, gpt-4.1-2025-04-14",
                .help = "The models; empty: the one that the section is called by."),
    PARLEY_STRING(C, currency, .default_value = DEFAULT_WORD,
                  .help = "The same in every price section."),
    PARLEY_STRING(C, input_text, .example = "4.00",
                  .help = "A million tokens of text sent to the model; a decimal number."),
    PARLEY_STRING(C, input_audio, .help = "... of audio."),
    PARLEY_STRING(C, input_image, .help = "... of images."),
    PARLEY_STRING(C, cached_text,
                  .help = "... of text that the model's cache held; empty: as input_text."),
    PARLEY_STRING(C, cached_audio, .help = "... of audio that it held; empty: as input_audio."),
    PARLEY_STRING(C, cached_image, .help = "... of images that it held; empty: as input_image."),
    PARLEY_STRING(C, output_text, .help = "A million tokens of text that the model answered with."),
    PARLEY_STRING(C, output_audio, .help = "... of audio."),
};
#undef C
const struct options_table price_options = OPTIONS_TABLE(items, struct price_config);

/* ---- reading ---- */

/* "4.00" as nano; UNKNOWN for "". False: it is no such number. */
static bool read_price(const char *text, int64_t *ret)
{
    size_t whole = strspn(text, "0123456789");
    const char *dot = text + whole;
    size_t part = *dot == '.' ? strspn(dot + 1, "0123456789") : 0;
    int64_t nano = 0;

    *ret = UNKNOWN;
    if (text[0] == '\0')
        return true;
    if (whole == 0 || whole > MAX_DIGITS || part > NANO_DIGITS || (*dot == '.' && part == 0) ||
        dot[*dot == '.' ? part + 1 : 0] != '\0')
        return false;
    for (size_t i = 0; i < whole; i++)
        nano = nano * 10 + (text[i] - '0');
    for (size_t i = 0; i < NANO_DIGITS; i++)
        nano = nano * 10 + (i < part ? dot[1 + i] - '0' : 0);
    *ret = nano;
    return true;
}

static struct conf_place place_of(const struct conf_section *section, const char *key)
{
    const struct conf_key *k = conf_key(section, key);

    if (k == NULL)
        return (struct conf_place){section->file, section->line, section, key};
    return (struct conf_place){k->values->file, k->values->line, section, key};
}

static bool read_kinds(struct price *p, const struct conf_section *section,
                       struct conf_report *report)
{
    const struct price_config *c = p->config;
    const struct {
        const char *key;
        const char *text;
    } kinds[KIND_COUNT] = {
        [KIND_INPUT_TEXT] = {"input_text", c->input_text},
        [KIND_INPUT_AUDIO] = {"input_audio", c->input_audio},
        [KIND_INPUT_IMAGE] = {"input_image", c->input_image},
        [KIND_CACHED_TEXT] = {"cached_text", c->cached_text},
        [KIND_CACHED_AUDIO] = {"cached_audio", c->cached_audio},
        [KIND_CACHED_IMAGE] = {"cached_image", c->cached_image},
        [KIND_OUTPUT_TEXT] = {"output_text", c->output_text},
        [KIND_OUTPUT_AUDIO] = {"output_audio", c->output_audio},
    };
    bool good = true;

    for (int i = 0; i < KIND_COUNT; i++) {
        if (read_price(kinds[i].text, &p->nano[i]))
            continue;
        conf_report_error(
            report, place_of(section, kinds[i].key),
            "\"%.40s\" is no price; write a decimal number such as 4.00, with at most "
            "%d digits before the point and %d behind it",
            kinds[i].text, MAX_DIGITS, NANO_DIGITS);
        good = false;
    }
    for (int i = 0; i < 3; i++) {
        if (p->nano[KIND_CACHED_TEXT + i] == UNKNOWN)
            p->nano[KIND_CACHED_TEXT + i] = p->nano[KIND_INPUT_TEXT + i];
    }
    return good;
}

static bool add_price(struct prices *all, const struct conf *conf,
                      const struct conf_section *section, struct conf_report *report)
{
    struct price *p = &all->items[all->count];

    if (options_fill(&price_options, conf, section, &p->values, report) < 0)
        return false;
    all->count++;
    p->name = section->name;
    p->config = options_config(p->values);
    if (strcmp(p->config->currency, all->items[0].config->currency) != 0) {
        conf_report_error(report, place_of(section, "currency"),
                          "is %s here and %s in [price %s]; give all prices in one currency",
                          p->config->currency, all->items[0].config->currency, all->items[0].name);
        return false;
    }
    return read_kinds(p, section, report);
}

int prices_read(const struct conf *conf, struct prices **ret, struct conf_report *report)
{
    struct prices *all = NULL;
    size_t count = 0;
    bool good = true;

    for (const struct conf_section *s = NULL; (s = conf_next(conf, "price", s)) != NULL;)
        count++;
    *ret = NULL;
    if (count == 0)
        return PARLEY_OK;
    all = calloc(1, sizeof(*all));
    if (all != NULL)
        all->items = calloc(count, sizeof(*all->items));
    if (all == NULL || all->items == NULL) {
        prices_destroy(all);
        return PARLEY_E_NO_MEMORY;
    }
    for (const struct conf_section *s = NULL; (s = conf_next(conf, "price", s)) != NULL;)
        good = add_price(all, conf, s, report) && good;
    if (!good) {
        prices_destroy(all);
        return PARLEY_E_INVALID;
    }
    *ret = all;
    return PARLEY_OK;
}

struct prices *prices_destroy(struct prices *p)
{
    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < p->count; i++)
        options_destroy(p->items[i].values);
    free(p->items);
    free(p);
    return NULL;
}

const char *prices_currency(const struct prices *p)
{
    return p == NULL ? "" : p->items[0].config->currency;
}

const char *prices_name_at(const struct prices *p, size_t i)
{
    return p == NULL || i >= p->count ? NULL : p->items[i].name;
}

const struct options_values *prices_values_at(const struct prices *p, size_t i)
{
    return p->items[i].values;
}

/* ---- looking up ---- */

/* "-2025-08-28", "-20250828" or "-0828". "-2" is another model, with a price of its own. */
static bool is_date(const char *text)
{
    static const char *const shapes[] = {"-dddd-dd-dd", "-dddddddd", "-dddd"};

    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const char *shape = shapes[i];
        size_t n = 0;
        while (shape[n] != '\0' &&
               (shape[n] == 'd' ? text[n] >= '0' && text[n] <= '9' : text[n] == shape[n]))
            n++;
        if (shape[n] == '\0' && text[n] == '\0')
            return true;
    }
    return false;
}

/* How well a price's model fits: its length when it is the name, or the name without a date. */
static size_t fits(const char *priced, const char *name)
{
    size_t len = strlen(priced);

    if (len == 0 || strncmp(priced, name, len) != 0)
        return 0;
    return name[len] == '\0' ? len + 1 : is_date(name + len) ? len : 0;
}

static const struct price *find(const struct prices *p, const char *name)
{
    const struct price *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct price *at = &p->items[i];
        size_t fit = at->config->model.count == 0 ? fits(at->name, name) : 0;
        for (size_t m = 0; m < at->config->model.count; m++) {
            size_t other = fits(at->config->model.items[m], name);
            fit = other > fit ? other : fit;
        }
        if (fit > best_fit) {
            best_fit = fit;
            best = at;
        }
    }
    return best;
}

/* Two models in some sixty share a bit, and one of them its line: better than a line an answer. */
static bool is_first_time(struct prices *p, const char *model)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *model != '\0'; model++)
        hash = (hash ^ (unsigned char)*model) * UINT64_C(1099511628211);
    uint64_t bit = UINT64_C(1) << (hash >> 58);
    return (atomic_fetch_or(&p->told, bit) & bit) == 0;
}

static bool sum(const struct price *price, const int64_t tokens[KIND_COUNT], int64_t *ret_nano)
{
    wide total = 0; /* nano, a million times */

    for (int i = 0; i < KIND_COUNT; i++) {
        if (tokens[i] > 0 && price->nano[i] == UNKNOWN)
            return false;
        if (tokens[i] > 0)
            total += (wide)tokens[i] * price->nano[i];
    }
    total = (total + MILLION / 2) / MILLION;
    if (total > INT64_MAX / 2)
        return false; /* no usage is as large as that */
    *ret_nano = (int64_t)total;
    return true;
}

bool prices_cost(struct prices *p, const char *answering, const char *asked, const struct usage *u,
                 int64_t *ret_nano)
{
    const int64_t tokens[KIND_COUNT] = {
        [KIND_INPUT_TEXT] = u->input_text - u->cached_text,
        [KIND_INPUT_AUDIO] = u->input_audio - u->cached_audio,
        [KIND_INPUT_IMAGE] = u->input_image - u->cached_image,
        [KIND_CACHED_TEXT] = u->cached_text,
        [KIND_CACHED_AUDIO] = u->cached_audio,
        [KIND_CACHED_IMAGE] = u->cached_image,
        [KIND_OUTPUT_TEXT] = u->output_text,
        [KIND_OUTPUT_AUDIO] = u->output_audio,
    };

    if (p == NULL)
        return false;
    const struct price *price = find(p, answering);
    if (price == NULL)
        price = find(p, asked);
    if (price != NULL && sum(price, tokens, ret_nano))
        return true;
    const char *model = answering[0] != '\0' ? answering : asked;
    if (is_first_time(p, model))
        log_warn("what a model costs is not known model=%s price=%s fix=\"%s\"", model,
                 price == NULL ? "none" : price->name,
                 price == NULL ? "add a [price NAME] section for it"
                               : "give the price of every kind of token that it uses");
    return false;
}

void prices_format(int64_t nano, char out[PRICES_TEXT_SIZE])
{
    int len = snprintf(out, PRICES_TEXT_SIZE, "%" PRId64 ".%09" PRId64, nano / PRICES_NANO,
                       nano % PRICES_NANO);

    while (len > 0 && out[len - 1] == '0')
        out[--len] = '\0';
    if (len > 0 && out[len - 1] == '.')
        out[len - 1] = '\0';
}
