/* SPDX-License-Identifier: MIT */
/* test_ingest.c - requests whose topic changes while their body is on its way, or before they are
 * sent again. */
#include "../topic/topic_rig.h"

#include "flow/ingest.h"

static struct ingest_options options_of(struct rig *r, const char *idempotency_key,
                                        const char *key_field)
{
    return (struct ingest_options){.topic = r->topic,
                                   .key_field = str_from(key_field),
                                   .idempotency_key = str_from(idempotency_key),
                                   .format = EVENT_FORMAT_NDJSON,
                                   .record_bytes_max = 1 << 20,
                                   .nesting_max = 32};
}

static void add_events(struct buf *body, int from, int to)
{
    for (int i = from; i < to; i++) {
        buf_printf(body, "{\"a\":\"a%d\",\"b\":\"the same in all\"}\n", i);
    }
}

static void feed(struct ingest *x, int from, int to)
{
    AUTO_BUF body = buf_make(1 << 20);
    struct errmsg msg = {0};
    add_events(&body, from, to);
    if (ingest_feed(x, buf_str(&body), &msg) != ERR_OK) {
        fail_msg("feed: %s", msg.text);
    }
}

static int64_t stored(const struct rig *r, uint32_t partitions)
{
    int64_t sum = 0;
    for (uint32_t p = 0; p < partitions; p++) {
        sum += topic_written_end(r->topic, p);
    }
    return sum;
}

static void set_partitions(struct rig *r, uint32_t count)
{
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r->topic), &meta);
    meta.partition_count = count;
    assert_int_equal(topic_store_update(r->store, r->topic, &meta, NULL), ERR_OK);
}

static void set_key_field(struct rig *r, const char *field)
{
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(r->topic), &meta);
    struct topic_version *newest = &meta.versions[meta.version_count - 1];
    free(newest->key_field);
    newest->key_field = xstrdup(field);
    assert_int_equal(topic_store_update(r->store, r->topic, &meta, NULL), ERR_OK);
}

/* A request that began with fewer partitions ends with these, with and without keys. */
static void partitions_grow_during_a_request(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"", "a"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct rig r;
        rig_make(&r, 2);
        AUTO(ingest) x = NULL;
        struct ingest_options o = options_of(&r, "", fields[i]);
        assert_int_equal(ingest_new(&o, &x, NULL), ERR_OK);
        feed(x, 0, 100);
        set_partitions(&r, 64);
        for (int turn = 0; turn < 70; turn++) { /* the favourite goes around */
            feed(x, 100 + turn * 10, 110 + turn * 10);
            topic_store_flush_writes(r.store);
        }
        assert_int_equal(ingest_end(x, NULL), ERR_OK);
        assert_int_equal(ingest_accepted(x), 800);
        assert_int_equal(stored(&r, 2), 800);
        assert_int_equal(stored(&r, 64), 800);
        rig_end(&r);
    }
}

/* A retry after the topic's key field has changed puts each event where the first attempt did. */
static void retry_keeps_the_first_key_field(void **unused)
{
    (void)unused;
    struct rig r;
    rig_make(&r, 4);
    set_key_field(&r, "a");
    AUTO(ingest) first = NULL;
    struct ingest_options o = options_of(&r, "k", "");
    o.record_bytes_max = 4096;
    assert_int_equal(ingest_new(&o, &first, NULL), ERR_OK);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    AUTO_BUF body = buf_make(8 << 20);
    add_events(&body, 0, 60000); /* some batches are appended, the open ones are lost */
    assert_int_equal(ingest_feed(first, buf_str(&body), NULL), ERR_OK);
    assert_true(stored(&r, 4) > 0 && stored(&r, 4) < 60000);
    ingest_free(TAKE(first));
    set_key_field(&r, "b");
    AUTO(ingest) again = NULL;
    assert_int_equal(ingest_new(&o, &again, NULL), ERR_OK);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(ingest_feed(again, buf_str(&body), NULL), ERR_OK);
    assert_int_equal(ingest_end(again, NULL), ERR_OK);
    assert_int_equal(ingest_accepted(again), 60000);
    ingest_free(TAKE(again));
    assert_int_equal(stored(&r, 4), 60000);
    rig_end(&r);
}

/* A retry that names another key field is refused, before the end of the body when the first
 * attempt was cut off; one that names the same goes on. */
static void retry_with_another_key_field_is_refused(void **unused)
{
    (void)unused;
    struct rig r;
    rig_make(&r, 4);
    AUTO(ingest) cut = NULL;
    struct ingest_options o = options_of(&r, "k", "a");
    assert_int_equal(ingest_new(&o, &cut, NULL), ERR_OK);
    ingest_free(TAKE(cut));
    static const char *const others[] = {"", "b"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        AUTO(ingest) x = NULL;
        struct ingest_options other = options_of(&r, "k", others[i]);
        assert_int_equal(ingest_new(&other, &x, NULL), ERR_CONFLICT);
    }
    for (int i = 0; i < 2; i++) { /* the second is a repeat */
        AUTO(ingest) x = NULL;
        assert_int_equal(ingest_new(&o, &x, NULL), ERR_OK);
        assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
        feed(x, 0, 10);
        assert_int_equal(ingest_end(x, NULL), ERR_OK);
        assert_int_equal(ingest_is_repeat(x), i == 1);
    }
    AUTO(ingest) late = NULL;
    struct ingest_options other = options_of(&r, "k", "b");
    assert_int_equal(ingest_new(&other, &late, NULL), ERR_OK);
    feed(late, 0, 10);
    assert_int_equal(ingest_end(late, NULL), ERR_CONFLICT);
    ingest_free(TAKE(late));
    assert_int_equal(stored(&r, 4), 10);
    rig_end(&r);
}

/* Batches that are appended early give their memory back, and each event is there once, also when
 * a retry is flushed elsewhere; an atomic request keeps what it has. */
static void flushes_early(void **unused)
{
    (void)unused;
    enum { PIECES = 40 };
    static const char *const keys[] = {"", "k"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct rig r;
        rig_make(&r, 4);
        set_key_field(&r, "a");
        struct ingest_options o = options_of(&r, keys[i], "");
        for (int attempt = 0; attempt < 1 + (int)i; attempt++) {
            AUTO(ingest) x = NULL;
            size_t loose = 0;
            assert_int_equal(ingest_new(&o, &x, NULL), ERR_OK);
            assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
            assert_true(ingest_is_repeatable(x));
            for (int piece = 0; piece < PIECES; piece++) {
                feed(x, piece * 100, piece * 100 + 100);
                assert_true(ingest_held(x, &loose) < 4096);
                assert_true(loose > 0 || attempt > 0); /* a retry finds the first ones stored */
                if (piece % (attempt + 2) == 0) {
                    assert_int_equal(ingest_flush(x, NULL), ERR_OK);
                    (void)ingest_held(x, &loose); /* only what is loose */
                    assert_int_equal(loose, 0);
                }
            }
            assert_int_equal(ingest_is_repeatable(x), i == 1);
            if (attempt == (int)i) { /* an earlier one is cut off here */
                assert_int_equal(ingest_end(x, NULL), ERR_OK);
                assert_int_equal(ingest_accepted(x), PIECES * 100);
                (void)ingest_held(x, &loose); /* as above */
                assert_int_equal(loose, 0);
            }
        }
        assert_int_equal(stored(&r, 4), PIECES * 100);
        rig_end(&r);
    }
}

static void atomic_is_not_flushed(void **unused)
{
    (void)unused;
    struct rig r;
    size_t loose = 0;
    rig_make(&r, 4);
    struct ingest_options o = options_of(&r, "", "");
    o.atomic = true;
    AUTO(ingest) x = NULL;
    assert_int_equal(ingest_new(&o, &x, NULL), ERR_OK);
    feed(x, 0, 1000);
    assert_true(ingest_held(x, &loose) > 1000 * 20);
    assert_int_equal(loose, 0);
    assert_int_equal(ingest_flush(x, NULL), ERR_OK);
    assert_true(ingest_held(x, &loose) > 1000 * 20);
    assert_int_equal(stored(&r, 4), 0);
    assert_int_equal(ingest_end(x, NULL), ERR_OK);
    assert_true(ingest_held(x, &loose) < 4096);
    assert_int_equal(stored(&r, 4), 1000);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_grow_during_a_request),
        cmocka_unit_test(retry_keeps_the_first_key_field),
        cmocka_unit_test(retry_with_another_key_field_is_refused),
        cmocka_unit_test(flushes_early),
        cmocka_unit_test(atomic_is_not_flushed),
    };
    return cmocka_run_group_tests_name("flow_ingest", tests, NULL, NULL);
}
