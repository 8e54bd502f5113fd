/* SPDX-License-Identifier: MIT */
/* table_local.c - see table_local.h.
 *
 * Most tables can be looked at without SQL: the engine is opened when a checkpoint has to be read
 * or written, and not before. */
#include "app/table_local.h"

#include "lake/checkpoint.h"
#include "lake/history.h"
#include "sql/lake_parquet.h"

struct lazy {
    struct sql_engine *engine; /* owned; NULL: not needed so far */
    struct sql_conn *conn;     /* owned */
    struct lake_parquet real;
};

static err lazy_open(struct lazy *l, struct errmsg *msg)
{
    if (l->engine != NULL) {
        return ERR_OK;
    }
    struct sql_engine_options options = {.threads = 2};
    TRY(sql_engine_open(&options, &l->engine, msg));
    TRY(sql_conn_open(l->engine, &l->conn, msg));
    l->real = sql_lake_parquet(l->conn);
    return ERR_OK;
}

static void lazy_close(struct lazy *l)
{
    sql_conn_close(l->conn);
    sql_engine_close(l->engine);
}

static err lazy_read(void *ctx, const char *path, lake_action_fn *on_action, void *action_ctx,
                     struct errmsg *msg)
{
    struct lazy *l = ctx;
    TRY(lazy_open(l, msg));
    return l->real.read(l->real.ctx, path, on_action, action_ctx, msg);
}

static err lazy_write(void *ctx, const char *path, lake_action_next_fn *next, void *next_ctx,
                      struct errmsg *msg)
{
    struct lazy *l = ctx;
    TRY(lazy_open(l, msg));
    return l->real.write(l->real.ctx, path, next, next_ctx, msg);
}

static err list_files(const struct lake_snapshot *s, json_t **out_answer, struct errmsg *msg)
{
    AUTO_JSON list = json_array();
    struct lake_file_iter it = lake_snapshot_files(s);
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
        json_t *item = NULL;
        TRY(lake_file_describe(f, &item, msg));
        if (json_array_append_new(list, item) != 0) {
            return ERR_NOMEM;
        }
    }
    *out_answer = TAKE(list);
    return ERR_OK;
}

static err checkpoint(const struct lake_snapshot *s, const struct lake_parquet *parquet,
                      json_t **out_answer, struct errmsg *msg)
{
    TRY(lake_checkpoint_write(s, parquet, msg));
    *out_answer = json_pack("{s:s, s:I}", "path", lake_snapshot_table_dir(s), "version",
                            (json_int_t)lake_snapshot_version(s));
    return *out_answer == NULL ? ERR_NOMEM : ERR_OK;
}

static err answer(const char *path, enum table_local_what what, size_t limit,
                  const struct lake_parquet *parquet, json_t **out_answer, struct errmsg *msg)
{
    AUTO(lake_snapshot) snapshot = NULL;
    TRY(lake_snapshot_load(path, -1, parquet, &snapshot, msg));
    switch (what) {
    case TABLE_LOCAL_DESCRIBE:
        return lake_describe(snapshot, out_answer, msg);
    case TABLE_LOCAL_HISTORY:
        return lake_history(path, lake_snapshot_version(snapshot), limit, out_answer, msg);
    case TABLE_LOCAL_FILES:
        return list_files(snapshot, out_answer, msg);
    case TABLE_LOCAL_CHECKPOINT:
        return checkpoint(snapshot, parquet, out_answer, msg);
    }
    return errmsg_set(msg, ERR_INVALID, "nothing is known of that");
}

err table_local(const char *path, enum table_local_what what, size_t limit, json_t **out_answer,
                struct errmsg *msg)
{
    ASSERT(path != NULL);
    ASSERT(out_answer != NULL);
    struct lazy lazy = {0};
    struct lake_parquet parquet = {.ctx = &lazy, .read = lazy_read, .write = lazy_write};
    err e = answer(path, what, limit, &parquet, out_answer, msg);
    lazy_close(&lazy);
    return e;
}
