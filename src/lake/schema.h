/* SPDX-License-Identifier: MIT */
/* schema.h - a table's schema between its JSON text and fields (inside lake/ only). Pure. */
#pragma once
#include "base/arena.h"
#include "lake/snapshot.h"

enum { LAKE_SCHEMA_DEPTH_MAX = 64, LAKE_SCHEMA_FIELDS_MAX = 20000 };

/* Fields and their texts are allocated from `arena`. Errors: CORRUPT (not a schema, no columns, two
 * columns that differ only in case, too deep), UNSUPPORTED (an unknown type), NOMEM. */
err lake_schema_parse(struct str text, struct arena *arena, const struct lake_field **out_fields,
                      size_t *out_count, struct errmsg *msg);
/* The schema's JSON text, appended. */
void lake_schema_write(const struct lake_field *fields, size_t count, struct buf *out);
/* A type of the protocol that tarn may write: a primitive one, or the JSON of a struct or array of
 * such with names that need no column mapping. */
bool lake_type_is_writable(struct str type);
/* True when values of type `wanted` can be in a column of type `present` after members of structs
 * were added to it; if there are any (*out_grown), that type is appended to `out`. */
bool lake_type_grow(struct str present, struct str wanted, struct buf *out, bool *out_grown);
/* Can be a column's name without column mapping. */
bool lake_column_name_is_valid(struct str name);
const struct lake_field *lake_fields_find(const struct lake_field *fields, size_t count,
                                          struct str name);
