/* SPDX-License-Identifier: Apache-2.0 */
#include "operation.h"

#include "json.h"
#include "tags.h"

#include "parts/otlp/dress.h"

#include <stdio.h>
#include <string.h>

#define PART 500 /* of a name that has two */

static struct parley_view joined(struct parley_view a, struct parley_view b,
                                 char room[OPERATION_SIZE])
{
    int len = snprintf(room, OPERATION_SIZE, "%.*s %.*s", (int)json_cut(a, PART), a.data,
                       (int)json_cut(b, PART), b.data);

    return (struct parley_view){room, len < 0 ? 0 : (size_t)len};
}

struct parley_view operation_of_turn(const struct parley_attrs *attrs, char room[OPERATION_SIZE])
{
    static const struct parley_view invoke = PARLEY_VIEW("invoke_agent");
    struct parley_view agent = attr_text(attrs, "gen_ai.agent.name");

    return agent.len == 0 ? agent : joined(invoke, agent, room);
}

struct parley_view operation_of_span(const struct parley_span *span, char room[OPERATION_SIZE])
{
    struct parley_view set = attr_text(&span->attrs, "ai.operation.name");
    struct parley_view method = attr_text(&span->attrs, "http.request.method");
    struct parley_view route = attr_text(&span->attrs, "http.route");
    struct parley_view own = {span->name, strlen(span->name)};

    if (set.len > 0)
        return set;
    if (span->kind == PARLEY_SPAN_SERVER)
        return method.len > 0 && route.len > 0 ? joined(method, route, room) : own;
    if (!tags_has_id(span->parent_span_id, sizeof(span->parent_span_id)))
        return own;
    struct parley_view turn = operation_of_turn(&span->attrs, room);
    return turn.len > 0 ? turn : own;
}
