/* SPDX-License-Identifier: MIT */
/* test_walls.c - statements that try to get out, against each wall alone (reliability.md 5, 6, 7).
 *
 * Every statement runs in a child of its own, since the outer wall cannot be taken down again and
 * some statements kill the process, which is allowed: the engine is expendable. What may never
 * happen is that a byte of the secret comes out or that anything outside the spill folder changes.
 * */
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "sql/format.h"
#include "sql/land.h"
#include "sql/policy.h"
#include "sql/source.h"
#include "sql_test.h"

#define CANARY "canary-7f3a91"

static char root[64];
static char paths[4][96]; /* secret file, read folder, spill folder, secret folder */

/* In the statements: $S the secret file, $A the folder that may be read, $T the spill folder, $D
 * the folder of the secret. `inner_writes` marks what DuckDB's settings alone let write in $A. */
static const struct escape {
    const char *sql;
    bool inner_writes;
} escapes[] = {
    /* reading by function, in both positions */
    {"SELECT * FROM read_csv('$S')"},
    {"SELECT * FROM read_csv_auto('$S')"},
    {"SELECT * FROM read_text('$S')"},
    {"SELECT content FROM read_blob('$S')"},
    {"SELECT * FROM read_json_objects('$S')"},
    {"SELECT * FROM read_ndjson_objects('$S')"},
    {"SELECT * FROM read_json('$S')"},
    {"SELECT * FROM parquet_scan('$D/secret.parquet')"},
    {"SELECT * FROM read_parquet(['$D/secret.parquet'])"},
    {"SELECT * FROM parquet_metadata('$D/secret.parquet')"},
    {"SELECT * FROM parquet_schema('$D/secret.parquet')"},
    {"SELECT * FROM parquet_kv_metadata('$D/secret.parquet')"},
    {"SELECT * FROM parquet_file_metadata('$D/secret.parquet')"},
    {"SELECT * FROM parquet_full_metadata('$D/secret.parquet')"},
    {"SELECT * FROM parquet_bloom_probe('$D/secret.parquet', 's', '" CANARY "')"},
    {"SELECT * FROM sniff_csv('$S')"},
    {"SELECT * FROM glob('$D/*')"},
    {"SELECT * FROM read_duckdb('$S')"},
    {"SELECT (SELECT content FROM read_text('$S'))"},
    {"SELECT 1 WHERE EXISTS (SELECT * FROM read_text('$S') WHERE content LIKE '%canary%')"},
    {"WITH x AS (SELECT * FROM read_text('$S')) SELECT * FROM x"},
    {"SELECT * FROM range(1) r, LATERAL (SELECT * FROM read_text('$S'))"},
    {"VALUES ((SELECT content FROM read_text('$S')))"},
    {"SELECT 1 UNION ALL SELECT content FROM read_text('$S')"},
    {"SELECT 1 ORDER BY (SELECT content FROM read_text('$S'))"},
    {"SELECT max(1) FILTER (WHERE (SELECT content FROM read_text('$S')) <> '')"},
    {"SELECT sum(1) OVER (ORDER BY (SELECT content FROM read_text('$S')))"},
    {"SELECT list_transform([1], lambda x: (SELECT content FROM read_text('$S')))"},
    {"/* x */ -- y\n SELECT * FROM read_text('$S')"},
    {"EXPLAIN ANALYZE SELECT * FROM read_text('$S')"},
    {"DESCRIBE SELECT * FROM read_csv('$S')"},
    {"SUMMARIZE SELECT * FROM read_csv('$S')"},
    {"DESCRIBE '$S'"},
    {"SHOW '$S'"},
    /* reading by a path in table position */
    {"FROM '$S'"},
    {"SELECT * FROM '$S'"},
    {"SELECT * FROM \"$S\""},
    {"SELECT * FROM range(1), '$S'"},
    {"SELECT * FROM range(1) JOIN '$S' ON true"},
    {"TABLE '$S'"},
    {"SUMMARIZE '$S'"},
    {"SELECT * FROM '$A/../secret/secret.csv'"},
    {"SELECT * FROM '$A/link.csv'"},
    {"SELECT * FROM 'file://$S'"},
    {"SELECT * FROM '~/.bashrc'"},
    {"SELECT * FROM read_text('/proc/self/environ')"},
    {"SELECT * FROM read_text('/proc/1/cmdline')"},
    {"SELECT * FROM 'http://127.0.0.1:9/x.csv'"},
    {"FROM range(1) PIVOT (max(range) FOR range IN ((SELECT content FROM read_text('$S'))))"},
    /* text that is run as SQL, names made at run time, macros */
    {"SELECT * FROM query('SELECT * FROM read_text(''$S'')')"},
    {"SELECT * FROM query_table('$S')"},
    {"SELECT * FROM query_table(['$S'])"},
    {"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM "
     "read_text(''$S'')'))"},
    {"SELECT json_serialize_plan('SELECT * FROM read_text(''$S'')')"},
    {"CREATE MACRO m() AS TABLE SELECT * FROM read_text('$S'); FROM m()"},
    {"CREATE TEMP MACRO lower(x) AS (SELECT content FROM read_text('$S'))"},
    {"PREPARE p AS SELECT * FROM read_text('$S'); EXECUTE p"},
    {"CREATE VIEW v AS SELECT * FROM read_text('$S'); FROM v"},
    {"CALL query('SELECT * FROM read_text(''$S'')')"},
    /* writing */
    {"COPY (SELECT 1) TO '$D/new.csv'"},
    {"COPY (SELECT 1) TO '$S'"},
    {"COPY (SELECT 99 AS x) TO '$A/ok.csv'", true},
    {"COPY (SELECT 99 AS x) TO '$A/new.parquet' (FORMAT parquet)", true},
    {"COPY (SELECT 1) TO '$A/../secret/w.csv'"},
    {"COPY (SELECT 1) TO '/dev/stderr'"},
    {"EXPORT DATABASE '$A/e'", true},
    {"EXPORT DATABASE '$D/e'"},
    {"IMPORT DATABASE '$D'"},
    {"ATTACH '$A/x.db'", true},
    {"ATTACH '$D/x.db'"},
    {"ATTACH '$S' AS q (READ_ONLY)"},
    {"CREATE TABLE x AS SELECT * FROM read_csv('$S'); FROM x"},
    {"SELECT * FROM enable_profiling(save_location='$A/p.json', format='json')", true},
    {"SELECT * FROM enable_profiling(save_location='$D/p.json', format='json'); SELECT 1"},
    {"SELECT * FROM enable_logging(storage='file', storage_config={'path': '$A/logs'}); SELECT 1",
     true},
    {"SELECT * FROM enable_logging(storage='file', storage_config={'path': '$D/logs'}); SELECT 1"},
    {"SELECT * FROM enable_logging(); SELECT 1; SELECT message FROM duckdb_logs"},
    {"CALL enable_logging(level='trace')"},
    /* settings, secrets, extensions, state */
    {"SET enable_external_access=true; FROM '$S'"},
    {"SET GLOBAL lock_configuration=false"},
    {"RESET enable_external_access"},
    {"SET allowed_directories=['/']; FROM '$S'"},
    {"SET home_directory='$D'; FROM '~/secret.csv'"},
    {"SET temp_directory='$D'"},
    {"PRAGMA enable_profiling='json'; PRAGMA profiling_output='$D/p.json'; SELECT 1"},
    {"INSTALL httpfs"},
    {"LOAD '$D/evil.duckdb_extension'"},
    {"LOAD httpfs"},
    {"CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')"},
    {"CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')"},
    {"SELECT * FROM duckdb_secrets()"},
    {"SELECT * FROM which_secret('s3://x', 's3')"},
    {"SELECT current_setting('temp_directory')"},
    {"SELECT * FROM duckdb_settings()"},
    {"SELECT * FROM duckdb_settings"},
    {"SELECT * FROM pg_settings"},
    {"SELECT * FROM pg_catalog.pg_settings"},
    {"SELECT * FROM duckdb_logs"},
    {"SELECT * FROM duckdb_temporary_files()"},
    {"SELECT getenv('PATH')"},
    {"SELECT * FROM checkpoint()"},
    {"SELECT * FROM force_checkpoint('memory')"},
    {"SELECT write_log('x')"},
    {"SELECT * FROM truncate_duckdb_logs()"},
    {"SELECT * FROM enable_peg_parser()"},
    {"SELECT * FROM sql_auto_complete('FROM ''$D/')"},
    {"SELECT * FROM tarn_source(1)"},
    {"SELECT * FROM arrow_scan(1, 2, 3)"},
    {"SELECT * FROM seq_scan('x')"},
    {"SELECT * FROM duckdb_columns()"},
    {"SELECT nextval('x')"},
    {"SET VARIABLE x = 1"},
    {"SELECT getvariable('x')"},
    {"USE memory"},
    {"DETACH memory"},
    {"ATTACH ':memory:' AS more"},
    {"CREATE OR REPLACE TABLE web_logs AS SELECT 1"},
    {"DROP VIEW web_logs"},
    {"BEGIN TRANSACTION"},
    {"VACUUM"},
    {"SELECT pg_sleep(1)"},
    {"SELECT sleep_ms(1000)"},
};

static char *fill_in(const char *sql)
{
    AUTO_BUF text = buf_make(65536);
    for (const char *p = sql; *p != '\0'; p++) {
        const char *which = p[0] == '$' && p[1] != '\0' ? strchr("SATD", p[1]) : NULL;
        if (which != NULL) {
            buf_puts(&text, paths[which - "SATD"]);
            p++;
        } else {
            buf_add_byte(&text, *p);
        }
    }
    return xstrdup(buf_cstr(&text));
}

static void write_secrets(void)
{
    OK(os_replace_file(paths[0], STR("s\n" CANARY "\n"), &msg_));
    AUTO_TEXT readable = xasprintf("%s/ok.csv", paths[1]);
    OK(os_replace_file(readable, STR("x\n1\n"), &msg_));
    AUTO_TEXT link = xasprintf("%s/link.csv", paths[1]);
    if (!os_exists(link)) {
        assert_int_equal(symlink(paths[0], link), 0);
    }
}

static int make_world(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/tarn-test-walls-%llx",
                   (unsigned long long)os_random_u64());
    (void)snprintf(paths[0], 96, "%s/secret/secret.csv", root);
    (void)snprintf(paths[1], 96, "%s/lake", root);
    (void)snprintf(paths[2], 96, "%s/spill", root);
    (void)snprintf(paths[3], 96, "%s/secret", root);
    for (int i = 1; i < 4; i++) {
        OK(os_mkdirs(paths[i], &msg_));
    }
    write_secrets();
    /* In a child: this process must not have DuckDB's threads when it forks. */
    pid_t pid = fork();
    if (pid == 0) {
        struct sql_conn *conn = test_conn(1);
        OK(sql_execf(conn, &msg_, "COPY (SELECT '" CANARY "' AS s) TO '%s/secret.parquet'",
                     paths[3]));
        OK(sql_execf(conn, &msg_,
                     "COPY (SELECT range AS id, 'text ' || range AS text FROM range(100000)) TO "
                     "'%s/ok.parquet'",
                     paths[1]));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return 0;
}

static int drop_world(void **state)
{
    (void)state;
    OK(os_remove_tree(root, &msg_));
    return 0;
}

static const char *read_dirs[1];

static err open_walled(unsigned walls, struct sql_engine **out_engine, struct errmsg *msg)
{
    read_dirs[0] = paths[1];
    return sql_engine_open(&(struct sql_engine_options){.threads = 2,
                                                        .memory_bytes = 128 << 20,
                                                        .temp_dir = paths[2],
                                                        .temp_bytes_max = 256 << 20,
                                                        .walls = walls,
                                                        .connections = 2,
                                                        .read_dirs = read_dirs,
                                                        .read_dir_count = 1},
                           out_engine, msg);
}

enum outcome { REFUSED = 10, RAN = 11, LEAKED = 12, BROKEN = 13 };

static err look_for_canary(void *ctx, struct str bytes, struct errmsg *msg)
{
    (void)msg;
    bool *found = ctx;
    *found = *found || memmem(bytes.ptr, bytes.len, CANARY, strlen(CANARY)) != NULL;
    return ERR_OK;
}

/* Runs each statement of the text; the last one's rows are read through. */
static enum outcome run_escape(struct sql_conn *conn, const char *text)
{
    enum outcome outcome = REFUSED;
    char *rest = xstrdup(text);
    for (char *part = rest; part != NULL && *part != '\0';) {
        char *end = strstr(part, "; ");
        if (end != NULL) {
            *end = '\0';
        }
        struct sql_result *result = NULL;
        struct errmsg msg = {0};
        bool found = false;
        err e = sql_query_stream(conn, str_from(part), NULL, &result, &msg);
        if (e == ERR_OK) {
            struct sql_format_options csv = {.format = SQL_FORMAT_CSV};
            e = sql_format_stream(result, &csv, look_for_canary, &found, NULL, &msg);
            sql_result_close(result);
        }
        found = found || strstr(msg.text, CANARY) != NULL;
        outcome = found ? LEAKED : e == ERR_OK && outcome != LEAKED ? RAN : outcome;
        part = end != NULL ? end + 2 : NULL;
    }
    free(rest);
    return outcome;
}

/* Statements that change the engine for those after them run alone. */
static bool needs_own_child(const char *text)
{
    return strncmp(text, "SELECT", 6) != 0 || strstr(text, "; ") != NULL ||
           strstr(text, "enable_") != NULL || strstr(text, "logs") != NULL;
}

/* The statements in a child behind `walls`: the worst outcome, or 0 when the child was killed. */
static int escape_in_child(char *const *texts, size_t count, unsigned walls)
{
    pid_t pid = fork();
    if (pid == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        (void)dup2(quiet, STDERR_FILENO); /* what DuckDB prints when it aborts */
        (void)dup2(quiet, STDOUT_FILENO);
        struct sql_engine *engine = NULL;
        struct sql_conn *conn = NULL;
        if (open_walled(walls, &engine, NULL) != ERR_OK ||
            sql_conn_open(engine, &conn, NULL) != ERR_OK) {
            _exit(BROKEN);
        }
        enum outcome worst = REFUSED;
        for (size_t i = 0; i < count; i++) {
            enum outcome outcome = run_escape(conn, texts[i]);
            worst = MAX(worst, outcome);
        }
        _exit((int)worst);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* True when the folders outside the spill folder are as they were made. */
static bool world_is_unchanged(void)
{
    AUTO_BUF secret = buf_make(4096);
    AUTO_BUF readable = buf_make(4096);
    AUTO_TEXT readable_path = xasprintf("%s/ok.csv", paths[1]);
    AUTO_NAMES in_secret = {0};
    AUTO_NAMES in_lake = {0};
    OK(os_read_file(paths[0], &secret, &msg_));
    OK(os_read_file(readable_path, &readable, &msg_));
    OK(os_list(paths[3], &in_secret, &msg_));
    OK(os_list(paths[1], &in_lake, &msg_));
    return str_is(buf_str(&secret), "s\n" CANARY "\n") && str_is(buf_str(&readable), "x\n1\n") &&
           in_secret.count == 2 && in_lake.count == 3;
}

static void restore_world(void)
{
    static const char *const lake_keeps[] = {"ok.csv", "ok.parquet", "link.csv"};
    AUTO_NAMES in_lake = {0};
    OK(os_list(paths[1], &in_lake, &msg_));
    for (size_t i = 0; i < in_lake.count; i++) {
        bool keep = false;
        for (size_t k = 0; k < ARRAY_LEN(lake_keeps); k++) {
            keep = keep || str_is(str_from(in_lake.items[i]), lake_keeps[k]);
        }
        if (!keep) {
            AUTO_TEXT path = xasprintf("%s/%s", paths[1], in_lake.items[i]);
            OK(os_remove_tree(path, &msg_));
        }
    }
    write_secrets();
}

/* One child's worth of statements; false when it was killed. */
static bool try_some(char *const *texts, size_t count, unsigned walls, bool may_write)
{
    int outcome = escape_in_child(texts, count, walls);
    if (outcome == LEAKED || outcome == BROKEN) {
        fail_msg("%s: %s ... (%zu)", outcome == LEAKED ? "the secret came out" : "did not open",
                 texts[0], count);
    }
    if (!world_is_unchanged()) {
        if (!may_write) {
            fail_msg("files changed: %s ... (%zu)", texts[0], count);
        }
        restore_world();
    }
    return outcome != 0;
}

static void try_walls(unsigned walls, const char *name)
{
    enum { TOGETHER = 12 };
    size_t deaths = 0;
    char *texts[TOGETHER];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        char *text = fill_in(escapes[i].sql);
        if (needs_own_child(text)) {
            bool may_write = walls == SQL_WALL_INNER && escapes[i].inner_writes;
            deaths += try_some(&text, 1, walls, may_write) ? 0 : 1;
            free(text);
            continue;
        }
        texts[count++] = text;
        if (count == TOGETHER || i + 1 == ARRAY_LEN(escapes)) {
            bool lived = try_some(texts, count, walls, false);
            for (size_t t = 0; t < count; t++) {
                deaths += lived || try_some(&texts[t], 1, walls, false) ? 0 : 1;
                free(texts[t]);
            }
            count = 0;
        }
    }
    assert_int_equal(count, 0);
    print_message("%s: %zu statements, %zu killed the engine\n", name, ARRAY_LEN(escapes), deaths);
}

/* The gate alone lets none of them through. */
static void gate_alone_refuses_all(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct sql_conn *conn = test_conn(1);
        int passed = 0;
        for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
            AUTO_TEXT text = fill_in(escapes[i].sql);
            struct sql_policy_result result = {0};
            if (sql_policy_check(conn, str_from(text), &result, NULL) == ERR_OK) {
                print_message("passed the gate: %s\n", text);
                passed++;
            }
        }
        _exit(passed == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(ARRAY_LEN(escapes) >= 100);
}

/* DuckDB's locked settings alone let no secret out. */
static void inner_wall_alone_keeps_the_secret(void **state)
{
    (void)state;
    try_walls(SQL_WALL_INNER, "inner wall");
}

/* The kernel's walls alone let no secret out and nothing be written. */
static void outer_wall_alone_keeps_everything(void **state)
{
    (void)state;
    if (sandbox_landlock_version() == 0) {
        skip();
    }
    try_walls(SQL_WALL_OUTER, "outer wall");
}

static void both_walls_keep_everything(void **state)
{
    (void)state;
    if (sandbox_landlock_version() == 0) {
        skip();
    }
    try_walls(SQL_WALLS, "both walls");
}

/* The control: without any wall the secret does come out, so the tests above can see it. */
static void without_walls_the_secret_comes_out(void **state)
{
    (void)state;
    AUTO_TEXT read = fill_in("SELECT * FROM read_text('$S')");
    assert_int_equal(escape_in_child(&read, 1, 0), LEAKED);
    AUTO_TEXT link = fill_in("SELECT * FROM '$A/link.csv'");
    assert_int_equal(escape_in_child(&link, 1, 0), LEAKED);
    AUTO_TEXT overwrite = fill_in("COPY (SELECT 99 AS x) TO '$A/ok.csv'");
    assert_int_equal(escape_in_child(&overwrite, 1, 0), RAN);
    assert_false(world_is_unchanged());
    restore_world();
}

/* --- what must still work behind both walls --- */

static err ones_open(void *ctx, const uint32_t *projected, size_t count, void **out_thread_ctx,
                     struct errmsg *msg)
{
    (void)projected;
    (void)msg;
    assert_true(count <= 1);
    *out_thread_ctx = ctx;
    return ERR_OK;
}

/* Reads the file in the readable folder, as the log's reader will. */
static err ones_fill(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                     struct errmsg *msg)
{
    int *calls = thread_ctx;
    AUTO_BUF bytes = buf_make(4096);
    AUTO_TEXT path = xasprintf("%s/ok.csv", paths[1]);
    TRY(os_read_file(path, &bytes, msg));
    *out_rows = (*calls)++ < 100 ? capacity : 0;
    for (size_t i = 0; i < *out_rows; i++) {
        col_set_i64(&cols[0], i, 1);
    }
    return ERR_OK;
}

static void work_behind_walls(void)
{
    struct sql_engine *engine = NULL;
    OK(open_walled(SQL_WALLS, &engine, &msg_));
    static const struct col_def columns[] = {{"one", COL_BIGINT}};
    int calls = 0;
    struct sql_source source = {.columns = columns,
                                .column_count = 1,
                                .threads_max = 1,
                                .ctx = &calls,
                                .thread_open = ones_open,
                                .fill = ones_fill};
    uint64_t id = 0;
    OK(sql_source_register(engine, &source, &id, &msg_));
    struct sql_conn *conn = NULL;
    OK(sql_conn_open(engine, &conn, &msg_));
    OK(sql_execf(conn, &msg_, "CREATE TABLE memory.main.hot AS FROM tarn_source(%llu)",
                 (unsigned long long)id));
    OK(sql_exec(conn, "INSERT INTO memory.main.hot SELECT range FROM range(100000)", &msg_));
    struct sql_session *session = NULL;
    OK(sql_session_open(engine, &session, &msg_));
    AUTO_TEXT view = xasprintf("SELECT id, text FROM read_parquet(['%s/ok.parquet'], "
                               "hive_partitioning=false) UNION ALL BY NAME SELECT one AS id FROM "
                               "memory.main.hot",
                               paths[1]);
    OK(sql_session_set_view(session, "bronze", STR("events"), str_from(view), &msg_));
    assert_int_equal(test_i64(sql_session_conn(session), "SELECT count(*) FROM events"),
                     100 * SOURCE_ROWS + 200000);
    /* Larger than memory: it spills. */
    assert_int_equal(
        test_i64(sql_session_conn(session),
                 "SELECT count(*) FROM (SELECT range AS a, repeat(md5(range::VARCHAR), "
                 "3) AS b FROM range(2000000) ORDER BY b) WHERE a >= 0"),
        2000000);
    AUTO_TEXT parquet = xasprintf("%s/answer.parquet", paths[2]);
    struct sql_answer answer = {0};
    OK(sql_query_parquet(sql_session_conn(session), STR("SELECT id FROM events ORDER BY id"), NULL,
                         1000, false, parquet, &answer, &msg_));
    assert_int_equal(answer.rows, 1000);
    assert_true(answer.is_truncated);
    OK(os_unlink(parquet, &msg_));
    OK(sql_session_drop_views(session, &msg_));
    sql_session_close(session);
    sql_conn_close(conn);
    assert_true(sql_engine_memory_bytes(engine) > 0);
    sql_engine_close(engine);
}

/* Views over the lake, sources that read files, hot tables, spilling and Parquet answers work
 * behind both walls. */
static void our_own_work_goes_on_behind_walls(void **state)
{
    (void)state;
    if (sandbox_landlock_version() == 0) {
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        work_behind_walls();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Errors do not show where the server keeps its files. */
static void errors_hide_paths(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct sql_engine *engine = NULL;
        struct sql_conn *conn = NULL;
        OK(open_walled(SQL_WALL_INNER, &engine, &msg_));
        OK(sql_conn_open(engine, &conn, &msg_));
        struct errmsg msg = {0};
        AUTO_TEXT missing = xasprintf("SELECT * FROM read_parquet('%s/nope.parquet')", paths[1]);
        assert_int_not_equal(sql_exec(conn, missing, &msg), ERR_OK);
        assert_null(strstr(msg.text, root));
        assert_non_null(strstr(msg.text, "nope.parquet"));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_walls_the_secret_comes_out),
        cmocka_unit_test(gate_alone_refuses_all),
        cmocka_unit_test(inner_wall_alone_keeps_the_secret),
        cmocka_unit_test(outer_wall_alone_keeps_everything),
        cmocka_unit_test(both_walls_keep_everything),
        cmocka_unit_test(our_own_work_goes_on_behind_walls),
        cmocka_unit_test(errors_hide_paths),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
