/* SPDX-License-Identifier: MIT */
/* schema.c - see schema.h. delta.md section 9. */
#include "lake/schema.h"

#include <strings.h>

static const char *const primitive_types[] = {
    "string", "long", "integer",   "short",         "byte", "float",   "double", "boolean",
    "binary", "date", "timestamp", "timestamp_ntz", "void", "variant", "null",   NULL};

static bool decimal_is_valid(struct str type)
{
    if (str_is(type, "decimal")) {
        return true;
    }
    if (!str_starts(type, STR("decimal(")) || !str_ends(type, STR(")"))) {
        return false;
    }
    struct str rest = str_of(type.ptr + 8, type.len - 9);
    struct str precision_text;
    uint64_t precision = 0;
    uint64_t scale = 0;
    if (!str_split(&rest, ',', &precision_text) ||
        !str_to_u64(str_trim(precision_text), &precision) || rest.ptr == NULL ||
        !str_to_u64(str_trim(rest), &scale)) {
        return false;
    }
    return precision >= 1 && precision <= 38 && scale <= precision;
}

static bool primitive_is_known(struct str type)
{
    for (size_t i = 0; primitive_types[i] != NULL; i++) {
        if (str_is(type, primitive_types[i])) {
            return true;
        }
    }
    return decimal_is_valid(type);
}

static bool primitive_is_writable(struct str type)
{
    return primitive_is_known(type) && !str_is(type, "void") && !str_is(type, "variant") &&
           !str_is(type, "null") && !str_is(type, "timestamp_ntz");
}

bool lake_column_name_is_valid(struct str name)
{
    if (name.len == 0 || name.len > 1024 || !str_is_utf8(name)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '\0' || strchr(" ,;{}()\n\t=", name.ptr[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static struct str json_text(const json_t *string)
{
    return str_of(json_string_value(string), json_string_length(string));
}

static bool json_type_is_writable(const json_t *type, int depth)
{
    if (json_is_string(type)) {
        return primitive_is_writable(json_text(type));
    }
    const char *kind = json_string_value(json_object_get(type, "type"));
    if (kind == NULL || depth > LAKE_SCHEMA_DEPTH_MAX) {
        return false;
    }
    if (strcmp(kind, "array") == 0) {
        return json_type_is_writable(json_object_get(type, "elementType"), depth + 1);
    }
    const json_t *fields = json_object_get(type, "fields");
    bool writable = strcmp(kind, "struct") == 0 && json_array_size(fields) > 0;
    for (size_t i = 0; writable && i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        writable = lake_column_name_is_valid(json_text(json_object_get(field, "name"))) &&
                   json_type_is_writable(json_object_get(field, "type"), depth + 1);
    }
    return writable;
}

bool lake_type_is_writable(struct str type)
{
    if (!str_starts(type, STR("{"))) {
        return primitive_is_writable(type);
    }
    AUTO_JSON json = NULL;
    return json_parse(type, &json, NULL) == ERR_OK && json_type_is_writable(json, 1);
}

static json_t *find_member(const json_t *fields, struct str name)
{
    for (size_t i = 0; i < json_array_size(fields); i++) {
        json_t *field = json_array_get(fields, i);
        if (str_eq_nocase(json_text(json_object_get(field, "name")), name)) {
            return field;
        }
    }
    return NULL;
}

static bool grow_type(json_t *present, const json_t *wanted, int depth, bool *grown);

static bool grow_struct(json_t *present, const json_t *wanted, int depth, bool *grown)
{
    json_t *fields = json_object_get(present, "fields");
    const json_t *more = json_object_get(wanted, "fields");
    for (size_t i = 0; i < json_array_size(more); i++) {
        json_t *field = json_array_get(more, i);
        struct str name = json_text(json_object_get(field, "name"));
        const json_t *same = find_member(fields, name);
        if (same == NULL) {
            *grown = true;
            if (json_array_append_new(fields, json_deep_copy(field)) != 0) {
                return false;
            }
        } else if (!str_eq(json_text(json_object_get(same, "name")), name) ||
                   !grow_type(json_object_get(same, "type"), json_object_get(field, "type"),
                              depth + 1, grown)) {
            return false;
        }
    }
    return true;
}

/* Adds the members that are missing. False: they do not fit together. */
static bool grow_type(json_t *present, const json_t *wanted, int depth, bool *grown)
{
    const char *kind = json_string_value(json_object_get(present, "type"));
    const char *wanted_kind = json_string_value(json_object_get(wanted, "type"));
    if (kind == NULL || wanted_kind == NULL || depth > LAKE_SCHEMA_DEPTH_MAX) {
        return json_equal(present, wanted) != 0;
    }
    if (strcmp(kind, wanted_kind) != 0) {
        return false;
    }
    if (strcmp(kind, "struct") == 0) {
        return grow_struct(present, wanted, depth, grown);
    }
    return strcmp(kind, "array") == 0
               ? grow_type(json_object_get(present, "elementType"),
                           json_object_get(wanted, "elementType"), depth + 1, grown)
               : json_equal(present, wanted) != 0;
}

bool lake_type_grow(struct str present, struct str wanted, struct buf *out, bool *out_grown)
{
    *out_grown = false;
    if (!str_starts(present, STR("{")) || !str_starts(wanted, STR("{"))) {
        return str_eq(present, wanted);
    }
    AUTO_JSON json = NULL;
    AUTO_JSON more = NULL;
    return json_parse(present, &json, NULL) == ERR_OK &&
           json_parse(wanted, &more, NULL) == ERR_OK && grow_type(json, more, 1, out_grown) &&
           (!*out_grown || json_write(json, out) == ERR_OK);
}

static err check_type(const json_t *type, int depth, struct errmsg *msg);

static err check_struct(const json_t *type, int depth, struct errmsg *msg)
{
    const json_t *fields = json_object_get(type, "fields");
    if (!json_is_array(fields)) {
        return errmsg_set(msg, ERR_CORRUPT, "the schema has a struct without fields");
    }
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        if (!json_is_string(json_object_get(field, "name"))) {
            return errmsg_set(msg, ERR_CORRUPT, "the schema has a field without a name");
        }
        err e = check_type(json_object_get(field, "type"), depth, msg);
        if (e != ERR_OK) {
            return errmsg_wrap(msg, e, "column %.200s",
                               json_string_value(json_object_get(field, "name")));
        }
    }
    return ERR_OK;
}

/* A type is a name, or an object of type struct, array or map. */
static err check_type(const json_t *type, int depth, struct errmsg *msg)
{
    if (depth > LAKE_SCHEMA_DEPTH_MAX) {
        return errmsg_set(msg, ERR_CORRUPT, "the schema is nested more than %d deep",
                          LAKE_SCHEMA_DEPTH_MAX);
    }
    if (json_is_string(type)) {
        return primitive_is_known(json_text(type))
                   ? ERR_OK
                   : errmsg_set(msg, ERR_UNSUPPORTED, "type \"%.200s\" is not supported",
                                json_string_value(type));
    }
    const json_t *kind = json_object_get(type, "type");
    if (!json_is_string(kind)) {
        return errmsg_set(msg, ERR_CORRUPT,
                          "the schema has a type that is neither name nor object");
    }
    struct str name = json_text(kind);
    if (str_is(name, "struct")) {
        return check_struct(type, depth + 1, msg);
    }
    if (str_is(name, "array")) {
        return check_type(json_object_get(type, "elementType"), depth + 1, msg);
    }
    if (str_is(name, "map")) {
        TRY(check_type(json_object_get(type, "keyType"), depth + 1, msg));
        return check_type(json_object_get(type, "valueType"), depth + 1, msg);
    }
    return errmsg_set(msg, ERR_UNSUPPORTED, "type \"%.200s\" is not supported", name.ptr);
}

static err dup_str(struct arena *arena, struct str text, struct str *out_text)
{
    *out_text = arena_dup(arena, text);
    return out_text->ptr == NULL ? ERR_NOMEM : ERR_OK;
}

static err dup_dump(struct arena *arena, const json_t *json, struct str *out_text)
{
    AUTO_BUF text = buf_make(64 << 20);
    TRY(json_write(json, &text));
    return dup_str(arena, buf_str(&text), out_text);
}

static err parse_field(const json_t *json, struct arena *arena, struct lake_field *out_field,
                       struct errmsg *msg)
{
    const json_t *type = json_object_get(json, "type");
    const json_t *metadata = json_object_get(json, "metadata");
    bool nullable = true;
    TRY(json_opt_bool(json, "nullable", &nullable, msg));
    out_field->nullable = nullable;
    TRY(dup_str(arena, json_text(json_object_get(json, "name")), &out_field->name));
    if (json_is_string(type)) {
        TRY(dup_str(arena, json_text(type), &out_field->type));
    } else {
        TRY(dup_dump(arena, type, &out_field->type));
    }
    if (json_is_object(metadata)) {
        return dup_dump(arena, metadata, &out_field->metadata);
    }
    return dup_str(arena, STR("{}"), &out_field->metadata);
}

static int by_name_nocase(const void *a, const void *b)
{
    const struct str *x = a;
    const struct str *y = b;
    int order = strncasecmp(x->ptr, y->ptr, MIN(x->len, y->len));
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static err check_unique(const struct lake_field *fields, size_t count, struct errmsg *msg)
{
    struct str *names = xnew_array(struct str, count);
    for (size_t i = 0; i < count; i++) {
        names[i] = fields[i].name;
    }
    qsort(names, count, sizeof *names, by_name_nocase);
    err e = ERR_OK;
    for (size_t i = 1; i < count && e == ERR_OK; i++) {
        if (str_eq_nocase(names[i - 1], names[i])) {
            e = errmsg_set(msg, ERR_CORRUPT, "the schema has two columns named %.*s",
                           (int)MIN(names[i].len, (size_t)200), names[i].ptr);
        }
    }
    free(names);
    return e;
}

err lake_schema_parse(struct str text, struct arena *arena, const struct lake_field **out_fields,
                      size_t *out_count, struct errmsg *msg)
{
    AUTO_JSON json = NULL;
    if (json_parse(text, &json, msg) != ERR_OK) {
        return errmsg_wrap(msg, ERR_CORRUPT, "schemaString");
    }
    const json_t *array = json_object_get(json, "fields");
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count == 0) {
        return errmsg_set(msg, ERR_CORRUPT, "the schema has no columns");
    }
    if (count > LAKE_SCHEMA_FIELDS_MAX) {
        return errmsg_set(msg, ERR_CORRUPT, "the schema has %zu columns, more than %d", count,
                          LAKE_SCHEMA_FIELDS_MAX);
    }
    TRY(check_struct(json, 1, msg));
    struct lake_field *fields = arena_alloc(arena, count * sizeof *fields);
    if (fields == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        err e = parse_field(json_array_get(array, i), arena, &fields[i], msg);
        if (e != ERR_OK) {
            return e == ERR_INVALID ? errmsg_wrap(msg, ERR_CORRUPT, "schemaString") : e;
        }
    }
    TRY(check_unique(fields, count, msg));
    *out_fields = fields;
    *out_count = count;
    return ERR_OK;
}

void lake_schema_write(const struct lake_field *fields, size_t count, struct buf *out)
{
    (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":["); /* failures of buf are sticky */
    for (size_t i = 0; i < count; i++) {
        (void)buf_puts(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        (void)buf_add_json_string(out, fields[i].name);
        (void)buf_puts(out, ",\"type\":");
        if (fields[i].type.len > 0 && fields[i].type.ptr[0] == '{') {
            (void)buf_add_str(out, fields[i].type);
        } else {
            (void)buf_add_json_string(out, fields[i].type);
        }
        (void)buf_puts(out, fields[i].nullable ? ",\"nullable\":true" : ",\"nullable\":false");
        (void)buf_puts(out, ",\"metadata\":");
        (void)buf_add_str(out, fields[i].metadata.len > 0 ? fields[i].metadata : STR("{}"));
        (void)buf_add_byte(out, '}');
    }
    (void)buf_puts(out, "]}");
}

const struct lake_field *lake_fields_find(const struct lake_field *fields, size_t count,
                                          struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(fields[i].name, name)) {
            return &fields[i];
        }
    }
    return NULL;
}
