/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/report.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "conf/conf.h"

static void write_place(struct buf *out, const struct conf_place *at)
{
    char title[2 * CONF_MAX_NAME + 2];

    if (at->file != NULL && at->line > 0)
        buf_printf(out, "%s:%d: ", at->file, at->line);
    else if (at->file != NULL)
        buf_printf(out, "%s: ", at->file);
    if (at->section != NULL)
        buf_printf(out, "[%s] ", conf_section_title(at->section, title, sizeof(title)));
    if (at->key != NULL)
        buf_printf(out, "%s: ", at->key);
}

static void add(struct conf_report *r, bool is_warning, const struct conf_place *at,
                const char *format, va_list args)
{
    struct buf text = {0};

    *(is_warning ? &r->warnings : &r->errors) += 1;
    if (r->count >= CONF_REPORT_MAX)
        return;
    struct conf_problem *items = realloc(r->items, (r->count + 1) * sizeof(*items));
    if (items == NULL)
        return; /* counted all the same, so the configuration is still refused */
    r->items = items;
    write_place(&text, at);
    buf_vprintf(&text, format, args);
    if (text.failed) {
        buf_done(&text);
        return;
    }
    items[r->count++] = (struct conf_problem){.is_warning = is_warning, .text = text.data};
}

void conf_report_error(struct conf_report *r, struct conf_place at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, false, &at, format, args);
    va_end(args);
}

void conf_report_warning(struct conf_report *r, struct conf_place at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, true, &at, format, args);
    va_end(args);
}

int conf_report_to_error(const struct conf_report *r, struct parley_error *err)
{
    const char *first = "the configuration could not be read: no memory";

    if (r->errors == 0)
        return PARLEY_OK;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->items[i].is_warning) {
            first = r->items[i].text;
            break;
        }
    }
    if (r->errors == 1)
        return parley_fail(err, PARLEY_E_INVALID, "%s", first);
    return parley_fail(err, PARLEY_E_INVALID, "%s (and %zu more)", first, r->errors - 1);
}

void conf_report_done(struct conf_report *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->items[i].text);
    free(r->items);
    *r = (struct conf_report){0};
}
