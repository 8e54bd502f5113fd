/* SPDX-License-Identifier: MIT */
/* test_record_page.c - pages of records, in both orders, with a filter and from a time on, hold
 * each record once and in order, whatever the pages, the batches and the segments. */
#include "../topic/topic_rig.h"
#include "flow_test.h"

#include "flow/record_page.h"

enum { PARTITIONS = 3, RECORDS = 1500, KEYS = 5 };

struct one {
    uint32_t partition;
    int64_t offset;
    int64_t time_ms;
    unsigned key;
};

struct all {
    struct one ones[RECORDS]; /* in the order of appending, which is that of time */
    size_t count;
};

/* Batches of random sizes for random partitions; times grow, and are sometimes the same. */
static void fill(struct rig *r, struct all *all, uint64_t *random)
{
    int64_t ends[PARTITIONS] = {0};
    int64_t now = 1000;
    rig_make(r, PARTITIONS);
    rig_small_segments(r);
    all->count = 0;
    while (all->count < RECORDS) {
        AUTO_BUF bytes = buf_make(1 << 20);
        struct batch_builder b;
        struct str batch;
        int64_t base = 0;
        uint64_t seq = 0;
        uint32_t p = (uint32_t)test_below(random, PARTITIONS);
        size_t records = 1 + test_below(random, 40);
        records = MIN(records, RECORDS - all->count);
        now += (int64_t)test_below(random, 3);
        batch_builder_begin(&b, &bytes, now, -1, -1, -1);
        for (size_t i = 0; i < records; i++) {
            char key[16];
            struct one *o = &all->ones[all->count++];
            *o = (struct one){p, ends[p]++, now, (unsigned)test_below(random, KEYS)};
            (void)snprintf(key, sizeof key, "k%u", o->key);
            assert_true(batch_builder_add(&b, true, str_from(key), STR("value")));
        }
        assert_int_equal(batch_builder_finish(&b, &batch), ERR_OK);
        assert_int_equal(topic_append(r->topic, p, batch, &base, &seq, NULL), ERR_OK);
        topic_store_flush_writes(r->store);
    }
    assert_int_equal(topic_store_sync_now(r->store, NULL), ERR_OK);
}

static int by_time(const void *a, const void *b)
{
    const struct one *x = a;
    const struct one *y = b;
    if (x->time_ms != y->time_ms) {
        return x->time_ms < y->time_ms ? -1 : 1;
    }
    if (x->partition != y->partition) {
        return x->partition < y->partition ? -1 : 1;
    }
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

struct seen {
    struct one *ones; /* borrowed; RECORDS of them */
    size_t count;
    unsigned key;
    bool has_key;
};

static bool note(void *ctx, uint32_t partition, const struct record *r)
{
    struct seen *s = ctx;
    assert_true(s->count < RECORDS);
    assert_true(str_is(r->value, "value"));
    assert_int_equal(r->key.len, 2);
    s->ones[s->count++] =
        (struct one){partition, r->offset, r->timestamp_ms, (unsigned)(r->key.ptr[1] - '0')};
    return true;
}

static bool is_wanted(const struct one *o, const struct seen *s, bool newest_first, int64_t from_ms)
{
    return (!s->has_key || o->key == s->key) &&
           (from_ms < 0 || (newest_first ? o->time_ms < from_ms : o->time_ms >= from_ms));
}

/* Walks all pages of one random question and compares with the sorted list. */
static void one_question(struct rig *r, const struct all *all, uint64_t *random)
{
    struct one *found = xnew_array(struct one, RECORDS);
    struct seen seen = {.ones = found};
    struct record_page_part parts[PARTITIONS];
    bool newest_first = test_below(random, 2) == 1;
    int64_t from_ms = test_below(random, 2) == 1 ? 990 + (int64_t)test_below(random, 130) : -1;
    char key[16];
    bool by_text = test_below(random, 2) == 1; /* the key is found as text, too, in either case */
    seen.has_key = test_below(random, 2) == 1;
    seen.key = (unsigned)test_below(random, KEYS + 1);
    (void)snprintf(key, sizeof key, "%c%u", by_text ? 'K' : 'k', seen.key);
    struct record_page page = {.topic_dir = topic_dir(r->topic),
                               .is_newest_first = newest_first,
                               .has_key = seen.has_key && !by_text,
                               .key = str_from(key),
                               .text = seen.has_key && by_text ? str_from(key) : STR(""),
                               .on_record = note,
                               .ctx = &seen};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        int64_t end = topic_written_end(r->topic, p);
        parts[p] = (struct record_page_part){p, 0, end, newest_first ? end : 0};
        if (from_ms >= 0) {
            assert_int_equal(record_page_seek(&page, &parts[p], from_ms, NULL), ERR_OK);
        }
    }
    bool is_done = false;
    for (int pages = 0; !is_done; pages++) {
        assert_true(pages < 4 * RECORDS);
        page.limit = 1 + test_below(random, 200);
        page.scan_bytes_max = test_below(random, 20000);
        page.scanned_bytes = 0;
        assert_int_equal(record_page_read(&page, parts, PARTITIONS, NULL), ERR_OK);
        is_done = true;
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            is_done = is_done && record_page_part_is_done(&page, &parts[p]);
        }
    }
    size_t at = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct one *o = &all->ones[newest_first ? all->count - 1 - i : i];
        if (is_wanted(o, &seen, newest_first, from_ms)) {
            assert_true(at < seen.count);
            assert_int_equal(by_time(o, &found[at]), 0);
            at++;
        }
    }
    assert_int_equal(at, seen.count);
    free(found);
}

static void pages_hold_each_record_once_in_order(void **unused)
{
    (void)unused;
    uint64_t random = test_seed();
    struct all *all = xnew(struct all);
    for (int round = 0; round < 3; round++) {
        struct rig r;
        fill(&r, all, &random);
        qsort(all->ones, all->count, sizeof *all->ones, by_time);
        for (int i = 0; i < 60; i++) {
            one_question(&r, all, &random);
        }
        rig_end(&r);
    }
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_hold_each_record_once_in_order),
    };
    return cmocka_run_group_tests_name("flow_record_page", tests, NULL, NULL);
}
