/* SPDX-License-Identifier: Apache-2.0 */
#include "notes.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SESSIONS 10000 /* that have notes, on one worker */

struct notebook {
    struct notebook *next;
    char *session_id;
    char **items;
    size_t count;
};

struct notes {
    struct notebook *first;
    size_t session_count;
    size_t max_notes;
    size_t max_bytes;
};

struct notes *notes_create(size_t max_notes, size_t max_bytes)
{
    struct notes *notes = calloc(1, sizeof(*notes));

    if (notes == NULL)
        return NULL;
    notes->max_notes = max_notes;
    notes->max_bytes = max_bytes;
    return notes;
}

static void notebook_free(struct notebook *book)
{
    for (size_t i = 0; i < book->count; i++)
        free(book->items[i]);
    free(book->items);
    free(book->session_id);
    free(book);
}

void notes_destroy(struct notes *notes)
{
    if (notes == NULL)
        return;
    for (struct notebook *book = notes->first, *next = NULL; book != NULL; book = next) {
        next = book->next;
        notebook_free(book);
    }
    free(notes);
}

static struct notebook *find(const struct notes *notes, const char *session_id)
{
    struct notebook *book = notes->first;

    while (book != NULL && strcmp(book->session_id, session_id) != 0)
        book = book->next;
    return book;
}

static struct notebook *open_book(struct notes *notes, const char *session_id)
{
    struct notebook *book = calloc(1, sizeof(*book));

    if (book == NULL)
        return NULL;
    book->session_id = strdup(session_id);
    book->items = calloc(notes->max_notes, sizeof(*book->items));
    if (book->session_id == NULL || book->items == NULL) {
        notebook_free(book);
        return NULL;
    }
    book->next = notes->first;
    notes->first = book;
    notes->session_count++;
    return book;
}

int notes_add(struct notes *notes, const char *session_id, struct parley_view text,
              struct parley_error *err)
{
    struct notebook *book = find(notes, session_id);

    if (text.len == 0)
        return parley_fail(err, PARLEY_E_INVALID, "The note is empty; say what to write down.");
    if (text.len > notes->max_bytes)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "The note is longer than %zu characters.",
                           notes->max_bytes);
    if (book != NULL && book->count == notes->max_notes)
        return parley_fail(err, PARLEY_E_TOO_LARGE,
                           "There are %zu notes already, which is the limit; clear them first.",
                           book->count);
    if (book == NULL && notes->session_count == MAX_SESSIONS)
        return parley_fail(err, PARLEY_E_BUSY, "Too many conversations keep notes just now.");
    if (book == NULL)
        book = open_book(notes, session_id);
    char *copy = book != NULL ? strndup(text.data, text.len) : NULL;
    if (copy == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "There is no memory left for the note.");
    book->items[book->count++] = copy;
    return PARLEY_OK;
}

size_t notes_count(const struct notes *notes, const char *session_id)
{
    const struct notebook *book = find(notes, session_id);

    return book != NULL ? book->count : 0;
}

const char *notes_at(const struct notes *notes, const char *session_id, size_t index)
{
    const struct notebook *book = find(notes, session_id);

    return book != NULL && index < book->count ? book->items[index] : NULL;
}

size_t notes_forget(struct notes *notes, const char *session_id)
{
    for (struct notebook **at = &notes->first; *at != NULL; at = &(*at)->next) {
        struct notebook *book = *at;
        if (strcmp(book->session_id, session_id) != 0)
            continue;
        size_t count = book->count;
        *at = book->next;
        notes->session_count--;
        notebook_free(book);
        return count;
    }
    return 0;
}
