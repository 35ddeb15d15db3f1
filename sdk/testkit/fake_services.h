/* SPDX-License-Identifier: Apache-2.0 */
/* The services of the fake host that have a file of their own. */
#ifndef TESTKIT_FAKE_SERVICES_H
#define TESTKIT_FAKE_SERVICES_H

/* A table by its id, or NULL. */
const void *fake_service(const char *id);

void fake_services_reset(void);

#endif
