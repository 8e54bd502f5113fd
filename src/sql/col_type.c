/* SPDX-License-Identifier: MIT */
/* col_type.c - see col_type.h. Recursion goes as deep as a type does, and whoever makes types from
 * outside bounds that. */
#include "sql/col_type.h"

#include "sql/engine.h"

static const struct {
    const char *name;
    size_t bytes;
} col_types[COL_TYPE_COUNT] = {
    [COL_BOOLEAN] = {"BOOLEAN", 1},
    [COL_BIGINT] = {"BIGINT", 8},
    [COL_INTEGER] = {"INTEGER", 4},
    [COL_DOUBLE] = {"DOUBLE", 8},
    [COL_TIMESTAMPTZ] = {"TIMESTAMP WITH TIME ZONE", 8},
    [COL_DATE] = {"DATE", 4},
    [COL_VARCHAR] = {"VARCHAR", 16},
    [COL_BLOB] = {"BLOB", 16},
    [COL_STRUCT] = {"STRUCT", 0},
    [COL_LIST] = {"LIST", 16},
};

const char *col_type_sql(enum col_type type)
{
    ASSERT((unsigned)type < COL_SCALAR_COUNT);
    return col_types[type].name;
}

size_t col_type_bytes(enum col_type type)
{
    ASSERT((unsigned)type < COL_TYPE_COUNT);
    return col_types[type].bytes;
}

void col_def_sql(const struct col_def *def, struct buf *out)
{
    if (def->type == COL_LIST) {
        ASSERT(def->child_count == 1);
        col_def_sql(&def->children[0], out);
        (void)buf_puts(out, "[]"); /* failures of buf are sticky */
        return;
    }
    if (def->type != COL_STRUCT) {
        (void)buf_puts(out, col_type_sql(def->type));
        return;
    }
    (void)buf_puts(out, "STRUCT(");
    for (size_t i = 0; i < def->child_count; i++) {
        (void)buf_puts(out, i == 0 ? "" : ", ");
        sql_add_name(out, str_from(def->children[i].name));
        (void)buf_add_byte(out, ' ');
        col_def_sql(&def->children[i], out);
    }
    (void)buf_add_byte(out, ')');
}

bool col_def_same_type(const struct col_def *a, const struct col_def *b)
{
    if (a->type != b->type || a->child_count != b->child_count) {
        return false;
    }
    for (size_t i = 0; i < a->child_count; i++) {
        const struct col_def *x = &a->children[i];
        const struct col_def *y = &b->children[i];
        if ((a->type == COL_STRUCT && strcmp(x->name, y->name) != 0) || !col_def_same_type(x, y)) {
            return false;
        }
    }
    return true;
}

size_t col_def_nodes(const struct col_def *def)
{
    size_t nodes = 1;
    for (size_t i = 0; i < def->child_count; i++) {
        nodes += col_def_nodes(&def->children[i]);
    }
    return nodes;
}

size_t col_def_depth(const struct col_def *def)
{
    size_t deepest = 0;
    for (size_t i = 0; i < def->child_count; i++) {
        deepest = MAX(deepest, col_def_depth(&def->children[i]));
    }
    return deepest + 1;
}

bool col_def_copy(const struct col_def *from, struct arena *arena, struct col_def *out)
{
    struct col_def copy = {.type = from->type, .child_count = from->child_count};
    copy.name = arena_dup(arena, str_from(from->name)).ptr;
    if (copy.name == NULL) {
        return false;
    }
    if (from->child_count > 0) {
        struct col_def *children = arena_alloc(arena, from->child_count * sizeof *children);
        for (size_t i = 0; i < from->child_count; i++) {
            if (children == NULL || !col_def_copy(&from->children[i], arena, &children[i])) {
                return false;
            }
        }
        copy.children = children;
    }
    *out = copy;
    return true;
}
