/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/redact.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 100000 /* attempts at one start */
#define HEAP_KIB    1024
#define MAX_MATCHES 2000 /* of one pattern in one text */

struct redact {
    pcre2_code *codes[REDACT_MAX_PATTERNS];
    size_t count;
    pcre2_match_context *context;
    pcre2_match_data *match;
};

static int fail_pattern(const char *pattern, int code, PCRE2_SIZE place, struct parley_error *err)
{
    PCRE2_UCHAR why[120] = "";

    (void)pcre2_get_error_message(code, why, sizeof(why)); /* cut when too long */
    return parley_fail(err, PARLEY_E_INVALID, "\"%.80s\": at character %zu: %s", pattern,
                       (size_t)place + 1, (const char *)why);
}

static int add(struct redact *r, const char *pattern, struct parley_error *err)
{
    PCRE2_SIZE place = 0;
    int code = 0;

    if (r->count == REDACT_MAX_PATTERNS)
        return parley_fail(err, PARLEY_E_INVALID, "more than %d patterns; join some with |",
                           REDACT_MAX_PATTERNS);
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &place, NULL);
    if (compiled == NULL)
        return fail_pattern(pattern, code, place, err);
    r->codes[r->count++] = compiled;
    return PARLEY_OK;
}

int redact_create(struct parley_list patterns, struct redact **ret, struct parley_error *err)
{
    struct redact *r = patterns.count == 0 ? NULL : calloc(1, sizeof(*r));

    if (patterns.count == 0) {
        *ret = NULL;
        return PARLEY_OK;
    }
    if (r != NULL) {
        r->context = pcre2_match_context_create(NULL);
        r->match = pcre2_match_data_create(1, NULL);
    }
    if (r == NULL || r->context == NULL || r->match == NULL) {
        redact_destroy(r);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    }
    (void)pcre2_set_match_limit(r->context, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(r->context, HEAP_KIB);
    for (size_t i = 0; i < patterns.count; i++) {
        int status = add(r, patterns.items[i], err);
        if (status < 0) {
            redact_destroy(r);
            return status;
        }
    }
    *ret = r;
    return PARLEY_OK;
}

struct redact *redact_destroy(struct redact *r)
{
    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < r->count; i++)
        pcre2_code_free(r->codes[i]);
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->context);
    free(r);
    return NULL;
}

/* The next match that is not empty from *at on: 1 with its bounds, 0 for none, less when it cannot
 * be told. */
static int next_match(const struct redact *r, const pcre2_code *code, struct parley_view text,
                      size_t at, PCRE2_SIZE bounds[2])
{
    int found = pcre2_match(code, (PCRE2_SPTR)text.data, text.len, at,
                            PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, r->match, r->context);

    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    if (found < 0)
        return -1;
    memcpy(bounds, pcre2_get_ovector_pointer(r->match), 2 * sizeof(bounds[0]));
    return 1;
}

/* One pattern: the text without its matches into out; false when it has none. */
static bool blot(const struct redact *r, const pcre2_code *code, struct parley_view text,
                 struct buf *out, bool *ret_failed)
{
    PCRE2_SIZE bounds[2];
    size_t at = 0;
    size_t kept = 0;
    unsigned matches = 0;
    int found = 0;

    while (at <= text.len && (found = next_match(r, code, text, at, bounds)) > 0) {
        if (++matches > MAX_MATCHES || bounds[1] <= at || bounds[0] < kept) {
            found = -1; /* \K may let a match begin anywhere */
            break;
        }
        buf_append(out, text.data + kept, bounds[0] - kept);
        buf_append_str(out, REDACT_MARK);
        at = kept = bounds[1];
    }
    *ret_failed = found < 0;
    if (matches > 0)
        buf_append(out, text.data + kept, text.len - kept);
    return matches > 0;
}

bool redact_apply(const struct redact *r, struct parley_view text, struct buf *out)
{
    struct buf now = {0}; /* the text so far; empty: as it came */
    bool has_changed = false;
    bool failed = false;

    for (size_t i = 0; r != NULL && i < r->count && !failed; i++) {
        struct buf next = {0};
        if (blot(r, r->codes[i], has_changed ? buf_view(&now) : text, &next, &failed)) {
            buf_done(&now);
            now = next;
            has_changed = true;
        } else {
            buf_done(&next);
        }
    }
    if (failed || now.failed)
        buf_append_str(out, REDACT_MARK);
    else if (has_changed)
        buf_append_view(out, buf_view(&now));
    buf_done(&now);
    return failed || has_changed;
}
