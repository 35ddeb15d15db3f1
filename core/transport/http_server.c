/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BODY_BYTES     (1024 * 1024)
#define REQUEST_TIMEOUT_MS 10000
#define IDLE_TIMEOUT_MS    60000

/* ---- certificates ---- */

static int tls_fail(struct parley_error *err, const char *what, const char *file)
{
    char why[160];

    /* Of a file that cannot be opened OpenSSL says "system lib". */
    if (access(file, R_OK) != 0)
        (void)snprintf(why, sizeof(why), "%s", strerror(errno));
    else
        ERR_error_string_n(ERR_peek_last_error(), why, sizeof(why));
    ERR_clear_error();
    return parley_fail(err, PARLEY_E_INVALID, "%s %s: %s", what, file, why);
}

static int tls_load(SSL_CTX *ctx, const char *cert_file, const char *key_file,
                    struct parley_error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
        return tls_fail(err, "certificate cannot be used:", cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
        return tls_fail(err, "key cannot be used:", key_file);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return tls_fail(err, "key does not belong to the certificate:", key_file);
    return PARLEY_OK;
}

/* Load into a context that nobody uses, so that a bad file changes nothing and says why. */
int http_server_check_tls(const char *cert_file, const char *key_file, struct parley_error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (ctx == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "TLS: no memory");
    int r = tls_load(ctx, cert_file, key_file, err);
    SSL_CTX_free(ctx);
    return r;
}

int http_server_reload(struct http_server *s, struct parley_error *err)
{
    if (s->ssl_ctx == NULL)
        return PARLEY_OK;
    int r = http_server_check_tls(s->cert_file, s->key_file, err);
    return r < 0 ? r : tls_load(s->ssl_ctx, s->cert_file, s->key_file, err);
}

/* The library made the context of a virtual host. */
void http_tls_loaded(void *ssl_ctx, struct lws_vhost *vhost)
{
    struct http_server *s = lws_vhost_user(vhost);

    s->ssl_ctx = ssl_ctx;
    SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    /* The library would look for another virtual host by the name that the client asks for. */
    SSL_CTX_set_tlsext_servername_callback(ssl_ctx, NULL);
}

static void server_free(struct http_server *s)
{
    list_remove(&s->entry);
    SSL_CTX_free(s->client_ctx);
    free(s->cert_file);
    free(s->key_file);
    free(s);
}

static struct http_server *server_alloc(struct transport *t,
                                        const struct http_server_config *config)
{
    struct http_server *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    list_init(&s->entry);
    s->t = t;
    s->config = *config;
    if (s->config.max_body_bytes == 0)
        s->config.max_body_bytes = MAX_BODY_BYTES;
    if (s->config.request_timeout_ms <= 0)
        s->config.request_timeout_ms = REQUEST_TIMEOUT_MS;
    if (s->config.idle_timeout_ms <= 0)
        s->config.idle_timeout_ms = IDLE_TIMEOUT_MS;
    s->cert_file = strdup(config->cert_file == NULL ? "" : config->cert_file);
    s->key_file = strdup(config->key_file == NULL ? "" : config->key_file);
    if (s->cert_file == NULL || s->key_file == NULL) {
        server_free(s);
        return NULL;
    }
    snprintf(s->name, sizeof(s->name), "at-%d", t->vhost_count++);
    return s;
}

static bool vhost_create(struct http_server *s)
{
    bool is_tls = s->cert_file[0] != '\0';
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = s->name,
        .protocols = transport_protocols,
        .options =
            LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
            (is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX
                    : 0),
        .ssl_cert_filepath = is_tls ? s->cert_file : NULL,
        .ssl_private_key_filepath = is_tls ? s->key_file : NULL,
        .user = s,
        .timeout_secs = 3600,
        .keepalive_timeout = 3600, /* the sweep is quicker */
    };

    if (is_tls) {
        s->client_ctx = SSL_CTX_new(TLS_client_method());
        if (s->client_ctx == NULL)
            return false;
        info.provided_client_ssl_ctx = s->client_ctx;
    }
    s->vhost = transport_vhost_create(s->t, &info);
    return s->vhost != NULL;
}

int http_server_create(struct transport *t, const struct http_server_config *config,
                       struct http_server **ret, struct parley_error *err)
{
    struct http_server *s = server_alloc(t, config);

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "http server: no memory");
    if (s->cert_file[0] != '\0') {
        int r = http_server_check_tls(s->cert_file, s->key_file, err);
        if (r < 0) {
            server_free(s);
            return r;
        }
    }
    if (!vhost_create(s)) {
        server_free(s);
        return parley_fail(err, PARLEY_E_INTERNAL,
                           "http server: libwebsockets refused; its reason is in the debug log");
    }
    list_append(&t->servers, &s->entry);
    *ret = s;
    return PARLEY_OK;
}

struct http_server *http_server_destroy(struct http_server *s)
{
    struct list *at, *tmp;

    if (s == NULL)
        return NULL;
    list_for_each_safe(at, tmp, &s->t->conns)
    {
        struct conn *c = list_entry(at, struct conn, entry);
        if (c->server != s)
            continue;
        http_conn_gone(c);
        c->server = NULL; /* it may linger until the library has given up writing */
        conn_drop(c);
    }
    lws_vhost_destroy(s->vhost);
    server_free(s);
    return NULL;
}

void http_servers_free(struct transport *t)
{
    while (!list_empty(&t->servers))
        server_free(list_entry(t->servers.next, struct http_server, entry));
}

static void peer_print(char *out, size_t size, int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    char host[INET6_ADDRSTRLEN] = "?";

    snprintf(out, size, "?");
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&peer;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, size, "%s:%d", host, ntohs(in->sin_port));
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        if (is_mapped)
            inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof(host));
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, size, is_mapped ? "%s:%d" : "[%s]:%d", host, ntohs(in6->sin6_port));
    } else {
        snprintf(out, size, "local");
    }
}

int http_server_adopt(struct http_server *s, int fd, struct parley_error *err)
{
    struct conn *c = conn_create(s->t);
    int one = 1;

    if (c == NULL) {
        close(fd);
        return parley_fail(err, PARLEY_E_BUSY, "no room for another connection above %d",
                           s->t->max_connections);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* other families: no harm */
    c->server = s;
    c->deadline_ms = clock_now_ms() + s->config.request_timeout_ms;
    peer_print(c->peer, sizeof(c->peer), fd);
    lws_adopt_desc_t info = {
        .vh = s->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = fd,
        .opaque = c,
    };
    c->is_creating = true;
    c->wsi = lws_adopt_descriptor_vhost_via_info(&info);
    c->is_creating = false;
    if (c->wsi != NULL && !c->is_dead)
        return PARLEY_OK;
    conn_gone(c);
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "a connection ended before it was served");
}
