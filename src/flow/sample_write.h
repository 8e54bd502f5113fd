/* SPDX-License-Identifier: MIT */
/* sample_write.h - the sample tables as CSV with a header (RFC 4180, LF). Nothing is kept: a table
 * of any size needs the memory of one piece. */
#pragma once
#include "flow/sample.h"

enum sample_table {
    SAMPLE_EMPLOYEES,
    SAMPLE_PRODUCTS,
    SAMPLE_CUSTOMERS,
    SAMPLE_MARKETING,
    SAMPLE_ORDERS,
    SAMPLE_SALES,
    SAMPLE_TRANSACTIONS,
    SAMPLE_REVIEWS,
    SAMPLE_FINANCE,
    SAMPLE_TABLE_COUNT
};
const char *sample_table_name(enum sample_table table);
/* The columns as SQL: "order_id BIGINT, ...". */
const char *sample_table_columns(enum sample_table table);
/* Those that grow with the orders, and are written as Parquet. */
bool sample_table_is_large(enum sample_table table);

/* Takes the next piece of the text; an error ends the writing with it. */
typedef err (*sample_sink_fn)(void *ctx, struct str piece, struct errmsg *msg);
/* *out_rows counts the rows. Errors: the sink's; NOMEM. */
err sample_write(const struct sample_world *w, enum sample_table table, sample_sink_fn sink,
                 void *ctx, uint64_t *out_rows, struct errmsg *msg);
