/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin through every rule of the interface, and the calls that must succeed. */
#include <parley/testkit/conformance.h>

int main(int argc, char **argv)
{
    static const char *const options[] = {"hours=Always.", NULL};
    static const struct testkit_call calls[] = {{"opening_hours", "{}"}};
    const struct testkit_subject subject = {
        .path = argc > 1 ? argv[1] : "./tools_hours.so",
        .options = options,
        .calls = calls,
        .call_count = sizeof(calls) / sizeof(calls[0]),
    };

    return testkit_run(&subject);
}
