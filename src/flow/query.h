/* SPDX-License-Identifier: MIT */
/* query.h - one statement of a user, from its text to the bytes of its answer.
 *
 *     gate (sql/policy.h) -> tables (catalog.h) -> run -> encode (sql/format.h) -> output
 *
 * The same for the query process and for `tarn query --data` without a server. */
#pragma once
#include "flow/catalog.h"
#include "flow/results.h"

/* Where the answer goes. head() comes once, as late as possible: before the first data(), or at the
 * end of an answer without bytes. Both may wait; an error ends the statement and is returned. */
struct query_output {
    void *ctx;
    err (*head)(void *ctx, struct str content_type, struct errmsg *msg);
    err (*data)(void *ctx, struct str bytes, struct errmsg *msg);
};
/* What others may look at while it runs. */
struct query_counts {
    atomic_uint_fast64_t rows;        /* of the answer, so far */
    atomic_uint_fast64_t bytes_total; /* of the files and the log that the named tables are */
};
struct query_options {
    const struct wire_query *query;
    int64_t started_us;          /* monotonic: elapsed counts from here */
    const atomic_bool *cancel;   /* may be NULL; to stop a running statement interrupt the session's
                                  connection too */
    struct query_counts *counts; /* may be NULL */
    const char *scratch_dir;     /* for Parquet answers; NULL: refused */
    struct results *results;     /* for what is stored; NULL: refused */
};
/* `*out_code` is stable and meets users: sql_invalid, sql_not_allowed, table_not_found,
 * query_cancelled, query_out_of_memory, result_gone, result_too_large, results_full,
 * log_damaged, log_cut (asking again helps), unsupported, internal. It is set when an error is
 * returned; the message names no path; msg->position is the character of the statement as it was
 * sent, from 1, or 0. Thread: the session's. */
err query_run(struct catalog_session *s, const struct query_options *options,
              const struct query_output *output, struct wire_done *out_done, const char **out_code,
              struct errmsg *msg);
