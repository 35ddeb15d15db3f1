/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/ws_frame.h"

#include <string.h>

size_t ws_frame_header_len(size_t payload_len, int is_masked)
{
    size_t len = payload_len < 126 ? 2 : payload_len < 65536 ? 4 : 10;

    return len + (is_masked ? 4 : 0);
}

/* Eight bytes at a time; memcpy() because nothing is aligned here. */
void ws_frame_mask(uint8_t *bytes, size_t len, const uint8_t mask[4])
{
    uint64_t mask8;
    size_t i = 0;

    memcpy(&mask8, mask, 4);
    memcpy((uint8_t *)&mask8 + 4, mask, 4);
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word ^= mask8;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < len; i++)
        bytes[i] ^= mask[i & 3];
}

static uint8_t *put_length(uint8_t *at, size_t len, uint8_t mask_bit)
{
    if (len < 126) {
        *at++ = (uint8_t)(mask_bit | len);
        return at;
    }
    int bytes = len < 65536 ? 2 : 8;
    *at++ = (uint8_t)(mask_bit | (bytes == 2 ? 126 : 127));
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        *at++ = (uint8_t)((uint64_t)len >> shift);
    return at;
}

uint8_t *ws_frame_build(uint8_t *payload, size_t len, int opcode, const uint8_t *mask)
{
    uint8_t *start = payload - ws_frame_header_len(len, mask != NULL);
    uint8_t *at = start;

    *at++ = (uint8_t)(0x80 | opcode);
    at = put_length(at, len, mask != NULL ? 0x80 : 0);
    if (mask != NULL) {
        memcpy(at, mask, 4);
        ws_frame_mask(payload, len, mask);
    }
    return start;
}
