/* SPDX-License-Identifier: MIT */
/* test_conformance_duckdb.c - the conformance cases with DuckDB reading the checkpoints: every load
 * goes through the newest checkpoint, and no case is left out. Also our own checkpoints, there and
 * back. */
#include "lake_test.h"

#include "conformance.h"
#include "lake/checkpoint.h"
#include "lake/checksum.h"
#include "sql/engine.h"
#include "sql/lake_parquet.h"

static struct sql_engine *engine;
static struct sql_conn *conn;
static struct lake_parquet parquet;

static int open_engine(void **state)
{
    (void)state;
    struct sql_engine_options options = {.threads = 1};
    if (sql_engine_open(&options, &engine, NULL) != ERR_OK ||
        sql_conn_open(engine, &conn, NULL) != ERR_OK) {
        return -1;
    }
    parquet = sql_lake_parquet(conn);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    sql_conn_close(conn);
    sql_engine_close(engine);
    return 0;
}

/* Public tables of other engines give the same state through their checkpoints: classic, in parts,
 * V2 in JSON and Parquet, with sidecars, with struct statistics only. */
static void checkpoints_of_other_engines_are_read(void **state)
{
    (void)state;
    struct conformance_counts counts;
    if (!conformance_run(&parquet, &counts)) {
        print_message("skipped: no conformance cases beside the source\n");
        skip();
    }
    print_message("conformance: %u passed, %u failed, %u loaded only\n", counts.passed,
                  counts.failed, counts.other);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(counts.skipped, 0);
    assert_true(counts.passed >= 98);
}

/* A checkpoint of ours, written and read by DuckDB, gives the very state it was written from. */
static void own_checkpoint_comes_back(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    struct lake_snapshot *s = test_create_table(dir, NULL);
    for (int i = 0; i < 12; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "date=2026-11-20/a b%%%d.parquet", i);
        s = test_append(s, path, i, NULL, NULL);
    }
    struct lake_file_iter it = lake_snapshot_files(s);
    AUTO(lake_commit) compact = lake_commit_new("OPTIMIZE");
    AUTO(lake_snapshot) last = NULL;
    lake_commit_remove_file(compact, lake_files_next(&it), false);
    assert_ok(lake_commit_run(compact, dir, s, &parquet, &last, NULL, msg));
    assert_ok(lake_checkpoint_write(last, &parquet, msg));
    char path[256];
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.json", dir, 0);
    assert_ok(os_unlink(path, msg)); /* the checkpoint is the only way now */
    AUTO(lake_snapshot) read = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &parquet, &read, msg));
    AUTO_BUF before = buf_make(1 << 20);
    AUTO_BUF after = buf_make(1 << 20);
    lake_checksum_encode(last, STR("x"), &before);
    lake_checksum_encode(read, STR("x"), &after);
    assert_string_equal(buf_cstr(&before), buf_cstr(&after));
    assert_int_equal(lake_snapshot_row_count(read), 110);
    struct lake_file_iter files = lake_snapshot_files(read);
    const struct lake_file *first = lake_files_next(&files);
    assert_true(str_is(first->path, "date=2026-11-20/a b%1.parquet"));
    assert_true(str_is(first->stats, "{\"numRecords\":10}"));
    assert_true(str_is(lake_file_partition(first, STR("_date"))->value, "2026-11-20"));
    struct lake_file_iter dead = lake_snapshot_tombstones(read);
    assert_true(lake_files_next(&dead)->deletion_ms > 0);
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(checkpoints_of_other_engines_are_read),
                                       cmocka_unit_test(own_checkpoint_comes_back)};
    return cmocka_run_group_tests_name("lake_conformance_duckdb", tests, open_engine, close_engine);
}
