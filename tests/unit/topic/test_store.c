/* SPDX-License-Identifier: MIT */
/* test_store.c - appending, group commit, topics, retention: the store as the front uses it. */
#include "topic_rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/hash.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/io.h"
#include "topic/batch.h"

/* What was appended and synced can be read back, and a reopened store goes on where it ended. */
static void test_append_sync_read_reopen(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    uint64_t seq = 0;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(rig_append(&r, (uint32_t)i % 2, i % 7 + 1, 100, &seq), ERR_OK);
    }
    assert_true(topic_store_durable_seq(r.store) < seq);
    assert_int_equal(topic_durable_end(r.topic, 0), 0);
    assert_true(topic_store_unsynced_bytes(r.store) > 0);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(topic_store_durable_seq(r.store), seq);
    assert_int_equal(topic_store_unsynced_bytes(r.store), 0);
    int64_t ends[2] = {topic_durable_end(r.topic, 0), topic_durable_end(r.topic, 1)};
    assert_true(ends[0] > 50 && ends[1] > 50);
    assert_int_equal(rig_check(r.dir, 0, 0, ends[0]), ERR_OK);
    assert_int_equal(rig_check(r.dir, 1, 17, ends[1] - 3), ERR_OK);
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
    rig_reopen(&r);
    assert_int_equal(topic_store_epoch(r.store), 2);
    assert_int_equal(topic_durable_end(r.topic, 0), ends[0]);
    assert_int_equal(topic_store_recovery(r.store).rewritten_bytes, 0);
    assert_int_equal(rig_append(&r, 0, 3, 100, &seq), ERR_OK);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(rig_check(r.dir, 0, 0, ends[0] + 3), ERR_OK);
    rig_end(&r);
}

/* Segments roll at their size, their names are their first offsets, and reads cross them. */
static void test_segments_roll(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r.topic), &meta);
    meta.settings.segment_bytes = 20000;
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(rig_append(&r, 0, 5, 200, NULL), ERR_OK);
    }
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    AUTO_TEXT dir = rig_partition_dir(r.dir, 0);
    AUTO_NAMES names = {0};
    assert_int_equal(os_list(dir, &names, NULL), ERR_OK);
    assert_true(names.count > 20);
    assert_int_equal(rig_check(r.dir, 0, 0, 1000), ERR_OK);
    for (int64_t from = 0; from < 1000; from += 37) {
        assert_int_equal(rig_check(r.dir, 0, from, MIN(from + 50, 1000)), ERR_OK);
    }
    rig_crash(&r); /* without finish */
    rig_must_open(&r);
    assert_int_equal(topic_durable_end(r.topic, 0), 1000);
    assert_int_equal(rig_check(r.dir, 0, 0, 1000), ERR_OK);
    rig_end(&r);
}

/* A batch larger than a segment has one of its own. */
static void test_large_batches(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    rig_small_segments(&r);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rig_append(&r, 0, 1, 10, NULL), ERR_OK);
        assert_int_equal(rig_append(&r, 0, 500, 400, NULL), ERR_OK);
    }
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(rig_check(r.dir, 0, 0, 5 * 501), ERR_OK);
    rig_end(&r);
}

/* Batches carry the start counter as leader epoch, and their checksum stays right. */
static void test_leader_epoch(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    assert_int_equal(rig_append(&r, 0, 2, 10, NULL), ERR_OK);
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
    rig_reopen(&r);
    assert_int_equal(rig_append(&r, 0, 200, 300, NULL), ERR_OK); /* a direct write */
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
    AUTO_TEXT path = rig_last_segment(r.dir, 0);
    AUTO_BUF bytes;
    rig_read_file(path, &bytes);
    struct batch_header h;
    assert_int_equal(batch_header_decode(buf_str(&bytes), &h, NULL), ERR_OK);
    assert_int_equal(h.leader_epoch, 1);
    struct str rest = str_of(bytes.data + h.total_bytes, bytes.len - h.total_bytes);
    assert_int_equal(batch_validate(rest, &h, NULL), ERR_OK);
    assert_int_equal(h.leader_epoch, 2);
    assert_int_equal(h.base_offset, 2);
    rig_end(&r);
}

/* A name or table name that is taken, or a bad name, is refused; a topic can start at offsets. */
static void test_create_rules(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    rig_must_open(&r);
    AUTO_TOPIC_META meta = {0};
    struct topic *t = NULL;
    assert_int_equal(topic_meta_init(&meta, STR("Web.Logs"), NULL), ERR_OK);
    int64_t starts[4] = {5, 0, 100, 7};
    assert_int_equal(topic_store_create(r.store, &meta, starts, &t, NULL), ERR_OK);
    assert_int_equal(topic_log_start(t, 2), 100);
    assert_int_equal(topic_durable_end(t, 2), 100);
    assert_string_equal(topic_meta_of(t)->table, "web_logs");
    assert_ptr_equal(topic_store_find_table(r.store, STR("web_logs")), t);
    struct topic *other = NULL;
    assert_int_equal(topic_store_create(r.store, &meta, NULL, &other, NULL), ERR_EXISTS);
    AUTO_TOPIC_META same_table = {0};
    assert_int_equal(topic_meta_init(&same_table, STR("web-logs"), NULL), ERR_OK);
    assert_int_equal(topic_store_create(r.store, &same_table, NULL, &other, NULL), ERR_EXISTS);
    AUTO_TOPIC_META dead = {0};
    assert_int_equal(topic_meta_init(&dead, STR("x-.dead"), NULL), ERR_INVALID);
    assert_int_equal(topic_meta_init(&dead, STR(".."), NULL), ERR_INVALID);
    assert_int_equal(topic_meta_init(&dead, STR("a/b"), NULL), ERR_INVALID);
    assert_int_equal(topic_store_count(r.store), 1);
    rig_end(&r);
}

/* A deleted topic is gone, also after a restart, and its files go bit by bit. */
static void test_delete(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 4);
    assert_int_equal(rig_append(&r, 1, 5, 100, NULL), ERR_OK);
    assert_int_equal(topic_store_delete(r.store, r.topic, NULL), ERR_OK);
    assert_null(topic_store_find(r.store, STR("t")));
    rig_create(&r, 2);
    assert_int_equal(topic_written_end(r.topic, 1), 0);
    for (int i = 0; i < 10; i++) {
        topic_store_tick(r.store);
    }
    AUTO_TEXT topics = xasprintf("%s/topics", r.dir);
    AUTO_NAMES names = {0};
    assert_int_equal(os_list(topics, &names, NULL), ERR_OK);
    assert_int_equal(names.count, 1);
    rig_end(&r);
}

/* What affects decoding gets a version that starts at the synced ends; other settings do not. */
static void test_versions_start_at_ends(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    assert_int_equal(rig_append(&r, 1, 5, 100, NULL), ERR_OK);
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r.topic), &meta);
    meta.settings.retention_ms = 5;
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
    assert_int_equal(topic_meta_of(r.topic)->version_count, 1);
    topic_text_set(&meta.versions[0].key_field, STR("user"));
    meta.partition_count = 3;
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
    rig_reopen(&r);
    const struct topic_meta *m = topic_meta_of(r.topic);
    assert_int_equal(m->version_count, 2);
    assert_int_equal(m->partition_count, 3);
    assert_int_equal(topic_version_at(m, 1, 4)->id, 1);
    assert_int_equal(topic_version_at(m, 1, 5)->id, 2);
    assert_int_equal(topic_version_at(m, 0, 0)->id, 2);
    assert_int_equal(topic_version_at(m, 2, 0)->id, 2);
    assert_int_equal(topic_version_next_start(m, 1, 0), 5);
    assert_int_equal(topic_version_next_start(m, 1, 5), INT64_MAX);
    assert_string_equal(topic_version_at(m, 1, 5)->key_field, "user");
    assert_int_equal(rig_append(&r, 2, 5, 100, NULL), ERR_OK);
    meta.partition_count = 2;
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_INVALID);
    rig_end(&r);
}

/* A page_cache topic may be acknowledged at once, and the writer still sees only synced bytes. */
static void test_page_cache(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r.topic), &meta);
    meta.settings.durability = TOPIC_PAGE_CACHE;
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
    uint64_t seq = 77;
    assert_int_equal(rig_append(&r, 0, 5, 100, &seq), ERR_OK);
    assert_int_equal(seq, 0);
    assert_int_equal(topic_acked_end(r.topic, 0), 5);
    assert_int_equal(topic_durable_end(r.topic, 0), 0);
    assert_int_equal(rig_check(r.dir, 0, 0, 5), ERR_OK);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(topic_durable_end(r.topic, 0), 5);
    rig_end(&r);
}

/* Retention lets go of old segments, and never of what both tables have not committed. */
static void test_retention_waits_for_commits(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r.topic), &meta);
    meta.settings.segment_bytes = 4096;
    meta.settings.retention_bytes = 0;
    assert_int_equal(topic_store_update(r.store, r.topic, &meta, NULL), ERR_OK);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(rig_append(&r, 0, 5, 200, NULL), ERR_OK);
    }
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    topic_store_tick(r.store);
    assert_int_equal(topic_log_start(r.topic, 0), 0);
    topic_set_committed(r.topic, 0, 200, 0);
    topic_store_tick(r.store);
    assert_int_equal(topic_log_start(r.topic, 0), 0);
    topic_set_committed(r.topic, 0, 200, 100);
    topic_store_tick(r.store);
    int64_t start = topic_log_start(r.topic, 0);
    assert_true(start > 50 && start <= 100);
    uint64_t before = topic_bytes(r.topic);
    assert_int_equal(rig_check(r.dir, 0, 0, 200), ERR_OK); /* files go after the mark only */
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    topic_store_tick(r.store);
    assert_true(topic_bytes(r.topic) < before);
    assert_int_equal(rig_check(r.dir, 0, 0, 200), ERR_RANGE);
    assert_int_equal(rig_check(r.dir, 0, start, 200), ERR_OK);
    rig_reopen(&r);
    assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_OK);
    assert_int_equal(topic_log_start(r.topic, 0), start);
    assert_int_equal(rig_check(r.dir, 0, start, 200), ERR_OK);
    rig_end(&r);
}

/* By time, even the active segment goes once it is old and committed; offsets go on. */
static void test_retention_by_time(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    os_clock_fix(1700000000000000);
    rig_must_open(&r);
    rig_create(&r, 1);
    rig_store(&r, 0, 5, 200);
    topic_set_committed(r.topic, 0, 5, 5);
    topic_store_tick(r.store);
    assert_int_equal(topic_log_start(r.topic, 0), 0);
    os_clock_fix(1700000000000000 + 8ll * 24 * 3600 * 1000000);
    for (int i = 0; i < 4; i++) {
        topic_store_tick(r.store);
        assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    }
    assert_int_equal(topic_log_start(r.topic, 0), 5);
    assert_int_equal(topic_bytes(r.topic), 0);
    rig_reopen(&r);
    assert_int_equal(topic_partition_state(r.topic, 0, NULL), TOPIC_PARTITION_OK);
    assert_int_equal(topic_durable_end(r.topic, 0), 5);
    assert_int_equal(rig_append(&r, 0, 5, 200, NULL), ERR_OK);
    os_clock_fix(-1);
    rig_end(&r);
}

/* Keys go where Kafka's default partitioner puts them (values from Kafka's own UtilsTest). */
static void test_keys_as_kafka(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } known[] = {{"21", -973932308},
                 {"foobar", -790332482},
                 {"a-little-bit-long-string", -985981536},
                 {"a-little-bit-longer-string", -1486304829},
                 {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                 {"abc", 479470107}};
    struct rig r;
    rig_make(&r, 7);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct str key = str_from(known[i].key);
        assert_int_equal((int32_t)hash_murmur2(key), known[i].hash);
        uint32_t expected = ((uint32_t)known[i].hash & 0x7fffffff) % 7;
        assert_int_equal(topic_partition_for_key(r.topic, key), expected);
    }
    rig_end(&r);
}

/* Keyless events stay in one partition until the next sync, then go to the next. */
static void test_sticky_partition(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 3);
    uint32_t seen = 0;
    for (int i = 0; i < 6; i++) {
        uint32_t p = topic_partition_sticky(r.topic);
        assert_int_equal(topic_partition_sticky(r.topic), p);
        seen |= 1u << p;
        rig_store(&r, p, 1, 10);
        assert_int_not_equal(topic_partition_sticky(r.topic), p);
    }
    assert_int_equal(seen, 7);
    rig_end(&r);
}

/* A full disk refuses appends, harms nothing that was acknowledged, and ends by itself. */
static void test_full_disk_heals(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 1);
    assert_int_equal(rig_append(&r, 0, 10, 100, NULL), ERR_OK);
    os_io_faults_start(OS_IO_SPACE, 1, ENOSPC, 1);
    err e = ERR_OK;
    int64_t appended = 10;
    while (e == ERR_OK) { /* until what was reserved is used up */
        e = rig_append(&r, 0, 10, 100, NULL);
        appended += e == ERR_OK ? 10 : 0;
    }
    assert_int_equal(e, ERR_NOSPACE);
    assert_int_equal(rig_append(&r, 0, 10, 100, NULL), ERR_NOSPACE);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(topic_durable_end(r.topic, 0), appended);
    os_io_faults_stop();
    rig_store(&r, 0, 10, 100);
    assert_int_equal(rig_check(r.dir, 0, 0, appended + 10), ERR_OK);
    rig_end(&r);
}

/* Damage that a reader met quarantines for good; a repair that finds nothing bad loses nothing. */
static void test_reported_damage(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    assert_int_equal(rig_append(&r, 1, 5, 100, NULL), ERR_OK);
    topic_report_damage(r.topic, 1, "a reader met a bad checksum");
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(topic_durable_end(r.topic, 1), 5);
    rig_reopen(&r);
    assert_int_equal(topic_partition_state(r.topic, 1, NULL), TOPIC_PARTITION_DAMAGED);
    assert_int_equal(rig_append(&r, 1, 1, 10, NULL), ERR_CORRUPT);
    for (int i = 0; i < 3; i++) {
        uint32_t p = topic_partition_sticky(r.topic);
        assert_int_equal(p, 0);
        rig_store(&r, p, 1, 10);
    }
    int64_t lost = -1;
    assert_int_equal(topic_repair(r.topic, 0, &lost, NULL), ERR_INVALID);
    assert_int_equal(topic_repair(r.topic, 1, &lost, NULL), ERR_OK);
    assert_int_equal(lost, 0);
    rig_store(&r, 1, 1, 10);
    assert_int_equal(rig_check(r.dir, 1, 0, 6), ERR_OK);
    rig_end(&r);
}

struct follower {
    const char *dir;
    _Atomic int64_t end;
    atomic_bool is_done;
};

/* Reads all that is acknowledged, over and over, as another process would. */
/* A store writes to more partitions than its process may have files open, and opens them again;
 * files that nobody needs are closed. */
static void test_more_partitions_than_open_files(void **state)
{
    (void)state;
    enum { PARTITIONS = 100, FILES = 64 };
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {.rlim_cur = FILES, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct rig r;
    rig_make(&r, PARTITIONS);
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            rig_store(&r, p, 3, 100);
        }
        assert_int_equal(topic_store_failed(r.store, NULL), false);
        rig_reopen(&r);
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(topic_durable_end(r.topic, p), 6);
        assert_int_equal(rig_check(r.dir, p, 0, 6), ERR_OK);
    }
    rig_end(&r);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Without a descriptor an append is refused and changes nothing; it succeeds when there is one. */
static void test_no_descriptor_left(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, 2);
    rig_store(&r, 0, 3, 100);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    AUTO_BUF bytes = buf_make(1 << 20);
    int64_t base = -1;
    uint64_t seq = 0;
    struct errmsg msg = {0};
    err e = topic_append(r.topic, 1, rig_batch(&bytes, 1, 0, 3, 100), &base, &seq, &msg);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(e, ERR_LIMIT);
    assert_non_null(strstr(msg.text, "ulimit -n"));
    assert_int_equal(topic_store_failed(r.store, NULL), false);
    rig_store(&r, 1, 3, 100);
    rig_reopen(&r);
    assert_int_equal(rig_check(r.dir, 1, 0, 3), ERR_OK);
    rig_end(&r);
}

static void *follow(void *context)
{
    struct follower *f = context;
    bool is_last = false;
    int64_t from = 0;
    while (!is_last) {
        is_last = atomic_load(&f->is_done);
        int64_t end = atomic_load(&f->end);
        if (rig_check(f->dir, 0, from, end) != ERR_OK) {
            return context;
        }
        from = end - MIN(end, 20);
    }
    return NULL;
}

/* A reader beside the writer sees exactly what is acknowledged, across rolls. */
static void test_reader_beside_writer(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    r.options.manual_sync = false;
    rig_must_open(&r);
    rig_create(&r, 1);
    rig_small_segments(&r);
    struct follower f = {.dir = r.dir};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(rig_append(&r, 0, 3, i % 100 == 0 ? 4000 : 60, NULL), ERR_OK);
        atomic_store(&f.end, topic_acked_end(r.topic, 0));
    }
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    atomic_store(&f.end, topic_acked_end(r.topic, 0));
    atomic_store(&f.is_done, true);
    void *result = &f;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    rig_end(&r);
}

/* With the sync thread: numbers become durable without being asked for, and wake the reactor. */
static void test_group_commit_thread(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r);
    r.options.manual_sync = false;
    r.options.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rig_must_open(&r);
    rig_create(&r, 6);
    int64_t ends[6] = {0};
    for (int round = 0; round < 200; round++) {
        uint64_t seq = 0;
        for (int i = 0; i < round % 9 + 1; i++) {
            uint32_t p = (uint32_t)(round + i) % 6;
            assert_int_equal(rig_append(&r, p, 2, round % 50 == 0 ? 3000 : 50, &seq), ERR_OK);
            ends[p] += 2;
        }
        while (topic_store_durable_seq(r.store) < seq) {
            struct pollfd wait = {.fd = r.options.wake_fd, .events = POLLIN};
            assert_int_equal(poll(&wait, 1, 10000), 1);
            eventfd_t count;
            (void)eventfd_read(r.options.wake_fd, &count); /* empty is fine */
        }
        for (uint32_t p = 0; p < 6; p++) {
            assert_int_equal(topic_durable_end(r.topic, p), ends[p]);
        }
    }
    assert_int_equal(topic_store_finish(r.store, NULL), ERR_OK);
    assert_true(topic_store_sync_stats(r.store).rounds > 100);
    assert_int_equal(topic_store_delete(r.store, r.topic, NULL), ERR_OK);
    rig_create(&r, 2);
    assert_int_equal(rig_append(&r, 0, 2, 10, NULL), ERR_OK);
    rig_crash(&r);
    close(r.options.wake_fd);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_sync_read_reopen),
        cmocka_unit_test(test_segments_roll),
        cmocka_unit_test(test_large_batches),
        cmocka_unit_test(test_leader_epoch),
        cmocka_unit_test(test_create_rules),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_versions_start_at_ends),
        cmocka_unit_test(test_page_cache),
        cmocka_unit_test(test_retention_waits_for_commits),
        cmocka_unit_test(test_retention_by_time),
        cmocka_unit_test(test_keys_as_kafka),
        cmocka_unit_test(test_sticky_partition),
        cmocka_unit_test(test_full_disk_heals),
        cmocka_unit_test(test_reported_damage),
        cmocka_unit_test(test_more_partitions_than_open_files),
        cmocka_unit_test(test_no_descriptor_left),
        cmocka_unit_test(test_reader_beside_writer),
        cmocka_unit_test(test_group_commit_thread),
    };
    return cmocka_run_group_tests_name("topic_store", tests, NULL, NULL);
}
