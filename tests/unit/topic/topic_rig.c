/* SPDX-License-Identifier: MIT */
/* topic_rig.c - see topic_rig.h. */
#include "topic_rig.h"

#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "topic/batch.h"

void rig_start(struct rig *r)
{
    *r = (struct rig){.options = {.wake_fd = -1, .manual_sync = true, .reserve_bytes = 1 << 20}};
    const char *base = getenv("TMPDIR");
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* many folders, many fsyncs */
    }
    (void)snprintf(r->dir, sizeof r->dir, "%s/tarn-topic-XXXXXX", base);
    assert_non_null(mkdtemp(r->dir));
}

err rig_open(struct rig *r, struct errmsg *msg)
{
    err e = topic_store_open(r->dir, &r->options, &r->store, msg);
    r->topic = e == ERR_OK ? topic_store_find(r->store, STR("t")) : NULL;
    return e;
}

void rig_must_open(struct rig *r)
{
    struct errmsg msg = {0};
    if (rig_open(r, &msg) != ERR_OK) {
        fail_msg("open: %s", msg.text);
    }
}

void rig_crash(struct rig *r)
{
    topic_store_free(r->store);
    r->store = NULL;
    r->topic = NULL;
}

void rig_create(struct rig *r, uint32_t partitions)
{
    AUTO_TOPIC_META meta = {0};
    struct errmsg msg = {0};
    assert_int_equal(topic_meta_init(&meta, STR("t"), NULL), ERR_OK);
    meta.partition_count = partitions;
    if (topic_store_create(r->store, &meta, NULL, &r->topic, &msg) != ERR_OK) {
        fail_msg("create: %s", msg.text);
    }
}

void rig_make(struct rig *r, uint32_t partitions)
{
    rig_start(r);
    rig_must_open(r);
    rig_create(r, partitions);
}

void rig_reopen(struct rig *r)
{
    rig_crash(r);
    rig_must_open(r);
}

void rig_small_segments(struct rig *r)
{
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r->topic), &meta);
    meta.settings.segment_bytes = 4096;
    assert_int_equal(topic_store_update(r->store, r->topic, &meta, NULL), ERR_OK);
}

void rig_end(struct rig *r)
{
    rig_crash(r);
    assert_int_equal(os_remove_tree(r->dir, NULL), ERR_OK);
}

static struct str value_of(char *room, size_t room_bytes, uint32_t partition, int64_t offset,
                           size_t value_bytes)
{
    int len = snprintf(room, room_bytes, "p%u:%lld ", partition, (long long)offset);
    size_t want = MIN(MAX((size_t)len, value_bytes), room_bytes);
    memset(room + len, 'x', want - (size_t)len);
    return str_of(room, want);
}

struct str rig_batch(struct buf *out, uint32_t partition, int64_t offset, int count,
                     size_t value_bytes)
{
    char room[4096];
    struct batch_builder b;
    batch_builder_begin(&b, out, 1700000000000, -1, -1, -1);
    for (int i = 0; i < count; i++) {
        struct str value = value_of(room, sizeof room, partition, offset + i, value_bytes);
        assert_true(batch_builder_add(&b, i % 3 == 1, STR("key"), value));
    }
    struct str bytes;
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    return bytes;
}

err rig_append(struct rig *r, uint32_t partition, int count, size_t value_bytes, uint64_t *out_seq)
{
    AUTO_BUF room = buf_make(64 << 20);
    int64_t expected = topic_written_end(r->topic, partition);
    struct str batch = rig_batch(&room, partition, expected, count, value_bytes);
    int64_t base = -1;
    uint64_t seq = 0;
    TRY(topic_append(r->topic, partition, batch, &base, &seq, NULL));
    assert_int_equal(base, expected);
    topic_store_flush_writes(r->store);
    if (out_seq != NULL) {
        *out_seq = seq;
    }
    return ERR_OK;
}

void rig_store(struct rig *r, uint32_t partition, int count, size_t value_bytes)
{
    assert_int_equal(rig_append(r, partition, count, value_bytes, NULL), ERR_OK);
    assert_int_equal(topic_store_sync_now(r->store, NULL), ERR_OK);
}

static int64_t check_batches(struct str bytes, uint32_t partition, int64_t from, int64_t expected,
                             int64_t end)
{
    while (bytes.len > 0) {
        struct batch_header h;
        struct batch_iter it;
        struct record record;
        err e = ERR_OK;
        assert_int_equal(batch_header_decode(bytes, &h, NULL), ERR_OK);
        assert_int_equal(batch_iter_init(&it, bytes, NULL), ERR_OK);
        while (batch_iter_next(&it, &record, &e)) {
            char room[64];
            struct str head = value_of(room, sizeof room, partition, record.offset, 0);
            assert_true(str_starts(record.value, head));
            if (record.offset >= from && record.offset < end) {
                assert_int_equal(record.offset, expected);
                expected++;
            }
        }
        assert_int_equal(e, ERR_OK);
        bytes = str_of(bytes.ptr + h.total_bytes, bytes.len - h.total_bytes);
    }
    return expected;
}

err rig_check(const char *dir, uint32_t partition, int64_t from, int64_t end)
{
    AUTO_TEXT path = rig_partition_dir(dir, partition);
    AUTO(topic_reader) reader = NULL;
    TRY(topic_reader_open(path, &reader, NULL));
    AUTO_BUF bytes = buf_make(64 << 20);
    int64_t expected = from;
    while (expected < end) {
        struct topic_read read;
        buf_reset(&bytes);
        TRY(topic_reader_read(reader, expected, end, 100000, &bytes, &read, NULL));
        assert_true(read.next_offset > expected);
        assert_int_equal(read.bytes, bytes.len);
        int64_t next = check_batches(buf_str(&bytes), partition, expected, expected, end);
        assert_int_equal(next, MIN(read.next_offset, end));
        for (int i = 0; i < TOPIC_READ_PADDING; i++) {
            assert_int_equal(bytes.data[bytes.len + (size_t)i], 0);
        }
        expected = next;
    }
    return ERR_OK;
}

char *rig_partition_dir(const char *dir, uint32_t partition)
{
    return xasprintf("%s/topics/t/%u", dir, partition);
}

char *rig_last_segment(const char *dir, uint32_t partition)
{
    AUTO_TEXT path = rig_partition_dir(dir, partition);
    AUTO_NAMES names = {0};
    assert_int_equal(os_list(path, &names, NULL), ERR_OK);
    for (size_t i = names.count; i > 0; i--) {
        if (str_ends(str_from(names.items[i - 1]), STR(".log"))) {
            return xasprintf("%s/%s", path, names.items[i - 1]);
        }
    }
    fail_msg("no segment in %s", path);
    return NULL;
}

void rig_read_file(const char *path, struct buf *out)
{
    *out = buf_make(64 << 20);
    assert_int_equal(os_read_file(path, out, NULL), ERR_OK);
}

void rig_write_file(const char *path, struct str bytes)
{
    int fd = -1;
    assert_int_equal(os_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, NULL), ERR_OK);
    assert_int_equal(os_pwrite(fd, bytes.ptr, bytes.len, 0, NULL), ERR_OK);
    os_close(fd);
}

void rig_copy_tree(const char *from, const char *to)
{
    struct os_stat st;
    assert_int_equal(os_stat(from, &st, NULL), ERR_OK);
    if (!st.is_dir) {
        AUTO_BUF bytes;
        rig_read_file(from, &bytes);
        rig_write_file(to, buf_str(&bytes));
        return;
    }
    AUTO_NAMES names = {0};
    assert_int_equal(os_mkdirs(to, NULL), ERR_OK);
    assert_int_equal(os_list(from, &names, NULL), ERR_OK);
    for (size_t i = 0; i < names.count; i++) {
        AUTO_TEXT source = xasprintf("%s/%s", from, names.items[i]);
        AUTO_TEXT target = xasprintf("%s/%s", to, names.items[i]);
        rig_copy_tree(source, target);
    }
}

uint64_t rig_file_bytes(const char *path)
{
    struct os_stat st;
    assert_int_equal(os_stat(path, &st, NULL), ERR_OK);
    return st.size_bytes;
}
