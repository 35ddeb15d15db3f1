/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as text, whole or not at all. */
#ifndef STORE_COSMOS_DUMP_H
#define STORE_COSMOS_DUMP_H

#include <jansson.h>

/* Compact; allocated, NULL without memory or for NULL. */
char *dump(const json_t *value);

/* The same in ASCII alone, for what goes into headers; the value may be a string. */
char *dump_ascii(const json_t *value);

#endif
