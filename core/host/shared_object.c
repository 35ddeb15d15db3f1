/* SPDX-License-Identifier: Apache-2.0 */
#include "host/shared_object.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SEGMENTS 512

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

    if (fstat(fd, &about) != 0 || !read_at(fd, &head, sizeof(head), 0) || !is_native(&head))
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
