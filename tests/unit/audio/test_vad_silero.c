/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/silero_net.h"
#include "audio/vad_silero.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "made_speech.h"
#include "published_weights.h"

#include <stdlib.h>

#define SECOND VAD_RATE_HZ

/* ---- the network against a slow one written straight from its description -------------------- */

struct layer {
    const char *name;
    int outputs, inputs, taps;
    float *values; /* [output][input][tap] */
};

enum { W0, B0, W1, B1, W2, B2, W3, B3, WIH, WHH, BIH, BHH, WOUT, BOUT, LAYERS };

static struct layer layers[LAYERS] = {
    {"encoder.0.reparam_conv.weight", 128, 129, 3, NULL},
    {"encoder.0.reparam_conv.bias", 128, 1, 1, NULL},
    {"encoder.1.reparam_conv.weight", 64, 128, 3, NULL},
    {"encoder.1.reparam_conv.bias", 64, 1, 1, NULL},
    {"encoder.2.reparam_conv.weight", 64, 64, 3, NULL},
    {"encoder.2.reparam_conv.bias", 64, 1, 1, NULL},
    {"encoder.3.reparam_conv.weight", 128, 64, 3, NULL},
    {"encoder.3.reparam_conv.bias", 128, 1, 1, NULL},
    {"decoder.rnn.weight_ih", 512, 128, 1, NULL},
    {"decoder.rnn.weight_hh", 512, 128, 1, NULL},
    {"decoder.rnn.bias_ih", 512, 1, 1, NULL},
    {"decoder.rnn.bias_hh", 512, 1, 1, NULL},
    {"decoder.decoder.2.weight", 1, 128, 1, NULL},
    {"decoder.decoder.2.bias", 1, 1, 1, NULL},
};

static size_t layer_count(const struct layer *l)
{
    return (size_t)l->outputs * (size_t)l->inputs * (size_t)l->taps;
}

static void make_layers(void)
{
    uint32_t seed = 7;

    for (int i = 0; i < LAYERS; i++) {
        struct layer *l = &layers[i];
        double scale = 1.0 / sqrt((double)l->inputs * l->taps);

        l->values = malloc(layer_count(l) * sizeof(float));
        assert_non_null(l->values);
        for (size_t k = 0; k < layer_count(l); k++) {
            seed = seed * 1664525u + 1013904223u;
            l->values[k] = (float)(scale * ((double)(seed >> 8) / 8388608.0 - 1.0));
        }
    }
}

static void free_layers(void)
{
    for (int i = 0; i < LAYERS; i++) {
        free(layers[i].values);
        layers[i].values = NULL;
    }
}

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_append_char(out, (char)(value | 0x80));
    buf_append_char(out, (char)value);
}

static void put_bytes(struct buf *out, int number, const void *bytes, size_t len)
{
    put_varint(out, (uint64_t)number << 3 | 2);
    put_varint(out, len);
    buf_append(out, bytes, len);
}

/* An ONNX file with all layers but `without` as initialisers. */
static void make_file(struct buf *out, int without)
{
    _cleanup_(buf_done) struct buf graph = {0};

    for (int i = 0; i < LAYERS; i++) {
        _cleanup_(buf_done) struct buf t = {0}, dims = {0};
        const struct layer *l = &layers[i];

        put_varint(&dims, (uint64_t)l->outputs);
        put_varint(&dims, (uint64_t)l->inputs);
        put_varint(&dims, (uint64_t)l->taps);
        put_bytes(&t, 1, dims.data, dims.len);
        put_varint(&t, 2 << 3);
        put_varint(&t, 1);
        put_bytes(&t, 8, l->name, strlen(l->name));
        put_bytes(&t, 9, l->values, layer_count(l) * sizeof(float));
        if (i != without)
            put_bytes(&graph, 5, t.data, t.len);
    }
    put_bytes(out, 7, graph.data, graph.len);
}

struct slow {
    double context[64], hidden[128], cell[128];
};

static int slow_conv(const struct layer *w, const struct layer *b, int stride, const double *in,
                     int steps, double *out)
{
    int produced = (steps + stride - 1) / stride;

    for (int at = 0; at < produced; at++) {
        for (int o = 0; o < w->outputs; o++) {
            double sum = (double)b->values[o];
            for (int i = 0; i < w->inputs; i++) {
                for (int tap = 0; tap < 3; tap++) {
                    int from = at * stride + tap - 1;
                    if (from >= 0 && from < steps)
                        sum += (double)w->values[(o * w->inputs + i) * 3 + tap] *
                               in[from * w->inputs + i];
                }
            }
            out[at * w->outputs + o] = sum > 0 ? sum : 0;
        }
    }
    return produced;
}

static void slow_spectrum(const double *x, double *out)
{
    for (int k = 0; k <= 128; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < 256; i++) {
            double windowed = x[i] * (0.5 - 0.5 * cos(MADE_TURN * i / 256));
            re += windowed * cos(MADE_TURN * k * i / 256);
            im -= windowed * sin(MADE_TURN * k * i / 256);
        }
        out[k] = sqrt(re * re + im * im);
    }
}

static double slow_gate(const struct slow *s, const double *x, int row)
{
    double sum = (double)layers[BIH].values[row] + (double)layers[BHH].values[row];

    for (int i = 0; i < 128; i++)
        sum += (double)layers[WIH].values[row * 128 + i] * x[i] +
               (double)layers[WHH].values[row * 128 + i] * s->hidden[i];
    return sum;
}

static double slow_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double slow_run(struct slow *s, const int16_t *samples)
{
    double x[640], spectra[4 * 129], a[4 * 128], b[4 * 128], hidden[128];
    double score = (double)layers[BOUT].values[0];

    memcpy(x, s->context, sizeof(s->context));
    for (int i = 0; i < 512; i++)
        x[64 + i] = samples[i] / 32768.0;
    for (int i = 0; i < 64; i++)
        x[576 + i] = x[574 - i];
    memcpy(s->context, x + 512, sizeof(s->context));
    for (int step = 0; step < 4; step++)
        slow_spectrum(x + 128 * step, spectra + 129 * step);
    int steps = slow_conv(&layers[W0], &layers[B0], 1, spectra, 4, a);
    steps = slow_conv(&layers[W1], &layers[B1], 2, a, steps, b);
    steps = slow_conv(&layers[W2], &layers[B2], 2, b, steps, a);
    assert_int_equal(slow_conv(&layers[W3], &layers[B3], 1, a, steps, b), 1);
    for (int i = 0; i < 128; i++) {
        double input = slow_sigmoid(slow_gate(s, b, i));
        double forget = slow_sigmoid(slow_gate(s, b, 128 + i));
        double candidate = tanh(slow_gate(s, b, 256 + i));
        s->cell[i] = forget * s->cell[i] + input * candidate;
        hidden[i] = slow_sigmoid(slow_gate(s, b, 384 + i)) * tanh(s->cell[i]);
    }
    memcpy(s->hidden, hidden, sizeof(hidden));
    for (int i = 0; i < 128; i++)
        score += (double)layers[WOUT].values[i] * (hidden[i] > 0 ? hidden[i] : 0);
    return slow_sigmoid(score);
}

static void the_network_equals_its_description(void **state)
{
    _cleanup_(buf_done) struct buf file = {0};
    struct silero_weights *weights = NULL;
    static struct silero_state fast;
    static struct slow slow;
    uint32_t seed = 3;

    (void)state;
    make_layers();
    make_file(&file, -1);
    assert_int_equal(silero_weights_parse(buf_view(&file), &weights, NULL), PARLEY_OK);
    for (int frame = 0; frame < 6; frame++) {
        int16_t samples[VAD_FRAME_SAMPLES];
        made_noise(samples, VAD_FRAME_SAMPLES, 3000.0 * frame, &seed);
        double want = slow_run(&slow, samples);
        assert_true(fabs((double)silero_net_run(weights, &fast, samples) - want) < 1e-4);
    }
    silero_weights_destroy(weights);
    free_layers();
}

static void a_missing_tensor_is_named(void **state)
{
    _cleanup_(buf_done) struct buf file = {0};
    struct silero_weights *weights = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    make_layers();
    make_file(&file, WHH);
    assert_int_equal(silero_weights_parse(buf_view(&file), &weights, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "decoder.rnn.weight_hh"));
    assert_null(weights);
    free_layers();
}

static void a_missing_file_is_named(void **state)
{
    struct silero_weights *weights = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(silero_weights_load("/nowhere/silero_vad.onnx", &weights, &err),
                     PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/silero_vad.onnx"));
}

/* ---- the published weights, when they are there ---------------------------------------------- */

/* What ONNX Runtime 1.30 says of frames 27 and following of made_sound(). */
static const float golden[] = {
    0.002828f, 0.002658f, 0.003078f, 0.003173f, 0.277144f, 0.862011f, 0.947814f, 0.944246f,
    0.962740f, 0.948126f, 0.784319f, 0.503928f, 0.974172f, 0.968461f, 0.979348f, 0.980884f,
    0.982373f, 0.997233f, 0.967251f, 0.942348f, 0.976328f, 0.958058f, 0.974751f, 0.972624f,
    0.981907f, 0.978164f, 0.956084f, 0.952559f, 0.986505f, 0.981932f, 0.970566f, 0.961163f,
    0.973778f, 0.994035f, 0.990496f, 0.937906f, 0.529896f, 0.158951f, 0.044902f, 0.019169f,
    0.014862f, 0.013429f, 0.012196f, 0.012343f,
};
#define GOLDEN_FROM 27

/* A second of noise, a second of voice in it, a second of noise. */
static void made_sound(int16_t samples[3 * SECOND])
{
    uint32_t seed = 1;

    made_noise(samples, 3 * SECOND, 30, &seed);
    made_voice(samples + SECOND, SECOND);
}

struct heard {
    size_t frames;
    float probability[3 * SECOND / VAD_FRAME_SAMPLES];
};

static void note(void *ctx, float probability)
{
    struct heard *h = ctx;

    h->probability[h->frames++] = probability;
}

static void the_published_weights_give_the_scores_of_onnx_runtime(void **state)
{
    static int16_t samples[3 * SECOND];
    struct silero_weights *weights = published_weights();
    struct heard heard = {0};

    (void)state;
    if (weights == NULL)
        skip();
    made_sound(samples);
    struct vad *v = vad_silero_create(weights);
    vad_feed(v, samples, 3 * SECOND, note, &heard);
    for (size_t i = 0; i < ARRAY_LEN(golden); i++)
        assert_true(fabsf(heard.probability[GOLDEN_FROM + i] - golden[i]) < 0.002f);
    vad_destroy(v);
    silero_weights_destroy(weights);
}

static void a_reset_detector_gives_the_same_scores_again(void **state)
{
    static int16_t samples[3 * SECOND];
    struct silero_weights *weights = published_weights();
    struct heard first = {0}, second = {0};

    (void)state;
    if (weights == NULL)
        skip();
    made_sound(samples);
    struct vad *v = vad_silero_create(weights);
    vad_feed(v, samples, 3 * SECOND, note, &first);
    vad_reset(v);
    vad_feed(v, samples, 3 * SECOND, note, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    vad_destroy(v);
    silero_weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_network_equals_its_description),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(the_published_weights_give_the_scores_of_onnx_runtime),
        cmocka_unit_test(a_reset_detector_gives_the_same_scores_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
