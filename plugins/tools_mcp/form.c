/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool append(struct form *f, const char *bytes, size_t len)
{
    if (!text_append(&f->text, (struct parley_view){bytes, len}, FORM_MAX))
        f->has_failed = true;
    return !f->has_failed;
}

static void append_encoded(struct form *f, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char code[4];

    while (*value != '\0' && !f->has_failed) {
        size_t run = strspn(value, plain);
        if (run == 0) {
            (void)snprintf(code, sizeof(code), "%%%02X", (unsigned char)*value);
            (void)append(f, code, 3);
            value++;
        } else {
            (void)append(f, value, run);
            value += run;
        }
    }
}

void form_add(struct form *f, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    if (f->text.len > 0)
        (void)append(f, "&", 1);
    (void)append(f, name, strlen(name));
    (void)append(f, "=", 1);
    append_encoded(f, value);
}

char *form_encode(const char *value)
{
    struct form f = {0};

    append_encoded(&f, value);
    char *copy = f.has_failed ? NULL : strdup(text_str(&f.text));
    form_done(&f);
    return copy;
}

void form_done(struct form *f)
{
    if (f->text.data != NULL)
        explicit_bzero(f->text.data, f->text.size);
    text_done(&f->text);
}
