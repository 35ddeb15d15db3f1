/* SPDX-License-Identifier: Apache-2.0 */
/* Responses and items: the same things, by other names. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "dialect/state.h"

#include <string.h>

/* ---- items ---- */

static void rename_parts(json_t *item, const char *const names[][2], size_t count)
{
    json_t *part;
    size_t i;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        for (size_t k = 0; k < count; k++) {
            if (strcmp(json_get_str(part, "type", ""), names[k][0]) == 0) {
                json_object_set_new(part, "type", json_string(names[k][1]));
                break;
            }
        }
    }
}

void voice_live_item_in(json_t *item)
{
    static const char *const names[][2] = {{"text", "output_text"}, {"audio", "output_audio"}};

    rename_parts(item, names, ARRAY_LEN(names));
}

/* The client cannot read a message without content. */
void voice_live_item_out(json_t *item)
{
    static const char *const names[][2] = {{"output_text", "text"}, {"output_audio", "audio"}};

    rename_parts(item, names, ARRAY_LEN(names));
    if (strcmp(json_get_str(item, "type", ""), "message") == 0 &&
        !json_is_array(json_object_get(item, "content")))
        json_object_set_new(item, "content", json_array());
}

/* ---- response.create ---- */

static bool refuse(struct rt_error *fault, const char *param, const char *what)
{
    (void)rt_error_set(fault, RT_ERROR_INVALID_VALUE, param, "%s", what);
    return false;
}

static json_t *output_of(json_t *response)
{
    json_t *audio = json_object_get(response, "audio");

    if (audio == NULL) {
        audio = json_pack("{s:{}}", "output");
        json_object_set_new(response, "audio", audio);
    }
    return json_object_get(audio, "output");
}

static bool take_voice(json_t *response, struct rt_error *fault)
{
    json_t *voice = json_object_get(response, "voice");
    const char *name = voice_live_voice_name(voice);

    if (voice == NULL)
        return true;
    if (name == NULL)
        return refuse(fault, "response.voice", "A voice is a name, or an object with a name.");
    json_object_set_new(output_of(response), "voice", json_string(name));
    json_object_del(response, "voice");
    return true;
}

static bool take_format(json_t *response, struct rt_error *fault)
{
    const char *name = json_get_str(response, "output_audio_format", "");
    json_t *format = name[0] == '\0' ? NULL : voice_live_format_in(name);

    if (name[0] == '\0')
        return true;
    if (format == NULL)
        return refuse(fault, "response.output_audio_format",
                      "The formats that are served are pcm16 (24 kHz), g711_ulaw and g711_alaw.");
    json_object_set_new(output_of(response), "format", format);
    json_object_del(response, "output_audio_format");
    return true;
}

static bool take_modalities(json_t *response, struct rt_error *fault)
{
    const json_t *list = json_object_get(response, "modalities");

    if (list == NULL)
        return true;
    json_t *modalities = voice_live_modalities_in(list, "response.modalities", fault);
    if (modalities == NULL)
        return false;
    json_object_set_new(response, "output_modalities", modalities);
    json_object_del(response, "modalities");
    return true;
}

static void rename_member(json_t *object, const char *from, const char *to)
{
    json_t *value = json_object_get(object, from);

    if (value == NULL)
        return;
    json_object_set(object, to, value);
    json_object_del(object, from);
}

static bool take_items(json_t *response, struct rt_error *fault)
{
    json_t *item;
    size_t i;

    if (json_object_get(response, "append_input_items") != NULL)
        return refuse(fault, "response.append_input_items",
                      "Add the items by conversation.item.create before response.create.");
    if (json_object_get(response, "pre_generated_assistant_message") != NULL)
        return refuse(fault, "response.pre_generated_assistant_message",
                      "Speaking a given text is not served; say it in response.instructions.");
    rename_member(response, "input_items", "input");
    json_array_foreach(json_object_get(response, "input"), i, item) voice_live_item_in(item);
    return true;
}

bool voice_live_response_in(json_t *response, struct rt_error *fault)
{
    /* Set by the client library unasked, or without a counterpart that would be heard. */
    static const char *const left_out[] = {"temperature",      "commit",       "cancel_previous",
                                           "interim_response", "invoke_input", "reasoning_effort"};

    rename_member(response, "max_response_output_tokens", "max_output_tokens");
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
        json_object_del(response, left_out[i]);
    return take_modalities(response, fault) && take_voice(response, fault) &&
           take_format(response, fault) && take_items(response, fault);
}

/* ---- a response object ---- */

static void flatten_output(json_t *response)
{
    const json_t *output = json_object_get(json_object_get(response, "audio"), "output");
    json_t *voice = json_object_get(output, "voice");
    const json_t *format = json_object_get(output, "format");

    if (voice != NULL)
        json_object_set(response, "voice", voice);
    if (format != NULL)
        json_object_set_new(response, "output_audio_format",
                            json_string(voice_live_format_out(format)));
    json_object_del(response, "audio");
}

static void name_modalities(json_t *response)
{
    const json_t *list = json_object_get(response, "output_modalities");

    if (list == NULL)
        return;
    bool is_text = view_is(json_view(json_array_get(list, 0)), "text");
    json_object_set_new(response, "modalities",
                        is_text ? json_pack("[s]", "text") : json_pack("[s,s]", "text", "audio"));
    json_object_del(response, "output_modalities");
}

/* The client cannot read a usage that lacks a part, nor null in its place. */
static void complete_usage(json_t *response)
{
    json_t *usage = json_object_get(response, "usage");

    if (!json_is_object(usage)) {
        json_object_del(response, "usage");
        return;
    }
    if (json_object_get(usage, "input_token_details") == NULL)
        json_object_set_new(usage, "input_token_details", json_object());
    json_t *input = json_object_get(usage, "input_token_details");
    if (!json_is_object(json_object_get(input, "cached_tokens_details")))
        json_object_set_new(
            input, "cached_tokens_details",
            json_pack("{s:i, s:i, s:i}", "text_tokens", 0, "audio_tokens", 0, "image_tokens", 0));
    if (!json_is_object(json_object_get(usage, "output_token_details")))
        json_object_set_new(usage, "output_token_details", json_object());
}

void voice_live_response_out(json_t *response)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(response, "output"), i, item) voice_live_item_out(item);
    flatten_output(response);
    name_modalities(response);
    complete_usage(response);
}
