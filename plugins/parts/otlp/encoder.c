/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Parley__Otlp__ArrayValue ArrayValue;

void *encoder_fresh(struct encoder *e, const ProtobufCMessageDescriptor *descriptor)
{
    void *message = arena_alloc(&e->arena, descriptor->sizeof_message);

    if (message != NULL)
        protobuf_c_message_init(descriptor, message);
    return message;
}

char *encoder_text(struct encoder *e, const char *s)
{
    return arena_text(&e->arena, (struct parley_view){s, strlen(s)});
}

/* The parts of a list, which a NUL stands between. */
static ArrayValue *array(struct encoder *e, struct parley_view list)
{
    ArrayValue *a = NEW(e, ArrayValue, array_value);
    size_t count = 1;

    for (size_t i = 0; i < list.len; i++)
        count += list.data[i] == '\0';
    AnyValue **values = POINTERS(e, AnyValue, count);
    if (a == NULL || values == NULL)
        return NULL;
    a->values = values;
    while (a->n_values < count) {
        const char *end = memchr(list.data, '\0', list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.data);
        AnyValue *v = NEW(e, AnyValue, any_value);
        if (v == NULL)
            return NULL;
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        v->string_value = arena_text(&e->arena, (struct parley_view){list.data, len});
        values[a->n_values++] = v;
        list.data += len + (end != NULL);
        list.len -= len + (end != NULL);
    }
    return a;
}

static void set_value(struct encoder *e, AnyValue *v, const struct parley_attr *a)
{
    switch (a->type) {
    case PARLEY_ATTR_INT:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_INT_VALUE;
        v->int_value = a->integer;
        break;
    case PARLEY_ATTR_DOUBLE:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        v->double_value = a->number;
        break;
    case PARLEY_ATTR_BOOL:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        v->bool_value = a->integer != 0;
        break;
    case PARLEY_ATTR_LIST:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
        v->array_value = array(e, a->string);
        break;
    default:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        v->string_value = arena_text(&e->arena, a->string);
        break;
    }
}

KeyValue **encoder_attributes(struct encoder *e, const struct parley_attrs *attrs,
                              size_t *ret_count)
{
    KeyValue **all = POINTERS(e, KeyValue, attrs->count);
    size_t count = 0;

    for (uint32_t i = 0; i < attrs->count && !e->arena.failed; i++) {
        const struct parley_attr *a =
            (const void *)((const char *)attrs->items + (size_t)i * attrs->item_size);
        if ((a->flags & PARLEY_ATTR_CONTENT) != 0 && !e->config->with_content)
            continue;
        KeyValue *pair = NEW(e, KeyValue, key_value);
        AnyValue *value = NEW(e, AnyValue, any_value);
        if (pair == NULL || value == NULL)
            break;
        set_value(e, value, a);
        pair->key = encoder_text(e, a->key);
        pair->value = value;
        all[count++] = pair;
    }
    *ret_count = count;
    return all;
}

Resource *encoder_resource(struct encoder *e, const struct parley_attrs *attrs)
{
    Resource *r = NEW(e, Resource, resource);

    if (r != NULL)
        r->attributes = encoder_attributes(e, attrs, &r->n_attributes);
    return r;
}

Scope *encoder_scope(struct encoder *e)
{
    Scope *s = NEW(e, Scope, scope);

    if (s != NULL) {
        s->name = encoder_text(e, "parley.realtime");
        s->version = encoder_text(e, e->config->scope_version);
    }
    return s;
}

/* Borrowed: the batch lives longer than the tree. */
ProtobufCBinaryData encoder_bytes(const uint8_t *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)data};
}

bool encoder_is_zero(const uint8_t *data, size_t len)
{
    while (len > 0 && data[len - 1] == 0)
        len--;
    return len == 0;
}

/* Serialise the tree and forget it. */
bool encoder_pack(struct encoder *e, const void *message, struct body *ret)
{
    struct body body = {0};

    if (!e->arena.failed && message != NULL) {
        body.len = protobuf_c_message_get_packed_size(message);
        body.bytes = malloc(body.len + 1);
        if (body.bytes != NULL)
            (void)protobuf_c_message_pack(message, body.bytes); /* writes len bytes */
    }
    arena_done(&e->arena);
    if (body.bytes == NULL)
        return false;
    *ret = body;
    return true;
}

/* What a stranger wrote must stay on its line of the log. */
static void copy_message(char *out, size_t size, const char *message)
{
    (void)snprintf(out, size, "%s", message);
    for (; *out != '\0'; out++) {
        if ((unsigned char)*out < ' ' || *out == '"')
            *out = ' ';
    }
}

struct encode_answer encode_read_answer(struct parley_view answer)
{
    struct encode_answer a = {0};
    Parley__Otlp__ExportResponse *r =
        parley__otlp__export_response__unpack(NULL, answer.len, (const uint8_t *)answer.data);

    if (r == NULL)
        return a;
    if (r->partial_success != NULL && r->partial_success->has_rejected)
        a.rejected = r->partial_success->rejected;
    if (r->partial_success != NULL && r->partial_success->error_message != NULL)
        copy_message(a.message, sizeof(a.message), r->partial_success->error_message);
    parley__otlp__export_response__free_unpacked(r, NULL);
    return a;
}

void encode_read_refusal(struct parley_view answer, char ret[ENCODE_MESSAGE])
{
    Parley__Otlp__Refusal *r =
        parley__otlp__refusal__unpack(NULL, answer.len, (const uint8_t *)answer.data);

    copy_message(ret, ENCODE_MESSAGE, r == NULL || r->message == NULL ? "" : r->message);
    if (r != NULL)
        parley__otlp__refusal__free_unpacked(r, NULL);
}
