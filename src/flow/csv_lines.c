/* SPDX-License-Identifier: MIT */
/* csv_lines.c - the grammar of CSV: record ends, fields, and what a file's beginning tells about
 * its delimiter and quotes. See csv_lines.h. */
#include "flow/csv_lines.h"

enum { DETECT_RECORDS = 200 };

/* Up to the end of the quoted part, or NULL. */
static const char *scan_quoted(const struct csv_dialect *d, enum csv_state *state, const char *p,
                               const char *end)
{
    const char *quote = memchr(p, d->quote, (size_t)(end - p));
    *state = quote == NULL ? CSV_QUOTED : CSV_QUOTE;
    return quote == NULL ? end : quote + 1;
}

const char *csv_scan(const struct csv_dialect *d, enum csv_state *state, const char *p,
                     const char *end)
{
    while (p < end) {
        char c = *p;
        switch (*state) {
        case CSV_QUOTED:
            p = scan_quoted(d, state, p, end);
            continue;
        case CSV_QUOTE:
            if (c == d->quote) {
                *state = CSV_QUOTED;
                p++;
                continue;
            }
            *state = CSV_PLAIN;
            break;
        case CSV_FIELD:
            if (c == d->quote && c != '\n') {
                *state = CSV_QUOTED;
                p++;
                continue;
            }
            *state = CSV_PLAIN;
            break;
        case CSV_PLAIN:
            break;
        }
        if (c == '\n') {
            *state = CSV_FIELD;
            return p;
        }
        if (c == d->delimiter) {
            *state = CSV_FIELD;
        }
        p++;
    }
    return NULL;
}

size_t csv_whole_records(const struct csv_dialect *d, struct str bytes)
{
    const char *p = bytes.ptr;
    const char *end = p + bytes.len;
    const char *whole = p;
    enum csv_state state = CSV_FIELD;
    while (p < end && (p = csv_scan(d, &state, p, end)) != NULL) {
        whole = ++p;
    }
    return (size_t)(whole - bytes.ptr);
}

size_t csv_split(const struct csv_dialect *d, struct str record, struct csv_field *fields,
                 size_t max, struct errmsg *msg)
{
    const char *p = record.ptr;
    const char *end = p + record.len;
    size_t count = 0;
    for (;;) {
        struct csv_field f = {.text = {p, 0}};
        if (p < end && *p == d->quote) {
            const char *start = ++p;
            f.is_quoted = true;
            while ((p = memchr(p, d->quote, (size_t)(end - p))) != NULL && p + 1 < end &&
                   p[1] == d->quote) {
                f.has_doubled = true;
                p += 2;
            }
            if (p == NULL) {
                (void)errmsg_set(msg, ERR_INVALID, "the quote that opens field %zu is not closed",
                                 count + 1);
                return 0;
            }
            f.text = str_of(start, (size_t)(p - start));
            p++;
            if (p < end && *p != d->delimiter) {
                (void)errmsg_set(msg, ERR_INVALID, "text after the closing quote of field %zu",
                                 count + 1);
                return 0;
            }
        } else {
            const char *stop = memchr(p, d->delimiter, (size_t)(end - p));
            stop = stop == NULL ? end : stop;
            f.text = str_of(p, (size_t)(stop - p));
            p = stop;
        }
        if (count < max) {
            fields[count] = f;
        }
        count++;
        if (p == end) {
            return count;
        }
        p++; /* the delimiter */
    }
}

/* ---- detection ---- */

static bool is_one_of(char c, struct str set)
{
    return memchr(set.ptr, c, set.len) != NULL;
}

/* Fields that open and close with `quote`, and look like it. */
static size_t quoted_fields(struct str sample, char quote)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < sample.len; i++) {
        if (sample.ptr[i] != quote || (i > 0 && !is_one_of(sample.ptr[i - 1], STR(",;\t|\n")))) {
            continue;
        }
        const char *close = memchr(sample.ptr + i + 1, quote, sample.len - i - 1);
        if (close == NULL) {
            break;
        }
        size_t at = (size_t)(close - sample.ptr);
        if (at + 1 == sample.len || is_one_of(sample.ptr[at + 1], STR(",;\t|\r\n"))) {
            count++;
            i = at;
        }
    }
    return count;
}

/* How well a delimiter fits: records with as many fields as the first, in thousandths; 0 when that
 * is one field. *out_fields is the first's. */
static unsigned fit(struct str sample, const struct csv_dialect *d, size_t *out_fields)
{
    const char *p = sample.ptr;
    const char *end = p + sample.len;
    unsigned records = 0;
    unsigned same = 0;
    *out_fields = 0;
    while (p < end && records < DETECT_RECORDS) {
        enum csv_state state = CSV_FIELD;
        const char *stop = csv_scan(d, &state, p, end);
        if (stop == NULL && records > 0) {
            break; /* cut by the sample's end */
        }
        const char *next = stop == NULL ? end : stop + 1;
        stop = stop == NULL ? end : stop;
        stop -= stop > p && stop[-1] == '\r';
        if (stop > p) {
            struct csv_field one;
            size_t fields = csv_split(d, str_of(p, (size_t)(stop - p)), &one, 1, NULL);
            *out_fields = records == 0 ? fields : *out_fields;
            same += fields == *out_fields;
            records++;
        }
        p = next;
    }
    return *out_fields < 2 ? 0 : same * 1000 / records;
}

void csv_detect(struct str sample, struct csv_dialect *d)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    sample = sample.len == 0 ? STR("") : sample; /* nothing may lie nowhere */
    if (d->quote == 0) {
        bool single = quoted_fields(sample, '\'') > 0 && quoted_fields(sample, '"') == 0;
        d->quote = single ? '\'' : '"';
    }
    if (d->delimiter != 0) {
        return;
    }
    unsigned best = 0;
    size_t best_fields = 0;
    char found = ',';
    for (size_t i = 0; i < sizeof candidates; i++) {
        struct csv_dialect tried = {candidates[i], d->quote};
        size_t fields = 0;
        unsigned score = fit(sample, &tried, &fields);
        if (score > best || (score == best && score > 0 && fields > best_fields)) {
            best = score;
            best_fields = fields;
            found = candidates[i];
        }
    }
    d->delimiter = found;
}

bool csv_delimiter_parse(struct str text, char *out)
{
    if (str_is(text, "tab") || str_is(text, "\\t")) {
        *out = '\t';
        return true;
    }
    if (text.len != 1 || (unsigned char)text.ptr[0] >= 0x80 ||
        ((unsigned char)text.ptr[0] < 0x20 && text.ptr[0] != '\t') || text.ptr[0] == '"') {
        return false;
    }
    *out = text.ptr[0];
    return true;
}

bool csv_quote_parse(struct str text, char *out)
{
    if (str_is(text, "none") || text.len == 0) {
        *out = '\n';
        return true;
    }
    if (text.len != 1 || (unsigned char)text.ptr[0] >= 0x80 || (unsigned char)text.ptr[0] < 0x21) {
        return false;
    }
    *out = text.ptr[0];
    return true;
}

void csv_field_text(const struct csv_field *f, char quote, struct buf *out)
{
    for (size_t i = 0; i < f->text.len; i++) {
        buf_add_byte(out, f->text.ptr[i]);
        i += f->has_doubled && f->text.ptr[i] == quote;
    }
}

static void add_quoted(struct buf *out, struct str text)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        buf_add_byte(out, text.ptr[i]);
        if (text.ptr[i] == '"') {
            buf_add_byte(out, '"');
        }
    }
    buf_add_byte(out, '"');
}

err csv_columns_text(const struct csv_dialect *d, struct str record, struct buf *out,
                     struct errmsg *msg)
{
    struct csv_field *fields = xnew_array(struct csv_field, CSV_COLUMNS_MAX);
    AUTO_BUF name = buf_make(TEXT_OPTION_BYTES_MAX);
    size_t count = csv_split(d, record, fields, CSV_COLUMNS_MAX, msg);
    for (size_t i = 0; i < MIN(count, (size_t)CSV_COLUMNS_MAX); i++) {
        buf_reset(&name);
        csv_field_text(&fields[i], d->quote, &name);
        if (i > 0) {
            buf_add_byte(out, ',');
        }
        add_quoted(out, buf_str(&name));
    }
    free(fields);
    if (count == 0 || count > CSV_COLUMNS_MAX) {
        return errmsg_wrap(msg, ERR_INVALID, "the header");
    }
    return name.failed || out->failed
               ? errmsg_set(msg, ERR_TOO_LARGE, "the header is over 64 KiB: is this CSV?")
               : ERR_OK;
}
