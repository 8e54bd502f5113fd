/* SPDX-License-Identifier: MIT */
/* text_table.h - rows for people: an aligned table, or one line a value.
 *
 * Numbers stand right by their column's type, text left. NULL is a dim NULL on a terminal. Control
 * characters of values, which could steer a terminal, are shown as escapes (\n, \x1b).
 * Thread: any. */
#pragma once
#include "base/json.h"

struct text_table_options {
    size_t width;     /* columns of the terminal: wide values are cut to it; 0: nothing is cut */
    bool is_vertical; /* "name | value" lines, row after row */
    bool has_color;   /* dims NULL and rules */
};

/* Appends the rows of an answer {"columns":[{"name","type"}],"rows":[[...]]} as POST /api/v1/query
 * gives it. Errors: INVALID (not such an answer), TOO_LARGE. */
err text_table_write(const json_t *answer, const struct text_table_options *options,
                     struct buf *out, struct errmsg *msg);

/* Appends `text` with escapes for what could steer a terminal: C0 (but for newlines and tabs, when
 * they are kept), DEL, C1. */
void text_shown_add(struct str text, bool keeps_lines, struct buf *out);

/* Terminal columns that UTF-8 text takes: 0 for what joins the character before, 2 for wide. */
size_t text_width(struct str text);
/* Bytes of the longest prefix of `text` that takes at most `columns` columns. */
size_t text_cut(struct str text, size_t columns);

/* The line of `sql` that holds the 1-based character `position`, and a caret below it:
 *     LINE 2: FROM nowhere
 *                  ^
 * Long lines are cut around the place. Appends nothing when there is no such character. */
void text_caret_write(struct str sql, int64_t position, struct buf *out);
