/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/process.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long resident = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %lld", &resident) != 1)
        resident = 0;
    (void)fclose(file); /* it was only read */
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

bool process_measure(struct metrics_snapshot *s)
{
    return metrics_snapshot_put(s, METRIC_PROCESS_CPU, cpu_seconds()) &&
           metrics_snapshot_put(s, METRIC_PROCESS_MEMORY, resident_bytes());
}
