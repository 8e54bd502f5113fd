/* SPDX-License-Identifier: MIT */
/* query_local.h - `tarn query --data DIR` with no server: the same engine and views, over the
 * tables and what recovery would find in the log. Writes nothing below DIR. */
#pragma once
#include "base/buf.h"

struct query_local_request {
    const char *data_dir;
    const char *sql;
    const char *format; /* json, ndjson, csv, parquet */
    int64_t limit;      /* rows, 0: none */
};
/* Gives the answer to `write` piece by piece, or appends it to `collect` where that is given.
 * Errors: those of query_run; NOT_FOUND (no such folder), the writer's. */
err query_local(const struct query_local_request *request,
                err (*write)(void *context, struct str piece), void *context,
                struct buf *collect_or_null, struct errmsg *msg);
