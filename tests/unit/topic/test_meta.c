/* SPDX-License-Identifier: MIT */
/* test_meta.c - topic names and topic.json. */
#include "topic_rig.h"

#include <errno.h>

#include "os/file.h"
#include "os/io.h"

/* What format 1 looks like; old and new code must read it. */
static const char sample[] =
    "{\"format\":1,\"name\":\"Web.Logs\",\"table\":\"web_logs\","
    "\"uuid\":\"7b0a3f9e-5d0c-4a0e-9d1b-2f6a1c3e4d5f\",\"partitions\":2,\"created_us\":17,"
    "\"settings\":{\"durability\":\"page_cache\",\"segment_bytes\":4096,\"retention_ms\":-1,"
    "\"retention_bytes\":5,\"flush_bytes\":6,\"flush_rows\":7,\"flush_age_ms\":8,"
    "\"unlanded_rows_max\":9,\"partition_by\":[\"_date\",\"city\"]},"
    "\"versions\":[{\"id\":1,\"start_offsets\":[],\"key_field\":null,\"time_field\":null,"
    "\"schema\":null},{\"id\":2,\"start_offsets\":[3,4],\"key_field\":\"k\",\"time_field\":\"t\","
    "\"schema\":\"{\\\"type\\\":\\\"object\\\"}\"}],"
    "\"gaps\":[{\"partition\":1,\"from\":2,\"next\":3,\"repaired_us\":9}]}";

/* A checked-in document is read, and written back as it was. */
static void test_sample(void **state)
{
    (void)state;
    AUTO_TOPIC_META m = {0};
    struct errmsg msg = {0};
    if (topic_meta_decode(str_from(sample), &m, &msg) != ERR_OK) {
        fail_msg("%s", msg.text);
    }
    assert_int_equal(m.settings.durability, TOPIC_PAGE_CACHE);
    assert_int_equal(m.settings.partition_by_count, 2);
    assert_string_equal(m.settings.partition_by[1], "city");
    assert_int_equal(topic_version_at(&m, 1, 3)->id, 1);
    assert_int_equal(topic_version_at(&m, 1, 4)->id, 2);
    assert_true(topic_gap_covers(&m, 1, 2, 3));
    assert_false(topic_gap_covers(&m, 0, 2, 3));
    AUTO_TOPIC_META copy = {0};
    topic_meta_copy(&m, &copy);
    AUTO_BUF text = buf_make(1 << 20);
    assert_int_equal(topic_meta_encode(&copy, &text), ERR_OK);
    assert_string_equal(buf_cstr(&text), sample);
}

/* A document of the version before a setting was added is read with its default. */
static void test_older_sample(void **state)
{
    (void)state;
    static const char added[] = "\"unlanded_rows_max\":9,";
    const char *at = strstr(sample, added);
    assert_non_null(at);
    AUTO_BUF older = buf_make(1 << 16);
    assert_true(buf_add(&older, sample, (size_t)(at - sample)));
    assert_true(buf_puts(&older, at + sizeof added - 1));
    AUTO_TOPIC_META m = {0};
    assert_int_equal(topic_meta_decode(buf_str(&older), &m, NULL), ERR_OK);
    assert_int_equal(m.settings.unlanded_rows_max, 0);
    assert_int_equal(m.settings.flush_age_ms, 8);
}

/* Whatever single byte is changed, decoding ends with an error or a sound result. */
static void test_changed_bytes(void **state)
{
    (void)state;
    char text[sizeof sample];
    for (size_t at = 0; at + 1 < sizeof sample; at++) {
        for (int flip = 1; flip < 256; flip *= 2) {
            memcpy(text, sample, sizeof text);
            text[at] ^= (char)flip;
            AUTO_TOPIC_META m = {0};
            err e = topic_meta_decode(str_of(text, sizeof text - 1), &m, NULL);
            assert_true(e == ERR_OK || e == ERR_INVALID || e == ERR_UNSUPPORTED);
            assert_true(e != ERR_OK || (m.partition_count >= 1 && m.version_count >= 1));
        }
    }
}

/* A newer format is refused by name; a missing member is invalid. */
static void test_refusals(void **state)
{
    (void)state;
    AUTO_TOPIC_META m = {0};
    assert_int_equal(topic_meta_decode(STR("{\"format\":2}"), &m, NULL), ERR_UNSUPPORTED);
    assert_int_equal(topic_meta_decode(STR("{\"format\":1}"), &m, NULL), ERR_INVALID);
    assert_int_equal(topic_meta_decode(STR("[]"), &m, NULL), ERR_INVALID);
    assert_int_equal(topic_meta_decode(STR(""), &m, NULL), ERR_INVALID);
}

/* Names follow Kafka's rule; table names fold case, dots and dashes. */
static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_valid;
    } cases[] = {{"a", true},   {"A.b-c_9", true}, {".", false},    {"..", false},
                 {"...", true}, {"", false},       {"a b", false},  {"a/b", false},
                 {"+x", false}, {"ä", false},      {"../x", false}, {"a\n", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(topic_name_valid(str_from(cases[i].name)), cases[i].is_valid);
    }
    char longest[TOPIC_NAME_BYTES_MAX + 1];
    memset(longest, 'n', sizeof longest);
    assert_true(topic_name_valid(str_of(longest, TOPIC_NAME_BYTES_MAX)));
    assert_false(topic_name_valid(str_of(longest, TOPIC_NAME_BYTES_MAX + 1)));
    char table[TOPIC_NAME_BYTES_MAX + 1];
    topic_table_name(STR("Ab.C-d_9"), table);
    assert_string_equal(table, "ab_c_d_9");
}

/* A save that fails at any call leaves the old document or the new one. */
static void test_save_is_atomic(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    AUTO_TEXT path = xasprintf("%s/topic.json", r.dir);
    AUTO_TOPIC_META m = {0};
    assert_int_equal(topic_meta_decode(str_from(sample), &m, NULL), ERR_OK);
    assert_int_equal(topic_meta_save(path, &m, NULL), ERR_OK);
    m.settings.flush_rows = 70;
    for (unsigned n = 1;; n++) {
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err e = topic_meta_save(path, &m, NULL);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        AUTO_TOPIC_META got = {0};
        assert_int_equal(topic_meta_load(path, &got, NULL), ERR_OK);
        assert_true(got.settings.flush_rows == 70 || (e != ERR_OK && got.settings.flush_rows == 7));
        if (!hit) {
            assert_int_equal(e, ERR_OK);
            break;
        }
    }
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),        cmocka_unit_test(test_older_sample),
        cmocka_unit_test(test_changed_bytes), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_save_is_atomic),
    };
    return cmocka_run_group_tests_name("topic_meta", tests, NULL, NULL);
}
