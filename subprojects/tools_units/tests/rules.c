/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin through the rules of the interface. */
#include <parley/testkit/conformance.h>

int main(int argc, char **argv)
{
    static const struct testkit_call calls[] = {
        {"convert_units", "{\"value\": 5, \"from\": \"miles\", \"to\": \"km\"}"},
        {"convert_units", "{\"value\": \"98.6\", \"from\": \"degrees Fahrenheit\", \"to\": \"C\"}"},
        {"list_units", "{}"},
        {"list_units", "{\"quantity\": \"speed\"}"},
    };
    const struct testkit_subject subject = {
        .path = argc > 1 ? argv[1] : "./tools_units.so",
        .calls = calls,
        .call_count = sizeof calls / sizeof calls[0],
    };

    return testkit_run(&subject);
}
