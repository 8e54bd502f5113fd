/* SPDX-License-Identifier: MIT */
/* sql_split.c - see sql_split.h. One pass; each scan_x() returns the position behind its piece, or
 * the text's end with *open set when the piece does not end. */
#include "app/sql_split.h"

#include "base/base.h"

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80) != 0;
}

/* From the opening quote at `at`; a doubled quote stands for one, and so does, in E'...', one
 * behind a backslash. */
static size_t scan_quoted(struct str text, size_t at, bool has_escapes, enum sql_open *open)
{
    char quote = text.ptr[at++];
    while (at < text.len) {
        if (has_escapes && text.ptr[at] == '\\') {
            at += at + 1 < text.len ? 2 : 1;
        } else if (text.ptr[at] != quote) {
            at++;
        } else if (at + 1 < text.len && text.ptr[at + 1] == quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    *open = quote == '"' ? SQL_OPEN_NAME : SQL_OPEN_STRING;
    return at;
}

static size_t scan_line_comment(struct str text, size_t at)
{
    while (at < text.len && text.ptr[at] != '\n' && text.ptr[at] != '\r') {
        at++;
    }
    return at;
}

/* Block comments nest. */
static size_t scan_block_comment(struct str text, size_t at, enum sql_open *open)
{
    size_t depth = 0;
    while (at < text.len) {
        bool pair = at + 1 < text.len;
        if (pair && text.ptr[at] == '/' && text.ptr[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (pair && text.ptr[at] == '*' && text.ptr[at + 1] == '/') {
            at += 2;
            if (--depth == 0) {
                return at;
            }
        } else {
            at++;
        }
    }
    *open = SQL_OPEN_COMMENT;
    return at;
}

/* From a dollar sign: $tag$...$tag$, or else just the sign (a parameter, an operator). */
static size_t scan_dollar(struct str text, size_t at, enum sql_open *open)
{
    size_t end = at + 1;
    bool digit_first = end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9';
    while (end < text.len && is_name_byte(text.ptr[end]) && !digit_first) {
        end++;
    }
    if (end >= text.len || text.ptr[end] != '$') {
        return at + 1;
    }
    size_t tag_len = end + 1 - at;
    const char *tag = text.ptr + at;
    const char *close = memmem(text.ptr + end + 1, text.len - end - 1, tag, tag_len);
    if (close == NULL) {
        *open = SQL_OPEN_DOLLAR;
        return text.len;
    }
    return (size_t)(close - text.ptr) + tag_len;
}

/* One piece that is not a semicolon; *out_blank: it is space or a comment. */
static size_t scan_piece(struct str text, size_t at, enum sql_open *open, bool *out_blank)
{
    char c = text.ptr[at];
    char next = at + 1 < text.len ? text.ptr[at + 1] : '\0';
    *out_blank = false;
    if (c == '-' && next == '-') {
        *out_blank = true;
        return scan_line_comment(text, at);
    }
    if (c == '/' && next == '*') {
        *out_blank = true;
        return scan_block_comment(text, at, open);
    }
    if (c == '\'' || c == '"') {
        return scan_quoted(text, at, false, open);
    }
    if ((c == 'e' || c == 'E') && next == '\'') {
        return scan_quoted(text, at + 1, true, open);
    }
    if (c == '$') {
        return scan_dollar(text, at, open);
    }
    if (is_name_byte(c)) { /* a whole word, so that its last letter is no prefix of a string */
        while (at < text.len && (is_name_byte(text.ptr[at]) || text.ptr[at] == '$')) {
            at++;
        }
        return at;
    }
    *out_blank = c == ' ' || (c >= '\t' && c <= '\r');
    return at + 1;
}

struct sql_split sql_split_first(struct str text)
{
    struct sql_split split = {.is_blank = true};
    size_t at = 0;
    while (at < text.len) {
        if (text.ptr[at] == ';') {
            split.is_complete = true;
            at++;
            break;
        }
        bool blank = false;
        size_t next = scan_piece(text, at, &split.open, &blank);
        ASSERT(next > at && next <= text.len);
        split.is_blank = split.is_blank && blank;
        at = next;
    }
    split.end = at;
    return split;
}

struct str sql_split_body(struct str text, const struct sql_split *split)
{
    ASSERT(split->end <= text.len);
    return str_trim(str_of(text.ptr, split->end - (size_t)split->is_complete));
}
