/* SPDX-License-Identifier: Apache-2.0 */
/* An exporter that loses more than it was given, ends it twice, and accepts the rest for ever. */
#include "bad.h"

#include <parley/exporter.h>

static const struct parley_exporter_host *exporter_host;
static int batches;

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_exporter_host *host)
{
    (void)worker_instance;
    (void)worker;
    exporter_host = host;
}

static int deliver(void *worker_instance, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    (void)worker_instance;
    (void)batch;
    (void)err;
    if (batches++ == 0) {
        exporter_host->end(op, PARLEY_OK, 0, NULL);
        exporter_host->end(op, PARLEY_OK, UINT64_MAX, NULL);
    }
    return PARLEY_OK;
}

static const struct parley_exporter_vtable table = {
    .size = sizeof(table), .attach = attach, .deliver = deliver};
static const struct parley_role role = {PARLEY_ROLE_EXPORTER, &table};
static const struct parley_plugin descriptor = {GOOD("bad_exporter", &role)};
ENTRY(descriptor)
