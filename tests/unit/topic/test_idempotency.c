/* SPDX-License-Identifier: MIT */
/* test_idempotency.c - a request sent again with its key appends nothing twice. */
#include "topic_rig.h"

#include <errno.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/io.h"
#include "topic/batch.h"

/* Appends the records at positions [have, have + count) of a request to one partition. */
static err append_next(struct idem_request *request, uint32_t partition, int count,
                       int64_t *out_base)
{
    AUTO_BUF room = buf_make(1 << 20);
    struct batch_builder b;
    struct str bytes;
    int32_t have = idem_have(request, partition);
    batch_builder_begin(&b, &room, 1700000000000, idem_producer_id(request), 0, have);
    for (int i = 0; i < count; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "position %d", have + i);
        assert_true(batch_builder_add(&b, false, (struct str){0}, str_from(text)));
    }
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    uint64_t seq = 0;
    return idem_append(request, partition, bytes, out_base, &seq, NULL);
}

/* A request of 5 records for partition 0 and 3 for partition 1, two batches each, as the door does
 * it: appends just what is missing. Returns the number of records it appended, -1 on failure. */
static int run_request(struct rig *r, struct idem_request *request)
{
    int appended = 0;
    assert_true(idem_begin_seq(request) > 0 || idem_state_of(request) == IDEM_DONE);
    if (topic_store_sync_now(r->store, NULL) != ERR_OK) {
        return -1;
    }
    assert_true(topic_store_durable_seq(r->store) >= idem_begin_seq(request));
    static const int totals[2] = {5, 3};
    for (uint32_t p = 0; p < 2; p++) {
        while (idem_have(request, p) < totals[p]) {
            int count = MIN(2, totals[p] - idem_have(request, p));
            int64_t base = 0;
            if (append_next(request, p, count, &base) != ERR_OK) {
                return -1;
            }
            appended += count;
        }
    }
    return appended;
}

static const struct hash128 digest = {.low = 11, .high = 22};

/* Begin, append, finish, sync. */
static err whole_request(struct rig *r, const char *key, int *out_appended)
{
    struct idem_request *request = NULL;
    TRY(idem_begin(r->topic, str_from(key), STR("{\"limit\":1}"), &request, NULL));
    if (idem_state_of(request) == IDEM_DONE) {
        *out_appended = 0;
        idem_release(request);
        return ERR_OK;
    }
    int appended = run_request(r, request);
    uint64_t seq = 0;
    err e = appended < 0 ? ERR_FAILED : idem_finish(request, digest, STR("the answer"), &seq, NULL);
    idem_release(request);
    TRY(e);
    TRY(topic_store_sync_now(r->store, NULL));
    assert_true(topic_store_durable_seq(r->store) >= seq);
    *out_appended = appended;
    return ERR_OK;
}

static void check_done(struct rig *r, const char *key)
{
    struct idem_request *request = NULL;
    assert_int_equal(idem_begin(r->topic, str_from(key), STR(""), &request, NULL), ERR_OK);
    assert_int_equal(idem_state_of(request), IDEM_DONE);
    assert_int_equal(idem_digest(request).low, digest.low);
    assert_int_equal(idem_digest(request).high, digest.high);
    AUTO_BUF answer = buf_make(100);
    assert_int_equal(idem_answer(request, &answer, NULL), ERR_OK);
    assert_true(str_is(buf_str(&answer), "the answer"));
    idem_release(request);
}

/* A finished request gives its answer again, in this run and after a restart. */
static void test_done(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    int appended = 0;
    assert_int_equal(whole_request(&r, "a", &appended), ERR_OK);
    assert_int_equal(appended, 8);
    check_done(&r, "a");
    assert_int_equal(whole_request(&r, "b", &appended), ERR_OK);
    assert_int_equal(appended, 8);
    rig_reopen(&r);
    check_done(&r, "a");
    check_done(&r, "b");
    assert_int_equal(topic_written_end(r.topic, 0), 10);
    assert_int_equal(idem_stats_of(r.store).keys, 2);
    assert_int_equal(idem_stats_of(r.store).partial, 0);
    assert_true(idem_stats_of(r.store).file_bytes > 0);
    rig_end(&r);
}

/* A key in flight is busy; one given up is partial, keeps its first parameters and goes on. */
static void test_in_flight_and_given_up(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    struct idem_request *first = NULL;
    struct idem_request *second = NULL;
    assert_int_equal(idem_begin(r.topic, STR("k"), STR("one"), &first, NULL), ERR_OK);
    assert_int_equal(idem_state_of(first), IDEM_FRESH);
    assert_int_equal(idem_begin(r.topic, STR("k"), STR("two"), &second, NULL), ERR_BUSY);
    assert_int_equal(topic_store_delete(r.store, r.topic, NULL), ERR_BUSY);
    int64_t base = 0;
    assert_int_equal(append_next(first, 1, 2, &base), ERR_OK);
    assert_int_equal(rig_append(&r, 1, 3, 10, NULL), ERR_OK); /* someone else's */
    assert_int_equal(append_next(first, 1, 1, &base), ERR_OK);
    idem_release(first);
    assert_int_equal(idem_begin(r.topic, STR("k"), STR("two"), &second, NULL), ERR_OK);
    assert_int_equal(idem_state_of(second), IDEM_PARTIAL);
    assert_true(str_is(idem_params(second), "one"));
    assert_int_equal(idem_have(second, 1), 3);
    int32_t run = 0;
    assert_int_equal(idem_offset(second, 1, 0, &run), 0);
    assert_int_equal(run, 2);
    assert_int_equal(idem_offset(second, 1, 2, &run), 5);
    assert_int_equal(idem_offset(second, 1, 3, &run), -1);
    AUTO_BUF room = buf_make(1 << 20); /* a batch out of turn is refused */
    struct batch_builder b;
    struct str bytes;
    uint64_t seq = 0;
    batch_builder_begin(&b, &room, 0, idem_producer_id(second), 0, 2);
    assert_true(batch_builder_add(&b, false, (struct str){0}, STR("x")));
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    assert_int_equal(idem_append(second, 1, bytes, &base, &seq, NULL), ERR_INVALID);
    idem_release(second);
    assert_int_equal(idem_begin(r.topic, STR(""), STR(""), &second, NULL), ERR_INVALID);
    rig_end(&r);
}

/* After a crash at any failing call the retry appends exactly what is missing. */
static void test_crash_and_retry(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct rig r;
        rig_make(&r, 2);
        int appended = 0;
        os_io_faults_start(OS_IO_ALL, n, EIO, 1);
        err e = whole_request(&r, "key", &appended);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        assert_true(e == ERR_OK || hit);
        rig_reopen(&r);
        assert_int_equal(whole_request(&r, "key", &appended), ERR_OK);
        assert_int_equal(topic_written_end(r.topic, 0), 5);
        assert_int_equal(topic_written_end(r.topic, 1), 3);
        check_done(&r, "key");
        rig_end(&r);
        if (!hit) {
            assert_true(n > 5);
            return;
        }
    }
}

/* Whatever prefix of the log survives a crash in mid-request, a retry completes it; also when the
 * first retry crashes too, and when the log was recovered in between. */
static void test_cut_log_and_retry(void **state)
{
    (void)state;
    for (int batches = 0; batches <= 3; batches++) {
        struct rig r;
        rig_make(&r, 2);
        struct idem_request *request = NULL;
        assert_int_equal(idem_begin(r.topic, STR("k"), STR("p"), &request, NULL), ERR_OK);
        assert_int_equal(run_request(&r, request), 8);
        idem_release(request);
        topic_store_flush_writes(r.store); /* written, not synced: the mark is behind */
        rig_crash(&r);
        AUTO_TEXT path = rig_last_segment(r.dir, 0);
        AUTO_BUF bytes;
        rig_read_file(path, &bytes);
        struct batch_header h;
        size_t keep = 0;
        for (int i = 0; i < batches; i++) {
            struct str rest = str_of(bytes.data + keep, bytes.len - keep);
            assert_int_equal(batch_header_decode(rest, &h, NULL), ERR_OK);
            keep += h.total_bytes;
        }
        rig_write_file(path, str_of(bytes.data, keep));
        for (int i = 0; i < 3; i++) { /* restarts without a retry change nothing */
            rig_must_open(&r);
            assert_int_equal(idem_stats_of(r.store).partial, 1);
            assert_int_equal(topic_written_end(r.topic, 0), MIN(batches * 2, 5));
            rig_crash(&r);
        }
        rig_must_open(&r);
        int appended = 0;
        assert_int_equal(whole_request(&r, "k", &appended), ERR_OK);
        assert_int_equal(appended, 5 - MIN(batches * 2, 5));
        assert_int_equal(topic_written_end(r.topic, 0), 5);
        assert_int_equal(topic_written_end(r.topic, 1), 3);
        rig_end(&r);
    }
}

/* In one run, a retry's journal entry must not vouch for appends that were not synced: when the log
 * loses them, the next retry appends them. */
static void test_journal_vouches_for_nothing_unsynced(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    struct idem_request *request = NULL;
    assert_int_equal(idem_begin(r.topic, STR("k"), STR("p"), &request, NULL), ERR_OK);
    assert_int_equal(run_request(&r, request), 8);
    idem_release(request);
    assert_int_equal(idem_begin(r.topic, STR("k"), STR("p"), &request, NULL), ERR_OK);
    idem_release(request);
    topic_store_flush_writes(r.store);
    rig_crash(&r);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    rig_write_file(path, STR(""));
    rig_must_open(&r);
    int appended = 0;
    assert_int_equal(whole_request(&r, "k", &appended), ERR_OK);
    assert_int_equal(appended, 5);
    assert_int_equal(topic_written_end(r.topic, 0), 5);
    rig_end(&r);
}

/* Keys are forgotten after their time or when there are too many, and their files go. */
static void test_expiry(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    r.options.idempotency_keys_max = 10;
    os_clock_fix(1700000000000000);
    rig_must_open(&r);
    rig_create(&r, 2);
    int appended = 0;
    for (int i = 0; i < 25; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(whole_request(&r, key, &appended), ERR_OK);
        assert_int_equal(appended, 8);
    }
    assert_int_equal(idem_stats_of(r.store).keys, 10);
    check_done(&r, "key 24");
    assert_int_equal(whole_request(&r, "key 1", &appended), ERR_OK);
    assert_int_equal(appended, 8);
    rig_crash(&r);
    os_clock_fix(1700000000000000 + 25ll * 3600 * 1000000);
    rig_must_open(&r);
    assert_int_equal(idem_stats_of(r.store).keys, 10);
    topic_store_tick(r.store);
    assert_int_equal(idem_stats_of(r.store).keys, 0);
    AUTO_NAMES names = {0};
    AUTO_TEXT dir = xasprintf("%s/topics/t", r.dir);
    assert_int_equal(os_list(dir, &names, NULL), ERR_OK);
    for (size_t i = 0; i < names.count; i++) {
        assert_false(str_ends(str_from(names.items[i]), STR(".journal")));
    }
    os_clock_fix(-1);
    rig_end(&r);
}

/* Too many keys over all topics: the oldest goes, wherever it is, and never the one just begun. */
static void test_eviction_over_topics(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    r.options.idempotency_keys_max = 2;
    os_clock_fix(1700000000000000);
    rig_must_open(&r);
    rig_create(&r, 2);
    int appended = 0;
    assert_int_equal(whole_request(&r, "a", &appended), ERR_OK);
    os_clock_fix(1700000001000000);
    assert_int_equal(whole_request(&r, "b", &appended), ERR_OK);
    AUTO_TOPIC_META meta = {0};
    struct topic *other = NULL;
    assert_int_equal(topic_meta_init(&meta, STR("u"), NULL), ERR_OK);
    meta.partition_count = 2;
    assert_int_equal(topic_store_create(r.store, &meta, NULL, &other, NULL), ERR_OK);
    struct topic *first = r.topic;
    r.topic = other;
    os_clock_fix(1700000002000000);
    assert_int_equal(whole_request(&r, "c", &appended), ERR_OK);
    assert_int_equal(appended, 8);
    check_done(&r, "c");
    assert_int_equal(idem_stats_of(r.store).keys, 2);
    struct idem_request *one = NULL; /* "a" is gone: the next oldest are "b", then "c" */
    struct idem_request *two = NULL;
    struct idem_request *three = NULL;
    os_clock_fix(1700000003000000);
    assert_int_equal(idem_begin(other, STR("d"), STR(""), &one, NULL), ERR_OK);
    check_done(&r, "c");
    assert_int_equal(idem_begin(first, STR("e"), STR(""), &two, NULL), ERR_OK);
    assert_int_equal(idem_begin(first, STR("f"), STR(""), &three, NULL), ERR_LIMIT);
    assert_int_equal(idem_stats_of(r.store).keys, 2);
    assert_int_equal(idem_stats_of(r.store).in_flight, 2);
    idem_release(one);
    idem_release(two);
    os_clock_fix(-1);
    rig_end(&r);
}

/* While a repeat of a finished request is read, its key stays: it is neither forgotten for its age
 * nor for a newer key, and its topic is not deleted. */
static void test_repeat_holds_its_key(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    r.options.idempotency_keys_max = 2;
    os_clock_fix(1700000000000000);
    rig_must_open(&r);
    rig_create(&r, 2);
    int appended = 0;
    assert_int_equal(whole_request(&r, "a", &appended), ERR_OK);
    struct idem_request *repeat = NULL;
    struct idem_request *again = NULL;
    assert_int_equal(idem_begin(r.topic, STR("a"), STR(""), &repeat, NULL), ERR_OK);
    assert_int_equal(idem_begin(r.topic, STR("a"), STR(""), &again, NULL), ERR_OK);
    idem_release(again);
    for (int i = 0; i < 3; i++) { /* the second makes room for the third */
        char key[16];
        (void)snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(whole_request(&r, key, &appended), ERR_OK);
        assert_int_equal(idem_digest(repeat).low, digest.low);
    }
    assert_int_equal(idem_stats_of(r.store).keys, 2);
    os_clock_fix(1700000000000000 + 25ll * 3600 * 1000000);
    topic_store_tick(r.store);
    assert_int_equal(idem_stats_of(r.store).keys, 1);
    assert_int_equal(idem_digest(repeat).high, digest.high);
    assert_int_equal(topic_store_delete(r.store, r.topic, NULL), ERR_BUSY);
    AUTO_BUF answer = buf_make(100);
    assert_int_equal(idem_answer(repeat, &answer, NULL), ERR_OK);
    assert_true(str_is(buf_str(&answer), "the answer"));
    idem_release(repeat);
    topic_store_tick(r.store);
    assert_int_equal(idem_stats_of(r.store).keys, 0);
    assert_int_equal(topic_store_delete(r.store, r.topic, NULL), ERR_OK);
    os_clock_fix(-1);
    rig_end(&r);
}

/* A torn or damaged journal end is ignored: at worst a retry goes the long way. */
static void test_damaged_journal(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    int appended = 0;
    assert_int_equal(whole_request(&r, "a", &appended), ERR_OK);
    rig_crash(&r);
    AUTO_TEXT path = xasprintf("%s/topics/t/requests-0000000001.journal", r.dir);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    uint32_t begin_bytes;
    memcpy(&begin_bytes, bytes.data, sizeof begin_bytes);
    while (bytes.len > 0 && bytes.data[bytes.len - 1] == 0) {
        bytes.len--; /* reserved space */
    }
    for (size_t at = begin_bytes + 8; at < bytes.len; at += 3) {
        AUTO_TEXT again = xasprintf("%s/topics/t/requests-0000000002.journal", r.dir);
        (void)os_unlink(again, NULL); /* of the round before */
        bytes.data[at] ^= 2;
        rig_write_file(path, buf_str(&bytes));
        bytes.data[at] ^= 2;
        rig_must_open(&r);
        struct idem_request *request = NULL;
        assert_int_equal(idem_begin(r.topic, STR("a"), STR(""), &request, NULL), ERR_OK);
        assert_int_equal(idem_state_of(request), IDEM_PARTIAL);
        assert_int_equal(run_request(&r, request), 0);
        idem_release(request);
        rig_crash(&r);
    }
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_in_flight_and_given_up),
        cmocka_unit_test(test_crash_and_retry),
        cmocka_unit_test(test_cut_log_and_retry),
        cmocka_unit_test(test_journal_vouches_for_nothing_unsynced),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_eviction_over_topics),
        cmocka_unit_test(test_repeat_holds_its_key),
        cmocka_unit_test(test_damaged_journal),
    };
    return cmocka_run_group_tests_name("topic_idempotency", tests, NULL, NULL);
}
