/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of RFC 6455 as bytes: built in front of their payload, and masked in place. */
#ifndef TRANSPORT_WS_FRAME_H
#define TRANSPORT_WS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define WS_OP_TEXT   0x1
#define WS_OP_BINARY 0x2
#define WS_OP_CLOSE  0x8
#define WS_OP_PING   0x9

#define WS_FRAME_HEADER_MAX 14
#define WS_CLOSE_REASON_MAX 123

/* Bytes that the header of a frame takes. */
size_t ws_frame_header_len(size_t payload_len, int is_masked);

/*
 * Make a final frame of the payload: the header goes into the bytes before it, of which there must
 * be WS_FRAME_HEADER_MAX, and with a mask (NULL: none) the payload is masked. Returns the start.
 */
uint8_t *ws_frame_build(uint8_t *payload, size_t len, int opcode, const uint8_t *mask);

/* XOR with the mask, from its first byte on. */
void ws_frame_mask(uint8_t *bytes, size_t len, const uint8_t mask[4]);

#endif
