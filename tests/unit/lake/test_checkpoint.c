/* SPDX-License-Identifier: MIT */
/* test_checkpoint.c - checkpoints, their hint, version checksums, log clean-up. */
#include <errno.h>
#include <utime.h>

#include "lake_test.h"

#include "lake/checkpoint.h"
#include "lake/checksum.h"
#include "lake/md5.h"
#include "os/io.h"

static const int64_t day_us = INT64_C(86400000000);

/* The MD5 of RFC 1321's test suite. */
static void md5_matches_its_rfc(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"}};
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char hex[33];
        lake_md5_hex(str_from(vectors[i][0]), hex);
        assert_string_equal(hex, vectors[i][1]);
    }
}

/* The protocol's own test vector for the checksum of `_last_checkpoint`, and a duplicate key. */
static void hint_checksum_matches_the_protocol(void **state)
{
    (void)state;
    char hex[33];
    assert_ok(lake_json_checksum(
        STR("{\"k0\":\"'v 0'\", \"checksum\": \"adsaskfljadfkjadfkj\", \"k1\":{\"k2\": 2, \"k3\": "
            "[\"v3\", [1, 2], {\"k4\": \"v4\", \"k5\": [\"v5\", \"v6\", \"v7\"]}]}}"),
        hex, msg));
    assert_string_equal(hex, "6a92d155a59bf2eecbd4b4ec7fd1f875");
    assert_int_equal(lake_json_checksum(STR("{\"a\":1,\"a\":2}"), hex, NULL), ERR_INVALID);
    assert_int_equal(lake_json_checksum(STR("[1"), hex, NULL), ERR_INVALID);
}

/* A checkpoint holds the whole state: with every older commit gone the table loads as before. */
static void checkpoint_stands_for_the_log(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    struct lake_snapshot *s = test_create_table(dir, NULL);
    for (int i = 0; i < 5; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%d.parquet", i);
        s = test_append(s, path, i, NULL, NULL);
    }
    AUTO(lake_commit) compact = lake_commit_new("OPTIMIZE");
    AUTO(lake_snapshot) compacted = NULL;
    struct lake_file_iter it = lake_snapshot_files(s);
    lake_commit_remove_file(compact, lake_files_next(&it), false);
    assert_ok(lake_commit_run(compact, dir, s, NULL, &compacted, NULL, msg));
    assert_ok(lake_checkpoint_write(compacted, &fake_parquet, msg));
    for (int i = 0; i <= 6; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.json", dir, i);
        assert_int_equal(os_unlink(path, NULL), ERR_OK);
    }
    AUTO(lake_snapshot) read = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &read, msg));
    assert_int_equal(lake_snapshot_version(read), 6);
    assert_int_equal(lake_snapshot_checkpoint_version(read), 6);
    assert_int_equal(lake_snapshot_file_count(read), 4);
    assert_int_equal(lake_snapshot_row_count(read), 40);
    assert_int_equal(lake_snapshot_txn(read, STR("tarn/t/0"))->version, 4);
    assert_true(str_eq(lake_snapshot_metadata(read)->id, lake_snapshot_metadata(s)->id));
    struct lake_file_iter dead = lake_snapshot_tombstones(read);
    const struct lake_file *tombstone = lake_files_next(&dead);
    assert_true(str_is(tombstone->path, "0.parquet"));
    assert_true(tombstone->deletion_ms > 0 && tombstone->has_extended_metadata);
    assert_int_equal(lake_snapshot_load(dir, 3, &fake_parquet, &compacted, NULL), ERR_CORRUPT);
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

/* The hint names the checkpoint and carries a checksum that holds. */
static void hint_is_valid(void **state)
{
    (void)state;
    char dir[128];
    char path[256];
    char hex[33];
    test_dir_make(dir);
    AUTO(lake_snapshot) s = test_append(test_create_table(dir, NULL), "a", 1, NULL, NULL);
    assert_ok(lake_checkpoint_write(s, &fake_parquet, msg));
    (void)snprintf(path, sizeof path, "%s/_delta_log/_last_checkpoint", dir);
    AUTO_BUF text = buf_make(4096);
    AUTO_JSON json = NULL;
    assert_ok(os_read_file(path, &text, msg));
    assert_ok(json_parse(buf_str(&text), &json, msg));
    assert_ok(lake_json_checksum(buf_str(&text), hex, msg));
    assert_string_equal(json_string_value(json_object_get(json, "checksum")), hex);
    assert_int_equal(json_integer_value(json_object_get(json, "version")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "size")), 4);
    assert_int_equal(json_integer_value(json_object_get(json, "numOfAddFiles")), 1);
    test_dir_drop(dir);
}

/* A damaged checkpoint costs time, not the table, as long as its commits are there. */
static void damaged_checkpoint_falls_back(void **state)
{
    (void)state;
    char dir[128];
    char path[256];
    test_dir_make(dir);
    AUTO(lake_snapshot) s = test_append(test_create_table(dir, NULL), "a", 1, NULL, NULL);
    assert_ok(lake_checkpoint_write(s, &fake_parquet, msg));
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.checkpoint.parquet", dir, 1);
    assert_ok(os_replace_file(path, STR("garbage\n"), msg));
    AUTO(lake_snapshot) read = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &read, msg));
    assert_int_equal(lake_snapshot_file_count(read), 1);
    test_dir_drop(dir);
}

/* Commits make a checkpoint after 10 commits and 30 seconds, or after 100 commits; one that fails
 * does not fail the commit. */
static void checkpoints_are_throttled(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    int64_t now_us = os_now_us();
    int64_t first = -1;
    int64_t second = -1;
    struct lake_commit_result result;
    os_clock_fix(now_us);
    struct lake_snapshot *s = test_create_table(dir, &fake_parquet);
    for (int i = 1; i <= 120 && second < 0; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%d", i);
        os_clock_fix(i >= 110 ? now_us + 60 * INT64_C(1000000) : now_us);
        s = test_append(s, path, i, &fake_parquet, &result);
        if (result.wrote_checkpoint && first < 0) {
            first = i;
        } else if (result.wrote_checkpoint) {
            second = i;
        }
        assert_string_equal(result.upkeep.text, "");
    }
    os_clock_fix(-1);
    assert_int_equal(first, 99);
    assert_int_equal(second, 110);
    assert_int_equal(lake_snapshot_checkpoint_version(s), 110);
    AUTO(lake_commit) c = lake_commit_new("WRITE");
    AUTO(lake_snapshot) last = NULL;
    test_add_file(c, "last");
    lake_commit_set_config(c, STR("delta.checkpointInterval"), STR("1"));
    assert_ok(lake_commit_run(c, dir, s, &fake_parquet_broken, &last, &result, msg));
    assert_false(result.wrote_checkpoint);
    assert_non_null(strstr(result.upkeep.text, "broken"));
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

/* A snapshot loaded without statistics still writes them into a checkpoint. */
static void checkpoint_keeps_statistics(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    lake_snapshot_unref(test_append(test_create_table(dir, NULL), "a", 1, NULL, NULL));
    AUTO(lake_snapshot) lean = NULL;
    AUTO(lake_snapshot) full = NULL;
    struct lake_load_options options = {
        .table_dir = dir, .version = -1, .parquet = &fake_parquet, .drop_stats = true};
    assert_ok(lake_snapshot_load_with(&options, &lean, msg));
    struct lake_file_iter it = lake_snapshot_files(lean);
    const struct lake_file *f = lake_files_next(&it);
    assert_int_equal(f->stats.len, 0);
    assert_int_equal(f->num_records, 10);
    assert_ok(lake_checkpoint_write(lean, &fake_parquet, msg));
    char path[256];
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.json", dir, 0);
    assert_ok(os_unlink(path, msg));
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &full, msg));
    it = lake_snapshot_files(full);
    assert_true(str_is(lake_files_next(&it)->stats, "{\"numRecords\":10}"));
    test_dir_drop(dir);
}

/* Every commit leaves a checksum that equals what a replay finds; a missing one comes with the next
 * commit; nothing of it is needed to read. */
static void checksum_comes_with_every_commit(void **state)
{
    (void)state;
    char dir[128];
    char path[256];
    test_dir_make(dir);
    struct lake_snapshot *s = test_create_table(dir, NULL);
    s = test_append(s, "a", 1, NULL, NULL);
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.crc", dir, 1);
    assert_ok(os_unlink(path, msg));
    s = test_append(s, "b", 2, NULL, NULL);
    for (int version = 0; version <= 2; version++) {
        AUTO(lake_snapshot) replay = NULL;
        AUTO_BUF text = buf_make(1 << 20);
        AUTO_JSON crc = NULL;
        (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.crc", dir, version);
        assert_ok(os_read_file(path, &text, msg));
        assert_ok(json_parse(buf_str(&text), &crc, msg));
        assert_ok(lake_snapshot_load(dir, version, NULL, &replay, msg));
        AUTO_BUF expected = buf_make(1 << 20);
        AUTO_JSON expected_json = NULL;
        const json_t *txn_id = json_object_get(crc, "txnId");
        lake_checksum_encode(replay, str_from(json_string_value(txn_id)), &expected);
        assert_ok(json_parse(buf_str(&expected), &expected_json, msg));
        assert_true(json_equal(crc, expected_json));
        assert_int_equal(json_integer_value(json_object_get(crc, "numFiles")), version);
    }
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

/* Writing a checkpoint under faults leaves the old state or the new one, never a table that does
 * not load. */
static void checkpoint_survives_every_fault(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot) s = test_append(test_create_table(dir, NULL), "a", 1, NULL, NULL);
    bool hit = true;
    for (unsigned n = 1; hit; n++) {
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err result = lake_checkpoint_write(s, &fake_parquet, NULL);
        hit = os_io_faults_hit() != 0;
        os_io_faults_stop();
        assert_true(hit == (result != ERR_OK) || result == ERR_OK);
        AUTO(lake_snapshot) read = NULL;
        assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &read, msg));
        assert_int_equal(lake_snapshot_file_count(read), 1);
        assert_true(n < 100);
    }
    test_dir_drop(dir);
}

static void set_age_days(const char *dir, int version, int64_t now_us, int days)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.json", dir, version);
    time_t then = (time_t)((now_us - days * day_us) / 1000000);
    struct utimbuf times = {.actime = then, .modtime = then};
    assert_int_equal(utime(path, &times), 0);
}

static bool log_has(const char *dir, const char *format, int version)
{
    char name[64];
    char path[256];
    (void)snprintf(name, sizeof name, "%020d%s", version, format);
    (void)snprintf(path, sizeof path, "%s/_delta_log/%s", dir, name);
    return os_exists(path);
}

/* Clean-up removes what lies below the newest checkpoint that is older than the retention, and
 * nothing where there is no such checkpoint or where it cannot be read. */
static void cleanup_keeps_what_is_needed(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    int64_t now_us = os_now_us();
    uint32_t removed = 0;
    struct lake_snapshot *s = test_create_table(dir, NULL);
    for (int i = 1; i <= 9; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%d", i);
        s = test_append(s, path, i, NULL, NULL);
        if (i == 3 || i == 5 || i == 8) {
            assert_ok(lake_checkpoint_write(s, &fake_parquet, msg));
        }
    }
    AUTO(lake_snapshot) last = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &last, msg));
    assert_ok(lake_log_cleanup(last, now_us / 1000, &removed, msg));
    assert_int_equal(removed, 0);
    for (int i = 0; i <= 6; i++) {
        set_age_days(dir, i, now_us, 40 - i);
    }
    assert_ok(lake_log_cleanup(last, now_us / 1000, &removed, msg));
    assert_int_equal(removed, 5 + 5 + 1);
    assert_false(log_has(dir, ".json", 4) || log_has(dir, ".crc", 4));
    assert_false(log_has(dir, ".checkpoint.parquet", 3));
    assert_true(log_has(dir, ".json", 5) && log_has(dir, ".checkpoint.parquet", 5));
    AUTO(lake_snapshot) read = NULL;
    AUTO(lake_snapshot) past = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &read, msg));
    assert_int_equal(lake_snapshot_file_count(read), 9);
    assert_ok(lake_snapshot_load(dir, 5, &fake_parquet, &past, msg));
    assert_int_equal(lake_snapshot_file_count(past), 5);

    for (int i = 5; i <= 9; i++) {
        set_age_days(dir, i, now_us, 35);
    }
    char path[256];
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.checkpoint.parquet", dir, 8);
    assert_ok(os_replace_file(path, STR("garbage\n"), msg));
    assert_int_equal(lake_log_cleanup(last, now_us / 1000, &removed, NULL), ERR_CORRUPT);
    assert_true(log_has(dir, ".json", 6) && log_has(dir, ".checkpoint.parquet", 5));
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

/* A snapshot that stayed behind while the log was cleaned up, or the table made anew, loads
 * again. */
static void refresh_notices_a_new_log(void **state)
{
    (void)state;
    char dir[128];
    char path[256];
    test_dir_make(dir);
    struct lake_snapshot *s = test_create_table(dir, NULL);
    AUTO(lake_snapshot) old = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &old, msg));
    s = test_append(s, "a", 1, NULL, NULL);
    assert_ok(lake_checkpoint_write(s, &fake_parquet, msg));
    (void)snprintf(path, sizeof path, "%s/_delta_log/%020d.json", dir, 0);
    assert_ok(os_unlink(path, msg));
    AUTO(lake_snapshot) fresh = NULL;
    assert_ok(lake_snapshot_refresh(old, &fresh, msg));
    assert_int_equal(lake_snapshot_version(fresh), 1);
    assert_ok(os_remove_tree(dir, msg));
    AUTO(lake_snapshot) other = test_create_table(dir, NULL);
    AUTO(lake_snapshot) again = NULL;
    assert_ok(lake_snapshot_refresh(fresh, &again, msg));
    assert_int_equal(lake_snapshot_version(again), 0);
    assert_true(str_eq(lake_snapshot_metadata(again)->id, lake_snapshot_metadata(other)->id));
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

/* A table that an earlier tarn wrote stays readable, at every version, as its checksums say. */
static void sample_of_the_format_is_read(void **state)
{
    (void)state;
    for (int version = 0; version <= 3; version++) {
        AUTO(lake_snapshot) s = NULL;
        AUTO_BUF text = buf_make(1 << 20);
        AUTO_BUF encoded = buf_make(1 << 20);
        AUTO_JSON expected = NULL;
        AUTO_JSON actual = NULL;
        assert_ok(lake_snapshot_load(LAKE_SAMPLE_DIR, version, NULL, &s, msg));
        AUTO_TEXT path = xasprintf("%s/_delta_log/%020d.crc", LAKE_SAMPLE_DIR, version);
        assert_ok(os_read_file(path, &text, msg));
        assert_ok(json_parse(buf_str(&text), &expected, msg));
        const char *txn_id = json_string_value(json_object_get(expected, "txnId"));
        lake_checksum_encode(s, str_from(txn_id), &encoded);
        assert_ok(json_parse(buf_str(&encoded), &actual, msg));
        assert_true(json_equal(expected, actual));
        assert_int_equal(lake_snapshot_metadata(s)->field_count, version >= 2 ? 7 : 6);
        if (version == 3) {
            const struct lake_txn *txn =
                lake_snapshot_txn(s, STR("tarn/5ce7dd35-7d4f-4f3a-9b0d-0a1f3f1c2b11/0"));
            assert_int_equal(txn->version, 29);
            assert_false(test_has_file(s, "date=2026-11-20/00 a%b.parquet"));
            assert_true(test_has_file(s, "date=2026-11-20/02 a%b.parquet"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md5_matches_its_rfc),
        cmocka_unit_test(hint_checksum_matches_the_protocol),
        cmocka_unit_test(checkpoint_stands_for_the_log),
        cmocka_unit_test(hint_is_valid),
        cmocka_unit_test(damaged_checkpoint_falls_back),
        cmocka_unit_test(checkpoints_are_throttled),
        cmocka_unit_test(checkpoint_keeps_statistics),
        cmocka_unit_test(checksum_comes_with_every_commit),
        cmocka_unit_test(checkpoint_survives_every_fault),
        cmocka_unit_test(cleanup_keeps_what_is_needed),
        cmocka_unit_test(refresh_notices_a_new_log),
        cmocka_unit_test(sample_of_the_format_is_read),
    };
    return cmocka_run_group_tests_name("lake_checkpoint", tests, NULL, NULL);
}
