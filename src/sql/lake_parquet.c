/* SPDX-License-Identifier: MIT */
/* lake_parquet.c - checkpoints: each action is a row with one struct that is not NULL; DuckDB turns
 * structs into JSON and back, so that lake/ sees only JSON. */
#include "sql/lake_parquet.h"

#include "os/file.h"
#include "sql/duck.h"

enum { READ_SQL_BYTES_MAX = 1 << 20, WRITE_SQL_BYTES_MAX = 1 << 20 };

/* --- reading --- */

/* Which of the known columns the file has, in the order of the query's. */
struct read_plan {
    enum lake_action_kind kinds[LAKE_CHECKPOINT_KINDS];
    size_t count;
};

/* to_json of a struct column without the member that nobody wants. */
static void add_struct(const char *column, duckdb_logical_type type, struct buf *sql)
{
    buf_puts(sql, "CASE WHEN ");
    sql_add_name(sql, str_from(column));
    buf_puts(sql, " IS NOT NULL THEN to_json(struct_pack(");
    bool is_first = true;
    for (idx_t i = 0; i < duckdb_struct_type_child_count(type); i++) {
        char *member = duckdb_struct_type_child_name(type, i);
        if (!str_is(str_from(member), "partitionValues_parsed")) {
            buf_puts(sql, is_first ? "" : ", ");
            sql_add_name(sql, str_from(member));
            buf_puts(sql, " := ");
            sql_add_name(sql, str_from(column));
            buf_add_byte(sql, '.');
            sql_add_name(sql, str_from(member));
            is_first = false;
        }
        duckdb_free(member);
    }
    buf_puts(sql, ")) END");
}

static void plan_column(struct read_plan *plan, const char *name, duckdb_logical_type type,
                        struct buf *sql)
{
    const struct lake_checkpoint_column *known = lake_checkpoint_columns();
    for (unsigned kind = 0; kind < LAKE_CHECKPOINT_KINDS; kind++) {
        bool is_it = known[kind].name != NULL && str_is(str_from(name), known[kind].name);
        if (is_it && duckdb_get_type_id(type) == DUCKDB_TYPE_STRUCT &&
            plan->count < LAKE_CHECKPOINT_KINDS) {
            buf_puts(sql, plan->count > 0 ? ", " : "");
            add_struct(name, type, sql);
            plan->kinds[plan->count++] = (enum lake_action_kind)kind;
        }
    }
}

static err read_error(err e, struct errmsg *msg)
{
    if (e == ERR_INVALID || e == ERR_FAILED || e == ERR_UNSUPPORTED || e == ERR_NOT_FOUND ||
        (e == ERR_IO && msg != NULL && strstr(msg->text, "too small") != NULL)) {
        return ERR_CORRUPT;
    }
    return e;
}

static err plan_read(struct sql_conn *conn, const char *path, struct read_plan *plan,
                     struct buf *sql, struct errmsg *msg)
{
    AUTO_BUF from = buf_make(READ_SQL_BYTES_MAX);
    buf_puts(&from, " FROM read_parquet(");
    sql_add_path(&from, str_from(path));
    buf_puts(&from, ", hive_partitioning=false)");
    AUTO_TEXT probe = xasprintf("SELECT *%s", buf_cstr(&from));
    duckdb_prepared_statement prepared = NULL;
    err e = ERR_OK;
    if (duckdb_prepare(conn->handle, probe, &prepared) != DuckDBSuccess) {
        e = read_error(sql_map_error(conn->engine, duckdb_prepare_error(prepared), msg), msg);
    } else {
        buf_puts(sql, "SELECT ");
        for (idx_t i = 0; i < duckdb_prepared_statement_column_count(prepared); i++) {
            const char *name = duckdb_prepared_statement_column_name(prepared, i);
            duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(prepared, i);
            plan_column(plan, name, type, sql);
            duckdb_destroy_logical_type(&type);
            duckdb_free((void *)(uintptr_t)name);
        }
        buf_add_str(sql, buf_str(&from));
        e = buf_check(sql);
    }
    duckdb_destroy_prepare(&prepared);
    return e;
}

static err hand_out(const struct read_plan *plan, const struct sql_result *result, size_t rows,
                    lake_action_fn *on_action, void *action_ctx, struct errmsg *msg)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < plan->count; c++) {
            if (!sql_result_is_null(result, c, row)) {
                TRY(on_action(action_ctx, plan->kinds[c], sql_result_str(result, c, row), msg));
            }
        }
    }
    return ERR_OK;
}

static err parquet_read(void *ctx, const char *path, lake_action_fn *on_action, void *action_ctx,
                        struct errmsg *msg)
{
    struct sql_conn *conn = ctx;
    if (!os_exists(path)) {
        return errmsg_set(msg, ERR_NOT_FOUND, "%s is missing", path);
    }
    struct read_plan plan = {0};
    struct errmsg own = {0};
    AUTO_BUF sql = buf_make(READ_SQL_BYTES_MAX);
    err e = plan_read(conn, path, &plan, &sql, &own);
    if (e == ERR_OK && plan.count == 0) {
        e = errmsg_set(&own, ERR_CORRUPT, "it has none of a checkpoint's columns");
    }
    AUTO(sql_result) result = NULL;
    if (e == ERR_OK) {
        e = read_error(sql_query_stream(conn, buf_str(&sql), NULL, &result, &own), &own);
    }
    for (bool at_end = false; e == ERR_OK && !at_end;) {
        size_t rows = 0;
        e = read_error(sql_result_fetch(result, &rows, &own), &own);
        at_end = rows == 0;
        if (e == ERR_OK && !at_end) {
            e = hand_out(&plan, result, rows, on_action, action_ctx, &own);
        }
    }
    return e == ERR_OK ? ERR_OK : errmsg_set(msg, e, "read %s: %s", path, own.text);
}

/* --- writing --- */

struct action_rows {
    lake_action_next_fn *next;
    void *next_ctx;
    bool at_end;
    size_t count; /* of the projected columns */
    uint32_t projected[2];
};

static const struct col_def action_columns[] = {{"kind", COL_INTEGER}, {"body", COL_VARCHAR}};

static err rows_open(void *ctx, const uint32_t *projected, size_t count, void **out_thread_ctx,
                     struct errmsg *msg)
{
    (void)msg;
    struct action_rows *rows = ctx;
    ASSERT(count <= ARRAY_LEN(rows->projected));
    memcpy(rows->projected, projected, count * sizeof *projected);
    rows->count = count;
    *out_thread_ctx = rows;
    return ERR_OK;
}

static err rows_fill(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                     struct errmsg *msg)
{
    struct action_rows *rows = thread_ctx;
    size_t row = 0;
    while (row < capacity && !rows->at_end) {
        bool has_more = false;
        enum lake_action_kind kind = LAKE_ACTION_UNKNOWN;
        struct str body = {0};
        TRY(rows->next(rows->next_ctx, &has_more, &kind, &body, msg));
        if (!has_more) {
            rows->at_end = true;
            break;
        }
        if (!str_is_utf8(body)) {
            return errmsg_set(msg, ERR_INVALID, "an action is not UTF-8");
        }
        for (size_t c = 0; c < rows->count; c++) {
            if (rows->projected[c] == 0) {
                col_set_i32(&cols[c], row, (int32_t)kind);
            } else {
                col_set_str(&cols[c], row, body.ptr, body.len);
            }
        }
        row++;
    }
    *out_rows = row;
    return ERR_OK;
}

static void add_write(uint64_t source_id, const char *path, struct buf *sql)
{
    buf_puts(sql, "COPY (SELECT ");
    const struct lake_checkpoint_column *columns = lake_checkpoint_columns();
    bool is_first = true;
    for (unsigned kind = 0; kind < LAKE_CHECKPOINT_KINDS; kind++) {
        if (columns[kind].sql_type == NULL) {
            continue;
        }
        /* from_json and not a cast: members that the action lacks are to be NULL. */
        buf_printf(sql, "%sCASE WHEN kind = %u THEN from_json(body, ", is_first ? "" : ", ", kind);
        AUTO_BUF type = buf_make(READ_SQL_BYTES_MAX);
        buf_add_json_string(&type, str_from(columns[kind].sql_type));
        sql_add_text(sql, buf_str(&type));
        buf_puts(sql, ") END AS ");
        sql_add_name(sql, str_from(columns[kind].name));
        is_first = false;
    }
    buf_printf(sql, " FROM tarn_source(%llu)) TO ", (unsigned long long)source_id);
    sql_add_text(sql, str_from(path));
    buf_puts(sql, " (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v1)");
}

static err parquet_write(void *ctx, const char *path, lake_action_next_fn *next, void *next_ctx,
                         struct errmsg *msg)
{
    struct sql_conn *conn = ctx;
    struct action_rows rows = {.next = next, .next_ctx = next_ctx};
    struct sql_source source = {.columns = action_columns,
                                .column_count = ARRAY_LEN(action_columns),
                                .threads_max = 1,
                                .ctx = &rows,
                                .thread_open = rows_open,
                                .fill = rows_fill};
    uint64_t id = 0;
    TRY(sql_source_register(conn->engine, &source, &id, msg));
    AUTO_BUF sql = buf_make(WRITE_SQL_BYTES_MAX);
    add_write(id, path, &sql);
    err e = buf_check(&sql);
    if (e == ERR_OK) {
        e = sql_exec(conn, buf_cstr(&sql), msg);
    }
    sql_source_unregister(conn->engine, id);
    return e == ERR_OK ? ERR_OK : errmsg_wrap(msg, e, "write %s", path);
}

struct lake_parquet sql_lake_parquet(struct sql_conn *conn)
{
    ASSERT(conn != NULL);
    return (struct lake_parquet){.ctx = conn, .read = parquet_read, .write = parquet_write};
}
