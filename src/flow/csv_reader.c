/* SPDX-License-Identifier: MIT */
/* csv_reader.c - a CSV body, piece by piece, into JSON events.
 *
 *   sample (first 64 KiB, or all) -> dialect -> header -> records
 *
 * `carry` holds the beginning of the present record when it lies in earlier pieces, at most
 * record_bytes_max + 2 bytes. A quote that is not closed within that is not allowed to swallow
 * the rest of the file: the line that opened it is a bad record, and reading goes on with the next
 * line. A body made for it can do that again and again; once REREAD_FACTOR times what has come in
 * was read again, a record ends with its line, and the work stays linear. */
#include "flow/csv_lines.h"

#include "flow/json_index.h"
#include "flow/text_json.h"

enum { REREAD_FACTOR = 8 };

struct column {
    struct str name; /* owned */
    enum csv_type type;
    bool is_hint;
};

struct csv_reader {
    const struct text_spec *spec; /* borrowed */
    text_record_fn on_record;
    void *ctx;
    size_t record_bytes_max;
    struct csv_dialect dialect;
    struct column *columns; /* owned */
    size_t column_count;
    size_t name_bytes;
    struct csv_field *fields; /* owned; column_count + 1 */
    struct buf carry;         /* owned; before the start: the sample */
    struct buf again;         /* owned; lines after an unclosed quote */
    struct buf json;          /* owned */
    enum csv_state state;     /* at the end of carry */
    bool is_started;
    bool has_header; /* read or not needed */
    bool is_by_line; /* too many quotes are not closed: none reaches beyond its line */
    uint64_t seen;   /* bytes that feed() has passed, those read again too */
    uint64_t reread;
    bool is_skipping; /* the rest of a record that was too large */
    uint64_t index;
    uint64_t line;       /* of the next byte */
    uint64_t start_line; /* of the present record */
    struct errmsg *msg;  /* borrowed during a call */
};

err csv_reader_new(const struct text_reader_options *o, struct csv_reader **out_reader,
                   struct errmsg *msg)
{
    (void)msg;
    struct csv_reader *r = xnew(struct csv_reader);
    r->spec = o->spec;
    r->on_record = o->on_record;
    r->ctx = o->ctx;
    r->record_bytes_max =
        o->record_bytes_max == 0 ? EVENT_RECORD_BYTES_DEFAULT : o->record_bytes_max;
    r->carry = buf_make(MAX(r->record_bytes_max + 2, (size_t)TEXT_SAMPLE_BYTES));
    r->again = buf_make(r->carry.max);
    r->json = buf_make((r->record_bytes_max + TEXT_OPTION_BYTES_MAX) * 6 + (1 << 20));
    r->line = 1;
    r->start_line = 1;
    r->dialect = (struct csv_dialect){o->spec->delimiter, o->spec->quote};
    *out_reader = r;
    return ERR_OK;
}

void csv_reader_free(struct csv_reader *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->column_count; i++) {
        free((void *)(uintptr_t)r->columns[i].name.ptr); /* ours, made by xstrndup */
    }
    free(r->columns);
    free(r->fields);
    buf_deinit(&r->carry);
    buf_deinit(&r->again);
    buf_deinit(&r->json);
    free(r);
}

/* ---- values ---- */

static bool is_json_number(struct str s, bool *out_integer)
{
    size_t i = s.len > 0 && s.ptr[0] == '-';
    size_t first = i;
    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
        i++;
    }
    if (i == first || (s.ptr[first] == '0' && i > first + 1)) {
        return false;
    }
    *out_integer = i == s.len;
    if (i < s.len && s.ptr[i] == '.') {
        size_t fraction = ++i;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            i++;
        }
        if (i == fraction) {
            return false;
        }
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        i += i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-');
        size_t exponent = i;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            i++;
        }
        if (i == exponent) {
            return false;
        }
    }
    return i == s.len;
}

/* The number that a text is: `*s` trimmed, without a plus or leading zeros when `loose`. */
static bool as_number(struct str *s, bool loose, bool *out_integer)
{
    struct str t = str_trim(*s);
    double value = 0;
    int64_t integer = 0;
    if (loose && t.len > 1 && t.ptr[0] == '+') {
        t = str_of(t.ptr + 1, t.len - 1);
    }
    while (loose && t.len > 1 && t.ptr[0] == '0' && t.ptr[1] >= '0' && t.ptr[1] <= '9') {
        t = str_of(t.ptr + 1, t.len - 1);
    }
    if (!is_json_number(t, out_integer) ||
        (*out_integer ? !str_to_i64(t, &integer) : !json_number_to_double(t.ptr, t.len, &value))) {
        return false;
    }
    *s = t;
    return true;
}

static bool as_boolean(struct str s, bool loose, bool *out_value)
{
    struct str t = str_trim(s);
    *out_value = str_eq_nocase(t, STR("true"));
    if (*out_value || str_eq_nocase(t, STR("false"))) {
        return true;
    }
    if (!loose) {
        return false;
    }
    *out_value = str_is(t, "1") || str_eq_nocase(t, STR("t")) || str_eq_nocase(t, STR("yes")) ||
                 str_eq_nocase(t, STR("y"));
    return *out_value || str_is(t, "0") || str_eq_nocase(t, STR("f")) ||
           str_eq_nocase(t, STR("no")) || str_eq_nocase(t, STR("n"));
}

static bool refuse_value(struct csv_reader *r, const struct column *c, struct str text,
                         const char *what)
{
    (void)errmsg_set(r->msg, ERR_INVALID, "column %.*s: \"%.*s\" is not %s",
                     (int)MIN(c->name.len, (size_t)64), c->name.ptr, (int)MIN(text.len, (size_t)64),
                     text.ptr, what);
    return false;
}

static bool is_null(const struct csv_reader *r, const struct csv_field *f)
{
    return f->text.len == 0 ||
           (r->spec->null_text != NULL && !f->is_quoted && str_is(f->text, r->spec->null_text));
}

/* A declared number or boolean. Without JSON written when it is none and only a hint. */
static bool put_declared(struct csv_reader *r, struct text_json *j, const struct column *c,
                         const struct csv_field *f, bool *out_done)
{
    struct str text = f->text;
    bool flag = false;
    *out_done = true;
    if (c->type == CSV_BOOLEAN) {
        if (as_boolean(text, true, &flag)) {
            text_json_raw(j, flag ? STR("true") : STR("false"));
            return true;
        }
    } else if (as_number(&text, true, &flag) && (flag || c->type == CSV_NUMBER)) {
        text_json_raw(j, text);
        return true;
    }
    *out_done = false;
    return c->is_hint || refuse_value(r, c, f->text,
                                      c->type == CSV_BOOLEAN   ? "true or false"
                                      : c->type == CSV_INTEGER ? "an integer"
                                                               : "a number");
}

static void put_text(const struct csv_reader *r, struct text_json *j, const struct csv_field *f)
{
    if (f->has_doubled) {
        text_json_doubled(j, f->text, r->dialect.quote);
    } else {
        text_json_text(j, f->text);
    }
}

static bool put_value(struct csv_reader *r, struct text_json *j, const struct column *c,
                      const struct csv_field *f)
{
    struct str text = f->text;
    bool flag = false;
    if (is_null(r, f)) {
        text_json_null(j);
        return true;
    }
    if (c->type == CSV_AUTO && !f->has_doubled && as_number(&text, false, &flag)) {
        text_json_raw(j, text);
        return true;
    }
    if (c->type == CSV_AUTO && !f->has_doubled && as_boolean(text, false, &flag)) {
        text_json_raw(j, flag ? STR("true") : STR("false"));
        return true;
    }
    bool is_done = false;
    if (c->type != CSV_AUTO && c->type != CSV_STRING && !put_declared(r, j, c, f, &is_done)) {
        return false;
    }
    if (!is_done) {
        put_text(r, j, f);
    }
    return true;
}

/* ---- records ---- */

static err emit(struct csv_reader *r, struct str raw, enum event_code code, const char *detail)
{
    struct text_record record = {
        .raw = raw, .index = r->index++, .line = r->start_line, .code = code, .detail = detail};
    if (code == EVENT_OK) {
        record.json = buf_str(&r->json);
    }
    return r->on_record(r->ctx, &record);
}

/* The first byte that is not UTF-8, from 1; 0 when all are. */
static size_t bad_byte(struct str s)
{
    if (str_is_utf8(s)) {
        return 0;
    }
    size_t low = 0; /* a prefix that is good */
    for (size_t i = 0; i < s.len;) {
        size_t len = 1;
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x80) {
            len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            if (len > s.len - i || !str_is_utf8(str_of(s.ptr + i, len))) {
                break;
            }
        }
        i += len;
        low = i;
    }
    return low + 1;
}

static bool to_json(struct csv_reader *r, struct str record)
{
    size_t bad = bad_byte(record);
    if (bad > 0) {
        (void)errmsg_set(r->msg, ERR_INVALID,
                         "byte %zu is not UTF-8; convert the file, for example with iconv -f "
                         "latin1 -t utf-8",
                         bad);
        return false;
    }
    size_t count = csv_split(&r->dialect, record, r->fields, r->column_count, r->msg);
    if (count != r->column_count) {
        if (count > 0) {
            (void)errmsg_set(r->msg, ERR_INVALID, "%zu fields where the header has %zu", count,
                             r->column_count);
        }
        return false;
    }
    struct text_json j;
    if (!text_json_begin(&j, &r->json, record.len, r->name_bytes, count)) {
        (void)errmsg_set(r->msg, ERR_NOMEM, "no memory for a record of %zu bytes", record.len);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        text_json_any_name(&j, r->columns[i].name);
        if (!put_value(r, &j, &r->columns[i], &r->fields[i])) {
            return false;
        }
    }
    text_json_end(&j);
    return true;
}

/* ---- the header ---- */

static void set_type(const struct text_spec *spec, struct column *c)
{
    for (size_t i = 0; i < spec->type_count; i++) {
        if (str_is(c->name, spec->types[i].name)) {
            c->type = spec->types[i].type;
            c->is_hint = spec->types[i].is_hint;
        }
    }
}

static bool is_taken(const struct csv_reader *r, struct str name)
{
    for (size_t i = 0; i < r->column_count; i++) {
        if (str_eq_nocase(r->columns[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* What no column of a table may hold becomes an underscore. */
static void make_plain(char *name)
{
    for (char *p = name; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f || strchr(" ,;{}()=", c) != NULL) {
            *p = '_';
        }
    }
}

/* An empty name becomes column<N>; one that is there already gets its position: name_<N>. */
static err add_column(struct csv_reader *r, struct str name)
{
    name = str_trim(name);
    AUTO_TEXT made =
        name.len == 0 ? xasprintf("column%zu", r->column_count + 1) : xstrndup(name.ptr, name.len);
    make_plain(made);
    if (name.len > 0 && is_taken(r, str_from(made))) {
        char *longer = xasprintf("%s_%zu", made, r->column_count + 1);
        free(made);
        made = longer;
    }
    if (is_taken(r, str_from(made))) {
        return errmsg_set(r->msg, ERR_INVALID, "two columns of the header are called \"%.64s\"",
                          made);
    }
    struct column *c = &r->columns[r->column_count];
    *c = (struct column){.name = str_from(made)};
    (void)TAKE(made); /* the column's now */
    r->name_bytes += c->name.len;
    set_type(r->spec, c);
    r->column_count++;
    return ERR_OK;
}

static err columns_begin(struct csv_reader *r, size_t count)
{
    if (count == 0 || count > CSV_COLUMNS_MAX) {
        return errmsg_set(r->msg, ERR_INVALID, "the header has %zu columns, the limit is %d", count,
                          CSV_COLUMNS_MAX);
    }
    r->columns = xnew_array(struct column, count);
    r->fields = xnew_array(struct csv_field, count);
    return ERR_OK;
}

static err declared_columns(struct csv_reader *r)
{
    TRY(columns_begin(r, r->spec->column_count));
    for (size_t i = 0; i < r->spec->column_count; i++) {
        TRY(add_column(r, str_from(r->spec->columns[i])));
    }
    return ERR_OK;
}

static err check_types(const struct csv_reader *r)
{
    for (size_t i = 0; i < r->spec->type_count; i++) {
        const struct csv_typed *t = &r->spec->types[i];
        if (!t->is_hint && !is_taken(r, str_from(t->name))) {
            return errmsg_set(r->msg, ERR_INVALID,
                              "`types` names the column \"%s\", which is not there", t->name);
        }
    }
    return ERR_OK;
}

/* The first record, when it is a header. Without one the columns are column1, column2 ... */
static err first_record(struct csv_reader *r, struct str record, bool *out_is_header)
{
    AUTO_BUF plain = buf_make(TEXT_OPTION_BYTES_MAX);
    *out_is_header = r->spec->header == CSV_HEADER_YES ||
                     (r->spec->header == CSV_HEADER_UNSAID && r->spec->column_count == 0);
    r->has_header = true;
    if (r->column_count > 0) {
        return check_types(r); /* declared: the header is only skipped */
    }
    if (record.len > TEXT_OPTION_BYTES_MAX || (*out_is_header && bad_byte(record) > 0)) {
        return errmsg_set(r->msg, ERR_INVALID,
                          record.len > TEXT_OPTION_BYTES_MAX
                              ? "the header is over 64 KiB: is this CSV?"
                              : "the header is not UTF-8; convert the file");
    }
    struct csv_field *fields = xnew_array(struct csv_field, CSV_COLUMNS_MAX);
    size_t count = csv_split(&r->dialect, record, fields, CSV_COLUMNS_MAX, r->msg);
    err e = count == 0 ? errmsg_wrap(r->msg, ERR_INVALID, "the header") : columns_begin(r, count);
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        struct str name = *out_is_header ? fields[i].text : (struct str){0};
        if (fields[i].has_doubled) {
            buf_reset(&plain);
            csv_field_text(&fields[i], r->dialect.quote, &plain);
            name = buf_str(&plain);
        }
        e = add_column(r, name);
    }
    free(fields);
    return e == ERR_OK ? check_types(r) : e;
}

/* One whole record without its line feed. */
static err on_whole(struct csv_reader *r, struct str record)
{
    if (record.len > 0 && record.ptr[record.len - 1] == '\r') {
        record.len--;
    }
    if (record.len == 0) {
        return ERR_OK;
    }
    if (record.len > r->record_bytes_max) {
        record.len = r->record_bytes_max;
        return emit(r, record, EVENT_RECORD_TOO_LARGE, "the record is over the size limit");
    }
    if (!r->has_header) {
        bool is_header = false;
        TRY(first_record(r, record, &is_header));
        if (is_header) {
            return ERR_OK;
        }
    }
    struct errmsg why = {0};
    struct errmsg *msg = r->msg;
    r->msg = &why;
    bool ok = to_json(r, record);
    r->msg = msg;
    return ok ? emit(r, record, EVENT_OK, NULL) : emit(r, record, EVENT_BAD_LINE, why.text);
}

static uint64_t newlines(struct str s)
{
    uint64_t count = 0;
    const char *p = s.ptr;
    const char *end = p + s.len;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        count++;
        p++;
    }
    return count;
}

/* ---- pieces ---- */

static err feed(struct csv_reader *r, const char *p, const char *end);

/* The quote that the present record opened is not closed within the limit, or at all: its first
 * line is bad, the lines after it are read again. Leaves what is open of them in carry. */
static err give_up_quote(struct csv_reader *r, const char *why)
{
    struct buf swap = r->again;
    r->again = r->carry;
    r->carry = swap;
    buf_reset(&r->carry);
    r->state = CSV_FIELD;
    struct str held = buf_str(&r->again);
    r->reread += held.len;
    r->is_by_line |= r->reread > REREAD_FACTOR * (r->seen - MIN(r->seen, r->reread) + r->carry.max);
    const char *newline = memchr(held.ptr, '\n', held.len);
    size_t len = newline == NULL ? held.len : (size_t)(newline - held.ptr);
    struct str first = str_of(held.ptr, MIN(len, r->record_bytes_max));
    if (first.len > 0 && first.ptr[first.len - 1] == '\r') {
        first.len--;
    }
    TRY(emit(r, first, EVENT_BAD_LINE, why));
    if (newline == NULL) {
        r->is_skipping = true;
        return ERR_OK;
    }
    r->line = r->start_line + 1;
    return feed(r, newline + 1, held.ptr + held.len);
}

/* The present record fills carry and has not ended. */
static err overflow(struct csv_reader *r)
{
    if (!r->has_header) {
        return errmsg_set(r->msg, ERR_INVALID, "the header has no end: is this CSV?");
    }
    if (r->state == CSV_QUOTED) {
        /* What is read again is shorter: it does not come back here. */
        return give_up_quote(r, "a quote is opened in this line and not closed within the size "
                                "limit of a record");
    }
    struct str head = str_of(r->carry.data, r->record_bytes_max);
    TRY(emit(r, head, EVENT_RECORD_TOO_LARGE, "the record is over the size limit"));
    buf_reset(&r->carry);
    r->is_skipping = true;
    return ERR_OK;
}

/* Passes the rest of a record that was given up: up to the next line feed. */
static const char *skip_line(struct csv_reader *r, const char *p, const char *end)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    if (newline == NULL) {
        return end;
    }
    r->is_skipping = false;
    r->state = CSV_FIELD;
    r->line++;
    return newline + 1;
}

/* The end of the present record before `end`, or NULL; keeps r->state. */
static const char *find_end(struct csv_reader *r, const char *p, const char *end)
{
    if (r->is_by_line) {
        r->state = CSV_FIELD;
        return memchr(p, '\n', (size_t)(end - p));
    }
    if (r->carry.len > 0) {
        return csv_scan(&r->dialect, &r->state, p, end);
    }
    r->state = CSV_FIELD;
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    if (newline != NULL && memchr(p, r->dialect.quote, (size_t)(newline - p)) == NULL) {
        return newline; /* most records are a line without a quote */
    }
    return csv_scan(&r->dialect, &r->state, p, end);
}

/* Whether a record is too large is decided at its byte number record_bytes_max + 2, and from the
 * state there, so that the pieces make no difference. */
static err feed(struct csv_reader *r, const char *p, const char *end)
{
    while (p < end) {
        if (r->is_skipping) {
            p = skip_line(r, p, end);
            continue;
        }
        if (r->carry.len == 0) {
            r->start_line = r->line;
        }
        size_t room = r->record_bytes_max + 2 - r->carry.len;
        const char *cap = (size_t)(end - p) > room ? p + room : end;
        const char *stop = find_end(r, p, cap);
        struct str part = str_of(p, (size_t)((stop == NULL ? cap : stop) - p));
        if ((stop == NULL || r->carry.len > 0) && !buf_add_str(&r->carry, part)) {
            return ERR_NOMEM;
        }
        r->line += newlines(part);
        r->seen += part.len;
        p = part.ptr + part.len;
        if (stop == NULL) {
            if (part.len == room) {
                TRY(overflow(r));
            }
            continue;
        }
        err e = on_whole(r, r->carry.len > 0 ? buf_str(&r->carry) : part);
        buf_reset(&r->carry);
        TRY(e);
        r->line++;
        p++;
    }
    return ERR_OK;
}

/* As on the Macintosh of old: all of it would be one line, the header. */
static bool ends_by_cr(struct str sample)
{
    const char *cr = sample.len == 0 ? NULL : memchr(sample.ptr, '\r', sample.len - 1);
    return cr != NULL && memchr(sample.ptr, '\n', sample.len) == NULL;
}

/* The sample is complete: what kind of CSV is it? */
static err start(struct csv_reader *r)
{
    struct str sample = buf_str(&r->carry);
    r->is_started = true;
    if (sample.len >= 2 &&
        (memcmp(sample.ptr, "\xff\xfe", 2) == 0 || memcmp(sample.ptr, "\xfe\xff", 2) == 0)) {
        return errmsg_set(r->msg, ERR_INVALID,
                          "the text is UTF-16; convert it, for example with iconv -f utf-16 -t "
                          "utf-8");
    }
    if (str_starts(sample, STR("\xef\xbb\xbf"))) {
        sample = str_of(sample.ptr + 3, sample.len - 3);
    }
    if (ends_by_cr(sample)) {
        return errmsg_set(r->msg, ERR_INVALID,
                          "the lines end with CR alone; convert them, for example with tr '\\r' "
                          "'\\n'");
    }
    csv_detect(sample, &r->dialect);
    if (r->spec->column_count > 0) {
        TRY(declared_columns(r));
    }
    struct buf held = r->carry;
    r->carry = buf_make(MAX(r->record_bytes_max + 2, (size_t)TEXT_SAMPLE_BYTES));
    err e = sample.len == 0 ? ERR_OK : feed(r, sample.ptr, sample.ptr + sample.len);
    buf_deinit(&held);
    return e;
}

err csv_reader_feed(struct csv_reader *r, struct str piece, struct errmsg *msg)
{
    const char *p = piece.ptr;
    const char *end = p + piece.len;
    r->msg = msg;
    if (!r->is_started) {
        size_t take = MIN(piece.len, (size_t)TEXT_SAMPLE_BYTES - r->carry.len);
        if (!buf_add(&r->carry, p, take)) {
            return ERR_NOMEM;
        }
        p += take;
        if (r->carry.len < TEXT_SAMPLE_BYTES) {
            return ERR_OK;
        }
        TRY(start(r));
    }
    return p < end ? feed(r, p, end) : ERR_OK;
}

err csv_reader_finish(struct csv_reader *r, struct errmsg *msg)
{
    r->msg = msg;
    if (!r->is_started) {
        TRY(start(r));
    }
    while (r->carry.len > 0) {
        if (r->state == CSV_QUOTED && r->has_header) {
            /* A line less each time. */
            TRY(give_up_quote(r, "a quote is opened in this line and never closed"));
            continue;
        }
        err e = on_whole(r, buf_str(&r->carry));
        buf_reset(&r->carry);
        return e;
    }
    return ERR_OK;
}

size_t csv_reader_held(const struct csv_reader *r)
{
    return r->carry.cap + r->again.cap + r->json.cap + r->name_bytes +
           r->column_count * (sizeof *r->columns + sizeof *r->fields);
}

void csv_reader_trim(struct csv_reader *r)
{
    buf_deinit(&r->json);
    buf_deinit(&r->again);
    if (r->carry.len == 0) {
        buf_deinit(&r->carry);
    }
}
