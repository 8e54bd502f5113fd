/* SPDX-License-Identifier: MIT */
/* test_wire.c - messages between the processes survive the way, and bad ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "flow/wire.h"

static struct buf out_buf(void)
{
    return buf_make(WIRE_PAYLOAD_BYTES_MAX);
}

/* TOPICS and ENDS come out as they went in. */
static void topics_and_ends_survive(void **state)
{
    (void)state;
    AUTO_BUF out = out_buf();
    struct wire_topic items[] = {
        {STR("web.logs"), STR("web_logs"), STR("6f1e"), STR("/d/topics/web.logs"), 4},
        {STR("b"), STR("b"), STR("77"), STR("/d/topics/b"), 1},
    };
    wire_topics_encode(&(struct wire_topics){.items = items, .count = 2}, &out);
    struct wire_topics topics = {0};
    assert_int_equal(wire_topics_decode(buf_str(&out), &topics, NULL), ERR_OK);
    assert_int_equal(topics.count, 2);
    assert_true(str_is(topics.items[0].table, "web_logs"));
    assert_int_equal(topics.items[1].partition_count, 1);
    wire_topics_deinit(&topics);

    buf_reset(&out);
    int64_t ends[] = {1, 0, INT64_MAX};
    struct wire_topic_ends item = {STR("web.logs"), ends, 3};
    wire_ends_encode(&(struct wire_ends){.items = &item, .count = 1}, &out);
    struct wire_ends decoded = {0};
    assert_int_equal(wire_ends_decode(buf_str(&out), &decoded, NULL), ERR_OK);
    assert_int_equal(decoded.count, 1);
    assert_true(str_is(decoded.items[0].topic, "web.logs"));
    assert_int_equal(decoded.items[0].partition_count, 3);
    assert_true(decoded.items[0].ends[2] == INT64_MAX);
    wire_ends_deinit(&decoded);
}

/* Requests to the writer and their answer come out as they went in. */
static void requests_survive(void **state)
{
    (void)state;
    AUTO_BUF out = out_buf();
    int64_t ends[] = {7, 9};
    wire_flush_encode(&(struct wire_flush){STR("t"), ends, 2, NULL}, &out);
    struct wire_flush flush = {0};
    assert_int_equal(wire_flush_decode(buf_str(&out), &flush, NULL), ERR_OK);
    assert_true(flush.ends[1] == 9 && flush.partition_count == 2);
    wire_flush_deinit(&flush);

    buf_reset(&out);
    wire_drop_encode(&(struct wire_drop){STR("t"), true, ends, 2, NULL}, &out);
    struct wire_drop drop = {0};
    assert_int_equal(wire_drop_decode(buf_str(&out), &drop, NULL), ERR_OK);
    assert_true(drop.drop && drop.ends[0] == 7);
    wire_drop_deinit(&drop);

    buf_reset(&out);
    wire_flushed_encode(&(struct wire_flushed){12, -1}, &out);
    struct wire_flushed flushed = {0};
    assert_int_equal(wire_flushed_decode(buf_str(&out), &flushed, NULL), ERR_OK);
    assert_true(flushed.version == 12 && flushed.dead_version == -1);

    buf_reset(&out);
    wire_checkpoint_encode(&(struct wire_checkpoint){STR("t"), NULL}, &out);
    struct wire_checkpoint checkpoint = {0};
    assert_int_equal(wire_checkpoint_decode(buf_str(&out), &checkpoint, NULL), ERR_OK);
    assert_true(str_is(checkpoint.table, "t"));
    wire_checkpoint_deinit(&checkpoint);
}

/* PROGRESS and METRICS come out as they went in. */
static void progress_and_metrics_survive(void **state)
{
    (void)state;
    AUTO_BUF out = out_buf();
    int64_t committed[] = {5, 6};
    int64_t dead[] = {5, 0};
    struct wire_column column = {STR("a\"b"), STR("BIGINT")};
    struct str null_field = STR("n");
    struct wire_progress progress = {.topic = STR("t"),
                                     .table = STR("t"),
                                     .uuid = STR("u"),
                                     .state = STR("ok"),
                                     .detail = STR(""),
                                     .committed = committed,
                                     .dead_committed = dead,
                                     .partition_count = 2,
                                     .version = 3,
                                     .dead_version = -1,
                                     .columns = &column,
                                     .column_count = 1,
                                     .null_fields = &null_field,
                                     .null_field_count = 1,
                                     .rows = 11,
                                     .commit_took_us = 99};
    wire_progress_encode(&progress, &out);
    struct wire_progress back = {0};
    assert_int_equal(wire_progress_decode(buf_str(&out), &back, NULL), ERR_OK);
    assert_true(str_is(back.columns[0].name, "a\"b"));
    assert_true(str_is(back.null_fields[0], "n"));
    assert_true(back.version == 3 && back.dead_version == -1 && back.rows == 11);
    assert_true(back.commit_took_us == 99 && back.committed[1] == 6);
    wire_progress_deinit(&back);

    buf_reset(&out);
    metric_add(metric_get(METRIC_COUNTER, "tarn_wire_test_total", "topic=\"x\"", "help"), 5);
    wire_metrics_encode(1234, &out);
    struct wire_metrics metrics = {0};
    assert_int_equal(wire_metrics_decode(buf_str(&out), &metrics, NULL), ERR_OK);
    assert_int_equal(metrics.pss_bytes, 1234);
    assert_non_null(
        memmem(metrics.prometheus.ptr, metrics.prometheus.len, "tarn_wire_test_total", 20));
    assert_true(json_object_size(metrics.metrics) >= 1);
    wire_metrics_deinit(&metrics);
}

/* A query and everything that answers it come out as they went in. */
static void queries_survive(void **state)
{
    (void)state;
    AUTO_BUF out = out_buf();
    AUTO_JSON params = json_pack("[i,s]", 1, "x");
    struct wire_query query = {.sql = STR("SELECT 'ä'"),
                               .format = STR("json"),
                               .params = params,
                               .limit = 10,
                               .timeout_ms = 5,
                               .int64_as_string = true,
                               .credit_bytes = 1 << 20};
    wire_query_encode(&query, &out);
    struct wire_query back = {0};
    assert_int_equal(wire_query_decode(buf_str(&out), &back, NULL), ERR_OK);
    assert_true(str_eq(back.sql, query.sql) && back.int64_as_string && back.limit == 10);
    assert_true(json_equal(back.params, params));
    assert_int_equal(back.purpose.len, 0);
    wire_query_deinit(&back);

    AUTO_JSON filters = json_pack("[s]", "a:eq:1");
    struct wire_query window = {.sql = STR(""),
                                .format = STR("json"),
                                .purpose = STR("window"),
                                .result = STR("0123"),
                                .sort = STR("-a"),
                                .filters = filters,
                                .offset = 7,
                                .limit_shown = 9,
                                .guard_formulas = true};
    buf_reset(&out);
    wire_query_encode(&window, &out);
    assert_int_equal(wire_query_decode(buf_str(&out), &back, NULL), ERR_OK);
    assert_true(str_is(back.purpose, "window") && str_is(back.result, "0123"));
    assert_true(str_is(back.sort, "-a") && json_equal(back.filters, filters));
    assert_true(back.offset == 7 && back.limit_shown == 9 && back.guard_formulas);
    assert_true(wire_query_is_light(&back) && !wire_query_is_light(&query));
    wire_query_deinit(&back);

    buf_reset(&out);
    wire_credit_encode(77, &out);
    uint64_t bytes = 0;
    assert_int_equal(wire_credit_decode(buf_str(&out), &bytes, NULL), ERR_OK);
    assert_int_equal(bytes, 77);

    buf_reset(&out);
    wire_head_encode(&(struct wire_head){STR("text/csv"), NULL}, &out);
    struct wire_head head = {0};
    assert_int_equal(wire_head_decode(buf_str(&out), &head, NULL), ERR_OK);
    assert_true(str_is(head.content_type, "text/csv"));
    wire_head_deinit(&head);

    buf_reset(&out);
    wire_done_encode(&(struct wire_done){3, true, 1900}, &out);
    struct wire_done done = {0};
    assert_int_equal(wire_done_decode(buf_str(&out), &done, NULL), ERR_OK);
    assert_true(done.rows == 3 && done.truncated && done.elapsed_us == 1900);

    buf_reset(&out);
    wire_query_progress_encode(&(struct wire_query_progress){12.5, 4}, &out);
    struct wire_query_progress percent = {0};
    assert_int_equal(wire_query_progress_decode(buf_str(&out), &percent, NULL), ERR_OK);
    assert_true(percent.percent > 12 && percent.percent < 13 && percent.rows == 4);
}

/* The detail of an error may hold any bytes; what arrives is text. */
static void error_detail_becomes_text(void **state)
{
    (void)state;
    AUTO_BUF out = out_buf();
    wire_error_encode(&(struct wire_error){STR("sql_error"), STR("bad \xff\x01 byte"), 7, NULL},
                      &out);
    struct wire_error error = {0};
    assert_int_equal(wire_error_decode(buf_str(&out), &error, NULL), ERR_OK);
    assert_int_equal(error.position, 7);
    assert_true(str_is_utf8(error.detail) && str_starts(error.detail, STR("bad ")));
    wire_error_deinit(&error);
}

/* What is not exactly such a message is refused, and nothing leaks. */
static void bad_messages_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"topics\":{}}",
        "{\"topics\":[1]}",
        "{\"topics\":[{\"name\":\"a\",\"table\":\"a\",\"uuid\":\"u\",\"dir\":\"d\","
        "\"partitions\":0}]}",
        "{\"topics\":[{\"name\":\"a\",\"table\":\"a\",\"uuid\":\"u\",\"dir\":\"d\","
        "\"partitions\":1e9}]}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct wire_topics topics = {0};
        assert_int_not_equal(wire_topics_decode(str_from(bad[i]), &topics, NULL), ERR_OK);
        assert_null(topics.items);
    }
    static const char *const bad_ends[] = {"{\"a\":1}", "{\"a\":[-1]}", "{\"a\":[1.5]}",
                                           "{\"a\":[\"1\"]}", "{\"ok\":[1],\"a\":[null]}"};
    for (size_t i = 0; i < ARRAY_LEN(bad_ends); i++) {
        struct wire_ends ends = {0};
        assert_int_not_equal(wire_ends_decode(str_from(bad_ends[i]), &ends, NULL), ERR_OK);
    }
    struct wire_query query = {0};
    assert_int_not_equal(wire_query_decode(STR("{\"sql\":\"x\",\"format\":\"json\",\"limit\":-1,"
                                               "\"credit_bytes\":1}"),
                                           &query, NULL),
                         ERR_OK);
    uint64_t bytes = 0;
    assert_int_not_equal(wire_credit_decode(STR("{\"bytes\":-1}"), &bytes, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_and_ends_survive),      cmocka_unit_test(requests_survive),
        cmocka_unit_test(progress_and_metrics_survive), cmocka_unit_test(queries_survive),
        cmocka_unit_test(error_detail_becomes_text),    cmocka_unit_test(bad_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
