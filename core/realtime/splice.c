/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/splice.h"

#include "base/str.h"

#include <assert.h>

/* The edit that stands first at or after `from`, NULL when there is none. */
static const struct rt_edit *next_edit(const struct rt_edit *edits, size_t count, const char *from)
{
    const struct rt_edit *first = NULL;

    for (size_t i = 0; i < count; i++) {
        const char *at = edits[i].old.data;
        if (at == NULL || at < from || view_equal(edits[i].old, edits[i].text))
            continue;
        if (first == NULL || at < first->old.data)
            first = &edits[i];
    }
    return first;
}

void rt_splice(struct buf *out, struct parley_view event, const struct rt_edit *edits, size_t count)
{
    const char *from = event.data;
    const char *end = event.data + event.len;
    const struct rt_edit *edit;

    assert(count <= RT_SPLICE_MAX);
    (void)buf_reserve(out, event.len + 256); /* a lack of memory shows at the appends */
    while ((edit = next_edit(edits, count, from)) != NULL) {
        /* The view is what stands between the quotes; the new text brings its own. */
        buf_append(out, from, (size_t)(edit->old.data - 1 - from));
        if (edit->text.data == NULL)
            buf_append_str(out, "null");
        else
            buf_append_json_string(out, edit->text);
        from = edit->old.data + edit->old.len + 1;
    }
    buf_append(out, from, (size_t)(end - from));
}
