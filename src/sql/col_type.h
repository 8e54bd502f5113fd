/* SPDX-License-Identifier: MIT */
/* col_type.h - the types of columns that our own rows have: scalars, and trees of STRUCT and LIST
 * over them. Pure.
 *
 *     static const struct col_def point[] = {{"x", COL_DOUBLE}, {"y", COL_DOUBLE}};
 *     static const struct col_def points[] = {{"element", COL_STRUCT, point, 2}};
 *     struct col_def path = {"path", COL_LIST, points, 1};      STRUCT("x" DOUBLE, "y" DOUBLE)[]
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum col_type {
    COL_BOOLEAN,     /* bool */
    COL_BIGINT,      /* int64_t */
    COL_INTEGER,     /* int32_t */
    COL_DOUBLE,      /* double */
    COL_TIMESTAMPTZ, /* int64_t, microseconds since 1970 UTC */
    COL_DATE,        /* int32_t, days since 1970 */
    COL_VARCHAR,     /* col_set_str, valid UTF-8 */
    COL_BLOB,        /* col_set_str, any bytes */
    COL_STRUCT,      /* no value of its own: its members are sinks */
    COL_LIST,        /* struct col_list_entry: a stretch of the elements' sink */
};
enum { COL_TYPE_COUNT = COL_LIST + 1, COL_SCALAR_COUNT = COL_BLOB + 1 };

struct col_def {
    const char *name; /* of a list's element: anything */
    enum col_type type;
    const struct col_def *children; /* STRUCT: the members; LIST: one, the element; else NULL */
    size_t child_count;
};

static inline bool col_type_is_nested(enum col_type type)
{
    return type == COL_STRUCT || type == COL_LIST;
}
/* "BIGINT", "TIMESTAMP WITH TIME ZONE" …: the SQL name of a scalar type. */
const char *col_type_sql(enum col_type type);
/* Bytes of one value in a sink's `data`: 1, 4, 8 or 16; 0 for a STRUCT. */
size_t col_type_bytes(enum col_type type);
/* Appends the SQL name of a column's type, with the member names quoted as in answers. */
void col_def_sql(const struct col_def *def, struct buf *out);
/* The same type: names of members and their order included, the name of the column not. */
bool col_def_same_type(const struct col_def *a, const struct col_def *b);
/* Types in the tree, itself included, and how many levels it has: a scalar is 1 and 1. */
size_t col_def_nodes(const struct col_def *def);
size_t col_def_depth(const struct col_def *def);
/* A deep copy with its names. False when the arena is full. */
bool col_def_copy(const struct col_def *from, struct arena *arena, struct col_def *out);
