/* SPDX-License-Identifier: Apache-2.0 */
/* One answer of the service, read out of HTTP. */
#ifndef STORE_COSMOS_ANSWER_H
#define STORE_COSMOS_ANSWER_H

#include <jansson.h>

#include <parley/service/http.h>

#include "retry.h"

#define ANSWER_MAX_ID 64

struct answer {
    struct outcome outcome;
    json_t *body; /* NULL when there is none or it is not JSON */
    struct parley_view etag;
    struct parley_view continuation;
    struct parley_view session;
    double charge; /* request units */
    char activity[ANSWER_MAX_ID];
};

/* `signed_unix_s`: the time that the request was dated with. The views are the response's. */
void answer_read(struct answer *a, const struct parley_http_response *response, bool is_for_writer,
                 int64_t signed_unix_s);

/* The same for a batch of `count` operations: the code of the one that failed, if any did. */
void answer_read_batch(struct answer *a, size_t count);

void answer_done(struct answer *a);

#endif
