/* SPDX-License-Identifier: Apache-2.0 */
#include "signal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_SIZE 32

static bool is_given(const char *text)
{
    return text[0] != '\0';
}

int signal_check_protocol(const char *option, const char *protocol, struct parley_error *err)
{
    if (!is_given(protocol) || strcmp(protocol, "http/protobuf") == 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_UNSUPPORTED,
                       "%s: \"%.40s\" is not spoken; write http/protobuf, which collectors take on "
                       "port 4318 as a rule",
                       option, protocol);
}

/* A signal's own address as it is, else the common one with its path. */
static int set_url(struct signal *s, const struct signal_options *own,
                   const struct signal_options *common, struct parley_error *err)
{
    char option[OPTION_SIZE];

    (void)snprintf(option, sizeof(option), "%s_endpoint", own->name);
    int r = is_given(own->endpoint) ? sender_check_url(option, own->endpoint, err) : PARLEY_OK;
    if (r < 0)
        return r;
    s->url =
        is_given(own->endpoint) ? strdup(own->endpoint) : sender_url(common->endpoint, own->path);
    return s->url != NULL ? PARLEY_OK : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static int set_headers(struct signal *s, const struct signal_options *own,
                       const struct signal_options *common, const struct parley_host *host,
                       struct parley_error *err)
{
    const char *text = is_given(own->headers) ? own->headers : common->headers;
    int32_t compression =
        own->compression != COMPRESSION_COMMON ? own->compression : common->compression;
    int r = headers_add_text(&s->headers, text, err);

    s->own.is_gzip = compression == COMPRESSION_GZIP;
    s->own.headers = &s->headers;
    if (r < 0 || sender_add_headers(&s->headers, host, s->own.is_gzip))
        return r;
    return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

int signal_init(struct signal *s, const struct signal_options *own,
                const struct signal_options *common, const struct parley_host *host,
                struct parley_error *err)
{
    char option[OPTION_SIZE];

    (void)snprintf(option, sizeof(option), "%s_protocol", own->name);
    int r = signal_check_protocol(option, own->protocol, err);
    if (r == PARLEY_OK)
        r = set_url(s, own, common, err);
    if (r == PARLEY_OK)
        r = set_headers(s, own, common, host, err);
    s->own.timeout_ms = own->timeout_ms;
    s->own.ca_file = own->ca_file;
    s->own.client_cert_file = own->client_cert_file;
    s->own.client_key_file = own->client_key_file;
    return r;
}

void signal_done(struct signal *s)
{
    headers_done(&s->headers);
    free(s->url);
    *s = (struct signal){0};
}
