/* SPDX-License-Identifier: MIT */
/* row_query.h - a statement whose rows the front itself reads, one at a time, in bounded memory.
 *
 * The query process answers in NDJSON; each line is handed over as a JSON object. The owner may
 * pause: then at most the broker's window and one row are held, and the query process waits.
 * Owner: the reactor. */
#pragma once
#include "flow/broker.h"

struct row_query;

enum row_verdict {
    ROW_MORE,
    ROW_PAUSE, /* no further row before row_query_resume() */
    ROW_STOP,  /* enough: the handle is gone, on_end does not come */
};
struct row_query_events {
    enum row_verdict (*on_row)(void *ctx, const json_t *row);
    /* Once: code NULL when every row was delivered; else as in wire_error (`query_aborted` when the
     * process ended half way). The handle is gone. */
    void (*on_end)(void *ctx, const char *code, const char *detail);
    void *ctx;
};

/* Starts sql with parameters (a JSON array, or NULL). `row_bytes_max` bounds one line of the
 * answer; a longer one ends the query with `row_too_large`. timeout_ms 0: none. Nothing is called
 * before this returns. Errors: LIMIT when too many queries wait. */
err row_query_start(struct broker *b, struct str sql, const json_t *params, int64_t timeout_ms,
                    size_t row_bytes_max, const struct row_query_events *events,
                    struct row_query **out_query, struct errmsg *msg);
/* After ROW_PAUSE; not from within on_row. Rows, and the end, may come before it returns. */
void row_query_resume(struct row_query *q);
/* Gives up: nothing is called any more. Not from within on_row (answer ROW_STOP). NULL is fine. */
void row_query_free(struct row_query *q);
