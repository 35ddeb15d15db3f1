/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as URLs and JWTs have it: - and _, without padding. */
#ifndef TOOLS_MCP_BASE64URL_H
#define TOOLS_MCP_BASE64URL_H

#include <stddef.h>

#define BASE64URL_SIZE(bytes) (((bytes)*4 + 2) / 3 + 1)

/* `out` has BASE64URL_SIZE(len) bytes. Returns the length. */
size_t base64url(const void *bytes, size_t len, char *out);

/* The ordinary alphabet, with padding, as headers have it; `out` has (len + 2) / 3 * 4 + 1 bytes.
 */
size_t base64_padded(const void *bytes, size_t len, char *out);

#endif
