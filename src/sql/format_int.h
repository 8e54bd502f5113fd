/* SPDX-License-Identifier: MIT */
/* format_int.h - values of DuckDB's vectors as text; shared by the parts of format.h. */
#pragma once
#include "sql/double_text.h"
#include "sql/duck.h"
#include "sql/format.h"

/* One column, or one child of a nested one. */
struct value_node {
    duckdb_type id;
    duckdb_type physical; /* of decimals and enums; else as id */
    uint8_t scale;        /* of decimals */
    idx_t array_size;
    char *key;         /* owned: struct member's name as JSON with colon; NULL otherwise */
    char **enum_texts; /* owned, each too: JSON strings without the quotes */
    size_t enum_count;
    struct value_node *children; /* owned */
    size_t child_count;
    duckdb_type element; /* of the only child */
    void *data;          /* of the present chunk */
    uint64_t *validity;
};

/* Errors: UNSUPPORTED for a type without a text form (VARIANT, GEOMETRY …). */
err value_node_init(struct value_node *node, duckdb_logical_type type, struct errmsg *msg);
void value_node_deinit(struct value_node *node);
/* Points the node and its children at a chunk's vector. */
void value_node_load(struct value_node *node, duckdb_vector vector);

struct value_style {
    bool int64_strings;
    bool is_csv; /* outermost text without quotes, non-finite numbers as words */
};
static inline bool value_is_null(const struct value_node *node, idx_t row)
{
    return node->validity != NULL && (node->validity[row / 64] >> (row % 64) & 1) == 0;
}
/* Appends the value as JSON (null included). */
void value_add_json(const struct value_node *node, idx_t row, const struct value_style *style,
                    struct buf *out);
/* Appends the value as a CSV field; a null is empty. */
void value_add_csv(const struct value_node *node, idx_t row, bool guards, struct buf *out);
/* A CSV field, quoted where needed; `guards` against formulas (format.h). */
void value_add_csv_text(struct str text, bool guards, struct buf *out);
/* A JSON string of text that is known to be valid UTF-8. */
void value_add_json_text(struct str text, struct buf *out);
