/* SPDX-License-Identifier: MIT */
/* land.h - rows to Parquet files: COPY by partition, and statistics as Delta wants them.
 *
 * The files get uuid names and hold all columns, the partition columns too. They are written into
 * an existing, empty staging folder in Hive folders (`_date=2026-11-20/…`) whose names mean nothing
 * to anybody: values come from the callback. Nothing is made durable here: the caller fsyncs, links
 * into the table and commits. On an error the caller removes what lies in the folder.
 *
 * One file a partition, whatever their number: DuckDB is told to keep a file open for each (its own
 * limit of 100 makes several files a date). */
#pragma once
#include "sql/engine.h"

enum { SQL_PARTITION_COLUMNS_MAX = 8, SQL_STATS_COLUMNS = 32 };

struct sql_partition_value {
    const char *column;
    bool is_null;
    struct str value; /* as Delta's partitionValues want it (delta.md section 10) */
};
/* One file; everything is borrowed for the call. */
struct sql_land_file {
    const char *path; /* target_dir/… */
    uint64_t size_bytes;
    uint64_t rows;
    const struct sql_partition_value *partitions;
    size_t partition_count;
    struct str stats_json; /* Delta statistics: the text of add.stats, partition columns left out */
};
/* An error stops the enumeration and is returned. */
typedef err sql_land_file_fn(void *ctx, const struct sql_land_file *file, struct errmsg *msg);

struct sql_copy_options {
    const char *select_sql; /* ours: "SELECT … FROM tarn_source(7)" */
    const char *target_dir; /* exists, empty */
    const char *const *partition_columns; /* names in the SELECT; DATE, VARCHAR, integers … */
    size_t partition_count;               /* 0: one file a thread */
    const char *compression;              /* NULL: zstd */
    int compression_level;                /* 0: 1 */
    uint64_t row_group_rows;              /* 0: 122,880 */
    size_t stats_columns;                 /* 0: SQL_STATS_COLUMNS: leaves with min and max */
};

/* Runs the COPY, then calls back for each file. *out_rows (may be NULL) is the sum of rows; no rows
 * means no files. Errors: NOSPACE, IO, NOMEM, CANCELLED, INVALID, the source's, the callback's. */
err sql_copy_partitioned(struct sql_conn *conn, const struct sql_copy_options *options,
                         sql_land_file_fn *on_file, void *ctx, uint64_t *out_rows,
                         struct errmsg *msg);

/* --- pure parts, for tests ---
 * Column statistics of one file as DuckDB returns them; text is NULL where there is none. */
struct sql_leaf_stats {
    struct str name; /* as in the schema; nested ones are "a.b" with each part quoted when odd */
    struct str type; /* SQL type */
    bool has_nulls_count;
    uint64_t nulls;
    bool has_bounds; /* min and max as text of DuckDB */
    struct str min;
    struct str max;
    bool has_nan;
};
/* Appends {"numRecords":…,"minValues":…}: see delta.md section 11. */
void sql_delta_stats(uint64_t rows, const struct sql_leaf_stats *leaves, size_t count,
                     size_t stats_columns, struct buf *out);
