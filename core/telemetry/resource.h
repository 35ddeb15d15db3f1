/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends: the attributes that every batch begins with. */
#ifndef TELEMETRY_RESOURCE_H
#define TELEMETRY_RESOURCE_H

#include <parley/exporter.h>
#include <parley/options.h>

#include <stdbool.h>

#define RESOURCE_MAX_ATTRS   48
#define RESOURCE_KEY_BYTES   96
#define RESOURCE_VALUE_BYTES 256

struct resource {
    struct parley_attr attrs[RESOURCE_MAX_ATTRS]; /* they point into the texts below */
    uint32_t count;
    char keys[RESOURCE_MAX_ATTRS][RESOURCE_KEY_BYTES];
    char values[RESOURCE_MAX_ATTRS][RESOURCE_VALUE_BYTES];
};

/* What is known of this process; NULL or "" where it is not set. */
struct resource_facts {
    const char *service_name;
    const char *environment;  /* deployment.environment.name */
    const char *instance_id;  /* a random one else */
    struct parley_list given; /* "key=value", values percent-encoded where they need it */
    const char *default_environment;
};

/* What is set by name wins over what is given as key=value, and that over what parley finds out. */
void resource_init(struct resource *r, const struct resource_facts *facts);

/* Is it "key=value" with a good key and value? For the configuration's check. */
bool resource_is_pair(const char *text);

#endif
