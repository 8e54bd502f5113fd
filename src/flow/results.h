/* SPDX-License-Identifier: MIT */
/* results.h - answers that stay on the server: which there are, their bounds, and their end.
 *
 *     begin -> (fill, commit) -> keep -> open / view / close ... -> dropped
 *        \-> abandon: nothing stays
 *
 * A result is one store (sql/store.h) in the spill folder, under an id that nobody can guess. Seen
 * sorted or filtered it is a second store with the rows in that order, made once and kept with it.
 * What is kept takes at most `bytes_max`. Beside what is kept and not in use, what is being written
 * may take as much: it is interrupted when it grows past that, and others make way for it only when
 * it is complete and fits. What was not used for the longest goes first; what somebody reads stays
 * until he has.
 *
 * All of it is in this process: when the process ends every result is gone, and the next one finds
 * an empty folder (the role empties it). So there is nothing to recover, and no file that nobody
 * knows. Threads: any; one leaf lock, under which nothing waits. */
#pragma once
#include <stdatomic.h>

#include "base/json.h"
#include "sql/store.h"

struct results;
struct results_options {
    struct sql_engine *engine; /* borrowed */
    const char *dir;           /* copied; inside what the engine may write */
    uint32_t count_max;
    uint64_t bytes_max; /* of all files together */
    int64_t age_ms;     /* since last use */
};
struct results *results_new(const struct results_options *options);
/* No writer and no reader may be left. */
void results_free(struct results *r);
AUTO_DEFINE(results)
/* Removes what is too old; interrupts what grows past the bound. True while something grows, and
 * the next look should be soon. */
bool results_tick(struct results *r);
/* Of all files. */
uint64_t results_bytes(struct results *r);

/* --- writing one --- */
struct results_writer;
/* Errors: LIMIT (all are being read), IO. `conn` is what fills it: it is interrupted when the file
 * grows too large. */
err results_begin(struct results *r, struct sql_conn *conn, struct results_writer **out_writer,
                  struct errmsg *msg);
struct sql_store *results_writer_store(struct results_writer *w);
/* What became of an error `e` while it was filled: TOO_LARGE (larger than the bound) or LIMIT (no
 * room beside what is read now), with words, when it was stopped for its size; else `e`.
 * The file is removed with the writer, after CANCELLED by the next results_tick(). */
err results_writer_why(struct results_writer *w, err e, struct errmsg *msg);
/* True after results_writer_why() when the error was a full disk, not the bound on spilling. */
bool results_writer_is_disk_full(const struct results_writer *w);
/* Takes away what was not kept; NULL is fine. */
void results_writer_free(struct results_writer *w);
AUTO_DEFINE(results_writer)

/* --- reading one --- */
struct results_reader;
/* The writer's store is filled and committed: it is a result now, opened. Ends the writer, unless
 * there is an error (TOO_LARGE, LIMIT, IO, NOSPACE). Takes `columns` (sql_describe). */
err results_keep(struct results_writer **w, json_t *columns, uint64_t rows,
                 struct results_reader **out_reader, struct errmsg *msg);
/* Opens by id, which counts as a use. Errors: NOT_FOUND. */
err results_open(struct results *r, struct str id, struct results_reader **out_reader,
                 struct errmsg *msg);
void results_reader_free(struct results_reader *reader);
AUTO_DEFINE(results_reader)

/* How it is looked at. */
struct results_shown {
    struct str sort;       /* "name,-other"; empty: as it is */
    const json_t *filters; /* array of "column:op:value"; may be NULL */
};
/* Makes the reader see it so, which may take a statement on `conn`. Errors: INVALID (no such column
 * or operator, a value that is none of the column's type), TOO_LARGE, LIMIT, CANCELLED, and those
 * of sql_query_stream(). */
err results_show(struct results_reader *reader, const struct results_shown *shown,
                 struct sql_conn *conn, const atomic_bool *cancel, struct errmsg *msg);

const char *results_id(const struct results_reader *reader);
const json_t *results_columns(const struct results_reader *reader); /* [{"name","type"}] */
uint64_t results_rows(const struct results_reader *reader);         /* as it is shown */
uint64_t results_rows_total(const struct results_reader *reader);
uint64_t results_bytes_of(const struct results_reader *reader);
int64_t results_expires_us(const struct results_reader *reader); /* wall clock, if not used again */
/* Appends `SELECT <its columns by name> FROM <as it is shown>`; with `from` and `count` only these
 * rows, in order. A count of 0: all. */
void results_add_select(const struct results_reader *reader, uint64_t from, uint64_t count,
                        struct buf *out);

/* --- all of them --- */
/* Appends {"results":[{"id","columns","row_count","bytes","created","last_used","expires_at"}],
 * "bytes","bytes_max","count_max"}. */
void results_list(struct results *r, struct buf *out);
/* Errors: NOT_FOUND. Who reads it now reads on. */
err results_drop(struct results *r, struct str id, struct errmsg *msg);

/* --- results_shown.c --- */
/* Appends what stands behind WHERE (nothing: all) and behind ORDER BY (each with a comma behind),
 * over the columns "0", "1" ... of t; parameters are added to `params`. Errors: INVALID. */
err results_shown_sql(const struct results_shown *shown, const json_t *columns, struct buf *where,
                      struct buf *order, json_t *params, struct errmsg *msg);
