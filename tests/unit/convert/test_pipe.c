/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/g711.h"
#include "audio/pcm.h"
#include "base/base64.h"
#include "base/str.h"
#include "convert/pipe.h"

#include <math.h>
#include <string.h>

#define TURN 6.283185307179586

/* A tone of 440 Hz in the format's bytes. */
static void tone(struct buf *out, enum rt_audio format, size_t samples)
{
    for (size_t i = 0; i < samples; i++) {
        int16_t s = (int16_t)(12000 * sin(TURN * 440 * (double)i / rt_audio_rate(format)));
        if (format == RT_AUDIO_PCM24K)
            pcm_append_le(out, &s, 1);
        else
            buf_append_char(out, (char)(format == RT_AUDIO_PCMU ? g711_linear_to_ulaw(s)
                                                                : g711_linear_to_alaw(s)));
    }
}

/* Through the pipe in pieces of so many bytes; what comes out as bytes. */
static void run(struct pipe *p, const struct buf *in, size_t piece, struct buf *out)
{
    for (size_t at = 0; at < in->len; at += piece) {
        size_t len = in->len - at < piece ? in->len - at : piece;
        struct buf text = {0}, given = {0};
        base64_encode(&text, in->data + at, len);
        assert_true(pipe_run(p, buf_view(&text), at + len == in->len, &given));
        assert_true(base64_decode(out, buf_view(&given)));
        buf_done(&text);
        buf_done(&given);
    }
}

static double error_of(const struct buf *out, enum rt_audio format)
{
    struct buf ideal = {0};
    size_t count = out->len / rt_audio_bytes_per_sample(format);
    double worst = 0;

    tone(&ideal, format, count);
    for (size_t i = count / 10; i < count * 9 / 10; i++) { /* the edges have no neighbours */
        const unsigned char *a = (const unsigned char *)out->data, *b = (unsigned char *)ideal.data;
        double x, y;
        if (format == RT_AUDIO_PCM24K) {
            x = (int16_t)(a[2 * i] | a[2 * i + 1] << 8);
            y = (int16_t)(b[2 * i] | b[2 * i + 1] << 8);
        } else {
            x = format == RT_AUDIO_PCMU ? g711_ulaw_to_linear(a[i]) : g711_alaw_to_linear(a[i]);
            y = format == RT_AUDIO_PCMU ? g711_ulaw_to_linear(b[i]) : g711_alaw_to_linear(b[i]);
        }
        worst = fmax(worst, fabs(x - y));
    }
    buf_done(&ideal);
    return worst;
}

static void tone_stays_the_same_between_any_two_formats(void **state)
{
    (void)state;
    for (int from = 0; from < RT_AUDIO_COUNT; from++) {
        for (int to = 0; to < RT_AUDIO_COUNT; to++) {
            struct pipe p = {0};
            struct buf in = {0}, out = {0};
            size_t samples = rt_audio_rate((enum rt_audio)from) / 2;
            tone(&in, (enum rt_audio)from, samples);
            assert_int_equal(pipe_open(&p, (enum rt_audio)from, (enum rt_audio)to, NULL), 0);
            run(&p, &in, 480, &out);
            size_t wanted = rt_audio_rate((enum rt_audio)to) / 2;
            size_t got = out.len / rt_audio_bytes_per_sample((enum rt_audio)to);
            assert_true(got + 2 >= wanted && got <= wanted + 2);
            assert_true(error_of(&out, (enum rt_audio)to) < 12000 * 0.06); /* of G.711's steps */
            buf_done(&in);
            buf_done(&out);
            pipe_done(&p);
        }
    }
}

static void pieces_of_any_length_give_the_same(void **state)
{
    static const size_t pieces[] = {1, 3, 7, 641, 100000};
    struct buf in = {0}, whole = {0};
    struct pipe p = {0};

    (void)state;
    tone(&in, RT_AUDIO_PCM24K, 4001);
    assert_int_equal(pipe_open(&p, RT_AUDIO_PCM24K, RT_AUDIO_PCMU, NULL), 0);
    run(&p, &in, in.len, &whole);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct buf out = {0};
        assert_int_equal(pipe_open(&p, RT_AUDIO_PCM24K, RT_AUDIO_PCMU, NULL), 0);
        run(&p, &in, pieces[i], &out); /* odd ones cut samples in two */
        assert_int_equal(out.len, whole.len);
        assert_memory_equal(out.data, whole.data, whole.len);
        buf_done(&out);
    }
    pipe_done(&p);
    buf_done(&in);
    buf_done(&whole);
}

static void what_is_not_base64_gives_nothing_and_the_stream_goes_on(void **state)
{
    struct pipe p = {0};
    struct buf out = {0};

    (void)state;
    assert_int_equal(pipe_open(&p, RT_AUDIO_PCMU, RT_AUDIO_PCM24K, NULL), 0);
    assert_false(pipe_run(&p, VIEW("no base64"), false, &out));
    assert_int_equal(out.len, 0);
    assert_true(pipe_run(&p, VIEW(""), false, &out));
    assert_true(pipe_run(&p, VIEW("////////////////////////////////////////////////////////////"),
                         true, &out));
    assert_true(out.len > 0);
    buf_done(&out);
    pipe_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tone_stays_the_same_between_any_two_formats),
        cmocka_unit_test(pieces_of_any_length_give_the_same),
        cmocka_unit_test(what_is_not_base64_gives_nothing_and_the_stream_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
