/* SPDX-License-Identifier: MIT */
/* format.h - answers as bytes: JSON, NDJSON, CSV and Parquet.
 *
 * The form of a value follows from its column's type, never from the value:
 * BOOLEAN true/false · integers up to 64 bits numbers (BIGINT, UBIGINT strings when int64_strings)
 *   · HUGEINT, UHUGEINT, DECIMAL, BIGNUM strings · FLOAT, DOUBLE shortest numbers; NaN and the
 *   infinities null, since JSON has no such numbers (CSV: nan, inf, -inf) · DATE "2026-11-20" ·
 *   TIMESTAMP of every unit, with zone or without: RFC 3339 UTC "2026-11-20T12:34:56.789Z" · TIME
 * "12:34:56.5" · INTERVAL, UUID, ENUM, BIT, VARIANT: DuckDB's text · VARCHAR strings · BLOB base64
 *   · LIST, ARRAY arrays · STRUCT objects · MAP array of {"key":…,"value":…} · UNION the member's
 *   value. Columns of type JSON are strings (their text), like VARCHAR.
 * In CSV (RFC 4180: CRLF, header line, quotes doubled) a null is an empty field and an empty string
 * is "", nested values are their JSON. */
#pragma once
#include <stdatomic.h>

#include "sql/engine.h"

enum sql_format { SQL_FORMAT_JSON, SQL_FORMAT_NDJSON, SQL_FORMAT_CSV };

/* Takes the next bytes of the answer (borrowed for the call, at most SQL_WRITE_BYTES_MAX); waits
 * where the reader is slow. An error stops the answer and is returned. */
typedef err sql_write_fn(void *ctx, struct str bytes, struct errmsg *msg);
enum { SQL_WRITE_BYTES_MAX = 64 << 10, SQL_ROW_BYTES_MAX = 256 << 20 };

struct sql_answer {
    uint64_t rows; /* in the answer */
    uint64_t bytes;
    bool is_truncated; /* there were more rows than rows_max or bytes_max let through */
};

struct sql_format_options {
    enum sql_format format;
    bool int64_strings;
    uint64_t rows_max;  /* 0: no limit */
    uint64_t bytes_max; /* no row begins beyond; the first one always does. 0: no limit */
    /* JSON only: appends further members to the answer's object, each with a comma in front, after
     * "row_count" and "truncated". May be NULL. */
    void (*tail)(void *ctx, const struct sql_answer *answer, struct buf *out);
    void *tail_ctx;
    atomic_uint_fast64_t *rows_done; /* follows the rows while they are written. May be NULL */
    const uint64_t *row_count; /* JSON: what "row_count" says; NULL: the rows of this answer */
    /* Goes on at a result's end with another one of the same columns; NULL in *out_result: that was
     * the last. The one before is not used any more. May be NULL. */
    err (*next)(void *ctx, struct sql_result **out_result, struct errmsg *msg);
    void *next_ctx;
    /* CSV: text that a spreadsheet would run as a formula (= + - @ tab return in front) gets a '
     * before it. Numbers stay. */
    bool guard_formulas;
};

/* Streams the whole result (to its end, rows_max or bytes_max) to `write`.
 * JSON: {"columns":[{"name":…,"type":…}],"rows":[[…],…],"row_count":N,"truncated":false<tail>}.
 * NDJSON: an object a row. Errors: TOO_LARGE for one row over SQL_ROW_BYTES_MAX, the result's, the
 * writer's. The part sent before an error is cut off mid-way: the caller aborts the answer. */
err sql_format_stream(struct sql_result *result, const struct sql_format_options *options,
                      sql_write_fn *write, void *write_ctx, struct sql_answer *out_answer,
                      struct errmsg *msg);
const char *sql_format_content_type(enum sql_format format);

/* Runs the SELECT into a Parquet file at `path` (inside the spill folder; replaced when there).
 * With `keeps_order` also rows that were not sorted stay in order, as those of a store do. The
 * caller streams and removes it; is_truncated is set when rows_max was reached, also exactly. `sql`
 * is one SELECT as sql_policy_check gives it (kind SQL_KIND_SELECT). Errors as sql_query_stream. */
err sql_query_parquet(struct sql_conn *conn, struct str sql, const json_t *params,
                      uint64_t rows_max, bool keeps_order, const char *path,
                      struct sql_answer *out_answer, struct errmsg *msg);
