/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the encoders: an OTLP request is built as a tree of messages in an arena and serialised
 * at once. Functions that return a pointer return NULL without memory, which encoder_pack() sees.
 */
#ifndef PARTS_OTLP_ENCODER_H
#define PARTS_OTLP_ENCODER_H

#include "arena.h"
#include "encode.h"
#include "otlp.pb-c.h"

struct encoder {
    struct arena arena;
    const struct encode_config *config;
};

/* Short names for the generated types that every signal has. */
typedef Parley__Otlp__AnyValue AnyValue;
typedef Parley__Otlp__KeyValue KeyValue;
typedef Parley__Otlp__Resource Resource;
typedef Parley__Otlp__Scope Scope;

/* A message of the tree, ready to be filled. */
#define NEW(e, type, descriptor)                                                                   \
    ((type *)encoder_fresh((e), &parley__otlp__##descriptor##__descriptor))
void *encoder_fresh(struct encoder *e, const ProtobufCMessageDescriptor *descriptor);

/* An array of `count` pointers. */
#define POINTERS(e, type, count) ((type **)arena_alloc(&(e)->arena, (count) * sizeof(type *)))

/* A copy. */
char *encoder_text(struct encoder *e, const char *s);

/* Without content, unless the configuration wants it. */
KeyValue **encoder_attributes(struct encoder *e, const struct parley_attrs *attrs,
                              size_t *ret_count);
Resource *encoder_resource(struct encoder *e, const struct parley_attrs *attrs);
Scope *encoder_scope(struct encoder *e);

/* Borrowed: the batch lives longer than the tree. */
ProtobufCBinaryData encoder_bytes(const uint8_t *data, size_t len);
bool encoder_is_zero(const uint8_t *data, size_t len);

/* Serialise the tree (NULL: it failed) and forget it. */
bool encoder_pack(struct encoder *e, const void *message, struct body *ret);

#endif
