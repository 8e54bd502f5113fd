/* SPDX-License-Identifier: MIT */
/* engine.c - opening the database in the order that the walls need (reliability.md section 7):
 *
 *     open with threads=1 → Landlock → threads=N → seccomp on all threads → limits
 *       → settings, pool of connections → enable_external_access=false → lock_configuration
 *
 * Landlock binds the calling thread and those it makes later, so DuckDB's workers must not exist
 * yet; but DuckDB reads its cgroup's limits while it opens and aborts when it may not, so Landlock
 * comes right after. Nothing can be set once the configuration is locked, not even a connection's
 * own settings, hence the pool. */
#include "sql/engine.h"

#include <unistd.h>

#include "os/file.h"
#include "os/sandbox.h"
#include "sql/duck.h"

enum { THREADS_DEFAULT_MAX = 8, WRITE_DIRS_MAX = 8 };

static err run(struct sql_engine *engine, duckdb_connection connection, const char *sql,
               struct errmsg *msg)
{
    duckdb_result result;
    err e = ERR_OK;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess) {
        e = sql_map_error(engine, duckdb_result_error(&result), msg);
        e = errmsg_wrap(msg, e, "set up DuckDB (%.80s)", sql);
    }
    duckdb_destroy_result(&result);
    return e;
}

__attribute__((format(printf, 4, 5))) static err runf(struct sql_engine *engine,
                                                      duckdb_connection connection,
                                                      struct errmsg *msg, const char *format, ...)
{
    AUTO_BUF sql = buf_make(1 << 20);
    va_list args;
    va_start(args, format);
    buf_vprintf(&sql, format, args);
    va_end(args);
    TRY(buf_check(&sql));
    return run(engine, connection, buf_cstr(&sql), msg);
}

static err open_database(struct sql_engine *engine, struct errmsg *msg)
{
    duckdb_config config = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess) {
        return errmsg_set(msg, ERR_NOMEM, "duckdb_create_config failed");
    }
    static const char *const settings[][2] = {
        {"threads", "1"},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
    };
    err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(settings) && e == ERR_OK; i++) {
        if (duckdb_set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess) {
            e = errmsg_set(msg, ERR_FAILED, "DuckDB does not know %s", settings[i][0]);
        }
    }
    char *text = NULL;
    if (e == ERR_OK && duckdb_open_ext(NULL, &engine->db, config, &text) != DuckDBSuccess) {
        e = errmsg_set(msg, ERR_FAILED, "open DuckDB: %s", text != NULL ? text : "no reason given");
        duckdb_free(text);
    }
    duckdb_destroy_config(&config);
    return e;
}

static unsigned threads_of(const struct sql_engine_options *options)
{
    if (options->threads > 0) {
        return options->threads;
    }
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : (unsigned)MIN(cpus, (long)THREADS_DEFAULT_MAX);
}

static err apply_settings(struct sql_engine *engine, duckdb_connection connection,
                          const struct sql_engine_options *options, struct errmsg *msg)
{
    static const char *const fixed[] = {
        "SET GLOBAL TimeZone='UTC'",
        "SET GLOBAL preserve_insertion_order=false",
        "SET GLOBAL parquet_metadata_cache=true",
        "SET GLOBAL partitioned_write_max_open_files=100000",
        "SET GLOBAL allow_persistent_secrets=false",
        "SET GLOBAL home_directory='/nonexistent'",
        "SET GLOBAL extension_directory='/nonexistent'",
        "SET GLOBAL secret_directory='/nonexistent'",
    };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        TRY(run(engine, connection, fixed[i], msg));
    }
    if (options->memory_bytes > 0) {
        TRY(runf(engine, connection, msg, "SET GLOBAL memory_limit='%llu B'",
                 (unsigned long long)options->memory_bytes));
    }
    AUTO_BUF dir = buf_make(8192);
    sql_add_text(&dir, str_from(options->temp_dir != NULL ? options->temp_dir : ""));
    TRY(buf_check(&dir));
    TRY(runf(engine, connection, msg, "SET GLOBAL temp_directory=%s", buf_cstr(&dir)));
    uint64_t temp_bytes = options->temp_bytes_max > 0 ? options->temp_bytes_max : 10ULL << 30;
    return runf(engine, connection, msg, "SET GLOBAL max_temp_directory_size='%llu B'",
                (unsigned long long)temp_bytes);
}

static err fill_pool(struct sql_engine *engine, unsigned connections, struct errmsg *msg)
{
    size_t wanted = connections > 0 ? connections : SQL_POOL_DEFAULT;
    while (engine->pool_count < MIN(wanted, (size_t)SQL_CONNECTIONS_MAX)) {
        duckdb_connection connection = NULL;
        if (duckdb_connect(engine->db, &connection) != DuckDBSuccess) {
            return errmsg_set(msg, ERR_NOMEM, "duckdb_connect failed");
        }
        engine->pool[engine->pool_count++] = connection;
        TRY(run(engine, connection,
                "SET enable_progress_bar=true; SET enable_progress_bar_print=false;"
                "SET progress_bar_time=0; SET errors_as_json=true", /* they carry positions */
                msg));
    }
    return ERR_OK;
}

static void add_folder(struct buf *list, const char *path)
{
    if (list->len > 0) {
        buf_add_byte(list, ',');
    }
    size_t len = strlen(path);
    bool has_slash = len > 0 && path[len - 1] == '/';
    AUTO_TEXT with_slash = xasprintf("%s%s", path, has_slash ? "" : "/");
    sql_add_text(list, str_from(with_slash));
}

static err lock_settings(struct sql_engine *engine, duckdb_connection connection,
                         const struct sql_engine_options *options, struct errmsg *msg)
{
    AUTO_BUF list = buf_make(256 << 10);
    for (size_t i = 0; i < options->read_dir_count; i++) {
        add_folder(&list, options->read_dirs[i]);
    }
    for (size_t i = 0; i < options->write_dir_count; i++) {
        add_folder(&list, options->write_dirs[i]);
    }
    if (options->temp_dir != NULL) {
        add_folder(&list, options->temp_dir);
    }
    TRY(buf_check(&list));
    TRY(runf(engine, connection, msg, "SET GLOBAL allowed_directories=[%s]",
             list.len > 0 ? buf_cstr(&list) : ""));
    TRY(run(engine, connection, "SET GLOBAL enable_external_access=false", msg));
    return run(engine, connection, "SET GLOBAL lock_configuration=true", msg);
}

/* The outer wall up to where worker threads may start. */
static err restrict_files(const struct sql_engine_options *options, struct errmsg *msg)
{
    const char *write_dirs[WRITE_DIRS_MAX] = {options->temp_dir};
    size_t count = options->temp_dir != NULL ? 1 : 0;
    ASSERT(options->write_dir_count < WRITE_DIRS_MAX);
    for (size_t i = 0; i < options->write_dir_count; i++) {
        write_dirs[count++] = options->write_dirs[i];
    }
    return sandbox_files(
        &(struct sandbox_paths){
            .read_dirs = options->read_dirs,
            .read_dir_count = options->read_dir_count,
            .write_dirs = write_dirs,
            .write_dir_count = count,
        },
        msg);
}

static err restrict_rest(const struct sql_engine_options *options, uint64_t mapped_bytes,
                         struct errmsg *msg)
{
    uint64_t address_bytes = options->address_bytes;
    TRY(sandbox_system_calls(msg));
    uint64_t temp_bytes = options->temp_bytes_max > 0 ? options->temp_bytes_max : 10ULL << 30;
    return sandbox_limits(
        &(struct sandbox_limits){
            .address_bytes = address_bytes > 0 ? mapped_bytes + address_bytes : 0,
            .file_bytes = options->file_bytes_max > 0 ? options->file_bytes_max : temp_bytes,
            .files = options->files_max > 0 ? options->files_max : 1024,
        },
        msg);
}

static err set_up(struct sql_engine *engine, duckdb_connection connection,
                  const struct sql_engine_options *options, struct errmsg *msg)
{
    bool outer = (options->walls & SQL_WALL_OUTER) != 0;
    uint64_t mapped_bytes = sandbox_mapped_bytes();
    if (outer) {
        TRY(restrict_files(options, msg));
    }
    TRY(runf(engine, connection, msg, "SET GLOBAL threads=%u", threads_of(options)));
    if (outer) {
        TRY(restrict_rest(options, mapped_bytes, msg));
    }
    TRY(apply_settings(engine, connection, options, msg));
    TRY(sql_sources_install(engine, connection, msg));
    TRY(fill_pool(engine, options->connections, msg));
    if ((options->walls & SQL_WALL_INNER) != 0) {
        TRY(lock_settings(engine, connection, options, msg));
    }
    return ERR_OK;
}

static void hide_path(struct sql_engine *engine, const char *path)
{
    if (path != NULL && path[0] == '/' && path[1] != '\0' &&
        engine->hidden_count < SQL_HIDDEN_PATHS_MAX) {
        engine->hidden_paths[engine->hidden_count++] = xstrdup(path);
    }
}

err sql_engine_open(const struct sql_engine_options *options, struct sql_engine **out_engine,
                    struct errmsg *msg)
{
    ASSERT(options != NULL);
    ASSERT(out_engine != NULL);
    AUTO(sql_engine) engine = xnew(struct sql_engine);
    engine->magic = SQL_ENGINE_MAGIC;
    sql_sources_init(&engine->sources);
    (void)pthread_mutex_init(&engine->pool_lock, NULL); /* cannot fail with default attributes */
    if (options->temp_dir != NULL) {
        TRY(os_mkdirs(options->temp_dir, msg));
        hide_path(engine, options->temp_dir);
    }
    for (size_t i = 0; i < options->read_dir_count; i++) {
        hide_path(engine, options->read_dirs[i]);
    }
    for (size_t i = 0; i < options->write_dir_count; i++) {
        hide_path(engine, options->write_dirs[i]);
    }
    (void)snprintf(engine->walls_text, sizeof engine->walls_text, "%s%s%s", /* fits */
                   (options->walls & SQL_WALL_INNER) != 0 ? "settings locked" : "settings open",
                   (options->walls & SQL_WALL_OUTER) != 0 ? ", process confined" : "",
                   options->walls == 0 ? " (no walls)" : "");
    TRY(open_database(engine, msg));
    duckdb_connection connection = NULL;
    if (duckdb_connect(engine->db, &connection) != DuckDBSuccess) {
        return errmsg_set(msg, ERR_NOMEM, "duckdb_connect failed");
    }
    err e = set_up(engine, connection, options, msg);
    duckdb_disconnect(&connection);
    if (e == ERR_OK) {
        *out_engine = TAKE(engine);
    }
    return e;
}

void sql_engine_close(struct sql_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    ASSERT(engine->magic == SQL_ENGINE_MAGIC);
    for (size_t i = 0; i < engine->pool_count; i++) {
        duckdb_disconnect(&engine->pool[i]);
    }
    duckdb_close(&engine->db);
    sql_sources_deinit(&engine->sources);
    (void)pthread_mutex_destroy(&engine->pool_lock); /* nobody holds it */
    for (size_t i = 0; i < engine->hidden_count; i++) {
        free(engine->hidden_paths[i]);
    }
    engine->magic = 0;
    free(engine);
}

static uint64_t memory_sum(struct sql_engine *engine, const char *column)
{
    struct sql_conn *conn = NULL;
    if (sql_conn_open(engine, &conn, NULL) != ERR_OK) {
        return 0;
    }
    AUTO_TEXT sql = xasprintf("SELECT coalesce(sum(%s), 0)::BIGINT FROM duckdb_memory()", column);
    int64_t bytes = 0;
    (void)sql_query_i64(conn, sql, &bytes, NULL); /* a gauge: 0 when unknown */
    sql_conn_close(conn);
    return bytes > 0 ? (uint64_t)bytes : 0;
}

uint64_t sql_engine_memory_bytes(struct sql_engine *engine)
{
    return memory_sum(engine, "memory_usage_bytes");
}

uint64_t sql_engine_temp_bytes(struct sql_engine *engine)
{
    return memory_sum(engine, "temporary_storage_bytes");
}

const char *sql_engine_walls_text(const struct sql_engine *engine)
{
    return engine->walls_text;
}

void sql_add_name(struct buf *out, struct str name)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"') {
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, name.ptr[i]);
    }
    buf_add_byte(out, '"');
}

void sql_add_text(struct buf *out, struct str text)
{
    buf_add_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') {
            buf_add_byte(out, '\'');
        }
        buf_add_byte(out, text.ptr[i]);
    }
    buf_add_byte(out, '\'');
}

void sql_add_path(struct buf *out, struct str path)
{
    buf_add_byte(out, '\'');
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '*' || c == '?' || c == '[') {
            buf_add(out, (char[]){'[', c, ']'}, 3);
        } else {
            buf_add(out, c == '\'' ? "''" : &path.ptr[i], c == '\'' ? 2 : 1);
        }
    }
    buf_add_byte(out, '\'');
}
