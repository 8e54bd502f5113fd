/* SPDX-License-Identifier: MIT */
/* test_policy.c - which statements pass the gate, and which tables they name. */
#include "sql/policy.h"

#include "os/clock.h"
#include "sql_test.h"

static struct sql_session *session;

static int open_session(void **state)
{
    (void)state;
    struct sql_engine *engine = NULL;
    OK(sql_engine_open(&(struct sql_engine_options){.threads = 1}, &engine, &msg_));
    OK(sql_session_open(engine, &session, &msg_));
    OK(sql_session_set_view(session, "bronze", STR("web_logs"),
                            STR("SELECT range AS status, 'p' AS path FROM range(10)"), &msg_));
    return 0;
}

static int close_session(void **state)
{
    (void)state;
    struct sql_engine *engine = sql_conn_engine(sql_session_conn(session));
    sql_session_close(session);
    sql_engine_close(engine);
    return 0;
}

static const struct {
    const char *sql;
    const char *tables; /* schema.name, ... */
    enum sql_kind kind;
    bool runs;
} ordinary[] = {
    {"SELECT count(*) FROM web_logs", ".web_logs", SQL_KIND_SELECT, true},
    {"SELECT status, count(*) n FROM bronze.web_logs GROUP BY ALL ORDER BY n DESC LIMIT 3;",
     "bronze.web_logs", SQL_KIND_SELECT, true},
    {"FROM web_logs a JOIN Bronze.Web_Logs b USING (status)", ".web_logs Bronze.Web_Logs",
     SQL_KIND_SELECT, true},
    {"WITH w AS (SELECT * FROM web_logs) SELECT * FROM w, w AS v", ".web_logs", SQL_KIND_SELECT,
     true},
    {"WITH web_logs AS (SELECT * FROM web_logs) SELECT * FROM web_logs", ".web_logs",
     SQL_KIND_SELECT, true},
    {"SELECT * FROM web_logs, (WITH web_logs AS (SELECT 1 AS x) SELECT * FROM web_logs)",
     ".web_logs", SQL_KIND_SELECT, true},
    {"WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r WHERE a < 5) FROM r", "",
     SQL_KIND_SELECT, true},
    {"SELECT (SELECT max(status) FROM web_logs WHERE path = o.path) FROM bronze.web_logs o",
     ".web_logs bronze.web_logs", SQL_KIND_SELECT, true},
    {"SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(x, y)", "", SQL_KIND_SELECT, true},
    {"SELECT unnest([1, 2, 3]), * FROM range(3), generate_series(1, 2) g", "", SQL_KIND_SELECT,
     true},
    {"SELECT list_transform([1, 2], lambda x: x + 1), [x * 2 FOR x IN [1, 2] IF x > 1]", "",
     SQL_KIND_SELECT, true},
    {"SELECT sum(status) OVER (PARTITION BY path ORDER BY status ROWS BETWEEN 1 PRECEDING AND "
     "CURRENT ROW), row_number() OVER () FROM web_logs QUALIFY row_number() OVER () < 3",
     ".web_logs", SQL_KIND_SELECT, true},
    {"SELECT status::VARCHAR::JSON, TRY_CAST(path AS INT), CAST(status AS DECIMAL(10, 2)), "
     "DATE '2026-11-20' + INTERVAL 3 DAY, extract(year FROM now()), current_date FROM web_logs",
     ".web_logs", SQL_KIND_SELECT, true},
    {"SELECT CASE WHEN status > 3 THEN 'a' ELSE 'b' END, status BETWEEN 1 AND 3, status NOT IN "
     "(1, 2), EXISTS (SELECT 1), path LIKE 'p%' , path ~ 'p', NOT (status = 1 OR status IS NULL) "
     "FROM web_logs",
     ".web_logs", SQL_KIND_SELECT, true},
    {"SELECT * EXCLUDE (path) REPLACE (status + 1 AS status), COLUMNS('st.*') FROM web_logs "
     "USING SAMPLE 5 ROWS",
     ".web_logs", SQL_KIND_SELECT, true},
    {"SELECT '{\"a\": [1, 2]}'::JSON -> 'a' ->> 0, json_extract_string('{\"a\":1}', '$.a')", "",
     SQL_KIND_SELECT, true},
    {"SELECT path, status FROM web_logs UNION ALL BY NAME SELECT 'x' AS path ORDER BY ALL "
     "NULLS LAST LIMIT 10% OFFSET 1",
     ".web_logs", SQL_KIND_SELECT, false},
    {"FROM web_logs PIVOT (count(*) FOR status IN (1, 2) GROUP BY path)", ".web_logs",
     SQL_KIND_SELECT, true},
    {"FROM (SELECT 1 AS a, 2 AS b) UNPIVOT (v FOR n IN (a, b))", "", SQL_KIND_SELECT, true},
    {"SELECT 340282366920938463463374607431768211455, 18446744073709551615, "
     "9223372036854775808, -170141183460469231731687303715884105728",
     "", SQL_KIND_SELECT, true},
    {"EXPLAIN SELECT * FROM web_logs", ".web_logs", SQL_KIND_EXPLAIN, true},
    {"/* hi */ explain -- there\n analyze SELECT * FROM web_logs;;", ".web_logs",
     SQL_KIND_EXPLAIN_ANALYZE, true},
    {"DESCRIBE web_logs", ".web_logs", SQL_KIND_DESCRIBE, true},
    {"SUMMARIZE bronze.web_logs", "bronze.web_logs", SQL_KIND_DESCRIBE, true},
    {"SHOW web_logs", ".web_logs", SQL_KIND_DESCRIBE, true},
    {"DESCRIBE SELECT 1 AS a", "", SQL_KIND_DESCRIBE, true},
    {"SHOW TABLES", "*", SQL_KIND_DESCRIBE, true},
    {"SHOW TABLES FROM bronze", "*", SQL_KIND_DESCRIBE, true},
    {"SELECT name FROM (SHOW TABLES)", "*", SQL_KIND_SELECT, true},
    {"SELECT table_name, t.table_schema FROM information_schema.tables AS t", "*", SQL_KIND_SELECT,
     true},
    {"SELECT information_schema.tables.table_name FROM information_schema.tables", "*",
     SQL_KIND_SELECT, true},
    {"SELECT tables.table_name FROM information_schema.tables", "*", SQL_KIND_SELECT, true},
    {"SELECT column_name, data_type FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = "
     "'web_logs' -- comment",
     "*", SQL_KIND_SELECT, true},
    {"SELECT 'it''s; fine', $$a;b$$, \"path\" FROM web_logs -- the end;", ".web_logs",
     SQL_KIND_SELECT, true},
    {"SELECT row(1, 2), {'a': 1}, MAP {'k': 2}, ARRAY(SELECT 1), [1, 2][1], 'abc'[1:2]", "",
     SQL_KIND_SELECT, true},
    {"SELECT path COLLATE NOCASE, grouping(path) FROM web_logs GROUP BY CUBE (path)", ".web_logs",
     SQL_KIND_SELECT, true},
    {"SELECT DISTINCT ON (x.path) * FROM web_logs POSITIONAL JOIN (TABLE web_logs) x", ".web_logs",
     SQL_KIND_SELECT, true},
    {"SELECT a.* FROM web_logs a ASOF JOIN web_logs b ON a.status >= b.status", ".web_logs",
     SQL_KIND_SELECT, true},
    {"SELECT quantile_cont(status, 0.9), approx_quantile(status, 0.5), string_agg(path, ',' "
     "ORDER BY path) FILTER (WHERE status > 1), arg_max(path, status) FROM web_logs",
     ".web_logs", SQL_KIND_SELECT, true},
};

/* Statements people write pass, run, and name their tables. */
static void ordinary_statements_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ordinary); i++) {
        struct sql_policy_result result = {0};
        struct errmsg msg = {0};
        err e =
            sql_policy_check(sql_session_conn(session), str_from(ordinary[i].sql), &result, &msg);
        if (e != ERR_OK) {
            fail_msg("%s: %s", ordinary[i].sql, msg.text);
        }
        AUTO_BUF names = buf_make(4096);
        for (size_t t = 0; t < result.table_count; t++) {
            buf_printf(&names, "%s%s.%s", t > 0 ? " " : "", result.tables[t].schema,
                       result.tables[t].name);
        }
        buf_puts(&names, result.all_tables ? "*" : "");
        assert_string_equal(buf_cstr(&names), ordinary[i].tables);
        assert_int_equal(result.kind, ordinary[i].kind);
        e = sql_exec(sql_session_conn(session), result.sql, &msg);
        if (ordinary[i].runs && e != ERR_OK) {
            fail_msg("%s: %s", result.sql, msg.text);
        }
        sql_policy_deinit(&result);
    }
}

/* What is not a plain question about the tables is refused, with the right code and some advice. */
static void everything_else_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        err code;
        const char *words;
    } cases[] = {
        {"", ERR_INVALID, "empty"},
        {" ; ; -- nothing", ERR_INVALID, "empty"},
        {"SELEC 1", ERR_INVALID, "syntax error"},
        {"SELECT 1; SELECT 2", ERR_DENIED, "one statement"},
        {"SELECT 1; DROP TABLE x", ERR_DENIED, "SELECT"},
        {"INSERT INTO web_logs VALUES (1)", ERR_DENIED, "SELECT"},
        {"EXPLAIN INSERT INTO web_logs VALUES (1)", ERR_DENIED, "SELECT"},
        {"EXPLAIN EXPLAIN SELECT 1", ERR_DENIED, "SELECT"},
        {"SELECT * FROM web_logs AT (VERSION => 3)", ERR_DENIED, "AT"},
        {"SELECT * FROM s1.bronze.web_logs", ERR_DENIED, "catalog"},
        {"SELECT * FROM system.main.duckdb_tables", ERR_DENIED, "catalog"},
        {"SELECT * FROM pg_catalog.pg_class", ERR_DENIED, "schema"},
        {"SELECT * FROM tarn.tables", ERR_DENIED, "schema"},
        {"SELECT * FROM s2.web_logs", ERR_DENIED, "schema"},
        {"SELECT * FROM temp.web_logs", ERR_DENIED, "schema"},
        {"SELECT * FROM sqlite_master", ERR_DENIED, "system view"},
        {"SELECT * FROM main.duckdb_views", ERR_DENIED, "system view"},
        {"SELECT * FROM PG_Settings", ERR_DENIED, "system view"},
        {"SELECT * FROM information_schema.views", ERR_DENIED, "information_schema"},
        {"SHOW DATABASES", ERR_DENIED, "SHOW"},
        {"SHOW ALL TABLES", ERR_DENIED, "SHOW"},
        {"SHOW SCHEMAS", ERR_DENIED, "SHOW"},
        {"SHOW VARIABLES", ERR_DENIED, "SHOW"},
        {"SHOW TABLES FROM s1.bronze", ERR_DENIED, "SHOW"},
        {"SHOW TABLES FROM pg_catalog", ERR_DENIED, "schema"},
        {"PIVOT web_logs ON path USING count(*)", ERR_DENIED, "PIVOT"},
        {"SELECT x::s1.main.t FROM web_logs", ERR_DENIED, "type"},
        {"SELECT s1.main.lower('A')", ERR_DENIED, "function"},
        {"SELECT path::VARIANT FROM web_logs", ERR_DENIED, "VARIANT"},
        {"SELECT CAST([path] AS STRUCT(a Variant)[]) FROM web_logs", ERR_DENIED, "VARIANT"},
        {"SELECT current_setting('temp_directory')", ERR_DENIED, "current_setting"},
        {"SELECT no_such_function(1)", ERR_DENIED, "no_such_function"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sql_policy_result result = {0};
        struct errmsg msg = {0};
        err e = sql_policy_check(sql_session_conn(session), str_from(cases[i].sql), &result, &msg);
        if (e != cases[i].code || strstr(msg.text, cases[i].words) == NULL) {
            fail_msg("%s: %s %s", cases[i].sql, err_name(e), msg.text);
        }
    }
}

/* Limits are reached by statements that would cost too much, before they cost it. */
static void limits_hold(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        const char *repeat;
        const char *end;
        size_t times;
        bool passes;
    } cases[] = {
        {"SELECT 1", " UNION ALL SELECT 1", "", 100, true},
        {"SELECT 1", " UNION ALL SELECT 1", "", 3000, false},
        {"SELECT 1 IN (0", ",1", ")", 5000, true},
        {"SELECT 1 IN (0", ",1", ")", 30000, false},
        {"SELECT true", " AND true", "", 2000, true},
        {"SELECT 1", "+1", "", 200, true},
        {"SELECT ", "(", "1", 20000, false},
        {"SELECT ", "[", "1", 20000, false},
        {"SELECT 'x'", "||'y'", "", 400, true},
        {"SELECT ", "- ", "1", 30000, false},
        {"SELECT ", "(SELECT ", "1", 3000, false},
        {"SELECT 1 -- ", "xxxxxxxxxx", "", 7000, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF sql = buf_make(1 << 20);
        buf_puts(&sql, cases[i].start);
        for (size_t n = 0; n < cases[i].times; n++) {
            buf_puts(&sql, cases[i].repeat);
        }
        buf_puts(&sql, cases[i].end);
        struct sql_policy_result result = {0};
        struct errmsg msg = {0};
        err e = sql_policy_check(sql_session_conn(session), buf_str(&sql), &result, &msg);
        if ((e == ERR_OK) != cases[i].passes) {
            fail_msg("%s... x %zu: %s %s", cases[i].start, cases[i].times, err_name(e), msg.text);
        }
        sql_policy_deinit(&result);
    }
    struct sql_policy_result result = {0};
    static const char zero[] = "SELECT 1\0; DROP TABLE x";
    assert_int_equal(
        sql_policy_check(sql_session_conn(session), str_of(zero, sizeof zero - 1), &result, NULL),
        ERR_INVALID);
    assert_int_equal(
        sql_policy_check(sql_session_conn(session), STR("SELECT '\xff'"), &result, NULL),
        ERR_INVALID);
}

/* Every function of this DuckDB is in a list: a new version brings its names to somebody's eyes. */
static void every_function_is_classified(void **state)
{
    (void)state;
    struct sql_conn *conn = sql_session_conn(session);
    struct sql_result *result = NULL;
    OK(sql_query_stream(
        conn,
        STR("SELECT DISTINCT function_name, function_type IN ('table', "
            "'table_macro') FROM system.main.duckdb_functions() WHERE function_type "
            "<> 'pragma'"),
        NULL, &result, &msg_));
    size_t seen = 0;
    size_t unknown = 0;
    for (;;) {
        size_t rows = 0;
        OK(sql_result_fetch(result, &rows, &msg_));
        if (rows == 0) {
            break;
        }
        for (size_t row = 0; row < rows; row++) {
            struct str name = sql_result_str(result, 0, row);
            enum sql_function_class class = sql_result_i64(result, 1, row) != 0
                                                ? sql_policy_table_function(name)
                                                : sql_policy_function(name);
            if (class == SQL_FUNCTION_UNKNOWN) {
                print_message("not classified: %.*s\n", STR_ARGS(name));
                unknown++;
            }
            seen++;
        }
    }
    sql_result_close(result);
    assert_true(seen > 700);
    assert_int_equal(unknown, 0);
}

/* No view of DuckDB's own can be read under a name without schema. */
static void every_system_view_is_refused(void **state)
{
    (void)state;
    struct sql_conn *conn = sql_session_conn(session);
    AUTO_BUF names = buf_make(65536);
    OK(sql_query_text(conn,
                      "SELECT string_agg(DISTINCT view_name, ' ') FROM system.main.duckdb_views() "
                      "WHERE internal AND schema_name <> 'information_schema'",
                      &names, &msg_));
    struct str rest = buf_str(&names);
    struct str name;
    size_t count = 0;
    while (str_split(&rest, ' ', &name)) {
        AUTO_TEXT sql = xasprintf("SELECT * FROM %.*s", STR_ARGS(name));
        struct sql_policy_result result = {0};
        assert_int_equal(sql_policy_check(conn, str_from(sql), &result, NULL), ERR_DENIED);
        count++;
    }
    assert_true(count > 20);
}

/* Prints what the gate costs for an ordinary statement. */
static void gate_is_quick(void **state)
{
    (void)state;
    enum { TIMES = 200 };
    int64_t start_us = os_mono_us();
    for (int i = 0; i < TIMES; i++) {
        struct sql_policy_result result = {0};
        OK(sql_policy_check(
            sql_session_conn(session),
            STR("SELECT status, count(*) AS n, avg(status) FROM web_logs WHERE path "
                "LIKE '/a%' GROUP BY status ORDER BY n DESC LIMIT 10"),
            &result, &msg_));
        sql_policy_deinit(&result);
    }
    print_message("one statement: %.0f us\n", (double)(os_mono_us() - start_us) / TIMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_statements_pass),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(every_function_is_classified),
        cmocka_unit_test(every_system_view_is_refused),
        cmocka_unit_test(gate_is_quick),
    };
    return cmocka_run_group_tests(tests, open_session, close_session);
}
