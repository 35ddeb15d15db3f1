/* SPDX-License-Identifier: Apache-2.0 */
/* Where one signal goes and how, from what is said of it and of all of them. */
#ifndef EXPORTER_OTLP_SIGNAL_H
#define EXPORTER_OTLP_SIGNAL_H

#include "parts/otlp/headers.h"
#include "parts/otlp/sender.h"

#include <parley/host.h>

#include <stdbool.h>

/* In the order of the options' words. */
enum signal_compression { COMPRESSION_COMMON, COMPRESSION_NONE, COMPRESSION_GZIP };

/* What the options say; "" and 0: as all. */
struct signal_options {
    const char *name; /* "traces": for messages, and where the options begin with it */
    const char *path; /* "/v1/traces" */
    const char *endpoint;
    const char *headers;
    int32_t compression; /* enum signal_compression */
    int64_t timeout_ms;
    const char *protocol;
    const char *ca_file;
    const char *client_cert_file;
    const char *client_key_file;
};

/* Zeroed: nothing. */
struct signal {
    char *url;
    struct headers headers;
    struct sender_own own;
};

/* own: of this signal; common: of all, without name and path. */
int signal_init(struct signal *s, const struct signal_options *own,
                const struct signal_options *common, const struct parley_host *host,
                struct parley_error *err);
void signal_done(struct signal *s);

/* Only http/protobuf is spoken. option: the one that says so. */
int signal_check_protocol(const char *option, const char *protocol, struct parley_error *err);

#endif
