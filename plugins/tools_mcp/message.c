/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include "dump.h"

#include <stdlib.h>
#include <string.h>

static void read_error(json_t *error, struct message *m)
{
    const char *text = json_string_value(json_object_get(error, "message"));

    m->kind = MESSAGE_ERROR;
    m->error_code = json_integer_value(json_object_get(error, "code"));
    m->error_message = text == NULL ? "" : text;
    m->error_data = json_object_get(error, "data");
}

static void read_answer(json_t *tree, struct message *m)
{
    json_t *error = json_object_get(tree, "error");

    m->result = json_object_get(tree, "result");
    if (json_is_integer(m->id) && json_integer_value(m->id) > 0)
        m->request = (uint64_t)json_integer_value(m->id);
    if (json_is_object(error))
        read_error(error, m);
    else if (m->result != NULL && m->request != 0)
        m->kind = MESSAGE_RESULT;
}

void message_read(json_t *tree, struct message *ret)
{
    const char *version = json_string_value(json_object_get(tree, "jsonrpc"));

    *ret = (struct message){0};
    if (version == NULL || strcmp(version, "2.0") != 0)
        return;
    ret->id = json_object_get(tree, "id");
    ret->method = json_string_value(json_object_get(tree, "method"));
    ret->params = json_object_get(tree, "params");
    if (ret->method == NULL)
        read_answer(tree, ret);
    else if (ret->id == NULL)
        ret->kind = MESSAGE_NOTIFICATION;
    else if (json_is_string(ret->id) || json_is_integer(ret->id))
        ret->kind = MESSAGE_REQUEST;
}

/* Takes the message. */
static char *write_out(json_t *message)
{
    char *text = dump(message);

    json_decref(message);
    return text;
}

char *message_request(uint64_t id, const char *method, json_t *params)
{
    return write_out(json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", (json_int_t)id,
                               "method", method, "params", params));
}

char *message_notification(const char *method, json_t *params)
{
    return write_out(
        json_pack("{s:s, s:s, s:o*}", "jsonrpc", "2.0", "method", method, "params", params));
}

char *message_answer(json_t *id, json_t *result)
{
    return write_out(json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result));
}

char *message_refusal(json_t *id, int code, const char *text)
{
    return write_out(json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error",
                               "code", code, "message", text));
}

bool message_is_known_version(const char *version)
{
    static const char *const known[] = {MESSAGE_NEWEST_VERSION, "2025-06-18", "2025-03-26",
                                        "2024-11-05"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i], version) == 0)
            return true;
    }
    return false;
}

/* Versions are dates, which sort as text does. */
bool message_has_forms(const char *version)
{
    return strcmp(version, "2025-06-18") >= 0;
}

json_t *message_initialize_params(const char *version)
{
    json_t *params =
        json_pack("{s:s, s:{}, s:{s:s, s:s}}", "protocolVersion", version, "capabilities",
                  "clientInfo", "name", "parley", "version", PARLEY_VERSION);

    if (message_has_forms(version))
        (void)json_object_set_new(json_object_get(params, "capabilities"), "elicitation",
                                  json_object());
    return params;
}
