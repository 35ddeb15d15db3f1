/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON written from front to back into bytes that grow. Text is cut to the length that the schema
 * allows, between characters; what is no UTF-8 becomes U+FFFD.
 */
#ifndef AZURE_MONITOR_JSON_H
#define AZURE_MONITOR_JSON_H

#include <parley/types.h>

#include <stdbool.h>

/* Zeroed is empty. After a failed allocation `failed` stays set and nothing more is written. */
struct json {
    char *data;
    size_t len;
    size_t cap;
    bool failed;
};

void json_done(struct json *j);

/* As it is. */
void json_raw(struct json *j, const char *text);
void json_bytes(struct json *j, const char *bytes, size_t len);
/* A string: quoted, escaped, at most `limit` bytes of the text. */
void json_text(struct json *j, struct parley_view text, size_t limit);
void json_str(struct json *j, const char *text, size_t limit);
void json_int(struct json *j, int64_t value);
/* JSON knows no infinities: they become 0. */
void json_double(struct json *j, double value);

/* "," unless an object or array has just begun, then the key and ":". */
void json_key(struct json *j, const char *key);
/* A member that is a string; an empty one is left out. */
void json_member(struct json *j, const char *key, struct parley_view text, size_t limit);

/* Length of the text's beginning that has at most `limit` bytes, in whole characters. */
size_t json_cut(struct parley_view text, size_t limit);

#endif
