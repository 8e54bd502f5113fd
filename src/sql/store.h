/* SPDX-License-Identifier: MIT */
/* store.h - rows kept in a file: written once by one SELECT, then read by position.
 *
 * Each store is a database file of DuckDB of its own, attached while it lives, so that every type
 * stays what it was (Parquet has no HUGEINT, INTERVAL, UNION or ENUM), a window anywhere costs
 * milliseconds (row ids lead to their row group), and letting go of one is removing its file. The
 * file has no log and outlives no process.
 *
 * Columns are called "0", "1" ... in it, whatever the SELECT called them; rows have the SELECT's
 * order by row id where it has one. */
#pragma once
#include "sql/engine.h"

struct sql_store;

/* Makes the empty file. It must lie in a folder that the engine may write. Errors: IO, NOSPACE. */
err sql_store_new(struct sql_engine *engine, const char *path, struct sql_store **out_store,
                  struct errmsg *msg);
/* Lets go and removes the file; statements that read it end first or keep it until they have. */
void sql_store_free(struct sql_store *store);
AUTO_DEFINE(sql_store)

/* Runs the SELECT, which has `column_count` columns, and keeps its rows; once, within the
 * connection's transaction where it is in one. `params` as for sql_query_stream(), and errors,
 * whose position is in `select`; `msg` is not NULL. */
err sql_store_fill(struct sql_store *store, struct sql_conn *conn, struct str select,
                   size_t column_count, const json_t *params, uint64_t *out_rows,
                   struct errmsg *msg);
/* After the commit: what is only in memory (less than a row group a thread) goes to the file.
 * *out_is_done false: not now, since somebody looks at all databases in a transaction (the words of
 * the editor come from there); the rows can be read all the same, call again later.
 * Errors: IO, NOSPACE. */
err sql_store_finish(struct sql_store *store, bool *out_is_done, struct errmsg *msg);
/* What stands behind FROM: "x7.main.rows". */
const char *sql_store_table(const struct sql_store *store);
/* The file's size now, also while it is written. Thread: any. */
uint64_t sql_store_bytes(const struct sql_store *store);

/* Names and types of a statement's columns, [{"name","type"}], without running it; *out_columns is
 * the caller's. Errors: as sql_query_stream(), with the position. */
err sql_describe(struct sql_conn *conn, struct str sql, json_t **out_columns, struct errmsg *msg);
