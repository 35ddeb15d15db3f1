/* SPDX-License-Identifier: Apache-2.0 */
/* Two layers of INI text, split at the first form feed. */
#include "fuzz.h"

#include "base/str.h"
#include "conf/conf.h"

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct conf_kind kinds[] = {{"server", false}, {"model", true}};
    const struct conf_env env = {.get = no_env};
    struct conf *c = conf_create("/", &env);
    struct conf_report report = {0};
    struct parley_view second = {(const char *)data, size};
    struct parley_view first;

    if (c == NULL)
        return 0;
    view_split(&second, '\f', &first);
    (void)conf_add_layer(c, first, "base.ini", &report);
    (void)conf_add_layer(c, second, "base.layer.ini", &report);
    (void)conf_check_sections(c, kinds, 2, &report);
    conf_destroy(c);
    conf_report_done(&report);
    return 0;
}
