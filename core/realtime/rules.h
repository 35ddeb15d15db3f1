/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that clients may send, as tables of schema.h. */
#ifndef REALTIME_RULES_H
#define REALTIME_RULES_H

#include "realtime/schema.h"

/* rules_tools.c: `tools` and `tool_choice`, of a session or a response. */
extern const struct rt_rule rt_rule_tool;
int rt_check_tool_names(const json_t *tools, const struct rt_path *path, struct rt_error *fault);
extern const struct rt_variant rt_tool_choice_variants[];
extern const char *const rt_tool_choice_words[];

/* rules_item.c: an item that a client creates, and one that stands in a response's `input`. */
extern const struct rt_rule rt_rule_item;
extern const struct rt_rule rt_rule_input_item;

/* rules_session.c: the session of a session.update, the response of a response.create. */
extern const struct rt_rule rt_rule_session;
extern const struct rt_rule rt_rule_response;

/* Member tables are written with these. */
#define RT_STR(member, ...)                                                                        \
    {                                                                                              \
        .name = (member), .is = RT_IS_STRING, __VA_ARGS__                                          \
    }
#define RT_STR_NULL(member, ...)                                                                   \
    {                                                                                              \
        .name = (member), .is = RT_IS_STRING | RT_IS_NULL, __VA_ARGS__                             \
    }
#define RT_NEED_STR(member, ...)                                                                   \
    {                                                                                              \
        .name = (member), .is = RT_IS_STRING | RT_REQUIRED, __VA_ARGS__                            \
    }
#define RT_MEMBER(member, kinds, ...)                                                              \
    {                                                                                              \
        .name = (member), .is = (kinds), __VA_ARGS__                                               \
    }
#define RT_MOVED(member, now)                                                                      \
    {                                                                                              \
        .name = (member), .is = RT_IS_ANY, .moved = (now)                                          \
    }
#define RT_RULES_END                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#endif
