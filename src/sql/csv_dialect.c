/* SPDX-License-Identifier: MIT */
/* csv_dialect.c - see csv_dialect.h. */
#include "sql/csv_dialect.h"

static const char candidates[] = {',', ';', '\t', '|'};

static err refuse_other_encodings(struct str sample, struct errmsg *msg)
{
    const unsigned char *b = (const unsigned char *)sample.ptr;
    bool utf16 =
        sample.len >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff));
    if (utf16) {
        return errmsg_set(
            msg, ERR_INVALID,
            "line 1: the file is UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)");
    }
    if (sample.len >= 4 && memcmp(b, "PAR1", 4) == 0) {
        return errmsg_set(msg, ERR_INVALID, "this is a Parquet file, not CSV; say format=parquet");
    }
    bool packed =
        sample.len >= 4 && ((b[0] == 0x1f && b[1] == 0x8b) ||
                            memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0 || memcmp(b, "PK\3\4", 4) == 0);
    if (packed) {
        return errmsg_set(msg, ERR_INVALID,
                          "the file is compressed: send gzip or zstd with Content-Encoding, and "
                          "unpack anything else");
    }
    return ERR_OK;
}

/* Fields of the first record if `delimiter` separated them; 1 at least. */
static size_t count_fields(struct str text, char delimiter, char quote)
{
    size_t count = 1;
    bool quoted = false;
    bool at_start = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == quote && (at_start || quoted)) {
            quoted = !quoted;
        } else if (!quoted && (c == '\n' || c == '\r')) {
            break;
        }
        at_start = !quoted && c == delimiter;
        count += at_start;
    }
    return count;
}

err csv_dialect_detect(struct str sample, struct csv_dialect *dialect, struct errmsg *msg)
{
    TRY(refuse_other_encodings(sample, msg));
    dialect->skip_bytes = str_starts(sample, STR("\xef\xbb\xbf")) ? 3 : 0;
    dialect->quote = dialect->quote != '\0' ? dialect->quote : '"';
    struct str text = str_of(sample.ptr + dialect->skip_bytes, sample.len - dialect->skip_bytes);
    if (str_trim(text).len == 0) {
        return errmsg_set(msg, ERR_INVALID,
                          "line 1: the file is empty; its first line names the columns");
    }
    size_t most = 0;
    for (size_t i = 0; i < ARRAY_LEN(candidates) && dialect->delimiter == '\0'; i++) {
        most = MAX(most, count_fields(text, candidates[i], dialect->quote));
    }
    for (size_t i = 0; i < ARRAY_LEN(candidates) && dialect->delimiter == '\0'; i++) {
        if (count_fields(text, candidates[i], dialect->quote) == most) {
            dialect->delimiter = candidates[i];
        }
    }
    return ERR_OK;
}

err csv_first_record(struct str sample, const struct csv_dialect *dialect, struct buf *out,
                     size_t *out_count, struct errmsg *msg)
{
    size_t count = 1;
    bool quoted = false;
    bool at_start = true;
    bool ended = false;
    for (size_t i = dialect->skip_bytes; i < sample.len && !ended; i++) {
        char c = sample.ptr[i];
        if (c == '\0') {
            return errmsg_set(msg, ERR_INVALID, "line 1: a zero byte; is this a text file?");
        }
        if (quoted) {
            bool doubled =
                c == dialect->quote && i + 1 < sample.len && sample.ptr[i + 1] == dialect->quote;
            quoted = c != dialect->quote || doubled;
            i += doubled;
            if (quoted) {
                buf_add_byte(out, c);
            }
        } else if (c == dialect->quote && at_start) {
            quoted = true;
        } else if (c == dialect->delimiter) {
            buf_add_byte(out, '\0');
            count++;
        } else if (c == '\n' || c == '\r') {
            ended = true;
        } else {
            buf_add_byte(out, c);
        }
        at_start = !quoted && c == dialect->delimiter;
        if (count > CSV_FIELDS_MAX) {
            return errmsg_set(msg, ERR_LIMIT, "line 1: more than %d columns", CSV_FIELDS_MAX);
        }
    }
    buf_add_byte(out, '\0');
    if (quoted) {
        return errmsg_set(msg, ERR_INVALID, "line 1: a quote is opened and never closed");
    }
    *out_count = count;
    return buf_check(out);
}

void csv_count(struct csv_counter *counter, struct str piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.ptr[i];
        if (counter->bytes + i < counter->dialect.skip_bytes) {
            continue;
        }
        bool is_quote = c == counter->dialect.quote;
        if (is_quote && (counter->is_field_start || counter->is_quoted)) {
            /* A doubled quote closes and opens again. */
            counter->is_field_start = counter->is_quoted;
            counter->is_quoted = !counter->is_quoted;
            continue;
        }
        bool is_end = c == '\n' && !counter->is_quoted;
        counter->is_field_start =
            !counter->is_quoted && (is_end || c == counter->dialect.delimiter);
        if (is_end) {
            counter->records++;
            counter->end_bytes = counter->bytes + i + 1;
        }
    }
    counter->bytes += piece.len;
}
