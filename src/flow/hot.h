/* SPDX-License-Identifier: MIT */
/* hot.h - the rows of a topic that are in its log and not in its table yet, as a table in memory.
 *
 *            committed (the snapshot's txn)        acknowledged end
 *   log  ────────┬──────────────────┬───────────────────┬────
 *    in files    │  in the table    │  tail             │
 *                └ oldest .. reached ┘  (memory is full) ┘
 *
 * One hot_rows holds the rows, or the dead letters, of one topic in one DuckDB table of the schema
 * memory.hot. hot_rows_advance() brings it to a goal: from where the snapshot ends to the end the
 * log has. What was landed since is left out by the reader's filter (`_offset` at least committed)
 * and trimmed when it is most of the table. Readers rely on DuckDB's transactions: one that began
 * before an advance sees the table as it was, a dropped one too.
 *
 * Columns are inferred as the writer does it (infer.h). When what was seen asks for other columns
 * than the table has, everything is decoded again: a row depends on the schema, never on when it
 * was looked at.
 *
 * Thread: one at a time per hot_rows; a pool is shared by all. */
#pragma once
#include <stdatomic.h>

#include "flow/log_source.h"

/* The memory that all hot rows share, counted in bytes of log. */
struct hot_pool {
    uint64_t bytes_max;
    atomic_ullong bytes;
    atomic_ullong next_name; /* for tables and serials */
};

struct hot_rows;
struct hot_rows_options {
    struct sql_engine *engine; /* borrowed, as are the next two */
    struct sql_conn *conn;     /* used by this hot_rows alone while it works */
    struct hot_pool *pool;
    bool is_dead; /* dead letters instead of rows */
    unsigned threads;
};
/* The schema memory.hot must be there: hot_set_up(). */
err hot_set_up(struct sql_conn *conn, struct errmsg *msg);
struct hot_rows *hot_rows_new(const struct hot_rows_options *options);
/* Drops the table. NULL is fine. */
void hot_rows_free(struct hot_rows *h);
AUTO_DEFINE(hot_rows)

struct hot_goal {
    const char *topic_dir;
    const struct topic_meta *meta;
    struct event_schema *committed; /* rows: what the table has and what is declared */
    const int64_t *from;            /* next offset to land, per partition of the meta */
    const int64_t *ends;            /* acknowledged; never below `from` */
    const atomic_bool *cancel;      /* may be NULL */
};
/* Afterwards the table holds every row of [from, reached), maybe more below, none above; reached is
 * `ends` unless the pool is full. Errors: CORRUPT (the log is damaged), RANGE (the log has been cut
 * behind `from`: a newer snapshot is needed), CANCELLED, NOMEM, IO. After an error the object is
 * good for another try. */
err hot_rows_advance(struct hot_rows *h, const struct hot_goal *goal, struct errmsg *msg);

/* --- after a successful advance, until the next --- */

/* SQL name of the table: memory.hot."h7". */
const char *hot_rows_table(const struct hot_rows *h);
/* The columns with the provisional ones; borrowed. NULL for dead letters. */
struct event_schema *hot_rows_schema(const struct hot_rows *h);
/* Changes whenever table or columns do. */
uint64_t hot_rows_serial(const struct hot_rows *h);
/* True when the table holds rows below `from`: readers must filter. */
bool hot_rows_has_landed(const struct hot_rows *h, const int64_t *from);
bool hot_rows_has_tail(const struct hot_rows *h, const int64_t *ends);
/* A source over [reached, ends): what found no room. Caller frees it. */
err hot_rows_tail(const struct hot_rows *h, const struct hot_goal *goal,
                  struct log_source **out_source, struct errmsg *msg);
/* Bytes of log whose rows are held. */
uint64_t hot_rows_bytes(const struct hot_rows *h);
