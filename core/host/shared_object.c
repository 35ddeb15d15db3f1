/* SPDX-License-Identifier: Apache-2.0 */
#include "host/shared_object.h"

#include <parley/plugin.h>

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SEGMENTS 512
#define MAX_SECTIONS 1024
#define MAX_SYMBOLS  100000
#define MAX_SYMBOL   256 /* bytes of a name that are looked at */

static bool read_at(int fd, void *out, size_t len, uint64_t at)
{
    return pread(fd, out, len, (off_t)at) == (ssize_t)len;
}

/* Of this machine's kind; others are refused by dlopen() before anything is mapped. */
static bool is_native(const ElfW(Ehdr) * head)
{
    return memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
           head->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           head->e_phentsize == sizeof(ElfW(Phdr));
}

/* This program itself says for what machine it is. */
static bool is_foreign(const ElfW(Ehdr) * head)
{
    ElfW(Ehdr) own = {0};

    if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
        return false; /* nor is it any other machine's */
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_read = read_at(fd, &own, sizeof(own), 0);
    (void)close(fd); /* only read */
    return is_read &&
           (own.e_machine != head->e_machine || own.e_ident[EI_CLASS] != head->e_ident[EI_CLASS] ||
            own.e_ident[EI_DATA] != head->e_ident[EI_DATA]);
}

/* Where the last byte ends that is to be mapped; 0 when the table itself cannot be read. */
static uint64_t end_of_segments(int fd, const ElfW(Ehdr) * head)
{
    uint64_t end = head->e_phoff + (uint64_t)head->e_phnum * sizeof(ElfW(Phdr));

    for (unsigned i = 0; i < head->e_phnum && i < MAX_SEGMENTS; i++) {
        ElfW(Phdr) segment;
        if (!read_at(fd, &segment, sizeof(segment), head->e_phoff + i * sizeof(segment)))
            return 0;
        uint64_t segment_end = segment.p_offset + segment.p_filesz;
        if (segment.p_type == PT_LOAD && segment_end > end)
            end = segment_end;
    }
    return end;
}

static int check_open(int fd, const char *path, struct parley_error *err)
{
    ElfW(Ehdr) head;
    struct stat about;

    if (fstat(fd, &about) != 0 || !read_at(fd, &head, sizeof(head), 0))
        return PARLEY_OK;
    if (is_foreign(&head))
        return parley_fail(
            err, PARLEY_E_UNSUPPORTED,
            "%s: it is built for another kind of machine (ELF machine %u, class %u); "
            "build it on this one, or with a compiler for it",
            path, head.e_machine, head.e_ident[EI_CLASS]);
    if (!is_native(&head))
        return PARLEY_OK;
    uint64_t needed = end_of_segments(fd, &head);
    if (needed != 0 && needed <= (uint64_t)about.st_size)
        return PARLEY_OK;
    return parley_fail(
        err, PARLEY_E_INVALID,
        "%s: the shared object is cut off: it has %lld bytes and wants %llu; copy it "
        "again",
        path, (long long)about.st_size, (unsigned long long)needed);
}

int shared_object_check(const char *path, struct parley_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return PARLEY_OK;
    int r = check_open(fd, path, err);
    (void)close(fd); /* only read */
    return r;
}

/* ---- what it exports ---- */

/* The table of dynamic symbols and that of their names; false when there is none. */
static bool find_symbols(int fd, const ElfW(Ehdr) * head, ElfW(Shdr) * symbols, ElfW(Shdr) * names)
{
    if (head->e_shentsize != sizeof(*symbols) || head->e_shnum > MAX_SECTIONS)
        return false;
    for (unsigned i = 0; i < head->e_shnum; i++) {
        if (!read_at(fd, symbols, sizeof(*symbols), head->e_shoff + i * sizeof(*symbols)))
            return false;
        if (symbols->sh_type == SHT_DYNSYM)
            return symbols->sh_link < head->e_shnum &&
                   read_at(fd, names, sizeof(*names),
                           head->e_shoff + symbols->sh_link * sizeof(*names));
    }
    return false;
}

/* Its own, and visible to others. Weak ones are what C++ compilers cannot hide. */
static bool is_exported(const ElfW(Sym) * symbol)
{
    unsigned binding = symbol->st_info >> 4;
    unsigned visibility = symbol->st_other & 3u;

    return symbol->st_shndx != SHN_UNDEF && binding == STB_GLOBAL &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

/* The entry, and what compilers, linkers and sanitizers add. */
static bool is_expected(const char *name)
{
    static const char *const added[] = {PARLEY_ENTRY_NAME, "_init", "_fini",
                                        "_edata",          "_end",  "_etext"};

    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        if (strcmp(name, added[i]) == 0)
            return true;
    }
    return name[0] == '\0' || strncmp(name, "__", 2) == 0;
}

static bool other_export(int fd, char *ret_name, size_t size)
{
    ElfW(Ehdr) head;
    ElfW(Shdr) symbols, names;
    ElfW(Sym) symbol;
    char name[MAX_SYMBOL];

    if (!read_at(fd, &head, sizeof(head), 0) || !is_native(&head) ||
        !find_symbols(fd, &head, &symbols, &names) || symbols.sh_entsize != sizeof(symbol))
        return false;
    for (uint64_t i = 0; i < symbols.sh_size / sizeof(symbol) && i < MAX_SYMBOLS; i++) {
        if (!read_at(fd, &symbol, sizeof(symbol), symbols.sh_offset + i * sizeof(symbol)))
            return false;
        if (!is_exported(&symbol) || symbol.st_name >= names.sh_size)
            continue;
        ssize_t len = pread(fd, name, sizeof(name) - 1, (off_t)(names.sh_offset + symbol.st_name));
        name[len < 0 ? 0 : len] = '\0';
        if (!is_expected(name)) {
            (void)snprintf(ret_name, size, "%s", name);
            return true;
        }
    }
    return false;
}

bool shared_object_other_export(const char *path, char *ret_name, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool found = other_export(fd, ret_name, size);
    (void)close(fd); /* only read */
    return found;
}
