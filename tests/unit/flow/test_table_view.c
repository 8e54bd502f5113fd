/* SPDX-License-Identifier: MIT */
/* test_table_view.c - the text of a view: which files are read together, what is filtered. */
#include "flow/table_view.h"

#include "lake/commit.h"
#include "land_test.h"

#define STATS "{\"numRecords\":1}"

struct table {
    char *dir;
    struct lake_snapshot *snapshot;
};

static void table_open(struct table *t)
{
    static unsigned number;
    const char *base = getenv("TMPDIR");
    t->dir = xasprintf("%s/tarn-view-%d-%u", base != NULL ? base : "/tmp", (int)getpid(), number++);
    OK(os_remove_tree(t->dir, &msg_));
    OK(os_mkdirs(t->dir, &msg_));
    AUTO(lake_commit) commit = lake_commit_new("CREATE TABLE");
    struct str partition = STR("day");
    lake_commit_create_table(commit, STR("t"), STR(""), &partition, 1);
    OK(lake_commit_add_column(commit, STR("a"), STR("long"), true, &msg_));
    OK(lake_commit_add_column(commit, STR("day"), STR("date"), true, &msg_));
    t->snapshot = NULL;
    OK(lake_commit_run(commit, t->dir, NULL, NULL, &t->snapshot, NULL, &msg_));
}

static void table_close(struct table *t)
{
    lake_snapshot_unref(t->snapshot);
    OK(os_remove_tree(t->dir, &msg_));
    free(t->dir);
}

static void table_add(struct table *t, const char *path, const char *day, const char *tags)
{
    AUTO(lake_commit) commit = lake_commit_new("WRITE");
    struct lake_pair pair = {STR("day"), str_from(day), day == NULL};
    struct lake_new_file file = {.path = str_from(path),
                                 .size_bytes = 1,
                                 .modification_ms = 1,
                                 .partition_values = &pair,
                                 .partition_value_count = 1,
                                 .num_records = 1,
                                 .stats = STR(STATS),
                                 .tags = str_from(tags)};
    OK(lake_commit_add_file(commit, &file, &msg_));
    struct lake_snapshot *next = NULL;
    OK(lake_commit_run(commit, t->dir, t->snapshot, NULL, &next, NULL, &msg_));
    lake_snapshot_unref(t->snapshot);
    t->snapshot = next;
}

static const struct view_column columns[] = {
    {STR("a"), "BIGINT", true}, {STR("new"), "VARCHAR", false}, {STR("day"), "DATE", true}};

static void expect(const struct table *t, const struct table_view_parts *parts, const char *wanted)
{
    AUTO_BUF sql = buf_make(1 << 20);
    OK(table_view_sql(parts, &sql, &msg_));
    AUTO_BUF plain = buf_make(1 << 20);
    const char *text = buf_cstr(&sql);
    size_t len = strlen(t->dir);
    while (*text != '\0') {
        bool here = strncmp(text, t->dir, len) == 0;
        buf_add_byte(&plain, here ? '~' : *text);
        text += here ? len : 1;
    }
    assert_string_equal(buf_cstr(&plain), wanted);
}

/* Files of the present columns are read in one call that opens no other file to plan; what no file
 * has yet is null. */
static void files_of_one_tag_are_read_together(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    table_add(&t, "x/1.parquet", "2026-11-20", "{\"tarn.schema\":\"k1\"}");
    table_add(&t, "x/2[*].parquet", "2026-11-21", "{\"tarn.schema\":\"k1\"}");
    struct table_view_parts parts = {
        .snapshot = t.snapshot, .columns = columns, .column_count = 3, .current_tag = STR("k1")};
    expect(&t, &parts,
           "SELECT \"a\",NULL::VARCHAR AS \"new\",\"day\" FROM read_parquet(['~/x/1.parquet',"
           "'~/x/2[[][*]].parquet'],hive_partitioning=false,union_by_name=false)");
    int64_t from[] = {5, 0};
    parts.hot_table = "memory.hot.\"h1\"";
    parts.hot_from = from;
    parts.partition_count = 2;
    parts.tail = "memory.hot.\"t2\"";
    expect(&t, &parts,
           "SELECT \"a\",NULL::VARCHAR AS \"new\",\"day\" FROM read_parquet(['~/x/1.parquet',"
           "'~/x/2[[][*]].parquet'],hive_partitioning=false,union_by_name=false) UNION ALL "
           "SELECT \"a\",\"new\",\"day\" FROM memory.hot.\"h1\" WHERE _offset >= "
           "([5,0]::BIGINT[])[_partition + 1] UNION ALL SELECT \"a\",\"new\",\"day\" FROM "
           "memory.hot.\"t2\"");
    table_close(&t);
}

/* Files of other columns, and of other programs, are matched by name; partition columns of the
 * latter are what the log says. */
static void other_files_are_matched_by_name(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    table_add(&t, "1.parquet", "2026-11-20", "{\"tarn.schema\":\"old\"}");
    table_add(&t, "2.parquet", "2026-11-20", "");
    table_add(&t, "3.parquet", "2026-11-20", "");
    table_add(&t, "4.parquet", NULL, "");
    struct table_view_parts parts = {
        .snapshot = t.snapshot, .columns = columns, .column_count = 3, .current_tag = STR("k1")};
    expect(&t, &parts,
           "SELECT \"a\",\"new\",\"day\" FROM (SELECT NULL::BIGINT AS \"a\",NULL::VARCHAR AS "
           "\"new\",NULL::DATE AS \"day\" WHERE false UNION ALL BY NAME SELECT * FROM "
           "read_parquet(['~/1.parquet'],hive_partitioning=false,union_by_name=false) UNION ALL BY "
           "NAME SELECT COLUMNS(c -> lower(c) NOT IN (lower('day'))),CAST('2026-11-20' AS DATE) AS "
           "\"day\" FROM read_parquet(['~/2.parquet','~/3.parquet'],hive_partitioning=false,"
           "union_by_name=true) UNION ALL BY NAME SELECT COLUMNS(c -> lower(c) NOT IN "
           "(lower('day'))),CAST(NULL AS DATE) AS \"day\" FROM read_parquet(['~/4.parquet'],"
           "hive_partitioning=false,union_by_name=true))");
    table_close(&t);
}

/* A table without files and without hot rows still has its columns. */
static void an_empty_table_has_its_columns(void **state)
{
    (void)state;
    struct table none = {.dir = xstrdup("/nowhere")};
    struct table_view_parts parts = {.columns = columns, .column_count = 3};
    expect(&none, &parts,
           "SELECT \"a\",\"new\",\"day\" FROM (SELECT NULL::BIGINT AS \"a\",NULL::VARCHAR AS "
           "\"new\",NULL::DATE AS \"day\" WHERE false)");
    free(none.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_one_tag_are_read_together),
        cmocka_unit_test(other_files_are_matched_by_name),
        cmocka_unit_test(an_empty_table_has_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
