/* SPDX-License-Identifier: MIT */
/* text_format.c - names and options of the text formats, and the reader of line formats. The
 * grammars are in weblog_*.c and csv_*.c.
 *
 * `carry` holds the beginning of the present line when it lies in earlier pieces, at most
 * record_bytes_max + 2 bytes (a CR, and one to see that it is too much). */
#include "flow/text_format.h"

#include "flow/csv_lines.h"
#include "flow/weblog.h"

#define TEXT_FORMAT_NAME_(code, name) [code] = name,
static const char *const format_names[TEXT_FORMAT_COUNT] = {TEXT_FORMAT_LIST(TEXT_FORMAT_NAME_)};

const char *const text_option_names[] = {"delimiter", "quote", "header", "columns",
                                         "types",     "null",  "zone",   NULL};

const char *text_format_name(enum text_format format)
{
    ASSERT(format < TEXT_FORMAT_COUNT);
    return format_names[format];
}

bool text_format_parse(struct str name, enum text_format *out_format)
{
    for (size_t i = 0; i < TEXT_FORMAT_COUNT; i++) {
        if (str_is(name, format_names[i])) {
            *out_format = (enum text_format)i;
            return true;
        }
    }
    return false;
}

const char *text_format_names(void)
{
    return "csv, common, combined, nginx, nginx_json, apache_error, ndjson, json";
}

/* ---- options ---- */

void text_spec_deinit(struct text_spec *s)
{
    for (size_t i = 0; i < s->column_count; i++) {
        free(s->columns[i]);
    }
    for (size_t i = 0; i < s->type_count; i++) {
        free(s->types[i].name);
    }
    free(s->columns);
    free(s->types);
    free(s->null_text);
    *s = (struct text_spec){.format = s->format};
}

static void add_type(struct text_spec *s, struct str name, enum csv_type type, bool is_hint)
{
    s->types = xrealloc(s->types, s->type_count + 1, sizeof *s->types);
    s->types[s->type_count++] = (struct csv_typed){xstrndup(name.ptr, name.len), type, is_hint};
}

static bool type_parse(struct str name, enum csv_type *out_type)
{
    static const char *const names[] = {[CSV_AUTO] = "auto",
                                        [CSV_STRING] = "string",
                                        [CSV_INTEGER] = "integer",
                                        [CSV_NUMBER] = "number",
                                        [CSV_BOOLEAN] = "boolean"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(name, names[i])) {
            *out_type = (enum csv_type)i;
            return true;
        }
    }
    return false;
}

/* "price:number,zip:string". */
static err set_types(struct text_spec *s, struct str value, struct errmsg *msg)
{
    struct str rest = value;
    struct str one;
    while (rest.len > 0 && str_split(&rest, ',', &one)) {
        enum csv_type type = CSV_AUTO;
        const char *colon = one.len == 0 ? NULL : memrchr(one.ptr, ':', one.len);
        size_t len = colon == NULL ? 0 : (size_t)(colon - one.ptr);
        if (len == 0 || s->type_count >= CSV_COLUMNS_MAX ||
            !type_parse(str_of(colon + 1, one.len - len - 1), &type)) {
            return errmsg_set(msg, ERR_INVALID,
                              "types is COLUMN:TYPE,... with auto, string, integer, number or "
                              "boolean; \"%.*s\" is not",
                              (int)MIN(one.len, (size_t)100), one.ptr);
        }
        add_type(s, str_trim(str_of(one.ptr, len)), type, false);
    }
    return ERR_OK;
}

/* A record of CSV, whatever the text itself uses. */
static err set_columns(struct text_spec *s, struct str value, struct errmsg *msg)
{
    static const struct csv_dialect dialect = {',', '"'};
    if (value.len == 0 || value.len > TEXT_OPTION_BYTES_MAX || !str_is_utf8(value)) {
        return errmsg_set(msg, ERR_INVALID, "columns is NAME,NAME,... in UTF-8, up to 64 KiB");
    }
    struct csv_field *fields = xnew_array(struct csv_field, CSV_COLUMNS_MAX);
    size_t count = csv_split(&dialect, value, fields, CSV_COLUMNS_MAX, msg);
    AUTO_BUF name = buf_make(TEXT_OPTION_BYTES_MAX);
    for (size_t i = 0; count <= CSV_COLUMNS_MAX && i < count; i++) {
        buf_reset(&name);
        csv_field_text(&fields[i], '"', &name);
        s->columns = xrealloc(s->columns, s->column_count + 1, sizeof *s->columns);
        s->columns[s->column_count++] = xstrndup(buf_cstr(&name), name.len);
    }
    free(fields);
    if (count > CSV_COLUMNS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "columns has more than %d names", CSV_COLUMNS_MAX);
    }
    return count > 0 ? ERR_OK : errmsg_wrap(msg, ERR_INVALID, "columns");
}

/* "+02:00", "-0530", "Z", "UTC". */
static err set_zone(struct text_spec *s, struct str value, struct errmsg *msg)
{
    uint64_t hours = 0;
    uint64_t minutes = 0;
    bool is_utc = str_is(value, "Z") || str_eq_nocase(value, STR("utc"));
    bool has_colon = value.len == 6 && value.ptr[3] == ':';
    bool is_offset =
        (has_colon || value.len == 5) && (value.ptr[0] == '+' || value.ptr[0] == '-') &&
        str_to_u64(str_of(value.ptr + 1, 2), &hours) &&
        str_to_u64(str_of(value.ptr + 3 + has_colon, 2), &minutes) && hours < 24 && minutes < 60;
    if (!is_utc && !is_offset) {
        return errmsg_set(msg, ERR_INVALID, "zone is UTC or an offset such as +02:00, not %.*s",
                          (int)MIN(value.len, (size_t)40), value.ptr);
    }
    int32_t seconds = (int32_t)(hours * 3600 + minutes * 60);
    s->zone_seconds = is_utc ? 0 : value.ptr[0] == '-' ? -seconds : seconds;
    return ERR_OK;
}

static err set_csv(struct text_spec *s, const char *name, struct str value, struct errmsg *msg)
{
    if (strcmp(name, "delimiter") == 0) {
        return csv_delimiter_parse(value, &s->delimiter)
                   ? ERR_OK
                   : errmsg_set(msg, ERR_INVALID, "delimiter is one ASCII character, or tab");
    }
    if (strcmp(name, "quote") == 0) {
        return csv_quote_parse(value, &s->quote)
                   ? ERR_OK
                   : errmsg_set(msg, ERR_INVALID, "quote is one ASCII character, or none");
    }
    if (strcmp(name, "header") == 0) {
        bool yes = str_is(value, "true") || str_is(value, "1");
        if (!yes && !str_is(value, "false") && !str_is(value, "0")) {
            return errmsg_set(msg, ERR_INVALID, "header is true or false");
        }
        s->header = yes ? CSV_HEADER_YES : CSV_HEADER_NO;
        return ERR_OK;
    }
    if (strcmp(name, "null") == 0) {
        free(s->null_text);
        s->null_text = xstrndup(value.ptr, value.len);
        return ERR_OK;
    }
    return strcmp(name, "columns") == 0 ? set_columns(s, value, msg) : set_types(s, value, msg);
}

err text_spec_set(struct text_spec *s, const char *name, struct str value, struct errmsg *msg)
{
    bool is_zone = strcmp(name, "zone") == 0;
    enum text_format wanted = is_zone ? TEXT_APACHE_ERROR : TEXT_CSV;
    if (s->format != wanted) {
        return errmsg_set(msg, ERR_INVALID, "%s is an option of the format %s, not of %s", name,
                          text_format_name(wanted), text_format_name(s->format));
    }
    if (is_zone) {
        return set_zone(s, value, msg);
    }
    TRY(set_csv(s, name, value, msg));
    if (s->delimiter != 0 && s->delimiter == s->quote) {
        return errmsg_set(msg, ERR_INVALID, "delimiter and quote must differ");
    }
    return ERR_OK;
}

static bool is_typed(const struct text_spec *s, const char *name)
{
    for (size_t i = 0; i < s->type_count; i++) {
        if (strcmp(s->types[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The one type that a property names beside null. */
static bool property_type(const json_t *property, enum csv_type *out_type)
{
    const json_t *type = json_object_get(property, "type");
    const json_t *one = type;
    if (json_is_array(type)) {
        one = NULL;
        for (size_t i = 0; i < json_array_size(type); i++) {
            const json_t *item = json_array_get(type, i);
            if (json_is_string(item) && strcmp(json_string_value(item), "null") != 0) {
                if (one != NULL) {
                    return false;
                }
                one = item;
            }
        }
    }
    return json_is_string(one) && type_parse(str_from(json_string_value(one)), out_type);
}

void text_spec_hint(struct text_spec *s, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    const char *name = NULL;
    json_t *property = NULL;
    if (s->format != TEXT_CSV) {
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)properties, name, property)
    { /* the macro's constness */
        enum csv_type type = CSV_AUTO;
        if (s->type_count < CSV_COLUMNS_MAX && property_type(property, &type) &&
            !is_typed(s, name)) {
            add_type(s, str_from(name), type, true);
        }
    }
}

void text_spec_write(const struct text_spec *s, struct buf *out)
{
    buf_printf(out, "%s zone=%d delimiter=%d quote=%d header=%d null=", text_format_name(s->format),
               s->zone_seconds, s->delimiter, s->quote, (int)s->header);
    buf_add_json_string(out, str_from(s->null_text));
    for (size_t i = 0; i < s->column_count; i++) {
        buf_puts(out, " column=");
        buf_add_json_string(out, str_from(s->columns[i]));
    }
    for (size_t i = 0; i < s->type_count; i++) {
        buf_printf(out, " type=%d%d", (int)s->types[i].type, s->types[i].is_hint);
        buf_add_json_string(out, str_from(s->types[i].name));
    }
}

/* ---- lines ---- */

enum { INDEXER_BYTES_MIN = 64 << 10 }; /* what json_index.cc begins with */

struct text_reader {
    const struct text_spec *spec; /* borrowed */
    text_record_fn on_record;
    void *ctx;
    size_t record_bytes_max;
    struct csv_reader *csv;       /* owned; NULL for line formats */
    struct json_indexer *indexer; /* owned; nginx_json */
    struct buf carry;             /* owned */
    struct buf json;              /* owned */
    bool is_skipping;
    uint64_t bytes; /* fed so far, up to 3: for a byte order mark */
    uint64_t index;
    uint64_t line;
    err failed;
};

err text_reader_new(const struct text_reader_options *o, struct text_reader **out_reader,
                    struct errmsg *msg)
{
    ASSERT(o->on_record != NULL);
    AUTO(text_reader) r = xnew(struct text_reader);
    r->spec = o->spec;
    r->on_record = o->on_record;
    r->ctx = o->ctx;
    r->record_bytes_max =
        o->record_bytes_max == 0 ? EVENT_RECORD_BYTES_DEFAULT : o->record_bytes_max;
    r->carry = buf_make(r->record_bytes_max + 2);
    r->json = buf_make(r->record_bytes_max * 20 + 65536);
    r->line = 1;
    if (o->spec->format == TEXT_CSV) {
        TRY(csv_reader_new(o, &r->csv, msg));
    }
    if (o->spec->format == TEXT_NGINX_JSON && (r->indexer = json_indexer_new()) == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a JSON parser");
    }
    *out_reader = TAKE(r);
    return ERR_OK;
}

void text_reader_free(struct text_reader *r)
{
    if (r != NULL) {
        csv_reader_free(r->csv);
        json_indexer_free(r->indexer);
        buf_deinit(&r->carry);
        buf_deinit(&r->json);
        free(r);
    }
}

static bool to_json(struct text_reader *r, struct str line, struct errmsg *why)
{
    switch (r->spec->format) {
    case TEXT_COMMON:
    case TEXT_COMBINED:
    case TEXT_NGINX:
        return weblog_access_parse(line, r->spec->format, &r->json, why);
    case TEXT_NGINX_JSON:
        return weblog_nginx_json_parse(r->indexer, line, &r->json, why);
    case TEXT_APACHE_ERROR:
        return weblog_error_parse(line, r->spec->zone_seconds, &r->json, why);
    case TEXT_NDJSON:
    case TEXT_CSV:
    case TEXT_FORMAT_COUNT:
        break;
    }
    ASSERT(r->spec->format == TEXT_NDJSON);
    return true;
}

static bool is_blank(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t') {
            return false;
        }
    }
    return true;
}

static err on_line(struct text_reader *r, struct str line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (line.len <= r->record_bytes_max && is_blank(line)) {
        return ERR_OK;
    }
    struct errmsg why = {0};
    struct text_record record = {.raw = line, .line = r->line, .index = r->index++};
    if (line.len > r->record_bytes_max) {
        record.raw.len = r->record_bytes_max;
        record.code = EVENT_RECORD_TOO_LARGE;
        record.detail = "the line is over the size limit";
    } else if (to_json(r, line, &why)) {
        record.json = r->spec->format == TEXT_NDJSON ? line : buf_str(&r->json);
    } else {
        record.code = EVENT_BAD_LINE;
        record.detail = why.text;
    }
    return r->on_record(r->ctx, &record);
}

/* Keeps what goes on in the next piece; a line that fills carry is judged now and skipped. */
static err keep(struct text_reader *r, struct str part)
{
    size_t room = r->record_bytes_max + 2 - r->carry.len;
    if (r->is_skipping) {
        return ERR_OK;
    }
    if (!buf_add(&r->carry, part.ptr, MIN(part.len, room))) {
        return ERR_NOMEM;
    }
    if (part.len < room) {
        return ERR_OK;
    }
    r->is_skipping = true;
    err e = on_line(r, buf_str(&r->carry));
    buf_reset(&r->carry);
    return e;
}

static err feed_lines(struct text_reader *r, const char *p, const char *end)
{
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct str part = str_of(p, (size_t)((newline == NULL ? end : newline) - p));
        if (newline == NULL) {
            return keep(r, part);
        }
        if (r->carry.len > 0 || r->is_skipping) {
            TRY(keep(r, part));
            part = buf_str(&r->carry);
        }
        if (!r->is_skipping) {
            TRY(on_line(r, part));
        }
        buf_reset(&r->carry);
        r->is_skipping = false;
        r->line++;
        p = newline + 1;
    }
    return ERR_OK;
}

/* A byte order mark may come in pieces. */
static void skip_mark(struct text_reader *r, struct str *piece)
{
    static const char mark[] = "\xef\xbb\xbf";
    while (r->bytes < 3 && piece->len > 0) {
        if (piece->ptr[0] != mark[r->bytes]) {
            (void)buf_add(&r->carry, mark, r->bytes); /* at most two bytes: there is room */
            r->bytes = 3;
            return;
        }
        r->bytes++;
        *piece = str_of(piece->ptr + 1, piece->len - 1);
    }
}

err text_reader_feed(struct text_reader *r, struct str piece, struct errmsg *msg)
{
    if (r->failed == ERR_OK && piece.len > 0) {
        if (r->csv != NULL) {
            r->failed = csv_reader_feed(r->csv, piece, msg);
        } else {
            skip_mark(r, &piece);
            r->failed = feed_lines(r, piece.ptr, piece.ptr + piece.len);
        }
    }
    return r->failed;
}

err text_reader_finish(struct text_reader *r, struct errmsg *msg)
{
    if (r->failed == ERR_OK && r->csv != NULL) {
        r->failed = csv_reader_finish(r->csv, msg);
    } else if (r->failed == ERR_OK) {
        if (r->bytes < 3) {
            (void)buf_add(&r->carry, "\xef\xbb\xbf", r->bytes); /* half a mark; there is room */
        }
        if (r->carry.len > 0 && !r->is_skipping) {
            r->failed = on_line(r, buf_str(&r->carry));
        }
        buf_reset(&r->carry);
    }
    return r->failed;
}

size_t text_reader_held(const struct text_reader *r)
{
    return r->carry.cap + r->json.cap + (r->csv == NULL ? 0 : csv_reader_held(r->csv)) +
           (r->indexer == NULL ? 0 : INDEXER_BYTES_MIN);
}

void text_reader_trim(struct text_reader *r)
{
    buf_deinit(&r->json);
    if (r->indexer != NULL) {
        json_indexer_trim(r->indexer, 0);
    }
    if (r->carry.len == 0) {
        buf_deinit(&r->carry);
    }
    if (r->csv != NULL) {
        csv_reader_trim(r->csv);
    }
}
