/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host/ owns the host side of the plugin interface: loading (loader.c, registry.c), instances of
 * INI sections (instance.c) and of workers (worker_instance.c), operations (op.c), the services
 * (services.c, service_*.c) and one typed caller per role (model.c, chat.c, speech.c, tools.c,
 * store.c, exporter.c), so that no other folder touches a plugin's table. It does not know agents,
 * sessions or the protocol.
 *
 * Threads: registry and instances belong to main; everything that takes a struct parley_worker or
 * a struct worker_instance belongs to that worker's thread. Results come through callbacks on that
 * thread and never on the stack of the call that asked for them.
 *
 * This header only gathers the others for reading; include the one you need.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "host/chat.h"
#include "host/exporter.h"
#include "host/instance.h"
#include "host/loader.h"
#include "host/model.h"
#include "host/offload.h"
#include "host/op.h"
#include "host/registry.h"
#include "host/services.h"
#include "host/speech.h"
#include "host/store.h"
#include "host/tools.h"
#include "host/watchdog.h"
#include "host/worker.h"
#include "host/worker_instance.h"

#endif
