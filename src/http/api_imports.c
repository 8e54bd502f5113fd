/* SPDX-License-Identifier: MIT */
/* api_imports.c - files into tables: POST /api/v1/tables/{table}, POST /upload, and the list of
 * imports with their cancel.
 *
 *   raw body:   head ─▶ import starts, body waits ─▶ on_ready ─▶ bytes … end ─▶ 201
 *   multipart:  the same, the import starts at the part with the file
 *
 * The bytes are passed on as they come; the job's slowness holds the client back (TCP). */
#include "flow/import_publish.h"
#include "flow/importer.h"
#include "http/api.h"
#include "http/inflate.h"
#include "http/multipart.h"

enum { FIELD_BYTES_MAX = 4096, ANSWER_BYTES_MAX = 16 << 20 };

struct upload {
    uint32_t magic;           /* 0: not a body that is being collected */
    struct http_exchange *ex; /* borrowed until answered or aborted */
    struct api *api;
    struct import *import;   /* NULL: not started */
    struct multipart *parts; /* owned; NULL: a raw body */
    struct http_params params;
    struct import_request request; /* texts in params, in `made` or static */
    bool has_format;
    bool has_coding;
    bool names_table; /* /upload: the file's name may give the table's */
    bool in_file;
    bool is_paused;
    struct buf field; /* of the part that is not the file */
    char field_name[64];
    char made_table[IMPORT_NAME_BYTES_MAX + 1];
    char made_mode[16];
    char made_file[256];
};

static void upload_free(struct upload *u)
{
    http_params_deinit(&u->params);
    multipart_free(u->parts);
    buf_deinit(&u->field);
    free(u);
}

/* ---- answers ---- */

static int status_of(const char *code)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {
        {"invalid", 400},       {"unsupported", 400},    {"limit", 400},
        {"exists", 409},        {"conflict", 409},       {"table_belongs_to_topic", 409},
        {"cancelled", 409},     {"too_large", 413},      {"disk_full", 507},
        {"out_of_memory", 507}, {"import_crashed", 500}, {"io_error", 503},
        {"busy", 503},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(code, rows[i].code) == 0) {
            return rows[i].status;
        }
    }
    return 500;
}

/* "line 3: …", "line 3, column a: …" */
static uint64_t line_of(struct str detail)
{
    uint64_t line = 0;
    size_t len = 5;
    if (!str_starts(detail, STR("line "))) {
        return 0;
    }
    while (len < detail.len && detail.ptr[len] >= '0' && detail.ptr[len] <= '9') {
        len++;
    }
    (void)str_to_u64(str_of(detail.ptr + 5, len - 5), &line); /* 0 when there is none */
    return line;
}

static void refuse(struct http_exchange *ex, const char *code, const char *detail)
{
    char member[48] = "";
    uint64_t line = line_of(str_from(detail));
    if (line > 0) {
        (void)snprintf(member, sizeof member, "\"line\":%llu", (unsigned long long)line); /* fits */
    }
    http_problem(ex, status_of(code), importer_public_code(code), str_from(detail),
                 str_from(member));
}

static void on_error(void *ctx, const char *code, const char *detail)
{
    struct upload *u = ctx;
    struct http_exchange *ex = u->ex;
    http_set_user(ex, NULL);
    upload_free(u);
    refuse(ex, code, detail);
}

static void on_done(void *ctx, const struct import_result *r)
{
    struct upload *u = ctx;
    struct http_exchange *ex = u->ex;
    json_t *columns = json_array();
    for (size_t i = 0; i < r->imported->column_count; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "name", json_from_str(r->imported->columns[i].name));
        json_object_set_new(item, "type", json_from_str(r->imported->columns[i].type));
        json_array_append_new(columns, item);
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "id", json_string(import_id(u->import)));
    json_object_set_new(answer, "table", json_from_str(r->table));
    json_object_set_new(answer, "schema", json_string(IMPORT_SCHEMA));
    json_object_set_new(answer, "mode", json_from_str(u->request.mode));
    json_object_set_new(answer, "version", json_integer(r->published.version));
    json_object_set_new(answer, "rows", json_integer(r->imported->rows));
    json_object_set_new(answer, "bytes", json_integer(r->imported->bytes));
    json_object_set_new(answer, "table_rows",
                        r->published.rows < 0 ? json_null() : json_integer(r->published.rows));
    json_object_set_new(answer, "columns", columns);
    json_object_set_new(answer, "elapsed_ms", json_integer(r->elapsed_ms));
    http_set_user(ex, NULL);
    upload_free(u);
    api_respond_json(ex, 201, answer);
}

static void on_ready(void *ctx)
{
    struct upload *u = ctx;
    if (u->is_paused) {
        u->is_paused = false;
        http_resume(u->ex);
    }
}

static const struct import_events events = {
    .on_ready = on_ready, .on_done = on_done, .on_error = on_error};

/* Ends the exchange for an error of ours. */
static void fail(struct upload *u, err e, const struct errmsg *msg)
{
    struct http_exchange *ex = u->ex;
    if (u->import != NULL) {
        import_abandon(u->import);
    }
    http_set_user(ex, NULL);
    upload_free(u);
    if (e == ERR_LIMIT) {
        http_problem_err(ex, e, msg); /* 429 with Retry-After */
    } else if (e == ERR_CONFLICT) {
        http_problem(ex, 409, "table_belongs_to_topic", str_from(msg->text), STR(""));
    } else if (e == ERR_UNSUPPORTED) {
        http_problem(ex, 415, "unsupported_media_type", str_from(msg->text), STR(""));
    } else {
        http_problem(ex, 400, "invalid", str_from(msg->text), STR(""));
    }
}

/* ---- what is asked for ---- */

static err read_delimiter(struct http_params *params, const char *name, struct str *out,
                          struct errmsg *msg)
{
    struct str value = {0};
    if (!http_params_str(params, name, &value)) {
        return ERR_OK;
    }
    if (str_is(value, "tab") || str_is(value, "\\t")) {
        value = STR("\t");
    }
    if (value.len != 1 || value.ptr[0] == '\n' || value.ptr[0] == '\r') {
        return errmsg_set(msg, ERR_INVALID, "%s must be one character, or tab", name);
    }
    *out = value;
    return ERR_OK;
}

static err read_sample(struct http_params *params, int64_t *out, struct errmsg *msg)
{
    struct str value = {0};
    if (!http_params_str(params, "sample", &value)) {
        return ERR_OK;
    }
    if (str_is(value, "all")) {
        *out = -1;
        return ERR_OK;
    }
    return http_params_i64(params, "sample", 1, 1LL << 40, out, msg);
}

static err read_params(struct upload *u, struct errmsg *msg)
{
    struct http_params *p = &u->params;
    struct import_request *r = &u->request;
    struct str names = STR("exact");
    bool header = true;
    r->mode = STR("create");
    (void)http_params_str(p, "mode", &r->mode); /* absent ones keep their default */
    (void)http_params_str(p, "types", &r->types);
    (void)http_params_str(p, "file", &r->file);
    (void)http_params_str(p, "names", &names);
    u->has_format = http_params_str(p, "format", &r->format);
    if (u->names_table) {
        (void)http_params_str(p, "name", &r->table);
    }
    TRY(http_params_bool(p, "header", &header, msg));
    TRY(read_delimiter(p, "delimiter", &r->delimiter, msg));
    TRY(read_delimiter(p, "quote", &r->quote, msg));
    TRY(read_sample(p, &r->sample_rows, msg));
    if (!str_is(names, "exact") && !str_is(names, "clean")) {
        return errmsg_set(msg, ERR_INVALID, "names must be exact or clean");
    }
    enum sql_import_format format;
    if (u->has_format && !sql_import_format_parse(r->format, &format)) {
        return errmsg_set(msg, ERR_INVALID, "format must be csv, parquet or ndjson");
    }
    r->no_header = !header;
    r->clean_names = str_is(names, "clean");
    return http_params_check(p, msg);
}

/* ---- format and name from what comes along ---- */

static const char *format_of_type(struct str type)
{
    static const char *const rows[][2] = {
        {"text/csv", "csv"},
        {"application/csv", "csv"},
        {"text/tab-separated-values", "csv"},
        {"application/vnd.apache.parquet", "parquet"},
        {"application/x-parquet", "parquet"},
        {"application/parquet", "parquet"},
        {"application/x-ndjson", "ndjson"},
        {"application/ndjson", "ndjson"},
        {"application/jsonl", "ndjson"},
        {"application/jsonlines", "ndjson"},
        {"application/x-jsonlines", "ndjson"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq_nocase(type, str_from(rows[i][0]))) {
            return rows[i][1];
        }
    }
    return NULL;
}

/* "a.csv.gz": format csv, coding gzip; *stem is what is left. */
static const char *format_of_name(struct str *stem, const char **coding)
{
    static const char *const endings[][2] = {
        {".csv", "csv"},         {".tsv", "csv"},       {".txt", "csv"},
        {".parquet", "parquet"}, {".ndjson", "ndjson"}, {".jsonl", "ndjson"},
    };
    AUTO_TEXT lower = xstrndup(stem->ptr, stem->len);
    for (char *c = lower; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    }
    struct str name = str_of(lower, stem->len);
    if (str_ends(name, STR(".gz")) || str_ends(name, STR(".zst"))) {
        *coding = str_ends(name, STR(".gz")) ? "gzip" : "zstd";
        name.len -= str_ends(name, STR(".gz")) ? 3 : 4;
    }
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_ends(name, str_from(endings[i][0]))) {
            stem->len = name.len - strlen(endings[i][0]);
            return endings[i][1];
        }
    }
    stem->len = name.len;
    return NULL;
}

/* A table's name out of a file's: lower case, what is not allowed as _. */
static err name_table(struct upload *u, struct str stem, struct errmsg *msg)
{
    for (size_t i = 0; i < u->request.file.len; i++) {
        char c = u->request.file.ptr[i];
        if (c == '/' || c == '\\' || c == '\0') {
            return errmsg_set(
                msg, ERR_INVALID,
                "a file's name must have no folders in it; send just the last part, or "
                "name the table with name=");
        }
    }
    size_t len = MIN(stem.len, sizeof u->made_table - 2);
    size_t at = 0;
    if (len > 0 && stem.ptr[0] >= '0' && stem.ptr[0] <= '9') {
        u->made_table[at++] = '_';
    }
    for (size_t i = 0; i < len; i++) {
        char c = stem.ptr[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        u->made_table[at++] = plain ? c : '_';
    }
    u->request.table = str_of(u->made_table, at);
    return at > 0 ? ERR_OK : errmsg_set(msg, ERR_INVALID, "name the table with name=");
}

/* Format, coding and table from the file's name and media type; then it starts. */
static err start_import(struct upload *u, struct str type, struct errmsg *msg)
{
    struct import_request *r = &u->request;
    struct str stem = r->file;
    const char *coding = "identity";
    const char *by_name = format_of_name(&stem, &coding);
    const char *by_type = format_of_type(type);
    if (!u->has_coding) {
        r->coding = str_from(coding);
    }
    if (!u->has_format && by_type == NULL && by_name == NULL) {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "what kind of file is this? Send text/csv, application/x-ndjson or "
                          "application/vnd.apache.parquet, or say format=csv|ndjson|parquet");
    }
    if (!u->has_format) {
        r->format = str_from(by_type != NULL ? by_type : by_name);
    }
    if (str_eq_nocase(type, STR("text/tab-separated-values")) && r->delimiter.len == 0) {
        r->delimiter = STR("\t");
    }
    if (u->names_table && r->table.len == 0) {
        TRY(name_table(u, stem, msg));
    }
    if (str_starts(r->table, STR(IMPORT_SCHEMA "."))) {
        size_t len = strlen(IMPORT_SCHEMA ".");
        r->table = str_of(r->table.ptr + len, r->table.len - len);
    }
    return importer_start(u->api->importer, r, &events, u, &u->import, msg);
}

/* ---- multipart ---- */

static bool copy_text(char *out, size_t room, struct str text)
{
    if (text.len >= room || !str_is_utf8(text)) {
        return false;
    }
    memcpy(out, text.ptr == NULL ? "" : text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

static err on_part(void *ctx, const struct multipart_part *part, struct errmsg *msg)
{
    struct upload *u = ctx;
    u->in_file = part->has_file;
    buf_reset(&u->field);
    if (!part->has_file) {
        if (!copy_text(u->field_name, sizeof u->field_name, part->name)) {
            u->field_name[0] = '\0'; /* no field is called so: refused at its end */
        }
        return ERR_OK;
    }
    if (u->import != NULL) {
        return errmsg_set(msg, ERR_INVALID, "one file a request; send the next one by itself");
    }
    if (u->request.file.len == 0) {
        if (!copy_text(u->made_file, sizeof u->made_file, part->file)) {
            return errmsg_set(msg, ERR_INVALID, "the file's name is too long or not UTF-8");
        }
        u->request.file = str_from(u->made_file);
    }
    struct str type = part->content_type;
    struct str rest = type;
    (void)str_split(&rest, ';', &type); /* empty: none */
    TRY(start_import(u, str_trim(type), msg));
    return ERR_AGAIN; /* until on_ready */
}

static err on_part_data(void *ctx, struct str piece, struct errmsg *msg)
{
    struct upload *u = ctx;
    if (u->in_file) {
        return import_feed(u->import, piece);
    }
    return buf_add_str(&u->field, piece)
               ? ERR_OK
               : errmsg_set(msg, ERR_LIMIT, "the field \"%s\" is too long", u->field_name);
}

static err on_part_end(void *ctx, struct errmsg *msg)
{
    struct upload *u = ctx;
    struct str value = str_trim(buf_str(&u->field));
    if (u->in_file) {
        return ERR_OK;
    }
    if (u->import != NULL) {
        return errmsg_set(msg, ERR_INVALID, "the field \"%s\" must come before the file",
                          u->field_name);
    }
    if (strcmp(u->field_name, "mode") == 0 && copy_text(u->made_mode, sizeof u->made_mode, value)) {
        u->request.mode = str_from(u->made_mode);
        return ERR_OK;
    }
    if (u->names_table && strcmp(u->field_name, "name") == 0 &&
        copy_text(u->made_table, sizeof u->made_table, value)) {
        u->request.table = str_from(u->made_table);
        return ERR_OK;
    }
    return errmsg_set(msg, ERR_INVALID, "the form has a field \"%s\" that is not known here",
                      u->field_name);
}

static const struct multipart_events part_events = {
    .on_part = on_part, .on_data = on_part_data, .on_part_end = on_part_end};

/* ---- the exchange ---- */

static bool length_is_fine(struct http_exchange *ex, const struct api *api)
{
    uint64_t length = 0;
    if (http_body_length(ex, &length) && length > api->settings.import_bytes_max) {
        http_problemf(ex, 413, "body_too_large", "the file is over %llu bytes (import_bytes_max)",
                      (unsigned long long)api->settings.import_bytes_max);
        return false;
    }
    return true;
}

static err begin(struct upload *u, struct errmsg *msg)
{
    char room[64];
    struct str type = http_content_type(u->ex, room);
    struct str coding = http_header(u->ex, "content-encoding");
    enum http_coding known;
    TRY(http_coding_parse(coding, &known, msg));
    u->has_coding = coding.len > 0;
    u->request.coding = known == HTTP_CODING_GZIP   ? STR("gzip")
                        : known == HTTP_CODING_ZSTD ? STR("zstd")
                                                    : STR("identity");
    TRY(read_params(u, msg));
    if (!str_is(type, "multipart/form-data")) {
        TRY(start_import(u, type, msg));
        u->is_paused = true;
        http_pause(u->ex);
        return ERR_OK;
    }
    if (known != HTTP_CODING_IDENTITY) {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "a form cannot be compressed as a whole; send "
                          "file.csv.gz in it, or the file by itself");
    }
    u->has_coding = false;
    return multipart_new(http_header(u->ex, "content-type"), &u->parts, msg);
}

static void on_post(struct http_exchange *ex, bool names_table)
{
    struct api *api = api_of(ex);
    struct errmsg msg = {0};
    if (!length_is_fine(ex, api)) {
        return;
    }
    struct upload *u = xnew(struct upload);
    u->ex = ex;
    u->api = api;
    u->names_table = names_table;
    u->field = buf_make(FIELD_BYTES_MAX);
    if (!names_table) {
        u->request.table = http_path_param(ex, "table");
    }
    http_set_user(ex, u);
    err e = http_params_parse(http_query(ex), &u->params, &msg);
    e = e == ERR_OK ? begin(u, &msg) : e;
    if (e != ERR_OK) {
        fail(u, e, &msg);
    }
}

static void on_table_post(struct http_exchange *ex)
{
    on_post(ex, false);
}

static void on_upload_post(struct http_exchange *ex)
{
    on_post(ex, true);
}

static void on_body(struct http_exchange *ex, struct str piece)
{
    struct upload *u = http_user(ex);
    struct errmsg msg = {0};
    if (u == NULL || piece.len == 0) {
        return;
    }
    err e = ERR_OK;
    if (u->parts != NULL) {
        e = multipart_feed(u->parts, &piece, &part_events, u, &msg);
    } else {
        e = import_feed(u->import, piece);
    }
    if (e == ERR_AGAIN) {
        u->is_paused = true;
        http_pause(ex);
        http_unread(ex, piece);
    } else if (e != ERR_OK) {
        fail(u, e, &msg);
    }
}

static void on_body_end(struct http_exchange *ex)
{
    struct upload *u = http_user(ex);
    struct errmsg msg = {0};
    if (u == NULL) {
        return;
    }
    err e = u->parts != NULL ? multipart_finish(u->parts, &msg) : ERR_OK;
    if (e == ERR_OK && u->import == NULL) {
        e = errmsg_set(&msg, ERR_INVALID, "the form holds no file");
    }
    if (e != ERR_OK) {
        fail(u, e, &msg);
        return;
    }
    import_end(u->import);
}

static void on_abort(struct http_exchange *ex)
{
    struct upload *u = http_user(ex);
    if (u != NULL) {
        if (u->import != NULL) {
            import_abandon(u->import);
        }
        upload_free(u);
    }
}

const struct http_handler api_table_import = {.on_request = on_table_post,
                                              .on_body = on_body,
                                              .on_body_end = on_body_end,
                                              .on_abort = on_abort};
const struct http_handler api_upload = {.on_request = on_upload_post,
                                        .on_body = on_body,
                                        .on_body_end = on_body_end,
                                        .on_abort = on_abort};

/* ---- the list ---- */

static void on_list(struct http_exchange *ex)
{
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    buf_puts(&body, "{\"imports\":");
    importer_list(api_of(ex)->importer, &body);
    buf_puts(&body, ",\"next\":null}");
    http_respond_json(ex, 200, buf_str(&body));
}

static void not_found(struct http_exchange *ex)
{
    http_problemf(ex, 404, "import_not_found",
                  "there is no import \"%.*s\"; GET /api/v1/imports lists the last ones",
                  STR_ARGS(http_path_param(ex, "id")));
}

static void on_get(struct http_exchange *ex)
{
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    if (importer_describe(api_of(ex)->importer, http_path_param(ex, "id"), &body) != ERR_OK) {
        not_found(ex);
        return;
    }
    http_respond_json(ex, 200, buf_str(&body));
}

static void on_delete(struct http_exchange *ex)
{
    struct errmsg msg = {0};
    err e = importer_cancel(api_of(ex)->importer, http_path_param(ex, "id"), &msg);
    if (e == ERR_NOT_FOUND) {
        not_found(ex);
    } else if (e != ERR_OK) {
        http_problem(ex, 409, "import_ended", str_from(msg.text), STR(""));
    } else {
        http_respond_json(ex, 202, STR("{\"cancelling\":true}"));
    }
}

const struct http_handler api_imports_list = {.on_request = on_list};
const struct http_handler api_import_get = {.on_request = on_get};
const struct http_handler api_import_delete = {.on_request = on_delete};
