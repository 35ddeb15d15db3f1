/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libFuzzer: runs a fuzz target over the files of the folders named as arguments.
 * Small files are also given in every prefix, which finds most reads beyond the end. Each input
 * lies in memory of exactly its size, so that a sanitizer sees a read of one byte too many.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE_BYTES   (16u << 20)
#define MAX_PREFIX_BYTES 2048u

static void run_exact(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len == 0 ? 1 : len);

    if (exact == NULL)
        abort();
    memcpy(exact, bytes, len);
    (void)LLVMFuzzerTestOneInput(exact, len); /* always 0 by libFuzzer's contract */
    free(exact);
}

static void run_bytes(const uint8_t *bytes, size_t len)
{
    run_exact(bytes, len);
    if (len > MAX_PREFIX_BYTES)
        return;
    for (size_t part = 0; part < len; part++)
        run_exact(bytes, part);
}

static int run_file(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return 0;
    if (info.st_size > (off_t)MAX_FILE_BYTES) {
        fprintf(stderr, "%s: larger than %u bytes\n", path, MAX_FILE_BYTES);
        return -1;
    }
    size_t len = (size_t)info.st_size;
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    FILE *file = fopen(path, "rb");
    if (bytes == NULL || file == NULL || fread(bytes, 1, len, file) != len) {
        fprintf(stderr, "%s: cannot be read\n", path);
        if (file != NULL)
            fclose(file);
        free(bytes);
        return -1;
    }
    fclose(file);
    run_bytes(bytes, len);
    free(bytes);
    return 1;
}

/* Number of files run, or -1. */
static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;

    if (dir == NULL) {
        fprintf(stderr, "%s: not a folder\n", folder);
        return -1;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL && count >= 0;
         entry = readdir(dir)) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name); /* too long: no file */
        int ran = run_file(path);
        count = ran < 0 ? -1 : count + ran;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int count = run_folder(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    if (total == 0) {
        fprintf(stderr, "no input found; name a folder with seeds\n");
        return 1;
    }
    printf("%d inputs\n", total);
    return 0;
}
