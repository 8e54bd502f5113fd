/* SPDX-License-Identifier: MIT */
/* land_type.c - see land_type.h. */
#include "flow/land_type.h"

#include "base/json.h"
#include "flow/schema.h"

static const struct {
    enum col_type type;
    const char *delta;
} delta_types[] = {
    {COL_BOOLEAN, "boolean"},       {COL_BIGINT, "long"}, {COL_INTEGER, "integer"},
    {COL_DOUBLE, "double"},         {COL_DATE, "date"},   {COL_VARCHAR, "string"},
    {COL_TIMESTAMPTZ, "timestamp"}, {COL_BLOB, "binary"},
};

static const char *scalar_name(enum col_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(delta_types); i++) {
        if (delta_types[i].type == type) {
            return delta_types[i].delta;
        }
    }
    ASSERT(false);
    return NULL;
}

static void write_inside(const struct col_def *def, struct buf *out)
{
    if (!col_type_is_nested(def->type)) {
        (void)buf_add_json_string(out, str_from(scalar_name(def->type))); /* sticky, as below */
    } else {
        land_type_write(def, out);
    }
}

void land_type_write(const struct col_def *def, struct buf *out)
{
    if (def->type == COL_LIST) {
        (void)buf_puts(out, "{\"type\":\"array\",\"elementType\":");
        write_inside(&def->children[0], out);
        (void)buf_puts(out, ",\"containsNull\":true}");
        return;
    }
    if (def->type != COL_STRUCT) {
        (void)buf_puts(out, scalar_name(def->type));
        return;
    }
    (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < def->child_count; i++) {
        (void)buf_puts(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        (void)buf_add_json_string(out, str_from(def->children[i].name));
        (void)buf_puts(out, ",\"type\":");
        write_inside(&def->children[i], out);
        (void)buf_puts(out, ",\"nullable\":true,\"metadata\":{}}");
    }
    (void)buf_puts(out, "]}");
}

static bool read_scalar(struct str delta, struct col_def *out)
{
    for (size_t i = 0; i < ARRAY_LEN(delta_types); i++) {
        if (str_is(delta, delta_types[i].delta) && delta_types[i].type != COL_BLOB) {
            out->type = delta_types[i].type;
            return true;
        }
    }
    return false;
}

static bool read_type(const json_t *type, int depth, struct arena *arena, struct col_def *out);

static bool read_struct(const json_t *type, int depth, struct arena *arena, struct col_def *out)
{
    const json_t *fields = json_object_get(type, "fields");
    size_t count = json_array_size(fields);
    struct col_def *members = arena_alloc(arena, (count + 1) * sizeof *members);
    if (members == NULL || count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *field = json_array_get(fields, i);
        struct str name = {0};
        if (json_get_str(field, "name", &name, NULL) != ERR_OK || !event_member_is_valid(name) ||
            json_is_false(json_object_get(field, "nullable")) ||
            !read_type(json_object_get(field, "type"), depth + 1, arena, &members[i])) {
            return false;
        }
        members[i].name = arena_dup(arena, name).ptr;
        if (members[i].name == NULL) {
            return false;
        }
    }
    out->type = COL_STRUCT;
    out->children = members;
    out->child_count = count;
    return true;
}

static bool read_list(const json_t *type, int depth, struct arena *arena, struct col_def *out)
{
    struct col_def *element = arena_alloc(arena, sizeof *element);
    if (element == NULL || json_is_false(json_object_get(type, "containsNull")) ||
        !read_type(json_object_get(type, "elementType"), depth + 1, arena, element)) {
        return false;
    }
    element->name = "element";
    out->type = COL_LIST;
    out->children = element;
    out->child_count = 1;
    return true;
}

static bool read_type(const json_t *type, int depth, struct arena *arena, struct col_def *out)
{
    struct str kind = {0};
    if (json_is_string(type)) {
        return read_scalar(str_of(json_string_value(type), json_string_length(type)), out);
    }
    if (depth > EVENT_NESTED_DEPTH_MAX || json_get_str(type, "type", &kind, NULL) != ERR_OK) {
        return false;
    }
    if (str_is(kind, "struct")) {
        return read_struct(type, depth, arena, out);
    }
    return str_is(kind, "array") && read_list(type, depth, arena, out);
}

bool land_type_read(struct str delta, struct arena *arena, struct col_def *out)
{
    *out = (struct col_def){.name = ""};
    if (!str_starts(delta, STR("{"))) {
        return read_scalar(delta, out);
    }
    AUTO_JSON type = NULL;
    return json_parse(delta, &type, NULL) == ERR_OK && read_type(type, 1, arena, out);
}
