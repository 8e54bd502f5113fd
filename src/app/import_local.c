/* SPDX-License-Identifier: MIT */
/* import_local.c - see import_local.h. The same steps as with a server: sql_import() makes the
 * files and the manifest, import_publish() takes them into the table. */
#include "app/import_local.h"

#include "app/data_dir.h"
#include "flow/land_schema.h"
#include "os/clock.h"
#include "os/file.h"
#include "sql/lake_parquet.h"

struct local {
    struct data_dir dir;
    struct sql_engine *engine; /* owned */
    struct sql_conn *conn;     /* owned */
    struct lake_parquet parquet;
    char *lake; /* owned */
    char *work; /* owned */
    char *out;  /* owned */
    struct uuid_text id;
};

static err open_local(struct local *l, const struct import_local_request *r, struct errmsg *msg)
{
    TRY(data_dir_open(r->data_dir, &l->dir, msg));
    l->id = os_uuid_new();
    l->lake = xasprintf("%s/lake", r->data_dir);
    l->work = xasprintf("%s/" IMPORT_WORK "/%s", l->lake, l->id.text);
    l->out = xasprintf("%s/out", l->work);
    TRY(os_mkdirs(l->out, msg));
    AUTO_TEXT spill = xasprintf("%s/spill", l->work);
    struct sql_engine_options options = {.memory_bytes = r->memory_bytes, .temp_dir = spill};
    TRY(sql_engine_open(&options, &l->engine, msg));
    TRY(sql_conn_open(l->engine, &l->conn, msg));
    l->parquet = sql_lake_parquet(l->conn);
    return ERR_OK;
}

static void close_local(struct local *l)
{
    if (l->work != NULL) {
        (void)os_remove_tree(l->work, NULL); /* else the next server does it */
    }
    sql_conn_close(l->conn);
    sql_engine_close(l->engine);
    free(l->lake);
    free(l->work);
    free(l->out);
    data_dir_close(&l->dir);
}

static struct str text_or_empty(const char *text)
{
    return str_from(text != NULL ? text : "");
}

/* What the table has, for an append. */
static void take_columns(const struct lake_snapshot *snapshot, struct sql_import_columns *table)
{
    const struct lake_metadata *m = lake_snapshot_metadata(snapshot);
    table->items = xnew_array(struct sql_import_column, m->field_count + 1);
    for (size_t i = 0; i < m->field_count; i++) {
        table->items[table->count++] = (struct sql_import_column){
            .name = xstrndup(m->fields[i].name.ptr, m->fields[i].name.len),
            .delta = xstrndup(m->fields[i].type.ptr, m->fields[i].type.len)};
    }
}

static err make_files(struct local *l, const struct import_local_request *r,
                      const struct lake_snapshot *snapshot, uint64_t *out_rows, struct errmsg *msg)
{
    struct sql_import_columns table = {0};
    struct sql_import_columns columns = {0};
    AUTO(import_manifest) manifest = import_manifest_new();
    struct sql_import_options options = r->options;
    options.target_dir = l->out;
    if (snapshot != NULL && strcmp(r->mode, "append") == 0) {
        if (lake_snapshot_metadata(snapshot)->partition_column_count > 0) {
            return errmsg_set(msg, ERR_UNSUPPORTED,
                              "the table is partitioned: start the server, and import there");
        }
        take_columns(snapshot, &table);
        options.table = &table;
    }
    err e = sql_import(l->conn, &options, import_manifest_note, manifest, &columns, out_rows, msg);
    if (e == ERR_OK) {
        e = import_manifest_write(manifest, l->work, &columns, *out_rows, msg);
    }
    sql_import_columns_deinit(&table);
    sql_import_columns_deinit(&columns);
    return e;
}

static err check_topics(const struct import_local_request *r, struct errmsg *msg)
{
    AUTO_TEXT bronze = xasprintf("%s/lake/bronze/%s/_delta_log", r->data_dir, r->table);
    AUTO_TEXT topics = xasprintf("%s/topics", r->data_dir);
    AUTO_NAMES names = {0};
    bool taken = os_exists(bronze);
    if (os_list(topics, &names, NULL) == ERR_OK) {
        for (size_t i = 0; i < names.count && !taken; i++) {
            char table[TOPIC_NAME_BYTES_MAX + 1];
            struct str name = str_from(names.items[i]);
            if (topic_name_valid(name)) {
                topic_table_name(name, table);
                taken = strcmp(table, r->table) == 0;
            }
        }
    }
    return taken ? errmsg_set(msg, ERR_CONFLICT, "the table \"%s\" belongs to a topic", r->table)
                 : ERR_OK;
}

static err run(struct local *l, const struct import_local_request *r,
               struct import_local_result *out, struct errmsg *msg)
{
    AUTO(lake_snapshot) snapshot = NULL;
    TRY(open_local(l, r, msg));
    TRY(check_topics(r, msg));
    struct wire_import import = {.id = str_from(l->id.text),
                                 .table = text_or_empty(r->table),
                                 .mode = text_or_empty(r->mode),
                                 .dir = str_from(l->work)};
    struct import_target target = {.lake_dir = l->lake, .parquet = &l->parquet};
    TRY(import_look(&target, &import, &snapshot, msg));
    TRY(make_files(l, r, snapshot, &out->rows, msg));
    return import_publish(&target, &import, &out->published, msg);
}

err import_local(const struct import_local_request *request, struct import_local_result *out_result,
                 struct errmsg *msg)
{
    struct local l = {.dir = {.lock_fd = -1}};
    struct import_local_result result = {0};
    err e = run(&l, request, &result, msg);
    close_local(&l);
    if (e == ERR_OK) {
        *out_result = result;
    }
    return e;
}

err import_local_rows(const char *path, sql_write_fn *write, void *ctx, struct errmsg *msg)
{
    AUTO(sql_engine) engine = NULL;
    AUTO(sql_conn) conn = NULL;
    AUTO(sql_result) result = NULL;
    struct sql_engine_options options = {.threads = 2};
    TRY(sql_engine_open(&options, &engine, msg));
    TRY(sql_conn_open(engine, &conn, msg));
    /* The same file must give the same bytes again: a repeated request is known by them. */
    TRY(sql_exec(conn, "SET preserve_insertion_order=true", msg));
    TRY(sql_import_check_parquet(conn, path, msg));
    AUTO_BUF sql = buf_make(1 << 20);
    buf_puts(&sql, "SELECT * FROM read_parquet(");
    sql_add_path(&sql, str_from(path));
    buf_puts(&sql, ",hive_partitioning=false)");
    TRY(buf_check(&sql));
    TRY(sql_query_stream(conn, buf_str(&sql), NULL, &result, msg));
    struct sql_format_options format = {.format = SQL_FORMAT_NDJSON};
    struct sql_answer answer = {0};
    return sql_format_stream(result, &format, write, ctx, &answer, msg);
}
