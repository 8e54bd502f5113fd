/* SPDX-License-Identifier: MIT */
/* import_error.c - what DuckDB says about a file that cannot be read, for the file's owner. */
#include "sql/import.h"

#include "base/json.h"

enum { SHOWN_BYTES_MAX = 80 };

/* What follows `mark` in `text`; empty where it is not. */
static struct str after(struct str text, const char *mark)
{
    size_t len = strlen(mark);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, mark, len) == 0) {
            return str_of(text.ptr + i + len, text.len - i - len);
        }
    }
    return (struct str){0};
}

static bool has(struct str text, const char *mark)
{
    return after(text, mark).ptr != NULL;
}

static uint64_t number_at(struct str text)
{
    uint64_t value = 0;
    size_t len = 0;
    while (len < text.len && len < 19 && text.ptr[len] >= '0' && text.ptr[len] <= '9') {
        len++;
    }
    (void)str_to_u64(str_of(text.ptr, len), &value); /* no digits: 0, there is no line 0 */
    return value;
}

/* Up to the first `end`, shortened to what fits a message. */
static struct str until(struct str text, const char *end)
{
    struct str rest = after(text, end);
    size_t len = rest.ptr == NULL ? text.len : (size_t)(rest.ptr - text.ptr) - strlen(end);
    len = MIN(len, (size_t)SHOWN_BYTES_MAX);
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return str_of(text.ptr, len);
}

static err csv_error(struct str text, uint64_t line, struct errmsg *msg)
{
    struct str row = until(after(text, "Original Line: "), "\n");
    unsigned long long n = line;
    struct str widths = after(text, "Expected Number of Columns: ");
    if (widths.ptr != NULL) {
        return errmsg_set(msg, ERR_INVALID,
                          "line %llu: %llu fields where the others have %llu: %.*s", n,
                          (unsigned long long)number_at(after(widths, "Found: ")),
                          (unsigned long long)number_at(widths), STR_ARGS(row));
    }
    if (has(text, "unterminated quote")) {
        return errmsg_set(
            msg, ERR_INVALID,
            "line %llu: a quote is opened and not closed, or text follows the closing "
            "one: %.*s",
            n, STR_ARGS(row));
    }
    if (has(text, "Invalid unicode")) {
        return errmsg_set(
            msg, ERR_INVALID,
            "line %llu: the bytes are not UTF-8; save the file as UTF-8 (for Latin-1: "
            "iconv -f LATIN1 -t UTF-8)",
            n);
    }
    struct str column = after(text, "Error when converting column \"");
    if (column.ptr != NULL) {
        struct str value = until(after(text, "Could not convert string \""), "\"");
        struct str type = until(after(text, "\" to '"), "'");
        struct str name = until(column, "\"");
        return errmsg_set(msg, ERR_INVALID,
                          "line %llu, column %.*s: \"%.*s\" is no %.*s; mend the line, or say "
                          "types=%.*s:VARCHAR",
                          n, STR_ARGS(name), STR_ARGS(value), STR_ARGS(type), STR_ARGS(name));
    }
    if (has(text, "Maximum line size")) {
        return errmsg_set(msg, ERR_INVALID, "line %llu: longer than 2 MB", n);
    }
    return errmsg_set(msg, ERR_INVALID, "line %llu: cannot be read as CSV: %.*s", n, STR_ARGS(row));
}

static err json_error(struct str text, uint64_t line, struct errmsg *msg)
{
    unsigned long long n = line;
    struct str what = until(after(text, "line "), "\n");
    struct str colon = after(what, ": ");
    struct str reason = colon.ptr == NULL ? what : str_trim(colon);
    if (has(text, "Malformed JSON")) {
        n -= n > 1; /* it has counted the line that it is in */
        return errmsg_set(msg, ERR_INVALID, "line %llu, byte %llu: malformed JSON: %.*s", n,
                          (unsigned long long)number_at(after(text, "at byte ")), STR_ARGS(reason));
    }
    return errmsg_set(msg, ERR_INVALID, "line %llu: %.*s", n, STR_ARGS(reason));
}

static err plain_error(struct str text, struct errmsg *msg)
{
    struct str csv = after(text, "CSV Error on Line: ");
    if (csv.ptr != NULL) {
        return csv_error(text, number_at(csv), msg);
    }
    struct str json = has(text, "JSON") ? after(text, "in line ") : (struct str){0};
    if (json.ptr != NULL) {
        return json_error(text, number_at(json), msg);
    }
    if (has(text, "state machine reached an invalid state")) {
        return errmsg_set(msg, ERR_INVALID,
                          "the file is not regular CSV: mixed line ends, or quotes within a field "
                          "that are not doubled");
    }
    if (has(text, "No magic bytes found") || has(text, "too small to be a Parquet")) {
        return errmsg_set(msg, ERR_INVALID,
                          "the Parquet file is cut short, or is no Parquet file at all: its end is "
                          "missing");
    }
    if (has(text, "TProtocolException") || has(text, "Parquet") || has(text, "parquet")) {
        struct str why = until(text, "\n");
        return errmsg_set(msg, ERR_INVALID, "the Parquet file is damaged: %.*s", STR_ARGS(why));
    }
    struct str plain = after(text, "Error: ");
    plain = until(plain.ptr != NULL ? plain : text, "\n");
    return errmsg_set(msg, ERR_INVALID, "the file cannot be read: %.*s", STR_ARGS(plain));
}

/* What went wrong on another thread may come as {"exception_type":…,"exception_message":…}. */
err sql_import_error(struct str text, err e, struct errmsg *msg)
{
    if (e != ERR_INVALID && e != ERR_FAILED && e != ERR_UNSUPPORTED) {
        return e; /* space, memory, a cancel: nothing about the file */
    }
    ptrdiff_t brace = has(text, "\"exception_message\":") ? str_find(text, '{') : -1;
    AUTO_JSON json = NULL;
    struct str message = {0};
    if (brace >= 0 &&
        json_parse(str_of(text.ptr + brace, text.len - (size_t)brace), &json, NULL) == ERR_OK &&
        json_get_str(json, "exception_message", &message, NULL) == ERR_OK) {
        return plain_error(message, msg);
    }
    return plain_error(text, msg);
}
