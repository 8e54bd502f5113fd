/* SPDX-License-Identifier: MIT */
/* test_import.c - publishing imports: one commit or none, once whatever fails, nothing left over;
 * and the messages and names around it. */
#include "flow/import_publish.h"

#include <errno.h>

#include "flow/land_files.h"
#include "land_test.h"

struct import_rig {
    char *dir; /* owned, as the next ones */
    char *lake;
    char *work;
    struct sql_engine *engine;
    struct sql_conn *conn;
    struct lake_parquet parquet;
    struct import_target target;
    unsigned imports;
    char id[40];
    struct wire_import import;
};

static void import_rig_open(struct import_rig *r)
{
    static unsigned number;
    *r = (struct import_rig){0};
    r->dir = xasprintf("/tmp/tarn-test-publish-%d-%u", (int)getpid(), number++);
    r->lake = xasprintf("%s/lake", r->dir);
    OK(os_remove_tree(r->dir, &msg_));
    OK(os_mkdirs(r->lake, &msg_));
    struct sql_engine_options options = {.threads = 2, .connections = 2};
    OK(sql_engine_open(&options, &r->engine, &msg_));
    OK(sql_conn_open(r->engine, &r->conn, &msg_));
    r->parquet = sql_lake_parquet(r->conn);
    r->target = (struct import_target){.lake_dir = r->lake, .parquet = &r->parquet};
}

static void import_rig_close(struct import_rig *r)
{
    sql_conn_close(r->conn);
    sql_engine_close(r->engine);
    OK(os_remove_tree(r->dir, &msg_));
    free(r->dir);
    free(r->lake);
    free(r->work);
}

/* What a job leaves: files of `select` and their manifest. */
static void prepare(struct import_rig *r, const char *mode, const char *select)
{
    AUTO_TEXT body = xasprintf("%s/body", r->dir);
    OK(sql_execf(r->conn, &msg_, "COPY (%s) TO '%s' (FORMAT parquet)", select, body));
    (void)snprintf(r->id, sizeof r->id, "00000000-0000-4000-8000-%012u", ++r->imports);
    free(r->work);
    r->work = xasprintf("%s/" IMPORT_WORK "/%s", r->lake, r->id);
    AUTO_TEXT out = xasprintf("%s/out", r->work);
    OK(os_mkdirs(out, &msg_));
    AUTO(import_manifest) manifest = import_manifest_new();
    struct sql_import_columns columns = {0};
    uint64_t rows = 0;
    struct sql_import_options options = {
        .format = SQL_IMPORT_PARQUET, .path = body, .target_dir = out};
    OK(sql_import(r->conn, &options, import_manifest_note, manifest, &columns, &rows, &msg_));
    OK(import_manifest_write(manifest, r->work, &columns, rows, &msg_));
    sql_import_columns_deinit(&columns);
    r->import = (struct wire_import){
        .id = str_from(r->id), .table = STR("t"), .mode = str_from(mode), .dir = str_from(r->work)};
}

/* Rows that the table's live files have, or -1 where there is none. */
static int64_t rows_of(struct import_rig *r)
{
    AUTO_TEXT dir = xasprintf("%s/main/t", r->lake);
    AUTO(lake_snapshot) s = NULL;
    struct errmsg msg;
    err e = lake_snapshot_load(dir, -1, &r->parquet, &s, &msg);
    if (e == ERR_NOT_FOUND) {
        return -1;
    }
    assert_int_equal(e, ERR_OK);
    int64_t rows = 0;
    struct lake_file_iter it = lake_snapshot_files(s);
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
        AUTO_TEXT sql =
            xasprintf("SELECT count(*) FROM read_parquet('%s/%.*s')", dir, STR_ARGS(f->path));
        int64_t count = 0;
        OK(sql_query_i64(r->conn, sql, &count, &msg_));
        rows += count;
    }
    return rows;
}

/* Data files in the table's folder, named or not; and what staging has left. */
static size_t files_of(struct import_rig *r, size_t *out_staged)
{
    AUTO_TEXT dir = xasprintf("%s/main/t", r->lake);
    AUTO_TEXT staging = xasprintf("%s/" LAND_STAGING, dir);
    AUTO_NAMES names = {0};
    AUTO_NAMES staged = {0};
    size_t count = 0;
    if (os_list(dir, &names, NULL) == ERR_OK) {
        for (size_t i = 0; i < names.count; i++) {
            count += str_ends(str_from(names.items[i]), STR(".parquet"));
        }
    }
    (void)os_list(staging, &staged, NULL); /* none: nothing is left */
    *out_staged = staged.count;
    return count;
}

#define SELECT_5 "SELECT i, 'x' AS s FROM range(5) t(i)"
#define SELECT_3 "SELECT i, true AS more FROM range(3) t(i)"

/* create makes the table, append adds rows and columns, replace leaves its own alone. */
static void modes(void **state)
{
    (void)state;
    struct import_rig r;
    struct wire_published p;
    struct errmsg msg = {0};
    import_rig_open(&r);
    prepare(&r, "create", SELECT_5);
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    assert_int_equal(p.version, 0);
    assert_int_equal(p.rows, 5);
    prepare(&r, "create", SELECT_5);
    assert_int_equal(import_publish(&r.target, &r.import, &p, &msg), ERR_EXISTS);
    prepare(&r, "append", SELECT_3);
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    assert_int_equal(p.rows, 8);
    prepare(&r, "append", "SELECT 'text' AS i");
    assert_int_equal(import_publish(&r.target, &r.import, &p, &msg), ERR_CONFLICT);
    assert_int_equal(rows_of(&r), 8);
    prepare(&r, "replace", "SELECT 'text' AS i");
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    assert_int_equal(p.version, 2);
    assert_int_equal(rows_of(&r), 1);
    size_t staged = 0;
    (void)files_of(&r, &staged); /* replaced files stay for VACUUM */
    assert_int_equal(staged, 0);
    import_rig_close(&r);
}

/* An import that is published again (its answer was lost) adds its rows once. */
static void twice_is_once(void **state)
{
    (void)state;
    struct import_rig r;
    struct wire_published p;
    import_rig_open(&r);
    prepare(&r, "append", SELECT_5);
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    assert_int_equal(p.version, 0);
    assert_int_equal(rows_of(&r), 5);
    prepare(&r, "replace", SELECT_3);
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    assert_int_equal(p.version, 1);
    assert_int_equal(rows_of(&r), 3);
    import_rig_close(&r);
}

/* A manifest that lies is refused: other folders, sizes, files that are not there. */
static void manifests_are_not_trusted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "[1]",
        "{\"format\":2,\"rows\":1,\"columns\":[],\"files\":[]}",
        "{\"format\":1,\"rows\":1,\"columns\":[{\"name\":\"i\",\"delta\":\"long\"}],\"files\":["
        "{\"name\":\"../body.parquet\",\"bytes\":9,\"rows\":1,\"stats\":\"\",\"partitions\":[]}]}",
        "{\"format\":1,\"rows\":1,\"columns\":[{\"name\":\"i\",\"delta\":\"long\"}],\"files\":["
        "{\"name\":\"missing.parquet\",\"bytes\":9,\"rows\":1,\"stats\":\"\",\"partitions\":[]}]}",
        "{\"format\":1,\"rows\":1,\"columns\":[{\"name\":\"a b\",\"delta\":\"long\"}],"
        "\"files\":[]}",
        "{\"format\":1,\"rows\":1,\"columns\":[{\"name\":\"i\",\"delta\":\"nonsense\"}],"
        "\"files\":[]}",
        "{\"format\":1,\"rows\":1,\"columns\":[{\"name\":1}],\"files\":[]}",
    };
    struct import_rig r;
    struct wire_published p;
    import_rig_open(&r);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct errmsg msg = {0};
        size_t staged = 0;
        prepare(&r, "create", SELECT_5);
        AUTO_TEXT path = xasprintf("%s/manifest.json", r.work);
        OK(os_replace_file(path, str_from(texts[i]), &msg_));
        if (import_publish(&r.target, &r.import, &p, &msg) == ERR_OK) {
            fail_msg("manifest %zu was taken", i);
        }
        assert_int_equal(rows_of(&r), -1);
        assert_int_equal(files_of(&r, &staged), 0);
        assert_int_equal(staged, 0);
    }
    import_rig_close(&r);
}

/* One publish with the n-th call failing; then, as after a restart, recovery and the same again. */
static bool fault_round(struct import_rig *r, const char *mode, unsigned fail_at, int error,
                        int for_ever, int64_t before, int64_t after)
{
    struct wire_published p;
    struct errmsg msg = {0};
    prepare(r, mode, SELECT_3);
    os_io_faults_start(OS_IO_ALL, fail_at, error, for_ever);
    err e = import_publish(&r->target, &r->import, &p, &msg);
    bool hit = os_io_faults_hit() != 0;
    os_io_faults_stop();
    int64_t rows = rows_of(r);
    assert_true(rows == before || rows == after);
    assert_true(e != ERR_OK || rows == after);
    size_t staged = 0;
    import_recover(&r->target);
    (void)files_of(r, &staged);
    assert_int_equal(staged, 0);
    assert_int_equal(rows_of(r), rows);
    OK(import_publish(&r->target, &r->import, &p, &msg_));
    assert_int_equal(rows_of(r), after);
    return hit;
}

/* Whatever call fails, the table is old or new, and a second try makes it new exactly once. */
static void every_fault_is_survived(void **state)
{
    (void)state;
    static const struct {
        int error;
        int for_ever;
        unsigned step;
    } kinds[] = {{EIO, 0, 1}, {ENOSPC, 1, 4}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct import_rig r;
        import_rig_open(&r);
        int64_t rows = -1;
        bool hit = true;
        for (unsigned n = 1; hit; n += kinds[i].step) {
            hit = fault_round(&r, "append", n, kinds[i].error, kinds[i].for_ever, rows,
                              MAX(rows, 0) + 3);
            rows = MAX(rows, 0) + 3;
            assert_true(hit || n > 10);
        }
        import_rig_close(&r);
    }
}

/* What a killed writer leaves (links that no commit names) goes at the next start. */
static void leftovers_of_a_crash_go(void **state)
{
    (void)state;
    struct import_rig r;
    struct wire_published p;
    import_rig_open(&r);
    prepare(&r, "create", SELECT_5);
    OK(import_publish(&r.target, &r.import, &p, &msg_));
    AUTO_TEXT dir = xasprintf("%s/main/t", r.lake);
    AUTO_TEXT links = xasprintf("%s/" LAND_STAGING "/dead/links", dir);
    AUTO_TEXT folder = xasprintf("%s/" LAND_STAGING "/dead", dir);
    AUTO_TEXT orphan = xasprintf("%s/00000000-dead-1.parquet", dir);
    AUTO_TEXT never = xasprintf("%s/main/never/" LAND_STAGING "/dead", r.lake);
    OK(os_mkdirs(folder, &msg_));
    OK(os_mkdirs(never, &msg_));
    OK(os_replace_file(orphan, STR("x"), &msg_));
    OK(os_replace_file(links, STR("00000000-dead-1.parquet\n"), &msg_));
    import_recover(&r.target);
    AUTO_TEXT table = xasprintf("%s/main/never", r.lake);
    assert_false(os_exists(orphan));
    assert_false(os_exists(folder));
    assert_false(os_exists(table));
    assert_int_equal(rows_of(&r), 5);
    import_rig_close(&r);
}

/* Names of tables are plain words, so that no folder but their own can be meant. */
static void names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "_1", "sales_2026"};
    static const char *const bad[] = {"",  "..",  "../a", "a/b", "A",   "1a",     "a-b",
                                      "é", "a.b", "a b",  ".",   "a\n", "x__dead"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(import_name_check(str_from(good[i]), NULL), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(import_name_check(str_from(bad[i]), NULL), ERR_INVALID);
    }
    char long_name[IMPORT_NAME_BYTES_MAX + 2];
    memset(long_name, 'a', sizeof long_name);
    assert_int_equal(import_name_check(str_of(long_name, sizeof long_name - 2), NULL), ERR_OK);
    assert_int_equal(import_name_check(str_of(long_name, sizeof long_name - 1), NULL), ERR_INVALID);
}

/* Each message comes back as it was; what is not one is refused. */
static void messages(void **state)
{
    (void)state;
    struct wire_column columns[] = {{STR("a"), STR("long")}, {STR("b"), STR("string")}};
    struct str partitions[] = {STR("b")};
    struct wire_job job = {.dir = STR("/d"),
                           .format = STR("csv"),
                           .coding = STR("gzip"),
                           .delimiter = STR("\t"),
                           .no_header = true,
                           .sample_rows = -1,
                           .bytes_max = INT64_MAX,
                           .table = {.version = 3,
                                     .columns = columns,
                                     .column_count = 2,
                                     .partition_columns = partitions,
                                     .partition_column_count = 1}};
    AUTO_BUF out = buf_make(65536);
    wire_job_encode(&job, &out);
    struct wire_job got = {0};
    OK(wire_job_decode(buf_str(&out), &got, &msg_));
    assert_true(str_is(got.delimiter, "\t") && got.no_header && got.sample_rows == -1);
    assert_true(got.bytes_max == INT64_MAX && str_is(got.table.columns[1].type, "string"));
    assert_true(got.table.partition_column_count == 1 && got.table.version == 3);
    wire_job_deinit(&got);
    struct wire_imported imported = {.rows = 7, .bytes = 9, .columns = columns, .column_count = 2};
    struct wire_imported got_imported = {0};
    buf_reset(&out);
    wire_imported_encode(&imported, &out);
    OK(wire_imported_decode(buf_str(&out), &got_imported, &msg_));
    assert_true(got_imported.rows == 7 && got_imported.column_count == 2);
    wire_imported_deinit(&got_imported);
    static const char *const bad[] = {"", "[]", "{}", "{\"dir\":1}", "{\"id\":\"a\"}", "nul"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct wire_import import;
        struct wire_table_is table;
        struct wire_published published;
        struct str text = str_from(bad[i]);
        assert_int_not_equal(wire_job_decode(text, &got, NULL), ERR_OK);
        assert_int_not_equal(wire_imported_decode(text, &got_imported, NULL), ERR_OK);
        assert_int_not_equal(wire_import_decode(text, &import, NULL), ERR_OK);
        assert_int_not_equal(wire_table_is_decode(text, &table, NULL), ERR_OK);
        assert_int_not_equal(wire_published_decode(text, &published, NULL), ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes),
        cmocka_unit_test(twice_is_once),
        cmocka_unit_test(manifests_are_not_trusted),
        cmocka_unit_test(every_fault_is_survived),
        cmocka_unit_test(leftovers_of_a_crash_go),
        cmocka_unit_test(names),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
