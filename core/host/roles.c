/* SPDX-License-Identifier: Apache-2.0 */
#include "host/roles.h"

#include "base/cleanup.h"

#include <parley/chat.h>
#include <parley/exporter.h>
#include <parley/model.h>
#include <parley/speech.h>
#include <parley/store.h>
#include <parley/tools.h>

#include <string.h>

struct function {
    const char *name;
    size_t offset;
};

#define FUNCTION(table, member)                                                                    \
    {                                                                                              \
#member, offsetof(struct table, member)                                                    \
    }

/* What the first version of each role requires. A function that a later version adds is optional,
 * and does not come in here. */
static const struct function model_functions[] = {
    FUNCTION(parley_model_vtable, caps),  FUNCTION(parley_model_vtable, open),
    FUNCTION(parley_model_vtable, send),  FUNCTION(parley_model_vtable, pause),
    FUNCTION(parley_model_vtable, close), {NULL, 0},
};

static const struct function chat_functions[] = {
    FUNCTION(parley_chat_vtable, session_open),
    FUNCTION(parley_chat_vtable, generate),
    FUNCTION(parley_chat_vtable, cancel),
    FUNCTION(parley_chat_vtable, session_close),
    {NULL, 0},
};

static const struct function speech_functions[] = {
    FUNCTION(parley_speech_vtable, caps),
    FUNCTION(parley_speech_vtable, transcribe),
    FUNCTION(parley_speech_vtable, synthesise),
    {NULL, 0},
};

static const struct function tools_functions[] = {
    FUNCTION(parley_tools_vtable, attach),
    FUNCTION(parley_tools_vtable, list),
    FUNCTION(parley_tools_vtable, call),
    {NULL, 0},
};

static const struct function store_functions[] = {
    FUNCTION(parley_store_vtable, attach), FUNCTION(parley_store_vtable, create),
    FUNCTION(parley_store_vtable, update), FUNCTION(parley_store_vtable, append),
    FUNCTION(parley_store_vtable, read),   FUNCTION(parley_store_vtable, list),
    FUNCTION(parley_store_vtable, take),   FUNCTION(parley_store_vtable, remove),
    FUNCTION(parley_store_vtable, expire), {NULL, 0},
};

static const struct function exporter_functions[] = {
    FUNCTION(parley_exporter_vtable, attach),
    FUNCTION(parley_exporter_vtable, deliver),
    {NULL, 0},
};

static const struct {
    const char *id;
    size_t table_size;
    const struct function *required;
} roles[] = {
    [ROLE_MODEL] = {PARLEY_ROLE_MODEL, sizeof(struct parley_model_vtable), model_functions},
    [ROLE_CHAT] = {PARLEY_ROLE_CHAT, sizeof(struct parley_chat_vtable), chat_functions},
    [ROLE_SPEECH] = {PARLEY_ROLE_SPEECH, sizeof(struct parley_speech_vtable), speech_functions},
    [ROLE_TOOLS] = {PARLEY_ROLE_TOOLS, sizeof(struct parley_tools_vtable), tools_functions},
    [ROLE_STORE] = {PARLEY_ROLE_STORE, sizeof(struct parley_store_vtable), store_functions},
    [ROLE_EXPORTER] = {PARLEY_ROLE_EXPORTER, sizeof(struct parley_exporter_vtable),
                       exporter_functions},
};

const char *role_id(enum role role)
{
    return roles[role].id;
}

enum role role_by_id(const char *id)
{
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (strcmp(roles[role].id, id) == 0)
            return role;
    }
    return ROLE_COUNT;
}

size_t role_table_size(enum role role)
{
    return roles[role].table_size;
}

int role_check(enum role role, const void *table, struct parley_error *err)
{
    for (const struct function *f = roles[role].required; f->name != NULL; f++) {
        void (*function)(void) = NULL;
        memcpy(&function, (const char *)table + f->offset, sizeof(function));
        if (function == NULL)
            return parley_fail(err, PARLEY_E_INVALID,
                               "role %s: the function '%s' is missing from its table; every plugin "
                               "of this role provides it",
                               roles[role].id, f->name);
    }
    return PARLEY_OK;
}
