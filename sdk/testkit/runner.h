/* SPDX-License-Identifier: Apache-2.0 */
/* Between the runner and the subject. */
#ifndef TESTKIT_RUNNER_H
#define TESTKIT_RUNNER_H

#include <parley/testkit/conformance.h>

void subject_set(const struct testkit_subject *subject);

/* Free what the rule's options and folder took. */
void subject_done(void);

#endif
