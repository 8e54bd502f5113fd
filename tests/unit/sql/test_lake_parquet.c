/* SPDX-License-Identifier: MIT */
/* test_lake_parquet.c - checkpoints as Parquet by DuckDB, seen through lake/parquet.h. */
#include "sql/lake_parquet.h"

#include "os/clock.h"
#include "os/file.h"
#include "sql_test.h"

static const struct {
    enum lake_action_kind kind;
    const char *json;
} actions[] = {
    {LAKE_PROTOCOL, "{\"minReaderVersion\":1,\"minWriterVersion\":2}"},
    {LAKE_METADATA,
     "{\"id\":\"u\",\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":\"{}\","
     "\"partitionColumns\":[\"_date\"],\"configuration\":{\"a.b\":\"c\\\"d\"},\"createdTime\":7}"},
    {LAKE_TXN, "{\"appId\":\"t/0\",\"version\":9007199254740993,\"lastUpdated\":1}"},
    {LAKE_ADD,
     "{\"path\":\"date=2026-11-20/x%20y.parquet\",\"partitionValues\":{\"_date\":\"2026-11-20\","
     "\"p\":null},\"size\":12,\"modificationTime\":5,\"dataChange\":false,\"stats\":"
     "\"{\\\"numRecords\\\":3,\\\"minValues\\\":{\\\"s\\\":\\\"\\u00fc\\\"}}\"}"},
    {LAKE_REMOVE, "{\"path\":\"gone.parquet\",\"deletionTimestamp\":3,\"dataChange\":true}"},
};

struct feed {
    size_t next;
    size_t copies; /* of the last action, beyond the first */
    err fail;
};

static err next_action(void *ctx, bool *out_more, enum lake_action_kind *out_kind,
                       struct str *out_json, struct errmsg *msg)
{
    struct feed *feed = ctx;
    if (feed->fail != ERR_OK && feed->next == 3) {
        return errmsg_set(msg, feed->fail, "the feed broke");
    }
    *out_more = feed->next < ARRAY_LEN(actions) + feed->copies;
    if (*out_more) {
        size_t i = MIN(feed->next, ARRAY_LEN(actions) - 1);
        *out_kind = actions[i].kind;
        *out_json = str_from(actions[i].json);
        feed->next++;
    }
    return ERR_OK;
}

struct seen {
    size_t count;
    size_t by_kind[LAKE_CHECKPOINT_KINDS];
    json_t *first[LAKE_CHECKPOINT_KINDS];
    size_t stop_at;
};

static err on_action(void *ctx, enum lake_action_kind kind, struct str json, struct errmsg *msg)
{
    struct seen *seen = ctx;
    seen->count++;
    if (seen->stop_at > 0 && seen->count == seen->stop_at) {
        return errmsg_set(msg, ERR_TOO_LARGE, "enough");
    }
    assert_true(kind < LAKE_CHECKPOINT_KINDS);
    if (seen->by_kind[kind]++ == 0) {
        OK(json_parse(json, &seen->first[kind], &msg_));
    }
    return ERR_OK;
}

static void seen_free(struct seen *seen)
{
    for (size_t i = 0; i < LAKE_CHECKPOINT_KINDS; i++) {
        json_decref(seen->first[i]);
    }
}

static char path[128];
static void fresh_path(void)
{
    (void)snprintf(path, sizeof path, "/tmp/tarn-test-[check]*point-%llx.parquet",
                   (unsigned long long)os_random_u64());
}

/* Every member of `wanted` is in `got` with the same value. */
static void assert_members(const json_t *got, const char *wanted)
{
    AUTO_JSON right = NULL;
    OK(json_parse(str_from(wanted), &right, &msg_));
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(right, key, value)
    {
        if (!json_equal(json_object_get(got, key), value)) {
            fail_msg("member %s differs", key);
        }
    }
}

/* What was written comes back, action by action, under a path full of pattern characters. */
static void actions_round_trip(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    struct lake_parquet pq = sql_lake_parquet(conn);
    fresh_path();
    struct feed feed = {.copies = 5000};
    OK(pq.write(pq.ctx, path, next_action, &feed, &msg_));
    struct seen seen = {0};
    OK(pq.read(pq.ctx, path, on_action, &seen, &msg_));
    assert_int_equal(seen.count, ARRAY_LEN(actions) + 5000);
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        assert_members(seen.first[actions[i].kind], actions[i].json);
    }
    assert_int_equal(seen.by_kind[LAKE_REMOVE], 5001);
    seen_free(&seen);
    struct seen stopped = {.stop_at = 2};
    struct errmsg msg = {0};
    assert_int_equal(pq.read(pq.ctx, path, on_action, &stopped, &msg), ERR_TOO_LARGE);
    seen_free(&stopped);
    OK(os_unlink(path, &msg_));
    test_conn_free(conn);
}

/* A broken feed, a missing file and bytes that are not Parquet are told apart. */
static void failures_have_their_code(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    struct lake_parquet pq = sql_lake_parquet(conn);
    fresh_path();
    struct errmsg msg = {0};
    struct feed feed = {.fail = ERR_NOSPACE};
    assert_int_equal(pq.write(pq.ctx, path, next_action, &feed, &msg), ERR_NOSPACE);
    assert_non_null(strstr(msg.text, "the feed broke"));
    (void)os_unlink(path, NULL); /* may or may not be there */
    struct seen seen = {0};
    assert_int_equal(pq.read(pq.ctx, path, on_action, &seen, &msg), ERR_NOT_FOUND);
    static const char *const bad[] = {"", "PAR1", "hello, this is certainly no Parquet file",
                                      "PAR1xxxxxxxxxxxxxxxxxxxxxxxx\x04\x00\x00\x00PAR1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        OK(os_replace_file(path, str_from(bad[i]), &msg_));
        assert_int_equal(pq.read(pq.ctx, path, on_action, &seen, &msg), ERR_CORRUPT);
    }
    OK(os_unlink(path, &msg_));
    OK(sql_execf(conn, &msg_, "COPY (SELECT 1 AS other) TO '%s' (FORMAT parquet)", path));
    assert_int_equal(pq.read(pq.ctx, path, on_action, &seen, &msg), ERR_CORRUPT);
    assert_int_equal(seen.count, 0);
    OK(os_unlink(path, &msg_));
    test_conn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_round_trip),
        cmocka_unit_test(failures_have_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
