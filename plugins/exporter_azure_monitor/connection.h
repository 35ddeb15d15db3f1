/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection string of an Application Insights resource, "InstrumentationKey=...;Key=value...".
 * What is in it that parley does not use is not looked at.
 */
#ifndef AZURE_MONITOR_CONNECTION_H
#define AZURE_MONITOR_CONNECTION_H

#include <parley/error.h>

#include <stdbool.h>

#define CONNECTION_MAX      4096 /* characters */
#define CONNECTION_KEY_SIZE 37   /* a GUID and its NUL */

struct connection {
    char key[CONNECTION_KEY_SIZE]; /* of instrumentation; an address, but not for logs */
    char *endpoint;                /* "https://westeurope-5.in.applicationinsights.azure.com" */
    char *scope;                   /* of Entra's tokens for that endpoint */
};

/* INVALID: the message says which part is wrong; it never shows the key. */
int connection_parse(const char *text, struct connection *ret, struct parley_error *err);

/* Free; a zeroed one is fine. */
void connection_done(struct connection *c);

/* Scope of tokens for the cloud that the host belongs to: public, China or US Government. */
const char *connection_scope_of(const char *url);

#endif
