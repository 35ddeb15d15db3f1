/* SPDX-License-Identifier: Apache-2.0 */
#include "model_says.h"

#include "base/buf.h"

static void say(struct wire *w, struct buf *take_event)
{
    wire_model_bytes(w, buf_view(take_event));
    buf_done(take_event);
}

void model_begins_with(struct wire *w, const char *response, const char *metadata)
{
    struct buf e = {0};

    buf_printf(&e,
               "{'type':'response.created','event_id':'e','response':{'object':'realtime."
               "response','id':'%s','status':'in_progress','output':[],'metadata':%s,"
               "'conversation_id':'conv_1'}}",
               response, metadata == NULL ? "null" : metadata);
    say(w, &e);
}

void model_begins(struct wire *w, const char *response)
{
    model_begins_with(w, response, NULL);
}

static void say_call(struct wire *w, const char *event, const char *status, const char *response,
                     const char *call_id, const char *name, const char *arguments)
{
    struct buf e = {0};

    buf_printf(&e,
               "{'type':'response.output_item.%s','event_id':'e','response_id':'%s','output_index'"
               ":0,'item':{'id':'item_%s','object':'realtime.item','type':'function_call','status'"
               ":'%s','call_id':'%s','name':'%s','arguments':'%s'}}",
               event, response, call_id, status, call_id, name, arguments);
    say(w, &e);
}

void model_calls_with(struct wire *w, const char *response, const char *call_id, const char *name,
                      const char *arguments)
{
    say_call(w, "added", "in_progress", response, call_id, name, "");
    say_call(w, "done", "completed", response, call_id, name, arguments);
}

void model_calls(struct wire *w, const char *response, const char *call_id, const char *name)
{
    model_calls_with(w, response, call_id, name, "{}");
}

void model_speaks(struct wire *w, const char *response)
{
    struct buf e = {0};

    buf_printf(&e,
               "{'type':'response.output_item.added','event_id':'e','response_id':'%s','output_"
               "index':0,'item':{'id':'item_of_%s','type':'message','role':'assistant','status':'"
               "in_progress','content':[]}}",
               response, response);
    say(w, &e);
}

void model_shows(struct wire *w, const char *event, const char *item, const char *members)
{
    struct buf e = {0};

    buf_printf(&e, "{'type':'conversation.item.%s','event_id':'e','item':{'id':'%s',%s}}", event,
               item, members);
    say(w, &e);
}

void model_puts_out(struct wire *w, const char *event, const char *response, const char *item,
                    const char *members)
{
    struct buf e = {0};

    buf_printf(&e,
               "{'type':'response.output_item.%s','event_id':'e','response_id':'%s','output_index'"
               ":0,'item':{'id':'%s',%s}}",
               event, response, item, members);
    say(w, &e);
}

void model_answers(struct wire *w, const char *response, const char *item, const char *members)
{
    model_begins(w, response);
    model_puts_out(w, "added", response, item, UNSPOKEN);
    model_shows(w, "added", item, UNSPOKEN);
    model_shows(w, "done", item, members);
    model_puts_out(w, "done", response, item, members);
    model_ends(w, response, "completed");
}

void model_ends(struct wire *w, const char *response, const char *status)
{
    struct buf e = {0};

    buf_printf(&e,
               "{'type':'response.done','event_id':'e','response':{'object':'realtime.response',"
               "'id':'%s','status':'%s','output':[],'conversation_id':'conv_1','usage':{'total_"
               "tokens':3,'input_tokens':2,'output_tokens':1}}}",
               response, status);
    say(w, &e);
}

void model_agrees(struct wire *w)
{
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
}

void model_is_lost(struct wire *w)
{
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
}

void model_hears_speech(struct wire *w)
{
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':1,'"
                  "item_id':'item_u'}");
}

void model_hears_silence(struct wire *w)
{
    wire_model(w, "{'type':'input_audio_buffer.speech_stopped','event_id':'e','audio_end_ms':900,'"
                  "item_id':'item_u'}");
    wire_model(w, "{'type':'input_audio_buffer.committed','event_id':'e','item_id':'item_u','"
                  "previous_item_id':null}");
}

void model_is_busy(struct wire *w, const char *event_id)
{
    struct buf e = {0};

    buf_printf(&e,
               "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
               "conversation_already_has_active_response','message':'busy','param':null,'event_id'"
               ":'%s'}}",
               event_id);
    say(w, &e);
}
