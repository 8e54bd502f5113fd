/* SPDX-License-Identifier: MIT */
/* declared.c - see declared.h. */
#include "flow/declared.h"

#include "base/json.h"

enum { ARENA_BYTES_MAX = 32 << 20 };

/* The kinds that a schema admits. */
enum kind {
    KIND_NULL = 1,
    KIND_BOOLEAN = 2,
    KIND_INTEGER = 4,
    KIND_NUMBER = 8,
    KIND_STRING = 16,
    KIND_OBJECT = 32,
    KIND_ARRAY = 64,
};

struct builder {
    struct arena *arena;
    size_t nodes; /* of the column that is made */
    bool failed;  /* it has too many, or memory is out */
};

static bool type_of(struct builder *b, const json_t *schema, int depth, struct col_def *out);

/* ---- kinds ---- */

static unsigned kind_of_name(const json_t *name)
{
    static const struct {
        const char *name;
        unsigned kind;
    } kinds[] = {
        {"null", KIND_NULL},     {"boolean", KIND_BOOLEAN}, {"integer", KIND_INTEGER},
        {"number", KIND_NUMBER}, {"string", KIND_STRING},   {"object", KIND_OBJECT},
        {"array", KIND_ARRAY},
    };
    const char *text = json_string_value(name);
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(kinds); i++) {
        if (strcmp(text, kinds[i].name) == 0) {
            return kinds[i].kind;
        }
    }
    return 0;
}

static unsigned kind_of_value(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return KIND_OBJECT;
    case JSON_ARRAY:
        return KIND_ARRAY;
    case JSON_STRING:
        return KIND_STRING;
    case JSON_INTEGER:
        return KIND_INTEGER;
    case JSON_REAL:
        return KIND_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return KIND_BOOLEAN;
    case JSON_NULL:
        return KIND_NULL;
    }
    return 0;
}

/* 0: the schema does not say. */
static unsigned kinds_of(const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    const json_t *values = json_object_get(schema, "enum");
    const json_t *value = json_object_get(schema, "const");
    unsigned kinds = 0;
    if (json_is_array(type)) {
        for (size_t i = 0; i < json_array_size(type); i++) {
            kinds |= kind_of_name(json_array_get(type, i));
        }
    } else if (type != NULL) {
        kinds = kind_of_name(type);
    } else if (value != NULL) {
        kinds = kind_of_value(value);
    } else {
        for (size_t i = 0; i < json_array_size(values); i++) {
            kinds |= kind_of_value(json_array_get(values, i));
        }
    }
    return kinds;
}

/* ---- types ---- */

static enum col_type text_type(const json_t *schema)
{
    const char *format = json_string_value(json_object_get(schema, "format"));
    if (format != NULL && strcmp(format, "date-time") == 0) {
        return COL_TIMESTAMPTZ;
    }
    return format != NULL && strcmp(format, "date") == 0 ? COL_DATE : COL_VARCHAR;
}

static struct col_def *new_children(struct builder *b, size_t count)
{
    struct col_def *children = arena_alloc(b->arena, count * sizeof *children);
    b->failed = b->failed || children == NULL;
    return children;
}

static bool is_taken(const struct col_def *members, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (event_name_fold_cmp(str_from(members[i].name), name) == 0) {
            return true;
        }
    }
    return false;
}

/* STRUCT of the properties that can be members; VARCHAR when none can. */
static void object_type(struct builder *b, const json_t *schema, int depth, struct col_def *out)
{
    json_t *properties = json_object_get(schema, "properties");
    size_t size = MIN(json_object_size(properties), (size_t)DECLARED_NODES_MAX + 1);
    struct col_def *members = size == 0 ? NULL : new_children(b, size);
    size_t count = 0;
    const char *key = NULL;
    json_t *property = NULL;
    json_object_foreach(properties, key, property)
    {
        struct str name = str_from(key);
        if (members == NULL || b->failed || json_is_false(property) ||
            !event_member_is_valid(name) || is_taken(members, count, name)) {
            continue;
        }
        struct col_def *member = &members[count];
        *member = (struct col_def){.type = COL_VARCHAR};
        if (!type_of(b, property, depth + 1, member)) {
            b->nodes++; /* VARCHAR: as it is written */
        }
        member->name = arena_dup(b->arena, name).ptr;
        b->failed = b->failed || member->name == NULL || b->nodes > DECLARED_NODES_MAX;
        count++;
    }
    if (count > 0) {
        *out = (struct col_def){.type = COL_STRUCT, .children = members, .child_count = count};
    }
}

static void array_type(struct builder *b, const json_t *schema, int depth, struct col_def *out)
{
    struct col_def element = {0};
    const json_t *items = json_object_get(schema, "items");
    if (!json_is_object(items) || !type_of(b, items, depth + 1, &element)) {
        return;
    }
    struct col_def *child = new_children(b, 1);
    if (child != NULL) {
        element.name = "element";
        *child = element;
        *out = (struct col_def){.type = COL_LIST, .children = child, .child_count = 1};
    }
}

/* False when the schema names no type. */
static bool type_of(struct builder *b, const json_t *schema, int depth, struct col_def *out)
{
    unsigned kinds = kinds_of(schema) & ~(unsigned)KIND_NULL;
    if (kinds == 0) {
        return false;
    }
    b->nodes++;
    *out = (struct col_def){.type = COL_VARCHAR};
    switch (kinds) {
    case KIND_BOOLEAN:
        out->type = COL_BOOLEAN;
        break;
    case KIND_INTEGER:
        out->type = COL_BIGINT;
        break;
    case KIND_NUMBER:
    case KIND_NUMBER | KIND_INTEGER:
        out->type = COL_DOUBLE;
        break;
    case KIND_STRING:
        out->type = text_type(schema);
        break;
    case KIND_OBJECT:
        if (depth < DECLARED_DEPTH_MAX) {
            object_type(b, schema, depth, out);
        }
        break;
    case KIND_ARRAY:
        if (depth < DECLARED_DEPTH_MAX) {
            array_type(b, schema, depth, out);
        }
        break;
    default:
        break;
    }
    return true;
}

/* ---- columns ---- */

static void add_column(struct declared *d, const char *key, const json_t *property)
{
    struct str name = str_from(key);
    struct builder b = {.arena = d->arena};
    struct col_def def = {0};
    if (d->count == EVENT_COLUMNS_MAX || !event_name_is_valid(name) ||
        !type_of(&b, property, 1, &def)) {
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        if (event_name_fold_cmp(d->columns[i].name, name) == 0) {
            return;
        }
    }
    struct str copy = arena_dup(d->arena, name);
    if (copy.ptr == NULL) {
        return;
    }
    struct event_column *column = &d->columns[d->count++];
    *column = (struct event_column){.name = copy, .type = COL_VARCHAR};
    if (!b.failed) {
        column->type = def.type;
        column->children = def.children;
        column->child_count = def.child_count;
    }
}

void declared_init(struct declared *d, const char *schema)
{
    AUTO_JSON root = NULL;
    if (schema != NULL && json_parse(str_from(schema), &root, NULL) != ERR_OK) {
        root = NULL;
    }
    json_t *properties = json_object_get(root, "properties");
    size_t count = MIN(json_object_size(properties), (size_t)EVENT_COLUMNS_MAX);
    *d = (struct declared){.arena = arena_new(ARENA_BYTES_MAX),
                           .columns = xnew_array(struct event_column, count + 1)};
    const char *key = NULL;
    json_t *property = NULL;
    json_object_foreach(properties, key, property)
    {
        add_column(d, key, property);
    }
}

void declared_deinit(struct declared *d)
{
    arena_free(d->arena);
    free(d->columns);
    *d = (struct declared){0};
}

/* ---- growing ---- */

static const struct col_def *find_member(const struct col_def *def, const char *name)
{
    for (size_t i = 0; i < def->child_count; i++) {
        if (event_name_fold_cmp(str_from(def->children[i].name), str_from(name)) == 0) {
            return &def->children[i];
        }
    }
    return NULL;
}

bool declared_grow(const struct col_def *present, const struct col_def *wanted, struct arena *arena,
                   struct col_def *out)
{
    if (present->type != wanted->type || !col_type_is_nested(present->type)) {
        return false;
    }
    size_t room = present->child_count + wanted->child_count;
    struct col_def *children = arena_alloc(arena, room * sizeof *children);
    if (children == NULL) {
        return false;
    }
    bool grown = false;
    size_t count = present->child_count;
    memcpy(children, present->children, count * sizeof *children);
    for (size_t i = 0; i < wanted->child_count; i++) {
        const struct col_def *child = &wanted->children[i];
        const struct col_def *same =
            present->type == COL_LIST ? &present->children[0] : find_member(present, child->name);
        if (same == NULL) {
            children[count++] = *child;
            grown = true;
        } else {
            grown = declared_grow(same, child, arena, &children[same - present->children]) || grown;
        }
    }
    if (grown) {
        *out = (struct col_def){present->name, present->type, children, count};
    }
    return grown;
}
