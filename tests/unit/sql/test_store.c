/* SPDX-License-Identifier: MIT */
/* test_store.c - rows kept in a file of their own. */
#include "sql/store.h"

#include "os/clock.h"
#include "os/file.h"
#include "sql_test.h"

static char folder[64];
static struct sql_conn *conn;

static int open_conn(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/tarn-test-store-%llx",
                   (unsigned long long)os_random_u64());
    OK(os_mkdirs(folder, &msg_));
    conn = test_conn(2);
    return 0;
}

static int close_conn(void **state)
{
    (void)state;
    test_conn_free(conn);
    return os_rmdir(folder, NULL) == ERR_OK ? 0 : -1; /* the stores took their files along */
}

static struct sql_store *empty(const char *name)
{
    struct sql_store *store = NULL;
    AUTO_TEXT path = xasprintf("%s/%s", folder, name);
    OK(sql_store_new(sql_conn_engine(conn), path, &store, &msg_));
    return store;
}

/* Runs `select`, which has one column; the store is not finished yet. */
static void fill(struct sql_store *store, const char *select, uint64_t expected_rows)
{
    uint64_t rows = 0;
    OK(sql_store_fill(store, conn, str_from(select), 1, NULL, &rows, &msg_));
    assert_int_equal(rows, expected_rows);
}

static void check_sum(const struct sql_store *store, int64_t expected)
{
    AUTO_TEXT sql = xasprintf("SELECT sum(\"0\")::BIGINT FROM %s", sql_store_table(store));
    assert_int_equal(test_i64(conn, sql), expected);
}

static bool finish(struct sql_store *store)
{
    bool is_done = false;
    OK(sql_store_finish(store, &is_done, &msg_));
    return is_done;
}

/* A finished store is in its file whole and goes with it. */
static void test_file(void **state)
{
    (void)state;
    struct sql_store *store = empty("whole");
    fill(store, "SELECT range FROM range(200000)", 200000);
    assert_true(finish(store));
    assert_true(sql_store_bytes(store) > 12 << 10); /* more than the headers */
    check_sum(store, 199999LL * 200000 / 2);
    sql_store_free(store);
    struct os_stat stat = {0};
    AUTO_TEXT path = xasprintf("%s/whole", folder);
    assert_int_equal(os_stat(path, &stat, NULL), ERR_NOT_FOUND);
}

/* Somebody who looks at all databases (the words of the editor do) while a store is filled does not
 * make it fail, however long it takes; nor does the store's end disturb the one who looks. */
static void test_finish_beside_a_reader(void **state)
{
    (void)state;
    struct sql_store *other = empty("other");
    fill(other, "SELECT 1", 1);
    struct sql_store *store = empty("beside");
    struct sql_conn *reader = NULL;
    OK(sql_conn_open(sql_conn_engine(conn), &reader, &msg_));
    OK(sql_exec(reader, "BEGIN", &msg_));
    assert_int_equal(test_i64(reader, "SELECT count(*) FROM duckdb_tables()"), 1);
    fill(store, "SELECT range FROM range(3)", 3);
    assert_false(finish(store));
    check_sum(store, 3);
    assert_int_equal(test_i64(reader, "SELECT count(*) FROM duckdb_tables()"), 1);
    OK(sql_exec(reader, "COMMIT", &msg_));
    uint64_t before = sql_store_bytes(store);
    assert_true(finish(store));
    assert_true(sql_store_bytes(store) > before);
    check_sum(store, 3);
    sql_store_free(store);
    sql_store_free(other);
    sql_conn_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_finish_beside_a_reader),
    };
    return cmocka_run_group_tests(tests, open_conn, close_conn);
}
