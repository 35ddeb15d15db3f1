/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/tools_request.h"

#include "base/str.h"
#include "conf/nearest.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 50

struct worker_instance *tools_request_next(struct tools_request *q, struct worker_instance *after)
{
    struct worker_instance *wi = after;

    while ((wi = worker_instances_next(q->local.instances, wi)) != NULL) {
        if (wi->instance->kind == INSTANCE_TOOLS &&
            (q->only == NULL || strcmp(q->only, wi->instance->name) == 0))
            return wi;
    }
    return NULL;
}

static bool are_settled(struct tools_request *q, const struct worker_instance *only)
{
    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;) {
        if ((only == NULL || only == wi) && !tools_are_settled(wi))
            return false;
    }
    return true;
}

static void settle(struct tools_request *q, const struct worker_instance *only)
{
    for (int64_t waited = 0; waited < q->timeout_ms && !q->is_interrupted && !are_settled(q, only);
         waited += LOOK_MS)
        (void)local_wait(&q->local, LOOK_MS);
}

void tools_request_settle(struct tools_request *q)
{
    settle(q, NULL);
}

/* ---- names ---- */

bool tools_request_is_ambiguous(struct tools_request *q, const struct worker_instance *wi,
                                const char *function)
{
    for (struct worker_instance *other = NULL; (other = tools_request_next(q, other)) != NULL;) {
        if (other != wi && tools_find(other, view_of(function)) != NULL)
            return true;
    }
    return false;
}

typedef const struct tools_function *(*find_function)(struct worker_instance *wi,
                                                      struct parley_view name);

/* How many instances have one of that name; the last of them into ret. */
static size_t find_in_all(struct tools_request *q, find_function find, const char *name,
                          struct tools_choice *ret)
{
    size_t count = 0;

    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;) {
        const struct tools_function *f = find(wi, view_of(name));
        if (f == NULL)
            continue;
        *ret = (struct tools_choice){wi, f};
        count++;
    }
    return count;
}

/* Someone types this one: what was probably meant helps. */
static int refuse(struct tools_request *q, struct worker_instance *only, const char *name,
                  struct parley_error *err)
{
    char hint[96];
    struct nearest n = nearest_to(name);

    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;) {
        size_t count;
        const struct tools_function *functions = tools_functions(wi, &count);
        for (size_t i = 0; (only == NULL || wi == only) && i < count; i++)
            nearest_offer(&n, functions[i].name);
        if ((only == NULL || wi == only) && tools_list_failure(wi)[0] != '\0')
            return parley_fail(err, PARLEY_E_NOT_FOUND, "%.64s is not known, since %s failed: %s",
                               name, wi->instance->title, tools_list_failure(wi));
    }
    return parley_fail(err, PARLEY_E_NOT_FOUND,
                       "%s has no function %.64s%s (parleyctl tools list -c %s shows them)",
                       only == NULL ? "the configuration" : only->instance->name, name,
                       nearest_hint(&n, hint, sizeof(hint)), q->source.path);
}

static int find_anywhere(struct tools_request *q, const char *name, struct tools_choice *ret,
                         struct parley_error *err)
{
    struct tools_choice choice = {0};

    tools_request_settle(q);
    size_t count = find_in_all(q, tools_find, name, &choice);
    if (count == 0)
        count = find_in_all(q, tools_resolve, name, &choice);
    if (count == 0)
        return refuse(q, NULL, name, err);
    if (count > 1)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%zu sections have a function %.64s; name one as SECTION.%.64s, such as "
                           "%s.%.64s",
                           count, name, name, choice.wi->instance->name, name);
    *ret = choice;
    return PARLEY_OK;
}

static int find_in(struct tools_request *q, struct worker_instance *wi, const char *name,
                   struct tools_choice *ret, struct parley_error *err)
{
    settle(q, wi);
    const struct tools_function *f = tools_resolve(wi, view_of(name));
    if (f == NULL)
        return refuse(q, wi, name, err);
    *ret = (struct tools_choice){wi, f};
    return PARLEY_OK;
}

int tools_request_find(struct tools_request *q, const char *name, struct tools_choice *ret,
                       struct parley_error *err)
{
    char instance[64];
    struct parley_view function = view_of(name), head;

    if (!view_split(&function, '.', &head))
        return find_anywhere(q, name, ret, err);
    view_copy(instance, sizeof(instance), head);
    struct worker_instance *wi =
        worker_instances_find(q->local.instances, INSTANCE_TOOLS, instance);
    if (wi != NULL)
        return find_in(q, wi, function.data, ret, err);
    return parley_fail(err, PARLEY_E_NOT_FOUND, "there is no section [tools %s] in %s", instance,
                       q->source.path);
}
