/* SPDX-License-Identifier: Apache-2.0 */
/* What the harness is spoken to and looked at with, built on the rest of it. */
#include "harness.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void wire_client(struct wire *w, const char *event)
{
    wire_client_bytes(w, view_of(event));
}

void wire_client_speaks(struct wire *w, size_t chars)
{
    static const char head[] = "{'type':'input_audio_buffer.append','audio':'";
    char *event = malloc(sizeof(head) + chars + 2);

    (void)strcpy(event, head);
    memset(event + sizeof(head) - 1, 'A', chars);
    (void)strcpy(event + sizeof(head) - 1 + chars, "'}");
    wire_client(w, event);
    free(event);
}

void wire_model(struct wire *w, const char *event)
{
    wire_model_bytes(w, view_of(event));
}

const json_t *wire_model_gets_item(struct wire *w, const char *type, const char *role,
                                   const char *text)
{
    const json_t *e = wire_model_gets(w, "conversation.item.create");

    assert_string_equal(wire_text(e, "item.type"), type);
    assert_string_equal(wire_text(e, "item.role"), role);
    if (role[0] != '\0')
        assert_string_equal(wire_text(e, "item.content.0.text"), text);
    return e;
}

void wire_client_forget(struct wire *w)
{
    while (wire_client_next(w) != NULL)
        continue;
}

void wire_model_forget(struct wire *w)
{
    while (wire_model_next(w) != NULL)
        continue;
}

const json_t *wire_at(const json_t *event, const char *path)
{
    struct parley_view rest = view_of(path);
    const json_t *at = event;

    while (rest.len > 0 && at != NULL) {
        struct parley_view name;
        char key[64];
        int64_t index;
        (void)view_split(&rest, '.', &name);
        view_copy(key, sizeof(key), name);
        if (json_is_array(at))
            at = view_to_int64(name, &index) ? json_array_get(at, (size_t)index) : NULL;
        else
            at = json_object_get(at, key);
    }
    return at;
}

const char *wire_text(const json_t *event, const char *path)
{
    const json_t *at = wire_at(event, path);

    return json_is_string(at) ? json_string_value(at) : "";
}
