/* SPDX-License-Identifier: MIT */
/* test_land.c - Parquet files by partition, and the statistics that go into the Delta log. */
#include "sql/land.h"

#include "os/clock.h"
#include "os/file.h"
#include "sql_test.h"

/* Files of one COPY as the callback saw them. */
struct landed {
    size_t files;
    uint64_t rows;
    char partition[64][64];
    char stats[64][4096];
};

static err on_file(void *ctx, const struct sql_land_file *file, struct errmsg *msg)
{
    struct landed *landed = ctx;
    struct os_stat stat = {0};
    err e = os_stat(file->path, &stat, msg);
    assert_int_equal(e, ERR_OK);
    assert_int_equal(stat.size_bytes, file->size_bytes);
    if (landed->files < ARRAY_LEN(landed->stats)) {
        if (file->partition_count > 0) {
            (void)snprintf(landed->partition[landed->files], 64, "%.*s",
                           file->partitions[0].is_null ? 4 : (int)file->partitions[0].value.len,
                           file->partitions[0].is_null ? "null" : file->partitions[0].value.ptr);
        }
        (void)snprintf(landed->stats[landed->files], 4096, "%.*s", STR_ARGS(file->stats_json));
    }
    landed->files++;
    landed->rows += file->rows;
    return ERR_OK;
}

static char folder[64];

static void fresh_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/tarn-test-land-%llx",
                   (unsigned long long)os_random_u64());
    OK(os_mkdirs(folder, &msg_));
}

static void drop_folder(void)
{
    OK(os_remove_tree(folder, &msg_));
}

static const char *const by_date[] = {"_date"};

/* Each date gets one file with all columns, its value, size, rows and statistics. */
static void each_partition_is_one_file(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    fresh_folder();
    static struct landed landed;
    landed = (struct landed){0};
    uint64_t rows = 0;
    struct sql_copy_options options = {
        .select_sql = "SELECT range AS z, 'k' || range % 3 AS text, DATE '2026-11-20' + (range % "
                      "4)::INT AS _date, NULL::VARCHAR AS none, range % 2 = 0 AS even, "
                      "to_timestamp(1000 + range / 1000000) AS t FROM range(400000)",
        .target_dir = folder,
        .partition_columns = by_date,
        .partition_count = 1,
    };
    OK(sql_copy_partitioned(conn, &options, on_file, &landed, &rows, &msg_));
    assert_int_equal(rows, 400000);
    assert_int_equal(landed.files, 4);
    assert_int_equal(landed.rows, 400000);
    for (size_t i = 0; i < 4; i++) {
        AUTO_JSON stats = NULL;
        OK(json_parse(str_from(landed.stats[i]), &stats, &msg_));
        int day = landed.partition[i][9] - '0';
        assert_memory_equal(landed.partition[i], "2026-11-2", 9);
        assert_int_equal(json_integer_value(json_object_get(stats, "numRecords")), 100000);
        json_t *mins = json_object_get(stats, "minValues");
        json_t *maxs = json_object_get(stats, "maxValues");
        json_t *nulls = json_object_get(stats, "nullCount");
        assert_int_equal(json_integer_value(json_object_get(mins, "z")), day);
        assert_int_equal(json_integer_value(json_object_get(maxs, "z")), 399996 + day);
        assert_string_equal(json_string_value(json_object_get(mins, "text")), "k0");
        assert_string_equal(json_string_value(json_object_get(mins, "t")),
                            "1970-01-01T00:16:40.000Z");
        assert_string_equal(json_string_value(json_object_get(maxs, "t")),
                            "1970-01-01T00:16:40.400Z");
        assert_int_equal(json_integer_value(json_object_get(nulls, "none")), 100000);
        assert_int_equal(json_integer_value(json_object_get(nulls, "even")), 0);
        assert_null(json_object_get(mins, "even"));
        assert_null(json_object_get(mins, "none"));
        assert_null(json_object_get(nulls, "_date"));
    }
    AUTO_TEXT back = xasprintf("SELECT count(*) FROM read_parquet('%s/*.parquet', "
                               "hive_partitioning=false) WHERE _date = '2026-11-21'",
                               folder);
    assert_int_equal(test_i64(conn, back), 100000);
    drop_folder();
    test_conn_free(conn);
}

/* No rows make no files; no partition columns make one file. */
static void empty_and_unpartitioned(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    fresh_folder();
    static const struct {
        const char *select;
        size_t partitions;
        size_t files;
        uint64_t rows;
    } cases[] = {
        {"SELECT 1 AS a, DATE '2026-01-01' AS _date FROM range(0)", 1, 0, 0},
        {"SELECT 1 AS a, DATE '2026-01-01' AS _date FROM range(0)", 0, 0, 0},
        {"SELECT range AS a, DATE '2026-01-01' AS _date FROM range(300000)", 0, 1, 300000},
        {"SELECT 1 AS a, NULL::DATE AS _date FROM range(7)", 1, 1, 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct landed landed;
        landed = (struct landed){0};
        uint64_t rows = 99;
        struct sql_copy_options options = {.select_sql = cases[i].select,
                                           .target_dir = folder,
                                           .partition_columns = by_date,
                                           .partition_count = cases[i].partitions};
        OK(sql_copy_partitioned(conn, &options, on_file, &landed, &rows, &msg_));
        assert_int_equal(rows, cases[i].rows);
        assert_int_equal(landed.files, cases[i].files);
        AUTO_NAMES names = {0};
        OK(os_list(folder, &names, &msg_));
        assert_int_equal(names.count, cases[i].files);
        drop_folder();
        OK(os_mkdirs(folder, &msg_));
    }
    drop_folder();
    test_conn_free(conn);
}

/* Three thousand dates in little memory still make one file each, and nothing is lost. */
static void very_many_dates_make_one_file_each(void **state)
{
    (void)state;
    fresh_folder();
    AUTO_TEXT spill = xasprintf("%s-spill", folder);
    struct sql_engine *engine = NULL;
    struct sql_conn *conn = NULL;
    OK(sql_engine_open(
        &(struct sql_engine_options){.threads = 2, .memory_bytes = 128 << 20, .temp_dir = spill},
        &engine, &msg_));
    OK(sql_conn_open(engine, &conn, &msg_));
    static struct landed landed;
    landed = (struct landed){0};
    struct sql_copy_options options = {
        .select_sql = "SELECT range AS id, 'text number ' || range AS text, DATE '2015-01-01' + "
                      "(range * 7919 % 3000)::INT AS _date FROM range(300000)",
        .target_dir = folder,
        .partition_columns = by_date,
        .partition_count = 1,
    };
    int64_t start_us = os_mono_us();
    OK(sql_copy_partitioned(conn, &options, on_file, &landed, NULL, &msg_));
    print_message("3,000 dates of 300,000 rows: %.2f s\n", (double)(os_mono_us() - start_us) / 1e6);
    assert_int_equal(landed.files, 3000);
    assert_int_equal(landed.rows, 300000);
    AUTO_NAMES names = {0};
    OK(os_list(folder, &names, &msg_));
    assert_int_equal(names.count, 3000);
    test_conn_free(conn);
    OK(os_remove_tree(spill, &msg_));
    drop_folder();
}

static err refuse_file(void *ctx, const struct sql_land_file *file, struct errmsg *msg)
{
    (void)ctx;
    (void)file;
    return errmsg_set(msg, ERR_NOSPACE, "no more files today");
}

/* An error of the callback or of the SELECT comes back as it is. */
static void errors_come_back(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    fresh_folder();
    struct errmsg msg = {0};
    struct sql_copy_options options = {.select_sql = "SELECT 1 AS a, DATE '2026-01-01' AS _date",
                                       .target_dir = folder,
                                       .partition_columns = by_date,
                                       .partition_count = 1};
    assert_int_equal(sql_copy_partitioned(conn, &options, refuse_file, NULL, NULL, &msg),
                     ERR_NOSPACE);
    assert_string_equal(msg.text, "no more files today");
    options.select_sql = "SELECT nope FROM nowhere";
    assert_int_equal(sql_copy_partitioned(conn, &options, refuse_file, NULL, NULL, &msg),
                     ERR_NOT_FOUND);
    options.select_sql = "SELECT range, error('stop') AS _date FROM range(10)";
    assert_int_equal(sql_copy_partitioned(conn, &options, refuse_file, NULL, NULL, &msg),
                     ERR_INVALID);
    assert_int_equal(test_i64(conn, "SELECT 1"), 1);
    drop_folder();
    test_conn_free(conn);
}

/* Bounds follow delta.md section 11; what is not certain is left out. */
static void bounds_are_right_or_absent(void **state)
{
    (void)state;
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TOP "\xf4\x8f\xbf\xbf"
    static const struct {
        enum sql_bound_kind kind;
        const char *min;
        const char *max;
        const char *right_min; /* NULL: no bounds */
        const char *right_max;
    } cases[] = {
        {SQL_BOUND_NUMBER, "-5", "9223372036854775807", "-5", "9223372036854775807"},
        {SQL_BOUND_NUMBER, "1.50", "99999999999999999999.25", "1.50", "99999999999999999999.25"},
        {SQL_BOUND_NUMBER, "1", NULL, NULL, NULL},
        {SQL_BOUND_FLOAT, "-0.5", "1e+300", "-0.5", "1e+300"},
        {SQL_BOUND_FLOAT, "-inf", "1.0", NULL, NULL},
        {SQL_BOUND_FLOAT, "1.0", "inf", NULL, NULL},
        {SQL_BOUND_FLOAT, "nan", "nan", NULL, NULL},
        {SQL_BOUND_DATE, "1969-12-31", "2026-11-20", "\"1969-12-31\"", "\"2026-11-20\""},
        {SQL_BOUND_DATE, "0044-03-15 (BC)", "2026-11-20", NULL, NULL},
        {SQL_BOUND_DATE, "2026-11-20", "12026-11-20", NULL, NULL},
        {SQL_BOUND_TIMESTAMP, "2026-11-20 12:34:56.789999+00", "2026-11-20 12:34:56.789001+00",
         "\"2026-11-20T12:34:56.789Z\"", "\"2026-11-20T12:34:56.790Z\""},
        {SQL_BOUND_TIMESTAMP, "1969-12-31 23:59:59.9999+00", "1969-12-31 23:59:59.9999+00",
         "\"1969-12-31T23:59:59.999Z\"", "\"1970-01-01T00:00:00.000Z\""},
        {SQL_BOUND_TIMESTAMP, "2026-11-20 12:34:56", "2026-11-20 12:34:56.5",
         "\"2026-11-20T12:34:56.000Z\"", "\"2026-11-20T12:34:56.500Z\""},
        {SQL_BOUND_TIMESTAMP, "2026-11-20 12:34:56+02", "2026-11-20 12:34:56+02", NULL, NULL},
        {SQL_BOUND_TIMESTAMP, "infinity", "infinity", NULL, NULL},
        {SQL_BOUND_STRING, "", "b\"c", "\"\"", "\"b\\\"c\""},
        {SQL_BOUND_STRING, A32, A32, "\"" A32 "\"", "\"" A32 "\""},
        {SQL_BOUND_STRING, A32 "b", A32 "b", "\"" A32 "\"", "\"" A32 "\x7f\""},
        {SQL_BOUND_STRING, A32 "\xc3\xbc", A32 "\xc3\xbc", "\"" A32 "\"", "\"" A32 TOP "\""},
        {SQL_BOUND_STRING, A32 "\x7f", A32 "\x7f", "\"" A32 "\"", "\"" A32 TOP "\""},
        {SQL_BOUND_STRING, A32 TOP "x", A32 TOP "xy", "\"" A32 "\"", "\"" A32 TOP "\x7f\""},
        {SQL_BOUND_STRING, "a\xff", "b", NULL, NULL},
        {SQL_BOUND_NONE, "0", "1", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sql_column_stats column = {.name = "c",
                                          .kind = cases[i].kind,
                                          .nulls = STR("3"),
                                          .min = str_from(cases[i].min),
                                          .max = str_from(cases[i].max)};
        AUTO_BUF out = buf_make(65536);
        sql_delta_stats(9, &column, 1, 32, &out);
        AUTO_TEXT right =
            cases[i].right_min == NULL
                ? xstrdup("{\"numRecords\":9,\"minValues\":{},\"maxValues\":{},\"nullCount\":"
                          "{\"c\":3}}")
                : xasprintf("{\"numRecords\":9,\"minValues\":{\"c\":%s},\"maxValues\":{\"c\":%s},"
                            "\"nullCount\":{\"c\":3}}",
                            cases[i].right_min, cases[i].right_max);
        assert_string_equal(buf_cstr(&out), right);
    }
    struct sql_column_stats nan = {.name = "c",
                                   .kind = SQL_BOUND_FLOAT,
                                   .nulls = STR("0"),
                                   .min = STR("1.0"),
                                   .max = STR("2.0"),
                                   .has_nan = true};
    AUTO_BUF out = buf_make(65536);
    sql_delta_stats(1, &nan, 1, 32, &out);
    assert_null(strstr(buf_cstr(&out), "1.0"));
}

/* Only the first columns get bounds, all get null counts. */
static void bounds_stop_after_the_first_columns(void **state)
{
    (void)state;
    struct sql_column_stats columns[40];
    char names[40][8];
    for (size_t i = 0; i < 40; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%zu", i);
        columns[i] = (struct sql_column_stats){.name = names[i],
                                               .kind = SQL_BOUND_NUMBER,
                                               .nulls = STR("0"),
                                               .min = STR("1"),
                                               .max = STR("2")};
    }
    AUTO_BUF out = buf_make(65536);
    sql_delta_stats(1, columns, 40, SQL_STATS_COLUMNS, &out);
    AUTO_JSON stats = NULL;
    OK(json_parse(buf_str(&out), &stats, &msg_));
    assert_int_equal(json_object_size(json_object_get(stats, "minValues")), 32);
    assert_int_equal(json_object_size(json_object_get(stats, "maxValues")), 32);
    assert_int_equal(json_object_size(json_object_get(stats, "nullCount")), 40);
}

/* Whatever the strings, the bounds in the statistics enclose every value of the file. */
static void string_bounds_enclose_the_values(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    uint64_t seed = os_random_u64() % 1000000;
    print_message("seed %llu\n", (unsigned long long)seed);
    OK(sql_execf(conn, &msg_, "SELECT setseed(%f)", (double)seed / 1000000));
    for (int round = 0; round < 60; round++) {
        fresh_folder();
        OK(sql_exec(
            conn,
            "CREATE OR REPLACE TABLE t AS SELECT list_reduce(list_transform(range(1 + "
            "(random() * 300)::INT), x -> chr(CASE (random() * 6)::INT WHEN 0 THEN 233 WHEN "
            "1 THEN 127 WHEN 2 THEN 1114111 WHEN 3 THEN 1 ELSE 97 + (x % 3)::INT END)), (a, "
            "b) -> a || b) AS s FROM range(1 + (random() * 4)::INT)",
            &msg_));
        static struct landed landed;
        landed = (struct landed){0};
        struct sql_copy_options options = {.select_sql = "SELECT s FROM t", .target_dir = folder};
        OK(sql_copy_partitioned(conn, &options, on_file, &landed, NULL, &msg_));
        AUTO_JSON stats = NULL;
        OK(json_parse(str_from(landed.stats[0]), &stats, &msg_));
        json_t *min = json_object_get(json_object_get(stats, "minValues"), "s");
        json_t *max = json_object_get(json_object_get(stats, "maxValues"), "s");
        if (min != NULL) {
            AUTO_JSON params = json_pack("[O, O]", min, max);
            struct sql_result *result = NULL;
            OK(sql_query_stream(conn, STR("SELECT count(*) FROM t WHERE s < $1 OR s > $2"), params,
                                &result, &msg_));
            size_t rows = 0;
            OK(sql_result_fetch(result, &rows, &msg_));
            assert_int_equal(sql_result_i64(result, 0, 0), 0);
            sql_result_close(result);
        }
        drop_folder();
    }
    test_conn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_partition_is_one_file),
        cmocka_unit_test(empty_and_unpartitioned),
        cmocka_unit_test(very_many_dates_make_one_file_each),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(bounds_are_right_or_absent),
        cmocka_unit_test(bounds_stop_after_the_first_columns),
        cmocka_unit_test(string_bounds_enclose_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
