/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

/* PCRE2 limits the attempts at each start of the subject; all starts together get these. */
#define FIRST_ATTEMPTS  2000
#define ATTEMPTS_A_BYTE 16
#define LEAST_A_START   24
#define ATTEMPTS_A_STEP 20 /* what one unit of work buys */
#define HEAP_KIB        1024

struct json_pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    bool is_anchored;
};

/* As ECMA-262 in Unicode mode: \d is ASCII, $ the very end, \uXXXX a character. */
#define FLAGS                                                                                      \
    (PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF |               \
     PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C)

static bool compile(struct json_pattern *p, struct parley_view text)
{
    uint32_t options = 0;
    PCRE2_SIZE place;
    int error;

    p->code = pcre2_compile((PCRE2_SPTR)text.data, text.len, FLAGS, &error, &place, NULL);
    p->context = pcre2_match_context_create(NULL);
    if (p->code == NULL || p->context == NULL)
        return false;
    p->match = pcre2_match_data_create(1, NULL);
    (void)pcre2_pattern_info(p->code, PCRE2_INFO_ALLOPTIONS, &options);
    (void)pcre2_set_heap_limit(p->context, HEAP_KIB);
    p->is_anchored = (options & PCRE2_ANCHORED) != 0;
    return p->match != NULL;
}

/* "(*" begins a setting of PCRE2, and nothing in ECMA-262. */
static bool is_usable(struct parley_view text)
{
    return text.len <= JSON_PATTERN_MAX_BYTES && (text.len < 2 || memcmp(text.data, "(*", 2) != 0);
}

struct json_pattern *json_pattern_create(struct parley_view text)
{
    struct json_pattern *p = is_usable(text) ? calloc(1, sizeof(*p)) : NULL;

    if (p == NULL || compile(p, text))
        return p;
    return json_pattern_destroy(p);
}

enum json_pattern_answer json_pattern_find(const struct json_pattern *p, struct parley_view subject,
                                           size_t *work)
{
    if (p == NULL || subject.len > JSON_PATTERN_MAX_SUBJECT)
        return JSON_PATTERN_UNKNOWN;
    size_t starts = p->is_anchored ? 1 : subject.len + 1;
    size_t attempts = (FIRST_ATTEMPTS + subject.len * ATTEMPTS_A_BYTE) / starts;
    if (attempts < LEAST_A_START)
        attempts = LEAST_A_START;
    size_t price = 1 + attempts * starts / ATTEMPTS_A_STEP;
    if (price > *work) {
        *work = 0;
        return JSON_PATTERN_UNKNOWN;
    }
    *work -= price;
    (void)pcre2_set_match_limit(p->context, (uint32_t)attempts);
    int r = pcre2_match(p->code, (PCRE2_SPTR)(subject.data == NULL ? "" : subject.data),
                        subject.len, 0, 0, p->match, p->context);
    if (r >= 0)
        return JSON_PATTERN_YES;
    return r == PCRE2_ERROR_NOMATCH ? JSON_PATTERN_NO : JSON_PATTERN_UNKNOWN;
}

struct json_pattern *json_pattern_destroy(struct json_pattern *p)
{
    if (p == NULL)
        return NULL;
    pcre2_match_data_free(p->match);
    pcre2_match_context_free(p->context);
    pcre2_code_free(p->code);
    free(p);
    return NULL;
}
