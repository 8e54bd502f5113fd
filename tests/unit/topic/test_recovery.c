/* SPDX-License-Identifier: MIT */
/* test_recovery.c - what is left after crashes, cuts and flipped bits, before and after the
 * mark. */
#include "topic_rig.h"

#include <errno.h>

#include "os/file.h"
#include "os/io.h"
#include "topic/batch.h"
#include "topic/segment.h"

/* A folder with `synced` offsets below the mark and `written` more after it, crashed; behind them
 * is the space that was reserved, as zeros. Returns where they end. */
static uint64_t make_crashed_reserved(struct rig *r, int synced_batches, int written_batches)
{
    rig_make(r, 1);
    for (int i = 0; i < synced_batches; i++) {
        assert_int_equal(rig_append(r, 0, 2, 60, NULL), ERR_OK);
    }
    assert_int_equal(topic_store_sync_now(r->store, NULL), ERR_OK);
    for (int i = 0; i < written_batches; i++) {
        assert_int_equal(rig_append(r, 0, 2, 60, NULL), ERR_OK);
    }
    uint64_t end = topic_partition_bytes(r->topic, 0);
    rig_crash(r);
    return end;
}

/* The same without the reserved space. */
static void make_crashed(struct rig *r, int synced_batches, int written_batches)
{
    uint64_t end = make_crashed_reserved(r, synced_batches, written_batches);
    AUTO_TEXT path = rig_last_segment(r->dir, 0);
    AUTO_FD fd = -1;
    assert_int_equal(os_open(path, O_WRONLY, &fd, NULL), ERR_OK);
    assert_int_equal(os_truncate(fd, end, NULL), ERR_OK);
}

/* Works on copies of r's folder under r->dir + "-copy". */
static void copy_folder(const struct rig *r, struct rig *copy)
{
    *copy = *r;
    (void)snprintf(copy->dir, sizeof copy->dir, "%s-copy", r->dir);
    assert_int_equal(os_remove_tree(copy->dir, NULL), ERR_OK);
    rig_copy_tree(r->dir, copy->dir);
}

/* Recovering again finds the same end and changes nothing. */
static void check_stable(struct rig *copy, int64_t end)
{
    rig_crash(copy);
    struct topic_ends ends;
    AUTO_TEXT dir = rig_partition_dir(copy->dir, 0);
    assert_int_equal(topic_recover_readonly(dir, &ends, NULL), ERR_OK);
    assert_int_equal(ends.end, end);
    rig_must_open(copy);
    assert_int_equal(topic_durable_end(copy->topic, 0), end);
    assert_int_equal(topic_store_recovery(copy->store).rewritten_bytes, 0);
    assert_int_equal(topic_store_recovery(copy->store).cut_bytes, 0);
}

/* However many bytes of the last batch are missing, everything before it is there, the rest is
 * cut, and appending goes on; reading alone sees the same. */
static void test_cut_at_each_byte(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 2, 3);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    size_t batch = bytes.len / 5;
    for (size_t cut = 1; cut <= batch + 20; cut++) {
        struct rig copy;
        copy_folder(&r, &copy);
        AUTO_TEXT target = rig_last_segment(copy.dir, 0);
        rig_write_file(target, str_of(bytes.data, bytes.len - cut));
        int64_t end = cut <= batch ? 8 : 6;
        struct topic_ends ends;
        AUTO_TEXT dir = rig_partition_dir(copy.dir, 0);
        assert_int_equal(topic_recover_readonly(dir, &ends, NULL), ERR_OK);
        assert_int_equal(ends.end, end);
        assert_false(ends.is_damaged);
        assert_int_equal(rig_file_bytes(target), bytes.len - cut); /* it wrote nothing */
        rig_must_open(&copy);
        assert_int_equal(topic_durable_end(copy.topic, 0), end);
        assert_int_equal(topic_written_end(copy.topic, 0), end);
        assert_int_equal(rig_check(copy.dir, 0, 0, end), ERR_OK);
        rig_store(&copy, 0, 2, 60);
        assert_int_equal(rig_check(copy.dir, 0, 0, end + 2), ERR_OK);
        check_stable(&copy, end + 2);
        rig_end(&copy);
    }
    rig_end(&r);
}

/* A flipped bit after the mark cuts the log there, never later; nothing wrong is ever read. */
static void test_flip_after_mark(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 2, 3);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    size_t batch = bytes.len / 5;
    for (size_t at = 2 * batch; at < bytes.len; at += 2) {
        struct rig copy;
        copy_folder(&r, &copy);
        AUTO_TEXT target = rig_last_segment(copy.dir, 0);
        bytes.data[at] ^= (char)(1 << at % 8);
        rig_write_file(target, buf_str(&bytes));
        bytes.data[at] ^= (char)(1 << at % 8);
        rig_must_open(&copy);
        int64_t end = topic_durable_end(copy.topic, 0);
        size_t in_batch = at % batch;
        bool is_epoch = in_batch >= 12 && in_batch < 16; /* outside the checksum, of no meaning */
        assert_int_equal(end, is_epoch ? 10 : (int64_t)(at / batch) * 2);
        assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_OK);
        assert_int_equal(rig_check(copy.dir, 0, 0, end), ERR_OK);
        rig_end(&copy);
    }
    rig_end(&r);
}

/* A flipped bit before the mark is damage: nothing is cut, the partition refuses appends, reads
 * across it fail, and a repair lets go of that batch alone. */
static void test_flip_before_mark(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 4, 2);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    size_t batch = bytes.len / 6;
    for (size_t at = 0; at < 4 * batch; at += 5) {
        if (at % batch >= 12 && at % batch < 16) {
            continue;
        }
        struct rig copy;
        copy_folder(&r, &copy);
        AUTO_TEXT target = rig_last_segment(copy.dir, 0);
        bytes.data[at] ^= (char)(1 << at % 8);
        rig_write_file(target, buf_str(&bytes));
        bytes.data[at] ^= (char)(1 << at % 8);
        int64_t bad = (int64_t)(at / batch) * 2;
        rig_must_open(&copy);
        assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_DAMAGED);
        assert_int_equal(topic_store_recovery(copy.store).damaged_partitions, 1);
        assert_int_equal(topic_durable_end(copy.topic, 0), 12);
        assert_int_equal(rig_append(&copy, 0, 2, 60, NULL), ERR_CORRUPT);
        assert_int_equal(rig_check(copy.dir, 0, 0, 12), ERR_CORRUPT);
        assert_int_equal(rig_check(copy.dir, 0, 0, bad), ERR_OK);
        rig_crash(&copy); /* the quarantine outlives a restart */
        rig_must_open(&copy);
        assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_DAMAGED);
        assert_int_equal(topic_durable_end(copy.topic, 0), 12);
        int64_t lost = 0;
        assert_int_equal(topic_repair(copy.topic, 0, &lost, NULL), ERR_OK);
        assert_int_equal(lost, 2);
        assert_int_equal(rig_check(copy.dir, 0, 0, bad), ERR_OK);
        assert_int_equal(rig_check(copy.dir, 0, bad + 2, 12), ERR_OK);
        assert_true(topic_gap_covers(topic_meta_of(copy.topic), 0, bad, bad + 2));
        rig_store(&copy, 0, 2, 60);
        assert_int_equal(rig_check(copy.dir, 0, bad + 2, 14), ERR_OK);
        check_stable(&copy, 14);
        rig_end(&copy);
    }
    rig_end(&r);
}

/* A file that lost its end before the mark is damage; after a repair the lost offsets are not given
 * to other events, and reading across the gap goes on behind it. */
static void test_short_file_is_damage(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 4, 0);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    rig_write_file(path, str_of(bytes.data, bytes.len / 2 + 5));
    rig_must_open(&r);
    assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_DAMAGED);
    assert_int_equal(rig_file_bytes(path), bytes.len / 2 + 5);
    int64_t lost = 0;
    assert_int_equal(topic_repair(r.topic, 0, &lost, NULL), ERR_OK);
    assert_int_equal(lost, 4);
    assert_int_equal(topic_written_end(r.topic, 0), 8);
    rig_store(&r, 0, 2, 60);
    AUTO_TEXT dir = rig_partition_dir(r.dir, 0);
    AUTO(topic_reader) reader = NULL;
    assert_int_equal(topic_reader_open(dir, &reader, NULL), ERR_OK);
    AUTO_BUF out = buf_make(1 << 20);
    struct topic_read read;
    assert_int_equal(topic_reader_read(reader, 0, 10, 100000, &out, &read, NULL), ERR_OK);
    assert_int_equal(read.next_offset, 4);
    assert_int_equal(topic_reader_read(reader, 4, 10, 100000, &out, &read, NULL), ERR_OK);
    assert_int_equal(read.first_offset, 8);
    assert_int_equal(read.next_offset, 10);
    check_stable(&r, 10);
    rig_end(&r);
}

/* A missing segment or a missing mark with damage quarantines; a missing mark alone does not. */
static void test_missing_files(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 3, 1);
    struct rig copy;
    copy_folder(&r, &copy);
    AUTO_TEXT mark = xasprintf("%s/topics/t/0/mark", copy.dir);
    assert_int_equal(os_unlink(mark, NULL), ERR_OK);
    rig_must_open(&copy);
    assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_OK);
    assert_int_equal(topic_durable_end(copy.topic, 0), 8);
    check_stable(&copy, 8);
    rig_end(&copy);

    copy_folder(&r, &copy);
    assert_int_equal(os_unlink(mark, NULL), ERR_OK);
    AUTO_TEXT path = rig_last_segment(copy.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    bytes.data[bytes.len / 4 + 70] ^= 4;
    rig_write_file(path, buf_str(&bytes));
    rig_must_open(&copy);
    assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_DAMAGED);
    int64_t lost = 0;
    assert_int_equal(topic_repair(copy.topic, 0, &lost, NULL), ERR_OK);
    assert_int_equal(lost, 2);
    assert_int_equal(rig_check(copy.dir, 0, 4, 8), ERR_OK);
    rig_end(&copy);

    copy_folder(&r, &copy);
    AUTO_TEXT gone = rig_last_segment(copy.dir, 0);
    assert_int_equal(os_unlink(gone, NULL), ERR_OK);
    rig_must_open(&copy);
    assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_DAMAGED);
    assert_int_equal(rig_check(copy.dir, 0, 0, 6), ERR_RANGE);
    assert_int_equal(topic_repair(copy.topic, 0, &lost, NULL), ERR_OK);
    assert_int_equal(lost, 6);
    assert_int_equal(rig_append(&copy, 0, 2, 60, NULL), ERR_OK);
    assert_int_equal(topic_written_end(copy.topic, 0), 8);
    rig_end(&copy);
    rig_end(&r);
}

/* Zeros behind the good end are reserved space: they are no cut, and gone after recovery, with and
 * without batches after the mark, with and without a mark. */
static void test_reserved_tail(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct rig r;
        int written = kind % 2 == 0 ? 0 : 3;
        int64_t end = 4 + 2 * written;
        uint64_t end_bytes = make_crashed_reserved(&r, 2, written);
        AUTO_TEXT path = rig_last_segment(r.dir, 0);
        assert_true(rig_file_bytes(path) > end_bytes + 4096);
        if (kind >= 2) {
            AUTO_TEXT mark = xasprintf("%s/topics/t/0/mark", r.dir);
            assert_int_equal(os_unlink(mark, NULL), ERR_OK);
        }
        uint64_t before = rig_file_bytes(path);
        struct topic_ends ends;
        AUTO_TEXT dir = rig_partition_dir(r.dir, 0);
        assert_int_equal(topic_recover_readonly(dir, &ends, NULL), ERR_OK);
        assert_int_equal(ends.end, end);
        assert_false(ends.is_damaged);
        assert_int_equal(rig_file_bytes(path), before); /* it wrote nothing */
        assert_int_equal(rig_check(r.dir, 0, 0, end), ERR_OK);
        rig_must_open(&r);
        assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_OK);
        assert_int_equal(topic_store_recovery(r.store).cut_bytes, 0);
        assert_int_equal(topic_durable_end(r.topic, 0), end);
        assert_int_equal(topic_partition_bytes(r.topic, 0), end_bytes);
        check_stable(&r, end);
        rig_store(&r, 0, 2, 60);
        assert_int_equal(rig_check(r.dir, 0, 0, end + 2), ERR_OK);
        assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
        AUTO_TEXT last = rig_last_segment(r.dir, 0);
        assert_true(rig_file_bytes(last) < 2 * end_bytes); /* an orderly end gives space back */
        check_stable(&r, end + 2);
        rig_end(&r);
    }
}

/* Of a batch whose end never reached reserved space the rest is zeros: whatever is there of it is
 * cut, what is before it stays. */
static void test_torn_batch_in_reserved_space(void **state)
{
    (void)state;
    struct rig r;
    uint64_t end_bytes = make_crashed_reserved(&r, 2, 3);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    size_t batch = (size_t)end_bytes / 5;
    for (size_t missing = 1; missing <= batch; missing++) {
        struct rig copy;
        copy_folder(&r, &copy);
        AUTO_TEXT target = rig_last_segment(copy.dir, 0);
        bytes.data[end_bytes - missing] = 0;
        rig_write_file(target, buf_str(&bytes));
        /* A batch ends in a zero that is its own; the checksum tells. */
        int64_t end = missing == 1 ? 10 : 8;
        struct topic_ends ends;
        AUTO_TEXT dir = rig_partition_dir(copy.dir, 0);
        assert_int_equal(topic_recover_readonly(dir, &ends, NULL), ERR_OK);
        assert_int_equal(ends.end, end);
        rig_must_open(&copy);
        assert_int_equal(topic_durable_end(copy.topic, 0), end);
        assert_true(topic_store_recovery(copy.store).cut_bytes <= batch);
        assert_int_equal(rig_check(copy.dir, 0, 0, end), ERR_OK);
        check_stable(&copy, end);
        rig_end(&copy);
    }
    rig_end(&r);
}

/* Zeros where the mark says there are batches are damage, not an end; a repair keeps the rest. */
static void test_zeros_before_mark(void **state)
{
    (void)state;
    struct rig r;
    uint64_t end_bytes = make_crashed_reserved(&r, 4, 0);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    memset(bytes.data + end_bytes / 2, 0, end_bytes / 2);
    rig_write_file(path, buf_str(&bytes));
    rig_must_open(&r);
    assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_DAMAGED);
    assert_int_equal(rig_check(r.dir, 0, 0, 8), ERR_CORRUPT);
    assert_int_equal(rig_check(r.dir, 0, 0, 4), ERR_OK);
    int64_t lost = 0;
    assert_int_equal(topic_repair(r.topic, 0, &lost, NULL), ERR_OK);
    assert_int_equal(lost, 4);
    rig_store(&r, 0, 2, 60);
    assert_int_equal(rig_check(r.dir, 0, 8, 10), ERR_OK);
    check_stable(&r, 10);
    rig_end(&r);
}

/* A partition reported as damaged while it had space reserved is repaired without a gap. */
static void test_repair_with_reserved_space(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    assert_int_equal(rig_append(&r, 0, 2, 60, NULL), ERR_OK);
    topic_report_damage(r.topic, 0, "a reader said so");
    int64_t lost = -1;
    assert_int_equal(topic_repair(r.topic, 0, &lost, NULL), ERR_OK);
    assert_int_equal(lost, 0);
    rig_store(&r, 0, 2, 60);
    assert_int_equal(rig_check(r.dir, 0, 0, 4), ERR_OK);
    check_stable(&r, 4);
    rig_end(&r);
}

static void check_reader_at_tail(uint64_t zeros)
{
    struct rig r;
    rig_make(&r, 1);
    rig_store(&r, 0, 2, 1500);
    AUTO_TEXT dir = rig_partition_dir(r.dir, 0);
    AUTO_TEXT first = rig_last_segment(r.dir, 0);
    AUTO(topic_reader) reader = NULL;
    assert_int_equal(topic_reader_open(dir, &reader, NULL), ERR_OK);
    AUTO_BUF out = buf_make(1 << 20);
    struct topic_read read;
    assert_int_equal(topic_reader_read(reader, 0, 4, 1000, &out, &read, NULL), ERR_OK);
    assert_int_equal(read.next_offset, 2);
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r.topic), &meta);
    meta.settings.segment_bytes = 4096; /* the next append rolls */
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
    assert_int_equal(rig_append(&r, 0, 2, 1500, NULL), ERR_OK);
    AUTO_FD fd = -1;
    assert_int_equal(os_open(first, O_WRONLY, &fd, NULL), ERR_OK);
    assert_int_equal(os_truncate(fd, rig_file_bytes(first) + zeros, NULL), ERR_OK);
    assert_int_equal(topic_reader_read(reader, 2, 4, 1000, &out, &read, NULL), ERR_OK);
    assert_int_equal(read.first_offset, 2);
    assert_int_equal(read.next_offset, 4);
    assert_int_equal(topic_reader_read(reader, 4, 6, 1000, &out, &read, NULL), ERR_CORRUPT);
    rig_end(&r);
}

/* A reader that was at the end of the active segment goes on behind it after a roll, also while
 * the zeros that were reserved there are still in the file; zeros are never taken for events. */
static void test_reader_at_reserved_tail(void **state)
{
    (void)state;
    static const uint64_t tails[] = {0, 1, 8, 16, 17, 60, 61, 62, 5000, 200000};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        check_reader_at_tail(tails[i]);
    }
}

/* Garbage or a misplaced batch behind the good end is a torn tail, zeros are just cut. */
static void test_garbage_tail(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 2, 2);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    size_t good = bytes.len;
    for (int kind = 0; kind < 3; kind++) {
        bytes.len = good;
        char zeros[5000] = {0};
        if (kind == 0) {
            assert_true(buf_add(&bytes, zeros, sizeof zeros));
        } else if (kind == 1) {
            memset(zeros, 0xa5, sizeof zeros);
            assert_true(buf_add(&bytes, zeros, sizeof zeros));
        } else {
            AUTO_BUF again = buf_make(1 << 20); /* the first batch once more */
            assert_true(buf_add(&again, bytes.data, good / 4));
            assert_true(buf_add_str(&bytes, buf_str(&again)));
        }
        struct rig copy;
        copy_folder(&r, &copy);
        AUTO_TEXT target = rig_last_segment(copy.dir, 0);
        rig_write_file(target, buf_str(&bytes));
        rig_must_open(&copy);
        assert_int_equal(topic_durable_end(copy.topic, 0), 8);
        assert_int_equal(topic_store_recovery(copy.store).cut_bytes > 0, kind > 0);
        assert_int_equal(rig_check(copy.dir, 0, 0, 8), ERR_OK);
        check_stable(&copy, 8);
        rig_end(&copy);
    }
    rig_end(&r);
}

/* Good batches after the mark are copied to new blocks: the file they lay in is cut at the mark. */
static void test_tail_is_rewritten(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 3, 2);
    AUTO_TEXT old = rig_last_segment(r.dir, 0);
    uint64_t before = rig_file_bytes(old);
    rig_must_open(&r);
    assert_int_equal(rig_file_bytes(old), before / 5 * 3);
    AUTO_TEXT fresh = rig_last_segment(r.dir, 0);
    assert_string_not_equal(old, fresh);
    assert_int_equal(rig_file_bytes(fresh), before / 5 * 2);
    assert_int_equal(topic_store_recovery(r.store).rewritten_bytes, before / 5 * 2);
    assert_int_equal(rig_check(r.dir, 0, 0, 10), ERR_OK);
    rig_end(&r);
}

/* The n-th failing call during recovery gives an error or the right answer, and the next recovery
 * without faults finds everything. */
static void test_recovery_fault_loop(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 3, 2);
    for (unsigned n = 1;; n++) {
        struct rig copy;
        copy_folder(&r, &copy);
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err e = rig_open(&copy, NULL);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        if (e == ERR_OK) {
            assert_int_equal(topic_durable_end(copy.topic, 0), 10);
        }
        rig_reopen(&copy);
        assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_OK);
        assert_int_equal(topic_durable_end(copy.topic, 0), 10);
        assert_int_equal(rig_check(copy.dir, 0, 0, 10), ERR_OK);
        rig_end(&copy);
        if (!hit) {
            assert_true(n > 10);
            break;
        }
    }
    rig_end(&r);
}

/* The n-th failing call during a repair: an error, and repairing again lets go of the same. */
static void test_repair_fault_loop(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 5, 0);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    bytes.data[bytes.len / 5 * 2 + 80] ^= 1;
    rig_write_file(path, buf_str(&bytes));
    for (unsigned n = 1;; n++) {
        struct rig copy;
        copy_folder(&r, &copy);
        rig_must_open(&copy);
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        int64_t lost = -1;
        err e = topic_repair(copy.topic, 0, &lost, NULL);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        rig_reopen(&copy);
        if (topic_partition_state(copy.topic, 0, NULL) == TOPIC_PARTITION_DAMAGED) {
            assert_int_not_equal(e, ERR_OK);
            assert_int_equal(topic_repair(copy.topic, 0, &lost, NULL), ERR_OK);
        }
        assert_true(topic_gap_covers(topic_meta_of(copy.topic), 0, 4, 6));
        assert_int_equal(topic_meta_of(copy.topic)->gap_count, 1);
        assert_int_equal(rig_check(copy.dir, 0, 0, 4), ERR_OK);
        assert_int_equal(rig_check(copy.dir, 0, 6, 10), ERR_OK);
        assert_int_equal(topic_written_end(copy.topic, 0), 10);
        rig_end(&copy);
        if (!hit) {
            assert_true(n > 10);
            break;
        }
    }
    rig_end(&r);
}

/* The mark survives a torn write of either slot. */
static void test_mark_slots(void **state)
{
    (void)state;
    char file[SEGMENT_MARK_BYTES] = {0};
    struct segment_mark old = {.generation = 6, .end = 10, .segment = 3, .position = 100};
    struct segment_mark fresh = {.generation = 7, .end = 20, .segment = 3, .position = 200};
    segment_mark_encode(&old, file);
    segment_mark_encode(&fresh, file + SEGMENT_MARK_SLOT);
    struct segment_mark got;
    assert_int_equal(segment_mark_decode(str_of(file, sizeof file), &got), ERR_OK);
    assert_int_equal(got.end, 20);
    for (int i = 0; i < 64; i++) {
        file[SEGMENT_MARK_SLOT + i] ^= 8;
        assert_int_equal(segment_mark_decode(str_of(file, sizeof file), &got), ERR_OK);
        assert_int_equal(got.end, 10);
        file[SEGMENT_MARK_SLOT + i] ^= 8;
    }
    assert_int_equal(segment_mark_decode(str_of(file, 64), &got), ERR_OK);
    assert_int_equal(segment_mark_decode(str_of(file, 63), &got), ERR_CORRUPT);
}

/* The index finds the batch of any offset, and a damaged one only costs time. */
static void test_index_is_a_hint(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    for (int i = 0; i < 800; i++) {
        assert_int_equal(rig_append(&r, 0, 3, 300, NULL), ERR_OK);
    }
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
    AUTO_TEXT dir = rig_partition_dir(r.dir, 0);
    uint64_t last = 0;
    for (int64_t offset = 100; offset < 2400; offset += 100) {
        uint64_t position = segment_index_find(dir, 0, offset, UINT64_MAX);
        assert_true(position > last);
        last = position;
        assert_int_equal(rig_check(r.dir, 0, offset, offset + 3), ERR_OK);
    }
    AUTO_TEXT index = segment_path(dir, 0, ".index");
    AUTO_BUF bytes;
    rig_read_file(index, &bytes);
    for (size_t i = 0; i < bytes.len; i += 5) {
        bytes.data[i] ^= 0x10;
    }
    rig_write_file(index, buf_str(&bytes));
    for (int64_t offset = 0; offset < 2400; offset += 100) {
        assert_int_equal(rig_check(r.dir, 0, offset, offset + 3), ERR_OK);
    }
    rig_reopen(&r);
    assert_int_equal(rig_check(r.dir, 0, 0, 2400), ERR_OK);
    rig_end(&r);
}

/* The disk is full from the n-th call of a recovery on: `copy` is opened, or not, cleanly. */
static err open_on_full_disk(struct rig *copy, unsigned n, int *out_hit)
{
    os_io_faults_start(OS_IO_WRITE | OS_IO_SPACE | OS_IO_NAME, n, ENOSPC, 1);
    err e = rig_open(copy, NULL);
    *out_hit = os_io_faults_hit();
    assert_true(e == ERR_OK || e == ERR_NOSPACE);
    return e;
}

/* What holds while a topic waits for space: all of it can be read, none of it changes. */
static void check_waiting(struct rig *copy, int64_t end)
{
    struct errmsg msg = {0};
    struct idem_request *request = NULL;
    assert_true(topic_is_waiting(copy->topic));
    assert_int_equal(topic_partition_state(copy->topic, 0, &msg), TOPIC_PARTITION_WAITING);
    assert_non_null(strstr(msg.text, "full"));
    assert_int_equal(topic_acked_end(copy->topic, 0), end);
    assert_true(topic_durable_end(copy->topic, 0) <= end);
    assert_int_equal(rig_check(copy->dir, 0, 0, end), ERR_OK);
    assert_int_equal(rig_append(copy, 0, 1, 60, NULL), ERR_NOSPACE);
    assert_int_equal(idem_begin(copy->topic, STR("k"), STR(""), &request, NULL), ERR_NOSPACE);
    assert_int_equal(topic_store_update(copy->store, copy->topic, topic_meta_of(copy->topic), NULL),
                     ERR_NOSPACE);
    assert_false(topic_store_failed(copy->store, NULL));
}

/* A recovery that finds no space, at whichever step, leaves a topic that can be read and refuses
 * appends; ticks end the recovery when there is space, also for a reader that had begun. */
static void test_recovery_waits_for_space(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 3, 4);
    int waited = 0;
    int hit = 1;
    for (unsigned n = 1; hit; n++) {
        struct rig copy;
        copy_folder(&r, &copy);
        if (open_on_full_disk(&copy, n, &hit) != ERR_OK) {
            os_io_faults_stop();
            rig_must_open(&copy);
        } else if (hit && topic_is_waiting(copy.topic)) {
            waited++;
            AUTO_TEXT dir = rig_partition_dir(copy.dir, 0);
            AUTO(topic_reader) reader = NULL;
            AUTO_BUF bytes = buf_make(1 << 20);
            struct topic_read read;
            assert_int_equal(topic_reader_open(dir, &reader, NULL), ERR_OK);
            assert_int_equal(topic_reader_read(reader, 0, 9, 1, &bytes, &read, NULL), ERR_OK);
            check_waiting(&copy, 14);
            topic_store_tick(copy.store); /* still full */
            check_waiting(&copy, 14);
            os_io_faults_stop();
            topic_store_tick(copy.store);
            assert_false(topic_is_waiting(copy.topic));
            while (read.next_offset < 14) {
                buf_reset(&bytes);
                assert_int_equal(
                    topic_reader_read(reader, read.next_offset, 14, 1, &bytes, &read, NULL),
                    ERR_OK);
            }
        }
        os_io_faults_stop();
        assert_int_equal(topic_partition_state(copy.topic, 0, NULL), TOPIC_PARTITION_OK);
        assert_int_equal(topic_durable_end(copy.topic, 0), 14);
        rig_store(&copy, 0, 2, 60);
        assert_int_equal(rig_check(copy.dir, 0, 0, 16), ERR_OK);
        check_stable(&copy, 16);
        rig_end(&copy);
    }
    assert_true(waited > 3);
    rig_end(&r);
}

/* A crash while a topic waits changes nothing: the next start waits, or ends the recovery. */
static void test_crash_while_waiting(void **state)
{
    (void)state;
    struct rig r;
    make_crashed(&r, 3, 4);
    int hit = 1;
    for (unsigned n = 1; hit; n++) {
        struct rig copy;
        copy_folder(&r, &copy);
        err e = open_on_full_disk(&copy, n, &hit);
        os_io_faults_stop();
        if (e == ERR_OK) {
            rig_crash(&copy);
        }
        rig_must_open(&copy);
        assert_false(topic_is_waiting(copy.topic));
        assert_int_equal(topic_durable_end(copy.topic, 0), 14);
        check_stable(&copy, 14);
        rig_end(&copy);
    }
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_each_byte),
        cmocka_unit_test(test_flip_after_mark),
        cmocka_unit_test(test_flip_before_mark),
        cmocka_unit_test(test_short_file_is_damage),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_garbage_tail),
        cmocka_unit_test(test_tail_is_rewritten),
        cmocka_unit_test(test_recovery_fault_loop),
        cmocka_unit_test(test_repair_fault_loop),
        cmocka_unit_test(test_mark_slots),
        cmocka_unit_test(test_index_is_a_hint),
        cmocka_unit_test(test_reserved_tail),
        cmocka_unit_test(test_torn_batch_in_reserved_space),
        cmocka_unit_test(test_zeros_before_mark),
        cmocka_unit_test(test_repair_with_reserved_space),
        cmocka_unit_test(test_reader_at_reserved_tail),
        cmocka_unit_test(test_recovery_waits_for_space),
        cmocka_unit_test(test_crash_while_waiting),
    };
    return cmocka_run_group_tests_name("topic_recovery", tests, NULL, NULL);
}
