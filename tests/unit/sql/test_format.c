/* SPDX-License-Identifier: MIT */
/* test_format.c - answers as JSON, NDJSON, CSV and Parquet. */
#include "sql/format.h"

#include "os/clock.h"
#include "os/file.h"
#include "sql_test.h"

static struct sql_conn *conn;

static int open_conn(void **state)
{
    (void)state;
    conn = test_conn(2);
    return 0;
}

static int close_conn(void **state)
{
    (void)state;
    test_conn_free(conn);
    return 0;
}

static err gather(void *ctx, struct str bytes, struct errmsg *msg)
{
    (void)msg;
    assert_true(bytes.len <= SQL_WRITE_BYTES_MAX);
    buf_add_str(ctx, bytes);
    return ERR_OK;
}

static void answer(const char *sql, struct sql_format_options options, struct buf *out)
{
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn, str_from(sql), NULL, &result, &msg_));
    OK(sql_format_stream(result, &options, gather, out, NULL, &msg_));
    sql_result_close(result);
}

static const struct {
    const char *value;
    const char *json;
    const char *csv;
} values[] = {
    {"NULL", "null", ""},
    {"NULL::INT", "null", ""},
    {"true", "true", "true"},
    {"(-128)::TINYINT", "-128", "-128"},
    {"65535::USMALLINT", "65535", "65535"},
    {"4294967295::UINTEGER", "4294967295", "4294967295"},
    {"-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
    {"18446744073709551615::UBIGINT", "18446744073709551615", "18446744073709551615"},
    {"(-170141183460469231731687303715884105728)::HUGEINT",
     "\"-170141183460469231731687303715884105728\"", "-170141183460469231731687303715884105728"},
    {"340282366920938463463374607431768211455::UHUGEINT",
     "\"340282366920938463463374607431768211455\"", "340282366920938463463374607431768211455"},
    {"0::HUGEINT", "\"0\"", "0"},
    {"(-1.05)::DECIMAL(4,2)", "\"-1.05\"", "-1.05"},
    {"0.001::DECIMAL(9,3)", "\"0.001\"", "0.001"},
    {"12345678901234567890.123456789::DECIMAL(38,9)", "\"12345678901234567890.123456789\"",
     "12345678901234567890.123456789"},
    {"7::DECIMAL(18,0)", "\"7\"", "7"},
    {"0.1::DOUBLE", "0.1", "0.1"},
    {"1::DOUBLE", "1.0", "1.0"},
    {"-1e300::DOUBLE", "-1e+300", "-1e+300"},
    {"0.1::FLOAT", "0.1", "0.1"},
    {"'nan'::DOUBLE", "null", "nan"},
    {"'-inf'::DOUBLE", "null", "-inf"},
    {"'inf'::FLOAT", "null", "inf"},
    {"DATE '2026-11-20'", "\"2026-11-20\"", "2026-11-20"},
    {"DATE '0044-03-15 (BC)'", "\"-000043-03-15\"", "-000043-03-15"},
    {"DATE 'infinity'", "\"infinity\"", "infinity"},
    {"TIMESTAMPTZ '2026-11-20 13:34:56.789+01'", "\"2026-11-20T12:34:56.789Z\"",
     "2026-11-20T12:34:56.789Z"},
    {"TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'", "\"1969-12-31T23:59:59.999999Z\"",
     "1969-12-31T23:59:59.999999Z"},
    {"TIMESTAMP '2026-11-20 12:00:00'", "\"2026-11-20T12:00:00Z\"", "2026-11-20T12:00:00Z"},
    {"TIMESTAMP_S '2026-11-20 12:00:01'", "\"2026-11-20T12:00:01Z\"", "2026-11-20T12:00:01Z"},
    {"TIMESTAMP_MS '2026-11-20 12:00:01.5'", "\"2026-11-20T12:00:01.500Z\"",
     "2026-11-20T12:00:01.500Z"},
    {"TIMESTAMP_NS '2026-11-20 12:00:01.123456789'", "\"2026-11-20T12:00:01.123456789Z\"",
     "2026-11-20T12:00:01.123456789Z"},
    {"TIMESTAMP '-infinity'", "\"-infinity\"", "-infinity"},
    {"TIMESTAMP '12026-11-20 12:00:00'", "\"+012026-11-20T12:00:00Z\"", "+012026-11-20T12:00:00Z"},
    {"TIME '12:34:56.5'", "\"12:34:56.500\"", "12:34:56.500"},
    {"TIMETZ '12:34:56+02:30'", "\"12:34:56+02:30\"", "12:34:56+02:30"},
    {"INTERVAL '1 year 2 months 3 days 04:05:06.7'", "\"1 year 2 months 3 days 04:05:06.700000\"",
     "1 year 2 months 3 days 04:05:06.700000"},
    {"INTERVAL 0 DAY", "\"00:00:00\"", "00:00:00"},
    {"'4ac7a9e9-607c-4c8a-84f3-843f0191e3fd'::UUID", "\"4ac7a9e9-607c-4c8a-84f3-843f0191e3fd\"",
     "4ac7a9e9-607c-4c8a-84f3-843f0191e3fd"},
    {"'b'::ENUM('a', 'b')", "\"b\"", "b"},
    {"'0101'::BIT", "\"0101\"", "0101"},
    {"''::BLOB", "\"\"", ""},
    {"'a'::BLOB", "\"YQ==\"", "YQ=="},
    {"'ab\\xFF'::BLOB", "\"YWL/\"", "YWL/"},
    {"'plain'", "\"plain\"", "plain"},
    {"''", "\"\"", "\"\""},
    {"'a,\"b\"' || chr(10) || chr(9) || chr(1) || '\\ü'", "\"a,\\\"b\\\"\\n\\t\\u0001\\\\ü\"",
     "\"a,\"\"b\"\"\n\t\x01\\ü\""},
    {"'{\"a\": 1}'::JSON", "\"{\\\"a\\\": 1}\"", "\"{\"\"a\"\": 1}\""},
    {"[1, NULL, 3]", "[1,null,3]", "\"[1,null,3]\""},
    {"[]::INT[]", "[]", "[]"},
    {"[[1], [2, 3]]", "[[1],[2,3]]", "\"[[1],[2,3]]\""},
    {"[1, 2]::INT[2]", "[1,2]", "\"[1,2]\""},
    {"{'a': 1, 'b c\"d': 'x', 'e': NULL}", "{\"a\":1,\"b c\\\"d\":\"x\",\"e\":null}",
     "\"{\"\"a\"\":1,\"\"b c\\\"\"d\"\":\"\"x\"\",\"\"e\"\":null}\""},
    {"MAP {'k': [1.5::DOUBLE, 'nan'::DOUBLE]}", "[{\"key\":\"k\",\"value\":[1.5,null]}]",
     "\"[{\"\"key\"\":\"\"k\"\",\"\"value\"\":[1.5,null]}]\""},
    {"union_value(n := 7)", "7", NULL},
};

/* Each type has the one form that format.h promises, in JSON and in CSV. */
static void every_type_has_its_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        AUTO_TEXT sql = xasprintf("SELECT %s AS v FROM range(1)", values[i].value);
        AUTO_BUF json = buf_make(1 << 20);
        answer(sql, (struct sql_format_options){.format = SQL_FORMAT_NDJSON}, &json);
        AUTO_TEXT right_json = xasprintf("{\"v\":%s}\n", values[i].json);
        assert_string_equal(buf_cstr(&json), right_json);
        if (values[i].csv != NULL) {
            AUTO_BUF csv = buf_make(1 << 20);
            answer(sql, (struct sql_format_options){.format = SQL_FORMAT_CSV}, &csv);
            AUTO_TEXT right_csv = xasprintf("v\r\n%s\r\n", values[i].csv);
            assert_string_equal(buf_cstr(&csv), right_csv);
        }
    }
}

static void add_tail(void *ctx, const struct sql_answer *so_far, struct buf *out)
{
    assert_non_null(ctx);
    buf_printf(out, ",\"bytes_so_far\":%s", so_far->rows > 0 ? "true" : "false");
}

/* The JSON answer has the shape of the API, also without rows, cut short, and with wide integers as
 * text. */
static void json_answer_has_its_shape(void **state)
{
    (void)state;
    int ctx = 0;
    AUTO_BUF out = buf_make(1 << 20);
    answer("SELECT range AS n, 'x' AS \"q\"\"t\" FROM range(3) ORDER BY n",
           (struct sql_format_options){.rows_max = 2, .tail = add_tail, .tail_ctx = &ctx}, &out);
    assert_string_equal(buf_cstr(&out),
                        "{\"columns\":[{\"name\":\"n\",\"type\":\"BIGINT\"},{\"name\":\"q\\\"t\","
                        "\"type\":\"VARCHAR\"}],\"rows\":[[0,\"x\"],[1,\"x\"]],\"row_count\":2,"
                        "\"truncated\":true,\"bytes_so_far\":true}\n");
    buf_reset(&out);
    answer("SELECT 5::UBIGINT AS a, 6::INT AS b, [7::BIGINT] AS c",
           (struct sql_format_options){.int64_strings = true}, &out);
    assert_non_null(strstr(buf_cstr(&out), "[[\"5\",6,[\"7\"]]]"));
    assert_non_null(strstr(buf_cstr(&out), "\"type\":\"BIGINT[]\""));
    buf_reset(&out);
    answer("SELECT 1 AS a, NULL AS b FROM range(0)", (struct sql_format_options){0}, &out);
    assert_non_null(strstr(buf_cstr(&out), "\"rows\":[],\"row_count\":0,\"truncated\":false}"));
    buf_reset(&out);
    answer("SELECT 1 AS a FROM range(2)", (struct sql_format_options){.rows_max = 2}, &out);
    assert_non_null(strstr(buf_cstr(&out), "\"truncated\":false"));
}

static err stop_writing(void *ctx, struct str bytes, struct errmsg *msg)
{
    (void)bytes;
    int *calls = ctx;
    return ++*calls < 3 ? ERR_OK : errmsg_set(msg, ERR_CLOSED, "the client went away");
}

/* A writer that fails ends the statement at once; the connection is as good as new. */
static void failing_writer_stops_the_query(void **state)
{
    (void)state;
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn, STR("SELECT range, md5(range::VARCHAR) FROM range(1000000000)"), NULL,
                        &result, &msg_));
    int calls = 0;
    struct errmsg msg = {0};
    int64_t start_us = os_mono_us();
    assert_int_equal(sql_format_stream(result, &(struct sql_format_options){0}, stop_writing,
                                       &calls, NULL, &msg),
                     ERR_CLOSED);
    sql_result_close(result);
    assert_true(os_mono_us() - start_us < 60000000); /* it would run for hours */
    assert_int_equal(calls, 3);
    assert_int_equal(test_i64(conn, "SELECT 1"), 1);
}

/* A huge cell goes out in pieces; one past the limit is refused in words. */
static void huge_cells_go_out_in_pieces(void **state)
{
    (void)state;
    AUTO_BUF out = buf_make(64 << 20);
    answer("SELECT repeat('x', 20000000) AS v UNION ALL SELECT 'end'",
           (struct sql_format_options){.format = SQL_FORMAT_NDJSON}, &out);
    assert_int_equal(out.len, 20000000 + 9 + 12);
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn, STR("SELECT repeat('x', 300000000) AS v"), NULL, &result, &msg_));
    AUTO_BUF none = buf_make(64 << 20);
    assert_int_equal(
        sql_format_stream(result, &(struct sql_format_options){0}, gather, &none, NULL, NULL),
        ERR_TOO_LARGE);
    sql_result_close(result);
}

/* A type without a form is refused by name, with what to do. */
static void unknown_types_are_refused(void **state)
{
    (void)state;
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn, STR("SELECT 1::VARIANT AS v"), NULL, &result, &msg_));
    struct errmsg msg = {0};
    AUTO_BUF out = buf_make(1 << 20);
    assert_int_equal(
        sql_format_stream(result, &(struct sql_format_options){0}, gather, &out, NULL, &msg),
        ERR_UNSUPPORTED);
    assert_non_null(strstr(msg.text, "column v"));
    assert_non_null(strstr(msg.text, "cast it"));
    sql_result_close(result);
}

/* A negative interval in Parquet is a mistake of the question, answered in words that help. */
static void parquet_refuses_what_it_has_no_form_for(void **state)
{
    (void)state;
    AUTO_TEXT path = xasprintf("/tmp/tarn-test-%llx.parquet", (unsigned long long)os_random_u64());
    struct sql_answer answer = {0};
    struct errmsg msg = {0};
    assert_int_equal(sql_query_parquet(conn, STR("SELECT INTERVAL '-1 days' AS i"), NULL, 0, false,
                                       path, &answer, &msg),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(msg.text, "VARCHAR"));
    OK(sql_query_parquet(conn, STR("SELECT INTERVAL '1 days' AS i"), NULL, 0, false, path, &answer,
                         &msg));
    assert_int_equal(answer.rows, 1);
    OK(os_unlink(path, &msg_));
}

/* A Parquet answer holds the rows, also with parameters, a comment at the end and a limit. */
static void parquet_answer_holds_the_rows(void **state)
{
    (void)state;
    AUTO_TEXT path = xasprintf("/tmp/tarn-test-%llx.parquet", (unsigned long long)os_random_u64());
    AUTO_JSON params = json_pack("[i]", 10);
    struct sql_answer got = {0};
    OK(sql_query_parquet(conn,
                         STR("SELECT range AS n FROM range(100) WHERE range > $1 ORDER BY n -- x"),
                         params, 0, false, path, &got, &msg_));
    assert_int_equal(got.rows, 89);
    assert_false(got.is_truncated);
    OK(sql_query_parquet(conn, STR("SELECT range AS n FROM range(100) WHERE range > $1 ORDER BY n"),
                         params, 5, true, path, &got, &msg_));
    assert_int_equal(got.rows, 5);
    assert_true(got.is_truncated);
    AUTO_TEXT back = xasprintf("SELECT sum(n)::BIGINT FROM read_parquet('%s')", path);
    assert_int_equal(test_i64(conn, back), 11 + 12 + 13 + 14 + 15);
    OK(os_unlink(path, &msg_));
}

static err count_bytes(void *ctx, struct str bytes, struct errmsg *msg)
{
    (void)msg;
    *(uint64_t *)ctx += bytes.len;
    return ERR_OK;
}

/* Prints cells per second; at least a million are asked for. */
static void encoding_is_fast(void **state)
{
    (void)state;
    static const char *const names[] = {"JSON", "NDJSON", "CSV"};
    for (int format = SQL_FORMAT_JSON; format <= SQL_FORMAT_CSV; format++) {
        struct sql_result *result = NULL;
        OK(sql_query_stream(conn,
                            STR("SELECT range AS a, range / 7 AS b, 'text ' || range AS c, "
                                "to_timestamp(range) AS d FROM range(200000)"),
                            NULL, &result, &msg_));
        uint64_t bytes = 0;
        struct sql_answer got = {0};
        int64_t start_us = os_mono_us();
        OK(sql_format_stream(result,
                             &(struct sql_format_options){.format = (enum sql_format)format},
                             count_bytes, &bytes, &got, &msg_));
        double seconds = (double)(os_mono_us() - start_us) / 1e6;
        sql_result_close(result);
        assert_int_equal(got.rows, 200000);
        assert_int_equal(got.bytes, bytes);
        print_message("%s: %.1f million cells/s, %.0f MB/s\n", names[format], 0.8 / seconds,
                      (double)bytes / 1e6 / seconds);
    }
}

struct parts {
    int left;
    struct sql_result *part;
};

static err next_part(void *ctx, struct sql_result **out_result, struct errmsg *msg)
{
    struct parts *parts = ctx;
    sql_result_close(parts->part);
    parts->part = NULL;
    if (parts->left-- > 0) {
        TRY(sql_query_stream(conn, STR("SELECT 7 AS n, '=x' AS t"), NULL, &parts->part, msg));
    }
    *out_result = parts->part;
    return ERR_OK;
}

/* An answer goes on with the next result, and says what it is told about its rows. */
static void results_are_chained(void **state)
{
    (void)state;
    AUTO_BUF out = buf_make(1 << 16);
    const uint64_t rows = 99;
    struct parts parts = {.left = 3};
    struct sql_format_options options = {
        .row_count = &rows, .next = next_part, .next_ctx = &parts, .guard_formulas = true};
    struct sql_result *first = NULL;
    OK(next_part(&parts, &first, &msg_));
    OK(sql_format_stream(first, &options, gather, &out, NULL, &msg_));
    assert_non_null(strstr(buf_cstr(&out), "\"rows\":[[7,\"=x\"],[7,\"=x\"],[7,\"=x\"]],"
                                           "\"row_count\":99,"));
    buf_reset(&out);
    options.format = SQL_FORMAT_CSV;
    parts = (struct parts){.left = 2};
    OK(next_part(&parts, &first, &msg_));
    OK(sql_format_stream(first, &options, gather, &out, NULL, &msg_));
    assert_string_equal(buf_cstr(&out), "n,t\r\n7,'=x\r\n7,'=x\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_form),
        cmocka_unit_test(json_answer_has_its_shape),
        cmocka_unit_test(failing_writer_stops_the_query),
        cmocka_unit_test(huge_cells_go_out_in_pieces),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(parquet_refuses_what_it_has_no_form_for),
        cmocka_unit_test(parquet_answer_holds_the_rows),
        cmocka_unit_test(results_are_chained),
        cmocka_unit_test(encoding_is_fast),
    };
    return cmocka_run_group_tests(tests, open_conn, close_conn);
}
