/* SPDX-License-Identifier: Apache-2.0 */
#include "stateless.h"

#include "dump.h"
#include "elicit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META "io.modelcontextprotocol/"

#define UNSUPPORTED_VERSION (-32022)
#define MISSING_CAPABILITY  (-32021)

/* ---- what every request says ---- */

void stateless_stamp(json_t *params)
{
    json_t *meta = json_object_get(params, "_meta");

    if (meta == NULL) {
        (void)json_object_set_new(params, "_meta", json_object());
        meta = json_object_get(params, "_meta");
    }
    (void)json_object_set_new(meta, META "protocolVersion", json_string(STATELESS_VERSION));
    (void)json_object_set_new(meta, META "clientCapabilities", json_pack("{s:{}}", "elicitation"));
    (void)json_object_set_new(meta, META "clientInfo",
                              json_pack("{s:s, s:s}", "name", "parley", "version", PARLEY_VERSION));
}

/* ---- which kind of server it is ---- */

static json_t *versions_of(const struct message *answer)
{
    return answer->kind == MESSAGE_RESULT ? json_object_get(answer->result, "supportedVersions")
                                          : json_object_get(answer->error_data, "supported");
}

static bool has_ours(const json_t *versions)
{
    json_t *version;
    size_t i;

    json_array_foreach(versions, i, version)
    {
        if (json_is_string(version) && strcmp(json_string_value(version), STATELESS_VERSION) == 0)
            return true;
    }
    return false;
}

enum stateless_verdict stateless_judge(const struct message *answer)
{
    bool is_versioned = json_array_size(versions_of(answer)) > 0;

    if (answer->kind == MESSAGE_RESULT && !is_versioned)
        return STATELESS_NO; /* some answer everything that they do not know with {} */
    if (answer->kind == MESSAGE_RESULT)
        return has_ours(versions_of(answer)) ? STATELESS_YES : STATELESS_NEVER;
    if (answer->error_code == UNSUPPORTED_VERSION)
        return has_ours(versions_of(answer)) ? STATELESS_YES : STATELESS_NEVER;
    return answer->error_code == STATELESS_HEADER_MISMATCH ||
                   answer->error_code == MISSING_CAPABILITY
               ? STATELESS_NEVER
               : STATELESS_NO;
}

void stateless_versions(const struct message *answer, char *text, size_t size)
{
    size_t len = 0, i;
    json_t *version;

    text[0] = '\0';
    json_array_foreach(versions_of(answer), i, version)
    {
        if (!json_is_string(version) || len + json_string_length(version) + 3 > size)
            continue;
        len += (size_t)snprintf(text + len, size - len, "%s%s", len == 0 ? "" : ", ",
                                json_string_value(version));
    }
}

/* ---- results that ask back ---- */

enum stateless_result stateless_result_of(const json_t *result)
{
    const json_t *type = json_object_get(result, "resultType");

    if (type == NULL || json_is_null(type))
        return STATELESS_COMPLETE;
    if (!json_is_string(type))
        return STATELESS_WRONG;
    if (strcmp(json_string_value(type), "complete") == 0)
        return STATELESS_COMPLETE;
    return strcmp(json_string_value(type), "input_required") == 0 ? STATELESS_ASKS
                                                                  : STATELESS_WRONG;
}

/* One response for each question; NULL when one of them is none that we offered to answer. */
static json_t *answer_all(json_t *questions, bool accepts_defaults)
{
    json_t *answers = json_object();
    const char *key;
    json_t *question;

    json_object_foreach(questions, key, question)
    {
        const char *method = json_string_value(json_object_get(question, "method"));
        json_t *answer = NULL;
        if (method != NULL && strcmp(method, "elicitation/create") == 0)
            answer = elicit_answer(json_object_get(question, "params"), accepts_defaults);
        if (answer == NULL) {
            json_decref(answers);
            return NULL;
        }
        (void)json_object_set_new(answers, key, answer);
    }
    return answers;
}

char *stateless_again(const char *request, uint64_t id, const json_t *result, bool accepts_defaults)
{
    json_t *questions = json_object_get(result, "inputRequests");
    json_t *state = json_object_get(result, "requestState");
    json_t *answers = answer_all(questions, accepts_defaults);
    json_t *tree = answers == NULL ? NULL : json_loads(request, 0, NULL);
    json_t *params = json_object_get(tree, "params");
    char *text = NULL;

    (void)json_object_del(params, "inputResponses");
    (void)json_object_del(params, "requestState");
    if (params != NULL) {
        (void)json_object_set_new(tree, "id", json_integer((json_int_t)id));
        (void)json_object_set_new(json_object_get(params, "_meta"), "progressToken",
                                  json_integer((json_int_t)id));
        if (json_object_size(questions) > 0)
            (void)json_object_set(params, "inputResponses", answers);
        if (json_is_string(state))
            (void)json_object_set(params, "requestState", state);
        text = dump(tree);
    }
    json_decref(answers);
    json_decref(tree);
    return text;
}

/* ---- headers ---- */

static bool is_plain(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (value[i] < ' ' || value[i] > '~')
            return false;
    }
    return len == 0 || (value[0] != ' ' && value[len - 1] != ' ' && strncmp(value, "=?", 2) != 0);
}

static void encode(const char *value, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < len ? (unsigned char)value[i + k] : 0);
        for (int k = 0; k < 4; k++)
            *out++ = i + (size_t)k > len ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    *out = '\0';
}

bool stateless_header(const char *value, char out[STATELESS_MAX_HEADER])
{
    static const char head[] = "=?base64?", tail[] = "?=";
    size_t len = strlen(value);
    bool is_as_it_is = is_plain(value, len);
    size_t need = is_as_it_is ? len : (len + 2) / 3 * 4 + sizeof(head) + sizeof(tail);

    if (need >= STATELESS_MAX_HEADER)
        return false;
    if (is_as_it_is) {
        memcpy(out, value, len + 1);
        return true;
    }
    memcpy(out, head, sizeof(head));
    encode(value, len, out + sizeof(head) - 1);
    memcpy(out + strlen(out), tail, sizeof(tail));
    return true;
}
