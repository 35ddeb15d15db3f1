/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as the bodies of OTLP requests, in protobuf. */
#ifndef PARTS_OTLP_ENCODE_H
#define PARTS_OTLP_ENCODE_H

#include <parley/exporter.h>

#include <stdbool.h>

struct encode_config {
    const char *scope_version; /* of parley */
    bool with_content;
    bool with_exponential; /* histograms with exponential buckets, where the core recorded them */
};

/* Bytes to be freed. */
struct body {
    uint8_t *bytes;
    size_t len;
};

/* The batch's spans, metrics or log records, which must not be none. False without memory. */
bool encode_traces(const struct encode_config *config, const struct parley_batch *batch,
                   struct body *ret);
bool encode_metrics(const struct encode_config *config, const struct parley_batch *batch,
                    struct body *ret);
bool encode_logs(const struct encode_config *config, const struct parley_batch *batch,
                 struct body *ret);

/* What a 200 answer says: how many records were refused, and why. Anything unreadable is success.
 */
#define ENCODE_MESSAGE 200
struct encode_answer {
    int64_t rejected;
    char message[ENCODE_MESSAGE];
};
struct encode_answer encode_read_answer(struct parley_view answer);

/* Why an answer with an error's code refuses, fit for a line of the log; "" when it says nothing
 * that can be read. */
void encode_read_refusal(struct parley_view answer, char ret[ENCODE_MESSAGE]);

#endif
