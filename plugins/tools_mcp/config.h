/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a section. */
#ifndef TOOLS_MCP_CONFIG_H
#define TOOLS_MCP_CONFIG_H

#include <parley/options.h>

/* Values of the ENUM options, in the order of their `values`; of auth see auth.h. */
enum elicitation { ELICITATION_DECLINE, ELICITATION_ACCEPT_DEFAULTS };
enum on_changed_tool { ON_CHANGED_WARN, ON_CHANGED_REFUSE };
enum protocol { PROTOCOL_AUTO, PROTOCOL_LEGACY, PROTOCOL_OLDEST, PROTOCOL_STATELESS = 6 };
enum transport { TRANSPORT_AUTO, TRANSPORT_STDIO, TRANSPORT_HTTP, TRANSPORT_SSE };

struct config {
    int32_t transport;
    const char *command;
    struct parley_list args;
    struct parley_list env;
    const char *url;
    int32_t auth;
    const char *token;
    const char *token_file;
    const char *credential;
    const char *client_id;
    const char *client_secret;
    const char *client_secret_file;
    const char *private_key_file;
    int32_t signing_alg;
    const char *assertion_file;
    const char *client_metadata_url;
    const char *open_command;
    const char *login_file;
    int64_t redirect_port;
    const char *scope;
    const char *issuer;
    const char *token_endpoint;
    const char *resource;
    int32_t assume_pkce;
    int32_t allow_loopback;
    int32_t session_token;
    const char *ca_file;
    struct parley_list allow;
    const char *name_prefix;
    int32_t protocol;
    int32_t trace_context;
    int32_t elicitation;
    int32_t on_changed_tool;
    int64_t max_calls;
    int64_t timeout_ms;
    int64_t max_timeout_ms;
    int64_t start_timeout_ms;
    int64_t ready_timeout_ms;
};

#define CONFIG_OPTION_COUNT 38
extern const struct parley_option config_options[CONFIG_OPTION_COUNT];

/* A value of signing_alg as it is written. */
const char *config_signing_alg(const struct config *c);

#endif
