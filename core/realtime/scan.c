/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/scan.h"

#include <stdint.h>
#include <string.h>

/* SCAN_PORTABLE: for the test of the way that other machines take. */
#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <immintrin.h>
#endif

static bool fail(struct scan *s, enum rt_fault fault)
{
    s->fault = fault;
    return false;
}

void scan_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)

#define STEP 128

/* 0xff for every byte that ends a run of plain characters: quote, backslash, control character. */
static __m128i stops_of(__m128i bytes)
{
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);

    return _mm_or_si128(_mm_or_si128(quote, slash), control);
}

/*
 * Skip what is surely plain: blocks of bytes above the quote, without backslash, as all base64 is.
 * Takes a compare less per byte than stops_of(); a space or an exclamation mark ends it early.
 */
static void skip_sure_sse2(struct scan *s)
{
    __m128i seen = _mm_setzero_si128();

    while ((size_t)(s->end - s->at) >= STEP) {
        __m128i stops = _mm_setzero_si128();
        __m128i block = _mm_setzero_si128();
        for (size_t i = 0; i < STEP; i += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s->at + i));
            __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8('"')), v);
            stops = _mm_or_si128(stops, _mm_or_si128(low, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
            block = _mm_or_si128(block, v);
        }
        if (_mm_movemask_epi8(stops) != 0)
            break;
        seen = _mm_or_si128(seen, block);
        s->at += STEP;
    }
    s->saw_non_ascii |= _mm_movemask_epi8(seen) != 0;
}

/* The same in steps of 32 on a processor that has them. */
__attribute__((target("avx2"))) static void skip_sure_avx2(struct scan *s)
{
    __m256i seen = _mm256_setzero_si256();

    while ((size_t)(s->end - s->at) >= STEP) {
        __m256i stops = _mm256_setzero_si256();
        __m256i block = _mm256_setzero_si256();
        for (size_t i = 0; i < STEP; i += 32) {
            __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(s->at + i));
            __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8('"')), v);
            __m256i slash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));
            stops = _mm256_or_si256(stops, _mm256_or_si256(low, slash));
            block = _mm256_or_si256(block, v);
        }
        if (_mm256_movemask_epi8(stops) != 0)
            break;
        seen = _mm256_or_si256(seen, block);
        s->at += STEP;
    }
    s->saw_non_ascii |= _mm256_movemask_epi8(seen) != 0;
}

static void skip_sure(struct scan *s)
{
    if (__builtin_cpu_supports("avx2"))
        skip_sure_avx2(s);
    else
        skip_sure_sse2(s);
}

/* Skip plain characters, up to the first other one or to within 16 bytes of the end. */
static void skip_plain_blocks(struct scan *s)
{
    skip_sure(s);
    while ((size_t)(s->end - s->at) >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)s->at);
        unsigned stops = (unsigned)_mm_movemask_epi8(stops_of(bytes));
        unsigned highs = (unsigned)_mm_movemask_epi8(bytes);
        unsigned plain = stops == 0 ? 16 : (unsigned)__builtin_ctz(stops);
        s->saw_non_ascii |= (highs & ((1u << plain) - 1)) != 0;
        s->at += plain;
        if (stops != 0)
            return;
    }
}

#else

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Non-zero when some byte is zero. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - ONES) & ~word & HIGHS;
}

/* The same, eight at a time, for machines without SSE2. */
static void skip_plain_blocks(struct scan *s)
{
    uint64_t seen = 0;

    while ((size_t)(s->end - s->at) >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s->at, sizeof(word));
        uint64_t control = (word - ONES * 0x20) & ~word & HIGHS;
        if ((zero_bytes(word ^ ONES * '"') | zero_bytes(word ^ ONES * '\\') | control) != 0)
            break;
        seen |= word;
        s->at += sizeof(word);
    }
    s->saw_non_ascii |= (seen & HIGHS) != 0;
}

#endif

/* Skip to the next quote, backslash or control character. */
static void skip_plain(struct scan *s)
{
    unsigned char seen = 0;

    skip_plain_blocks(s);
    while (s->at < s->end && *s->at != '"' && *s->at != '\\' && *s->at >= 0x20)
        seen |= *s->at++;
    s->saw_non_ascii |= seen >= 0x80;
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool skip_escape(struct scan *s)
{
    size_t left = (size_t)(s->end - s->at);

    if (left < 2)
        return fail(s, RT_FAULT_JSON);
    if (s->at[1] == 'u') {
        if (left < 6 || !is_hex(s->at[2]) || !is_hex(s->at[3]) || !is_hex(s->at[4]) ||
            !is_hex(s->at[5]))
            return fail(s, RT_FAULT_JSON);
        s->at += 6;
        return true;
    }
    if (s->at[1] == '\0' || strchr("\"\\/bfnrt", s->at[1]) == NULL)
        return fail(s, RT_FAULT_JSON);
    s->at += 2;
    return true;
}

bool scan_string(struct scan *s, struct parley_view *ret_text, bool *ret_has_escapes)
{
    if (s->at >= s->end || *s->at != '"')
        return fail(s, RT_FAULT_JSON);

    const unsigned char *begin = ++s->at;
    bool has_escapes = false;
    for (;;) {
        skip_plain(s);
        if (s->at >= s->end || *s->at < 0x20)
            return fail(s, RT_FAULT_JSON);
        if (*s->at == '"')
            break;
        has_escapes = true;
        if (!skip_escape(s))
            return false;
    }
    *ret_text = (struct parley_view){(const char *)begin, (size_t)(s->at - begin)};
    *ret_has_escapes = has_escapes;
    s->at++;
    return true;
}

static bool skip_digits(struct scan *s)
{
    const unsigned char *begin = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > begin || fail(s, RT_FAULT_JSON);
}

static bool at_char(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == (unsigned char)c;
}

static bool skip_number(struct scan *s)
{
    if (at_char(s, '-'))
        s->at++;
    if (at_char(s, '0'))
        s->at++;
    else if (!skip_digits(s))
        return false;
    if (at_char(s, '.')) {
        s->at++;
        if (!skip_digits(s))
            return false;
    }
    if (at_char(s, 'e') || at_char(s, 'E')) {
        s->at++;
        if (at_char(s, '+') || at_char(s, '-'))
            s->at++;
        return skip_digits(s);
    }
    return true;
}

static bool skip_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return fail(s, RT_FAULT_JSON);
    s->at += len;
    return true;
}

static bool skip_scalar(struct scan *s)
{
    struct parley_view text;
    bool has_escapes;

    switch (s->at < s->end ? *s->at : '\0') {
    case '"':
        return scan_string(s, &text, &has_escapes);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        return skip_number(s);
    }
}

/* "KEY" : */
static bool skip_key(struct scan *s)
{
    struct parley_view text;
    bool has_escapes;

    scan_space(s);
    if (!scan_string(s, &text, &has_escapes))
        return false;
    scan_space(s);
    if (!at_char(s, ':'))
        return fail(s, RT_FAULT_JSON);
    s->at++;
    return true;
}

/* The containers that are open, innermost in the lowest bit: 1 is an object, 0 an array. */
struct nesting {
    uint64_t objects;
    unsigned depth;
};

static bool in_object(const struct nesting *n)
{
    return (n->objects & 1) != 0;
}

/* After a value: close what ends here. True with *ret_more when another value follows. */
static bool after_value(struct scan *s, struct nesting *n, bool *ret_more)
{
    while (n->depth > 0) {
        scan_space(s);
        if (at_char(s, ',')) {
            s->at++;
            *ret_more = true;
            return !in_object(n) || skip_key(s);
        }
        if (!at_char(s, in_object(n) ? '}' : ']'))
            return fail(s, RT_FAULT_JSON);
        s->at++;
        n->objects >>= 1;
        n->depth--;
    }
    *ret_more = false;
    return true;
}

/* At an opening bracket. True with *ret_empty when the container ends at once. */
static bool open_container(struct scan *s, struct nesting *n, bool *ret_empty)
{
    bool is_object = *s->at == '{';

    s->at++;
    scan_space(s);
    *ret_empty = at_char(s, is_object ? '}' : ']');
    if (*ret_empty) {
        s->at++;
        return true;
    }
    n->objects = (n->objects << 1) | (is_object ? 1 : 0);
    n->depth++;
    return !is_object || skip_key(s);
}

bool scan_value(struct scan *s, unsigned depth)
{
    struct nesting n = {0};
    bool more = true;

    while (more) {
        scan_space(s);
        if (at_char(s, '{') || at_char(s, '[')) {
            bool is_empty;
            if (depth + n.depth >= RT_MAX_DEPTH)
                return fail(s, RT_FAULT_TOO_DEEP);
            if (!open_container(s, &n, &is_empty))
                return false;
            if (!is_empty)
                continue;
        } else if (!skip_scalar(s)) {
            return false;
        }
        if (!after_value(s, &n, &more))
            return false;
    }
    return true;
}
