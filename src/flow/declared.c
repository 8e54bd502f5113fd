/* SPDX-License-Identifier: MIT */
/* declared.c - see declared.h. */
#include "flow/declared.h"

enum { ARENA_BYTES_MAX = 32 << 20 };

struct builder {
    struct arena *arena;
    size_t nodes; /* of the column that is made */
    bool failed;  /* it has too many, or memory is out */
};

static bool type_of(struct builder *b, const struct json_schema_node *node, int depth,
                    struct col_def *out);

/* ---- types ---- */

static enum col_type text_type(enum json_schema_format format)
{
    return format == JSON_SCHEMA_FORMAT_DATE_TIME ? COL_TIMESTAMPTZ
           : format == JSON_SCHEMA_FORMAT_DATE    ? COL_DATE
                                                  : COL_VARCHAR;
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
static void object_type(struct builder *b, const struct json_schema_node *node, int depth,
                        struct col_def *out)
{
    size_t room = MIN(node->property_count, (size_t)DECLARED_NODES_MAX + 1);
    struct col_def *members = room == 0 ? NULL : new_children(b, room);
    size_t count = 0;
    for (size_t i = 0; members != NULL && i < node->property_count && !b->failed; i++) {
        const struct json_schema_property *property = &node->properties[i];
        if (property->node->is_false || !event_member_is_valid(property->name) ||
            is_taken(members, count, property->name)) {
            continue;
        }
        struct col_def *member = &members[count];
        *member = (struct col_def){.type = COL_VARCHAR};
        if (!type_of(b, property->node, depth + 1, member)) {
            b->nodes++; /* VARCHAR: as it is written */
        }
        member->name = arena_dup(b->arena, property->name).ptr;
        b->failed = b->failed || member->name == NULL || b->nodes > DECLARED_NODES_MAX;
        count++;
    }
    if (count > 0) {
        *out = (struct col_def){.type = COL_STRUCT, .children = members, .child_count = count};
    }
}

static void array_type(struct builder *b, const struct json_schema_node *node, int depth,
                       struct col_def *out)
{
    struct col_def element = {0};
    if (node->items == NULL || !type_of(b, node->items, depth + 1, &element)) {
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
static bool type_of(struct builder *b, const struct json_schema_node *node, int depth,
                    struct col_def *out)
{
    unsigned types = node->types & ~(unsigned)JSON_SCHEMA_NULL;
    if (node->types == JSON_SCHEMA_ANY || types == 0) {
        return false;
    }
    b->nodes++;
    *out = (struct col_def){.type = COL_VARCHAR};
    switch (types) {
    case JSON_SCHEMA_BOOLEAN:
        out->type = COL_BOOLEAN;
        break;
    case JSON_SCHEMA_INTEGER:
        out->type = COL_BIGINT;
        break;
    case JSON_SCHEMA_NUMBER:
    case JSON_SCHEMA_NUMBER | JSON_SCHEMA_INTEGER:
        out->type = COL_DOUBLE;
        break;
    case JSON_SCHEMA_STRING:
        out->type = text_type(node->format);
        break;
    case JSON_SCHEMA_OBJECT:
        if (depth < DECLARED_DEPTH_MAX) {
            object_type(b, node, depth, out);
        }
        break;
    case JSON_SCHEMA_ARRAY:
        if (depth < DECLARED_DEPTH_MAX) {
            array_type(b, node, depth, out);
        }
        break;
    default:
        break;
    }
    return true;
}

/* ---- columns ---- */

static void add_column(struct declared *d, const struct json_schema_property *property)
{
    struct str name = property->name;
    struct builder b = {.arena = d->arena};
    struct col_def def = {0};
    if (d->count == EVENT_COLUMNS_MAX || !event_name_is_valid(name) ||
        !type_of(&b, property->node, 1, &def)) {
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

void declared_init(struct declared *d, const struct json_schema_node *root)
{
    size_t count = root == NULL ? 0 : root->property_count;
    *d = (struct declared){
        .arena = arena_new(ARENA_BYTES_MAX),
        .columns = xnew_array(struct event_column, MIN(count, (size_t)EVENT_COLUMNS_MAX) + 1)};
    for (size_t i = 0; i < count; i++) {
        add_column(d, &root->properties[i]);
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
