/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/needs.h"

struct agent_need agent_needs(const struct agent_config *agent,
                              const struct parley_model_caps *caps)
{
    const uint32_t audio = PARLEY_CAP_AUDIO_INPUT | PARLEY_CAP_AUDIO_OUTPUT;
    uint32_t has = caps->flags;

    if (agent->tools.count > 0 && (has & PARLEY_CAP_TOOLS) == 0)
        return (struct agent_need){"tools", "function calls"};
    if (agent->turn_detection == AGENT_TURNS_SEMANTIC_VAD && (has & PARLEY_CAP_SEMANTIC_VAD) == 0)
        return (struct agent_need){"turn_detection", "semantic_vad"};
    /* The default; a model that hears nothing needs none. */
    if (agent->turn_detection == AGENT_TURNS_SERVER_VAD && (has & PARLEY_CAP_AUDIO_INPUT) != 0 &&
        (has & PARLEY_CAP_SERVER_VAD) == 0)
        return (struct agent_need){"turn_detection", "server_vad"};
    if (agent->output == AGENT_OUTPUT_TEXT && (has & PARLEY_CAP_TEXT_OUTPUT) == 0)
        return (struct agent_need){"output", "answers in text"};
    if (agent->record && (has & audio) == 0)
        return (struct agent_need){"record", "audio"};
    return (struct agent_need){0};
}
