/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/onnx.h"
#include "audio/silero_net.h"
#include "audio/vad_silero.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* One tensor of the file, and where it goes. */
struct slot {
    const char *name;
    size_t outputs, inputs, taps; /* the shape that the file must have: [outputs][inputs][taps] */
    size_t offset;                /* of the floats in struct silero_weights */
    bool adds;                    /* added to what is there: the second bias */
};

#define AT(member) offsetof(struct silero_weights, member)

static const struct slot slots[] = {
    {"encoder.0.reparam_conv.weight", 128, SILERO_BINS, SILERO_TAPS, AT(conv0), false},
    {"encoder.0.reparam_conv.bias", 128, 1, 1, AT(bias0), false},
    {"encoder.1.reparam_conv.weight", 64, 128, SILERO_TAPS, AT(conv1), false},
    {"encoder.1.reparam_conv.bias", 64, 1, 1, AT(bias1), false},
    {"encoder.2.reparam_conv.weight", 64, 64, SILERO_TAPS, AT(conv2), false},
    {"encoder.2.reparam_conv.bias", 64, 1, 1, AT(bias2), false},
    {"encoder.3.reparam_conv.weight", 128, 64, SILERO_TAPS, AT(conv3), false},
    {"encoder.3.reparam_conv.bias", 128, 1, 1, AT(bias3), false},
    {"decoder.rnn.weight_ih", SILERO_GATES, SILERO_CHANNELS, 1, AT(cell_input), false},
    {"decoder.rnn.weight_hh", SILERO_GATES, SILERO_CHANNELS, 1, AT(cell_hidden), false},
    {"decoder.rnn.bias_ih", SILERO_GATES, 1, 1, AT(cell_bias), true},
    {"decoder.rnn.bias_hh", SILERO_GATES, 1, 1, AT(cell_bias), true},
    {"decoder.decoder.2.weight", 1, SILERO_CHANNELS, 1, AT(out), false},
    {"decoder.decoder.2.bias", 1, 1, 1, AT(out_bias), false},
};

struct filling {
    struct silero_weights *weights;
    bool filled[ARRAY_LEN(slots)];
};

/* Missing trailing dimensions count as 1. */
static bool has_shape(const struct onnx_tensor *t, const struct slot *s)
{
    size_t want[ONNX_MAX_RANK] = {s->outputs, s->inputs, s->taps, 1};

    for (size_t i = 0; i < ONNX_MAX_RANK; i++) {
        if ((i < t->rank ? t->dims[i] : 1) != want[i])
            return false;
    }
    return true;
}

/* Copy [outputs][inputs][taps] to [inputs][taps][outputs]. */
static void fill_slot(struct silero_weights *w, const struct slot *s, const struct onnx_tensor *t)
{
    float *to = (float *)(void *)((char *)w + s->offset);
    size_t row = s->inputs * s->taps;

    for (size_t output = 0; output < s->outputs; output++) {
        for (size_t at = 0; at < row; at++) {
            float value = onnx_float(t, output * row + at);
            float *place = &to[at * s->outputs + output];
            *place = s->adds ? *place + value : value;
        }
    }
}

static void on_tensor(void *ctx, const struct onnx_tensor *t)
{
    struct filling *f = ctx;
    struct parley_view name = t->name;

    /* The 16 kHz-only file has the same tensors under this prefix. */
    if (view_starts_with(name, VIEW("model."))) {
        name.data += 6;
        name.len -= 6;
    }
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        if (!f->filled[i] && view_is(name, slots[i].name) && has_shape(t, &slots[i])) {
            fill_slot(f->weights, &slots[i], t);
            f->filled[i] = true;
            return;
        }
    }
}

static void destroy_p(struct silero_weights **w)
{
    silero_weights_destroy(*w);
}

int silero_weights_parse(struct parley_view file, struct silero_weights **ret,
                         struct parley_error *err)
{
    _cleanup_(destroy_p) struct silero_weights *w = calloc(1, sizeof(*w));
    struct filling f = {.weights = w};

    if (w == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "Silero VAD: no memory for the weights");

    int r = onnx_walk(file, on_tensor, &f, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        if (!f.filled[i])
            return parley_fail(err, PARLEY_E_INVALID,
                               "not the weights of Silero VAD 5 or 6: no float tensor %s of "
                               "%zu x %zu x %zu",
                               slots[i].name, slots[i].outputs, slots[i].inputs, slots[i].taps);
    }
    silero_net_prepare(w);
    *ret = TAKE(w);
    return PARLEY_OK;
}

static void close_p(FILE **f)
{
    if (*f != NULL)
        (void)fclose(*f); /* only read from */
}

int silero_weights_load(const char *path, struct silero_weights **ret, struct parley_error *err)
{
    _cleanup_(close_p) FILE *f = fopen(path, "rbe");
    _cleanup_(buf_done) struct buf bytes = {0};
    char piece[16384];
    size_t got;

    if (f == NULL)
        return parley_fail(err, errno == ENOENT ? PARLEY_E_NOT_FOUND : PARLEY_E_UNAVAILABLE,
                           "%s: %s", path, strerror(errno));
    while ((got = fread(piece, 1, sizeof(piece), f)) > 0) {
        if (bytes.len + got > VAD_SILERO_MAX_FILE_BYTES)
            return parley_fail(err, PARLEY_E_TOO_LARGE, "%s: larger than %u bytes", path,
                               VAD_SILERO_MAX_FILE_BYTES);
        buf_append(&bytes, piece, got);
    }
    if (bytes.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory to read it", path);

    struct parley_error why = PARLEY_ERROR_INIT;
    int r = silero_weights_parse(buf_view(&bytes), ret, &why);
    return r < 0 ? parley_fail(err, r, "%s: %s", path, why.message) : PARLEY_OK;
}

struct silero_weights *silero_weights_destroy(struct silero_weights *w)
{
    free(w);
    return NULL;
}
