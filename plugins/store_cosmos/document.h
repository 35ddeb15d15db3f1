/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of a container, whose partition key is /pk:
 *
 *     pk             id                    kind
 *     s:SESSION      head                  head     the session with its lease
 *                                          removed  a tombstone in its place
 *     s:SESSION      data                  data     what is long in the head
 *     s:SESSION      record.000000000001   record   one for each
 *     index          row.CREATED.SESSION   row      one for each session, for lists and expiry
 *
 * A session is one logical partition, so that its head and records change together. What counts are
 * heads: a row without its session is ignored and swept up, and its expires_ms is never later than
 * the head's. Records beyond the head's record_count are of an append that did not end.
 *
 * The head is written with every turn, so long data do not stay in it: they have a document of
 * their own, which is written together with the head and only when they have changed. Then the
 * head has their digest in data_digest and no data.
 */
#ifndef STORE_COSMOS_DOCUMENT_H
#define STORE_COSMOS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <parley/store.h>

#define DOCUMENT_INDEX      "index" /* the partition of all rows */
#define DOCUMENT_HEAD       "head"
#define DOCUMENT_DATA       "data"
#define DOCUMENT_SHORT_DATA 512 /* bytes that may stay in the head */
#define DOCUMENT_NONCE_SIZE 17
#define DOCUMENT_REMEMBER_S 604800 /* a removed session is told from an unknown one for a week */
#define DOCUMENT_MAX_ID     255    /* bytes of a session's id */

/* Each gives a new document, NULL without memory or when a text is not UTF-8. ttl_s: 0, none. */
json_t *document_head(const struct parley_store_head *head, int64_t ttl_s);
json_t *document_record(const char *session_id, const struct parley_store_record *record,
                        int64_t ttl_s);
json_t *document_row(const json_t *head, int64_t expires_ms, int64_t ttl_s);
json_t *document_tombstone(const json_t *head, bool is_purged);

/*
 * Move long data out of a head into *ret_data, a document to be written with it; NULL: they are
 * short, or stored already as `stored_digest` tells (""). False: no memory.
 */
bool document_split(json_t *head, const char *stored_digest, json_t **ret_data);

/* A copy, whole or NULL: jansson leaves out what it finds no memory for. */
json_t *document_copy(const json_t *document);

/* The same without what the service adds. */
json_t *document_strip(const json_t *stored);

bool document_is_removed(const json_t *head);
bool document_is_purged(const json_t *tombstone);

/* Members; 0 and "" when they are not there. */
int64_t document_number(const json_t *document, const char *key);
const char *document_text(const json_t *document, const char *key);
bool document_set(json_t *document, const char *key, int64_t value);

/* What the host gets; everything is borrowed. `data`: their own document, NULL: there is none. */
void document_tell_head(const json_t *document, const json_t *data,
                        struct parley_store_head *ret_head);
void document_tell_record(const json_t *document, struct parley_store_record *ret_record);

/* The value of the partition key of a session; allocated, NULL without memory. */
char *document_partition(const char *session_id);

/* The id of a session's row, and its place in lists; allocated, NULL without memory. */
char *document_row_id(const json_t *head);
char *document_sort_key(int64_t created_ms, const char *session_id);

#endif
