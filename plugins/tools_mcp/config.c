/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

const struct parley_option config_options[CONFIG_OPTION_COUNT] = {
    PARLEY_ENUM(struct config, transport, .default_value = "auto", .values = "auto|stdio|http|sse",
                .help = "How the server is reached: as a child process by its standard input and "
                        "output, over Streamable HTTP, or over the HTTP+SSE of 2024-11-05; auto is "
                        "stdio with command and http with url."),
    PARLEY_STRING(struct config, command, .example = "/usr/bin/npx",
                  .help = "Program of a server that runs as a child process, started without a "
                          "shell; one for all of parley's workers."),
    PARLEY_LINES(struct config, args, .example = "-y",
                 .help = "Arguments of the program, one a line; the key is repeated."),
    PARLEY_LINES(struct config, env, .example = "API_KEY=${WEATHER_KEY}",
                 .help = "Variables of the program's environment as NAME=value, one a line; of "
                         "parley's own it gets only HOME, LANG, LOGNAME, PATH, SHELL, TERM and "
                         "USER."),
    PARLEY_STRING(struct config, url, .example = "https://tools.example.com/mcp",
                  .help = "MCP endpoint of a server over HTTP."),
    PARLEY_ENUM(struct config, auth, .default_value = "auto",
                .values = "auto|none|bearer|client_credentials|private_key_jwt|jwt_bearer|"
                          "authorization_code",
                .help = "How the server over HTTP knows parley: by a fixed token, or by one that "
                        "an authorization server gives for a secret, a signature, an assertion or "
                        "a person's sign-in; auto is bearer with token, token_file or "
                        "credential, else none."),
    PARLEY_SECRET(struct config, token, .example = "file:secrets/mcp-token",
                  .help = "Bearer token for the server over HTTP."),
    PARLEY_PATH(struct config, token_file, .example = "/run/secrets/mcp-token",
                .help = "File with the bearer token, in place of token; read again when the server "
                        "refuses the token."),
    PARLEY_STRING(struct config, credential, .example = "managed-identity",
                  .help = "A [credential NAME] section, in place of token; scope says for what."),
    PARLEY_STRING(struct config, client_id, .example = "parley-crm",
                  .help = "Name that the authorization server knows parley by."),
    PARLEY_SECRET(struct config, client_secret, .example = "file:secrets/crm-client",
                  .help = "Secret of client_id."),
    PARLEY_PATH(struct config, client_secret_file, .example = "/run/secrets/crm-client",
                .help = "File with the secret of client_id, in place of client_secret."),
    PARLEY_PATH(struct config, private_key_file, .example = "/run/secrets/crm.pem",
                .help = "Private key in PEM by which client_id proves itself, for auth = "
                        "private_key_jwt."),
    PARLEY_ENUM(struct config, signing_alg, .default_value = "auto",
                .values = "auto|ES256|ES384|ES512|RS256|RS384|RS512|PS256|PS384|PS512|EdDSA",
                .help = "How private_key_file signs; auto is the usual way of its kind of key."),
    PARLEY_PATH(struct config, assertion_file, .example = "/var/run/secrets/tokens/mcp",
                .help = "File with the JWT of the platform that is exchanged for a token, for auth "
                        "= jwt_bearer; read each time."),
    PARLEY_STRING(struct config, client_metadata_url,
                  .example = "https://example.com/parley-client.json",
                  .help = "Address of a document about this client, which is its name at "
                          "authorization servers that take such, for auth = authorization_code "
                          "without client_id."),
    PARLEY_STRING(struct config, open_command, .example = "xdg-open",
                  .help = "Program by which parleyctl opens the page where a person signs in, "
                          "started without a shell, the page's address as its last argument; "
                          "without it the address is printed."),
    PARLEY_PATH(struct config, login_file, .example = "/var/lib/parley/crm-login.json",
                .help = "File with mode 0600 in which parleyctl keeps a sign-in, and from which "
                        "parleyd takes and renews it; for auth = authorization_code."),
    PARLEY_INT(struct config, redirect_port, .default_value = "0", .max = 65535,
               .help = "Port on 127.0.0.1 where the browser's answer is awaited, for authorization "
                       "servers that want to know it beforehand; 0: any."),
    PARLEY_STRING(struct config, scope, .example = "crm.read crm.write",
                  .help = "Scopes to ask for, between blanks; those that the server names when "
                          "left out."),
    PARLEY_STRING(struct config, issuer, .example = "https://login.example.com",
                  .help =
                      "The one authorization server that credentials are shown to; the one that "
                      "the server names when left out."),
    PARLEY_STRING(struct config, token_endpoint, .example = "https://login.example.com/token",
                  .help = "Where tokens are asked for, without looking for it first. May lie in a "
                          "private network."),
    PARLEY_STRING(struct config, resource, .default_value = "auto", .example = "none",
                  .help = "What tokens are asked for: auto is the name that the server has for "
                          "itself, none leaves it out (Microsoft Entra wants that), else this."),
    PARLEY_BOOL(struct config, assume_pkce, .default_value = "no",
                .help = "yes: a person may sign in although the authorization server does not say "
                        "that it knows PKCE."),
    PARLEY_BOOL(struct config, allow_loopback, .default_value = "no",
                .help = "yes: authorization may be looked for on this machine, also without https; "
                        "never in private networks. For tests."),
    PARLEY_BOOL(struct config, session_token, .default_value = "no",
                .help = "yes: the client of a conversation may hand in a token of its own, with "
                        "which that conversation's calls are made."),
    PARLEY_PATH(struct config, ca_file,
                .help = "PEM file of certificate authorities trusted for url beside the system's."),
    PARLEY_LINES(struct config, allow, .example = "read_file",
                 .help = "Tools that are offered, by the server's own names, one a line; all of "
                         "them when left out."),
    PARLEY_STRING(struct config, name_prefix, .default_value = "auto", .example = "fs",
                  .help = "Put before every tool's name, with _ between, so that two servers' "
                          "tools do not clash; auto is the section's name, none is no prefix."),
    PARLEY_ENUM(struct config, protocol, .default_value = "auto",
                .values = "auto|legacy|2024-11-05|2025-03-26|2025-06-18|2025-11-25|2026-07-28",
                .help = "Which MCP the server speaks: legacy begins with initialize and takes what "
                        "the server has, a revision insists on it (2026-07-28 is the stateless "
                        "one), auto finds out."),
    PARLEY_ENUM(struct config, elicitation, .default_value = "decline",
                .values = "decline|accept-defaults",
                .help = "What a server is told that asks the user something during a call: that "
                        "the user declines, or the defaults of the server's own form."),
    PARLEY_ENUM(struct config, on_changed_tool, .default_value = "warn", .values = "warn|refuse",
                .help = "What happens to a tool whose description or schema is not what it was "
                        "when it was first listed: a warning, or it is not offered any more."),
    PARLEY_BOOL(struct config, trace_context, .default_value = "yes",
                .help = "Send traceparent and tracestate in _meta of a call; no for a server that "
                        "is a stranger's, since they tell which calls belong together."),
    PARLEY_INT(struct config, max_calls, .default_value = "16", .min = 1, .max = 64,
               .help = "Most calls under way at once over one connection; further ones wait. 1 "
                       "for servers that work on one thing at a time."),
    PARLEY_DURATION_MS(struct config, timeout_ms, .min = 100, .max = 600000, .example = "60s",
                       .help = "Longest run of one call; what parley allows every tool when left "
                               "out."),
    PARLEY_DURATION_MS(struct config, max_timeout_ms, .default_value = "120s", .max = 900000,
                       .help = "Longest run of a call that tells its progress, each time of which "
                               "gives it the call's limit anew; 0: progress extends nothing."),
    PARLEY_DURATION_MS(struct config, start_timeout_ms, .default_value = "30s", .min = 100,
                       .max = 600000,
                       .help = "Longest time from connecting to the server's list of tools; no "
                               "conversation waits for it."),
    PARLEY_DURATION_MS(struct config, ready_timeout_ms, .default_value = "2s", .max = 30000,
                       .help = "Longest time that a conversation waits, while its model connects, "
                               "for a list of tools on its way; counted from the connection's "
                               "beginning, not from the conversation's."),
};

const char *config_signing_alg(const struct config *c)
{
    static const char *const names[] = {"auto",  "ES256", "ES384", "ES512", "RS256", "RS384",
                                        "RS512", "PS256", "PS384", "PS512", "EdDSA"};

    return names[c->signing_alg];
}
