/* SPDX-License-Identifier: MIT */
/* land_stats.c - column statistics of DuckDB as the text of Delta's add.stats (delta.md section
 * 11).
 *
 * A bound that is not certainly right is left out: a missing one costs a file read, a wrong one
 * loses rows. DuckDB cuts strings over 256 bytes itself and raises the last byte of the maximum,
 * which stays an upper bound; it gives none for long strings that are not ASCII. */
#include "base/timefmt.h"
#include "sql/land.h"

enum { STRING_CHARS = 32, MS_US = 1000 };

/* Bytes of the first `chars` characters of valid UTF-8. */
static size_t prefix_bytes(struct str text, size_t chars)
{
    size_t at = 0;
    while (at < text.len && chars > 0) {
        unsigned char c = (unsigned char)text.ptr[at];
        at += c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        chars--;
    }
    return MIN(at, text.len);
}

static bool is_top_character(const char *ptr, size_t left)
{
    return left >= 4 && memcmp(ptr, "\xf4\x8f\xbf\xbf", 4) == 0;
}

/* The whole text, or a longer-sorting prefix of it; false when there is no good one. */
static bool add_string_max(struct str text, struct buf *out)
{
    for (size_t chars = STRING_CHARS; chars <= 2 * STRING_CHARS; chars++) {
        size_t len = prefix_bytes(text, chars);
        if (len == text.len) {
            return buf_add_json_string(out, text);
        }
        if (is_top_character(text.ptr + len, text.len - len)) {
            continue; /* nothing sorts after it: one character more */
        }
        AUTO_BUF cut = buf_make(1024);
        buf_add(&cut, text.ptr, len);
        buf_puts(&cut, (unsigned char)text.ptr[len] < 0x7f ? "\x7f" : "\xf4\x8f\xbf\xbf");
        return buf_add_json_string(out, buf_str(&cut));
    }
    return false;
}

/* "2026-11-20 12:34:56.789123+00" or without zone. */
static bool parse_timestamp(struct str text, int64_t *out_us)
{
    if (str_ends(text, STR("+00"))) {
        text.len -= 3;
    }
    return time_parse_rfc3339(text, out_us);
}

static bool add_timestamp(struct str text, bool round_up, struct buf *out)
{
    int64_t us = 0;
    if (!parse_timestamp(text, &us)) {
        return false;
    }
    int64_t rest = ((us % MS_US) + MS_US) % MS_US;
    us -= rest;
    if (round_up && rest != 0) {
        us += MS_US;
    }
    char formatted[TIME_TEXT_BYTES];
    size_t len = time_format_rfc3339(us, formatted);
    buf_add_byte(out, '"');
    if (us % 1000000 == 0) {
        buf_add(out, formatted, len - 1);
        buf_puts(out, ".000Z\""); /* three digits always */
    } else {
        buf_add(out, formatted, len);
        buf_add_byte(out, '"');
    }
    return true;
}

static bool add_number(struct str text, struct buf *out)
{
    json_t *number = NULL;
    if (json_parse(text, &number, NULL) != ERR_OK) {
        return false; /* inf, nan */
    }
    bool is_number = json_is_number(number);
    json_decref(number);
    return is_number && buf_add_str(out, text);
}

static bool add_bound(const struct sql_column_stats *column, bool is_max, struct buf *out)
{
    struct str text = is_max ? column->max : column->min;
    int32_t days = 0;
    switch (column->kind) {
    case SQL_BOUND_NONE:
        return false;
    case SQL_BOUND_NUMBER:
    case SQL_BOUND_FLOAT:
        return !column->has_nan && add_number(text, out);
    case SQL_BOUND_DATE:
        return time_parse_date(text, &days) && buf_add_json_string(out, text);
    case SQL_BOUND_TIMESTAMP:
        return add_timestamp(text, is_max, out);
    case SQL_BOUND_STRING:
        if (!str_is_utf8(text)) {
            return false;
        }
        return is_max
                   ? add_string_max(text, out)
                   : buf_add_json_string(out, str_of(text.ptr, prefix_bytes(text, STRING_CHARS)));
    }
    return false;
}

/* Both bounds, each appended to its object, or neither. */
static void add_bounds(const struct sql_column_stats *column, struct buf *mins, struct buf *maxs)
{
    if (column->min.ptr == NULL || column->max.ptr == NULL) {
        return;
    }
    size_t mins_len = mins->len;
    size_t maxs_len = maxs->len;
    struct buf *bounds[] = {mins, maxs};
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        if (bounds[i]->len > 1) {
            buf_add_byte(bounds[i], ',');
        }
        buf_add_json_string(bounds[i], str_from(column->name));
        buf_add_byte(bounds[i], ':');
        ok = add_bound(column, i == 1, bounds[i]) && ok;
    }
    if (!ok) {
        mins->len = mins_len;
        maxs->len = maxs_len;
    }
}

void sql_delta_stats(uint64_t rows, const struct sql_column_stats *columns, size_t count,
                     size_t bounds_max, struct buf *out)
{
    AUTO_BUF mins = buf_make(16 << 20);
    AUTO_BUF maxs = buf_make(16 << 20);
    AUTO_BUF nulls = buf_make(16 << 20);
    buf_add_byte(&mins, '{');
    buf_add_byte(&maxs, '{');
    buf_add_byte(&nulls, '{');
    for (size_t i = 0; i < count; i++) {
        uint64_t null_count = 0;
        if (!str_to_u64(columns[i].nulls, &null_count)) {
            continue;
        }
        if (nulls.len > 1) {
            buf_add_byte(&nulls, ',');
        }
        buf_add_json_string(&nulls, str_from(columns[i].name));
        buf_add_byte(&nulls, ':');
        buf_add_u64(&nulls, null_count);
        if (i < bounds_max) {
            add_bounds(&columns[i], &mins, &maxs);
        }
    }
    buf_puts(out, "{\"numRecords\":");
    buf_add_u64(out, rows);
    buf_puts(out, ",\"minValues\":");
    buf_add_str(out, buf_str(&mins));
    buf_puts(out, "},\"maxValues\":");
    buf_add_str(out, buf_str(&maxs));
    buf_puts(out, "},\"nullCount\":");
    buf_add_str(out, buf_str(&nulls));
    buf_puts(out, "}}");
    out->failed = out->failed || mins.failed || maxs.failed || nulls.failed;
}
