/* SPDX-License-Identifier: Apache-2.0 */
/* What a section of model_agents says. Immutable; shared by all conversations. */
#ifndef MODEL_AGENTS_SERVER_H
#define MODEL_AGENTS_SERVER_H

#include <parley/options.h>
#include <parley/service/http.h>
#include <parley/service/timer.h>

#include <stdbool.h>

#include "parts/key.h"

/* In the order of the options' values. */
enum history { HISTORY_RESPONSE, HISTORY_CONVERSATION, HISTORY_SEND };
enum agent_field { AGENT_REFERENCE, AGENT_PLAIN };
enum a2a_version { A2A_AUTO, A2A_1_0, A2A_0_3 };

struct agent_server {
    const struct parley_service_http *http;
    const struct parley_service_timer *timers;
    struct key key;
    const struct protocol *protocol;
    char *base_url; /* no slash at its end */
    const struct parley_list *headers;
    const char *ca_file;
    int64_t timeout_ms;
    int64_t idle_timeout_ms;
    bool sends_trace; /* traceparent */
    bool must_pass_tools;
    bool must_pass_instructions;
    bool must_show_calls;

    /* responses */
    const char *model;
    const char *agent;
    const char *agent_version;
    enum agent_field agent_field;
    enum history history;
    const char *conversations_url; /* "": base_url + /conversations */

    /* a2a */
    const char *rpc_url; /* "": as the agent's card says */
    enum a2a_version version;
};

#endif
