/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/usage.h"

#include "base/str.h"
#include "telemetry/names.h"

static int64_t input(const struct usage *u)
{
    return u->input_text + u->input_audio + u->input_image;
}

static int64_t cached(const struct usage *u)
{
    return u->cached_text + u->cached_audio + u->cached_image;
}

static int64_t output(const struct usage *u)
{
    return u->output_text + u->output_audio;
}

static void set_part(struct span *s, const char *key, int64_t tokens)
{
    if (tokens > 0)
        span_set_int(s, key, tokens);
}

void usage_set(struct span *s, const struct usage *u)
{
    span_set_int(s, NAME_INPUT_TOKENS, input(u));
    span_set_int(s, NAME_OUTPUT_TOKENS, output(u));
    set_part(s, NAME_CACHED_TOKENS, cached(u));
    set_part(s, NAME_TEXT_INPUT_TOKENS, u->input_text);
    set_part(s, NAME_AUDIO_INPUT_TOKENS, u->input_audio);
    set_part(s, NAME_IMAGE_INPUT_TOKENS, u->input_image);
    set_part(s, NAME_TEXT_OUTPUT_TOKENS, u->output_text);
    set_part(s, NAME_AUDIO_OUTPUT_TOKENS, u->output_audio);
    set_part(s, NAME_TEXT_CACHED_TOKENS, u->cached_text);
    set_part(s, NAME_AUDIO_CACHED_TOKENS, u->cached_audio);
    set_part(s, NAME_IMAGE_CACHED_TOKENS, u->cached_image);
}

static void count_modality(struct telemetry_recorder *r, enum metric_id id,
                           struct metric_label labels[3], const char *modality, int64_t tokens)
{
    labels[2].value = view_of(modality);
    if (tokens > 0)
        metric_add(metrics_point(r, id, labels, 3), (double)tokens);
}

void usage_count(struct telemetry_recorder *r, struct parley_view provider,
                 struct parley_view model, const struct usage *u)
{
    struct metric_label parts[3] = {
        {NAME_PROVIDER, provider}, {NAME_REQUEST_MODEL, model}, {NAME_TOKEN_MODALITY, {"", 0}}};
    struct metric_label whole[4] = {{NAME_OPERATION, VIEW(NAME_INFERENCE)},
                                    {NAME_PROVIDER, provider},
                                    {NAME_REQUEST_MODEL, model},
                                    {NAME_TOKEN_TYPE, VIEW("input")}};

    metric_record(metrics_point(r, METRIC_TOKEN_USAGE, whole, 4), (double)input(u));
    whole[3].value = VIEW("output");
    metric_record(metrics_point(r, METRIC_TOKEN_USAGE, whole, 4), (double)output(u));
    count_modality(r, METRIC_INPUT_TOKENS, parts, "text", u->input_text);
    count_modality(r, METRIC_INPUT_TOKENS, parts, "audio", u->input_audio);
    count_modality(r, METRIC_INPUT_TOKENS, parts, "image", u->input_image);
    count_modality(r, METRIC_CACHED_TOKENS, parts, "text", u->cached_text);
    count_modality(r, METRIC_CACHED_TOKENS, parts, "audio", u->cached_audio);
    count_modality(r, METRIC_CACHED_TOKENS, parts, "image", u->cached_image);
    count_modality(r, METRIC_OUTPUT_TOKENS, parts, "text", u->output_text);
    count_modality(r, METRIC_OUTPUT_TOKENS, parts, "audio", u->output_audio);
}
