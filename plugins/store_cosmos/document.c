/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define DIGEST_BYTES 16 /* of SHA-256; enough to tell data of one session apart */

#define MOST_EXACT 9007199254740992.0 /* beyond it doubles leave numbers out */

/* With the time that the service gives a document after its last change. */
static json_t *with_ttl(json_t *document, int64_t ttl_s)
{
    if (document != NULL && ttl_s > 0 && !document_set(document, "ttl", ttl_s)) {
        json_decref(document);
        return NULL;
    }
    return document;
}

/* Data goes in as a string: it comes back byte by byte, and numbers keep all their digits. */
json_t *document_head(const struct parley_store_head *head, int64_t ttl_s)
{
    char *pk = document_partition(head->session_id);
    json_t *document = NULL;

    if (pk != NULL)
        document = json_pack(
            "{ss ss ss ss ss ss ss sI sI sI sI sI sI sI ss%}", "id", DOCUMENT_HEAD, "pk", pk,
            "kind", "head", "session", head->session_id, "agent", head->agent, "user", head->user,
            "owner", head->owner, "epoch", (json_int_t)head->epoch, "state",
            (json_int_t)head->state, "lease_until_ms", (json_int_t)head->lease_until_ms,
            "created_ms", (json_int_t)head->created_ms, "updated_ms", (json_int_t)head->updated_ms,
            "expires_ms", (json_int_t)head->expires_ms, "record_count", (json_int_t)0, "data",
            head->data.len == 0 ? "" : head->data.data, head->data.len);
    free(pk);
    return with_ttl(document, ttl_s);
}

json_t *document_record(const char *session_id, const struct parley_store_record *record,
                        int64_t ttl_s)
{
    char *pk = document_partition(session_id);
    char id[48];
    json_t *document = NULL;

    (void)snprintf(id, sizeof(id), "record.%012lld", (long long)record->seq);
    if (pk != NULL)
        document =
            json_pack("{ss ss ss sI sI sI ss ss%}", "id", id, "pk", pk, "kind", "record", "seq",
                      (json_int_t)record->seq, "record_kind", (json_int_t)record->kind, "time_ms",
                      (json_int_t)record->time_ms, "record_id", record->id, "data",
                      record->data.len == 0 ? "" : record->data.data, record->data.len);
    free(pk);
    return with_ttl(document, ttl_s);
}

json_t *document_row(const json_t *head, int64_t expires_ms, int64_t ttl_s)
{
    const char *session_id = document_text(head, "session");
    int64_t created_ms = document_number(head, "created_ms");
    char *id = document_row_id(head);
    char *sort = document_sort_key(created_ms, session_id);
    json_t *document = NULL;

    if (id != NULL && sort != NULL)
        document = json_pack("{ss ss ss ss ss ss ss sI sI}", "id", id, "pk", DOCUMENT_INDEX, "kind",
                             "row", "session", session_id, "agent", document_text(head, "agent"),
                             "user", document_text(head, "user"), "sort", sort, "created_ms",
                             (json_int_t)created_ms, "expires_ms", (json_int_t)expires_ms);
    free(id);
    free(sort);
    return with_ttl(document, ttl_s);
}

/* It keeps no more than it takes to find what is left of the session. */
json_t *document_tombstone(const json_t *head, bool is_purged)
{
    json_t *document =
        json_pack("{ss ss ss ss sI sb}", "id", DOCUMENT_HEAD, "pk", document_text(head, "pk"),
                  "kind", "removed", "session", document_text(head, "session"), "created_ms",
                  (json_int_t)document_number(head, "created_ms"), "is_purged", (int)is_purged);

    return with_ttl(document, DOCUMENT_REMEMBER_S);
}

/* ---- long data ---- */

static bool digest_of(const json_t *data, char ret_hex[2 * DIGEST_BYTES + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(json_string_value(data), json_string_length(data), digest, &len, EVP_sha256(),
                   NULL) != 1)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    return true;
}

static json_t *data_document(const json_t *head, json_t *data)
{
    const json_t *ttl = json_object_get(head, "ttl");
    json_t *document = json_pack("{ss ss ss sO}", "id", DOCUMENT_DATA, "pk",
                                 document_text(head, "pk"), "kind", "data", "data", data);

    if (document == NULL || ttl == NULL || document_set(document, "ttl", json_integer_value(ttl)))
        return document;
    json_decref(document);
    return NULL;
}

bool document_split(json_t *head, const char *stored_digest, json_t **ret_data)
{
    json_t *data = json_object_get(head, "data");
    char digest[2 * DIGEST_BYTES + 1];

    *ret_data = NULL;
    if (json_string_length(data) <= DOCUMENT_SHORT_DATA)
        return true;
    if (!digest_of(data, digest))
        return false;
    /* A time to live counts from the last change, so it must begin anew with the head's. */
    bool is_stored = strcmp(digest, stored_digest) == 0 && json_object_get(head, "ttl") == NULL;
    if (!is_stored && (*ret_data = data_document(head, data)) == NULL)
        return false;
    (void)json_object_del(head, "data");
    if (json_object_set_new(head, "data_digest", json_string(digest)) == 0)
        return true;
    json_decref(*ret_data);
    *ret_data = NULL;
    return false;
}

json_t *document_copy(const json_t *document)
{
    json_t *copy = json_copy((json_t *)document);

    if (copy == NULL || json_object_size(copy) == json_object_size(document))
        return copy;
    json_decref(copy);
    return NULL;
}

json_t *document_strip(const json_t *stored)
{
    static const char *const added[] = {"_rid", "_self", "_etag", "_ts", "_attachments", "_lsn"};
    json_t *document = document_copy(stored);

    for (size_t i = 0; document != NULL && i < sizeof(added) / sizeof(added[0]); i++)
        (void)json_object_del(document, added[i]); /* fails when it is not there */
    return document;
}

bool document_is_removed(const json_t *head)
{
    return strcmp(document_text(head, "kind"), "removed") == 0;
}

bool document_is_purged(const json_t *tombstone)
{
    return json_is_true(json_object_get(tombstone, "is_purged"));
}

/* Numbers are doubles there: whole ones may come back as 1.0. */
int64_t document_number(const json_t *document, const char *key)
{
    const json_t *value = json_object_get(document, key);
    double real = json_real_value(value); /* 0 for what is none */

    if (json_is_integer(value))
        return json_integer_value(value);
    return real > -MOST_EXACT && real < MOST_EXACT ? (int64_t)real : 0;
}

const char *document_text(const json_t *document, const char *key)
{
    const char *text = json_string_value(json_object_get(document, key));

    return text == NULL ? "" : text;
}

bool document_set(json_t *document, const char *key, int64_t value)
{
    return json_object_set_new(document, key, json_integer(value)) == 0;
}

static struct parley_view data_of(const json_t *document)
{
    const json_t *data = json_object_get(document, "data");

    return (struct parley_view){document_text(document, "data"), json_string_length(data)};
}

void document_tell_head(const json_t *document, const json_t *data,
                        struct parley_store_head *ret_head)
{
    *ret_head = (struct parley_store_head){
        .size = sizeof(*ret_head),
        .state = (uint32_t)document_number(document, "state"),
        .session_id = document_text(document, "session"),
        .agent = document_text(document, "agent"),
        .user = document_text(document, "user"),
        .owner = document_text(document, "owner"),
        .epoch = document_number(document, "epoch"),
        .lease_until_ms = document_number(document, "lease_until_ms"),
        .created_ms = document_number(document, "created_ms"),
        .updated_ms = document_number(document, "updated_ms"),
        .expires_ms = document_number(document, "expires_ms"),
        .record_count = document_number(document, "record_count"),
        .data = data_of(data != NULL ? data : document),
    };
}

void document_tell_record(const json_t *document, struct parley_store_record *ret_record)
{
    *ret_record = (struct parley_store_record){
        .kind = (uint32_t)document_number(document, "record_kind"),
        .size = sizeof(*ret_record),
        .seq = document_number(document, "seq"),
        .time_ms = document_number(document, "time_ms"),
        .id = document_text(document, "record_id"),
        .data = data_of(document),
    };
}

char *document_partition(const char *session_id)
{
    char *pk = NULL;

    return asprintf(&pk, "s:%s", session_id) < 0 ? NULL : pk;
}

/* An id must not hold everything that a session's id may: other characters become .HEX. */
char *document_row_id(const json_t *head)
{
    const char *session_id = document_text(head, "session");
    size_t size = strlen(session_id) * 3 + 40;
    char *id = malloc(size);

    if (id == NULL)
        return NULL;
    size_t len =
        (size_t)snprintf(id, size, "row.%lld.", (long long)document_number(head, "created_ms"));
    for (; *session_id != '\0'; session_id++) {
        if (isalnum((unsigned char)*session_id) || *session_id == '_' || *session_id == '-')
            id[len++] = *session_id;
        else
            len += (size_t)snprintf(id + len, size - len, ".%02X", (unsigned char)*session_id);
    }
    id[len] = '\0';
    return id;
}

char *document_sort_key(int64_t created_ms, const char *session_id)
{
    char *key = NULL;

    return asprintf(&key, "%015lld %s", (long long)created_ms, session_id) < 0 ? NULL : key;
}
