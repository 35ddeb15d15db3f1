/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the fake network. */
#ifndef TESTKIT_FAKE_NET_PRIVATE_H
#define TESTKIT_FAKE_NET_PRIVATE_H

#include <parley/testkit/fake_net.h>

extern const struct parley_service_http fake_http_table;
extern const struct parley_service_ws fake_ws_table;

/* The fault of a network without peers. */
int fake_net_fault(void);

bool fake_http_step(void);
size_t fake_http_open(void);
void fake_http_reset(void);

bool fake_ws_step(void);
size_t fake_ws_open(void);
void fake_ws_reset(void);

void fake_http_forget(const struct parley_worker *worker);
void fake_ws_forget(const struct parley_worker *worker);

/* A worker has stopped: what is open there ends without a word. */
void fake_net_forget(const struct parley_worker *worker);

void fake_net_reset(void);

#endif
