/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a sentence that are text: places, people, messages, names. Pure; thread: any. */
#ifndef PHRASES_H
#define PHRASES_H

#include "slots.h"

/* Tokens from first to before end. */
struct span {
    size_t first;
    size_t end;
};

/* Where something is: "in New York". Without a preposition only when it must be found. */
bool phrase_place(const struct slots *slots, bool is_required, struct span *ret_span);

/* Whom something is for: "to Anna", "text Bob". */
bool phrase_person(const struct slots *slots, struct span *ret_span);

/* Free text: quoted, after "saying" or "that", else (when it must be found) what follows the
 * command. */
bool phrase_text(const struct slots *slots, bool is_required, struct span *ret_span);

/* A name: after "called" or "named". */
bool phrase_name(const struct slots *slots, struct span *ret_span);

/* A key and its value: "my colour is blue", "set the limit to five", "what is my colour". */
bool phrase_key(const struct slots *slots, struct span *ret_span);
bool phrase_value(const struct slots *slots, struct span *ret_span);

/* The name of a file; "notes dot txt" is written as a name. False: none. */
bool phrase_file(struct slots *slots, char *text, size_t size);

/* A number or code that names something: "order 4711", "ticket A17", "one two three". False: none.
 */
bool phrase_id(struct slots *slots, char *text, size_t size);

/* The span without punctuation and politeness at its ends. */
struct span phrase_trim(const struct utterance *u, struct span span);

#endif
