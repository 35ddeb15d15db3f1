/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

#include <stdbool.h>
#include <stdlib.h>

struct delivery {
    const struct parley_exporter_host *exporter;
    parley_op op;
    unsigned parts;
    bool is_mute;
    int status; /* the first failure, else whether something is kept */
    uint64_t lost;
    struct parley_error err;
};

struct delivery *delivery_create(const struct parley_exporter_host *exporter, parley_op op)
{
    struct delivery *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    *d = (struct delivery){.exporter = exporter, .op = op, .parts = 1, .err = PARLEY_ERROR_INIT};
    return d;
}

void delivery_add_part(struct delivery *d)
{
    d->parts++;
}

void delivery_end_part(struct delivery *d, int status, uint64_t lost, const char *reason)
{
    if (d == NULL)
        return;
    d->lost += lost;
    if (status < 0 && d->status >= 0)
        d->status = parley_fail(&d->err, status, "%s", reason);
    else if (status > d->status && d->status >= 0)
        d->status = status;
    if (--d->parts > 0)
        return;
    if (!d->is_mute)
        d->exporter->end(d->op, d->status, d->lost, d->status < 0 ? &d->err : NULL);
    free(d);
}

void delivery_drop_part(struct delivery *d)
{
    if (d != NULL)
        d->is_mute = true;
    delivery_end_part(d, PARLEY_OK, 0, "");
}
