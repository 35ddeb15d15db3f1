/* SPDX-License-Identifier: Apache-2.0 */
/* `parleyctl models`: the speech models of this machine. */
#ifndef CTL_MODELS_H
#define CTL_MODELS_H

/*
 * Runs `parleyctl models ...`; argv[0] is "models". Writes to standard output, failures to standard
 * error. Returns the exit code: 0 done, 1 failed or not as it should be, 2 wrong usage, 130
 * interrupted.
 */
int models_main(int argc, char **argv);

#endif
