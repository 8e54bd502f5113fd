/* SPDX-License-Identifier: MIT */
/* table_view.h - the SELECT behind a table's name: the files of one snapshot and the hot rows.
 *
 *     SELECT <columns> FROM (
 *         <no rows, but every column with its type, in order>
 *         UNION ALL BY NAME SELECT … FROM read_parquet([files with the same columns])
 *         UNION ALL BY NAME …
 *         UNION ALL BY NAME SELECT … FROM memory.hot."h7" WHERE _offset >= committed
 *         UNION ALL BY NAME SELECT … FROM <tail>)
 *
 * Files of one `tarn.schema` tag have the same columns: only the first is opened to plan.
 * Files without the tag are other programs': each is looked at, and their partition columns come
 * from the log. Pure: text in, text out. */
#pragma once
#include "lake/snapshot.h"
#include "sql/source.h"

struct view_column {
    struct str name;
    const char *type; /* SQL name; NULL: as the files have it */
    bool in_files;    /* files of the current tag have it */
    bool is_nested;   /* and maybe without members that `type` has, which are null then */
};

struct table_view_parts {
    const struct lake_snapshot *snapshot; /* NULL: there is no table yet */
    const struct view_column *columns;    /* of the view, in order */
    size_t column_count;
    struct str current_tag;   /* tag of files that have all columns marked in_files; may be empty */
    const char *hot_table;    /* SQL name with all columns; NULL: none */
    const int64_t *hot_from;  /* NULL: no filter; else rows below are left out */
    uint32_t partition_count; /* of hot_from */
    const char *tail;         /* SQL name or function with all columns; NULL: none */
};
/* Appends the SELECT. Errors: UNSUPPORTED (the table has what plain reading cannot do; the message
 * names it), TOO_LARGE. */
err table_view_sql(const struct table_view_parts *parts, struct buf *out, struct errmsg *msg);

/* SQL name of a Delta type, appended: "long" is BIGINT; nested ones are given as their JSON text.
 * False for unknown ones, with nothing appended. */
bool table_view_sql_type(struct str delta_type, struct buf *out);
