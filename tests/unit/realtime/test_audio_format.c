/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/session_object.h"

static void formats_know_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCM24K), 48);
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCMU), 8);
    assert_int_equal(rt_audio_bytes_per_ms(RT_AUDIO_PCMA), 8);
    assert_int_equal(rt_audio_bytes_per_sample(RT_AUDIO_PCM24K), 2);
    assert_int_equal(rt_audio_rate(RT_AUDIO_PCMU), 8000);
    assert_int_equal(rt_audio_ms(RT_AUDIO_PCM24K, 4800), 100);
    assert_int_equal(rt_audio_ms(RT_AUDIO_PCM24K, 4847), 100);
}

static void formats_are_told_by_their_type(void **state)
{
    json_t *pcmu = wire_tree("{'type':'audio/pcmu'}");

    (void)state;
    assert_int_equal(rt_audio_of(pcmu), RT_AUDIO_PCMU);
    assert_int_equal(rt_audio_of(NULL), RT_AUDIO_PCM24K);
    assert_string_equal(rt_audio_name(RT_AUDIO_PCMA), "audio/pcma");
    json_decref(pcmu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_know_their_sizes),
        cmocka_unit_test(formats_are_told_by_their_type),
    };
    return cmocka_run_group_tests_name("realtime/audio_format", tests, NULL, NULL);
}
