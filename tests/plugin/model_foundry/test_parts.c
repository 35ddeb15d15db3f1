/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, hints, and the translation of Voice Live both ways. */
#include "endpoint.h"
#include "hint.h"
#include "scan.h"
#include "voice_live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct foundry_config config(int32_t service, const char *endpoint)
{
    return (struct foundry_config){
        .service = service,
        .endpoint = endpoint,
        .deployment = service == SERVICE_AZURE_OPENAI ? "my voice" : "",
        .model = service == SERVICE_VOICE_LIVE ? "gpt-realtime" : "",
        .agent_name = service == SERVICE_VOICE_AGENT ? "desk" : "",
        .agent_project_name = "",
        .agent_version = "",
        .api_version = "2026-04-10",
        .api_key = "",
        .credential = "",
        .scope = "https://ai.azure.com/.default",
        .voice_endpoint_id = "",
        .voice_model = "",
        .voice_style = "",
        .voice_rate = "",
        .end_of_utterance = "",
        .transcription_model = "",
    };
}

/* ---- addresses ---- */

static void expect_address(int32_t service, const char *endpoint, const char *address)
{
    struct foundry_config c = config(service, endpoint);
    struct parley_error err = PARLEY_ERROR_INIT;
    char out[ENDPOINT_SIZE];

    if (endpoint_make(&c, out, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(out, address);
}

static void address_is_made_of_what_the_portal_shows(void **state)
{
    static const char *const same[] = {"https://r.openai.azure.com", "https://r.openai.azure.com/",
                                       "https://r.openai.azure.com/openai/v1",
                                       "wss://r.openai.azure.com/openai/v1/realtime"};

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        expect_address(SERVICE_AZURE_OPENAI, same[i],
                       "wss://r.openai.azure.com/openai/v1/realtime?model=my%20voice");
    expect_address(SERVICE_VOICE_LIVE, "https://r.services.ai.azure.com",
                   "wss://r.services.ai.azure.com/voice-live/realtime?api-version=2026-04-10&model="
                   "gpt-realtime");
    expect_address(SERVICE_VOICE_AGENT, "https://r.services.ai.azure.com/api/projects/p",
                   "wss://r.services.ai.azure.com/api/projects/p/agents/desk/endpoint/protocols/"
                   "voice?api-version=v1");
    expect_address(SERVICE_AZURE_OPENAI, "http://127.0.0.1:80",
                   "ws://127.0.0.1:80/openai/v1/realtime?model=my%20voice");
}

static void expect_refused(struct foundry_config c, const char *why)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char out[ENDPOINT_SIZE];

    assert_int_equal(endpoint_make(&c, out, &err), PARLEY_E_INVALID);
    if (strstr(err.message, why) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", why, err.message);
}

static void usual_mistakes_are_told_apart(void **state)
{
    struct foundry_config c = config(SERVICE_AZURE_OPENAI, "https://r.openai.azure.com");

    (void)state;
    expect_refused(config(SERVICE_AZURE_OPENAI,
                          "https://r.openai.azure.com/openai/v1?api-version=2025-04-01-preview"),
                   "it has an api-version, which the v1 API refuses");
    expect_refused(config(SERVICE_VOICE_LIVE,
                          "https://r.services.ai.azure.com/voice-live/realtime?api-version=x"),
                   "which has an option of its own, api_version");
    expect_refused(
        config(SERVICE_AZURE_OPENAI, "https://r.openai.azure.com/openai/realtime?deployment=x"),
        "it has the deployment of the older API");
    expect_refused(config(SERVICE_AZURE_OPENAI, "https://ai.azure.com/resource/x"),
                   "ai.azure.com is the portal");
    expect_refused(config(SERVICE_AZURE_OPENAI, "http://r.openai.azure.com"),
                   "does not begin with https://");
    expect_refused(config(SERVICE_AZURE_OPENAI, "r.openai.azure.com"),
                   "is not an address that begins with https://");
    expect_refused(config(SERVICE_AZURE_OPENAI, "https://me:secret@r.openai.azure.com"),
                   "it holds a user or a password");
    expect_refused(config(SERVICE_AZURE_OPENAI, "https://r.openai.azure.com/api/projects/x"),
                   "its path /api/projects/x is not expected");
    expect_refused(config(SERVICE_VOICE_AGENT, "https://r.services.ai.azure.com"),
                   "is not that of a project");
    c.deployment = "";
    c.model = "gpt-realtime";
    expect_refused(c, "deployment: service = azure-openai needs it");
    c = config(SERVICE_VOICE_LIVE, "https://r.services.ai.azure.com");
    c.agent_name = "desk";
    expect_refused(c, "and not both");
    c.model = "";
    expect_refused(c, "agent_project_name: goes with agent_name");
}

/* ---- hints ---- */

static const char *hint(const struct foundry_config *c, int status, const char *code,
                        const char *message)
{
    static char out[256];

    hint_write(c, status, code, message, out, sizeof(out));
    return out;
}

static void refusals_say_what_to_look_at(void **state)
{
    struct foundry_config c = config(SERVICE_AZURE_OPENAI, "");

    (void)state;
    assert_non_null(strstr(hint(&c, 401, "", ""), "the key is wrong, renewed"));
    assert_non_null(strstr(hint(&c, 404, "", ""), "there is no deployment \"my voice\""));
    assert_non_null(strstr(hint(&c, 400, "OpperationNotSupported", ""), "not of a realtime model"));
    assert_non_null(strstr(hint(&c, 429, "", ""), "quota"));
    assert_non_null(strstr(hint(&c, 403, "", ""), "keys are switched off"));
    assert_string_equal(hint(&c, 500, "", ""), "");
    c.credential = "azure";
    assert_non_null(strstr(hint(&c, 401, "", "wrong audience"), "check scope, now https://ai"));
    assert_non_null(strstr(hint(&c, 401, "", "Tenant mismatch"), "another tenant"));
    assert_non_null(strstr(hint(&c, 403, "", ""), "has no role"));
}

/* ---- types ---- */

static const char *type_of(const char *event)
{
    static char out[64];
    struct parley_view type = scan_type((struct parley_view){event, strlen(event)});

    (void)snprintf(out, sizeof(out), "%.*s", (int)type.len, type.data == NULL ? "" : type.data);
    return out;
}

static void type_is_that_of_the_outermost_object(void **state)
{
    (void)state;
    assert_string_equal(type_of("{\"type\":\"a.b\"}"), "a.b");
    assert_string_equal(type_of(" { \"x\" : {\"type\":\"no\"}, \"type\" : \"yes\" }"), "yes");
    assert_string_equal(type_of("{\"x\":\"type\",\"y\":[{\"type\":\"no\"}],\"type\":\"yes\"}"),
                        "yes");
    assert_string_equal(type_of("{\"x\":\"a\\\\\",\"y\":\"\\\"type\\\":\",\"type\":\"z\"}"), "z");
    assert_string_equal(type_of("{\"type\":7}"), "");
    assert_string_equal(type_of("{\"type\":\"open"), "");
    assert_string_equal(type_of(""), "");
    assert_string_equal(type_of("\""), "");
}

/* ---- the dialect ---- */

static json_t *said[32];
static int count;

static void take(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    said[count] = json_loadb(event.data, event.len, 0, NULL);
    assert_non_null(said[count]);
    count++;
}

static void forget(void)
{
    while (count > 0)
        json_decref(said[--count]);
}

static char *quoted(const char *text)
{
    char *copy = strdup(text);

    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    return copy;
}

/* The text at a path of names between dots. */
static const char *at(const json_t *tree, const char *path)
{
    char name[64];

    while (*path != '\0' && tree != NULL) {
        size_t len = strcspn(path, ".");
        (void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
        tree = json_is_array(tree) ? json_array_get(tree, (size_t)atoi(name))
                                   : json_object_get(tree, name);
        path += len + (path[len] == '.');
    }
    return json_is_string(tree) ? json_string_value(tree) : "";
}

static void *open_dialect(const struct foundry_config *c)
{
    const struct link_sink sink = {.to_peer = take, .to_host = take};

    return voice_live_dialect.create(c, &sink);
}

static void from_host(void *d, const char *text)
{
    char *event = quoted(text);

    voice_live_dialect.from_host(d, (struct parley_view){event, strlen(event)}, 0);
    free(event);
}

static void from_peer(void *d, const char *text)
{
    char *event = quoted(text);

    voice_live_dialect.from_peer(d, (struct parley_view){event, strlen(event)}, 0);
    free(event);
}

static void session_is_flat_and_has_the_sections_own_fields(void **state)
{
    static const char *const words[] = {"One moment."};
    struct foundry_config c = config(SERVICE_VOICE_LIVE, "");

    (void)state;
    c.turn_detection = TURNS_AZURE_MULTILINGUAL;
    c.remove_filler_words = c.noise_suppression = c.echo_cancellation = 1;
    c.transcription_model = "azure-speech";
    c.voice_style = "cheerful";
    c.interim_texts = (struct parley_list){words, 1};
    void *d = open_dialect(&c);
    from_host(d, "{'type':'session.update','session':{'type':'realtime','instructions':'Hi',"
                 "'output_modalities':['audio'],'max_output_tokens':'inf','audio':{'input':"
                 "{'format':{'type':'audio/pcmu'},'turn_detection':{'type':'server_vad',"
                 "'threshold':0.4},'transcription':{'model':'whisper-1','language':'en'}},"
                 "'output':{'voice':'en-US-AvaNeural','format':{'type':'audio/pcm'}}}}}");
    assert_int_equal(count, 1);
    assert_string_equal(at(said[0], "session.modalities.1"), "audio");
    assert_string_equal(at(said[0], "session.instructions"), "Hi");
    assert_string_equal(at(said[0], "session.input_audio_format"), "g711_ulaw");
    assert_string_equal(at(said[0], "session.output_audio_format"), "pcm16");
    assert_string_equal(at(said[0], "session.voice.type"), "azure-standard");
    assert_string_equal(at(said[0], "session.voice.style"), "cheerful");
    assert_string_equal(at(said[0], "session.turn_detection.type"),
                        "azure_semantic_vad_multilingual");
    assert_string_equal(at(said[0], "session.input_audio_transcription.model"), "azure-speech");
    assert_string_equal(at(said[0], "session.input_audio_transcription.language"), "en");
    assert_string_equal(at(said[0], "session.input_audio_noise_reduction.type"),
                        "azure_deep_noise_suppression");
    assert_string_equal(at(said[0], "session.input_audio_echo_cancellation.type"),
                        "server_echo_cancellation");
    assert_string_equal(at(said[0], "session.interim_response.texts.0"), "One moment.");
    assert_null(json_object_get(json_object_get(said[0], "session"), "audio"));
    assert_null(json_object_get(json_object_get(said[0], "session"), "type"));
    forget();
    voice_live_dialect.destroy(d);
}

static void an_agents_own_prompt_rules(void **state)
{
    struct foundry_config c = config(SERVICE_VOICE_LIVE, "");

    (void)state;
    c.agent_name = "desk";
    void *d = open_dialect(&c);
    from_host(d, "{'type':'session.update','session':{'instructions':'Hi','tools':[]}}");
    assert_null(json_object_get(json_object_get(said[0], "session"), "instructions"));
    assert_null(json_object_get(json_object_get(said[0], "session"), "tools"));
    forget();
    voice_live_dialect.destroy(d);
}

static void session_of_the_service_is_nested(void **state)
{
    struct foundry_config c = config(SERVICE_VOICE_LIVE, "");
    void *d = open_dialect(&c);

    (void)state;
    from_peer(d, "{'type':'session.created','event_id':'e','session':{'id':'s','model':'m',"
                 "'modalities':['text','audio'],'voice':{'type':'azure-standard','name':'v'},"
                 "'input_audio_format':'pcm16','output_audio_format':'g711_alaw',"
                 "'turn_detection':{'type':'azure_semantic_vad','threshold':0.3},"
                 "'expires_at':5,'input_audio_noise_reduction':"
                 "{'type':'azure_deep_noise_suppression'}}}");
    assert_string_equal(at(said[0], "session.type"), "realtime");
    assert_string_equal(at(said[0], "session.output_modalities.0"), "audio");
    assert_string_equal(at(said[0], "session.audio.output.voice"), "v");
    assert_string_equal(at(said[0], "session.audio.output.format.type"), "audio/pcma");
    assert_string_equal(at(said[0], "session.audio.input.turn_detection.type"), "server_vad");
    assert_string_equal(at(said[0], "session.id"), "s");
    forget();
    voice_live_dialect.destroy(d);
}

static void items_end_as_ga_tells_it(void **state)
{
    struct foundry_config c = config(SERVICE_VOICE_LIVE, "");
    void *d = open_dialect(&c);

    (void)state;
    from_peer(d, "{'type':'conversation.item.created','previous_item_id':'i0','item':{'id':'i1',"
                 "'type':'message','role':'user','status':'completed','content':[]}}");
    assert_int_equal(count, 2);
    assert_string_equal(at(said[0], "type"), "conversation.item.added");
    assert_string_equal(at(said[1], "type"), "conversation.item.done");
    assert_string_equal(at(said[1], "previous_item_id"), "i0");
    forget();
    from_peer(d, "{'type':'conversation.item.created','previous_item_id':'i1','item':{'id':'i2',"
                 "'type':'message','role':'assistant','status':'in_progress','content':[]}}");
    assert_int_equal(count, 1);
    from_peer(d, "{'type':'response.output_item.done','item':{'id':'i2','type':'message',"
                 "'role':'assistant','status':'completed','content':[{'type':'audio',"
                 "'transcript':'x'}]}}");
    assert_int_equal(count, 3);
    assert_string_equal(at(said[1], "type"), "conversation.item.done");
    assert_string_equal(at(said[1], "previous_item_id"), "i1");
    assert_string_equal(at(said[1], "item.content.0.type"), "output_audio");
    assert_string_equal(at(said[2], "type"), "response.output_item.done");
    forget();
    voice_live_dialect.destroy(d);
}

static void events_have_gas_names_and_azures_own_are_left_out(void **state)
{
    struct foundry_config c = config(SERVICE_VOICE_LIVE, "");
    void *d = open_dialect(&c);

    (void)state;
    from_peer(d, "{'type':'response.audio.delta','response_id':'r','delta':'AAAA'}");
    from_peer(d, "{'type':'response.text.done','text':'a'}");
    from_peer(d, "{'type':'response.animation_viseme.delta','viseme_id':1}");
    from_peer(d, "{'type':'warning','warning':{'message':'x'}}");
    from_peer(d, "{'type':'input_audio_buffer.speech_started','item_id':'i'}");
    assert_int_equal(count, 3);
    assert_string_equal(at(said[0], "type"), "response.output_audio.delta");
    assert_string_equal(at(said[0], "delta"), "AAAA");
    assert_string_equal(at(said[1], "type"), "response.output_text.done");
    assert_string_equal(at(said[2], "type"), "input_audio_buffer.speech_started");
    forget();
    from_host(d, "{'type':'response.create','response':{'output_modalities':['text']}}");
    assert_string_equal(at(said[0], "response.modalities.0"), "text");
    assert_true(
        json_is_false(json_object_get(json_object_get(said[0], "response"), "cancel_previous")));
    from_host(d, "{'type':'conversation.item.create','item':{'type':'message','role':'assistant',"
                 "'content':[{'type':'output_text','text':'a'}]}}");
    assert_string_equal(at(said[1], "item.content.0.type"), "text");
    from_host(d, "{'type':'input_audio_buffer.append','audio':'AAAA'}");
    assert_string_equal(at(said[2], "audio"), "AAAA");
    from_peer(d, "{'type':'response.done','response':{'id':'r','modalities':['text','audio'],"
                 "'voice':'v','output':[],'usage':null}}");
    assert_string_equal(at(said[3], "response.output_modalities.0"), "audio");
    assert_string_equal(at(said[3], "response.audio.output.voice"), "v");
    forget();
    voice_live_dialect.destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_is_made_of_what_the_portal_shows),
        cmocka_unit_test(usual_mistakes_are_told_apart),
        cmocka_unit_test(refusals_say_what_to_look_at),
        cmocka_unit_test(type_is_that_of_the_outermost_object),
        cmocka_unit_test(session_is_flat_and_has_the_sections_own_fields),
        cmocka_unit_test(an_agents_own_prompt_rules),
        cmocka_unit_test(session_of_the_service_is_nested),
        cmocka_unit_test(items_end_as_ga_tells_it),
        cmocka_unit_test(events_have_gas_names_and_azures_own_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
