/* SPDX-License-Identifier: MIT */
/* lake_test.h - what the tests of the Delta log share: a folder of their own, small commits. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_parquet.h"
#include "lake/commit.h"
#include "lake/snapshot.h"
#include "os/clock.h"
#include "os/file.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct errmsg ok_msg_ = {{0}};                                                             \
        struct errmsg *msg = &ok_msg_;                                                             \
        err ok_result_ = (call);                                                                   \
        if (ok_result_ != ERR_OK) {                                                                \
            fail_msg("%s: %s: %s", #call, err_name(ok_result_), ok_msg_.text);                     \
        }                                                                                          \
    } while (0)

/* A fresh folder under $TMPDIR or /tmp; NULL-terminated path in caller's room of 128 bytes. */
static inline void test_dir_make(char out[128])
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(out, 128, "%s/tarn-lake-%s", base == NULL ? "/tmp" : base, os_uuid_new().text);
    assert_int_equal(os_mkdirs(out, NULL), ERR_OK);
}
static inline void test_dir_drop(const char *dir)
{
    (void)os_remove_tree(dir, NULL); /* a leftover in /tmp harms nobody */
}

/* Adds one file of 10 rows in partition _date=2026-11-20. */
static inline void test_add_file(struct lake_commit *c, const char *path)
{
    const struct lake_pair date = {STR("_date"), STR("2026-11-20"), false};
    const struct lake_new_file file = {.path = str_from(path),
                                       .size_bytes = 1000,
                                       .modification_ms = 1,
                                       .partition_values = &date,
                                       .partition_value_count = 1,
                                       .num_records = 10,
                                       .stats = STR("{\"numRecords\":10}")};
    assert_ok(lake_commit_add_file(c, &file, msg));
}

/* Version 0: id long, text string, _date date, partitioned by _date. */
static inline struct lake_snapshot *test_create_table(const char *dir,
                                                      const struct lake_parquet *parquet)
{
    AUTO(lake_commit) c = lake_commit_new("CREATE TABLE");
    const struct str partition = STR("_date");
    struct lake_snapshot *s = NULL;
    lake_commit_create_table(c, STR("test"), (struct str){NULL, 0}, &partition, 1);
    assert_ok(lake_commit_add_column(c, STR("id"), STR("long"), true, msg));
    assert_ok(lake_commit_add_column(c, STR("text"), STR("string"), true, msg));
    assert_ok(lake_commit_add_column(c, STR("_date"), STR("date"), true, msg));
    assert_ok(lake_commit_run(c, dir, NULL, parquet, &s, NULL, msg));
    return s;
}

/* Appends one file and moves the txn; takes `base`, gives the new snapshot. */
static inline struct lake_snapshot *test_append(struct lake_snapshot *base, const char *path,
                                                int64_t offset, const struct lake_parquet *parquet,
                                                struct lake_commit_result *result)
{
    AUTO(lake_commit) c = lake_commit_new("STREAMING UPDATE");
    struct lake_snapshot *s = NULL;
    test_add_file(c, path);
    if (offset >= 0) {
        lake_commit_set_txn(c, STR("tarn/t/0"), offset);
    }
    assert_ok(lake_commit_run(c, lake_snapshot_table_dir(base), base, parquet, &s, result, msg));
    lake_snapshot_unref(base);
    return s;
}

static inline bool test_has_file(const struct lake_snapshot *s, const char *path)
{
    size_t found = 0;
    struct lake_file_iter it = lake_snapshot_files(s);
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
        found += str_is(f->path, path);
    }
    assert_true(found <= 1);
    return found == 1;
}
