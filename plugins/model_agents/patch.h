/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch (RFC 6902), as agents send changes of their state. */
#ifndef MODEL_AGENTS_PATCH_H
#define MODEL_AGENTS_PATCH_H

#include <jansson.h>

/* The document with the operations add, replace and remove applied; others, and those that fit
 * nowhere, are passed over. Takes the document, which may be NULL (an empty object). */
json_t *patch_apply(json_t *take_document, const json_t *operations);

#endif
