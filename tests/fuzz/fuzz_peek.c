/* SPDX-License-Identifier: Apache-2.0 */
/* rt_peek() on any bytes: its views lie in the input, and it agrees with a whole JSON parser. */
#include "fuzz.h"

#include "base/json.h"
#include "realtime/peek.h"

#include <stdlib.h>
#include <string.h>

static void check_view(struct parley_view view, struct parley_view bytes)
{
    if (view.data == NULL)
        return;
    if (view.data < bytes.data || view.data + view.len > bytes.data + bytes.len)
        abort();
}

/* What jansson takes, the walk takes too, unless it is too deep. (jansson overlooks a NUL behind a
 * number, the walk does not.) */
static void check_json(struct parley_view bytes)
{
    if (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL)
        return;

    json_t *tree = json_parse(bytes, NULL);
    enum rt_fault fault = rt_json_check(bytes, NULL);

    if (tree != NULL && fault != RT_FAULT_NONE && fault != RT_FAULT_TOO_DEEP)
        abort();
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parley_view bytes = {(const char *)data, size};
    struct rt_peek peek;

    int r = rt_peek(bytes, &peek);
    if ((r == PARLEY_OK) != (peek.fault == RT_FAULT_NONE) || peek.fault_at > size)
        abort();
    check_view(peek.type, bytes);
    check_view(peek.event_id, bytes);
    check_view(peek.item_id, bytes);
    check_view(peek.previous_item_id, bytes);
    check_view(peek.response_id, bytes);
    check_view(peek.call_id, bytes);
    check_view(peek.payload, bytes);
    check_view(peek.body, bytes);
    if (r == PARLEY_OK && rt_json_check(bytes, NULL) != RT_FAULT_NONE)
        abort();
    check_json(bytes);
    return 0;
}
