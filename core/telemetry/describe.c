/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/describe.h"

#include "base/cleanup.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"

/* A row of a table of the reference; what a table does not have is NULL. */
struct row {
    const char *name;
    const char *type;  /* of an attribute, kind of a span */
    const char *where; /* the spans or metrics that carry it; the parent of a span */
    const char *meaning;
};

static const struct row spans[] = {
    {NAME_INVOKE_AGENT " AGENT", "internal", "the client's `traceparent`",
     "One turn: from the end of the user's speech, or the request, to the end of the answer. It "
     "ends with its last tool call, too."},
    {NAME_INFERENCE " MODEL", "client", "`" NAME_INVOKE_AGENT "`",
     "One response of the model. One outside the conversation stands alone."},
    {NAME_EXECUTE_TOOL " TOOL", "internal", "`" NAME_INVOKE_AGENT "`",
     "One call of a tool that parley runs."},
    {NAME_CONNECT, "client", "the client's `traceparent`, or `" NAME_INVOKE_AGENT "`",
     "Opening a session of a model, until it is ready; each that is tried has one. While a session "
     "runs it is below the turn that runs."},
};

static const struct row events[] = {
    {NAME_EVENT_SPEECH_START, NULL, "turn", "The user began to speak."},
    {NAME_EVENT_SPEECH_END, NULL, "turn",
     "The user stopped; the silence that turn detection waits for is taken off."},
    {NAME_EVENT_FIRST_EVENT, NULL, "answer", "The first piece of content from the model."},
    {NAME_EVENT_FIRST_OUTPUT, NULL, "turn",
     "The first audio sent to the client; text, where there is no audio."},
    {NAME_EVENT_INTERRUPTION, NULL, "turn", "The user spoke into the answer, or cancelled it."},
    {NAME_EVENT_LAST_OUTPUT, NULL, "turn", "The last of the answer was sent to the client."},
};

static const struct row log_events[] = {
    {NAME_EVENT_SESSION_OPEN, NULL, NULL, "A session is open: its model is ready."},
    {NAME_EVENT_SESSION_END, NULL, NULL, "A session has ended."},
    {NAME_EVENT_EXCEPTION, NULL, NULL,
     "A model failed: it could not be opened, closed, refused, or failed to answer. With "
     "`" NAME_EXCEPTION_TYPE "` and `" NAME_EXCEPTION_MESSAGE "`, where they are known."},
    {NAME_EVENT_EVALUATION, NULL, NULL,
     "Somebody judged a conversation by parleyctl telemetry score; parleyd records none."},
};

static const struct row attributes[] = {
    {NAME_OPERATION, "string", "turn, answer, tool; metrics",
     "What is done, as in the span's name."},
    {NAME_PROVIDER, "string", "answer, connect; metrics", "Whose model it is, such as `openai`."},
    {NAME_REQUEST_MODEL, "string", "answer, connect; metrics", "The model that was asked for."},
    {NAME_RESPONSE_MODEL, "string", "answer", "The model that answered, where it says so."},
    {NAME_RESPONSE_ID, "string", "answer", "Id of the response."},
    {NAME_FINISH_REASONS, "list", "answer",
     "`completed`, or why not: `cancelled`, `turn_detected`, `max_output_tokens`, `error` ..."},
    {NAME_OUTPUT_TYPE, "string", "answer", "`speech` or `text`."},
    {NAME_AGENT_NAME, "string", "all; metrics; logs", "The agent."},
    {NAME_CONVERSATION_ID, "string", "all", "Id of the session, as in `session.created`."},
    {NAME_SESSION_ID, "string", "all; logs", "The same."},
    {NAME_REALTIME_SESSION_ID, "string", "answer", "The model's own id of its session."},
    {NAME_USER_ID, "string", "all; logs",
     "Name of the key that the client came with, or the user of its token."},
    {NAME_TOOL_NAME, "string", "tool; metrics; logs", "The function."},
    {NAME_TOOL_CALL_ID, "string", "tool; logs", "Id of the call."},
    {NAME_TOOL_TYPE, "string", "tool", "`function`."},
    {NAME_TOOL_ARGUMENTS, "string, content", "tool", "The arguments, as JSON."},
    {NAME_TOOL_RESULT, "string, content", "tool", "The result that the model got."},
    {NAME_INPUT_MESSAGES, "string, content", "turn", "What the user said, as JSON."},
    {NAME_OUTPUT_MESSAGES, "string, content", "turn, answer", "What the agent said, as JSON."},
    {NAME_INPUT_TOKENS, "integer", "turn, answer", "Tokens sent to the model."},
    {NAME_OUTPUT_TOKENS, "integer", "turn, answer", "Tokens that it answered with."},
    {NAME_CACHED_TOKENS, "integer", "turn, answer", "Of the tokens sent, those its cache held."},
    {NAME_TEXT_INPUT_TOKENS, "integer", "turn, answer", "Of the tokens sent, those of text."},
    {NAME_AUDIO_INPUT_TOKENS, "integer", "turn, answer", "... of audio."},
    {NAME_IMAGE_INPUT_TOKENS, "integer", "turn, answer", "... of images."},
    {NAME_TEXT_OUTPUT_TOKENS, "integer", "turn, answer", "Of the answer's tokens, those of text."},
    {NAME_AUDIO_OUTPUT_TOKENS, "integer", "turn, answer", "... of audio."},
    {NAME_TEXT_CACHED_TOKENS, "integer", "turn, answer", "Of the cached tokens, those of text."},
    {NAME_AUDIO_CACHED_TOKENS, "integer", "turn, answer", "... of audio."},
    {NAME_IMAGE_CACHED_TOKENS, "integer", "turn, answer", "... of images."},
    {NAME_COST, "number", "turn, answer; metrics",
     "What it cost, where `[price NAME]` says so; rounded to a billionth an answer."},
    {NAME_COST_CURRENCY, "string", "turn, answer; metrics", "The currency."},
    {NAME_SESSION_COST, "number", "turn; metrics", "What the session has cost so far."},
    {NAME_TOKEN_TYPE, "string", "metrics", "`input` or `output`."},
    {NAME_TOKEN_MODALITY, "string", "metrics", "`text`, `audio` or `image`."},
    {NAME_TURN_NUMBER, "integer", "turn", "Counts the turns of the session, from 1."},
    {NAME_TURN_TRIGGER, "string", "turn", "`speech`, `text`, `tools`, `greeting` or `model`."},
    {NAME_TURN_END_REASON, "string", "turn; metrics",
     "`completed`, `interrupted`, `incomplete`, `failed` or `closed`."},
    {NAME_RESPONSE_LATENCY, "seconds", "turn",
     "From the end of the user's speech to the first audio (or text) sent to the client."},
    {NAME_MODEL_LATENCY, "seconds", "turn",
     "From the end of the user's speech to the model's first content."},
    {NAME_AUDIO_SENT_MS, "integer", "turn", "Audio sent to the client."},
    {NAME_AUDIO_PLAYED_MS, "integer", "turn", "Of an interrupted answer, what the user heard."},
    {NAME_RECORDING_FILE, "string", "turn", "The recording that it is in; not without one."},
    {NAME_RECORDING_FROM_MS, "integer", "turn", "Where in that file the user begins to speak."},
    {NAME_RECORDING_UNTIL_MS, "integer", "turn", "... and where the answer ends."},
    {NAME_ERROR_TYPE, "string", "all; metrics; logs",
     "Present when it failed: a short name of the cause."},
    {NAME_EXCEPTION_TYPE, "string", "logs", "Code of a model's failure."},
    {NAME_EXCEPTION_MESSAGE, "string", "logs", "What the model said of it."},
    {NAME_END_REASON, "string", "metrics", "`client`, `agent`, `limit`, `error` or `shutdown`."},
    {NAME_REJECT_REASON, "string", "metrics", "Why a session was refused."},
    {NAME_DROP_REASON, "string", "metrics",
     "`overflow`: the client, or the disk of a recording, is too slow. Of recordings also `error` "
     "and `limit`."},
    {NAME_RECONNECT_REASON, "string", "connect; metrics",
     "Why a model's session was opened again: `error` (the one before failed or was lost), `limit` "
     "(its time was up), `planned` (an operator asked) or `resume` (it was closed while the client "
     "was away)."},
    {NAME_DIRECTION, "string", "metrics", "`in` from clients, `out` to them."},
    {NAME_EVENT_KIND, "string", "metrics", "`hot`, `known` or `unknown`."},
    {NAME_SPEECH_OUTCOME, "string", "metrics", "`used`, `wasted` or `failed`."},
    {NAME_STORE_OPERATION, "string", "metrics", "The function of the store."},
    {NAME_EVALUATION_NAME, "string", "logs", "What was judged: `helpful`."},
    {NAME_EVALUATION_VALUE, "double", "logs", "How, as a number."},
    {NAME_EVALUATION_LABEL, "string", "logs", "How, as a word: `true`, `false` or another."},
    {NAME_EVALUATION_WHY, "string", "logs", "Why, in words."},
    {NAME_TEST, "string", "spans; metrics; logs",
     "Only of parleyctl telemetry test: the mark to find it by, which is its trace's id."},
    {NAME_PLUGIN, "string", "metrics", "A plugin, by its file's name."},
    {NAME_PLUGIN_INSTANCE, "string", "metrics; logs",
     "The section that configures it: `tools files`."},
    {NAME_PLUGIN_CALLBACK, "string", "metrics", "The function of the plugin that ran."},
    {NAME_TOOLS_SECTION, "string", "metrics", "The name of the [tools ...] section."},
    {NAME_COMPONENT_NAME, "string", "metrics", "The `[exporter NAME]`."},
    {NAME_HTTP_METHOD, "string", "metrics", "Method of the request."},
    {NAME_HTTP_ROUTE, "string", "metrics", "The route that took it."},
    {NAME_HTTP_STATUS, "integer", "metrics", "Status of the answer."},
    {NAME_URL_SCHEME, "string", "metrics", "`http`, or `https` where parley itself ends TLS."},
    {NAME_METRIC_OVERFLOW, "boolean", "metrics",
     "True of the point that all attributes share beyond the first 500 sets of a metric."},
};

static const struct row resource[] = {
    {"service.name", NULL, NULL,
     "`[telemetry] service_name`, else that of `resource`, else `parley`"},
    {"service.version", NULL, NULL, "parley's version"},
    {"service.instance.id", NULL, NULL, "of `resource`, else host and process"},
    {"deployment.environment.name", NULL, NULL,
     "`[telemetry] environment`, else that of `resource`, else the one of `-e`"},
    {"host.name", NULL, NULL, "of the machine"},
    {"process.pid", NULL, NULL, "of parleyd"},
    {"telemetry.sdk.name", NULL, NULL, "`parley`, with `.language` `c` and `.version`"},
    {"...", NULL, NULL, "what `[telemetry] resource` gives"},
};

static void write_row(struct buf *out, const struct row *r)
{
    buf_printf(out, "| `%s` |", r->name);
    if (r->type != NULL)
        buf_printf(out, " %s |", r->type);
    if (r->where != NULL)
        buf_printf(out, " %s |", r->where);
    buf_printf(out, " %s |\n", r->meaning);
}

static void write_table(struct buf *out, const char *head, const struct row *rows, size_t count)
{
    buf_append_str(out, head);
    for (size_t i = 0; i < count; i++)
        write_row(out, &rows[i]);
}

static const char introduction[] =
    "What parley tells about itself: metrics, one tree of spans for each turn, and its log. "
    "`GET /metrics` shows the metrics to\n"
    "Prometheus; exporters get all three (`[exporter NAME]`). Names that begin with `gen_ai.` "
    "follow "
    "OpenTelemetry's conventions\n"
    "for generative AI, which are still in development and may change there.\n"
    "\n"
    "## Metrics\n"
    "\n"
    "In Prometheus' format dots and hyphens become `_`, seconds get `_seconds`, bytes `_bytes`, "
    "and "
    "counters `_total`:\n"
    "`parley_turn_response_latency_seconds_bucket`. A metric appears with its first value.\n"
    "\n";

static const char on_spans[] =
    "\n"
    "## Spans\n"
    "\n"
    "The client's `traceparent` header, when it sends one, is the parent of the turns; the trace "
    "goes on to the tools, and to\n"
    "models that are told to take one (exporters.md).\n"
    "\n";

static const char on_logs[] =
    "\n"
    "## Log records\n"
    "\n"
    "Lines of parley's log are log records, too (`[telemetry] logs`): the body is the line, and "
    "fields of it that have a name\n"
    "below (`session=`, `agent=`, `user=`, `tool=`, `call_id=`, `instance=`, `code=`) are "
    "attributes as well. A line about a session has the\n"
    "trace and the span of the turn that runs, or of the model's opening. What the telemetry "
    "thread logs is left out: it is about\n"
    "exporters. Some lines are events, which have a name:\n"
    "\n";

static const char on_attributes[] =
    "\n"
    "## Attributes\n"
    "\n"
    "*turn*, *answer*, *tool* and *connect* are the four spans above. What is marked *content* is "
    "recorded only with\n"
    "`[telemetry] content = yes`, and sent on only by exporters that are told to as well.\n"
    "\n";

void telemetry_describe_markdown(struct buf *out)
{
    buf_append_str(out, introduction);
    metrics_describe_markdown(out);
    buf_append_str(out, on_spans);
    write_table(out, "| span | kind | parent | meaning |\n|---|---|---|---|\n", spans,
                ARRAY_LEN(spans));
    buf_append_str(out, "\n## Events of spans\n\n");
    write_table(out, "| event | span | meaning |\n|---|---|---|\n", events, ARRAY_LEN(events));
    buf_append_str(out, on_logs);
    write_table(out, "| event | meaning |\n|---|---|\n", log_events, ARRAY_LEN(log_events));
    buf_append_str(out, on_attributes);
    write_table(out, "| attribute | type | where | meaning |\n|---|---|---|---|\n", attributes,
                ARRAY_LEN(attributes));
    buf_append_str(out, "\n## Resource\n\n");
    write_table(out, "| attribute | value |\n|---|---|\n", resource, ARRAY_LEN(resource));
}

static json_t *rows_json(const struct row *rows, size_t count)
{
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, json_pack("{s:s, s:s*, s:s*, s:s}", "name", rows[i].name, "type",
                                             rows[i].type, "where", rows[i].where, "meaning",
                                             rows[i].meaning));
    return all;
}

static json_t *metrics_json(void)
{
    static const char *const kinds[] = {"counter", "level", "histogram"};
    json_t *all = json_array();

    for (enum metric_id id = 0; id < METRIC_COUNT_OF_ALL; id++) {
        const struct metric_info *info = metric_info(id);
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", info->name, "kind",
                                        kinds[info->kind], "unit", info->unit, "attributes",
                                        info->attributes, "meaning", info->description));
    }
    return all;
}

json_t *telemetry_describe_json(void)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "metrics", metrics_json(), "spans",
                     rows_json(spans, ARRAY_LEN(spans)), "events",
                     rows_json(events, ARRAY_LEN(events)), "log_events",
                     rows_json(log_events, ARRAY_LEN(log_events)), "attributes",
                     rows_json(attributes, ARRAY_LEN(attributes)), "resource",
                     rows_json(resource, ARRAY_LEN(resource)));
}
