/* SPDX-License-Identifier: MIT */
/* land_test.h - a topic in a temporary folder, and what its two tables hold, for tests of landing.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow/land.h"
#include "flow/land_schema.h"
#include "lake/snapshot.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/io.h"
#include "sql/lake_parquet.h"
#include "topic/batch.h"
#include "topic/store.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct errmsg msg_ = {0};                                                                  \
        err ok_result_ = (call);                                                                   \
        if (ok_result_ != ERR_OK) {                                                                \
            fail_msg("%s: %s (%s)", #call, err_name(ok_result_), msg_.text);                       \
        }                                                                                          \
    } while (0)

/* 2026-11-20T12:00:00Z */
#define RIG_NOON_MS INT64_C(1795176000000)
#define RIG_DAY_MS INT64_C(86400000)

struct rig {
    char *dir;
    char *bronze;
    struct topic_store *store;
    struct topic *topic;
    struct sql_engine *engine;
    struct sql_conn *conn;
    struct lake_parquet parquet;
    struct lander *lander;
    uint64_t commit_bytes;
};

static inline void rig_lander(struct rig *r)
{
    lander_free(r->lander);
    const struct topic_meta *meta = topic_meta_of(r->topic);
    struct lander_options options = {
        .topic = str_from(meta->name),
        .table = str_from(meta->table),
        .uuid = str_from(meta->uuid.text),
        .topic_dir = topic_dir(r->topic),
        .bronze_dir = r->bronze,
        .partition_count = meta->partition_count,
        .conn = r->conn,
        .parquet = &r->parquet,
        .threads = 2,
        .commit_bytes = r->commit_bytes,
    };
    r->lander = lander_new(&options);
}

/* A fresh folder with one topic; the engine is made once and kept over rigs. */
static inline void rig_open(struct rig *r, const char *partition_by)
{
    static unsigned number;
    const char *base = getenv("TMPDIR");
    r->dir = xasprintf("%s/tarn-land-%d-%u", base != NULL ? base : "/tmp", (int)getpid(), number++);
    r->bronze = xasprintf("%s/lake/bronze", r->dir);
    OK(os_remove_tree(r->dir, &msg_));
    OK(os_mkdirs(r->bronze, &msg_));
    struct topic_store_options store_options = {
        .wake_fd = -1, .manual_sync = true, .reserve_bytes = 4096};
    OK(topic_store_open(r->dir, &store_options, &r->store, &msg_));
    AUTO_TOPIC_META meta;
    OK(topic_meta_init(&meta, STR("web.logs"), &msg_));
    meta.partition_count = 2;
    if (partition_by != NULL) {
        struct str column = str_from(partition_by);
        topic_partition_by_set(&meta.settings, &column, 1);
    }
    OK(topic_store_create(r->store, &meta, NULL, &r->topic, &msg_));
    if (r->engine == NULL) {
        OK(sql_engine_open(&(struct sql_engine_options){.threads = 2}, &r->engine, &msg_));
        OK(sql_conn_open(r->engine, &r->conn, &msg_));
        r->parquet = sql_lake_parquet(r->conn);
    }
    rig_lander(r);
}

static inline void rig_close(struct rig *r)
{
    lander_free(r->lander);
    r->lander = NULL;
    topic_store_free(r->store);
    r->store = NULL;
    OK(os_remove_tree(r->dir, &msg_));
    free(r->dir);
    free(r->bronze);
}

/* Appends `values` as one batch. */
static inline void rig_append(struct rig *r, uint32_t partition, int64_t timestamp_ms,
                              const char *const *values, size_t count)
{
    AUTO_BUF bytes = buf_make(64 << 20);
    struct batch_builder builder;
    batch_builder_begin(&builder, &bytes, timestamp_ms, -1, -1, -1);
    for (size_t i = 0; i < count; i++) {
        assert_true(batch_builder_add(&builder, false, (struct str){0}, str_from(values[i])));
    }
    struct str batch;
    int64_t base = 0;
    uint64_t seq = 0;
    OK(batch_builder_finish(&builder, &batch));
    OK(topic_append(r->topic, partition, batch, &base, &seq, &msg_));
    OK(topic_store_sync_now(r->store, &msg_));
}

static inline void rig_ends(struct rig *r, int64_t *ends)
{
    for (uint32_t i = 0; i < topic_partition_count(r->topic); i++) {
        ends[i] = topic_durable_end(r->topic, i);
    }
}

/* Everything acknowledged into both tables; the first error is returned. */
static inline err rig_try_flush(struct rig *r, struct errmsg *msg)
{
    int64_t ends[16];
    rig_ends(r, ends);
    lander_set_ends(r->lander, ends, topic_partition_count(r->topic), 1);
    for (bool more = true; more;) {
        TRY(lander_land(r->lander, ends, true, 1, &more, msg));
    }
    return ERR_OK;
}

static inline void rig_flush(struct rig *r)
{
    int64_t ends[16];
    rig_ends(r, ends);
    OK(rig_try_flush(r, &msg_));
    assert_true(lander_reached(r->lander, ends));
}

/* "read_parquet([…], union_by_name)" of the table's newest version; an empty one with the columns
 * that the tests ask for when there is none. */
static inline void rig_files(struct rig *r, const char *table, struct buf *out)
{
    AUTO_TEXT dir = xasprintf("%s/%s", r->bronze, table);
    AUTO(lake_snapshot) snapshot = NULL;
    const char *comma = "";
    if (lake_table_exists(dir)) {
        OK(lake_snapshot_load(dir, -1, &r->parquet, &snapshot, &msg_));
    }
    if (snapshot == NULL || lake_snapshot_file_count(snapshot) == 0) {
        buf_puts(out, "(SELECT 0::INTEGER _partition, 0::BIGINT _offset WHERE false)");
        return;
    }
    buf_puts(out, "read_parquet([");
    struct lake_file_iter it = lake_snapshot_files(snapshot);
    for (const struct lake_file *file; (file = lake_files_next(&it)) != NULL;) {
        buf_printf(out, "%s'%s/%.*s'", comma, dir, STR_ARGS(file->path));
        comma = ",";
    }
    buf_puts(out, "], union_by_name=true, hive_partitioning=false)");
}

/* One number out of the table: SELECT <what> FROM <its files>. */
static inline int64_t rig_i64(struct rig *r, const char *table, const char *what)
{
    AUTO_BUF sql = buf_make(16 << 20);
    buf_printf(&sql, "SELECT (%s)::BIGINT FROM ", what);
    rig_files(r, table, &sql);
    int64_t value = 0;
    OK(sql_query_i64(r->conn, buf_cstr(&sql), &value, &msg_));
    return value;
}

static inline void rig_text(struct rig *r, const char *table, const char *what, struct buf *out)
{
    AUTO_BUF sql = buf_make(16 << 20);
    buf_printf(&sql, "SELECT (%s)::VARCHAR FROM ", what);
    rig_files(r, table, &sql);
    buf_reset(out);
    OK(sql_query_text(r->conn, buf_cstr(&sql), out, &msg_));
}

/* Every acknowledged offset is in exactly one of the two tables, exactly once. */
static inline void rig_exactly_once(struct rig *r)
{
    int64_t ends[16];
    int64_t total = 0;
    rig_ends(r, ends);
    for (uint32_t i = 0; i < topic_partition_count(r->topic); i++) {
        total += ends[i] - topic_log_start(r->topic, i);
    }
    AUTO_BUF sql = buf_make(16 << 20);
    buf_puts(&sql, "SELECT count(*) * 1000000 + count(DISTINCT (_partition, _offset)) FROM ("
                   "SELECT _partition, _offset FROM ");
    rig_files(r, "web_logs", &sql);
    buf_puts(&sql, " UNION ALL SELECT _partition, _offset FROM ");
    rig_files(r, "web_logs__dead", &sql);
    buf_puts(&sql, ")");
    int64_t value = 0;
    OK(sql_query_i64(r->conn, buf_cstr(&sql), &value, &msg_));
    if (value != total * 1000001) {
        fail_msg("%lld offsets; rows and distinct: %lld %lld", (long long)total,
                 (long long)value / 1000000, (long long)value % 1000000);
    }
}
