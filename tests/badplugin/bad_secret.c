/* SPDX-License-Identifier: Apache-2.0 */
/* Writes its secret into the log. */
#include "bad.h"

struct config {
    const char *token;
};

static const struct parley_option options[] = {
    PARLEY_SECRET(struct config, token, .help = "A secret."),
};

static const struct parley_host *log_host;

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = NULL;
    log_host = host;
    return PARLEY_OK;
}

static int create(void *plugin, const struct parley_instance_info *info, void **ret_instance,
                  struct parley_error *err)
{
    const struct config *config = info->config;

    (void)plugin;
    (void)err;
    log_host->log(info->handle, PARLEY_LOG_INFO, "signing in token=%s", config->token);
    *ret_instance = NULL;
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_secret", &role),
                                                .load = load,
                                                .instance_create = create,
                                                .options = options,
                                                .option_count = 1,
                                                .option_size = sizeof(options[0]),
                                                .config_size = sizeof(struct config)};
ENTRY(descriptor)
