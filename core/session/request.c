/* SPDX-License-Identifier: Apache-2.0 */
/* What a client asks in a response.create, as the model may be asked: held against the agent's
 * rules, with the agent's tools, and with the model's names of items. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

static const char *const governed[] = {"instructions",
                                       "tools",
                                       "tool_choice",
                                       "prompt",
                                       "reasoning",
                                       "output_modalities",
                                       "audio",
                                       "max_output_tokens",
                                       "parallel_tool_calls"};

/* Leave out what the agent does not let a client decide. */
static void drop_governed(const struct session *s, json_t *request)
{
    for (size_t i = 0; i < ARRAY_LEN(governed); i++) {
        const char *path = strcmp(governed[i], "audio") == 0 ? "audio.output.voice" : governed[i];
        if (!agent_client_may_set(s->agent, path))
            (void)json_object_del(request, governed[i]);
    }
}

/* The agent's tools are always among those of the conversation. */
static void add_agents_tools(struct session *s, json_t *request)
{
    json_t *tools = json_object_get(request, "tools");

    if (tools == NULL)
        return;
    settings_note_client_tools(s, tools);
    json_object_set_new(request, "tools", settings_tools_with(s, tools));
}

/* ... and never among those of a response beside it, whose calls are the client's. */
static void keep_from_agents_tools(const struct session *s, json_t *request)
{
    if (json_object_get(request, "tools") != NULL)
        return;
    json_object_set_new(request, "tools", json_copy(json_object_get(s->settings, "tools")));
    if (json_object_get(request, "tool_choice") == NULL)
        json_object_set_new(request, "tool_choice", json_string("auto"));
}

/* What parley says of its own responses is not a client's to say. */
static void keep_from_own_metadata(json_t *request)
{
    const json_t *metadata = json_object_get(request, "metadata");

    if (json_object_get(metadata, RT_FILLER_METADATA) == NULL)
        return;
    json_t *copy = json_copy((json_t *)(uintptr_t)metadata);
    (void)json_object_del(copy, RT_FILLER_METADATA);
    json_object_set_new(request, "metadata", copy);
}

/* Items that the model knows by another id. */
static void translate_references(const struct session *s, json_t *request)
{
    json_t *input = json_object_get(request, "input");
    size_t n;
    json_t *item;

    json_array_foreach(input, n, item)
    {
        const struct item *known = items_find(&s->items, json_get_view(item, "id"));
        if (known != NULL && known->model_id != known->id)
            json_object_set_new(item, "id", json_string(known->model_id));
    }
}

bool request_of_client(struct session *s, const struct rt_client_event *e, json_t **ret_request)
{
    const struct rt_response_create *create = &e->u.response_create;
    json_t *request = NULL;

    if (create->response == NULL) {
        *ret_request = NULL;
        return true;
    }
    request = json_copy((json_t *)(uintptr_t)create->response);
    drop_governed(s, request);
    keep_from_own_metadata(request);
    const char *taken = settings_taken_name(s, json_object_get(request, "tools"));
    if (taken != NULL) {
        say_fault(s, RT_ERROR_INVALID_VALUE, "response.tools", e->event_id,
                  "Tool '%s' is one of the agent's own (response.create); give yours another name.",
                  taken);
        json_decref(request);
        return false;
    }
    if (s->tool_count > 0 && create->out_of_band)
        keep_from_agents_tools(s, request);
    else if (s->tool_count > 0)
        add_agents_tools(s, request);
    translate_references(s, request);
    *ret_request = request;
    return true;
}
