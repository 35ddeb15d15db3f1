/* SPDX-License-Identifier: Apache-2.0 */
/* Notes that belong to one conversation and are forgotten with it. Thread: the worker that owns it.
 */
#ifndef NOTES_H
#define NOTES_H

#include <parley/error.h>
#include <parley/types.h>

struct notes;

/* At most `max_notes` notes of `max_bytes` bytes for each conversation. NULL: no memory. */
struct notes *notes_create(size_t max_notes, size_t max_bytes);

/* Free; NULL is fine. */
void notes_destroy(struct notes *notes);

/* Keep a copy of the text. Errors are sentences that can be spoken. */
int notes_add(struct notes *notes, const char *session_id, struct parley_view text,
              struct parley_error *err);

/* How many notes the conversation has. */
size_t notes_count(const struct notes *notes, const char *session_id);

/* The conversation's note at index, oldest first; borrowed until the next change. */
const char *notes_at(const struct notes *notes, const char *session_id, size_t index);

/* Forget the conversation's notes. Returns how many there were. */
size_t notes_forget(struct notes *notes, const char *session_id);

#endif
