/* SPDX-License-Identifier: MIT */
/* land.c - COPY … (RETURN_STATS), and what its rows mean. */
#include "sql/land.h"

#include "os/clock.h"
#include "os/file.h"
#include "sql/duck.h"

enum { GROUP_PARTITIONS = 32, STATS_BYTES_MAX = 16 << 20 };

/* What RETURN_STATS gives, by position. */
enum { OUT_FILE, OUT_ROWS, OUT_SIZE, OUT_FOOTER, OUT_STATS, OUT_KEYS, OUT_COLUMNS };

struct land_column {
    char *name; /* owned */
    char *key;  /* owned: as statistics name it, in double quotes */
    enum sql_bound_kind kind;
    bool is_partition;
    bool is_timestamp;
};

struct copy_run {
    struct sql_conn *conn;
    const struct sql_copy_options *options;
    struct land_column *columns; /* owned */
    size_t count;
    sql_land_file_fn *on_file;
    void *ctx;
    uint64_t rows;
};

/* --- the columns of the SELECT --- */

static enum sql_bound_kind bound_kind(duckdb_type id)
{
    switch (id) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_DECIMAL:
        return SQL_BOUND_NUMBER;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
        return SQL_BOUND_FLOAT;
    case DUCKDB_TYPE_DATE:
        return SQL_BOUND_DATE;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return SQL_BOUND_TIMESTAMP;
    case DUCKDB_TYPE_VARCHAR:
        return SQL_BOUND_STRING;
    default:
        return SQL_BOUND_NONE;
    }
}

static bool is_nested(duckdb_type id)
{
    return id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_MAP ||
           id == DUCKDB_TYPE_ARRAY || id == DUCKDB_TYPE_UNION;
}

static bool is_partition(const struct sql_copy_options *options, const char *name)
{
    for (size_t i = 0; i < options->partition_count; i++) {
        if (str_eq_nocase(str_from(options->partition_columns[i]), str_from(name))) {
            return true;
        }
    }
    return false;
}

static void add_column(struct copy_run *run, duckdb_prepared_statement prepared, idx_t index)
{
    duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(prepared, index);
    duckdb_type id = duckdb_get_type_id(type);
    duckdb_destroy_logical_type(&type);
    const char *name = duckdb_prepared_statement_column_name(prepared, index);
    if (!is_nested(id)) {
        AUTO_BUF key = buf_make(1 << 20);
        sql_add_name(&key, str_from(name));
        run->columns[run->count++] = (struct land_column){
            .name = xstrdup(name),
            .key = xstrdup(buf_cstr(&key)),
            .kind = bound_kind(id),
            .is_partition = is_partition(run->options, name),
            .is_timestamp = id == DUCKDB_TYPE_TIMESTAMP_TZ,
        };
    }
    duckdb_free((void *)(uintptr_t)name);
}

/* Statistics come sorted by name; Delta wants them in the order of the schema. */
static err describe(struct copy_run *run, struct errmsg *msg)
{
    duckdb_prepared_statement prepared = NULL;
    err e = ERR_OK;
    if (duckdb_prepare(run->conn->handle, run->options->select_sql, &prepared) != DuckDBSuccess) {
        e = sql_conn_map_error(run->conn, duckdb_prepare_error(prepared), msg);
    } else {
        idx_t count = duckdb_prepared_statement_column_count(prepared);
        run->columns = xnew_array(struct land_column, count + 1);
        for (idx_t i = 0; i < count; i++) {
            add_column(run, prepared, i);
        }
    }
    duckdb_destroy_prepare(&prepared);
    return e;
}

/* --- one file --- */

/* The entry of a MAP(VARCHAR, …) as indexes into its children. */
struct map_view {
    duckdb_vector keys;
    duckdb_vector values;
    idx_t from;
    idx_t count;
};

static struct map_view map_at(duckdb_vector map, idx_t row)
{
    duckdb_list_entry entry = ((const duckdb_list_entry *)duckdb_vector_get_data(map))[row];
    duckdb_vector entries = duckdb_list_vector_get_child(map);
    return (struct map_view){.keys = duckdb_struct_vector_get_child(entries, 0),
                             .values = duckdb_struct_vector_get_child(entries, 1),
                             .from = entry.offset,
                             .count = entry.length};
}

static struct str text_at(duckdb_vector vector, idx_t row)
{
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    if (validity != NULL && (validity[row / 64] >> (row % 64) & 1) == 0) {
        return (struct str){0};
    }
    struct col_sink sink = {.data = duckdb_vector_get_data(vector)};
    struct str text = col_get_str(&sink, row);
    return text.ptr == NULL ? STR("") : text;
}

static void read_stats(struct map_view stats, struct sql_column_stats *out)
{
    for (idx_t i = stats.from; i < stats.from + stats.count; i++) {
        struct str key = text_at(stats.keys, i);
        struct str value = text_at(stats.values, i);
        if (str_is(key, "min")) {
            out->min = value;
        } else if (str_is(key, "max")) {
            out->max = value;
        } else if (str_is(key, "null_count")) {
            out->nulls = value;
        } else if (str_is(key, "has_nan")) {
            out->has_nan = !str_is(value, "false");
        }
    }
}

static void add_stats(const struct copy_run *run, duckdb_vector map, idx_t row, uint64_t rows,
                      struct buf *out)
{
    struct map_view by_column = map_at(map, row);
    struct sql_column_stats *stats = xnew_array(struct sql_column_stats, run->count + 1);
    size_t count = 0;
    for (size_t c = 0; c < run->count; c++) {
        const struct land_column *column = &run->columns[c];
        if (column->is_partition) {
            continue;
        }
        stats[count] = (struct sql_column_stats){.name = column->name, .kind = column->kind};
        for (idx_t i = by_column.from; i < by_column.from + by_column.count; i++) {
            if (str_is(text_at(by_column.keys, i), column->key)) {
                read_stats(map_at(by_column.values, i), &stats[count]);
                break;
            }
        }
        count++;
    }
    size_t bounds = run->options->stats_columns;
    sql_delta_stats(rows, stats, count, bounds > 0 ? bounds : SQL_STATS_COLUMNS, out);
    free(stats);
}

/* Partition values as Delta writes them; `scratch` holds the texts that change. */
static size_t read_keys(const struct copy_run *run, duckdb_vector map, idx_t row,
                        struct sql_partition_value *out, struct buf *scratch)
{
    struct map_view keys = map_at(map, row);
    size_t count = 0;
    for (size_t p = 0; p < run->options->partition_count; p++) {
        const char *name = run->options->partition_columns[p];
        struct str value = {0};
        for (idx_t i = keys.from; i < keys.from + keys.count; i++) {
            if (str_eq_nocase(text_at(keys.keys, i), str_from(name))) {
                value = text_at(keys.values, i);
            }
        }
        for (size_t c = 0; c < run->count; c++) {
            bool is_it = run->columns[c].is_timestamp &&
                         str_eq_nocase(str_from(run->columns[c].name), str_from(name));
            if (is_it && value.len > 11 && str_ends(value, STR("+00"))) {
                size_t at = scratch->len; /* "2026-11-20 12:00:00+00" → "2026-11-20T12:00:00Z" */
                buf_add(scratch, value.ptr, value.len - 3);
                buf_add_byte(scratch, 'Z');
                scratch->data[at + 10] = 'T';
                value = str_of(scratch->data + at, scratch->len - at);
            }
        }
        out[count++] = (struct sql_partition_value){
            .column = name, .is_null = value.ptr == NULL || value.len == 0, .value = value};
    }
    return count;
}

static err report_file(struct copy_run *run, duckdb_data_chunk chunk, idx_t row, struct errmsg *msg)
{
    uint64_t rows = ((const uint64_t *)duckdb_vector_get_data(
        duckdb_data_chunk_get_vector(chunk, OUT_ROWS)))[row];
    uint64_t size = ((const uint64_t *)duckdb_vector_get_data(
        duckdb_data_chunk_get_vector(chunk, OUT_SIZE)))[row];
    struct str name = text_at(duckdb_data_chunk_get_vector(chunk, OUT_FILE), row);
    AUTO_TEXT path = xstrndup(name.ptr, name.len);
    if (rows == 0) {
        return os_unlink(path, msg); /* a COPY of nothing writes an empty file */
    }
    AUTO_BUF stats = buf_make(STATS_BYTES_MAX);
    add_stats(run, duckdb_data_chunk_get_vector(chunk, OUT_STATS), row, rows, &stats);
    struct sql_partition_value keys[SQL_PARTITION_COLUMNS_MAX];
    AUTO_BUF scratch = buf_make(4096);
    (void)buf_reserve(&scratch, 2048); /* the texts must not move; eight times 40 bytes fit */
    size_t key_count =
        read_keys(run, duckdb_data_chunk_get_vector(chunk, OUT_KEYS), row, keys, &scratch);
    TRY(buf_check(&stats));
    run->rows += rows;
    struct sql_land_file file = {.path = path,
                                 .size_bytes = size,
                                 .rows = rows,
                                 .partitions = keys,
                                 .partition_count = key_count,
                                 .stats_json = buf_str(&stats)};
    return run->on_file(run->ctx, &file, msg);
}

/* --- the COPY --- */

static void add_partition_names(const struct sql_copy_options *options, const char *prefix,
                                struct buf *out)
{
    for (size_t i = 0; i < options->partition_count; i++) {
        if (i > 0) {
            buf_puts(out, ", ");
        }
        buf_puts(out, prefix);
        sql_add_name(out, str_from(options->partition_columns[i]));
    }
}

static void add_copy(const struct sql_copy_options *options, const char *select_sql,
                     struct buf *out)
{
    bool by_size = options->partition_count == 0 && options->file_bytes > 0;
    buf_printf(out, "COPY (%s\n) TO ", select_sql);
    if (options->partition_count > 0 || by_size) {
        sql_add_text(out, str_from(options->target_dir));
    } else {
        struct uuid_text uuid = os_uuid_new();
        AUTO_TEXT path = xasprintf("%s/%s.parquet", options->target_dir, uuid.text);
        sql_add_text(out, str_from(path));
    }
    const char *codec = options->compression != NULL ? options->compression : "zstd";
    buf_printf(out, " (FORMAT parquet, COMPRESSION %s", codec);
    if (str_is(str_from(codec), "zstd")) {
        buf_printf(out, ", COMPRESSION_LEVEL %d",
                   options->compression_level > 0 ? options->compression_level : 1);
    }
    uint64_t group_rows = options->row_group_rows > 0 ? options->row_group_rows : 122880;
    buf_printf(out, ", ROW_GROUP_SIZE %llu, PARQUET_VERSION v1, RETURN_STATS",
               (unsigned long long)group_rows);
    if (by_size) {
        buf_printf(out,
                   ", FILENAME_PATTERN '{uuid}', OVERWRITE_OR_IGNORE true, FILE_SIZE_BYTES %llu",
                   (unsigned long long)options->file_bytes);
    }
    if (options->partition_count > 0) {
        buf_puts(out, ", FILENAME_PATTERN '{uuid}', PARTITION_BY (");
        add_partition_names(options, "", out);
        buf_puts(out, "), WRITE_PARTITION_COLUMNS true, HIVE_FILE_PATTERN false, "
                      "OVERWRITE_OR_IGNORE true");
    }
    buf_add_byte(out, ')');
}

static err run_copy(struct copy_run *run, const char *select_sql, struct errmsg *msg)
{
    AUTO_BUF copy = buf_make(16 << 20);
    add_copy(run->options, select_sql, &copy);
    TRY(buf_check(&copy));
    AUTO(sql_result) result = NULL;
    TRY(sql_query_stream(run->conn, buf_str(&copy), NULL, &result, msg));
    ASSERT(result->column_count == OUT_COLUMNS);
    for (;;) {
        size_t rows = 0;
        TRY(sql_result_fetch(result, &rows, msg));
        if (rows == 0) {
            return ERR_OK;
        }
        for (size_t row = 0; row < rows; row++) {
            TRY(report_file(run, result->chunk, row, msg));
        }
    }
}

/* --- very many partitions --- */

static err drop_staged(struct sql_conn *conn, struct errmsg *msg)
{
    return sql_exec(conn,
                    "DROP TABLE IF EXISTS temp.tarn_land; DROP TABLE IF EXISTS temp.tarn_groups;"
                    "DROP TABLE IF EXISTS temp.tarn_sorted",
                    msg);
}

static err stage_rows(struct copy_run *run, struct errmsg *msg)
{
    AUTO_BUF names = buf_make(64 << 10);
    AUTO_BUF match = buf_make(64 << 10);
    add_partition_names(run->options, "", &names);
    for (size_t i = 0; i < run->options->partition_count; i++) {
        struct str name = str_from(run->options->partition_columns[i]);
        buf_puts(&match, i > 0 ? " AND l." : "l.");
        sql_add_name(&match, name);
        buf_puts(&match, " IS NOT DISTINCT FROM g.");
        sql_add_name(&match, name);
    }
    TRY(buf_check(&names));
    TRY(buf_check(&match));
    const char *keys = buf_cstr(&names);
    TRY(sql_execf(run->conn, msg, "CREATE TEMP TABLE tarn_land AS %s", run->options->select_sql));
    TRY(sql_execf(run->conn, msg,
                  "CREATE TEMP TABLE tarn_groups AS SELECT *, (row_number() OVER (ORDER BY %s) - "
                  "1) // %d AS tarn_group FROM (SELECT DISTINCT %s FROM temp.tarn_land)",
                  keys, GROUP_PARTITIONS, keys));
    TRY(sql_execf(run->conn, msg,
                  "CREATE TEMP TABLE tarn_sorted AS SELECT l.*, g.tarn_group FROM temp.tarn_land l "
                  "JOIN temp.tarn_groups g ON %s ORDER BY g.tarn_group",
                  buf_cstr(&match)));
    return sql_exec(run->conn, "DROP TABLE temp.tarn_land", msg);
}

static err copy_staged(struct copy_run *run, struct errmsg *msg)
{
    TRY(stage_rows(run, msg));
    int64_t groups = 0;
    TRY(sql_query_i64(run->conn,
                      "SELECT coalesce(max(tarn_group) + 1, 0)::BIGINT FROM temp.tarn_groups",
                      &groups, msg));
    for (int64_t group = 0; group < groups; group++) {
        AUTO_TEXT select = xasprintf("SELECT * EXCLUDE (tarn_group) FROM temp.tarn_sorted WHERE "
                                     "tarn_group = %lld",
                                     (long long)group);
        TRY(run_copy(run, select, msg));
    }
    return ERR_OK;
}

static err copy(struct copy_run *run, struct errmsg *msg)
{
    struct errmsg first = {0};
    TRY(describe(run, msg));
    err e = run_copy(run, run->options->select_sql, &first);
    bool is_too_much = e == ERR_NOMEM || (e == ERR_IO && strstr(first.text, "open files") != NULL);
    if (!is_too_much || run->options->partition_count == 0 || run->rows > 0) {
        return e == ERR_OK ? ERR_OK : errmsg_set(msg, e, "%s", first.text);
    }
    TRY(os_empty_dir(run->options->target_dir, msg)); /* what the COPY that failed has left */
    TRY(drop_staged(run->conn, msg));
    e = copy_staged(run, msg);
    (void)drop_staged(run->conn, NULL); /* best effort: the next run drops them too */
    return e;
}

err sql_copy_partitioned(struct sql_conn *conn, const struct sql_copy_options *options,
                         sql_land_file_fn *on_file, void *ctx, uint64_t *out_rows,
                         struct errmsg *msg)
{
    ASSERT(options->partition_count <= SQL_PARTITION_COLUMNS_MAX);
    ASSERT(on_file != NULL);
    struct copy_run run = {.conn = conn, .options = options, .on_file = on_file, .ctx = ctx};
    err e = copy(&run, msg);
    for (size_t i = 0; i < run.count; i++) {
        free(run.columns[i].name);
        free(run.columns[i].key);
    }
    free(run.columns);
    if (e == ERR_OK && out_rows != NULL) {
        *out_rows = run.rows;
    }
    return e;
}
