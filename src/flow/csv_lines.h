/* SPDX-License-Identifier: MIT */
/* csv_lines.h - CSV as RFC 4180 has it, streamed; inside text_format.h, and for `tarn tail`.
 *
 * The scanner finds where records end: at a line feed outside of quotes. A quote opens only at the
 * beginning of a field and is doubled inside; elsewhere it is a byte like others. Pure. */
#pragma once
#include "flow/text_format.h"

struct csv_dialect {
    char delimiter;
    char quote; /* '\n': none */
};

enum csv_state { CSV_FIELD, CSV_PLAIN, CSV_QUOTED, CSV_QUOTE /* a quote within quotes */ };

/* From `p` in `*state`: the line feed that ends the record, or NULL when it does not end before
 * `end`; *state is where to go on then, CSV_FIELD after a line feed. */
const char *csv_scan(const struct csv_dialect *d, enum csv_state *state, const char *p,
                     const char *end);

/* Length of the whole records at the start of `bytes`, 0 when not even one ends there. */
size_t csv_whole_records(const struct csv_dialect *d, struct str bytes);

/* Fills in what is 0 in *d by looking at the beginning of a file: of , ; tab | the delimiter that
 * gives most records the same number of fields, more than one; `'` only where quotes of that kind
 * enclose fields and none of the other kind do. */
void csv_detect(struct str sample, struct csv_dialect *d);

struct csv_field {
    struct str text; /* inside the quotes; {.ptr != NULL} */
    bool is_quoted;
    bool has_doubled; /* quotes inside are doubled */
};
/* Splits one record (without its line end). Returns the number of fields, which may be larger than
 * `max` (the rest is not stored), or 0 with a message. */
size_t csv_split(const struct csv_dialect *d, struct str record, struct csv_field *fields,
                 size_t max, struct errmsg *msg);

/* Reads a delimiter or quote as people write it: one character, "tab", "\t", "none" (quote). */
bool csv_delimiter_parse(struct str text, char *out_delimiter);
bool csv_quote_parse(struct str text, char *out_quote);

/* The fields of a record as text with `,` between and `"` around where needed, as text_spec_set()
 * takes `columns`. Errors: INVALID, TOO_LARGE. */
err csv_columns_text(const struct csv_dialect *d, struct str record, struct buf *out,
                     struct errmsg *msg);
/* Appends what a field says, doubled quotes undone. */
void csv_field_text(const struct csv_field *f, char quote, struct buf *out);

/* ---- the reader of a whole body, for text_format.c ---- */

struct csv_reader;
err csv_reader_new(const struct text_reader_options *options, struct csv_reader **out_reader,
                   struct errmsg *msg);
void csv_reader_free(struct csv_reader *r);
err csv_reader_feed(struct csv_reader *r, struct str piece, struct errmsg *msg);
err csv_reader_finish(struct csv_reader *r, struct errmsg *msg);
size_t csv_reader_held(const struct csv_reader *r);
void csv_reader_trim(struct csv_reader *r);
