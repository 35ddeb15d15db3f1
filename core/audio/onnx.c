/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/onnx.h"

#include "base/str.h"

/* Numbers of fields in onnx.proto. */
#define MODEL_GRAPH       7
#define GRAPH_NODE        1
#define GRAPH_INITIALIZER 5
#define NODE_ATTRIBUTE    5
#define ATTRIBUTE_NAME    1
#define ATTRIBUTE_TENSOR  5
#define ATTRIBUTE_GRAPH   6
#define TENSOR_DIMS       1
#define TENSOR_DATA_TYPE  2
#define TENSOR_NAME       8
#define TENSOR_RAW        9

#define DATA_TYPE_FLOAT 1

/* Conditions inside conditions that are followed. */
#define MAX_DEPTH 4

/* Wire types of protobuf. */
enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
    uint64_t number;
    enum wire wire;
    uint64_t value;           /* WIRE_VARINT */
    struct parley_view bytes; /* WIRE_BYTES */
};

struct walk {
    onnx_on_tensor on_tensor;
    void *ctx;
};

enum step { STEP_FIELD, STEP_END, STEP_BROKEN };

static bool read_varint(struct parley_view *rest, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (rest->len == 0)
            return false;
        unsigned char byte = (unsigned char)*rest->data++;
        rest->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool take(struct parley_view *rest, uint64_t len, struct parley_view *ret)
{
    if (len > rest->len)
        return false;
    *ret = (struct parley_view){rest->data, (size_t)len};
    rest->data += len;
    rest->len -= (size_t)len;
    return true;
}

static enum step next_field(struct parley_view *rest, struct field *ret)
{
    uint64_t tag, len;
    bool whole = false;

    if (rest->len == 0)
        return STEP_END;
    if (!read_varint(rest, &tag))
        return STEP_BROKEN;

    *ret = (struct field){.number = tag >> 3, .wire = (enum wire)(tag & 7)};
    switch (ret->wire) {
    case WIRE_VARINT:
        whole = read_varint(rest, &ret->value);
        break;
    case WIRE_64:
        whole = take(rest, 8, &ret->bytes);
        break;
    case WIRE_BYTES:
        whole = read_varint(rest, &len) && take(rest, len, &ret->bytes);
        break;
    case WIRE_32:
        whole = take(rest, 4, &ret->bytes);
        break;
    }
    return whole ? STEP_FIELD : STEP_BROKEN;
}

static bool add_dim(struct onnx_tensor *t, uint64_t dim)
{
    if (t->rank == ONNX_MAX_RANK)
        return false;
    t->dims[t->rank++] = dim;
    return true;
}

/* Dimensions come one by one or packed into one field. */
static bool add_dims(struct onnx_tensor *t, const struct field *f)
{
    struct parley_view packed = f->bytes;
    uint64_t dim;

    if (f->wire == WIRE_VARINT)
        return add_dim(t, f->value);
    while (packed.len > 0) {
        if (!read_varint(&packed, &dim) || !add_dim(t, dim))
            return false;
    }
    return true;
}

/* Is the number of floats that the dimensions promise there? */
static bool is_complete(const struct onnx_tensor *t)
{
    uint64_t count = 1;

    for (size_t i = 0; i < t->rank; i++) {
        if (t->dims[i] == 0 || t->dims[i] > t->raw.len / sizeof(float) / count)
            return false;
        count *= t->dims[i];
    }
    return t->raw.len == count * sizeof(float);
}

static bool walk_tensor(const struct walk *w, struct parley_view bytes)
{
    struct onnx_tensor t = {0};
    struct field f;
    uint64_t type = 0;
    bool fits = true;
    enum step step;

    while ((step = next_field(&bytes, &f)) == STEP_FIELD) {
        if (f.number == TENSOR_DIMS)
            fits = add_dims(&t, &f) && fits;
        else if (f.number == TENSOR_DATA_TYPE && f.wire == WIRE_VARINT)
            type = f.value;
        else if (f.number == TENSOR_NAME && f.wire == WIRE_BYTES)
            t.name = f.bytes;
        else if (f.number == TENSOR_RAW && f.wire == WIRE_BYTES)
            t.raw = f.bytes;
    }
    if (step == STEP_END && fits && type == DATA_TYPE_FLOAT && is_complete(&t))
        w->on_tensor(w->ctx, &t);
    return step == STEP_END;
}

static bool walk_graph(const struct walk *w, struct parley_view bytes, int depth);

static bool walk_attribute(const struct walk *w, struct parley_view bytes, int depth)
{
    struct parley_view name = {0}, graph = {0};
    struct field f;
    enum step step;

    while ((step = next_field(&bytes, &f)) == STEP_FIELD) {
        if (f.wire != WIRE_BYTES)
            continue;
        if (f.number == ATTRIBUTE_NAME)
            name = f.bytes;
        else if (f.number == ATTRIBUTE_GRAPH)
            graph = f.bytes;
        else if (f.number == ATTRIBUTE_TENSOR && !walk_tensor(w, f.bytes))
            return false;
    }
    if (step == STEP_END && view_is(name, "then_branch") && depth < MAX_DEPTH)
        return walk_graph(w, graph, depth + 1);
    return step == STEP_END;
}

static bool walk_node(const struct walk *w, struct parley_view bytes, int depth)
{
    struct field f;
    enum step step;

    while ((step = next_field(&bytes, &f)) == STEP_FIELD) {
        if (f.number == NODE_ATTRIBUTE && f.wire == WIRE_BYTES &&
            !walk_attribute(w, f.bytes, depth))
            return false;
    }
    return step == STEP_END;
}

static bool walk_graph(const struct walk *w, struct parley_view bytes, int depth)
{
    struct field f;
    enum step step;

    while ((step = next_field(&bytes, &f)) == STEP_FIELD) {
        if (f.wire != WIRE_BYTES)
            continue;
        if (f.number == GRAPH_NODE && !walk_node(w, f.bytes, depth))
            return false;
        if (f.number == GRAPH_INITIALIZER && !walk_tensor(w, f.bytes))
            return false;
    }
    return step == STEP_END;
}

int onnx_walk(struct parley_view file, onnx_on_tensor on_tensor, void *ctx,
              struct parley_error *err)
{
    const struct walk w = {on_tensor, ctx};
    size_t total = file.len;
    struct field f;
    enum step step;

    while ((step = next_field(&file, &f)) == STEP_FIELD) {
        if (f.number == MODEL_GRAPH && f.wire == WIRE_BYTES && !walk_graph(&w, f.bytes, 0)) {
            step = STEP_BROKEN;
            break;
        }
    }
    if (step == STEP_BROKEN)
        return parley_fail(err, PARLEY_E_INVALID,
                           "not an ONNX file: its structure breaks within the first %zu of %zu "
                           "bytes",
                           total - file.len, total);
    return PARLEY_OK;
}

float onnx_float(const struct onnx_tensor *tensor, size_t n)
{
    const unsigned char *b = (const unsigned char *)tensor->raw.data + 4 * n;
    uint32_t bits =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}
