/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a client's bytes: peek, decode, and an error event that is itself a good event. */
#include "fuzz.h"

#include "base/buf.h"
#include "realtime/decode.h"
#include "realtime/encode.h"
#include "realtime/splice.h"

#include <stdlib.h>

static void check_event(struct buf *out)
{
    struct rt_peek peek;

    if (out->failed || rt_peek(buf_view(out), &peek) != PARLEY_OK)
        abort();
    buf_done(out);
}

static void answer(const struct rt_error *fault, struct parley_view event_id)
{
    struct buf out = {0};

    if (fault->type[0] == '\0' || fault->message[0] == '\0')
        abort();
    rt_encode_error(&out, fault, event_id);
    check_event(&out);
}

static void relay(struct parley_view bytes, const struct rt_peek *peek)
{
    const struct rt_edit edits[] = {
        {peek->item_id, {"item_\"new\"", 10}},
        {peek->response_id, {"resp_new", 8}},
        {peek->call_id, {"", 0}},
    };
    struct buf out = {0};

    rt_splice(&out, bytes, edits, 3);
    check_event(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parley_view bytes = {(const char *)data, size};
    struct rt_client_event event;
    struct rt_error fault = {0};
    struct rt_peek peek;

    if (rt_peek(bytes, &peek) != PARLEY_OK) {
        (void)rt_error_of_fault(&fault, &peek);
        answer(&fault, peek.event_id);
        return 0;
    }
    relay(bytes, &peek);
    if (rt_decode_client(bytes, &peek, &event, &fault) == PARLEY_OK)
        rt_client_event_done(&event);
    else
        answer(&fault, peek.event_id);
    return 0;
}
