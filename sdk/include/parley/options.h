/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a plugin, declared once in a table beside the structure they fill. The host parses the
 * INI section by it, checks types, bounds and required keys (`parleyd --check`), expands ${ENV},
 * `file:` and `@file`, shows it (`parleyctl plugins describe`) and generates the reference from it.
 *
 *     struct config { const char *url; int64_t timeout_ms; int32_t strict; };
 *
 *     static const struct parley_option options[] = {
 *         PARLEY_STRING(struct config, url, .flags = PARLEY_OPTION_REQUIRED,
 *                       .help = "Where the service is."),
 *         PARLEY_DURATION_MS(struct config, timeout_ms, .default_value = "5s", .min = 1,
 *                            .max = 60000, .help = "Longest wait for an answer."),
 *     };
 *
 * Everything a filled structure points to belongs to the host and lives as long as the instance.
 */
#ifndef PARLEY_OPTIONS_H
#define PARLEY_OPTIONS_H

#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types, and the C type of the field each one fills. */
#define PARLEY_TYPE_STRING 1 /* const char *: never NULL; "" when unset */
#define PARLEY_TYPE_SECRET                                                                         \
    2                      /* const char *: as STRING, takes `file:PATH`; hidden wherever shown    \
                            */
#define PARLEY_TYPE_TEXT 3 /* const char *: long text, takes `@PATH` */
#define PARLEY_TYPE_PATH                                                                           \
    4 /* const char *: a path; relative ones start at the INI file's folder                        \
       */
#define PARLEY_TYPE_INT      5  /* int64_t */
#define PARLEY_TYPE_NUMBER   6  /* double */
#define PARLEY_TYPE_BOOL     7  /* int32_t: yes/no, true/false, on/off, 1/0 */
#define PARLEY_TYPE_ENUM     8  /* int32_t: index into `values` */
#define PARLEY_TYPE_DURATION 9  /* int64_t, milliseconds: 250, 250ms, 5s, 2m, 1h */
#define PARLEY_TYPE_SIZE     10 /* int64_t, bytes: 4096, 64k, 15m, 1g (powers of 1024) */
#define PARLEY_TYPE_LIST     11 /* struct parley_list: words between commas, or the key repeated */
#define PARLEY_TYPE_LINES                                                                          \
    12 /* struct parley_list: the key repeated, one item a line, commas kept */

#define PARLEY_OPTION_REQUIRED 1u /* --check refuses an instance that leaves it out */

struct parley_list {
    const char *const *items; /* each NUL-terminated */
    size_t count;
};

struct parley_option {
    const char *name;          /* the INI key: lower-case letters, digits, _ */
    const char *help;          /* one sentence, indicative */
    const char *default_value; /* as it would be written in the INI; NULL: zero or empty */
    const char *example; /* shown in the reference when the format is not obvious; may be NULL */
    const char *values;  /* ENUM: "auto|yes|no"; else NULL */
    int64_t min;         /* INT, NUMBER, DURATION, SIZE: bounds, used when min < max */
    int64_t max;
    uint32_t type;   /* PARLEY_TYPE_... */
    uint32_t flags;  /* PARLEY_OPTION_... */
    uint32_t offset; /* of the field in the structure */
    uint32_t reserved;
    /*
     * Environment variable that counts when the key is not set: "NAME", or "FIRST|SECOND" for the
     * first one that is set and not empty. Its value is taken as it is; one that cannot be read is
     * warned about and left out. NULL: none. Since 1.1, as the two below.
     */
    const char *variable;
    /* What its words mean here, as "theirs=ours|theirs=ours"; "theirs=$NAME" is the value of
     * another variable. Other words are left out with a warning. NULL: they mean what the key's do.
     */
    const char *variable_words;
    /* Another key of the section; where that is set, the variable does not count. NULL: none. */
    const char *variable_unless;
};

/*
 * One line per option. The field's C type is checked by the compiler (in C): a mismatch is an error
 * that names the field. Further members follow as designated initialisers.
 */
#ifdef __cplusplus
#define PARLEY_CHECKED_(st, field, ctype) static_cast<uint32_t>(offsetof(st, field))
#else
#define PARLEY_CHECKED_(st, field, ctype)                                                          \
    (uint32_t)(offsetof(st, field) + 0 * sizeof(struct {                                           \
                                         int type_of_##field##_must_be_##ctype                     \
                                             : _Generic(((st *)0)->field, PARLEY_C_##ctype : 1,    \
                                                        default                                    \
                                                        : -1);                                     \
                                     }))
#define PARLEY_C_string const char *
#define PARLEY_C_int64  int64_t
#define PARLEY_C_int32  int32_t
#define PARLEY_C_double double
#define PARLEY_C_list   struct parley_list
#endif

#define PARLEY_OPTION_(st, field, kind, ctype, ...)                                                \
    {                                                                                              \
        .name = #field, .type = (kind), .offset = PARLEY_CHECKED_(st, field, ctype), __VA_ARGS__   \
    }
#define PARLEY_STRING(st, field, ...)                                                              \
    PARLEY_OPTION_(st, field, PARLEY_TYPE_STRING, string, __VA_ARGS__)
#define PARLEY_SECRET(st, field, ...)                                                              \
    PARLEY_OPTION_(st, field, PARLEY_TYPE_SECRET, string, __VA_ARGS__)
#define PARLEY_TEXT(st, field, ...) PARLEY_OPTION_(st, field, PARLEY_TYPE_TEXT, string, __VA_ARGS__)
#define PARLEY_PATH(st, field, ...) PARLEY_OPTION_(st, field, PARLEY_TYPE_PATH, string, __VA_ARGS__)
#define PARLEY_INT(st, field, ...)  PARLEY_OPTION_(st, field, PARLEY_TYPE_INT, int64, __VA_ARGS__)
#define PARLEY_NUMBER(st, field, ...)                                                              \
    PARLEY_OPTION_(st, field, PARLEY_TYPE_NUMBER, double, __VA_ARGS__)
#define PARLEY_BOOL(st, field, ...) PARLEY_OPTION_(st, field, PARLEY_TYPE_BOOL, int32, __VA_ARGS__)
#define PARLEY_ENUM(st, field, ...) PARLEY_OPTION_(st, field, PARLEY_TYPE_ENUM, int32, __VA_ARGS__)
#define PARLEY_DURATION_MS(st, field, ...)                                                         \
    PARLEY_OPTION_(st, field, PARLEY_TYPE_DURATION, int64, __VA_ARGS__)
#define PARLEY_SIZE(st, field, ...)  PARLEY_OPTION_(st, field, PARLEY_TYPE_SIZE, int64, __VA_ARGS__)
#define PARLEY_LIST(st, field, ...)  PARLEY_OPTION_(st, field, PARLEY_TYPE_LIST, list, __VA_ARGS__)
#define PARLEY_LINES(st, field, ...) PARLEY_OPTION_(st, field, PARLEY_TYPE_LINES, list, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
