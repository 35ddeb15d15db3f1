/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/trust.h"

#include "transport/transport.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* For the whole process and until its end; shared by all connections, with a lock of its own. */
static X509_STORE *of_system;

static void load(void)
{
    of_system = X509_STORE_new();
    if (of_system != NULL)
        (void)X509_STORE_set_default_paths(of_system); /* none there: nobody is trusted */
    ERR_clear_error();
}

void transport_load_trust(void)
{
    (void)pthread_once(&once, load);
}

/* Certificates that are in memory are shared; those in the system's folder are looked up anew. */
static int copy(X509_STORE *from, X509_STORE *to)
{
    int is_copied = 1;

    X509_STORE_lock(from);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(from);
    for (int i = 0; is_copied && i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        is_copied = certificate == NULL || X509_STORE_add_cert(to, certificate) == 1;
    }
    X509_STORE_unlock(from);
    X509_LOOKUP *folder = X509_STORE_add_lookup(to, X509_LOOKUP_hash_dir());
    return is_copied && folder != NULL &&
           X509_LOOKUP_add_dir(folder, NULL, X509_FILETYPE_DEFAULT) == 1;
}

static int use_file(SSL_CTX *ctx, const char *ca_file, struct parley_error *err)
{
    if (!copy(of_system, SSL_CTX_get_cert_store(ctx)))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "TLS: no memory");
    if (SSL_CTX_load_verify_locations(ctx, ca_file, NULL) == 1)
        return PARLEY_OK;
    char why[120];
    ERR_error_string_n(ERR_get_error(), why, sizeof(why));
    ERR_clear_error();
    return parley_fail(err, PARLEY_E_INVALID, "ca_file %s: cannot be read as PEM certificates (%s)",
                       ca_file, why);
}

int trust_use(SSL_CTX *ctx, const char *ca_file, struct parley_error *err)
{
    transport_load_trust();
    if (of_system == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "TLS: no memory");
    if (ca_file[0] != '\0')
        return use_file(ctx, ca_file, err);
    SSL_CTX_set1_cert_store(ctx, of_system);
    return PARLEY_OK;
}
