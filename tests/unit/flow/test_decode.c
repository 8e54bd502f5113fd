/* SPDX-License-Identifier: MIT */
/* test_decode.c - from record to row. */
#include "decode_test.h"

static const struct event_column typed[] = {
    {STR("flag"), COL_BOOLEAN, false},   {STR("n"), COL_BIGINT, false},
    {STR("small"), COL_INTEGER, false},  {STR("x"), COL_DOUBLE, false},
    {STR("at"), COL_TIMESTAMPTZ, false}, {STR("day"), COL_DATE, false},
    {STR("s"), COL_VARCHAR, false},
};

/* A value written into a column, and what is stored there. */
static const struct {
    const char *column;
    const char *value;
    const char *stored; /* NULL: does not fit */
} fit_cases[] = {
    {"flag", "true", "true"},
    {"flag", "false", "false"},
    {"flag", "1", NULL},
    {"flag", "\"true\"", NULL},
    {"n", "0", "0"},
    {"n", "-0", "0"},
    {"n", "9223372036854775807", "9223372036854775807"},
    {"n", "-9223372036854775808", "-9223372036854775808"},
    {"n", "9223372036854775808", NULL},
    {"n", "-9223372036854775809", NULL},
    {"n", "99999999999999999999", NULL},
    {"n", "100000000000000000000", NULL},
    {"n", "1.0", "1"},
    {"n", "-0.0", "0"},
    {"n", "1e3", "1000"},
    {"n", "-12.50e1", "-125"},
    {"n", "9223372036854775807.0", "9223372036854775807"},
    {"n", "-9223372036854775.808e3", "-9223372036854775808"},
    {"n", "9223372036854775808.0", NULL},
    {"n", "1e18", "1000000000000000000"},
    {"n", "1e19", NULL},
    {"n", "1e999999999", NULL},
    {"n", "0e999999999", "0"},
    {"n", "0.0e-999999999", "0"},
    {"n", "1.5", NULL},
    {"n", "1e-1", NULL},
    {"n", "1e-999999999", NULL},
    {"n", "1.00000000000000000000000000001", NULL},
    {"small", "2.0", "2"},
    {"small", "3e9", NULL},
    {"n", "\"1\"", NULL},
    {"n", "true", NULL},
    {"n", "[1]", NULL},
    {"small", "2147483647", "2147483647"},
    {"small", "-2147483648", "-2147483648"},
    {"small", "2147483648", NULL},
    {"x", "1.5", "1.5"},
    {"x", "0.1", "0.10000000000000001"},
    {"x", "3", "3"},
    {"x", "-0.0", "-0"},
    {"x", "1e400", NULL},
    {"x", "-1e400", NULL},
    {"x", "1e-400", NULL},
    {"x", "0e-400", "0"},
    {"x", "4.9e-324", "4.9406564584124654e-324"},
    {"x", "1.7976931348623157e308", "1.7976931348623157e+308"},
    {"x", "9007199254740992", "9007199254740992"},
    {"x", "9007199254740993", NULL},
    {"x", "9007199254740994", "9007199254740994"},
    {"x", "9223372036854775807", NULL},
    {"x", "9223372036854775808", "9.2233720368547758e+18"},
    {"x", "100000000000000000000", "1e+20"},
    {"x", "100000000000000000001", NULL},
    {"x", "123456789.123456789123456789", "123456789.12345679"},
    {"x", "\"1.5\"", NULL},
    {"at", "\"2026-11-20T12:34:56Z\"", "2026-11-20T12:34:56Z"},
    {"at", "\"2026-11-20T12:34:56.789+02:00\"", "2026-11-20T10:34:56.789Z"},
    {"at", "\"2026-11-20 12:34:56\"", "2026-11-20T12:34:56Z"},
    {"at", "\"2026\\u002d11-20T12:34:56Z\"", "2026-11-20T12:34:56Z"},
    {"at", "\"2026-11-20\"", NULL},
    {"at", "\"1700000000\"", NULL},
    {"at", "1700000000", NULL},
    {"at", "\"\"", NULL},
    {"day", "\"2026-11-20\"", "2026-11-20"},
    {"day", "\"2026-02-29\"", NULL},
    {"s", "\"text\"", "text"},
    {"s", "\"\"", ""},
    {"s", "\"a text that is longer than twelve bytes\"", "a text that is longer than twelve bytes"},
    {"s", "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"",
     "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"s", "1.0", "1.0"},
    {"s", "1e400", "1e400"},
    {"s", "true", "true"},
    {"s", "{ \"a\" : [1, \"x\\n\"] }", "{ \"a\" : [1, \"x\\n\"] }"},
    {"s", "[]", "[]"},
    {"s", "\"\\ud800\"", NULL},
    {"s", "\"\\udc00\\ud800\"", NULL},
    {"s", "\"\\ud800\\ud800\"", NULL},
    {"s", "\"\\ud800x\"", NULL},
};

/* Each type takes exactly the values it holds without loss; the rest is null and rescued as
 * written. */
static void values_fit_or_are_rescued(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    for (size_t i = 0; i < ARRAY_LEN(fit_cases); i++) {
        AUTO_BUF json = buf_make(4096);
        AUTO_BUF names = buf_make(4096);
        AUTO_BUF wanted = buf_make(4096);
        (void)buf_printf(&json, "{\"%s\": %s }", fit_cases[i].column, fit_cases[i].value);
        (void)buf_printf(&names, "%s,_rescued", fit_cases[i].column);
        if (fit_cases[i].stored != NULL) {
            (void)buf_printf(&wanted, "%s null", fit_cases[i].stored);
        } else {
            (void)buf_printf(&wanted, "null {\"%s\":%s}", fit_cases[i].column, fit_cases[i].value);
        }
        check(&r, buf_cstr(&json), buf_cstr(&names), buf_cstr(&wanted));
    }
    rig_close(&r);
}

/* null and missing fields are null; unknown, reserved, forbidden and other-case names are rescued
 * unless null; of duplicates only the last counts. */
static void rows_follow_the_rules(void **unused)
{
    (void)unused;
    static const struct {
        const char *json;
        const char *row; /* n s _rescued */
    } cases[] = {
        {"{}", "null null null"},
        {"{\"n\":null,\"s\":null}", "null null null"},
        {"{\"n\":1,\"s\":\"a\"}", "1 a null"},
        {"{\"s\":\"a\",\"n\":1}", "1 a null"},
        {" { \"n\" : 1 , \"s\" : \"a\" } ", "1 a null"},
        {"{\"\\u006e\":1}", "1 null null"},
        {"{\"N\":1}", "null null {\"N\":1}"},
        {"{\"_time\":1,\"_key\":\"k\"}", "null null {\"_time\":1,\"_key\":\"k\"}"},
        {"{\"a b\":[1, 2]}", "null null {\"a b\":[1, 2]}"},
        {"{\"new\":1}", "null null {\"new\":1}"},
        {"{\"new\":null,\"a b\":null,\"N\":null}", "null null null"},
        {"{\"a\\\"\\n\":1}", "null null {\"a\\\"\\n\":1}"},
        {"{\"\\ud800\":1}", "null null {\"\\ud800\":1}"},
        {"{\"\\ud800\":1,\"\\ud800\":2,\"\\\\ud800\":3}",
         "null null {\"\\ud800\":2,\"\\\\ud800\":3}"},
        {"{\"n\":1,\"n\":2}", "2 null null"},
        {"{\"n\":1,\"\\u006e\":2}", "2 null null"},
        {"{\"n\":\"x\",\"n\":2}", "2 null null"},
        {"{\"n\":1,\"n\":\"x\"}", "null null {\"n\":\"x\"}"},
        {"{\"n\":1,\"n\":null}", "null null null"},
        {"{\"n\":null,\"n\":1}", "1 null null"},
        {"{\"n\":\"x\",\"n\":\"y\"}", "null null {\"n\":\"y\"}"},
        {"{\"n\":\"x\",\"n\":null}", "null null null"},
        {"{\"u\":1,\"u\":2,\"v\":3,\"u\":4}", "null null {\"v\":3,\"u\":4}"},
        {"{\"u\":1,\"u\":null}", "null null null"},
        {"{\"s\":\"first value, a long one\",\"s\":\"b\"}", "null b null"},
    };
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&r, cases[i].json, "n,s,_rescued", cases[i].row);
    }
    rig_close(&r);
}

/* A record that is no JSON object is dead, with the reason; one without a value is `empty`. */
static void dead_records_say_why(void **unused)
{
    (void)unused;
    static const struct {
        const char *value;
        const char *wanted;
    } cases[] = {
        {"", "dead: empty"},
        {"  ", "dead: empty"},
        {"x", "dead: invalid_json"},
        {"{\"n\":1", "dead: invalid_json"},
        {"[1]", "dead: not_an_object"},
        {"{\"n\":\"\xff\"}", "dead: invalid_utf8"},
        {"{\"n\":1,}", "dead: invalid_json"},
        {"{\"n\":1}", "1"},
    };
    struct rig r;
    struct decode_options options = {.infer = true};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&r, cases[i].value, "n", cases[i].wanted);
    }
    AUTO_BUF deep = buf_make(1 << 16);
    (void)buf_puts(&deep, "{\"n\":");
    for (int i = 0; i < 1000; i++) {
        (void)buf_add_byte(&deep, '[');
    }
    check(&r, buf_cstr(&deep), "n", "dead: too_deep");
    struct record none = {.offset = 1};
    assert_string_equal(row_text(&r, &none, "n"), "dead: empty");
    rig_close(&r);
}

/* The header that the door writes makes a dead letter of any bytes, with the code and the detail of
 * the header; a code that is unknown here is `refused`, a detail that is no text is replaced. */
static void a_header_says_dead(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        struct str header; /* ptr NULL: a null value */
        const char *wanted;
        const char *detail;
    } cases[] = {
        {"tarn-dead", STR("bad_line\nno closing quote\nin it"), "dead: bad_line",
         "no closing quote\nin it"},
        {"tarn-dead", STR("schema\n/n: not an integer"), "dead: schema", "/n: not an integer"},
        {"tarn-dead", STR("invalid_json"), "dead: invalid_json", "the text is not JSON"},
        {"tarn-dead", STR("schema\n\xff"), "dead: schema", "the event breaks the topic's schema"},
        {"tarn-dead", STR("schema\na\0b"), "dead: schema", "the event breaks the topic's schema"},
        {"tarn-dead", STR("of_tomorrow\nwhy"), "dead: refused", "of_tomorrow\nwhy"},
        {"tarn-dead", STR("ok\nwhy"), "dead: refused", "ok\nwhy"},
        {"tarn-dead", STR(""), "dead: refused", NULL},
        {"tarn-dead", {NULL, 0}, "dead: refused", NULL},
        {"tarn-live", STR("bad_line\nx"), "1", NULL},
    };
    struct rig r;
    struct decode_options options = {.infer = true};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF out = buf_make(1 << 16);
        struct batch_builder b;
        struct batch_iter it;
        struct str batch;
        err e = ERR_OK;
        struct record record = record_of(STR("{\"n\":1}"));
        struct record_header header = {.key = str_from(cases[i].name),
                                       .has_value = cases[i].header.ptr != NULL,
                                       .value = cases[i].header};
        batch_builder_begin(&b, &out, record.timestamp_ms, -1, -1, -1);
        assert_true(batch_builder_add_record(&b, &record, &header, 1));
        assert_int_equal(batch_builder_finish(&b, &batch), ERR_OK);
        assert_int_equal(batch_iter_init(&it, batch, NULL), ERR_OK);
        assert_true(batch_iter_next(&it, &record, &e));
        assert_string_equal(row_text(&r, &record, "n"), cases[i].wanted);
        enum event_code reason = EVENT_OK;
        struct errmsg detail = {0};
        (void)decode_judge(r.decoder, &record, &reason, &detail); /* row_text() compared it */
        if (cases[i].detail != NULL) {
            assert_string_equal(detail.text, cases[i].detail);
        }
    }
    rig_close(&r);
}

/* What a dead record did to its row's nulls and to inference is undone. */
static void dead_records_leave_no_trace(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {.infer = true};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    enum event_code reason = EVENT_OK;
    struct record dead = record_of(STR("{\"n\":null,\"s\":1,\"u\":\"text\",\"x\":null,}"));
    struct record good = record_of(STR("{\"n\":7,\"s\":\"a\",\"u\":1,\"x\":2.5}"));
    assert_int_equal(decode_row(r.decoder, &dead, 0, r.block.cols, 0, &reason, NULL), DECODE_DEAD);
    assert_int_equal(decode_row(r.decoder, &good, 0, r.block.cols, 0, &reason, NULL), DECODE_ROW);
    assert_int_equal(decode_row(r.decoder, &dead, 0, r.block.cols, 1, &reason, NULL), DECODE_DEAD);
    assert_false(col_is_null(&r.block.cols[1], 0));
    assert_false(col_is_null(&r.block.cols[3], 0));
    AUTO(infer) x = NULL;
    const struct infer_field *fields = NULL;
    assert_int_equal(infer_new(r.schema, &x), ERR_OK);
    assert_int_equal(decoder_infer(r.decoder, x), ERR_OK);
    assert_int_equal(infer_fields(x, &fields), 1);
    assert_int_equal(fields[0].flags, INFER_INT64);
    struct decode_counts counts = decoder_counts(r.decoder);
    assert_int_equal(counts.rows, 1);
    assert_int_equal(counts.dead, 2);
    assert_int_equal(counts.rescued_rows, 1);
    assert_int_equal(counts.misfits[6], 0);
    rig_close(&r);
}

/* `_time` is the first well-known field that parses, `_date` its date unless it is far off. */
static void event_times(void **unused)
{
    (void)unused;
    static const struct {
        const char *json;
        const char *row; /* _time _date */
    } cases[] = {
        {"{}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"timestamp\":\"2026-10-01T00:00:00.001Z\"}", "2026-10-01T00:00:00.001Z 2026-10-01"},
        {"{\"@timestamp\":\"2026-10-01T23:59:59+14:00\"}", "2026-10-01T09:59:59Z 2026-10-01"},
        {"{\"time\":\"2026-10-01T00:00:00\"}", "2026-10-01T00:00:00Z 2026-10-01"},
        {"{\"ts\":1700000000}", "2023-11-14T22:13:20Z 2023-11-14"},
        {"{\"ts\":1700000000123}", "2023-11-14T22:13:20.123Z 2023-11-14"},
        {"{\"ts\":1700000000123456}", "2023-11-14T22:13:20.123456Z 2023-11-14"},
        {"{\"ts\":1700000000123456789}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"ts\":1700000000.5}", "2023-11-14T22:13:20.500Z 2023-11-14"},
        {"{\"ts\":1.7e9}", "2023-11-14T22:13:20Z 2023-11-14"},
        {"{\"ts\":1700000000.1234567}", "2023-11-14T22:13:20.123456Z 2023-11-14"},
        {"{\"ts\":\"1700000000\"}", "2023-11-14T22:13:20Z 2023-11-14"},
        {"{\"ts\":\"1700000000123.5\"}", "2023-11-14T22:13:20.123500Z 2023-11-14"},
        {"{\"ts\":99999999}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"ts\":100000000}", "1973-03-03T09:46:40Z 1973-03-03"},
        {"{\"ts\":-1700000000}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"ts\":true}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"ts\":\"yesterday\"}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"ts\":null}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"TS\":1700000000}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"event_time\":\"2026-10-05T00:00:00Z\",\"ts\":\"2026-10-04T00:00:00Z\","
         "\"time\":\"2026-10-03T00:00:00Z\",\"@timestamp\":\"2026-10-02T00:00:00Z\","
         "\"timestamp\":\"2026-10-01T00:00:00Z\"}",
         "2026-10-01T00:00:00Z 2026-10-01"},
        {"{\"timestamp\":\"no\",\"event_time\":\"2026-10-05T00:00:00Z\",\"time\":\"12:00\"}",
         "2026-10-05T00:00:00Z 2026-10-05"},
        {"{\"timestamp\":\"2026-10-01T00:00:00Z\",\"timestamp\":\"no\",\"ts\":1700000000}",
         "2023-11-14T22:13:20Z 2023-11-14"},
        {"{\"timestamp\":\"1969-12-31T23:59:59Z\"}", "1969-12-31T23:59:59Z 2027-01-15"},
        {"{\"timestamp\":\"1970-01-01T00:00:00Z\"}", "1970-01-01T00:00:00Z 1970-01-01"},
        {"{\"timestamp\":\"2027-01-16T08:00:00Z\"}", "2027-01-16T08:00:00Z 2027-01-16"},
        {"{\"timestamp\":\"2027-01-16T08:00:00.000001Z\"}",
         "2027-01-16T08:00:00.000001Z 2027-01-15"},
        {"{\"timestamp\":\"0001-01-01T00:00:00+01:00\"}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"timestamp\":\"2027-02-30T00:00:00Z\"}", "2027-01-15T08:00:00Z 2027-01-15"},
        {"{\"a\":{\"timestamp\":\"2026-10-01T00:00:00Z\"}}", "2027-01-15T08:00:00Z 2027-01-15"},
    };
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&r, cases[i].json, "_time,_date", cases[i].row);
    }
    rig_close(&r);
    options.time_field = STR("x");
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    check(&r, "{\"x\":35}", "_time,_date,x", "1970-01-01T00:00:35Z 1970-01-01 35");
    check(&r, "{\"x\":-1.5}", "_time,_date", "1969-12-31T23:59:58.500Z 2027-01-15");
    check(&r, "{\"timestamp\":\"2026-10-01T00:00:00Z\"}", "_time", "2027-01-15T08:00:00Z");
    rig_close(&r);
}

/* The system columns say where a record lies, and its key; a key that is no text is rescued. */
static void system_columns(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, typed, 1, &options);
    struct record record = record_of(STR("{\"flag\":true}"));
    const char *names = "_partition,_offset,_timestamp,_key,_rescued";
    assert_string_equal(row_text(&r, &record, names), "3 42 2027-01-15T08:00:00Z null null");
    record.has_key = true;
    record.key = STR("caf\xc3\xa9 au lait");
    assert_string_equal(row_text(&r, &record, names),
                        "3 42 2027-01-15T08:00:00Z caf\xc3\xa9 au lait null");
    record.key = STR("");
    assert_string_equal(row_text(&r, &record, names), "3 42 2027-01-15T08:00:00Z  null");
    record.key = STR("\x01\xff");
    assert_string_equal(row_text(&r, &record, names),
                        "3 42 2027-01-15T08:00:00Z null {\"_key\":\"01ff\"}");
    record.value = STR("{\"_key\":1}");
    assert_string_equal(row_text(&r, &record, names),
                        "3 42 2027-01-15T08:00:00Z null {\"_key\":1}");
    record.timestamp_ms = INT64_MAX;
    assert_string_equal(row_text(&r, &record, "_timestamp"), "9999-12-31T23:59:59.999Z");
    rig_close(&r);
}

/* Only the projected columns are written, in the order asked for; the verdict stays the same. */
static void projection(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    const uint32_t wanted[] = {ARRAY_LEN(typed) + EVENT_SYS_OFFSET, 6, 1};
    const struct col_def defs[] = {{"_offset", COL_BIGINT}, {"s", COL_VARCHAR}, {"n", COL_BIGINT}};
    struct col_block block;
    enum event_code reason = EVENT_OK;
    assert_int_equal(col_block_init(&block, defs, 3, 1 << 16), ERR_OK);
    decoder_project(r.decoder, wanted, 3);
    struct record record = record_of(STR("{\"x\":\"misfit\",\"n\":5,\"u\":1}"));
    assert_int_equal(decode_row(r.decoder, &record, 0, block.cols, 0, &reason, NULL), DECODE_ROW);
    assert_int_equal(((int64_t *)block.cols[0].data)[0], 42);
    assert_true(col_is_null(&block.cols[1], 0));
    assert_int_equal(((int64_t *)block.cols[2].data)[0], 5);
    decoder_project(r.decoder, NULL, 0);
    assert_int_equal(decode_row(r.decoder, &record, 0, NULL, 0, &reason, NULL), DECODE_ROW);
    col_block_deinit(&block);
    rig_close(&r);
}

static void infer_text(struct decoder *d, struct event_schema *base, struct buf *out)
{
    AUTO(infer) x = NULL;
    const struct infer_field *fields = NULL;
    assert_int_equal(infer_new(base, &x), ERR_OK);
    assert_int_equal(decoder_infer(d, x), ERR_OK);
    size_t count = infer_fields(x, &fields);
    buf_reset(out);
    for (size_t i = 0; i < count; i++) {
        (void)buf_printf(out, "%.*s:%x ", STR_ARGS(fields[i].name), fields[i].flags);
    }
}

/* Unknown fields and provisional columns are noted with the kinds of their values; committed ones
 * and names that cannot be columns are not. */
static void unknown_fields_are_noted(void **unused)
{
    (void)unused;
    const struct event_column columns[] = {{STR("n"), COL_BIGINT, false}};
    const struct event_column derived[] = {{STR("n"), COL_BIGINT, false},
                                           {STR("p"), COL_BIGINT, true}};
    struct event_schema *base = NULL;
    struct rig r;
    struct decode_options options = {.infer = true};
    AUTO_BUF out = buf_make(1 << 20);
    assert_int_equal(event_schema_new(columns, 1, NULL, 0, &base, NULL), ERR_OK);
    rig_open(&r, derived, 2, &options);
    check(&r, "{\"n\":\"x\",\"p\":1,\"u\":true,\"N\":1,\"a b\":2}", "n,p,_rescued",
          "null 1 {\"n\":\"x\",\"u\":true,\"N\":1,\"a b\":2}");
    check(&r, "{\"p\":1.5,\"u\":null,\"P\":1,\"v\":\"2026-10-01T00:00:00Z\"}", "p", "null");
    check(&r,
          "{\"w\":1,\"w\":\"x\",\"big\":9223372036854775808,\"wide\":9007199254740993,"
          "\"huge\":123456789012345678901,\"o\":{},\"esc\":\"\\u0041\"}",
          "n", "null");
    infer_text(r.decoder, base, &out);
    assert_string_equal(buf_cstr(&out), "P:4 big:10 esc:80 huge:20 o:100 u:3 v:40 w:80 wide:8 ");
    infer_text(r.decoder, base, &out);
    assert_string_equal(buf_cstr(&out), "");
    event_schema_unref(base);
    rig_close(&r);
}

/* Records with ever new names need no more memory, and what is inferred from them is the same as
 * from a decoder that forgets nothing. */
static void many_names_are_forgotten(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {.infer = true};
    rig_open(&r, NULL, 0, &options);
    AUTO(infer) direct = NULL;
    AUTO_BUF json = buf_make(1 << 20);
    AUTO_BUF out = buf_make(1 << 20);
    AUTO_BUF wanted = buf_make(1 << 20);
    enum event_code reason = EVENT_OK;
    assert_int_equal(infer_new(r.schema, &direct), ERR_OK);
    for (unsigned i = 0; i < 20000; i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "f%u", i * 7919 % 20000);
        assert_int_equal(infer_note(direct, str_from(name), i % 2 ? INFER_INT64 : INFER_TEXT),
                         ERR_OK);
        buf_reset(&json);
        (void)buf_printf(&json, "{\"%s\":%s}", name, i % 2 ? "1" : "\"x\"");
        struct record record = record_of(buf_str(&json));
        assert_int_equal(decode_row(r.decoder, &record, 0, NULL, 0, &reason, NULL), DECODE_ROW);
    }
    infer_text(r.decoder, r.schema, &out);
    const struct infer_field *fields = NULL;
    size_t count = infer_fields(direct, &fields);
    assert_int_equal(count, 1000);
    for (size_t i = 0; i < count; i++) {
        (void)buf_printf(&wanted, "%.*s:%x ", STR_ARGS(fields[i].name), fields[i].flags);
    }
    assert_true(str_eq(buf_str(&out), buf_str(&wanted)));
    rig_close(&r);
}

/* The row of a record, its verdict and what is noted are the same whatever was decoded before it:
 * guessing where fields go changes nothing. */
static void history_does_not_matter(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    const struct event_column columns[] = {
        {STR("a"), COL_BIGINT, false},          {STR("b"), COL_VARCHAR, false},
        {STR("c"), COL_DOUBLE, true},           {STR("time"), COL_TIMESTAMPTZ, false},
        {STR("d\xc3\xa9"), COL_BOOLEAN, false}, {STR("n1"), COL_VARCHAR, true}};
    const char *names =
        "a,b,c,time,d\xc3\xa9,n1,_time,_date,_partition,_offset,_timestamp,_key,_rescued";
    struct rig used;
    struct decode_options options = {.infer = true};
    rig_open(&used, columns, ARRAY_LEN(columns), &options);
    struct event_schema *base = NULL;
    assert_int_equal(event_schema_new(columns, 2, NULL, 0, &base, NULL), ERR_OK);
    AUTO_BUF json = buf_make(1 << 20);
    AUTO_BUF x = buf_make(1 << 20);
    AUTO_BUF y = buf_make(1 << 20);
    size_t rows = 0;
    for (size_t i = 0; i < 20000; i++) {
        buf_reset(&json);
        test_random_object(&state, &json);
        if (i % 3 == 0) {
            test_mutate(&state, &json);
        }
        struct rig fresh;
        rig_open(&fresh, columns, ARRAY_LEN(columns), &options);
        struct record record = record_of(buf_str(&json));
        const char *a = row_text(&used, &record, names);
        const char *b = row_text(&fresh, &record, names);
        if (!str_eq(buf_str(&used.text), buf_str(&fresh.text))) {
            fail_msg("%.*s: \"%s\" after others, \"%s\" alone", STR_ARGS(record.value), a, b);
        }
        rows += strncmp(a, "dead", 4) != 0;
        infer_text(used.decoder, base, &x);
        infer_text(fresh.decoder, base, &y);
        assert_true(str_eq(buf_str(&x), buf_str(&y)));
        rig_close(&fresh);
    }
    print_message("%zu of 20000 were rows\n", rows);
    assert_true(rows > 10000);
    event_schema_unref(base);
    rig_close(&used);
}

/* The fast way to read times equals base/timefmt on every text, within years 1 to 9999. */
static void fast_times_equal_the_reference(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (size_t i = 0; i < 500000; i++) {
        char text[64];
        int len = snprintf(text, sizeof(text), "%04u-%02u-%02u%c%02u:%02u:%02u",
                           (unsigned)test_below(&state, 10000), (unsigned)test_below(&state, 14),
                           (unsigned)test_below(&state, 33), "TTTTt "[test_below(&state, 6)],
                           (unsigned)test_below(&state, 25), (unsigned)test_below(&state, 61),
                           (unsigned)test_below(&state, 61));
        size_t digits = test_below(&state, 10);
        if (digits > 0) {
            text[len++] = '.';
        }
        for (size_t j = 1; j < digits; j++) {
            text[len++] = (char)('0' + test_below(&state, 10));
        }
        static const char *const zones[] = {"Z", "Z", "", "z", "+01:00", "-23:59", "+0100", "ZZ"};
        const char *zone = zones[test_below(&state, ARRAY_LEN(zones))];
        memcpy(text + len, zone, strlen(zone));
        len += (int)strlen(zone);
        if (test_below(&state, 4) == 0) {
            text[test_below(&state, (size_t)len)] = "0:-TZ.x9"[test_below(&state, 8)];
        }
        int64_t fast = 0;
        int64_t slow = 0;
        bool a = decode_time_text(str_of(text, (size_t)len), &fast);
        bool b = time_parse_rfc3339(str_of(text, (size_t)len), &slow) &&
                 slow >= INT64_C(-62135596800000000) && slow <= INT64_C(253402300799999999);
        if (a != b || (a && fast != slow)) {
            fail_msg("%.*s", len, text);
        }
    }
}

/* A row of the dead-letter table holds the original bytes, the reason and the place. */
static void dead_rows(void **unused)
{
    (void)unused;
    struct col_block block;
    struct buf out = buf_make(1 << 16);
    uint32_t all[EVENT_DEAD_COUNT];
    for (uint32_t i = 0; i < EVENT_DEAD_COUNT; i++) {
        all[i] = i;
    }
    assert_int_equal(col_block_init(&block, event_dead_columns(), EVENT_DEAD_COUNT, 1 << 16),
                     ERR_OK);
    struct errmsg detail = {"expected ':'"};
    struct record record = record_of(STR("\xff not JSON at all"));
    struct record empty = {.offset = 43, .timestamp_ms = 0, .has_key = true, .key = STR("k")};
    decode_dead_row(&record, 3, EVENT_INVALID_JSON, &detail, all, EVENT_DEAD_COUNT, block.cols, 0);
    decode_dead_row(&empty, 3, EVENT_EMPTY, &detail, all, EVENT_DEAD_COUNT, block.cols, 1);
    for (size_t row = 0; row < 2; row++) {
        for (size_t i = 0; i < EVENT_DEAD_COUNT; i++) {
            add_value(&out, &block.cols[i], row);
            (void)buf_puts(&out, i + 1 < EVENT_DEAD_COUNT ? "|" : "\n");
        }
    }
    assert_string_equal(buf_cstr(&out),
                        "invalid_json|expected ':'|\xff not JSON at all|null|2027-01-15|3|42|"
                        "2027-01-15T08:00:00Z\n"
                        "empty|expected ':'|null|k|1970-01-01|3|43|1970-01-01T00:00:00Z\n");
    col_block_deinit(&block);
    buf_deinit(&out);
}

/* A record of a hundred thousand names and one with a field twice on either side of them decode,
 * in time that is not quadratic. */
static void wide_records(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {.infer = true};
    rig_open(&r, typed, ARRAY_LEN(typed), &options);
    AUTO_BUF json = buf_make(1 << 24);
    (void)buf_puts(&json, "{\"n\":1");
    for (int i = 0; i < 100000; i++) {
        (void)buf_printf(&json, ",\"field%d\":%d", i, i);
    }
    (void)buf_puts(&json, ",\"n\":2,\"field7\":null}");
    for (int i = 0; i < 3; i++) {
        check(&r, buf_cstr(&json), "n,_partition", "2 3");
    }
    check(&r, "{\"n\":1}", "n,_rescued", "1 null");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_fit_or_are_rescued),
        cmocka_unit_test(rows_follow_the_rules),
        cmocka_unit_test(dead_records_say_why),
        cmocka_unit_test(a_header_says_dead),
        cmocka_unit_test(dead_records_leave_no_trace),
        cmocka_unit_test(event_times),
        cmocka_unit_test(system_columns),
        cmocka_unit_test(projection),
        cmocka_unit_test(unknown_fields_are_noted),
        cmocka_unit_test(many_names_are_forgotten),
        cmocka_unit_test(history_does_not_matter),
        cmocka_unit_test(fast_times_equal_the_reference),
        cmocka_unit_test(dead_rows),
        cmocka_unit_test(wide_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
