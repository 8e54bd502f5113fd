/* SPDX-License-Identifier: MIT */
/* test_engine.c - statements, parameters, cancelling, progress and sessions. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "sql/format.h"
#include "sql_test.h"

/* Parameters by position and by name keep their JSON type; a wrong number is said in words. */
static void parameters_bind(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    AUTO_JSON positional = json_pack("[i, f, s, b, n, [i]]", 7, 1.5, "it's", 1, 2);
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn,
                        STR("SELECT $1 = 7 AND $2 = 1.5 AND $3 = 'it''s' AND $4 AND $5 IS NULL AND "
                            "$6 = '[2]'"),
                        positional, &result, &msg_));
    size_t rows = 0;
    OK(sql_result_fetch(result, &rows, &msg_));
    assert_int_equal(sql_result_i64(result, 0, 0), 1);
    sql_result_close(result);
    AUTO_JSON named = json_pack("{s:i, s:i}", "low", 3, "high", 5);
    OK(sql_query_stream(conn,
                        STR("SELECT count(*) FROM range(10) WHERE range BETWEEN $low AND $high"),
                        named, &result, &msg_));
    OK(sql_result_fetch(result, &rows, &msg_));
    assert_int_equal(sql_result_i64(result, 0, 0), 3);
    sql_result_close(result);
    struct errmsg msg = {0};
    assert_int_equal(sql_query_stream(conn, STR("SELECT $1, $2"), named, &result, &msg),
                     ERR_INVALID);
    assert_int_equal(sql_query_stream(conn, STR("SELECT $1"), positional, &result, &msg),
                     ERR_INVALID);
    assert_non_null(strstr(msg.text, "has 1 parameter, 6 were given"));
    assert_int_equal(sql_query_stream(conn, STR("SELECT $1"), NULL, &result, &msg), ERR_INVALID);
    assert_int_equal(sql_query_stream(conn, STR("SELECT 1"), NULL, &result, &msg), ERR_OK);
    sql_result_close(result);
    test_conn_free(conn);
}

/* What DuckDB says becomes one of our codes. */
static void errors_have_codes(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    static const struct {
        const char *sql;
        err code;
    } cases[] = {
        {"SELEC", ERR_INVALID},
        {"SELECT nope", ERR_INVALID},
        {"FROM nowhere", ERR_NOT_FOUND},
        {"SELECT 'x'::INT", ERR_INVALID},
        {"SELECT error('no')", ERR_INVALID},
        {"SELECT 1 // 0", ERR_OK},
        {"FROM read_csv('/nonexistent/x.csv')", ERR_IO},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errmsg msg = {0};
        assert_int_equal(sql_exec(conn, cases[i].sql, &msg), cases[i].code);
        assert_true(cases[i].code == ERR_OK || msg.text[0] != '\0');
    }
    test_conn_free(conn);
}

/* Rows of a large result come in chunks while it still runs: memory stays small. */
static void large_results_stream(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    struct sql_result *result = NULL;
    int64_t start_us = os_mono_us();
    OK(sql_query_stream(conn, STR("SELECT range, md5(range::VARCHAR) FROM range(200000000)"), NULL,
                        &result, &msg_));
    size_t rows = 0;
    for (int i = 0; i < 100; i++) {
        OK(sql_result_fetch(result, &rows, &msg_));
        assert_true(rows > 0);
    }
    assert_true(sql_engine_memory_bytes(sql_conn_engine(conn)) < 64 << 20);
    sql_result_close(result);
    assert_true(os_mono_us() - start_us < 60000000); /* it would run for hours */
    test_conn_free(conn);
}

struct canceller {
    struct sql_conn *conn;
    int64_t delay_us;
    int64_t sent_us;
};
static void *cancel_later(void *ctx)
{
    struct canceller *c = ctx;
    os_sleep_us(c->delay_us);
    c->sent_us = os_mono_us();
    sql_conn_interrupt(c->conn);
    return NULL;
}

/* A cancelled statement ends within 500 ms and says so; after the reset the connection works. An
 * interrupt sent before the statement counts too. */
static void cancelled_statements_end(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    static const char *const statements[] = {
        "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range % 7 = b.range % 5",
        "SELECT sum(range * 2) FROM range(1000000000000)",
        "WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SELECT count(*) FROM r",
        "SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(1000000000)",
        "SELECT md5(string_agg(range::VARCHAR, ',' ORDER BY -range)) FROM range(100000000)",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        struct canceller canceller = {.conn = conn, .delay_us = i == 0 ? 0 : 150000};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, cancel_later, &canceller), 0);
        struct sql_result *result = NULL;
        struct errmsg msg = {0};
        err e = sql_query_stream(conn, str_from(statements[i]), NULL, &result, &msg);
        size_t rows = 1;
        while (e == ERR_OK && rows > 0) {
            e = sql_result_fetch(result, &rows, &msg);
        }
        int64_t ended_us = os_mono_us();
        assert_int_equal(pthread_join(thread, NULL), 0);
        sql_result_close(result);
        if (e != ERR_CANCELLED) {
            fail_msg("%s: %s %s", statements[i], err_name(e), msg.text);
        }
        print_message("stopped after %.0f ms\n", (double)(ended_us - canceller.sent_us) / 1000);
        assert_true(ended_us - canceller.sent_us < 30000000); /* it would run for hours */
        sql_conn_interrupt_reset(conn);
        assert_int_equal(test_i64(conn, "SELECT 5"), 5);
    }
    sql_conn_interrupt(conn);
    assert_int_equal(sql_exec(conn, "SELECT 1", NULL), ERR_CANCELLED);
    sql_conn_interrupt_reset(conn);
    test_conn_free(conn);
}

struct watcher {
    struct sql_conn *conn;
    atomic_bool stop;
    double most;
};
static void *watch_progress(void *ctx)
{
    struct watcher *w = ctx;
    while (!atomic_load(&w->stop)) {
        struct sql_progress progress = sql_conn_progress(w->conn);
        w->most = MAX(w->most, progress.percent);
        os_sleep_us(5000);
    }
    return NULL;
}

/* Another thread sees how far a statement is. */
static void progress_is_seen(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    OK(sql_exec(conn, "CREATE TABLE t AS SELECT range AS a FROM range(3000000)", &msg_));
    struct watcher watcher = {.conn = conn, .most = -1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch_progress, &watcher), 0);
    OK(sql_exec(conn, "SELECT max(md5(md5(md5(a::VARCHAR)))) FROM t", &msg_));
    atomic_store(&watcher.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("most seen: %.1f %%\n", watcher.most);
    assert_true(watcher.most > 0);
    test_conn_free(conn);
}

/* Two sessions have views of the same name with different content, each sees its own alone. */
static void sessions_are_apart(void **state)
{
    (void)state;
    struct sql_engine *engine = NULL;
    OK(sql_engine_open(&(struct sql_engine_options){.threads = 1, .connections = 2}, &engine,
                       &msg_));
    struct sql_session *sessions[3];
    for (int i = 0; i < 3; i++) {
        OK(sql_session_open(engine, &sessions[i], &msg_));
        AUTO_TEXT select = xasprintf("SELECT %d AS n", i);
        OK(sql_session_set_view(sessions[i], "bronze", STR("events"), str_from(select), &msg_));
    }
    OK(sql_session_set_view(sessions[1], "gold", STR("daily \"x\""), STR("SELECT 9 AS n"), &msg_));
    for (int i = 0; i < 3; i++) {
        struct sql_conn *conn = sql_session_conn(sessions[i]);
        assert_int_equal(test_i64(conn, "SELECT n FROM events"), i);
        assert_int_equal(test_i64(conn, "SELECT n FROM bronze.events"), i);
        assert_int_equal(test_i64(conn, "SELECT count(*) FROM (SHOW TABLES)"), i == 1 ? 2 : 1);
        assert_int_equal(test_i64(conn, "SELECT count(*) FROM tarn.tables"), i == 1 ? 2 : 1);
        assert_int_equal(test_i64(conn, "SELECT count(*) FROM tarn.columns"), i == 1 ? 2 : 1);
        assert_int_equal(test_i64(conn, "SELECT count(*) FROM tarn.schemata"), 5);
    }
    OK(sql_session_set_view(sessions[0], "bronze", STR("events"), STR("SELECT 77 AS n"), &msg_));
    assert_int_equal(test_i64(sql_session_conn(sessions[0]), "SELECT n FROM events"), 77);
    OK(sql_session_drop_views(sessions[1], &msg_));
    assert_int_equal(sql_exec(sql_session_conn(sessions[1]), "FROM events", NULL), ERR_NOT_FOUND);
    assert_int_equal(test_i64(sql_session_conn(sessions[2]), "SELECT n FROM events"), 2);
    for (int i = 0; i < 3; i++) {
        sql_session_close(sessions[i]);
    }
    struct sql_conn *conn = NULL;
    OK(sql_conn_open(engine, &conn, &msg_));
    assert_int_equal(test_i64(conn, "SELECT count(*) FROM duckdb_databases() WHERE NOT internal"),
                     1);
    sql_conn_close(conn);
    sql_engine_close(engine);
}

/* Times are UTC whatever the machine's zone is. */
static void time_is_utc(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    AUTO_BUF text = buf_make(256);
    OK(sql_query_text(conn, "SELECT TIMESTAMPTZ '2026-11-20 12:00:00+02'::VARCHAR", &text, &msg_));
    assert_string_equal(buf_cstr(&text), "2026-11-20 10:00:00+00");
    test_conn_free(conn);
}

/* A connection of an engine whose process may not take more than 500 MiB. In a child only. */
static struct sql_conn *confined_conn(void)
{
    struct sql_engine *engine = NULL;
    struct sql_conn *conn = NULL;
    OK(sql_engine_open(&(struct sql_engine_options){.threads = 2,
                                                    .connections = 1,
                                                    .memory_bytes = 64 << 20,
                                                    .address_bytes = 500 << 20,
                                                    .walls = SQL_WALLS},
                       &engine, &msg_));
    OK(sql_conn_open(engine, &conn, &msg_));
    return conn;
}

/* Statements that ignore DuckDB's memory limit end in a clean error under the address limit, and
 * the engine goes on. */
static void memory_killers_end_cleanly(void **state)
{
    (void)state;
    if (IS_SANITIZED || sandbox_landlock_version() == 0) {
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct sql_conn *conn = confined_conn();
        static const char *const killers[] = {
            "SELECT len(range(500000000))",
            "SELECT length(repeat('x', 2000000000))",
            "SELECT len(list_transform(range(100000000), lambda x: x + 1))",
            "SELECT length(string_agg(md5(range::VARCHAR), '')) FROM range(100000000)",
            "SELECT len(list(range)) FROM range(1000000000)",
        };
        for (size_t i = 0; i < ARRAY_LEN(killers); i++) {
            struct errmsg msg = {0};
            err e = sql_exec(conn, killers[i], &msg);
            print_message("%s: %s\n", killers[i], err_name(e));
            assert_int_equal(e, ERR_NOMEM);
            assert_int_equal(test_i64(conn, "SELECT 5"), 5);
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* JSON functions that the gate allows live through documents nested a hundred thousand deep. */
static void deep_json_does_not_kill(void **state)
{
    (void)state;
    if (IS_SANITIZED || sandbox_landlock_version() == 0) {
        skip();
    }
    static const char *const statements[] = {
        "SELECT json_valid(j) FROM d",
        "SELECT json_type(j) FROM d",
        "SELECT json_keys(j) FROM d",
        "SELECT json_array_length(j) FROM d",
        "SELECT json_extract(j, '$.a') FROM d",
        "SELECT j ->> '$[0][0]' FROM d",
        "SELECT json_quote(j) FROM d",
        "SELECT to_json(j) FROM d",
        "SELECT json_exists(j, '$[0]') FROM d",
        "SELECT json_value(j, '$[0]') FROM d",
        "SELECT json_group_array(j) FROM d",
        "SELECT json_group_object('k', j) FROM d",
        "SELECT json_object('k', j), json_array(j) FROM d",
        "SELECT json_pretty(j) FROM d",
        "SELECT from_json(j, '[\"VARCHAR\"]') FROM d",
        "SELECT json_transform(j, '[\"JSON\"]') FROM d",
        "SELECT CAST(j AS VARCHAR[]) FROM d",
        "SELECT count(*) FROM d, json_each(d.j)",
        "SELECT j::JSON = j::JSON FROM d",
        "SELECT row_to_json(d), array_to_json([j]) FROM d",
        "SELECT json_extract(j, '$**') FROM d",
        "SELECT json_extract_string(j, ['$[0]', '/0']) FROM d",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            int quiet = open("/dev/null", O_WRONLY);
            (void)dup2(quiet, STDERR_FILENO);
            struct sql_conn *conn = confined_conn();
            OK(sql_exec(
                conn, "CREATE TABLE d AS SELECT (repeat('[', 100000) || repeat(']', 100000)) AS j",
                &msg_));
            (void)sql_exec(conn, statements[i], NULL); /* an error is fine, death is not */
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0) {
            fail_msg("killed the engine: %s", statements[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_killers_end_cleanly), /* forks: before any thread is made */
        cmocka_unit_test(deep_json_does_not_kill),    cmocka_unit_test(parameters_bind),
        cmocka_unit_test(errors_have_codes),          cmocka_unit_test(large_results_stream),
        cmocka_unit_test(cancelled_statements_end),   cmocka_unit_test(progress_is_seen),
        cmocka_unit_test(sessions_are_apart),         cmocka_unit_test(time_is_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
