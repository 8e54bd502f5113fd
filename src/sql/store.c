/* SPDX-License-Identifier: MIT */
/* store.c - see store.h. */
#include "sql/store.h"

#include "os/file.h"
#include "sql/duck.h"

struct sql_store {
    struct sql_engine *engine; /* borrowed */
    char *path;                /* owned */
    char *database;            /* owned: "x7" */
    char *table;               /* owned: "x7.main.rows" */
    bool is_attached;
};

static atomic_uint_fast64_t next_number; /* no two stores of a process share a name */

/* On a connection of its own: the caller's may be in a transaction, or interrupted. */
static err run_aside(struct sql_store *store, const char *sql, struct errmsg *msg)
{
    AUTO(sql_conn) conn = NULL;
    TRY(sql_conn_open(store->engine, &conn, msg));
    return sql_exec(conn, sql, msg);
}

err sql_store_new(struct sql_engine *engine, const char *path, struct sql_store **out_store,
                  struct errmsg *msg)
{
    AUTO(sql_store) store = xnew(struct sql_store);
    store->engine = engine;
    store->path = xstrdup(path);
    store->database = xasprintf("x%llu", (unsigned long long)atomic_fetch_add(&next_number, 1) + 1);
    store->table = xasprintf("%s.main.rows", store->database);
    AUTO_BUF sql = buf_make(16 << 10);
    buf_puts(&sql, "ATTACH ");
    sql_add_text(&sql, str_from(path));
    buf_printf(&sql, " AS %s (STORAGE_VERSION 'latest', RECOVERY_MODE 'no_wal_writes')",
               store->database);
    TRY(buf_check(&sql));
    TRY(run_aside(store, buf_cstr(&sql), msg));
    store->is_attached = true;
    *out_store = TAKE(store);
    return ERR_OK;
}

void sql_store_free(struct sql_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->is_attached) {
        AUTO_TEXT sql = xasprintf("DETACH %s", store->database);
        (void)run_aside(store, sql, NULL); /* its file goes all the same */
    }
    (void)os_unlink(store->path, NULL); /* not there when it could not be made */
    AUTO_TEXT log = xasprintf("%s.wal", store->path);
    (void)os_unlink(log, NULL); /* there only after a write that failed */
    free(store->path);
    free(store->database);
    free(store->table);
    free(store);
}

err sql_store_fill(struct sql_store *store, struct sql_conn *conn, struct str select,
                   size_t column_count, const json_t *params, uint64_t *out_rows,
                   struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(32 << 20);
    buf_printf(&sql, "CREATE TABLE %s AS SELECT * FROM (", store->table);
    size_t prefix = sql.len;
    buf_add_str(&sql, select);
    buf_puts(&sql, "\n) AS q("); /* the statement may end in a comment */
    for (size_t i = 0; i < column_count; i++) {
        buf_printf(&sql, "%s\"%zu\"", i == 0 ? "" : ",", i);
    }
    buf_puts(&sql, ")");
    TRY(buf_check(&sql));
    AUTO(sql_result) result = NULL;
    err e = sql_query_stream(conn, buf_str(&sql), params, &result, msg);
    if (e != ERR_OK) {
        msg->position -= MIN(msg->position, (uint32_t)prefix); /* is about the SELECT */
        return e;
    }
    size_t rows = 0;
    TRY(sql_result_fetch(result, &rows, msg));
    ASSERT(rows == 1);
    *out_rows = (uint64_t)sql_result_i64(result, 0, 0);
    return ERR_OK;
}

/* FORCE CHECKPOINT would wait for the other transactions, which nothing bounds. */
err sql_store_finish(struct sql_store *store, bool *out_is_done, struct errmsg *msg)
{
    AUTO_TEXT sql = xasprintf("CHECKPOINT %s", store->database);
    struct errmsg own = {0};
    err e = run_aside(store, sql, &own);
    bool is_busy = e != ERR_OK && strstr(own.text, "Cannot CHECKPOINT: there are other") != NULL;
    *out_is_done = e == ERR_OK;
    return e == ERR_OK || is_busy ? ERR_OK : errmsg_set(msg, e, "%s", own.text);
}

const char *sql_store_table(const struct sql_store *store)
{
    return store->table;
}

uint64_t sql_store_bytes(const struct sql_store *store)
{
    struct os_stat stat = {0};
    return os_stat(store->path, &stat, NULL) == ERR_OK ? stat.size_bytes : 0;
}

static json_t *column_json(duckdb_prepared_statement prepared, idx_t index)
{
    const char *name = duckdb_prepared_statement_column_name(prepared, index);
    duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(prepared, index);
    AUTO_BUF text = buf_make(64 << 10);
    sql_type_text(type, &text);
    json_t *column = json_object();
    json_object_set_new(column, "name", json_string(name != NULL ? name : ""));
    json_object_set_new(column, "type",
                        json_string(text.failed || text.len == 0 ? "STRUCT" : buf_cstr(&text)));
    duckdb_destroy_logical_type(&type);
    duckdb_free((void *)(uintptr_t)name);
    return column;
}

err sql_describe(struct sql_conn *conn, struct str sql, json_t **out_columns, struct errmsg *msg)
{
    ASSERT(conn->magic == SQL_CONN_MAGIC);
    AUTO_TEXT text = xstrndup(sql.ptr, sql.len);
    duckdb_prepared_statement prepared = NULL;
    if (duckdb_prepare(conn->handle, text, &prepared) != DuckDBSuccess) {
        err e = sql_conn_map_error(conn, duckdb_prepare_error(prepared), msg);
        duckdb_destroy_prepare(&prepared);
        return e;
    }
    json_t *columns = json_array();
    idx_t count = duckdb_prepared_statement_column_count(prepared);
    for (idx_t i = 0; i < count; i++) {
        (void)json_array_append_new(columns, column_json(prepared, i)); /* counted below */
    }
    duckdb_destroy_prepare(&prepared);
    if (json_array_size(columns) != count) {
        json_decref(columns);
        return ERR_NOMEM;
    }
    *out_columns = columns;
    return ERR_OK;
}
