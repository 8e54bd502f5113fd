/* SPDX-License-Identifier: MIT */
/* lake_parquet.h - the Parquet of Delta checkpoints (lake/parquet.h) by DuckDB. */
#pragma once
#include "lake/parquet.h"
#include "sql/engine.h"

/* A table of operations on this connection: one user at a time, and nothing else may run on the
 * connection meanwhile. Borrowed until the connection is closed. */
struct lake_parquet sql_lake_parquet(struct sql_conn *conn);
