/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tools_answer.h"

#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "host/tools.h"

#include <string.h>

/* ---- words ---- */

bool tools_answer_append(struct buf *out, struct parley_view text, size_t limit)
{
    for (size_t at = 0; at < text.len;) {
        size_t len = utf8_char_len(text.data + at, text.len - at);
        const char *bytes = len == 0 ? "\xEF\xBF\xBD" : text.data + at;
        size_t take = len == 0 ? 3 : len;
        if (out->len + take > limit)
            return false;
        buf_append(out, bytes, take);
        at += len == 0 ? 1 : len;
    }
    return true;
}

static void set_output(struct tools_answer *a, struct parley_view output, size_t limit)
{
    if (output.len <= limit && utf8_valid(output.data, output.len))
        buf_append_view(&a->output, output);
    else
        a->is_cut = !tools_answer_append(&a->output, output, limit);
    if (a->is_cut)
        buf_printf(&a->output, "\n[cut here: the whole output has %zu bytes, the limit is %zu]",
                   output.len, limit);
}

static void set_default_output(struct tools_answer *a, const char *tool)
{
    if (a->output.len > 0 && !a->output.failed)
        return;
    buf_clear(&a->output);
    if (a->status < 0)
        buf_printf(&a->output, "The tool %s failed.", tool);
    else
        buf_append_str(&a->output, "The tool finished without output.");
}

/* ---- the whole result ---- */

static void left_out(const struct tools_answer_rules *rules, const char *what, const char *why)
{
    log_warn("part of a tool's result is left out: its %s %s tool=%s", what, why, rules->tool);
}

/* JSON within the limit goes on as the bytes it came in. */
static void set_content(struct tools_answer *a, const struct tools_answer_rules *rules,
                        struct parley_view text)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (text.len == 0 || !rules->keeps_content)
        return;
    if (text.len > TOOLS_MAX_CONTENT) {
        left_out(rules, "content", "is longer than the limit");
        return;
    }
    json_t *tree = json_parse(text, &err);
    if (json_is_array(tree))
        buf_append_view(&a->content, text);
    else
        left_out(rules, "content", "is no JSON array");
    json_decref(tree);
}

/* In place of everything that it said. */
static void break_promise(struct tools_answer *a, const struct tools_answer_rules *rules,
                          const char *why)
{
    log_warn("a tool's result is not what its output schema promises: %s tool=%s", why,
             rules->tool);
    tools_answer_done(a);
    *a = (struct tools_answer){.status = PARLEY_E_PROTOCOL};
    buf_printf(&a->output, "The tool %s failed: its result is not what it promises (%s).",
               rules->tool, why);
    set_default_output(a, rules->tool);
}

/* A failed call may say why in any form. */
static bool keeps_promise(const struct tools_answer *a, const struct tools_answer_rules *rules,
                          const json_t *value, struct parley_error *err)
{
    const struct json_schema_words words = {.name = "result", .hides_value = true};

    return a->status < 0 || rules->promise == NULL ||
           json_schema_check(rules->promise, value, &words, err) != JSON_SCHEMA_MISFIT;
}

static void set_structured(struct tools_answer *a, const struct tools_answer_rules *rules,
                           struct parley_view text)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (text.len == 0 || (!rules->keeps_content && rules->promise == NULL))
        return;
    if (text.len > TOOLS_MAX_STRUCTURED) {
        left_out(rules, "structured value", "is longer than the limit");
        return;
    }
    json_t *value = json_parse(text, &err);
    if (value == NULL)
        left_out(rules, "structured value", "is not JSON");
    else if (!keeps_promise(a, rules, value, &err))
        break_promise(a, rules, err.message);
    else if (rules->keeps_content)
        buf_append_view(&a->structured, text);
    json_decref(value);
}

void tools_answer_take(struct tools_answer *a, const struct tools_answer_rules *rules,
                       const struct parley_tool_result *result)
{
    a->status = result->status;
    a->flags = result->status < 0 ? 0 : result->flags;
    set_output(a, result->output, rules->max_output);
    set_default_output(a, rules->tool);
    if (result->image.len > 0 && result->image.len <= TOOLS_MAX_IMAGE)
        buf_append_view(&a->image, result->image);
    set_content(a, rules, result->content);
    set_structured(a, rules, result->structured);
}

struct parley_tool_result tools_answer_read(const struct parley_tool_result *result)
{
    struct parley_tool_result own = {.size = sizeof(own), .status = PARLEY_E_INTERNAL};

    if (result != NULL)
        memcpy(&own, result, result->size < sizeof(own) ? result->size : sizeof(own));
    return own;
}

void tools_answer_done(struct tools_answer *a)
{
    buf_done(&a->output);
    buf_done(&a->image);
    buf_done(&a->content);
    buf_done(&a->structured);
}

/* ---- between threads ---- */

/* More than any limit allows would only be cut later; one byte more says that it was. */
static struct parley_view at_most(struct parley_view v, size_t limit)
{
    return (struct parley_view){v.data, v.len <= limit ? v.len : limit + 1};
}

void tools_answer_copy(struct tools_answer *copy, const struct parley_tool_result *result)
{
    copy->status = result->status;
    copy->flags = result->flags;
    buf_append_view(&copy->output, at_most(result->output, TOOLS_MAX_OUTPUT));
    buf_append_view(&copy->image, at_most(result->image, TOOLS_MAX_IMAGE));
    buf_append_view(&copy->content, at_most(result->content, TOOLS_MAX_CONTENT));
    buf_append_view(&copy->structured, at_most(result->structured, TOOLS_MAX_STRUCTURED));
}

struct parley_tool_result tools_answer_result(const struct tools_answer *a)
{
    return (struct parley_tool_result){
        .size = sizeof(struct parley_tool_result),
        .status = a->status,
        .output = buf_view(&a->output),
        .image = buf_view(&a->image),
        .content = buf_view(&a->content),
        .structured = buf_view(&a->structured),
        .flags = a->flags,
    };
}
