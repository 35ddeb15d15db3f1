/* SPDX-License-Identifier: Apache-2.0 */
/* Values of every type, from a section that the input is the body of; then shown. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/str.h"
#include "conf/options.h"
#include "conf/show.h"

struct config {
    const char *string;
    const char *secret;
    int64_t integer;
    double number;
    int32_t flag;
    int32_t choice;
    int64_t duration;
    int64_t size;
    struct parley_list list;
    struct parley_list lines;
};

#define C struct config
/* No TEXT or PATH: the input must not choose files. A secret's file: is cut off below. */
static const struct parley_option options[] = {
    PARLEY_STRING(C, string),
    PARLEY_SECRET(C, secret),
    PARLEY_INT(C, integer, .min = -5, .max = 5),
    PARLEY_NUMBER(C, number),
    PARLEY_BOOL(C, flag),
    PARLEY_ENUM(C, choice, .values = "auto|yes|no"),
    PARLEY_DURATION_MS(C, duration),
    PARLEY_SIZE(C, size),
    PARLEY_LIST(C, list),
    PARLEY_LINES(C, lines),
};

static const char *env(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'A' ? "value of A" : NULL;
}

static void show(const struct options_values *values)
{
    struct buf out = {0};
    json_t *json = json_object();

    show_values_text(&out, "s", values, true);
    if (json != NULL)
        (void)show_values_json(json, values);
    json_decref(json);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct options_table table = OPTIONS_TABLE(options, C);
    const struct conf_env environment = {.get = env};
    struct conf *c = conf_create("/nonexistent", &environment);
    struct conf_report report = {0};
    struct options_values *values = NULL;
    struct buf text = {0};

    if (c == NULL || memmem(data, size, "file:", 5) != NULL) {
        conf_destroy(c);
        return 0;
    }
    buf_append_str(&text, "[s]\n");
    buf_append(&text, data, size);
    (void)conf_add_layer(c, buf_view(&text), "s.ini", &report);
    if (c->sections != NULL && options_fill(&table, c, c->sections, &values, &report) == PARLEY_OK)
        show(values);
    options_destroy(values);
    conf_destroy(c);
    conf_report_done(&report);
    buf_done(&text);
    return 0;
}
