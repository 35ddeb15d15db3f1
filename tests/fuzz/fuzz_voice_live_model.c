/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a host and of Voice Live, one a line; the host's begin with '>'. What goes on is JSON
 * whenever what came was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "voice_live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool was_json;

static void look(void *ctx, struct parley_view event, uint32_t flags)
{
    json_t *tree = json_loadb(event.data == NULL ? "" : event.data, event.len, 0, NULL);

    (void)ctx;
    (void)flags;
    if (was_json && tree == NULL)
        abort();
    json_decref(tree);
}

static void say(void *dialect, const char *line, size_t len)
{
    bool is_hosts = len > 0 && line[0] == '>';
    struct parley_view event = {line + is_hosts, len - is_hosts};
    json_t *tree = json_loadb(event.data, event.len, 0, NULL);

    was_json = json_is_object(tree);
    json_decref(tree);
    (void)scan_type(event);
    if (is_hosts)
        voice_live_dialect.from_host(dialect, event, 0);
    else
        voice_live_dialect.from_peer(dialect, event, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"One moment."};
    const struct foundry_config config = {.service = SERVICE_VOICE_LIVE,
                                          .agent_name = "",
                                          .voice_endpoint_id = "",
                                          .voice_model = "",
                                          .voice_style = "x",
                                          .voice_rate = "",
                                          .turn_detection = TURNS_AZURE,
                                          .end_of_utterance = "m",
                                          .transcription_model = "azure-speech",
                                          .noise_suppression = 1,
                                          .interim_texts = {words, 1}};
    const struct link_sink sink = {.to_peer = look, .to_host = look};
    void *dialect = voice_live_dialect.create(&config, &sink);
    size_t at = 0;

    while (dialect != NULL && at < size) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end == NULL ? size - at : (size_t)(end - data) - at;
        char *copy = malloc(len + 1); /* exactly so long: what reads on is found */
        if (copy == NULL)
            break;
        memcpy(copy, data + at, len);
        say(dialect, copy, len);
        free(copy);
        at += len + 1;
    }
    if (dialect != NULL)
        voice_live_dialect.destroy(dialect);
    return 0;
}
