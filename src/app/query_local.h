/* SPDX-License-Identifier: MIT */
/* query_local.h - questions to a data folder with no server: the same engine and views, over the
 * tables and what recovery would find in the log. Writes nothing below the folder.
 * Thread: one, but for stop and progress. */
#pragma once
#include "base/json.h"
#include "sql/engine.h"

struct query_local;
/* Errors: NOT_FOUND (no such folder), those of the engine. */
err query_local_open(const char *data_dir, struct query_local **out_local, struct errmsg *msg);
void query_local_free(struct query_local *q);
AUTO_DEFINE(query_local)

/* Forgets an earlier stop; not while a statement runs. */
void query_local_prepare(struct query_local *q);

struct query_local_request {
    const char *sql;
    const char *format; /* json, ndjson, csv, parquet */
    int64_t limit;      /* rows, 0: none */
    bool int64_strings;
};
/* What is in the folder now is asked. Gives the answer to `write` piece by piece, or appends it to
 * `collect` where that is given. Errors: those of query_run(), whose code *out_code is, and whose
 * position is in `msg`; the writer's. */
err query_local_run(struct query_local *q, const struct query_local_request *request,
                    err (*write)(void *context, struct str piece), void *context,
                    struct buf *collect_or_null, const char **out_code, struct errmsg *msg);
/* Stops the statement that runs, and every later one until query_local_prepare(). Thread: any. */
void query_local_stop(struct query_local *q);
struct sql_progress query_local_progress(struct query_local *q); /* Thread: any */
/* Of the tables that the statement that runs names. Thread: any. */
uint64_t query_local_bytes(struct query_local *q);

/* The tables: a new array of {"schema","name", ...}; those of topics without sizes. */
err query_local_tables(struct query_local *q, json_t **out_tables, struct errmsg *msg);
/* What GET /api/v1/tables/{table} answers. Errors: NOT_FOUND. */
err query_local_describe(struct query_local *q, struct str table, json_t **out_table,
                         struct errmsg *msg);
