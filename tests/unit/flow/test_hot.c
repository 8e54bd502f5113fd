/* SPDX-License-Identifier: MIT */
/* test_hot.c - what a query sees: files and hot rows together are the log, at every moment. */
#include "hot_test.h"

#include <errno.h>
#include <pthread.h>

static struct hot_rig rig; /* the engine is kept over tests */

/* An event is seen as soon as it is acknowledged, with no table there yet; a topic without any
 * event is an empty table with the system's columns. */
static void rows_are_seen_before_they_land(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1,\"name\":\"a\"}", "{\"x\":2}", "no json"};
    hot_open(&rig);
    hot_expect(&rig, true, false, "SELECT count(*)::VARCHAR FROM web_logs", "0");
    hot_expect(&rig, true, false, "SELECT string_agg(column_name, ',') FROM (DESCRIBE web_logs)",
               "_time,_date,_partition,_offset,_timestamp,_key,_rescued");
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 3);
    hot_expect(&rig, true, false, "SELECT (sum(x) || ' ' || max(name))::VARCHAR FROM web_logs",
               "3 a");
    hot_expect(&rig, true, false,
               "SELECT string_agg(column_name || ' ' || column_type, ',') FROM (DESCRIBE web_logs)",
               "name VARCHAR,x BIGINT,_time TIMESTAMP WITH TIME ZONE,_date DATE,_partition "
               "INTEGER,_offset BIGINT,_timestamp TIMESTAMP WITH TIME ZONE,_key VARCHAR,_rescued "
               "VARCHAR");
    hot_expect(&rig, false, true, "SELECT reason FROM web_logs__dead", "invalid_json");
    hot_exactly_once(&rig);
    hot_close(&rig);
}

/* A statement's bounds are told: what the table has, what the log has, and columns that no commit
 * has fixed yet. */
static void bounds_and_provisional_columns_are_told(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "{\"x\":2}"};
    static const char *const b[] = {"{\"x\":3,\"y\":true}"};
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    rig_flush(&rig.land);
    rig_append(&rig.land, 1, RIG_NOON_MS, b, 1);
    hot_tell(&rig);
    AUTO_BUF out = buf_make(4096);
    AUTO_BUF tail = buf_make(4096);
    OK(hot_ask(&rig, true, false, "SELECT count(y)::VARCHAR FROM bronze.web_logs", &out, &tail,
               &msg_));
    assert_string_equal(buf_cstr(&out), "1");
    assert_string_equal(buf_cstr(&tail), ",\"as_of\":{\"web.logs\":{\"0\":{\"table\":2,\"log\":2},"
                                         "\"1\":{\"table\":0,\"log\":1}}},\"provisional\":[\"y\"]");
    rig_flush(&rig.land);
    buf_reset(&tail);
    buf_reset(&out);
    OK(hot_ask(&rig, true, false, "SELECT count(y)::VARCHAR FROM bronze.web_logs", &out, &tail,
               &msg_));
    assert_string_equal(buf_cstr(&out), "1");
    assert_string_equal(buf_cstr(&tail), ",\"as_of\":{\"web.logs\":{\"0\":{\"table\":2,\"log\":2},"
                                         "\"1\":{\"table\":1,\"log\":1}}}");
    hot_close(&rig);
}

/* Whatever the order of appends, landings, restarts and queries: each record once. */
static void every_interleaving_is_exact(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"x\":1,\"a\":\"t\"}", "{\"x\":2.5,\"b\":[1]}", "[]",
                                       "{\"x\":\"text\",\"c\":null}", "{\"d\":true,\"x\":7}"};
    enum { STEPS = 5, ACTIONS = 4 };
    unsigned orders = 1;
    for (int i = 0; i < STEPS; i++) {
        orders *= ACTIONS;
    }
    for (unsigned order = 0; order < orders; order += 19) {
        hot_open(&rig);
        rig_append(&rig.land, 0, RIG_NOON_MS, some, 2);
        unsigned rest = order;
        for (unsigned step = 0; step < STEPS; step++, rest /= ACTIONS) {
            switch (rest % ACTIONS) {
            case 0:
                rig_append(&rig.land, step % 2, RIG_NOON_MS, some + step % 3, 3);
                break;
            case 1:
                rig_flush(&rig.land);
                break;
            case 2:
                hot_exactly_once(&rig);
                break;
            default:
                hot_stop(&rig);
                hot_start(&rig);
                break;
            }
        }
        hot_exactly_once(&rig);
        rig_flush(&rig.land);
        hot_exactly_once(&rig);
        hot_close(&rig);
    }
}

/* Columns of hot rows follow all that is hot, not what was seen first; what was decoded by other
 * columns is decoded again. */
static void columns_follow_everything_hot(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"v\":1}"};
    static const char *const b[] = {"{\"v\":2.5}"};
    static const char *const c[] = {"{\"v\":\"text\",\"w\":null}"};
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 1);
    hot_expect(&rig, true, false, "SELECT typeof(any_value(v)) || ' ' || sum(v) FROM web_logs",
               "BIGINT 1");
    rig_append(&rig.land, 0, RIG_NOON_MS, b, 1);
    hot_expect(&rig, true, false, "SELECT typeof(any_value(v)) || ' ' || sum(v) FROM web_logs",
               "DOUBLE 3.5");
    rig_append(&rig.land, 1, RIG_NOON_MS, c, 1);
    hot_expect(&rig, true, false,
               "SELECT typeof(any_value(v)) || ' ' || string_agg(v, ',' ORDER BY v) || ' ' || "
               "typeof(any_value(w)) FROM web_logs",
               "VARCHAR 1,2.5,text VARCHAR");
    rig_flush(&rig.land);
    hot_expect(&rig, true, false,
               "SELECT typeof(any_value(v)) || ' ' || string_agg(v, ',' ORDER BY v) || ' ' || "
               "typeof(any_value(w)) FROM web_logs",
               "VARCHAR 1,2.5,text VARCHAR");
    hot_close(&rig);
}

/* A committed type stays: a later value that does not fit is rescued, hot and landed alike. */
static void committed_types_stay(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"v\":1}"};
    static const char *const b[] = {"{\"v\":\"text\"}"};
    const char *sql = "SELECT typeof(any_value(v)) || ' ' || sum(v) || ' ' || "
                      "string_agg(_rescued, ',') FROM web_logs";
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 1);
    rig_flush(&rig.land);
    rig_append(&rig.land, 0, RIG_NOON_MS, b, 1);
    hot_expect(&rig, true, false, sql, "BIGINT 1 {\"v\":\"text\"}");
    rig_flush(&rig.land);
    hot_expect(&rig, true, false, sql, "BIGINT 1 {\"v\":\"text\"}");
    hot_close(&rig);
}

/* What finds no room in memory is read from the log, and nothing changes for the query. */
static void memory_is_bounded(void **state)
{
    (void)state;
    char value[256];
    const char *values[200];
    (void)snprintf(value, sizeof value, "{\"pad\":\"%0200d\",\"n\":1}", 7);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        values[i] = value;
    }
    rig.hot_bytes = 64 << 10;
    hot_open(&rig);
    for (unsigned round = 0; round < 200; round++) {
        rig_append(&rig.land, round % 2, RIG_NOON_MS, values, ARRAY_LEN(values));
        if (round % 40 == 39) {
            hot_exactly_once(&rig);
        }
    }
    hot_expect(&rig, true, false,
               "SELECT sum(a.n)::VARCHAR || ' ' || (SELECT count(*) FROM web_logs) FROM web_logs a",
               "40000 40000");
    assert_true(catalog_hot_bytes(rig.catalog) < 4 << 20);
    rig_flush(&rig.land);
    hot_exactly_once(&rig);
    assert_true(catalog_hot_bytes(rig.catalog) == 0);
    hot_close(&rig);
}

/* Other statements see nothing of what happens after they began. */
static void a_statement_keeps_what_it_saw(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "{\"x\":2}"};
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    hot_tell(&rig);
    char schema[] = "bronze";
    char name[] = "web_logs";
    struct sql_table_ref ref = {schema, name};
    struct sql_policy_result statement = {.tables = &ref, .table_count = 1};
    struct catalog_lease *lease = NULL;
    OK(catalog_prepare(rig.session, &statement, NULL, &lease, &msg_));
    struct catalog_session *first = rig.session;
    struct catalog_session *second = NULL;
    OK(catalog_session_open(rig.catalog, &second, &msg_));
    rig.session = second;
    for (int i = 0; i < 3; i++) {
        rig_append(&rig.land, 1, RIG_NOON_MS, a, 2);
        hot_exactly_once(&rig);
        rig_flush(&rig.land);
        hot_exactly_once(&rig);
        int64_t rows = 0;
        OK(sql_query_i64(catalog_session_conn(first), "SELECT count(*) FROM web_logs", &rows,
                         &msg_));
        assert_int_equal(rows, 2);
    }
    catalog_lease_free(lease);
    catalog_session_free(second);
    rig.session = first;
    hot_exactly_once(&rig);
    hot_close(&rig);
}

/* A table that is not there is named, with names that are near. */
static void unknown_tables_are_named(void **state)
{
    (void)state;
    hot_open(&rig);
    char schema[] = "";
    char name[] = "web_log";
    struct sql_table_ref ref = {schema, name};
    struct sql_policy_result statement = {.tables = &ref, .table_count = 1};
    struct catalog_lease *lease = NULL;
    struct errmsg msg = {0};
    assert_int_equal(catalog_prepare(rig.session, &statement, NULL, &lease, &msg), ERR_NOT_FOUND);
    assert_string_equal(msg.text, "there is no table web_log; did you mean bronze.web_logs?");
    hot_close(&rig);
}

/* Dead letters and rows are found again after the topic was made anew under the same name. */
static void a_deleted_topic_is_forgotten(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "{\"x\":2}"};
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    hot_exactly_once(&rig);
    struct wire_topics none = {0};
    catalog_set_topics(rig.catalog, &none);
    AUTO_BUF out = buf_make(4096);
    struct errmsg msg = {0};
    assert_int_equal(
        hot_ask(&rig, true, false, "SELECT count(*)::VARCHAR FROM web_logs", &out, NULL, &msg),
        ERR_NOT_FOUND);
    rig_flush(&rig.land); /* deleting keeps the tables: they answer as plain ones */
    OK(hot_ask(&rig, true, false, "SELECT count(*)::VARCHAR FROM web_logs", &out, NULL, &msg_));
    assert_string_equal(buf_cstr(&out), "2");
    hot_tell_topics(&rig);
    hot_exactly_once(&rig);
    hot_close(&rig);
}

/* The n-th read of ours fails: the answer is right or an error, and the next one is right. */
static void failed_reads_give_no_wrong_answer(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "[]", "{\"x\":2,\"y\":\"t\"}"};
    const char *sql = "SELECT (SELECT count(*) FROM web_logs)::VARCHAR || ' ' || "
                      "(SELECT count(*) FROM web_logs__dead)";
    unsigned errors = 0;
    for (unsigned fail_at = 1, hit = 1; hit != 0; fail_at++) {
        hot_open(&rig);
        rig_append(&rig.land, 0, RIG_NOON_MS, a, 3);
        rig_append(&rig.land, 1, RIG_NOON_MS, a, 3);
        rig_flush(&rig.land);
        rig_append(&rig.land, 0, RIG_NOON_MS, a + 1, 2);
        hot_tell(&rig);
        AUTO_BUF out = buf_make(4096);
        struct errmsg msg = {0};
        os_io_faults_start(OS_IO_OPEN | OS_IO_READ, fail_at, EIO, 0);
        err e = hot_ask(&rig, true, true, sql, &out, NULL, &msg);
        hit = (unsigned)os_io_faults_hit();
        os_io_faults_stop();
        if (e == ERR_OK) {
            assert_string_equal(buf_cstr(&out), "5 3");
        }
        errors += e != ERR_OK;
        hot_expect(&rig, true, true, sql, "5 3");
        hot_close(&rig);
    }
    assert_true(errors > 0);
}

/* Damage in what has not landed fails the query and names the partition; without it, all is
 * well. */
static void damage_is_named(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "{\"x\":2}"};
    hot_open(&rig);
    rig_append(&rig.land, 1, RIG_NOON_MS, a, 2);
    AUTO_TEXT path = xasprintf("%s/1/%020d.log", topic_dir(rig.land.topic), 0);
    AUTO_FD fd = -1;
    OK(os_open(path, O_RDWR, &fd, &msg_));
    OK(os_pwrite(fd, "#", 1, 75, &msg_));
    hot_tell(&rig);
    AUTO_BUF out = buf_make(4096);
    struct errmsg msg = {0};
    assert_int_equal(
        hot_ask(&rig, true, false, "SELECT count(*)::VARCHAR FROM web_logs", &out, NULL, &msg),
        ERR_CORRUPT);
    assert_non_null(strstr(msg.text, "topic web.logs: partition 1: "));
    hot_close(&rig);
}

/* A statement that is cancelled while its rows are decoded ends, and harms nobody. */
static void a_cancelled_statement_lets_go(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "{\"x\":2}"};
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    hot_tell(&rig);
    char schema[] = "";
    char name[] = "web_logs";
    struct sql_table_ref ref = {schema, name};
    struct sql_policy_result statement = {.tables = &ref, .table_count = 1};
    struct catalog_lease *lease = NULL;
    struct errmsg msg = {0};
    atomic_bool cancel = true;
    assert_int_equal(catalog_prepare(rig.session, &statement, &cancel, &lease, &msg),
                     ERR_CANCELLED);
    hot_exactly_once(&rig);
    hot_close(&rig);
}

/* Warming brings in what came without a query, and only for topics that were asked about. */
static void topics_asked_about_are_kept_warm(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "{\"x\":2}"};
    atomic_bool cancel = false;
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    hot_tell(&rig);
    catalog_warm(rig.catalog, &cancel);
    assert_int_equal(catalog_hot_bytes(rig.catalog), 0);
    hot_expect(&rig, true, false, "SELECT count(*)::VARCHAR FROM web_logs", "2");
    uint64_t before = catalog_hot_bytes(rig.catalog);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    hot_tell(&rig);
    catalog_warm(rig.catalog, &cancel);
    assert_true(catalog_hot_bytes(rig.catalog) > before);
    hot_exactly_once(&rig);
    rig_flush(&rig.land);
    catalog_warm(rig.catalog, &cancel);
    assert_true(catalog_hot_bytes(rig.catalog) < before + 64);
    hot_exactly_once(&rig);
    hot_close(&rig);
}

/* What INFO answers: columns, offsets behind, history and files. */
static void a_table_is_described(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1}", "[]"};
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    rig_flush(&rig.land);
    rig_append(&rig.land, 0, RIG_NOON_MS, a, 2);
    hot_tell(&rig);
    static const char *const what[] = {"describe", "history", "files"};
    static const char *const wanted[] = {"\"lag_events\":2", "\"STREAMING UPDATE\"",
                                         "\"minValues\""};
    for (size_t i = 0; i < ARRAY_LEN(what); i++) {
        struct wire_info info = {
            .table = STR("bronze.web_logs"), .what = str_from(what[i]), .limit = 10};
        AUTO_BUF out = buf_make(1 << 20);
        OK(catalog_info(rig.catalog, &info, NULL, &out, &msg_));
        if (strstr(buf_cstr(&out), wanted[i]) == NULL) {
            fail_msg("%s: %s", what[i], buf_cstr(&out));
        }
    }
    hot_close(&rig);
}

struct asker {
    pthread_t thread;
    struct catalog *catalog;
    const atomic_bool *stop;
    unsigned answers;
    char wrong[256]; /* what was wrong; empty when all is well */
};

/* Sum of the log ends that a lease tells of the rows. */
static int64_t told_ends(const struct catalog_lease *lease)
{
    AUTO_BUF text = buf_make(1 << 20);
    buf_puts(&text, "{\"rows\":0");
    catalog_lease_write(lease, &text);
    buf_puts(&text, "}");
    AUTO_JSON root = NULL;
    int64_t total = 0;
    const char *key = NULL;
    json_t *part = NULL;
    if (json_parse(buf_str(&text), &root, NULL) != ERR_OK) {
        return -1;
    }
    json_t *topic = json_object_get(json_object_get(root, "as_of"), "web.logs");
    json_object_foreach(topic, key, part)
    {
        total += json_integer_value(json_object_get(part, "log"));
    }
    return total;
}

static void ask_once(struct asker *a, struct catalog_session *session)
{
    char empty[] = "";
    char rows_name[] = "web_logs";
    char dead_name[] = "web_logs__dead";
    struct sql_table_ref refs[] = {{empty, rows_name}, {empty, dead_name}};
    struct sql_policy_result statement = {.tables = refs, .table_count = 2};
    struct catalog_lease *lease = NULL;
    struct errmsg msg = {0};
    int64_t seen = 0;
    err e = catalog_prepare(session, &statement, NULL, &lease, &msg);
    if (e == ERR_OK) {
        e = sql_query_i64(catalog_session_conn(session),
                          "SELECT count(DISTINCT (_partition, _offset)) FROM (SELECT _partition, "
                          "_offset FROM web_logs UNION ALL SELECT _partition, _offset FROM "
                          "web_logs__dead)",
                          &seen, &msg);
    }
    int64_t told = e == ERR_OK ? told_ends(lease) : 0;
    if (e != ERR_OK || seen != told) {
        (void)snprintf(a->wrong, sizeof a->wrong, "%lld seen, %lld told, %s", (long long)seen,
                       (long long)told, msg.text);
    }
    catalog_lease_free(lease);
    a->answers++;
}

static void *asker_main(void *arg)
{
    struct asker *a = arg;
    struct catalog_session *session = NULL;
    struct errmsg msg = {0};
    if (catalog_session_open(a->catalog, &session, &msg) != ERR_OK) {
        (void)snprintf(a->wrong, sizeof a->wrong, "%s", msg.text);
        return NULL;
    }
    while (!atomic_load(a->stop) && a->wrong[0] == '\0') {
        ask_once(a, session);
    }
    catalog_session_free(session);
    return NULL;
}

static void *warmer_main(void *arg)
{
    struct asker *a = arg;
    while (!atomic_load(a->stop)) {
        catalog_warm(a->catalog, a->stop);
        a->answers++;
    }
    return NULL;
}

/* Several sessions and the warming beside appends and landings: each answer fits its bounds. */
static void sessions_beside_each_other_are_exact(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"x\":1,\"a\":\"t\"}", "{\"x\":2.5,\"b\":[1]}", "[]",
                                       "{\"x\":\"text\",\"c\":null}", "{\"d\":true,\"x\":7}"};
    enum { ASKERS = 3, ROUNDS = 60 };
    hot_open(&rig);
    rig_append(&rig.land, 0, RIG_NOON_MS, some, 2);
    hot_tell(&rig);
    atomic_bool stop = false;
    struct asker askers[ASKERS + 1] = {0};
    for (size_t i = 0; i <= ASKERS; i++) {
        askers[i].catalog = rig.catalog;
        askers[i].stop = &stop;
        assert_int_equal(pthread_create(&askers[i].thread, NULL,
                                        i < ASKERS ? asker_main : warmer_main, &askers[i]),
                         0);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        rig_append(&rig.land, round % 2, RIG_NOON_MS, some + round % 3, 3);
        hot_tell(&rig);
        if (round % 5 == 4) {
            rig_flush(&rig.land);
        }
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i <= ASKERS; i++) {
        (void)pthread_join(askers[i].thread, NULL); /* joinable, joined once */
        assert_string_equal(askers[i].wrong, "");
        assert_true(askers[i].answers > 0);
    }
    hot_exactly_once(&rig);
    hot_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_seen_before_they_land),
        cmocka_unit_test(bounds_and_provisional_columns_are_told),
        cmocka_unit_test(every_interleaving_is_exact),
        cmocka_unit_test(columns_follow_everything_hot),
        cmocka_unit_test(committed_types_stay),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_statement_keeps_what_it_saw),
        cmocka_unit_test(unknown_tables_are_named),
        cmocka_unit_test(a_deleted_topic_is_forgotten),
        cmocka_unit_test(failed_reads_give_no_wrong_answer),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(a_cancelled_statement_lets_go),
        cmocka_unit_test(topics_asked_about_are_kept_warm),
        cmocka_unit_test(a_table_is_described),
        cmocka_unit_test(sessions_beside_each_other_are_exact),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sql_conn_close(rig.land.conn);
    sql_engine_close(rig.land.engine);
    return failed;
}
