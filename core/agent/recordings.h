/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an agent's recordings lie: record_dir/AGENT/SESSION.wav, and SESSION_at_MILLISECONDS.wav
 * for what was recorded after the session had moved to another process. Whatever touches the disk
 * here blocks: main, or a pool.
 */
#ifndef AGENT_RECORDINGS_H
#define AGENT_RECORDINGS_H

#include "agent/agent.h"
#include "base/buf.h"

#include <parley/error.h>

#include <stddef.h>
#include <stdint.h>

/* Append the folder of the agent's recordings. */
void recordings_folder(const struct agent *a, struct buf *out);

/* Append the path of one; offset_ms: of its beginning in the session. */
void recordings_path(const struct agent *a, const char *session_id, int64_t offset_ms,
                     struct buf *out);

/* The name of this host, as recordings are told by it. */
void recordings_host(char *out, size_t size);

/* Can the agent's folder be written, or be made? The error says what to do. Changes nothing. */
int recordings_check(const char *record_dir, struct parley_error *err);

/* Delete those of a session. Returns how many were there; *ret_left: that could not be deleted. */
size_t recordings_remove(const char *folder, const char *session_id, size_t *ret_left);

/* Delete those that were last written before that time, in milliseconds since 1970. Returns how
 * many. */
size_t recordings_expire(const char *folder, int64_t before_ms);

#endif
