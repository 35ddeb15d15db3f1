/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_langfuse and exporter_confident: what their destinations read, as it was sent. */
#include "fake_http.h"

#include "otlp.pb-c.h"

#include <zlib.h>

typedef Parley__Otlp__Span Span;

static const char *langfuse_path;
static const char *confident_path;
static struct fake_plugin *plugin;
static const struct parley_exporter_vtable *vtable;
static Parley__Otlp__ExportTraceRequest *sent;

static void open_plugin(const char *path, const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    fake_host_reset();
    http_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
    plugin = fake_plugin_open(path, "x", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    vtable = exporter_open(plugin);
}

static void open_langfuse(const char *more)
{
    const char *const options[] = {"public_key=pk-lf-1",
                                   "secret_key=sk-lf-2",
                                   "base_url=https://lf.example.com/",
                                   "tags=phone, pilot",
                                   "prompts=receptionist=concierge:3",
                                   more,
                                   NULL};

    open_plugin(langfuse_path, options);
}

static void open_confident(const char *more)
{
    const char *const options[] = {"api_key=key-1",
                                   "base_url=https://c.example.com",
                                   "tags=phone, pilot",
                                   "environment=staging",
                                   more,
                                   NULL};

    open_plugin(confident_path, options);
}

static void unpack(void)
{
    static uint8_t plain[65536];
    z_stream z = {0};

    assert_int_equal(http.count, 1);
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_in = (uint8_t *)http.open[0].body;
    z.avail_in = (uInt)http.open[0].len;
    z.next_out = plain;
    z.avail_out = sizeof(plain);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    sent = parley__otlp__export_trace_request__unpack(NULL, z.total_out, plain);
    (void)inflateEnd(&z);
    assert_non_null(sent);
}

static void deliver(const struct parley_span *spans, uint32_t count)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_batch batch = batch_of(spans, count);

    assert_int_equal(vtable->deliver(fake_plugin_worker(plugin), &batch, fake_host_op(), &err), 0);
    fake_host_advance_ms(0);
}

static void close_plugin(void)
{
    if (sent != NULL)
        parley__otlp__export_trace_request__free_unpacked(sent, NULL);
    sent = NULL;
    fake_plugin_close(plugin);
    http_reset();
}

/* The first span whose name begins so. */
static const Span *span_named(const char *name)
{
    const Parley__Otlp__ScopeSpans *of = sent->resource_spans[0]->scope_spans[0];

    for (size_t i = 0; i < of->n_spans; i++) {
        if (strncmp(of->spans[i]->name, name, strlen(name)) == 0)
            return of->spans[i];
    }
    fail_msg("no span %s", name);
    return NULL;
}

static const Parley__Otlp__AnyValue *value_of(const Span *span, const char *key)
{
    for (size_t i = 0; i < span->n_attributes; i++) {
        if (strcmp(span->attributes[i]->key, key) == 0)
            return span->attributes[i]->value;
    }
    return NULL;
}

static void assert_text(const Span *span, const char *key, const char *expected)
{
    const Parley__Otlp__AnyValue *v = value_of(span, key);

    if (v == NULL)
        fail_msg("%s has no %s", span->name, key);
    else
        assert_string_equal(v->string_value, expected);
}

static void assert_absent(const Span *span, const char *key)
{
    if (value_of(span, key) != NULL)
        fail_msg("%s has %s", span->name, key);
}

/* ---- Langfuse ---- */

static void langfuse_gets_the_headers_of_its_direct_path(void **state)
{
    (void)state;
    open_langfuse(NULL);
    deliver(turn_spans, COUNT(turn_spans));
    assert_string_equal(http.open[0].url, "https://lf.example.com/api/public/otel/v1/traces");
    assert_non_null(strstr(http.open[0].headers, "Authorization: Basic cGstbGYtMTpzay1sZi0y\n"));
    assert_non_null(strstr(http.open[0].headers, "x-langfuse-ingestion-version: 4\n"));
    assert_non_null(strstr(http.open[0].headers, "Content-Encoding: gzip\n"));
    http_answer(200, ""); /* Langfuse's is no answer of OTLP, and success all the same */
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    close_plugin();
}

static void langfuse_knows_turns_answers_and_tools_apart(void **state)
{
    (void)state;
    open_langfuse(NULL);
    deliver(turn_spans, COUNT(turn_spans));
    unpack();
    assert_text(span_named("invoke_agent"), "langfuse.observation.type", "agent");
    assert_text(span_named("realtime_inference"), "langfuse.observation.type", "generation");
    assert_text(span_named("execute_tool"), "langfuse.observation.type", "tool");
    close_plugin();
}

static void langfuse_gets_what_belongs_to_a_trace_on_every_span(void **state)
{
    (void)state;
    open_langfuse(NULL);
    deliver(turn_spans, COUNT(turn_spans));
    unpack();
    const Span *turn = span_named("invoke_agent");
    assert_text(turn, "langfuse.session.id", "sess_1");
    assert_text(turn, "langfuse.trace.name", "receptionist");
    assert_text(span_named("execute_tool"), "langfuse.trace.tags", "phone,pilot");
    close_plugin();
}

static void langfuse_sees_an_interruption_as_a_warning(void **state)
{
    (void)state;
    open_langfuse(NULL);
    deliver(turn_spans, COUNT(turn_spans));
    unpack();
    assert_text(span_named("invoke_agent"), "langfuse.observation.level", "WARNING");
    close_plugin();
}

static const struct parley_attr spoken_attrs[] = {
    STR("gen_ai.operation.name", "realtime_inference"),
    STR("gen_ai.agent.name", "receptionist"),
    STR("gen_ai.request.model", "gpt-realtime"),
    STR("gen_ai.response.model", "gpt-realtime-2025"),
    INT("gen_ai.usage.input_tokens", 100),
    INT("gen_ai.usage.cache_read.input_tokens", 60),
    INT("gen_ai.usage.text.input_tokens", 40),
    INT("gen_ai.usage.text.cache_read.input_tokens", 30),
    INT("gen_ai.usage.audio.input_tokens", 60),
    INT("gen_ai.usage.audio.cache_read.input_tokens", 30),
    INT("gen_ai.usage.output_tokens", 50),
    INT("gen_ai.usage.text.output_tokens", 8),
    INT("gen_ai.usage.audio.output_tokens", 42),
};

static const struct parley_span_event first_content[] = {
    {.name = "parley.model.first_content", .unix_ns = T0 + 250 * MS}};

static struct parley_span spoken(void)
{
    return (struct parley_span){
        .trace_id = {1},
        .span_id = {2},
        .name = "realtime_inference gpt-realtime",
        .kind = PARLEY_SPAN_CLIENT,
        .status_message = "",
        .start_unix_ns = T0,
        .end_unix_ns = T0 + 900 * MS,
        .attrs = ATTRS(spoken_attrs),
        .events = first_content,
        .event_count = 1,
        .event_size = sizeof(first_content[0]),
    };
}

static void langfuse_gets_usage_whose_keys_do_not_overlap(void **state)
{
    const struct parley_span span = spoken();

    (void)state;
    open_langfuse(NULL);
    deliver(&span, 1);
    unpack();
    const Span *answer = span_named("realtime_inference");
    assert_text(answer, "langfuse.observation.usage_details",
                "{\"input_text_tokens\":10,\"input_cached_text_tokens\":30,"
                "\"input_audio_tokens\":30,\"input_cached_audio_tokens\":30,"
                "\"output_text_tokens\":8,\"output_audio_tokens\":42}");
    assert_absent(answer, "gen_ai.usage.input_tokens");
    assert_absent(answer, "gen_ai.usage.audio.output_tokens");
    close_plugin();
}

static void langfuse_gets_the_cost_that_parley_knows(void **state)
{
    (void)state;
    open_langfuse(NULL);
    deliver(&turn_spans[0], 1);
    unpack();
    assert_text(span_named("realtime_inference gpt-realtime"), "langfuse.observation.cost_details",
                "{\"total\":0.012300000}");
    close_plugin();
}

static void langfuse_gets_model_first_token_and_prompt(void **state)
{
    const struct parley_span span = spoken();

    (void)state;
    open_langfuse(NULL);
    deliver(&span, 1);
    unpack();
    const Span *answer = span_named("realtime_inference");
    assert_text(answer, "langfuse.observation.model.name", "gpt-realtime-2025");
    assert_text(answer, "langfuse.observation.completion_start_time", "2026-01-05T09:00:00.250Z");
    assert_text(answer, "langfuse.observation.prompt.name", "concierge");
    assert_int_equal(value_of(answer, "langfuse.observation.prompt.version")->int_value, 3);
    close_plugin();
}

static void langfuse_is_spared_a_span_that_would_spoil_the_batch(void **state)
{
    struct parley_span spans[] = {spoken(), spoken()};

    (void)state;
    memset(spans[0].span_id, 0, sizeof(spans[0].span_id));
    open_langfuse(NULL);
    deliver(spans, 2);
    unpack();
    assert_int_equal(sent->resource_spans[0]->scope_spans[0]->n_spans, 1);
    close_plugin();
}

static void langfuse_gets_content_only_when_asked_for(void **state)
{
    (void)state;
    open_langfuse(NULL);
    deliver(turn_spans, COUNT(turn_spans));
    unpack();
    assert_absent(span_named("invoke_agent"), "gen_ai.input.messages");
    close_plugin();
    open_langfuse("content=yes");
    deliver(turn_spans, COUNT(turn_spans));
    unpack();
    assert_non_null(value_of(span_named("invoke_agent"), "gen_ai.input.messages"));
    close_plugin();
}

static void assert_environment(const char *name, const char *expected)
{
    const struct parley_attr attrs[] = {STR("gen_ai.evaluation.name", "polite"),
                                        STR("gen_ai.evaluation.score.label", "true"),
                                        STR("session.id", "sess_1")};
    const struct parley_attr resource[] = {{.key = "deployment.environment.name",
                                            .type = PARLEY_ATTR_STRING,
                                            .string = {name, strlen(name)}}};
    const struct parley_log_record record = {
        .unix_ns = T0, .attrs = ATTRS(attrs), .event_name = "gen_ai.evaluation.result"};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_batch batch = batch_of(NULL, 0);

    batch.resource = (struct parley_attrs)ATTRS(resource);
    batch.logs = &record;
    batch.log_count = 1;
    open_langfuse(NULL);
    assert_int_equal(vtable->deliver(fake_plugin_worker(plugin), &batch, fake_host_op(), &err), 0);
    fake_host_advance_ms(0);
    assert_string_equal(http.open[0].url, "https://lf.example.com/api/public/scores");
    http.open[0].body[http.open[0].len] = '\0';
    assert_non_null(strstr(http.open[0].body, expected));
    close_plugin();
}

static void langfuse_gets_scores_in_an_environment_that_it_takes(void **state)
{
    (void)state;
    assert_environment("staging_2", "\"environment\":\"staging_2\"");
    assert_environment("Pre.Prod", "\"environment\":\"pre-prod\"");
    assert_environment("Langfuse-eu", "\"environment\":\"-eu\"");
    assert_environment("a-name-of-an-environment-that-is-far-too-long",
                       "\"environment\":\"a-name-of-an-environment-that-is-far-too\"");
}

/* ---- Confident AI ---- */

static void confident_gets_its_types_and_the_thread(void **state)
{
    (void)state;
    open_confident(NULL);
    deliver(turn_spans, COUNT(turn_spans));
    assert_string_equal(http.open[0].url, "https://c.example.com/v1/traces");
    assert_non_null(strstr(http.open[0].headers, "x-confident-api-key: key-1\n"));
    unpack();
    const Span *turn = span_named("invoke_agent");
    assert_text(turn, "confident.span.type", "agent");
    assert_text(turn, "confident.agent.name", "receptionist");
    assert_text(turn, "confident.trace.thread_id", "sess_1");
    assert_text(turn, "confident.trace.environment", "staging");
    assert_int_equal(value_of(turn, "confident.trace.tags")->array_value->n_values, 2);
    assert_false(turn->has_parent_span_id);
    assert_text(span_named("execute_tool"), "confident.span.type", "tool");
    close_plugin();
}

static void confident_gets_model_and_tokens(void **state)
{
    const struct parley_span span = spoken();

    (void)state;
    open_confident(NULL);
    deliver(&span, 1);
    unpack();
    const Span *answer = span_named("realtime_inference");
    assert_text(answer, "confident.span.type", "llm");
    assert_text(answer, "confident.llm.model", "gpt-realtime-2025");
    assert_int_equal(value_of(answer, "confident.llm.input_token_count")->int_value, 100);
    assert_int_equal(value_of(answer, "confident.llm.output_token_count")->int_value, 50);
    close_plugin();
}

static void confident_gets_no_parent_that_is_the_client_s(void **state)
{
    struct parley_span spans[] = {spoken(), spoken()};

    (void)state;
    spans[0].parent_span_id[0] = spans[1].parent_span_id[0] = 9;
    spans[0].flags = PARLEY_SPAN_PARENT_KNOWN | PARLEY_SPAN_PARENT_REMOTE;
    spans[1].flags = PARLEY_SPAN_PARENT_KNOWN;
    open_confident(NULL);
    deliver(spans, COUNT(spans));
    unpack();
    assert_false(sent->resource_spans[0]->scope_spans[0]->spans[0]->has_parent_span_id);
    assert_true(sent->resource_spans[0]->scope_spans[0]->spans[1]->has_parent_span_id);
    close_plugin();
}

static void confident_gets_no_span_that_is_not_an_agent_s(void **state)
{
    static const struct parley_attr none[] = {STR("session.id", "sess_1")};
    struct parley_span span = spoken();

    (void)state;
    span.name = "parley.backend.connect";
    span.attrs = (struct parley_attrs)ATTRS(none);
    open_confident(NULL);
    deliver(&span, 1);
    assert_int_equal(http.count, 0);
    assert_int_equal(ended.status, PARLEY_EXPORT_NOTHING);
    assert_int_equal(ended.lost, 0);
    close_plugin();
}

static void spans_that_are_none_of_an_agent_s_count_neither_as_delivered_nor_as_lost(void **state)
{
    static const struct parley_attr none[] = {STR("session.id", "sess_1")};
    struct parley_span spans[] = {spoken(), spoken(), spoken()};

    (void)state;
    spans[0].attrs = spans[2].attrs = (struct parley_attrs)ATTRS(none);
    open_confident(NULL);
    deliver(spans, COUNT(spans));
    http_answer(400, "");
    assert_int_equal(ended.lost, 1);
    assert_int_equal(ended.left_out, 2);
    close_plugin();
}

/* ---- mistakes ---- */

static void assert_refused(const char *path, const char *const *options, const char *expected)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    fake_host_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
    assert_null(fake_plugin_open(path, "x", options, &err));
    if (strstr(err.message, expected) == NULL)
        fail_msg("%s", err.message);
}

static void mistakes_are_named_and_secrets_are_not(void **state)
{
    static const char *const swapped[] = {"public_key=sk-lf-secret", "secret_key=pk-lf-1", NULL};
    static const char *const prompt[] = {"public_key=pk-lf-1", "secret_key=sk-lf-1",
                                         "prompts=receptionist", NULL};
    static const char *const url[] = {"public_key=pk-lf-1", "secret_key=sk-lf-1",
                                      "base_url=lf.example.com", NULL};
    static const char *const blank[] = {"api_key=two words", NULL};

    (void)state;
    assert_refused(langfuse_path, swapped, "public_key: it does not begin with pk-lf-");
    assert_refused(langfuse_path, prompt, "prompts: line 1 is not AGENT=NAME:VERSION");
    assert_refused(langfuse_path, url, "base_url: \"lf.example.com\" is no http");
    assert_refused(confident_path, blank, "api_key: it holds a space");
}

static int setup(void **state)
{
    (void)state;
    memset(&ended, 0, sizeof(ended));
    return 0;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(langfuse_gets_the_headers_of_its_direct_path),
        TEST(langfuse_knows_turns_answers_and_tools_apart),
        TEST(langfuse_gets_what_belongs_to_a_trace_on_every_span),
        TEST(langfuse_sees_an_interruption_as_a_warning),
        TEST(langfuse_gets_usage_whose_keys_do_not_overlap),
        TEST(langfuse_gets_the_cost_that_parley_knows),
        TEST(langfuse_gets_model_first_token_and_prompt),
        TEST(langfuse_is_spared_a_span_that_would_spoil_the_batch),
        TEST(langfuse_gets_content_only_when_asked_for),
        TEST(langfuse_gets_scores_in_an_environment_that_it_takes),
        TEST(confident_gets_its_types_and_the_thread),
        TEST(confident_gets_model_and_tokens),
        TEST(confident_gets_no_parent_that_is_the_client_s),
        TEST(confident_gets_no_span_that_is_not_an_agent_s),
        TEST(spans_that_are_none_of_an_agent_s_count_neither_as_delivered_nor_as_lost),
        TEST(mistakes_are_named_and_secrets_are_not),
    };

    if (argc < 3)
        return 2;
    langfuse_path = argv[1];
    confident_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
