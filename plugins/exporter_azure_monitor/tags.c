/* SPDX-License-Identifier: Apache-2.0 */
#include "tags.h"

#include "parts/otlp/dress.h"

#include <stdio.h>
#include <string.h>

#define MAX_ROLE 256

bool tags_has_id(const uint8_t *id, size_t len)
{
    for (size_t i = 0; id != NULL && i < len; i++) {
        if (id[i] != 0)
            return true;
    }
    return false;
}

void tags_id(struct json *out, const uint8_t *id, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char text[33];

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 15];
    }
    json_text(out, (struct parley_view){text, 2 * len}, sizeof(text));
}

/* The first of the attributes that is there. */
static struct parley_view first_of(const struct parley_attrs *attrs, const char *const *keys)
{
    struct parley_view text = {"", 0};

    for (; *keys != NULL && text.len == 0; keys++)
        text = attr_text(attrs, *keys);
    return text;
}

/* "namespace.name" */
static void add_role(struct json *out, const struct parley_attrs *resource)
{
    static const char *const names[] = {
        "service.name", "k8s.deployment.name", "k8s.replicaset.name", "k8s.statefulset.name",
        "k8s.job.name", "k8s.cronjob.name",    "k8s.daemonset.name",  NULL};
    struct parley_view space = attr_text(resource, "service.namespace");
    struct parley_view name = first_of(resource, names);
    char role[2 * MAX_ROLE + 2];

    int len = snprintf(role, sizeof(role), "%.*s%s%.*s", (int)json_cut(space, MAX_ROLE), space.data,
                       space.len > 0 && name.len > 0 ? "." : "", (int)json_cut(name, MAX_ROLE),
                       name.data);
    if (len > 0)
        json_member(out, "ai.cloud.role", (struct parley_view){role, (size_t)len}, MAX_ROLE);
}

void tags_resource(struct json *out, const struct parley_attrs *resource, const char *version)
{
    static const char *const instances[] = {"k8s.pod.name", "service.instance.id", "host.name",
                                            NULL};
    char sdk[65];

    (void)snprintf(sdk, sizeof(sdk), "c:parley%s", version);
    json_raw(out, "{"); /* for the commas; tags_write() begins behind it */
    json_member(out, "ai.internal.sdkVersion", (struct parley_view){sdk, strlen(sdk)}, 64);
    add_role(out, resource);
    json_member(out, "ai.cloud.roleInstance", first_of(resource, instances), 256);
    json_member(out, "ai.application.ver", attr_text(resource, "service.version"), 1024);
}

static void add_user(struct json *out, const struct parley_attrs *attrs)
{
    static const char *const users[] = {"enduser.id", "user.id", NULL};

    json_member(out, "ai.session.id", attr_text(attrs, "session.id"), TAG_SESSION);
    json_member(out, "ai.user.id", attr_text(attrs, "enduser.pseudo.id"), 128);
    json_member(out, "ai.user.authUserId", first_of(attrs, users), 1024);
}

static void add_client(struct json *out, const struct parley_attrs *attrs)
{
    json_member(out, "ai.location.ip", attr_text(attrs, "client.address"), 45);
    json_member(out, "ai.user.userAgent", attr_text(attrs, "user_agent.original"), 2048);
}

void tags_write(struct json *out, const struct tags *tags, const struct json *resource)
{
    json_key(out, "tags");
    json_raw(out, "{");
    if (resource->len > 1)
        json_bytes(out, resource->data + 1, resource->len - 1);
    if (tags_has_id(tags->trace_id, 16)) {
        json_key(out, "ai.operation.id");
        tags_id(out, tags->trace_id, 16);
    }
    if (tags_has_id(tags->parent_id, 8)) {
        json_key(out, "ai.operation.parentId");
        tags_id(out, tags->parent_id, 8);
    }
    json_member(out, "ai.operation.name", tags->operation, 1024);
    if (tags->attrs != NULL)
        add_user(out, tags->attrs);
    if (tags->attrs != NULL && tags->is_server)
        add_client(out, tags->attrs);
    json_raw(out, "}");
}
