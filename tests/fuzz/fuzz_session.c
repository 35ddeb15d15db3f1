/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole session between a client and a model that both do as they like: events out of tables in
 * any order, spoilt a little or made of raw bytes, tools that end or not, time that passes, a model
 * that is busy, goes and is replaced, a store that fails. Whatever comes, every response of the
 * client ends once with nothing after it, what is hidden stays hidden, and nothing is left behind.
 */
#include "fuzz.h"

#include "../wire/harness.h"
#include "agent/recordings.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"

#include <parley/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_STEPS 150 /* of one input */
#define MAX_EVENT 2048
#define MAX_OPEN  16

static const char *const agents[] = {
    "tools = t\nclient_may_set = *",
    "",
    "tools = t\nmax_items = 3\nmax_tool_rounds = 1\ngreeting = Hello.",
    "tools = t\nshow_tools = yes\nclient_trace = yes\non_store_failure = end",
    "tools = t\nmax_parallel_tools = 1\ninterrupt_response = no\ntool_timeout_ms = 2s",
    "client_may_set = tools, instructions\ntruncation_wait_ms = 0\nstore = none",
    "tools = t\nt.approval = always\nt.approval_timeout_ms = 2s\nt.slow.on_interrupt = detach",
    "tools = t\nt.on_interrupt = keep\nt.filler = One moment.\nt.filler_after_ms = 1s\n"
    "t.on_duplicate = replace",
    "tools = t\nt.side_effects = yes\nt.on_interrupt = cancel\nt.filler = Well.\n"
    "t.filler_after_ms = 1s",
    "tools = t\nt.on_interrupt = detach\nt.on_duplicate = reject\nt.max_output_bytes = 256",
    "tools = t\nclient_may_set = *\nsession_limit_ms = 20s",
    "tools = t\ngreeting = Hello.\nreconnect_ms = 3s\nhistory_tokens = 60\nmodel_cooldown_ms = 1s",
    "tools = t\nclient_may_set = *\nresume_ms = 40s",
    "record = yes\nresume_ms = 40s\ninput_format = audio/pcmu\ntruncation_wait_ms = 1s",
    "record = yes\nrecord_max_bytes = 64k\nclient_may_set = *",
};

/*
 * @ and a letter stand for an id of a few: r response, i item, h item of a server's call, k call, e
 * the id of an event that the model was told of, l an id longer than the model takes, a an approval
 * that the client was asked for.
 */
#define RESPONSE(id, status, output, conversation)                                                 \
    "{'object':'realtime.response','id':'" id "','status':'" status "','output':[" output          \
    "],'conversation_id':" conversation                                                            \
    ",'usage':{'total_tokens':3,'input_tokens':2,'output_tokens':1,'input_token_details':{'text_"  \
    "tokens':2,'audio_tokens':0,'image_tokens':0,'cached_tokens':0,'cached_tokens_details':{'"     \
    "text_tokens':0,'audio_tokens':0,'image_tokens':0}},'output_token_details':{'text_tokens':1,'" \
    "audio_tokens':0}}}"
#define CALL(item, name, status)                                                                   \
    "{'id':'" item "','type':'function_call','status':'" status "','call_id':'@k','name':'" name   \
    "','arguments':'{}'}"
#define MESSAGE(item)                                                                              \
    "{'id':'" item "','type':'message','role':'assistant','status':'completed','content':[{'type'" \
    ":'output_audio','transcript':'hi'}]}"
#define TEXT(id)                                                                                   \
    "{" id "'type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}"
#define EVENT(type, members) "{'type':'" type "','event_id':'e'," members "}"
#define PLACE                "'response_id':'@r','item_id':'@i','output_index':0,'content_index':0"

static const char *const client_events[] = {
    "{'type':'response.create','event_id':'q'}",
    "{'type':'response.create'}",
    "{'type':'response.create','event_id':'o','response':{'conversation':'none','metadata':{'a':'b'"
    "}}}",
    "{'type':'response.create','event_id':'n\\u00e9','response':{'instructions':'Sing.','tools':[{'"
    "type':'function','name':'mine'}]}}",
    "{'type':'response.cancel','event_id':'c'}",
    "{'type':'response.cancel','response_id':'@r'}",
    "{'type':'input_audio_buffer.append','audio':'AAAAAAAAAAAAAAAA'}",
    "{'type':'input_audio_buffer.append','audio':'AA=='}",
    "{'type':'input_audio_buffer.append','audio':'A\\u002B\\/!'}",
    "{'type':'input_audio_buffer.commit','event_id':'m'}",
    "{'type':'input_audio_buffer.clear'}",
    "{'type':'conversation.item.create','event_id':'t','item':" TEXT("") "}",
    "{'type':'conversation.item.create','item':" TEXT("'id':'@i',") "}",
    "{'type':'conversation.item.create','event_id':'l','item':" TEXT("'id':'@l',") "}",
    "{'type':'conversation.item.create','previous_item_id':'@l','item':" TEXT("'id':'@l',") "}",
    "{'type':'conversation.item.create','previous_item_id':'root','item':" TEXT("") "}",
    "{'type':'conversation.item.create','event_id':'f','item':{'type':'function_call_output','call_"
    "id':'@k','output':'4'}}",
    "{'type':'conversation.item.create','item':{'type':'function_call','call_id':'@l','name':'"
    "mine','arguments':'{}'}}",
    "{'type':'conversation.item.retrieve','item_id':'@i'}",
    "{'type':'conversation.item.retrieve','item_id':'@l'}",
    "{'type':'conversation.item.delete','event_id':'d','item_id':'@i'}",
    "{'type':'conversation.item.delete','item_id':'@l'}",
    "{'type':'conversation.item.truncate','item_id':'@i','content_index':0,'audio_end_ms':40}",
    "{'type':'conversation.item.truncate','item_id':'@i','content_index':0,'audio_end_ms':0}",
    "{'type':'session.update','event_id':'u','session':{'type':'realtime','instructions':'@i'}}",
    "{'type':'session.update','event_id':'v','session':{'type':'realtime','tools':[{'type':'"
    "function','name':'mine'}],'audio':{'input':{'turn_detection':null}}}}",
    "{'type':'parley.playback','item_id':'@i','audio_end_ms':30}",
    "{'type':'something.new','event_id':'s'}",
    "{'type':'conversation.item.create','event_id':'y','previous_item_id':'@a','item':{'type':'mcp_"
    "approval_response','approval_request_id':'@a','approve':true}}",
    "{'type':'conversation.item.create','item':{'type':'mcp_approval_response','approval_request_"
    "id'"
    ":'@a','approve':false,'reason':'no'}}",
    "{'type':'conversation.item.delete','item_id':'@a'}",
    "{'type':'conversation.item.create','previous_item_id':'@a','item':" TEXT("") "}",
};

static const char *const model_events[] = {
    EVENT("response.created", "'response':" RESPONSE("@r", "in_progress", "", "'conv_1'")),
    EVENT("response.created", "'response':" RESPONSE("@r", "in_progress", "", "null")),
    EVENT("response.done",
          "'response':" RESPONSE("@r", "completed", MESSAGE("@i") "," CALL("@h", "slow", "x"),
                                 "'conv_1'")),
    EVENT("response.done", "'response':" RESPONSE("@r", "completed", "", "'conv_1'")),
    EVENT("response.done", "'response':" RESPONSE("@r", "cancelled", "", "'conv_1'")),
    EVENT("response.done",
          "'response':{'object':'realtime.response','id':'@r','status':'failed','output':[],'"
          "usage':null}"),
    EVENT("response.output_item.added",
          "'response_id':'@r','output_index':0,'item':" MESSAGE("@i")),
    EVENT("response.output_item.done", "'response_id':'@r','output_index':0,'item':" MESSAGE("@i")),
    EVENT("response.output_item.added",
          "'response_id':'@r','output_index':0,'item':" CALL("@h", "slow", "in_progress")),
    EVENT("response.output_item.done",
          "'response_id':'@r','output_index':0,'item':" CALL("@h", "slow", "completed")),
    EVENT("response.output_item.done",
          "'response_id':'@r','output_index':0,'item':" CALL("@h", "fast", "completed")),
    EVENT("response.output_item.done",
          "'response_id':'@r','output_index':0,'item':" CALL("@h", "boom", "completed")),
    EVENT("response.output_item.added",
          "'response_id':'@r','output_index':1,'item':" CALL("@i", "mine", "in_progress")),
    EVENT("response.output_item.done",
          "'response_id':'@r','output_index':1,'item':" CALL("@i", "mine", "completed")),
    EVENT("response.output_audio.delta", PLACE ",'delta':'AAAAAAAAAAAAAAAA'"),
    EVENT("response.output_audio.delta", PLACE ",'delta':'AAE='"),
    EVENT("response.output_audio_transcript.delta", PLACE ",'delta':'hi'"),
    EVENT("response.function_call_arguments.delta",
          "'response_id':'@r','item_id':'@h','output_index':0,'call_id':'@k','delta':'{}'"),
    EVENT("response.content_part.done", PLACE ",'part':{'type':'audio'}"),
    EVENT("conversation.item.added", "'previous_item_id':'@i','item':" TEXT("'id':'@i',")),
    EVENT("conversation.item.done", "'previous_item_id':'@h','item':" TEXT("'id':'@i',")),
    EVENT("conversation.item.added",
          "'previous_item_id':null,'item':" CALL("@h", "slow", "in_progress")),
    EVENT("conversation.item.done",
          "'previous_item_id':'@i','item':" CALL("@h", "slow", "completed")),
    EVENT("conversation.item.retrieved", "'item':" TEXT("'id':'@i',")),
    EVENT("conversation.item.truncated", "'item_id':'@i','content_index':0,'audio_end_ms':10"),
    EVENT("conversation.item.deleted", "'item_id':'@i'"),
    EVENT("conversation.item.deleted", "'item_id':'@h'"),
    EVENT("conversation.item.input_audio_transcription.completed",
          "'item_id':'@i','content_index':0,'transcript':'hi'"),
    EVENT("input_audio_buffer.speech_started", "'audio_start_ms':1,'item_id':'@i'"),
    EVENT("input_audio_buffer.speech_stopped", "'audio_end_ms':2,'item_id':'@i'"),
    EVENT("input_audio_buffer.committed", "'item_id':'@i','previous_item_id':'@h'"),
    EVENT("session.updated", "'session':{'audio':{'output':{'voice':'cedar'}}}"),
    EVENT("error", "'error':{'type':'invalid_request_error','code':'invalid_value','message':'no','"
                   "param':null,'event_id':'@e'}"),
    EVENT("error", "'error':{'type':'invalid_request_error','code':'conversation_already_has_"
                   "active_response','message':'no','param':null,'event_id':'@e'}"),
    EVENT("error", "'error':{'type':'server_error','message':'no','event_id':null}"),
    EVENT("response.something.new", PLACE),
    EVENT("rate_limits.updated", "'rate_limits':[]"),
    EVENT("response.output_item.done",
          "'response_id':'@r','output_index':0,'item':" CALL("@h", "wipe", "completed")),
    EVENT("input_audio_buffer.cleared", "'x':0"),
};

struct play {
    const uint8_t *at;
    const uint8_t *end;
    struct wire *w;
    bool is_spoilt; /* an event was no longer what a table said */
    bool spoils_next;
    bool hides_tools;
    bool is_busy;
    char open[MAX_OPEN][64]; /* responses that the client knows of */
    char told[8][64];        /* ids of events that the model was told of */
    unsigned told_count;
    char session_id[64];
    char resume_token[64];
    bool asks; /* every tool needs an approval */
    unsigned yes;
    char approvals[4][64];
    unsigned approval_count;
};

static unsigned take(struct play *p)
{
    return p->at < p->end ? *p->at++ : 0;
}

static void bad(const char *what, const json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);

    (void)fprintf(stderr, "%s: %s\n", what, text);
    free(text);
    abort();
}

/* ---- what the client may rely on ---- */

static char *find_open(struct play *p, const char *id)
{
    for (int i = 0; i < MAX_OPEN; i++) {
        if (strcmp(p->open[i], id) == 0)
            return p->open[i];
    }
    return NULL;
}

static void check_response(struct play *p, const json_t *event, bool is_created)
{
    const char *id = wire_text(event, "response.id");
    char *known = find_open(p, id);

    if (is_created == (known != NULL))
        bad(is_created ? "created twice" : "done without created", event);
    if (is_created)
        known = find_open(p, "");
    if (known == NULL)
        bad("too many responses are open", event);
    view_copy(known, sizeof(p->open[0]), view_of(is_created ? id : ""));
}

static bool is_hidden_text(const char *text)
{
    static const char *const words[] = {"hid_", "'slow'", "\"slow\"", "\"fast\"", "\"boom\""};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strstr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

static void check_hidden(struct play *p, const json_t *event)
{
    const char *response = wire_text(event, "response_id");
    bool is_aside = response[0] == 'b' || wire_text(event, "response.id")[0] == 'b';

    if (p->is_spoilt || !p->hides_tools || is_aside)
        return;
    /* A model may name an item there that parley never heard of. */
    json_t *rest = json_copy((json_t *)(uintptr_t)event);
    (void)json_object_del(rest, "previous_item_id");
    char *text = json_dumps(rest, JSON_COMPACT);
    json_decref(rest);
    if (is_hidden_text(text) && strcmp(wire_text(event, "type"), "error") != 0)
        bad("hidden", event);
    free(text);
}

static void check_client_event(struct play *p, const json_t *event)
{
    const char *type = wire_text(event, "type");
    const char *response = wire_text(event, "response_id");

    if (wire_text(event, "event_id")[0] == '\0' && !p->is_spoilt)
        bad("no event_id", event);
    if (strcmp(type, "session.created") == 0) {
        view_copy(p->session_id, sizeof(p->session_id), view_of(wire_text(event, "session.id")));
        view_copy(p->resume_token, sizeof(p->resume_token),
                  view_of(wire_text(event, "parley.resume_token")));
    }
    if (strcmp(type, "response.created") == 0)
        check_response(p, event, true);
    else if (strcmp(type, "response.done") == 0)
        check_response(p, event, false);
    else if (response[0] != '\0' && find_open(p, response) == NULL)
        bad("of a response that is not open", event);
    if (strcmp(wire_text(event, "item.type"), "mcp_approval_request") == 0) {
        char *asked = p->approvals[p->approval_count++ % ARRAY_LEN(p->approvals)];
        view_copy(asked, sizeof(p->approvals[0]), view_of(wire_text(event, "item.id")));
    }
    check_hidden(p, event);
}

/* Nothing runs that nobody approved, and no call is started twice. */
static void check_calls(struct play *p)
{
    int calls = wire_tool_calls(p->w);

    if (p->asks && !p->is_spoilt && (unsigned)calls > p->yes)
        bad("run without approval", json_null());
    for (int i = 0; i < calls - 1; i++) {
        if (strcmp(wire_tool_call_id(p->w, i), wire_tool_call_id(p->w, calls - 1)) == 0)
            bad("started twice", json_null());
    }
}

static void look(struct play *p)
{
    const json_t *event;

    while ((event = wire_client_next(p->w)) != NULL)
        check_client_event(p, event);
    while ((event = wire_model_next(p->w)) != NULL) {
        if (wire_text(event, "event_id")[0] == '\0')
            continue;
        char *told = p->told[p->told_count++ % ARRAY_LEN(p->told)];
        view_copy(told, sizeof(p->told[0]), view_of(wire_text(event, "event_id")));
    }
    check_calls(p);
    if (!wire_client_was_closed(p->w))
        return;
    for (int i = 0; i < MAX_OPEN; i++) {
        if (p->open[i][0] != '\0')
            bad("closed with a response open", json_null());
    }
}

/* ---- what happens ---- */

static void put_id(struct play *p, char letter, struct buf *out)
{
    unsigned n = take(p);

    switch (letter) {
    case 'r':
        buf_printf(out, "%c%u", n % 8 < 6 ? 'a' : 'b', n % 3);
        break;
    case 'h':
        buf_printf(out, "hid_%u", n % 3);
        break;
    case 'k':
        buf_printf(out, "call_%u", n % 5);
        break;
    case 'e':
        buf_append_str(out, p->told[n % ARRAY_LEN(p->told)]);
        break;
    case 'a':
        buf_append_str(out, p->approvals[n % ARRAY_LEN(p->approvals)]);
        break;
    case 'l':
        buf_printf(out, "an_id_that_is_longer_than_the_model_takes_%u", n % 3);
        break;
    default:
        buf_printf(out, "item_%u", n % 5);
    }
}

static void fill(struct play *p, const char *event, struct buf *out)
{
    for (const char *at = event; *at != '\0'; at++) {
        if (*at == '@')
            put_id(p, *++at, out);
        else
            buf_append_char(out, *at);
    }
}

/* Out of band and in band have ids of their own, so that a check can tell them apart. */
static bool is_told_apart(const char *event)
{
    bool is_aside = strstr(event, "'conversation_id':null") != NULL;
    const char *id = strstr(event, "'id':'");

    if (strncmp(event, "{'type':'response.created'", 26) != 0 || id == NULL)
        return true;
    return is_aside == (id[6] == 'b');
}

static void say(struct play *p, bool is_client, struct parley_view event)
{
    if (is_client && wire_session(p->w) != NULL)
        wire_client_bytes(p->w, event);
    else if (!is_client && wire_model_is_open(p->w))
        wire_model_bytes(p->w, event);
}

static void say_one_of(struct play *p, bool is_client)
{
    unsigned n = take(p);
    struct buf event = {0};

    fill(p,
         is_client ? client_events[n % ARRAY_LEN(client_events)]
                   : model_events[n % ARRAY_LEN(model_events)],
         &event);
    if (p->spoils_next && event.len > 0) {
        p->is_spoilt = true;
        event.data[take(p) * 7 % event.len] = (char)take(p);
    }
    p->spoils_next = false;
    p->yes += is_client && strstr(event.data, "'approve':true") != NULL;
    if (p->is_spoilt || is_told_apart(event.data))
        say(p, is_client, buf_view(&event));
    buf_done(&event);
}

static void say_bytes(struct play *p, bool is_client)
{
    size_t len = take(p);

    if (len > (size_t)(p->end - p->at))
        len = (size_t)(p->end - p->at);
    p->is_spoilt = true;
    say(p, is_client, (struct parley_view){(const char *)p->at, len});
    p->at += len;
}

static void end_tool(struct play *p)
{
    unsigned n = take(p);
    int calls = wire_tool_calls(p->w);

    if (calls > 0 && n % 16 == 9)
        wire_tool_progress(p->w, (int)(n / 16) % calls, n, 100, "half");
    else if (calls > 0 && n % 16 == 10)
        wire_tool_shows(p->w, (int)(n / 16) % calls, "look", "data:image/png;base64,AAAA");
    else if (calls > 0 && n % 4 == 0)
        wire_tool_fails(p->w, (int)(n / 4) % calls, "it broke");
    else if (calls > 0)
        wire_tool_ends(p->w, (int)(n / 4) % calls, "it worked");
}

static void pass_time(struct play *p)
{
    static const int64_t ms[] = {1, 40, 1100, 2100, 31000};

    wire_advance_ms(p->w, ms[take(p) % ARRAY_LEN(ms)]);
}

/* One of the models that are there: the one that answers, one that may take over. */
static void turn_to_a_model(struct play *p)
{
    int opens = wire_model_opens(p->w);
    int back = (int)(take(p) % 2);

    wire_model_use(p->w, opens > back ? opens - 1 - back : 0);
}

/* A model that connects is ready, one that was told its settings agrees. */
static void let_model_in(struct play *p)
{
    if (!wire_has_model(p->w))
        return;
    if (!wire_model_is_open(p->w))
        wire_model_created(p->w);
    if (wire_model_is_open(p->w) && take(p) % 4 != 0)
        wire_model(p->w, "{'type':'session.updated','event_id':'e','session':{}}");
}

/* The connection breaks, or its client comes back. */
static void break_or_mend(struct play *p)
{
    const struct session_resume by = {.id = p->session_id,
                                      .token = p->resume_token,
                                      .user = "tester",
                                      .agent = "",
                                      .last_event_id = ""};

    if (wire_session(p->w) != NULL)
        (void)wire_client_loses(p->w);
    else if (p->session_id[0] != '\0' && p->resume_token[0] != '\0')
        (void)wire_client_resumes(p->w, &by);
}

static void disturb(struct play *p)
{
    bool has_client = wire_session(p->w) != NULL;

    switch (take(p) % 25) {
    case 0:
    case 1:
    case 2:
        p->is_busy = !p->is_busy;
        if (wire_has_model(p->w))
            wire_model_busy(p->w, p->is_busy);
        break;
    case 3:
        wire_store_fails(p->w);
        break;
    case 4:
        wire_store_refuses(p->w, PARLEY_E_INTERNAL);
        break;
    case 5:
        if (has_client)
            session_client_binary(wire_session(p->w));
        break;
    case 6:
        if (has_client)
            session_client_dropped(wire_session(p->w), 3, 4096);
        break;
    case 7:
        if (has_client && p->is_busy)
            wire_client_speaks(p->w, 1500000);
        break;
    case 8:
        wire_drain(p->w, 5000);
        break;
    case 9:
        if (wire_has_model(p->w))
            wire_model_closes(p->w, PARLEY_E_UNAVAILABLE, 1011, "gone", true);
        break;
    case 10:
        if (has_client)
            wire_client_leaves(p->w);
        break;
    case 11:
        wire_store_holds(p->w, true);
        break;
    case 12:
        wire_store_holds(p->w, false);
        break;
    case 13:
    case 14:
        turn_to_a_model(p);
        break;
    case 15:
    case 16:
    case 17:
    case 18:
    case 19:
        let_model_in(p);
        break;
    case 20:
        if (wire_has_model(p->w)) { /* the one that answers is lost, and the next comes at once */
            wire_model_closes(p->w, PARLEY_E_UNAVAILABLE, 1006, "", true);
            let_model_in(p);
        }
        break;
    case 21:
    case 22:
    case 23:
        break_or_mend(p);
        break;
    default:
        if (has_client)
            session_end(wire_session(p->w), 1013, "client_too_slow", "Too slow.");
    }
}

static void step(struct play *p)
{
    unsigned what = take(p) % 32;

    if (what < 10)
        say_one_of(p, true);
    else if (what < 22)
        say_one_of(p, false);
    else if (what < 26)
        end_tool(p);
    else if (what < 28)
        pass_time(p);
    else if (what < 30)
        disturb(p);
    else if (what == 30)
        p->spoils_next = true;
    else
        say_bytes(p, (take(p) & 1) != 0);
    look(p);
}

static void ignore_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

/* With a folder for the recordings of one that records. */
static const char *agent_text(const char *lines, const char *folder)
{
    static char text[1024];

    if (strstr(lines, "record = yes") == NULL)
        return lines;
    (void)snprintf(text, sizeof(text), "%s\nrecord_dir = %s", lines, folder);
    wire_has_disk();
    return text;
}

static const char *recordings(void)
{
    static char folder[256];
    const char *base = getenv("TMPDIR");

    (void)snprintf(folder, sizeof(folder), "%s/parley-fuzz-%d", base == NULL ? "/tmp" : base,
                   (int)getpid());
    return folder;
}

static void remove_recordings(void)
{
    char agent[300];

    (void)snprintf(agent, sizeof(agent), "%s/test", recordings());
    (void)recordings_expire(agent, INT64_MAX);
    (void)rmdir(agent);
    (void)rmdir(recordings());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.at = data, .end = data + size};
    const char *agent = agents[take(&p) % ARRAY_LEN(agents)];

    if (getenv("WIRE_LOG") == NULL)
        log_set_sink(ignore_line, NULL);
    /* What has left memory is not known to be hidden. */
    p.hides_tools = strstr(agent, "tools = t") != NULL && strstr(agent, "show_tools") == NULL &&
                    strstr(agent, "max_items") == NULL && strstr(agent, "approval") == NULL;
    p.asks = strstr(agent, "approval") != NULL;
    if (strstr(agent, "resume_ms") != NULL)
        wire_resumable();
    if (strstr(agent, "reconnect_ms") != NULL)
        wire_models("[model a]\nplugin = wire_model_plugin\nlimit_ms = 20s\n[model b]\n"
                    "plugin = wire_model_plugin\nmax_id_chars = 0\n",
                    "a, b");
    p.w = wire_connect(agent_text(agent, recordings()));
    for (int i = 0; i < 2 && p.at < p.end && *p.at < 64; i++) /* some speak before it is open */
        step(&p);
    if (wire_has_model(p.w))
        wire_model_created(p.w);
    for (int i = 0; i < MAX_STEPS && p.at < p.end && wire_tool_calls(p.w) < 60; i++)
        step(&p);
    if (wire_session(p.w) == NULL)
        wire_advance_ms(p.w, 40000); /* nobody comes back any more */
    look(&p);
    wire_close(p.w);
    remove_recordings();
    log_set_sink(NULL, NULL);
    return 0;
}
