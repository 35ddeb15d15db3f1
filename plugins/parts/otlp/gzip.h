/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARTS_OTLP_GZIP_H
#define PARTS_OTLP_GZIP_H

#include "encode.h"

/* Replace the body by its gzip form. False, and it stays as it is, without memory. */
bool gzip_body(struct body *body);

#endif
