/* SPDX-License-Identifier: MIT */
/* csv_dialect.h - what separates the fields of a CSV file, decided from its first bytes.
 *
 * DuckDB's own detection tries to read every file somehow: a row with a field too many makes the
 * whole file one column, a quote that is never closed makes quotes plain characters. Here quotes
 * are those of RFC 4180 and the delimiter is the candidate that gives the header the most fields,
 * so that such a file is an error with a line. Pure: bytes in, struct out. */
#pragma once
#include "base/buf.h"

enum { CSV_SAMPLE_BYTES = 1 << 20, CSV_FIELDS_MAX = 20000 };

struct csv_dialect {
    char delimiter;    /* ',', ';', tab or '|' */
    char quote;        /* '"' */
    size_t skip_bytes; /* of a byte order mark */
};
/* `delimiter` and `quote` of the dialect that are not '\0' are kept. Errors: INVALID where the
 * bytes cannot be UTF-8 text in CSV (UTF-16, binary, empty), with the way to mend it. */
err csv_dialect_detect(struct str sample, struct csv_dialect *dialect, struct errmsg *msg);

/* The fields of the first record, unquoted, each followed by '\0' in `out`. *out_count is their
 * number. Errors: INVALID (the quote is not closed within the sample), LIMIT (too many). */
err csv_first_record(struct str sample, const struct csv_dialect *dialect, struct buf *out,
                     size_t *out_count, struct errmsg *msg);

/* Counts records piece by piece, without regard to their fields: ends of lines outside of quotes.
 * Start with {.dialect = …, .is_field_start = true}. */
struct csv_counter {
    struct csv_dialect dialect;
    bool is_field_start;
    bool is_quoted;
    uint64_t bytes;     /* seen so far */
    uint64_t records;   /* whole ones, the header among them */
    uint64_t end_bytes; /* where the last of these ends */
};
void csv_count(struct csv_counter *counter, struct str piece);
