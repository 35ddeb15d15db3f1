/* SPDX-License-Identifier: Apache-2.0 */
/* A script: what the model does on which client event. Read once, then constant; see README.md. */
#ifndef MODEL_SCRIPT_SCRIPT_H
#define MODEL_SCRIPT_SCRIPT_H

#include <parley/model.h>

#include <jansson.h>
#include <stdbool.h>

struct rule {
    const char *on;      /* client event type, "session.open", "unknown" or "*" */
    const json_t *match; /* path -> value, or NULL */
    const json_t *steps; /* array */
    int64_t times;       /* how often at most; 0: without end */
    int64_t skip;        /* how many matches are passed over first */
    int64_t audio_ms;    /* of input_audio_buffer.append: once so much has come in; -1: not asked */
};

struct script {
    json_t *tree; /* everything below borrows from it; never written, so workers may share it */
    const char *reply;
    bool has_defaults;     /* believable answers where no rule matches */
    const json_t *session; /* laid over the session of session.created; may be NULL */
    const json_t *expiry;  /* the close at the end of caps.session_limit_ms; may be NULL */
    const json_t *refuse;  /* a close instead of session.created; may be NULL */
    int64_t refuse_times;  /* how many opens are refused; 0: all */
    int64_t open_delay_ms;
    bool is_silent; /* session.created never comes */
    struct rule *rules;
    size_t rule_count;
    struct parley_model_caps caps;
};

/* Read a file; an empty path gives a script without rules. */
int script_load(const char *path, struct script *ret_script, struct parley_error *err);
void script_done(struct script *script);

#endif
