/* SPDX-License-Identifier: MIT */
/* import_int.h - what the parts of the import share. Only import*.c include this. */
#pragma once
#include "sql/duck.h"
#include "sql/import.h"

/* How one of DuckDB's scalar types comes into a table. */
struct import_type_rule {
    const char *sql;
    const char *delta;
    const char *cast; /* NULL: as it is; else the expression around the column */
};
/* NULL for types that have no place there, DECIMAL and nested ones. */
const struct import_type_rule *import_type_rule(struct str sql_type);
/* SQL name of a Delta type that is read as it is; NULL for nested and unknown ones. Caller frees.
 */
char *import_sql_type(struct str delta);

/* Delta's JSON of a STRUCT or LIST and the SQL type that a column is cast to for it, appended.
 * False where a member has no place in a table (a MAP, a name that Delta forbids). */
bool import_nested_type(duckdb_logical_type type, struct buf *delta, struct buf *sql);
