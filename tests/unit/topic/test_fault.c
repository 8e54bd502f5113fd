/* SPDX-License-Identifier: MIT */
/* test_fault.c - the n-th system call fails: right answer or clean error, no acknowledgement after
 * a failed write or sync, and a reopened store has at least what was acknowledged. */
#include "topic_rig.h"

#include <errno.h>

#include "os/file.h"
#include "os/io.h"

/* Appends and syncs over several rolls while one call fails. Returns the acknowledged end. */
static int64_t append_under_faults(struct rig *r, unsigned kinds, unsigned n, int error,
                                   int for_ever)
{
    int64_t acked = 0;
    bool has_failed = false;
    os_io_faults_start(kinds, n, error, for_ever);
    for (int i = 0; i < 30; i++) {
        uint64_t before = topic_store_durable_seq(r->store);
        bool had_failed = has_failed;
        err e = rig_append(r, 0, 3, 200, NULL);
        if (e == ERR_OK) {
            e = topic_store_sync_now(r->store, NULL);
        }
        if (e == ERR_OK) {
            assert_false(has_failed);
            assert_int_equal(topic_durable_end(r->topic, 0), topic_written_end(r->topic, 0));
        } else {
            assert_true(e == ERR_IO || e == ERR_FAILED || e == ERR_NOSPACE);
            assert_true(!had_failed || topic_store_durable_seq(r->store) == before);
        }
        assert_true(topic_durable_end(r->topic, 0) == acked || !had_failed);
        acked = topic_durable_end(r->topic, 0); /* a mark may fail after the data was synced */
        has_failed |= topic_store_failed(r->store, NULL);
        assert_int_equal(has_failed, topic_store_failed(r->store, NULL));
    }
    if (has_failed) {
        struct errmsg msg = {0};
        assert_int_equal(rig_append(r, 0, 1, 10, NULL), ERR_FAILED);
        assert_true(topic_store_failed(r->store, &msg));
        assert_true(msg.text[0] != '\0');
        assert_int_equal(rig_check(r->dir, 0, 0, acked), ERR_OK); /* it stays up for reading */
    }
    return acked;
}

static void fault_loop(unsigned kinds, int error, int for_ever)
{
    for (unsigned n = 1;; n++) {
        struct rig r;
        rig_make(&r, 1);
        rig_small_segments(&r);
        int64_t acked = append_under_faults(&r, kinds, n, error, for_ever);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        assert_true(!hit || kinds != OS_IO_SYNC || topic_store_failed(r.store, NULL));
        rig_reopen(&r);
        int64_t end = topic_durable_end(r.topic, 0);
        assert_true(end >= acked);
        assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_OK);
        assert_int_equal(rig_check(r.dir, 0, 0, end), ERR_OK);
        rig_store(&r, 0, 1, 10);
        rig_end(&r);
        if (!hit) {
            assert_int_equal(acked, 90);
            return;
        }
    }
}

/* A failed write ends acknowledging until restart. */
static void test_writes_fail(void **state)
{
    (void)state;
    fault_loop(OS_IO_WRITE, EIO, 0);
    fault_loop(OS_IO_WRITE, ENOSPC, 0);
}

/* A failed sync, of data or of a directory, ends acknowledging; it is never tried again. */
static void test_syncs_fail(void **state)
{
    (void)state;
    fault_loop(OS_IO_SYNC, EIO, 0);
    fault_loop(OS_IO_SYNC, EIO, 1);
}

static struct {
    int dir_syncs;  /* fsync calls: only directories get those */
    int data_syncs; /* the others */
    bool fails;
} counted;

static int counting_fsync(int fd)
{
    counted.dir_syncs++;
    return os_io_real.fsync(fd);
}

static int counting_fdatasync(int fd)
{
    counted.data_syncs++;
    if (counted.fails) {
        errno = EIO;
        return -1;
    }
    return os_io_real.fdatasync(fd);
}

/* The name of a new segment is synced before what is in it counts; after a failed sync there is no
 * other one, on any file. */
static void test_which_syncs_are_done(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    rig_small_segments(&r);
    rig_store(&r, 0, 3, 1000);
    struct os_io table = os_io_real;
    table.fsync = counting_fsync;
    table.fdatasync = counting_fdatasync;
    os_io = &table;
    counted.dir_syncs = 0;
    assert_int_equal(rig_append(&r, 0, 3, 1000, NULL), ERR_OK); /* rolls */
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(counted.dir_syncs, 1);
    counted.data_syncs = 0;
    counted.fails = true;
    assert_int_equal(rig_append(&r, 0, 1, 10, NULL), ERR_OK);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_FAILED);
    assert_int_equal(counted.data_syncs, 1);
    counted.fails = false;
    assert_int_equal(rig_append(&r, 0, 1, 10, NULL), ERR_FAILED);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_FAILED);
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_FAILED);
    topic_store_tick(r.store);
    assert_int_equal(counted.data_syncs, 1);
    assert_int_equal(counted.dir_syncs, 1);
    os_io = &os_io_real;
    rig_end(&r);
}

/* Refused space and names are clean errors. */
static void test_space_and_names_fail(void **state)
{
    (void)state;
    fault_loop(OS_IO_SPACE, ENOSPC, 0);
    fault_loop(OS_IO_SPACE, EIO, 0);
    fault_loop(OS_IO_NAME, EIO, 0);
    fault_loop(OS_IO_OPEN, EMFILE, 0);
    fault_loop(OS_IO_OPEN, ENOSPC, 0);
}

/* A creation that is cut short at any call leaves either the whole topic or none. */
static void test_create_is_atomic(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct rig r;
        rig_start(&r);
        rig_must_open(&r);
        AUTO_TOPIC_META meta = {0};
        struct topic *t = NULL;
        assert_int_equal(topic_meta_init(&meta, STR("t"), NULL), ERR_OK);
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err e = topic_store_create(r.store, &meta, NULL, &t, NULL);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        rig_reopen(&r);
        assert_true(e != ERR_OK || r.topic != NULL);
        if (r.topic == NULL) {
            rig_create(&r, 4);
        }
        assert_int_equal(topic_partition_count(r.topic), 4);
        assert_int_equal(rig_append(&r, 3, 1, 10, NULL), ERR_OK);
        for (int i = 0; i < 10; i++) {
            topic_store_tick(r.store);
        }
        AUTO_TEXT topics = xasprintf("%s/topics", r.dir);
        AUTO_NAMES names = {0};
        assert_int_equal(os_list(topics, &names, NULL), ERR_OK);
        assert_int_equal(names.count, 1);
        rig_end(&r);
        if (!hit) {
            assert_true(n > 20);
            return;
        }
    }
}

/* A change that is cut short leaves the old meaning or the new one, and no partition half there. */
static void test_update_is_atomic(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct rig r;
        rig_make(&r, 1);
        assert_int_equal(rig_append(&r, 0, 4, 10, NULL), ERR_OK);
        AUTO_TOPIC_META meta = {0};
        topic_meta_copy(topic_meta_of(r.topic), &meta);
        topic_text_set(&meta.versions[0].time_field, STR("when"));
        meta.partition_count = 3;
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err e = topic_store_update(r.store, r.topic, &meta, NULL);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        rig_reopen(&r);
        uint32_t count = topic_partition_count(r.topic);
        size_t versions = topic_meta_of(r.topic)->version_count;
        assert_true((count == 1 && versions == 1) || (count == 3 && versions == 2));
        assert_true(e != ERR_OK || count == 3);
        for (uint32_t p = 0; p < count; p++) {
            assert_int_equal(topic_partition_state(r.topic, p, NULL), TOPIC_PARTITION_OK);
            assert_int_equal(rig_append(&r, p, 1, 10, NULL), ERR_OK);
        }
        rig_end(&r);
        if (!hit) {
            assert_true(n > 20);
            return;
        }
    }
}

/* A retention that is cut short never looks like damage, and never loses what must stay. */
static void test_retention_faults(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct rig r;
        rig_make(&r, 1);
        rig_small_segments(&r);
        for (int i = 0; i < 30; i++) {
            assert_int_equal(rig_append(&r, 0, 3, 200, NULL), ERR_OK);
        }
        assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
        AUTO_TOPIC_META meta = {0};
        topic_meta_copy(topic_meta_of(r.topic), &meta);
        meta.settings.retention_bytes = 0;
        assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
        topic_set_committed(r.topic, 0, 60, 70);
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        for (int i = 0; i < 3; i++) {
            topic_store_tick(r.store);
            (void)topic_store_sync_now(r.store, NULL); /* may fail: that is the point */
        }
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        rig_reopen(&r);
        assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_OK);
        assert_true(topic_log_start(r.topic, 0) <= 60);
        assert_int_equal(rig_check(r.dir, 0, topic_log_start(r.topic, 0), 90), ERR_OK);
        rig_end(&r);
        if (!hit) {
            return;
        }
    }
}

static bool has_no_new_file;

static int open_when_full(const char *path, int flags, mode_t mode)
{
    if (has_no_new_file && (flags & O_EXCL) != 0) {
        errno = ENOSPC;
        return -1;
    }
    return os_io_real.open(path, flags, mode);
}

/* A folder can be opened, read and counted as opened on a disk without room for another file. */
static void test_opens_on_a_full_disk(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    assert_int_equal(rig_append(&r, 0, 3, 200, NULL), ERR_OK);
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
    struct os_io table = os_io_real;
    table.open = open_when_full;
    os_io = &table;
    has_no_new_file = true;
    for (int32_t starts = 2; starts < 14; starts++) {
        rig_reopen(&r);
        assert_int_equal(topic_store_epoch(r.store), starts);
        assert_int_equal(rig_check(r.dir, 0, 0, 3), ERR_OK);
    }
    has_no_new_file = false;
    os_io = &os_io_real;
    rig_end(&r);
}

/* Reading gives an error or the right records when the n-th read fails. */
static void test_reads_fail(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    rig_small_segments(&r);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(rig_append(&r, 0, 3, 200, NULL), ERR_OK);
    }
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    for (unsigned n = 1;; n++) {
        os_io_faults_start(OS_IO_READ | OS_IO_OPEN, n, EIO, 0);
        err e = rig_check(r.dir, 0, 10, 60);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        assert_true(e == ERR_OK || e == ERR_IO);
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
        cmocka_unit_test(test_writes_fail),          cmocka_unit_test(test_syncs_fail),
        cmocka_unit_test(test_which_syncs_are_done), cmocka_unit_test(test_space_and_names_fail),
        cmocka_unit_test(test_create_is_atomic),     cmocka_unit_test(test_update_is_atomic),
        cmocka_unit_test(test_retention_faults),     cmocka_unit_test(test_reads_fail),
        cmocka_unit_test(test_opens_on_a_full_disk),
    };
    return cmocka_run_group_tests_name("topic_fault", tests, NULL, NULL);
}
