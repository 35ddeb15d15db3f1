/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/ owns the way from INI text to checked structures: reading and layering (ini.c), ${NAME},
 * file: and @file (expand.c), option tables (options.c), how they are shown (show.c, describe.c)
 * and what is said about mistakes (report.c, nearest.c). It knows no section's meaning: each table
 * lives with the code it configures. Thread: main; a loaded conf may then be read from any.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "conf/report.h"

#include <parley/types.h>

#include <stdbool.h>
#include <stddef.h>

/* What a stranger's file may cost at most. */
#define CONF_MAX_FILE_BYTES (1024 * 1024)
#define CONF_MAX_LINE_BYTES (64 * 1024)
#define CONF_MAX_SECTIONS   1024
#define CONF_MAX_KEYS       256  /* per section */
#define CONF_MAX_VALUES     1024 /* per key */
#define CONF_MAX_NAME       48   /* of an option, and of all inside the brackets of a section */
#define CONF_MAX_KEY        160  /* of a key with its dots: INSTANCE.FUNCTION.OPTION */
#define CONF_MAX_LAYERS     2

/* One occurrence of a key. */
struct conf_value {
    struct conf_value *next;
    char *text;       /* unquoted and without its comment, not yet expanded */
    const char *file; /* as it was opened; owned by the conf */
    int line;
};

struct conf_key {
    struct conf_key *next;
    char *name;
    struct conf_value *values; /* in order; more than one when the key is repeated */
    size_t value_count;
};

/* `[kind name]`, or `[kind]` with an empty name. */
struct conf_section {
    struct conf_section *next;
    char *kind;
    char *name;
    const char *file; /* where it first appears */
    int line;
    const char *last_file; /* where it appears in the last layer that has it */
    int last_line;
    struct conf_key *keys;
    size_t key_count;
};

/* Where ${NAME} looks. */
struct conf_env {
    const char *(*get)(void *ctx, const char *name); /* NULL: not set */
    void *ctx;
};

struct conf {
    struct conf_section *sections; /* in order of first appearance */
    size_t section_count;
    char *dir; /* absolute folder of the base file: where relative paths start */
    struct conf_env env;
    char *files[CONF_MAX_LAYERS]; /* the layers that were read */
    size_t file_count;
};

/*
 * Read `path`, then, with an environment such as "production", the file beside it whose name has
 * the environment before its ending (parley.ini -> parley.production.ini). A key of the later file
 * replaces the earlier one's values; sections are merged. env may be NULL: the process's own.
 * PARLEY_OK and *ret_conf, or PARLEY_E_INVALID when the report got an error.
 */
int conf_load(const char *path, const char *environment, const struct conf_env *env,
              struct conf **ret_conf, struct conf_report *report);

/* An empty conf whose relative paths start at `dir`; NULL without memory. */
struct conf *conf_create(const char *dir, const struct conf_env *env);

/* Add one layer of text, named `file` in messages. False when the report got an error. */
bool conf_add_layer(struct conf *c, struct parley_view text, const char *file,
                    struct conf_report *report);

/* Wipe and free; NULL is fine. Returns NULL. */
struct conf *conf_destroy(struct conf *c);

/* For ini.c: append what the caller knows is not there yet. NULL without memory. */
struct conf_section *conf_append_section(struct conf *c, struct parley_view kind,
                                         struct parley_view name);
struct conf_key *conf_append_key(struct conf_section *s, struct parley_view name);
struct conf_value *conf_append_value(struct conf_key *k, struct parley_view text);

/* For ini.c: wipe and free the values of a key that a later layer replaces. */
void conf_clear_values(struct conf_key *k);

/* A section, or NULL. name "" for sections without one. */
const struct conf_section *conf_find(const struct conf *c, const char *kind, const char *name);

/* Walk the sections of one kind in order: pass NULL first, then what came back. NULL: no more. */
const struct conf_section *conf_next(const struct conf *c, const char *kind,
                                     const struct conf_section *after);

/* A key of a section, or NULL. */
const struct conf_key *conf_key(const struct conf_section *s, const char *name);

/* "model openai" or "server" into out, for messages and logs. Returns out. */
const char *conf_section_title(const struct conf_section *s, char *out, size_t out_size);

/* A kind of section that the program knows. */
struct conf_kind {
    const char *kind;
    bool is_named; /* [kind NAME], any number of them; else [kind], once */
};

/* Report every section of an unknown kind (with the nearest known one), or with or without a name
 * against its kind. False when there was one. */
bool conf_check_sections(const struct conf *c, const struct conf_kind *kinds, size_t count,
                         struct conf_report *report);

#endif
