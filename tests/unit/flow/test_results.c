/* SPDX-License-Identifier: MIT */
/* test_results.c - stored results: how they are shown, who makes place, what becomes of files. */
#include "flow/results.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/file.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct errmsg msg_ = {0};                                                                  \
        err ok_result_ = (call);                                                                   \
        if (ok_result_ != ERR_OK) {                                                                \
            fail_msg("%s: %s (%s)", #call, err_name(ok_result_), msg_.text);                       \
        }                                                                                          \
    } while (0)

static char *dir;
static struct sql_engine *engine;
static struct sql_conn *conn;
static struct results *results;

static void open_results(uint32_t count_max, uint64_t bytes_max, int64_t age_ms)
{
    results = results_new(&(struct results_options){.engine = engine,
                                                    .dir = dir,
                                                    .count_max = count_max,
                                                    .bytes_max = bytes_max,
                                                    .age_ms = age_ms});
}

static int set_up(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    dir = xasprintf("%s/tarn-results-%d", base != NULL ? base : "/tmp", (int)getpid());
    OK(os_remove_tree(dir, &msg_));
    OK(os_mkdirs(dir, &msg_));
    OK(sql_engine_open(&(struct sql_engine_options){.threads = 2, .connections = 4}, &engine,
                       &msg_));
    OK(sql_conn_open(engine, &conn, &msg_));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    results_free(results);
    results = NULL;
    sql_conn_close(conn);
    sql_engine_close(engine);
    AUTO_NAMES names = {0};
    OK(os_list(dir, &names, &msg_));
    assert_int_equal(names.count, 0);
    OK(os_remove_tree(dir, &msg_));
    free(dir);
    return 0;
}

static size_t files(void)
{
    AUTO_NAMES names = {0};
    OK(os_list(dir, &names, &msg_));
    return names.count;
}

static err try_keep(const char *sql, struct results_reader **out_reader)
{
    struct errmsg msg = {0};
    AUTO(results_writer) writer = NULL;
    uint64_t rows = 0;
    json_t *columns = NULL;
    OK(sql_describe(conn, str_from(sql), &columns, &msg_));
    AUTO_JSON owned = columns;
    TRY(results_begin(results, conn, &writer, &msg));
    err e = sql_store_fill(results_writer_store(writer), conn, str_from(sql),
                           json_array_size(columns), NULL, &rows, &msg);
    TRY(results_writer_why(writer, e, &msg));
    return results_keep(&writer, TAKE(owned), rows, out_reader, &msg);
}

static char *keep(const char *sql)
{
    AUTO(results_reader) reader = NULL;
    assert_int_equal(try_keep(sql, &reader), ERR_OK);
    return xstrdup(results_id(reader));
}

/* As is_there(), but no use of it. */
static bool is_listed(const char *id)
{
    AUTO_BUF list = buf_make(1 << 20);
    results_list(results, &list);
    return strstr(buf_cstr(&list), id) != NULL;
}

static bool is_there(const char *id)
{
    AUTO(results_reader) reader = NULL;
    return results_open(results, str_from(id), &reader, NULL) == ERR_OK;
}

/* ---- results_shown.c ---- */

static const struct {
    const char *sort;
    const char *filter;
    const char *where; /* NULL: refused */
    const char *order;
} shown_cases[] = {
    {"", NULL, "", ""},
    {"a", NULL, "", "t.\"0\" ASC NULLS LAST,"},
    {"-a,b", NULL, "", "t.\"0\" DESC NULLS LAST,t.\"1\" ASC NULLS LAST,"},
    {"x,y:z", NULL, "", "t.\"2\" ASC NULLS LAST,"},
    {"-x,y:z,a", NULL, "", "t.\"2\" DESC NULLS LAST,t.\"0\" ASC NULLS LAST,"},
    {"#2", NULL, "", "t.\"1\" ASC NULLS LAST,"},
    {"--", NULL, "", "t.\"3\" DESC NULLS LAST,"}, /* a column called - */
    {"#5", NULL, NULL, NULL},
    {"#0", NULL, NULL, NULL},
    {"a,", NULL, "", "t.\"0\" ASC NULLS LAST,"},
    {"c", NULL, NULL, NULL},
    {",", NULL, NULL, NULL},
    {"", "a:eq:5", "(t.\"0\" = CAST($1::VARCHAR AS BIGINT))", ""},
    {"", "b:eq:5", "(t.\"1\" = $1::VARCHAR)", ""},
    {"", "b:ne:", "(t.\"1\" IS DISTINCT FROM $1::VARCHAR)", ""},
    {"", "x,y:z:gt:1:2", "(t.\"2\" > CAST($1::VARCHAR AS DOUBLE))", ""},
    {"", "-:eq:a", "(t.\"3\" = $1::VARCHAR)", ""}, /* ENUM('q') */
    {"", "b:null", "(t.\"1\" IS NULL)", ""},
    {"", "b:notnull:", "(t.\"1\" IS NOT NULL)", ""},
    {"", "a:contains:Q", "(contains(lower(t.\"0\"::VARCHAR), lower($1::VARCHAR)))", ""},
    {"", "a:is:1", NULL, NULL},
    {"", "a:eq", NULL, NULL},
    {"", "a", NULL, NULL},
    {"", "", NULL, NULL},
    {"", ":eq:1", NULL, NULL},
    {"", "c:eq:1", NULL, NULL},
};

/* Columns are found by name, whatever it holds, and nothing of the text gets into the SQL. */
static void text_becomes_sql(void **state)
{
    (void)state;
    AUTO_JSON columns = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "name", "a", "type",
                                  "BIGINT", "name", "b", "type", "VARCHAR", "name", "x,y:z", "type",
                                  "DOUBLE", "name", "-", "type", "ENUM('q')");
    for (size_t i = 0; i < ARRAY_LEN(shown_cases); i++) {
        AUTO_BUF where = buf_make(4096);
        AUTO_BUF order = buf_make(4096);
        AUTO_JSON params = json_array();
        AUTO_JSON filters = json_array();
        struct errmsg msg = {0};
        if (shown_cases[i].filter != NULL) {
            (void)json_array_append_new(filters, json_string(shown_cases[i].filter));
        }
        struct results_shown shown = {.sort = str_from(shown_cases[i].sort), .filters = filters};
        err e = results_shown_sql(&shown, columns, &where, &order, params, &msg);
        if ((e == ERR_OK) != (shown_cases[i].where != NULL)) {
            fail_msg("case %zu: %s %s", i, err_name(e), msg.text);
        }
        if (e == ERR_OK) {
            assert_string_equal(buf_cstr(&where), shown_cases[i].where);
            assert_string_equal(buf_cstr(&order), shown_cases[i].order);
        }
    }
}

/* ---- results.c ---- */

/* The least recently used makes place; what is read stays until its reader has ended. */
static void the_oldest_makes_place(void **state)
{
    (void)state;
    open_results(2, 1 << 30, 60000);
    AUTO_TEXT one = keep("SELECT 1 AS a");
    AUTO_TEXT two = keep("SELECT 2 AS a");
    assert_true(is_there(one));
    AUTO_TEXT three = keep("SELECT 3 AS a");
    assert_true(is_there(one) && !is_there(two) && is_there(three));
    struct results_reader *first = NULL;
    struct results_reader *second = NULL;
    struct results_reader *none = NULL;
    OK(results_open(results, str_from(one), &first, &msg_));
    OK(results_open(results, str_from(three), &second, &msg_));
    assert_int_equal(try_keep("SELECT 4 AS a", &none), ERR_LIMIT);
    uint64_t bytes = results_bytes(results);
    OK(results_drop(results, str_from(one), &msg_));
    assert_false(is_there(one));
    assert_int_equal(files(), 2);                    /* it is still read */
    assert_true(results_bytes(results) > bytes / 2); /* and takes its place */
    AUTO_BUF sql = buf_make(4096);
    results_add_select(first, 0, 0, &sql);
    int64_t value = 0;
    OK(sql_query_i64(conn, buf_cstr(&sql), &value, &msg_));
    assert_int_equal(value, 1);
    results_reader_free(first);
    assert_int_equal(results_bytes(results), bytes / 2);
    results_reader_free(second);
    assert_int_equal(files(), 1);
    assert_int_equal(results_drop(results, str_from(one), NULL), ERR_NOT_FOUND);
}

/* A sort or filter is made once; eight of them stay, and all go with their result. */
static void copies_are_kept_with_their_result(void **state)
{
    (void)state;
    open_results(4, 1 << 30, 60000);
    AUTO_TEXT id = keep("SELECT 10 - i AS a FROM range(10) r(i)");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 12; i++) {
            AUTO(results_reader) reader = NULL;
            AUTO_TEXT filter = xasprintf("a:gt:%d", i % 3);
            AUTO_JSON filters = json_pack("[s]", filter);
            struct results_shown shown = {.sort = STR("a"), .filters = filters};
            OK(results_open(results, str_from(id), &reader, &msg_));
            OK(results_show(reader, &shown, conn, NULL, &msg_));
            assert_int_equal(results_rows(reader), 10 - i % 3);
            assert_int_equal(results_rows_total(reader), 10);
        }
        assert_int_equal(files(), 4);
    }
    for (int i = 0; i < 20; i++) {
        AUTO(results_reader) reader = NULL;
        AUTO_TEXT filter = xasprintf("a:ne:%d", i);
        AUTO_JSON filters = json_pack("[s]", filter);
        struct results_shown shown = {.filters = filters};
        OK(results_open(results, str_from(id), &reader, &msg_));
        OK(results_show(reader, &shown, conn, NULL, &msg_));
    }
    assert_int_equal(files(), 9);
    OK(results_drop(results, str_from(id), &msg_));
    assert_int_equal(files(), 0);
}

struct dropper {
    const char *first; /* when this one has made place */
    const char *then;  /* drops this */
};

static void *drop_later(void *arg)
{
    const struct dropper *d = arg;
    for (bool is_known = true; is_known;) {
        is_known = is_listed(d->first);
    }
    OK(results_drop(results, str_from(d->then), &msg_));
    return NULL;
}

/* A result may be dropped when its copy has just been written: while that makes others give way. */
static void a_result_goes_while_its_copy_is_made(void **state)
{
    (void)state;
    const uint64_t most = 8 << 20;
    open_results(200, most, 60000);
    struct results_reader *reader = NULL;
    pthread_t thread;
    AUTO_TEXT id = keep("SELECT i, md5(i::VARCHAR) AS m FROM range(30000) r(i)");
    AUTO_TEXT other = keep("SELECT 1 AS a");
    while (results_bytes(results) + (600 << 10) < most) {
        AUTO_TEXT more = keep("SELECT i FROM range(20000) r(i)"); /* to remove them takes a while */
    }
    OK(results_open(results, str_from(id), &reader, &msg_));
    struct dropper dropper = {other, id};
    struct results_shown shown = {.sort = STR("m")};
    assert_true(is_listed(other));
    assert_int_equal(pthread_create(&thread, NULL, drop_later, &dropper), 0);
    OK(results_show(reader, &shown, conn, NULL, &msg_));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(results_rows(reader), 30000);
    results_reader_free(reader);
    assert_false(is_there(id));
}

/* What grows past the bound is interrupted, and its file goes with the next look. */
static void growing_past_the_bound_is_stopped(void **state)
{
    (void)state;
    open_results(4, 4 << 20, 60000);
    struct results_reader *reader = NULL;
    assert_int_equal(try_keep("SELECT i, md5(i::VARCHAR) AS m FROM range(500000) r(i)", &reader),
                     ERR_TOO_LARGE);
    sql_conn_interrupt_reset(conn);
    (void)results_tick(results);
    assert_int_equal(files(), 0);
    AUTO_TEXT id = keep("SELECT 1 AS a");
    assert_true(is_there(id));
    assert_true(results_bytes(results) > 0 && results_bytes(results) < 4 << 20);
}

static void *tick_on(void *arg)
{
    const atomic_bool *stop = arg;
    while (!atomic_load(stop)) {
        (void)results_tick(results); /* whether something grows does not matter */
    }
    return NULL;
}

/* Nobody makes way for what is stopped or refused for its size, neither while it grows nor at its
 * end. */
static void what_is_too_large_takes_nobodys_place(void **state)
{
    (void)state;
    for (int is_ticking = 0; is_ticking < 2; is_ticking++) {
        atomic_bool stop = false;
        pthread_t thread;
        open_results(10, 4 << 20, 60000);
        AUTO_TEXT one = keep("SELECT i FROM range(100000) r(i)");
        AUTO_TEXT two = keep("SELECT 2 AS a");
        struct results_reader *reader = NULL;
        if (is_ticking) {
            assert_int_equal(pthread_create(&thread, NULL, tick_on, &stop), 0);
        }
        err e = try_keep("SELECT i, md5(i::VARCHAR) AS m FROM range(1000000) r(i)", &reader);
        atomic_store(&stop, true);
        if (is_ticking) {
            assert_int_equal(pthread_join(thread, NULL), 0);
        }
        assert_int_equal(e, ERR_TOO_LARGE);
        sql_conn_interrupt_reset(conn);
        assert_true(is_listed(one));
        assert_true(is_listed(two));
        AUTO_TEXT three = keep("SELECT i, md5(i::VARCHAR) AS m FROM range(80000) r(i)"); /* fits */
        assert_true(is_listed(three));
        assert_true(results_bytes(results) <= 4 << 20);
        results_free(results);
        results = NULL;
    }
}

static void *begin_one(void *arg)
{
    struct results_writer **writer = arg;
    (void)results_begin(results, conn, writer, NULL); /* or all places are taken */
    return NULL;
}

/* However many begin at the same time, there are never more than the limit. */
static void those_that_begin_at_once_keep_the_limit(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    open_results(2, 1 << 30, 60000);
    for (int round = 0; round < 10; round++) {
        pthread_t threads[THREADS];
        struct results_writer *writers[THREADS] = {0};
        size_t begun = 0;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, begin_one, &writers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            begun += writers[i] != NULL;
        }
        for (int i = 0; i < THREADS; i++) {
            results_writer_free(writers[i]);
        }
        assert_int_equal(begun, 2);
    }
}

/* A writer that ends without a result leaves nothing. */
static void an_abandoned_one_leaves_nothing(void **state)
{
    (void)state;
    open_results(4, 1 << 30, 60000);
    struct results_writer *writer = NULL;
    OK(results_begin(results, conn, &writer, &msg_));
    assert_true(results_tick(results));
    results_writer_free(writer);
    assert_false(results_tick(results));
    assert_int_equal(files(), 0);
    AUTO_BUF list = buf_make(4096);
    results_list(results, &list);
    assert_non_null(strstr(buf_cstr(&list), "{\"results\":[],\"bytes\":0,"));
}

/* A result made while somebody looks at all databases can be read at once, and the next tick after
 * that brings what was in memory into its file, once. */
static void one_made_beside_a_look_around_is_finished_later(void **state)
{
    (void)state;
    open_results(4, 1 << 30, 60000);
    struct sql_conn *other = NULL;
    OK(sql_conn_open(engine, &other, &msg_));
    AUTO(results_writer) writer = NULL;
    OK(results_begin(results, conn, &writer, &msg_));
    OK(sql_exec(other, "BEGIN; SELECT count(*) FROM duckdb_tables()", &msg_));
    uint64_t rows = 0;
    OK(sql_store_fill(results_writer_store(writer), conn, STR("SELECT range FROM range(1000)"), 1,
                      NULL, &rows, &msg_));
    struct results_reader *reader = NULL;
    OK(results_keep(&writer, json_pack("[{ssss}]", "name", "a", "type", "BIGINT"), rows, &reader,
                    &msg_));
    (void)results_tick(results);
    AUTO_BUF sql = buf_make(4096);
    buf_puts(&sql, "SELECT sum(a)::BIGINT FROM (");
    results_add_select(reader, 0, 0, &sql);
    buf_puts(&sql, ")");
    int64_t sum = 0;
    OK(sql_query_i64(conn, buf_cstr(&sql), &sum, &msg_));
    assert_int_equal(sum, 999 * 1000 / 2);
    uint64_t before = results_bytes(results);
    OK(sql_exec(other, "COMMIT", &msg_));
    (void)results_tick(results);
    uint64_t after = results_bytes(results);
    assert_true(after > before);
    (void)results_tick(results);
    assert_int_equal(results_bytes(results), after);
    results_reader_free(reader);
    sql_conn_close(other);
}

/* What nobody uses for its age goes, and not before. */
static void age_ends_them(void **state)
{
    (void)state;
    open_results(4, 1 << 30, 1);
    struct results_reader *reader = NULL;
    assert_int_equal(try_keep("SELECT 1 AS a", &reader), ERR_OK);
    for (int64_t until_us = os_mono_us() + 5000; os_mono_us() < until_us;) {
        (void)results_tick(results);
        assert_int_equal(files(), 1); /* somebody reads it */
    }
    results_reader_free(reader);
    while (files() > 0) {
        (void)results_tick(results);
    }
    AUTO_BUF list = buf_make(4096);
    results_list(results, &list);
    assert_non_null(strstr(buf_cstr(&list), "{\"results\":[]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_sql),
        cmocka_unit_test_setup_teardown(the_oldest_makes_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(copies_are_kept_with_their_result, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_result_goes_while_its_copy_is_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(growing_past_the_bound_is_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_takes_nobodys_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_begin_at_once_keep_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abandoned_one_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_made_beside_a_look_around_is_finished_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(age_ends_them, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
