/* SPDX-License-Identifier: Apache-2.0 */
/* A tool ends the conversation: the user hears the last words to their end, and may take it back.
 */
#include "model_says.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_OF_AUDIO 64000 /* characters of base64: 48000 bytes of 24 kHz PCM */

static char audio[SECOND_OF_AUDIO + 256];

static const char *second_of_audio(void)
{
    int len =
        snprintf(audio, sizeof(audio),
                 "{'type':'response.output_audio.delta','event_id':'e','response_id':'resp_2',"
                 "'item_id':'item_m','output_index':0,'content_index':0,'delta':'");

    memset(audio + len, 'A', SECOND_OF_AUDIO);
    memcpy(audio + len + SECOND_OF_AUDIO, "'}", 3);
    return audio;
}

/* The tool has ended; the model is asked for its last words. */
static struct wire *open_and_say_goodbye(void)
{
    struct wire *w = wire_open("tools = t\nclient_trace = no");

    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "slow");
    wire_tool_ends(w, 0, WIRE_FAREWELL);
    model_ends(w, "resp_1", "completed");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    return w;
}

static void speak(struct wire *w)
{
    model_begins(w, "resp_2");
    model_speaks(w, "resp_2");
    wire_model(w, second_of_audio());
    model_ends(w, "resp_2", "completed");
    wire_client_forget(w);
}

static void session_closes_when_the_last_words_were_heard(void **state)
{
    struct wire *w = open_and_say_goodbye();

    (void)state;
    wire_advance_ms(w, 5000);
    assert_false(wire_client_was_closed(w)); /* the model thinks */
    speak(w);
    wire_advance_ms(w, 900);
    assert_false(wire_client_was_closed(w));
    wire_advance_ms(w, 400);
    wire_client_gets_nothing(w);
    wire_client_is_closed(w, 1000);
    wire_close(w);
}

static void user_who_goes_on_takes_it_back(void **state)
{
    struct wire *w = open_and_say_goodbye();

    (void)state;
    speak(w);
    wire_client(w, "{'type':'conversation.item.create','item':{'type':'message','role':'user','"
                   "content':[{'type':'input_text','text':'one more thing'}]}}");
    wire_advance_ms(w, 130000);
    assert_false(wire_client_was_closed(w));
    wire_close(w);
}

static void nobody_is_cut_off_while_speaking(void **state)
{
    struct wire *w = open_and_say_goodbye();

    (void)state;
    speak(w);
    model_hears_speech(w);
    wire_advance_ms(w, 10000);
    assert_false(wire_client_was_closed(w));
    wire_close(w);
}

static void model_that_never_says_its_last_words_ends_it_late(void **state)
{
    struct wire *w = open_and_say_goodbye();

    (void)state;
    model_begins(w, "resp_2");
    wire_advance_ms(w, 121000);
    assert_true(wire_client_was_closed(w));
    wire_close(w);
}

static void client_that_leaves_first_is_no_trouble(void **state)
{
    struct wire *w = open_and_say_goodbye();

    (void)state;
    wire_client_leaves(w);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_closes_when_the_last_words_were_heard),
        cmocka_unit_test(user_who_goes_on_takes_it_back),
        cmocka_unit_test(nobody_is_cut_off_while_speaking),
        cmocka_unit_test(model_that_never_says_its_last_words_ends_it_late),
        cmocka_unit_test(client_that_leaves_first_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
