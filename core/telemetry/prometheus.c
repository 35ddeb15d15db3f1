/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/prometheus.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Dots and what else Prometheus does not take in a name become underscores. */
static void write_name_part(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        char c = *name;
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        buf_append_char(out, good ? c : '_');
    }
}

static void write_name(struct buf *out, const struct metric_info *info)
{
    write_name_part(out, info->name);
    if (strcmp(info->unit, "s") == 0)
        buf_append_str(out, "_seconds");
    else if (strcmp(info->unit, "By") == 0)
        buf_append_str(out, "_bytes");
    if (info->kind == METRIC_COUNTER)
        buf_append_str(out, "_total");
}

static void write_escaped(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            buf_append_str(out, "\\n");
            continue;
        }
        if (text[i] == '"' || text[i] == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, text[i]);
    }
}

/* {a="b",le="1"}; nothing when there are no labels. */
static void write_labels(struct buf *out, const struct metric_sample *m, const char *le)
{
    const char *separator = "{";

    for (size_t i = 0; i < m->label_count; i++) {
        buf_append_str(out, separator);
        write_name_part(out, m->labels[i].key);
        buf_append_str(out, "=\"");
        write_escaped(out, m->labels[i].value.data, m->labels[i].value.len);
        buf_append_char(out, '"');
        separator = ",";
    }
    if (le != NULL) {
        buf_printf(out, "%sle=\"%s\"", separator, le);
        separator = ",";
    }
    if (separator[0] == ',')
        buf_append_char(out, '}');
}

static void write_value(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, " %.0f\n", value);
    else
        buf_printf(out, " %.9g\n", value);
}

static void write_line(struct buf *out, const struct metric_info *info, const char *ending,
                       const struct metric_sample *m, const char *le, double value)
{
    write_name(out, info);
    buf_append_str(out, ending);
    write_labels(out, m, le);
    write_value(out, value);
}

static void write_histogram(struct buf *out, const struct metric_info *info,
                            const struct metric_sample *m)
{
    uint64_t so_far = 0;
    char le[32];

    for (size_t i = 0; i < info->bound_count; i++) {
        so_far += m->counts[i];
        (void)snprintf(le, sizeof(le), "%.10g", info->bounds[i]);
        write_line(out, info, "_bucket", m, le, (double)so_far);
    }
    write_line(out, info, "_bucket", m, "+Inf", (double)m->count);
    write_line(out, info, "_sum", m, NULL, m->value);
    write_line(out, info, "_count", m, NULL, (double)m->count);
}

static void write_head(struct buf *out, const struct metric_info *info)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    buf_append_str(out, "# HELP ");
    write_name(out, info);
    buf_printf(out, " %s\n# TYPE ", info->description);
    write_name(out, info);
    buf_printf(out, " %s\n", types[info->kind]);
}

void prometheus_write(struct buf *out, const struct metrics_snapshot *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct metric_sample *m = &s->items[i];
        const struct metric_info *info = metric_info(m->id);
        if (i == 0 || m->id != s->items[i - 1].id)
            write_head(out, info);
        if (info->kind == METRIC_HISTOGRAM)
            write_histogram(out, info, m);
        else
            write_line(out, info, "", m, NULL, m->value);
    }
}
