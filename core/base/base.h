/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ owns what every other folder stands on: bytes, containers, JSON getters, time, one thread's
 * event loop, the log. It knows nothing of parley's own concepts, sockets or the protocol. Unless a
 * header says otherwise, an object belongs to one thread.
 *
 * This header only gathers the others for reading; include the one you need.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/str.h"
#include "base/utf8.h"

#endif
