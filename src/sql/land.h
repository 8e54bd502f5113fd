/* SPDX-License-Identifier: MIT */
/* land.h - rows to Parquet files: COPY by partition, and statistics as Delta wants them.
 *
 * The files, <uuid>.parquet right in the staging folder, hold all columns, the partition columns
 * too (Delta readers ignore them there, views of ours read them). Nothing is made durable here: the
 * caller fsyncs, links into the table and commits. On an error the caller removes what lies there.
 *
 * One file a partition, whatever their number. DuckDB is told to keep a file open for each (its own
 * limit of 100 makes several); it buffers 256 KiB a partition, a thread and more, so where that is
 * over its memory limit, the rows are first gathered in a temporary table (which may spill) ordered
 * by partition, and written some partitions at a time.
 *
 * Statistics cover the columns that are not nested and not partition columns. */
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
    const char *select_sql;               /* ours: "SELECT … FROM tarn_source(7)" */
    const char *target_dir;               /* exists, empty */
    const char *const *partition_columns; /* names in the SELECT; DATE, VARCHAR, integers … */
    size_t partition_count;               /* 0: one file */
    const char *compression;              /* NULL: zstd */
    int compression_level;                /* 0: 1 */
    uint64_t row_group_rows;              /* 0: 122,880 */
    size_t stats_columns;                 /* 0: SQL_STATS_COLUMNS: columns with min and max */
    uint64_t file_bytes; /* without partitions: about the size of one file; 0: any */
};

/* Runs the COPY, then calls back for each file. *out_rows (may be NULL) is the sum of rows; no rows
 * means no files. Errors: NOSPACE, IO, NOMEM, CANCELLED, INVALID, the source's, the callback's. */
err sql_copy_partitioned(struct sql_conn *conn, const struct sql_copy_options *options,
                         sql_land_file_fn *on_file, void *ctx, uint64_t *out_rows,
                         struct errmsg *msg);

/* --- the pure part, for tests --- */
enum sql_bound_kind {
    SQL_BOUND_NONE,      /* booleans, binary, nested: no bounds */
    SQL_BOUND_NUMBER,    /* integers and decimals: JSON numbers as DuckDB writes them */
    SQL_BOUND_FLOAT,     /* none when a NaN was seen or a bound is infinite */
    SQL_BOUND_DATE,      /* years 0001 to 9999 */
    SQL_BOUND_TIMESTAMP, /* milliseconds: min rounded down, max rounded up */
    SQL_BOUND_STRING,    /* cut to 32 characters */
};
/* One column of one file. Texts are as DuckDB's RETURN_STATS gives them; NULL where it does not. */
struct sql_column_stats {
    const char *name;
    enum sql_bound_kind kind;
    struct str nulls; /* a number */
    struct str min;
    struct str max;
    bool has_nan;
};
/* Appends {"numRecords":…,"minValues":{…},"maxValues":{…},"nullCount":{…}}; bounds of the first
 * `bounds_max` columns, null counts of all. */
void sql_delta_stats(uint64_t rows, const struct sql_column_stats *columns, size_t count,
                     size_t bounds_max, struct buf *out);
