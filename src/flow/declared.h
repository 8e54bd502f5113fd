/* SPDX-License-Identifier: MIT */
/* declared.h - from a topic's JSON Schema to columns: which properties have a column of their own,
 * and of which type. Pure; total: whatever the document says, there is an answer, since a topic
 * must never stop for what is declared about it.
 *
 *   type                                 column
 *   boolean, integer, number             BOOLEAN, BIGINT, DOUBLE
 *   string                               VARCHAR; format date-time TIMESTAMPTZ, format date DATE
 *   object with properties               STRUCT of those that can be members
 *   object without                       VARCHAR: the JSON text
 *   array with items of a type           LIST of that
 *   array without                        VARCHAR: the JSON text
 *   [X, "null"]                          as X: every column can be null
 *   ["integer", "number"]                DOUBLE
 *   any other mixture                    VARCHAR
 *   no type                              none: inferred like a field nobody declared; as a member
 *                                        of a STRUCT VARCHAR
 *
 * Every type is one that a value of the schema fits into, but for numbers that no 64 bits hold and
 * dates that no calendar has; those go to `_rescued` like every misfit (decode.h).
 *
 * Names that cannot be a column's (schema.h), and a second spelling that differs only in case, get
 * none: their values stay in `_rescued`. Beyond DECLARED_DEPTH_MAX levels a type is VARCHAR, and a
 * column with more than DECLARED_NODES_MAX types inside is VARCHAR as a whole. */
#pragma once
#include "flow/json_schema.h"
#include "flow/schema.h"

enum { DECLARED_DEPTH_MAX = 16, DECLARED_NODES_MAX = 1000 };

struct declared {
    struct arena *arena; /* owned: names and members */
    struct event_column
        *columns; /* owned; in the order of the document, at most EVENT_COLUMNS_MAX */
    size_t count;
};
/* `root` may be NULL: nothing is declared. Keeps nothing of it. */
void declared_init(struct declared *d, const struct json_schema_node *root);
void declared_deinit(struct declared *d);
#define AUTO_DECLARED __attribute__((cleanup(declared_deinit))) struct declared

/* `present` with the members that `wanted` has and it lacks, in its STRUCTs at any level; where
 * both have something, what is present stays. False, with *out untouched, when there is nothing to
 * add, or no memory for it. */
bool declared_grow(const struct col_def *present, const struct col_def *wanted, struct arena *arena,
                   struct col_def *out);
