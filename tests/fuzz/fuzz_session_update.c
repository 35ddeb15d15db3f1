/* SPDX-License-Identifier: Apache-2.0 */
/* Any session.update on a fresh session: it changes nothing, or what it changed can be repeated. */
#include "fuzz.h"

#include "base/json.h"
#include "realtime/session_object.h"

#include <stdlib.h>

static void check_result(const json_t *session, const json_t *accepted)
{
    struct rt_session_view view;
    struct rt_error fault = {0};
    json_t *again = NULL;

    rt_session_read(session, &view);
    if (view.input_format >= RT_AUDIO_COUNT || view.speed < 0.25 || view.speed > 1.5)
        abort();
    if (rt_session_update(session, accepted, NULL, &again, NULL, &fault) != PARLEY_OK)
        abort();
    if (!json_equal(session, again))
        abort();
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *update = json_parse((struct parley_view){(const char *)data, size}, NULL);
    json_t *current = rt_session_new("model", 0);
    json_t *session = NULL;
    json_t *accepted = NULL;
    struct rt_error fault = {0};

    if (update == NULL || current == NULL) {
        json_decref(update);
        json_decref(current);
        return 0;
    }
    if (rt_session_update(current, update, NULL, &session, &accepted, &fault) == PARLEY_OK)
        check_result(session, accepted);
    else if (fault.code[0] == '\0' || session != NULL || accepted != NULL)
        abort();
    json_decref(accepted);
    json_decref(session);
    json_decref(current);
    json_decref(update);
    return 0;
}
