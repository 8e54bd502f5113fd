/* SPDX-License-Identifier: MIT */
/* import.h - a file of someone's (CSV, Parquet, NDJSON) into Parquet files fit for a Delta table.
 *
 *   first bytes ──dialect──▶ names, types ──▶ one COPY (SELECT … FROM read_x(…)) ──▶ files, stats
 *
 * Types are exact: what Delta Lake has is kept, the rest is cast or refused by name:
 *
 *   TIMESTAMP (all units)        timestamp, taken as UTC
 *   unsigned integers            the next wider type; 64 bits: decimal(20,0)
 *   HUGEINT, UHUGEINT            decimal(38,0)
 *   TIME, UUID, ENUM, INTERVAL, BIT, BIGNUM   string
 *   STRUCT, LIST of Parquet      struct, array; MAP: string that holds JSON
 *   UNION and what a later DuckDB may bring   refused
 *
 * CSV: quotes of RFC 4180, header unless told otherwise; a row of another width, an unclosed quote,
 * bytes that are not UTF-8 and values that do not fit are errors with their line. Types come from
 * the first rows; when a later value does not fit, they come from all rows. NDJSON: types come from
 * all rows, so that no field is missed.
 *
 * Runs in the job process (or in a command of its owner); the file is not trusted. Thread: the
 * connection's. */
#pragma once
#include "sql/land.h"

enum sql_import_format { SQL_IMPORT_CSV, SQL_IMPORT_PARQUET, SQL_IMPORT_NDJSON };
const char *sql_import_format_name(enum sql_import_format format); /* "csv" */
bool sql_import_format_parse(struct str text, enum sql_import_format *out_format);

enum {
    SQL_IMPORT_COLUMNS_MAX = 10000,
    SQL_IMPORT_FILE_BYTES = 1 << 30,
    SQL_IMPORT_SAMPLE_ROWS = 20480,
};

struct sql_import_column {
    char *name;  /* owned */
    char *type;  /* owned; SQL name */
    char *delta; /* owned; Delta's: "long" */
};
struct sql_import_columns {
    struct sql_import_column *items; /* owned */
    size_t count;
};
void sql_import_columns_deinit(struct sql_import_columns *columns);

/* A CSV file that is read while it still comes. `path` is not whole before await() has returned. */
struct sql_import_stream {
    const char *head_path; /* a file: the first records, twice as many as the sample at least */
    const char *pipe_path; /* a named pipe that gives the whole file, once */
    /* Waits until the file is whole. `was_read`: the pipe was read to its end. An error is
     * returned, and nothing was imported. Thread: that of sql_import(). */
    err (*await)(void *ctx, bool was_read, struct errmsg *msg);
    void *ctx;
};

struct sql_import_options {
    enum sql_import_format format;
    const char *path;
    const char *target_dir; /* exists, empty; emptied and used again for another attempt */
    const char *types;      /* CSV, NDJSON: "zip:VARCHAR,amount:DECIMAL(10,2)"; NULL: none */
    char delimiter;         /* CSV; '\0': found out */
    char quote;             /* CSV; '\0': '"' */
    bool no_header;         /* CSV: columns are column0, column1 … */
    int64_t sample_rows;    /* CSV: rows that decide on types; 0: 20,480; -1: all */
    bool clean_names;       /* characters that Delta forbids in names become '_' */
    bool any_names;         /* nothing becomes a Delta table: names are what they are */
    /* The table that is appended to: its columns (name, Delta type); NULL: none. */
    const struct sql_import_columns *table;
    const char *const *partition_columns;
    size_t partition_count;
    const struct sql_import_stream *stream; /* NULL: path is whole */
};

/* With a stream the outcome is the same as without: where the first records or the pipe tell too
 * little, the file is read once more, as a whole.
 * Errors: INVALID (the file; the message has line and way out), CONFLICT (a column's type is not
 * the table's), UNSUPPORTED (a type), LIMIT (columns), NOSPACE, NOMEM, CANCELLED, IO, the
 * callback's. What lies in target_dir after an error is the caller's to remove. */
err sql_import(struct sql_conn *conn, const struct sql_import_options *options,
               sql_land_file_fn *on_file, void *ctx, struct sql_import_columns *out_columns,
               uint64_t *out_rows, struct errmsg *msg);

/* Appends the SELECT by which a file is a table of its own (the files folder), with its types
 * found out now and fixed; the same casts as above. Errors as sql_import. */
err sql_import_view(struct sql_conn *conn, const struct sql_import_options *options,
                    struct buf *out_select, struct sql_import_columns *out_columns,
                    struct errmsg *msg);

/* Refuses a Parquet file with numbers that DuckDB would read as others. Errors: UNSUPPORTED, those
 * of the file. */
err sql_import_check_parquet(struct sql_conn *conn, const char *path, struct errmsg *msg);

/* Pure: DuckDB's words about a file as a sentence that begins with the line where there is one. */
err sql_import_error(struct str text, err e, struct errmsg *msg);
