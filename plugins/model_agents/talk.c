/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

#define NOTE_PART    "[The user interrupted. Of your last answer only this was heard: \"%s\"]"
#define NOTE_NOTHING "[The user interrupted. Nothing of your last answer was heard.]"

void errand_done(struct errand *e)
{
    free(e->url);
    free(e->body);
    *e = (struct errand){0};
}

char *talk_url(const char *base, const char *path)
{
    size_t size = strlen(base) + strlen(path) + 1;
    char *url = malloc(size);

    if (url != NULL)
        (void)snprintf(url, size, "%s%s", base, path);
    return url;
}

void talk_keep(char name[TALK_MAX_NAME], const char *given)
{
    if (given[0] != '\0' && strlen(given) < TALK_MAX_NAME)
        (void)snprintf(name, TALK_MAX_NAME, "%s", given);
}

/* ---- the turn ---- */

static json_t *array_of(struct parley_view text)
{
    json_t *tree = text.len == 0 ? json_array() : json_loadb(text.data, text.len, 0, NULL);

    if (json_is_array(tree))
        return tree;
    json_decref(tree);
    return NULL;
}

int turn_read(struct turn *turn, const struct parley_chat_request *request,
              struct parley_error *err)
{
    struct parley_view choice = request->tool_choice, words = request->instructions;

    turn_done(turn);
    turn->items = array_of(request->items);
    turn->tools = array_of(request->tools);
    turn->tool_choice = json_loadb(choice.data, choice.len, JSON_DECODE_ANY, NULL);
    turn->instructions = strndup(words.data == NULL ? "" : words.data, words.len);
    turn->max_output_tokens = request->max_output_tokens;
    if (turn->items != NULL && turn->tools != NULL && turn->instructions != NULL)
        return PARLEY_OK;
    turn_done(turn);
    return parley_fail(err, PARLEY_E_INVALID,
                       "the host's items or tools are no JSON array, or there is no memory");
}

void turn_done(struct turn *turn)
{
    json_decref(turn->items);
    json_decref(turn->tools);
    json_decref(turn->tool_choice);
    free(turn->instructions);
    *turn = (struct turn){0};
}

/* ---- words ---- */

static void add_words(struct text *words, const char *more)
{
    if (more[0] != '\0' && words->len > 0)
        (void)text_append(words, (struct parley_view)PARLEY_VIEW(" "), ANSWER_MAX_BYTES);
    (void)text_append(words, (struct parley_view){more, strlen(more)}, ANSWER_MAX_BYTES);
}

char *talk_words(const json_t *item)
{
    struct text words = {0};
    const json_t *part = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        add_words(&words, value_str(part, "text"));
        add_words(&words, value_str(part, "transcript"));
    }
    return words.data == NULL ? strdup("") : words.data;
}

enum heard { HEARD_OTHER, HEARD_PART, HEARD_ALL };

static const char *past_blanks(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* Are these the beginning of what was said? Blanks differ: sentences are spoken one by one. */
static enum heard compare(const char *words, const char *said)
{
    for (;;) {
        words = past_blanks(words);
        said = past_blanks(said);
        if (*words == '\0')
            return *said == '\0' ? HEARD_ALL : HEARD_PART;
        if (*words++ != *said++)
            return HEARD_OTHER;
    }
}

/* ---- news ---- */

static json_t *message(const char *role, const char *words)
{
    return json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "type", "message", "role", role, "content",
                     "type", "input_text", "text", words);
}

static void add_note(json_t *news, const char *heard)
{
    size_t size = sizeof(NOTE_PART) + strlen(heard);
    char *note = malloc(size);

    if (note == NULL)
        return;
    if (heard[0] == '\0')
        (void)snprintf(note, size, NOTE_NOTHING);
    else
        (void)snprintf(note, size, NOTE_PART, heard);
    json_array_insert_new(news, 0, message("system", note));
    free(note);
}

/* Place of the first item that the agent was not told; 0 when it knows nothing of these. */
static size_t first_news(const struct talk *t)
{
    const json_t *item = NULL;
    size_t i = 0;

    if (t->told.item[0] == '\0')
        return 0;
    json_array_foreach(t->turn.items, i, item)
    {
        if (value_is(item, "id", t->told.item))
            return i + 1;
    }
    return 0;
}

/* The agent's own answer is no news to it, but for how much of it was heard. */
static bool is_own_answer(const struct talk *t, json_t *news, const json_t *item, bool *is_found)
{
    char *words = talk_words(item);
    enum heard heard = words == NULL || t->told.said.len == 0
                           ? HEARD_OTHER
                           : compare(words, text_str(&t->told.said));

    if (!*is_found && (heard == HEARD_PART || (heard == HEARD_ALL && t->told.is_cut)))
        add_note(news, words);
    *is_found = *is_found || heard != HEARD_OTHER;
    free(words);
    return heard != HEARD_OTHER;
}

/* Calls that the agent left to us come back in its order; the host gave them ids of its own. */
static void add_result(json_t *news, const json_t *ids, const json_t *item)
{
    const char *id = value_str(ids, value_str(item, "call_id"));
    json_t *result = json_deep_copy(item);

    if (id[0] != '\0')
        json_object_set_new(result, "call_id", json_string(id));
    json_array_append_new(news, result);
}

static void add_item(const struct talk *t, json_t *news, json_t *ids, bool *is_found, json_t *item)
{
    size_t at = json_object_size(ids);

    if (value_is(item, "type", "function_call")) {
        json_t *id = json_array_get(t->told.calls, at);
        if (id != NULL)
            json_object_set(ids, value_str(item, "call_id"), id);
        else
            json_array_append(news, item);
    } else if (value_is(item, "type", "function_call_output")) {
        add_result(news, ids, item);
    } else if (value_str(item, "role")[0] != '\0' &&
               !(value_is(item, "role", "assistant") && is_own_answer(t, news, item, is_found))) {
        json_array_append(news, item);
    }
}

json_t *talk_news(const struct talk *t)
{
    json_t *news = json_array(), *ids = json_object(), *item = NULL;
    size_t first = first_news(t);
    bool is_found = first == 0 || t->told.said.len == 0;

    for (size_t i = first; i < json_array_size(t->turn.items); i++) {
        item = json_array_get(t->turn.items, i);
        add_item(t, news, ids, &is_found, item);
    }
    if (!is_found)
        add_note(news, "");
    json_decref(ids);
    return news;
}

bool talk_is_idle(const struct talk *t)
{
    if (t->instructions == NULL || strcmp(t->instructions, t->turn.instructions) != 0)
        return false;
    json_t *news = talk_news(t);
    bool is_idle = json_array_size(news) == 0;
    json_decref(news);
    return is_idle;
}

/* ---- what the agent knows ---- */

static void told_done(struct told *told)
{
    text_done(&told->said);
    json_decref(told->calls);
    *told = (struct told){0};
}

bool talk_is_torn(const struct talk *t)
{
    return t->told.item[0] != '\0' && first_news(t) == 0;
}

void talk_forget(struct talk *t)
{
    told_done(&t->told);
    t->conversation[0] = t->response[0] = t->next_response[0] = '\0';
    t->agent_session[0] = t->task[0] = '\0';
    t->is_task_waiting = false;
}

/* Of the last item that has an id: spoken answers come without. */
static void keep_last_item(struct talk *t)
{
    for (size_t i = json_array_size(t->turn.items); i > 0 && t->told.item[0] == '\0'; i--) {
        const char *id = value_str(json_array_get(t->turn.items, i - 1), "id");
        if (strlen(id) < sizeof(t->told.item))
            (void)snprintf(t->told.item, sizeof(t->told.item), "%s", id);
    }
}

void talk_remember(struct talk *t, bool is_cut)
{
    told_done(&t->told);
    keep_last_item(t);
    (void)text_append(&t->told.said, text_view(&t->answer.said), ANSWER_MAX_BYTES);
    t->told.calls = json_array();
    for (size_t i = 0; i < t->answer.call_count; i++) {
        const struct answer_call *call = &t->answer.calls[i];
        if (answer_is_ours(call, t->server->must_pass_tools ? t->turn.tools : NULL))
            json_array_append_new(t->told.calls, json_string(text_str(&call->id)));
    }
    t->told.is_cut = is_cut;
    talk_keep(t->response, t->next_response);
    free(t->instructions);
    t->instructions = strdup(t->turn.instructions);
}

void talk_done(struct talk *t)
{
    told_done(&t->told);
    turn_done(&t->turn);
    answer_done(&t->answer);
    json_decref(t->state);
    free(t->instructions);
    free(t->rpc_url);
}
