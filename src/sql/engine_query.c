/* SPDX-License-Identifier: MIT */
/* engine_query.c - connections, statements, parameters, results and errors.
 *
 * An interrupt must not be lost between two steps: DuckDB clears its own flag when a statement
 * starts, so ours is set first, asked after each start, and DuckDB's covers the time from there. */
#include "sql/duck.h"

/* --- errors --- */

/* How DuckDB's texts begin, and what each means to us. */
static const struct {
    const char *prefix;
    err code;
} error_kinds[] = {
    {"INTERRUPT Error", ERR_CANCELLED},
    {"Interrupted", ERR_CANCELLED},
    {"Catalog Error", ERR_NOT_FOUND},
    {"Out of Memory Error", ERR_NOMEM},
    {"IO Error", ERR_IO},
    {"Permission Error", ERR_DENIED},
    {"Fatal Error", ERR_FAILED},
    {"FATAL Error", ERR_FAILED},
    {"INTERNAL Error", ERR_FAILED},
    {"HTTP Error", ERR_DENIED},
    {"Not implemented Error", ERR_UNSUPPORTED},
};

static err source_error(const char *text)
{
    const char *mark = strstr(text, "tarn_source[");
    if (mark == NULL) {
        return ERR_OK;
    }
    const char *name = mark + strlen("tarn_source[");
    const char *end = strchr(name, ']');
    for (unsigned i = 1; end != NULL && i < ERR_COUNT; i++) {
        if (str_is(str_of(name, (size_t)(end - name)), err_name((err)i))) {
            return (err)i;
        }
    }
    return ERR_OK;
}

static err code_of(const char *text)
{
    err e = source_error(text);
    if (e != ERR_OK) {
        return e;
    }
    if (strstr(text, "No space left") != NULL || strstr(text, "max_temp_directory_size") != NULL) {
        return ERR_NOSPACE;
    }
    if (strstr(text, "std::bad_alloc") != NULL || strstr(text, "Allocation failure") != NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < ARRAY_LEN(error_kinds); i++) {
        if (strncmp(text, error_kinds[i].prefix, strlen(error_kinds[i].prefix)) == 0) {
            return error_kinds[i].code;
        }
    }
    return ERR_INVALID;
}

/* Length of "s12." before one of the schemas: a session's own catalog, which is not the user's. */
static size_t session_prefix(const char *text)
{
    static const char *const schemas[] = {"main.", "gold.", "silver.", "bronze.", "files."};
    size_t digits = text[0] == 's' ? strspn(text + 1, "0123456789") : 0;
    if (digits == 0 || text[1 + digits] != '.') {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        if (strncmp(text + digits + 2, schemas[i], strlen(schemas[i])) == 0) {
            return digits + 2;
        }
    }
    return 0;
}

/* Copies `text` without the server's paths, each hidden folder becomes three dots, and without the
 * names of sessions. */
static void add_without_paths(const struct sql_engine *engine, const char *text, struct buf *out)
{
    char before = ' ';
    while (*text != '\0') {
        bool is_word = before == '_' || (before >= '0' && before <= '9') ||
                       (unsigned)(before | 32) - 'a' < 26U;
        text += is_word ? 0 : session_prefix(text);
        size_t skip = 0;
        for (size_t i = 0; engine != NULL && i < engine->hidden_count; i++) {
            size_t len = strlen(engine->hidden_paths[i]);
            if (len > skip && strncmp(text, engine->hidden_paths[i], len) == 0) {
                skip = len;
            }
        }
        if (skip > 0) {
            buf_puts(out, "...");
            text += skip;
        } else {
            before = *text;
            buf_add_byte(out, *text++);
        }
    }
}

/* {"exception_type":"Binder","exception_message":"...","position":"7"} is what errors_as_json makes
 * of an error. Appends "Binder Error: ..." and returns the byte it is about, from 1; 0: none. */
static uint32_t add_words(const char *text, struct buf *out)
{
    AUTO_JSON json = NULL;
    struct str type = {0};
    struct str words = {0};
    struct str place = {0};
    uint64_t position = 0;
    if (text[0] != '{' || json_parse(str_from(text), &json, NULL) != ERR_OK ||
        json_get_str(json, "exception_type", &type, NULL) != ERR_OK ||
        json_get_str(json, "exception_message", &words, NULL) != ERR_OK) {
        buf_puts(out, text); /* from a connection without the setting */
        return 0;
    }
    buf_printf(out, "%.*s Error: ", STR_ARGS(type));
    buf_add_str(out, str_trim(words));
    bool has_place = json_get_str(json, "position", &place, NULL) == ERR_OK &&
                     str_to_u64(place, &position) && position < UINT32_MAX;
    return has_place ? (uint32_t)position + 1 : 0;
}

err sql_map_error(struct sql_engine *engine, const char *text, struct errmsg *msg)
{
    if (text == NULL || text[0] == '\0') {
        return errmsg_set(msg, ERR_FAILED, "DuckDB failed without a reason");
    }
    AUTO_BUF words = buf_make(1 << 20);
    uint32_t position = add_words(text, &words);
    err e = code_of(buf_cstr(&words));
    AUTO_BUF clean = buf_make(1 << 20);
    add_without_paths(engine, buf_cstr(&words), &clean);
    const char *line_end = strchr(buf_cstr(&clean), '\n');
    if (e == ERR_NOMEM && line_end != NULL) { /* what follows is advice about settings */
        return errmsg_set(msg, e, "%.*s", (int)(line_end - clean.data), clean.data);
    }
    (void)errmsg_set(msg, e, "%s", buf_cstr(&clean));
    if (msg != NULL) {
        msg->position = position;
    }
    return e;
}

err sql_conn_map_error(struct sql_conn *conn, const char *text, struct errmsg *msg)
{
    if (conn->error_text != NULL && text != NULL) {
        buf_reset(conn->error_text);
        add_without_paths(conn->engine, text, conn->error_text);
    }
    return sql_map_error(conn->engine, text, msg);
}

/* --- connections --- */

err sql_conn_open(struct sql_engine *engine, struct sql_conn **out_conn, struct errmsg *msg)
{
    ASSERT(engine != NULL);
    ASSERT(engine->magic == SQL_ENGINE_MAGIC);
    struct sql_conn *conn = xnew(struct sql_conn);
    conn->magic = SQL_CONN_MAGIC;
    conn->engine = engine;
    (void)pthread_mutex_lock(&engine->pool_lock); /* cannot fail: a plain lock */
    if (engine->pool_count > 0) {
        conn->handle = engine->pool[--engine->pool_count];
        conn->is_pooled = true;
    }
    (void)pthread_mutex_unlock(&engine->pool_lock);
    if (!conn->is_pooled && duckdb_connect(engine->db, &conn->handle) != DuckDBSuccess) {
        free(conn);
        return errmsg_set(msg, ERR_NOMEM, "duckdb_connect failed");
    }
    *out_conn = conn;
    return ERR_OK;
}

void sql_conn_close(struct sql_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    ASSERT(conn->magic == SQL_CONN_MAGIC);
    struct sql_engine *engine = conn->engine;
    if (conn->is_pooled) {
        (void)pthread_mutex_lock(&engine->pool_lock); /* cannot fail: a plain lock */
        ASSERT(engine->pool_count < SQL_CONNECTIONS_MAX);
        engine->pool[engine->pool_count++] = conn->handle;
        (void)pthread_mutex_unlock(&engine->pool_lock);
    } else {
        duckdb_disconnect(&conn->handle);
    }
    conn->magic = 0;
    free(conn);
}

struct sql_engine *sql_conn_engine(const struct sql_conn *conn)
{
    return conn->engine;
}

void sql_conn_interrupt(struct sql_conn *conn)
{
    ASSERT(conn->magic == SQL_CONN_MAGIC);
    atomic_store(&conn->interrupted, true);
    duckdb_interrupt(conn->handle);
}

void sql_conn_interrupt_reset(struct sql_conn *conn)
{
    atomic_store(&conn->interrupted, false);
}

struct sql_progress sql_conn_progress(struct sql_conn *conn)
{
    duckdb_query_progress_type progress = duckdb_query_progress(conn->handle);
    return (struct sql_progress){.percent = progress.percentage,
                                 .rows_done = progress.rows_processed,
                                 .rows_total = progress.total_rows_to_process};
}

static err check_interrupt(struct sql_conn *conn, struct errmsg *msg)
{
    if (atomic_load(&conn->interrupted)) {
        return errmsg_set(msg, ERR_CANCELLED, "the statement was cancelled");
    }
    return ERR_OK;
}

/* --- parameters --- */

static duckdb_value value_of(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        return duckdb_create_null_value();
    case JSON_TRUE:
        return duckdb_create_bool(true);
    case JSON_FALSE:
        return duckdb_create_bool(false);
    case JSON_INTEGER:
        return duckdb_create_int64(json_integer_value(json));
    case JSON_REAL:
        return duckdb_create_double(json_real_value(json));
    case JSON_STRING:
        return duckdb_create_varchar_length(json_string_value(json), json_string_length(json));
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    AUTO_BUF text = buf_make(64 << 20);
    if (json_write(json, &text) != ERR_OK) {
        return duckdb_create_null_value();
    }
    return duckdb_create_varchar_length(text.data, text.len);
}

static err bind_one(struct sql_conn *conn, duckdb_prepared_statement prepared, idx_t index,
                    const json_t *json, struct errmsg *msg)
{
    duckdb_value value = value_of(json);
    duckdb_state state = duckdb_bind_value(prepared, index, value);
    duckdb_destroy_value(&value);
    if (state != DuckDBSuccess) {
        return sql_conn_map_error(conn, duckdb_prepare_error(prepared), msg);
    }
    return ERR_OK;
}

static err bind_named(struct sql_conn *conn, duckdb_prepared_statement prepared, idx_t wanted,
                      const json_t *params, struct errmsg *msg)
{
    if (json_object_size(params) != wanted) {
        return errmsg_set(msg, ERR_INVALID, "the statement has %llu parameter%s, %zu were given",
                          (unsigned long long)wanted, wanted == 1 ? "" : "s",
                          json_object_size(params));
    }
    for (idx_t i = 1; i <= wanted; i++) {
        const char *name = duckdb_parameter_name(prepared, i);
        const json_t *json = name != NULL ? json_object_get(params, name) : NULL;
        err e = json == NULL ? errmsg_set(msg, ERR_INVALID, "parameter $%s is missing",
                                          name != NULL ? name : "?")
                             : bind_one(conn, prepared, i, json, msg);
        duckdb_free((void *)(uintptr_t)name);
        TRY(e);
    }
    return ERR_OK;
}

static err bind_params(struct sql_conn *conn, duckdb_prepared_statement prepared,
                       const json_t *params, struct errmsg *msg)
{
    idx_t wanted = duckdb_nparams(prepared);
    if (json_is_object(params)) {
        return bind_named(conn, prepared, wanted, params, msg);
    }
    size_t given = params == NULL || json_is_null(params) ? 0 : json_array_size(params);
    if (given != wanted || (given > 0 && !json_is_array(params))) {
        return errmsg_set(msg, ERR_INVALID, "the statement has %llu parameter%s, %zu were given",
                          (unsigned long long)wanted, wanted == 1 ? "" : "s", given);
    }
    for (size_t i = 0; i < given; i++) {
        TRY(bind_one(conn, prepared, i + 1, json_array_get(params, i), msg));
    }
    return ERR_OK;
}

/* --- running --- */

/* Starts a prepared statement and waits for its (first) rows. */
static err execute(struct sql_conn *conn, duckdb_prepared_statement prepared, bool is_streaming,
                   duckdb_result *out_result, struct errmsg *msg)
{
    duckdb_pending_result pending = NULL;
    duckdb_state state = is_streaming ? duckdb_pending_prepared_streaming(prepared, &pending)
                                      : duckdb_pending_prepared(prepared, &pending);
    if (state != DuckDBSuccess) {
        err e = sql_conn_map_error(conn, duckdb_pending_error(pending), msg);
        duckdb_destroy_pending(&pending);
        return e;
    }
    err e = check_interrupt(conn, msg);
    if (e == ERR_OK && duckdb_execute_pending(pending, out_result) != DuckDBSuccess) {
        e = sql_conn_map_error(conn, duckdb_result_error(out_result), msg);
        duckdb_destroy_result(out_result);
    }
    duckdb_destroy_pending(&pending);
    return e;
}

static err exec_extracted(struct sql_conn *conn, duckdb_extracted_statements statements,
                          idx_t index, struct errmsg *msg)
{
    TRY(check_interrupt(conn, msg));
    duckdb_prepared_statement prepared = NULL;
    err e = ERR_OK;
    if (duckdb_prepare_extracted_statement(conn->handle, statements, index, &prepared) !=
        DuckDBSuccess) {
        e = sql_conn_map_error(conn, duckdb_prepare_error(prepared), msg);
    }
    duckdb_result result;
    if (e == ERR_OK) {
        e = execute(conn, prepared, false, &result, msg);
        if (e == ERR_OK) {
            duckdb_destroy_result(&result);
        }
    }
    duckdb_destroy_prepare(&prepared);
    return e;
}

err sql_exec(struct sql_conn *conn, const char *sql, struct errmsg *msg)
{
    ASSERT(conn->magic == SQL_CONN_MAGIC);
    duckdb_extracted_statements statements = NULL;
    idx_t count = duckdb_extract_statements(conn->handle, sql, &statements);
    err e = ERR_OK;
    if (count == 0) {
        e = sql_conn_map_error(conn, duckdb_extract_statements_error(statements), msg);
    }
    for (idx_t i = 0; i < count && e == ERR_OK; i++) {
        e = exec_extracted(conn, statements, i, msg);
    }
    duckdb_destroy_extracted(&statements);
    return e;
}

err sql_execf(struct sql_conn *conn, struct errmsg *msg, const char *format, ...)
{
    AUTO_BUF sql = buf_make(16 << 20);
    va_list args;
    va_start(args, format);
    buf_vprintf(&sql, format, args);
    va_end(args);
    TRY(buf_check(&sql));
    return sql_exec(conn, buf_cstr(&sql), msg);
}

/* --- results --- */

static void describe_columns(struct sql_result *result)
{
    result->column_count = duckdb_column_count(&result->handle);
    result->columns = xnew_array(struct sql_result_column, result->column_count + 1);
    for (size_t i = 0; i < result->column_count; i++) {
        struct sql_result_column *column = &result->columns[i];
        column->type = duckdb_column_logical_type(&result->handle, i);
        column->id = duckdb_get_type_id(column->type);
        column->physical = column->id == DUCKDB_TYPE_ENUM ? duckdb_enum_internal_type(column->type)
                           : column->id == DUCKDB_TYPE_DECIMAL
                               ? duckdb_decimal_internal_type(column->type)
                               : column->id;
        AUTO_BUF text = buf_make(64 << 10);
        sql_type_text(column->type, &text);
        column->type_text = xstrdup(text.failed ? "STRUCT" : buf_cstr(&text));
    }
}

err sql_query_stream(struct sql_conn *conn, struct str sql, const json_t *params,
                     struct sql_result **out_result, struct errmsg *msg)
{
    ASSERT(conn->magic == SQL_CONN_MAGIC);
    TRY(check_interrupt(conn, msg));
    AUTO(sql_result) result = xnew(struct sql_result);
    result->magic = SQL_RESULT_MAGIC;
    result->conn = conn;
    if (memchr(sql.ptr, '\0', sql.len) != NULL) {
        return errmsg_set(msg, ERR_INVALID, "the statement has a zero byte");
    }
    AUTO_TEXT text = xstrndup(sql.ptr, sql.len);
    if (duckdb_prepare(conn->handle, text, &result->prepared) != DuckDBSuccess) {
        return sql_conn_map_error(conn, duckdb_prepare_error(result->prepared), msg);
    }
    TRY(bind_params(conn, result->prepared, params, msg));
    TRY(execute(conn, result->prepared, true, &result->handle, msg));
    result->has_handle = true;
    describe_columns(result);
    *out_result = TAKE(result);
    return ERR_OK;
}

/* A stream left before its end stays the connection's active statement, with its threads' buffers
 * and its sources, until the next one comes: so give it one. */
static void end_statement(struct sql_conn *conn)
{
    duckdb_prepared_statement next = NULL;
    (void)duckdb_prepare(conn->handle, "SELECT 1", &next); /* wanted for its side effect */
    duckdb_destroy_prepare(&next);
}

void sql_result_close(struct sql_result *result)
{
    if (result == NULL) {
        return;
    }
    ASSERT(result->magic == SQL_RESULT_MAGIC);
    if (result->chunk != NULL) {
        duckdb_destroy_data_chunk(&result->chunk);
    }
    for (size_t i = 0; i < result->column_count; i++) {
        duckdb_destroy_logical_type(&result->columns[i].type);
        free(result->columns[i].type_text);
    }
    free(result->columns);
    if (result->has_handle) {
        duckdb_destroy_result(&result->handle);
    }
    duckdb_destroy_prepare(&result->prepared);
    if (result->has_handle && !result->is_at_end) {
        end_statement(result->conn);
    }
    result->magic = 0;
    free(result);
}

size_t sql_result_column_count(const struct sql_result *result)
{
    return result->column_count;
}

const char *sql_result_column_name(const struct sql_result *result, size_t column)
{
    ASSERT(column < result->column_count);
    duckdb_result handle = result->handle;
    return duckdb_column_name(&handle, column);
}

const char *sql_result_column_type(const struct sql_result *result, size_t column)
{
    ASSERT(column < result->column_count);
    return result->columns[column].type_text;
}

err sql_result_fetch(struct sql_result *result, size_t *out_rows, struct errmsg *msg)
{
    ASSERT(result->magic == SQL_RESULT_MAGIC);
    if (result->chunk != NULL) {
        duckdb_destroy_data_chunk(&result->chunk);
    }
    TRY(check_interrupt(result->conn, msg));
    result->chunk_rows = 0;
    result->chunk = duckdb_fetch_chunk(result->handle);
    if (result->chunk == NULL) {
        const char *text = duckdb_result_error(&result->handle);
        if (text != NULL && text[0] != '\0') {
            return sql_conn_map_error(result->conn, text, msg);
        }
        result->is_at_end = true;
        *out_rows = 0;
        return ERR_OK;
    }
    for (size_t i = 0; i < result->column_count; i++) {
        struct sql_result_column *column = &result->columns[i];
        column->vector = duckdb_data_chunk_get_vector(result->chunk, i);
        column->data = duckdb_vector_get_data(column->vector);
        column->validity = duckdb_vector_get_validity(column->vector);
    }
    result->chunk_rows = duckdb_data_chunk_get_size(result->chunk);
    *out_rows = result->chunk_rows;
    return ERR_OK;
}

bool sql_result_is_null(const struct sql_result *result, size_t column, size_t row)
{
    ASSERT(column < result->column_count);
    ASSERT(row < result->chunk_rows);
    const uint64_t *validity = result->columns[column].validity;
    return validity != NULL && (validity[row / 64] >> (row % 64) & 1) == 0;
}

int64_t sql_result_i64(const struct sql_result *result, size_t column, size_t row)
{
    ASSERT(column < result->column_count);
    ASSERT(row < result->chunk_rows);
    const void *data = result->columns[column].data;
    switch (result->columns[column].physical) {
    case DUCKDB_TYPE_BOOLEAN:
        return ((const bool *)data)[row];
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)data)[row];
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)data)[row];
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        return ((const int32_t *)data)[row];
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)data)[row];
    case DUCKDB_TYPE_HUGEINT:
        return (int64_t)((const duckdb_hugeint *)data)[row].lower;
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return ((const int64_t *)data)[row];
    default:
        break;
    }
    ASSERT(!"sql_result_i64 on a column that holds no integers");
    return 0;
}

double sql_result_double(const struct sql_result *result, size_t column, size_t row)
{
    ASSERT(column < result->column_count);
    ASSERT(row < result->chunk_rows);
    if (result->columns[column].id == DUCKDB_TYPE_DOUBLE) {
        return ((const double *)result->columns[column].data)[row];
    }
    if (result->columns[column].id == DUCKDB_TYPE_FLOAT) {
        return (double)((const float *)result->columns[column].data)[row];
    }
    return (double)sql_result_i64(result, column, row);
}

struct str sql_result_str(const struct sql_result *result, size_t column, size_t row)
{
    ASSERT(column < result->column_count);
    ASSERT(row < result->chunk_rows);
    struct col_sink sink = {.data = result->columns[column].data};
    return col_get_str(&sink, row);
}

static err first_row(struct sql_conn *conn, const char *sql, struct sql_result **out_result,
                     struct errmsg *msg)
{
    AUTO(sql_result) result = NULL;
    TRY(sql_query_stream(conn, str_from(sql), NULL, &result, msg));
    ASSERT(result != NULL);
    size_t rows = 0;
    TRY(sql_result_fetch(result, &rows, msg));
    if (rows == 0 || result->column_count == 0 || sql_result_is_null(result, 0, 0)) {
        return errmsg_set(msg, ERR_NOT_FOUND, "the statement gave no value");
    }
    *out_result = TAKE(result);
    return ERR_OK;
}

err sql_query_i64(struct sql_conn *conn, const char *sql, int64_t *out_value, struct errmsg *msg)
{
    AUTO(sql_result) result = NULL;
    TRY(first_row(conn, sql, &result, msg));
    *out_value = sql_result_i64(result, 0, 0);
    return ERR_OK;
}

err sql_query_text(struct sql_conn *conn, const char *sql, struct buf *out, struct errmsg *msg)
{
    AUTO(sql_result) result = NULL;
    TRY(first_row(conn, sql, &result, msg));
    buf_add_str(out, sql_result_str(result, 0, 0));
    return buf_check(out);
}
