/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/admin.h"

#include "base/cleanup.h"

#include <stdlib.h>

static const char *first_of(const char *given, const char *variable, const char *otherwise)
{
    const char *from_environment = getenv(variable);

    if (given != NULL)
        return given;
    return from_environment != NULL && from_environment[0] != '\0' ? from_environment : otherwise;
}

int admin_ask(const struct admin_options *o, const char *method, const char *path,
              json_t **ret_json, struct parley_error *err)
{
    _cleanup_free_ char *url = NULL;
    _cleanup_free_ char *token = NULL;

    if (o->config != NULL) {
        int r = remote_from_config(o->config, o->environment, &url, &token, err);
        if (r < 0)
            return r;
    }
    const struct remote remote = {
        .url = url != NULL ? url : first_of(o->url, "PARLEY_ADMIN_URL", REMOTE_DEFAULT_ADMIN),
        .token = token != NULL ? token : first_of(o->token, "PARLEY_ADMIN_TOKEN", NULL),
    };
    return remote_ask(&remote, method, path, ret_json, err);
}
