/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP answer that refuses, as a status and one sentence. */
#ifndef PARTS_REFUSAL_H
#define PARTS_REFUSAL_H

#include <parley/error.h>
#include <parley/types.h>

/*
 * From an HTTP status other than 200 and the body. `advice` says what to check after a bare 404.
 * What the server says is repeated but for 401 and 403, where it may hold the key. `headers` are as
 * in struct parley_http_response.
 */
void refusal_read(int code, struct parley_view headers, struct parley_view body, const char *advice,
                  struct parley_error *err);

#endif
