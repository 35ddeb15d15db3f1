/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings, places, times and text, as exporter_azure_monitor reads and writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "connection.h"
#include "instant.h"
#include "json.h"
#include "place.h"

#define T0  UINT64_C(1767603600000000000) /* 2026-01-05 09:00:00 UTC */
#define MS  UINT64_C(1000000)
#define KEY "00000000-0000-0000-0000-00000000abcd"

static void connection_is(const char *text, const char *endpoint, const char *scope)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct connection c = {0};

    if (connection_parse(text, &c, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    assert_string_equal(c.key, KEY);
    assert_string_equal(c.endpoint, endpoint);
    assert_string_equal(c.scope, scope);
    connection_done(&c);
}

static void connection_strings_are_read_in_all_their_forms(void **state)
{
    (void)state;
    const char *public = "https://monitor.azure.com/.default";

    connection_is("InstrumentationKey=" KEY
                  ";IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;"
                  "LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;"
                  "ApplicationId=" KEY,
                  "https://westeurope-5.in.applicationinsights.azure.com", public);
    connection_is(" instrumentationkey = " KEY " ; ", "https://dc.services.visualstudio.com",
                  public);
    connection_is("InstrumentationKey=" KEY ";EndpointSuffix=ai.contoso.com",
                  "https://dc.ai.contoso.com", public);
    connection_is("InstrumentationKey=" KEY ";EndpointSuffix=ai.contoso.com;Location=westus2",
                  "https://westus2.dc.ai.contoso.com", public);
    connection_is("InstrumentationKey=" KEY ";IngestionEndpoint=http://127.0.0.1:8123",
                  "http://127.0.0.1:8123", public);
    connection_is("InstrumentationKey=" KEY ";Authorization=ikey;AADAudience=https://my.audience/",
                  "https://dc.services.visualstudio.com", "https://my.audience/.default");
    connection_is(
        "InstrumentationKey=" KEY ";IngestionEndpoint=https://x-1.in.applicationinsights.azure.cn",
        "https://x-1.in.applicationinsights.azure.cn", "https://monitor.azure.cn/.default");
    connection_is(
        "InstrumentationKey=" KEY ";IngestionEndpoint=https://x-1.in.applicationinsights.azure.us",
        "https://x-1.in.applicationinsights.azure.us", "https://monitor.azure.us/.default");
}

static void malformed_connection_strings_are_told_by_their_part(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "InstrumentationKey is missing"},
        {"IngestionEndpoint=https://a.b", "InstrumentationKey is missing"},
        {"InstrumentationKey=" KEY ";nonsense", "part 2 has no ="},
        {"InstrumentationKey=" KEY ";=x", "part 2 has no name"},
        {"InstrumentationKey=s3cret", "InstrumentationKey is no GUID: 6 characters"},
        {"InstrumentationKey=" KEY ";InstrumentationKey=" KEY, "InstrumentationKey is given twice"},
        {"InstrumentationKey=" KEY ";IngestionEndpoint=ftp://a", "IngestionEndpoint: it is no"},
        {"InstrumentationKey=" KEY ";IngestionEndpoint=http://a.b", "plain http"},
        {"InstrumentationKey=" KEY ";IngestionEndpoint=https://u:s3cret@a", "it is no https://"},
        {"InstrumentationKey=" KEY ";IngestionEndpoint=https://a/?x=1", "it has a ?"},
        {"InstrumentationKey=" KEY ";EndpointSuffix=a/b", "EndpointSuffix"},
        {"InstrumentationKey=" KEY ";EndpointSuffix=a;Location=x.y", "Location"},
        {"InstrumentationKey=" KEY ";Authorization=basic", "Authorization: \"basic\" is not ikey"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        struct connection c = {0};
        assert_int_equal(connection_parse(wrong[i][0], &c, &err), PARLEY_E_INVALID);
        if (strstr(err.message, wrong[i][1]) == NULL)
            fail_msg("\"%s\": %s", wrong[i][0], err.message);
        assert_null(strstr(err.message, "s3cret"));
        assert_null(strstr(err.message, KEY));
    }
    static char longest[5000];
    struct parley_error err = PARLEY_ERROR_INIT;
    struct connection c = {0};
    memset(longest, 'a', sizeof(longest) - 1);
    assert_int_equal(connection_parse(longest, &c, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "4999 characters"));
}

static bool may(const char *from, const char *to)
{
    struct place a = place_of_url(from), b = place_of_url(to);

    return place_may_redirect(&a, &b);
}

static void redirects_stay_within_a_host_or_a_cloud(void **state)
{
    (void)state;
    const char *here = "https://a.in.applicationinsights.azure.com";

    assert_true(may(here, "https://b.in.applicationinsights.azure.com/v2.1/track"));
    assert_true(may(here, "https://b.in.ai.monitor.azure.com"));
    assert_true(may("https://dc.services.visualstudio.com", here));
    assert_true(may("https://x.contoso.com", "https://X.contoso.com/other"));
    assert_true(may("http://127.0.0.1:1", "http://127.0.0.1:2"));
    assert_false(may(here, "http://b.in.applicationinsights.azure.com"));
    assert_false(may(here, "https://b.in.applicationinsights.azure.com:8443"));
    assert_false(may(here, "https://evil.example"));
    assert_false(may(here, "https://evilapplicationinsights.azure.com"));
    assert_false(may(here, "https://b.in.applicationinsights.azure.com@evil.example"));
    assert_false(may(here, "https://b.in.applicationinsights.azure.us"));
    assert_false(may("https://a.monitor.azure.us", "https://a.monitor.azure.cn"));
    assert_false(may("https://x.contoso.com", "https://y.contoso.com"));
    assert_false(may("https://x.contoso.com", "http://127.0.0.1"));
    assert_false(may("http://127.0.0.1:1", "http://127.evil.example"));
}

static void duration_is(uint64_t ns, const char *text)
{
    char out[INSTANT_SIZE];

    instant_duration(T0, T0 + ns, out);
    assert_string_equal(out, text);
}

static void times_and_durations_have_the_schemas_form(void **state)
{
    (void)state;
    char out[INSTANT_SIZE];

    instant_time(T0 + 620 * MS + 7000, out);
    assert_string_equal(out, "2026-01-05T09:00:00.620007Z");
    duration_is(0, "00:00:00.0000000");
    duration_is(1234567800, "00:00:01.2345678");
    duration_is(UINT64_C(86399) * 1000 * MS, "23:59:59.0000000");
    duration_is(UINT64_C(90061) * 1000 * MS, "1.01:01:01.0000000");
    instant_duration(T0, T0 - 1, out);
    assert_string_equal(out, "00:00:00.0000000");
}

static void text_is(struct parley_view text, size_t limit, const char *json)
{
    struct json j = {0};

    json_text(&j, text, limit);
    assert_false(j.failed);
    assert_int_equal(j.len, strlen(json));
    assert_memory_equal(j.data, json, j.len);
    json_done(&j);
}

static void text_is_escaped_mended_and_cut_between_characters(void **state)
{
    (void)state;
    text_is((struct parley_view)PARLEY_VIEW("a\"\\\n\x01\x7f"), 100,
            "\"a\\\"\\\\\\n\\u0001\\u007f\"");
    text_is((struct parley_view)PARLEY_VIEW("h\xc3\xa9!"), 2, "\"h\"");
    text_is((struct parley_view)PARLEY_VIEW("h\xc3\xa9!"), 3, "\"h\xc3\xa9\"");
    text_is((struct parley_view)PARLEY_VIEW("\xf0\x9f\x98\x80x"), 3, "\"\"");
    text_is((struct parley_view)PARLEY_VIEW("a\xff"
                                            "b\xed\xa0\x80"),
            100,
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    text_is((struct parley_view)PARLEY_VIEW("\xff\xff"), 3, "\"\xef\xbf\xbd\""); /* never longer */
    text_is((struct parley_view){"a\0b", 3}, 100, "\"a\\u0000b\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_strings_are_read_in_all_their_forms),
        cmocka_unit_test(malformed_connection_strings_are_told_by_their_part),
        cmocka_unit_test(redirects_stay_within_a_host_or_a_cloud),
        cmocka_unit_test(times_and_durations_have_the_schemas_form),
        cmocka_unit_test(text_is_escaped_mended_and_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
