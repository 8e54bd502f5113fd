/* SPDX-License-Identifier: MIT */
/* test_redrive.c - which dead letters were re-driven: the set, its journal's entries, the search of
 * the log, and what a condition may be. */
#include "flow_test.h"

#include "flow/redrive.h"
#include "flow/redrive_scan.h"
#include "os/file.h"
#include "topic/batch.h"

enum { PARTITIONS = 3, OFFSETS = 60 };

/* The set holds what was added, however it is added, as ascending ranges that do not touch. */
static void sets_hold_what_was_added(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int round = 0; round < 300; round++) {
        struct redrive_set set = {0};
        bool wanted[PARTITIONS][OFFSETS] = {{false}};
        size_t count = 0;
        for (int add = 0; add < 8; add++) {
            struct redrive_range ranges[PARTITIONS];
            size_t n = 0;
            for (uint32_t p = 0; p < PARTITIONS; p++) {
                int64_t first = (int64_t)test_below(&state, OFFSETS - 6);
                int64_t len = (int64_t)test_below(&state, 6);
                for (int64_t o = first; o < first + len; o++) {
                    count += !wanted[p][o];
                    wanted[p][o] = true;
                }
                if (len > 0) {
                    ranges[n++] = (struct redrive_range){p, first, first + len};
                }
            }
            assert_int_equal(redrive_set_add(&set, ranges, n), ERR_OK);
        }
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            for (int64_t o = 0; o < OFFSETS; o++) {
                assert_int_equal(redrive_set_has(&set, p, o), wanted[p][o]);
            }
        }
        assert_int_equal(set.offsets, count);
        for (size_t i = 1; i < set.count; i++) {
            const struct redrive_range *a = &set.ranges[i - 1];
            const struct redrive_range *b = &set.ranges[i];
            assert_true(a->partition < b->partition ||
                        (a->partition == b->partition && a->next < b->first));
        }
        assert_false(redrive_set_has(&set, PARTITIONS, 0));
        redrive_set_deinit(&set);
    }
}

/* Past its bound the set refuses and stays as it is. */
static void sets_are_bounded(void **unused)
{
    (void)unused;
    struct redrive_set set = {0};
    struct redrive_range *ranges = xnew_array(struct redrive_range, REDRIVE_RANGES_MAX);
    for (size_t i = 0; i < REDRIVE_RANGES_MAX; i++) {
        ranges[i] = (struct redrive_range){0, (int64_t)i * 2, (int64_t)i * 2 + 1};
    }
    assert_int_equal(redrive_set_add(&set, ranges, REDRIVE_RANGES_MAX), ERR_OK);
    struct redrive_range apart = {1, 0, 1};
    struct redrive_range between = {0, 1, 2};
    assert_int_equal(redrive_set_add(&set, &apart, 1), ERR_LIMIT);
    assert_false(redrive_set_has(&set, 1, 0));
    assert_int_equal(redrive_set_add(&set, &between, 1), ERR_OK); /* it joins two */
    assert_int_equal(redrive_set_add(&set, &apart, 1), ERR_OK);
    assert_int_equal(set.offsets, REDRIVE_RANGES_MAX + 2);
    redrive_set_deinit(&set);
    free(ranges);
}

static err apply(struct redrive_state *s, struct buf *entry)
{
    err e = redrive_state_apply(s, buf_str(entry), NULL);
    buf_reset(entry);
    return e;
}

static const struct redrive_range sources[] = {{0, 4, 6}, {0, 9, 10}, {2, 0, 1}};
static const int64_t ends[] = {100, 0, 7};

static void intent(uint64_t id, struct buf *out)
{
    redrive_encode_intent(id, 17, ends, 3, sources, 3, out);
}

/* What is re-driven is what DONEs name, after any restart: from the entries, or from a BASE. */
static void entries_make_the_state(void **unused)
{
    (void)unused;
    struct redrive_state s = {0};
    AUTO_BUF entry = buf_make(1 << 20);
    intent(1, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    assert_true(s.is_open && s.id == 1 && s.end_count == 3 && s.ends[2] == 7);
    assert_false(redrive_set_has(&s.done, 0, 4));
    redrive_encode_done(1, 17, &sources[1], 2, &entry);
    assert_true(entry.len <= redrive_done_bytes_max(4));
    assert_int_equal(apply(&s, &entry), ERR_OK);
    assert_false(s.is_open || redrive_set_has(&s.done, 0, 4));
    assert_true(redrive_set_has(&s.done, 0, 9) && redrive_set_has(&s.done, 2, 0));
    redrive_encode_intent(2, 17, ends, 3, sources, 1, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    redrive_encode_done_all(2, 17, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    assert_int_equal(s.done.offsets, 4);
    redrive_encode_intent(3, 17, ends, 3, sources, 3, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    redrive_encode_done(3, 17, NULL, 0, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    assert_int_equal(s.done.offsets, 4);

    redrive_encode_base(&s, 17, &entry);
    struct redrive_state again = {0};
    assert_int_equal(apply(&again, &entry), ERR_OK);
    assert_int_equal(again.id, 3);
    assert_int_equal(again.done.offsets, 4);
    assert_true(redrive_set_has(&again.done, 0, 5) && !again.is_open);
    intent(4, &entry);
    assert_int_equal(apply(&again, &entry), ERR_OK);
    redrive_state_deinit(&again);
    redrive_state_deinit(&s);
}

/* Entries in an order that cannot be, or with anything wrong inside, are damage and change
 * nothing. */
static void wrong_entries_are_damage(void **unused)
{
    (void)unused;
    struct redrive_state s = {0};
    AUTO_BUF entry = buf_make(1 << 20);
    redrive_encode_done_all(0, 17, &entry);
    assert_int_equal(apply(&s, &entry), ERR_CORRUPT); /* nothing is open */
    intent(2, &entry);
    assert_int_equal(apply(&s, &entry), ERR_CORRUPT); /* one is missing before */
    intent(1, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    intent(2, &entry);
    assert_int_equal(apply(&s, &entry), ERR_CORRUPT); /* one is open */
    redrive_encode_done_all(2, 17, &entry);
    assert_int_equal(apply(&s, &entry), ERR_CORRUPT); /* of another */
    const struct redrive_range stranger = {1, 0, 1};
    redrive_encode_done(1, 17, &stranger, 1, &entry);
    assert_int_equal(apply(&s, &entry), ERR_CORRUPT); /* not a source */
    struct redrive_state none = {0};
    redrive_encode_base(&none, 17, &entry);
    assert_int_equal(apply(&s, &entry), ERR_CORRUPT); /* not at the start */
    assert_true(s.is_open && s.id == 1 && s.done.count == 0);

    intent(1, &entry);
    for (size_t len = 0; len < entry.len; len++) {
        struct redrive_state fresh = {0};
        assert_int_equal(redrive_state_apply(&fresh, str_of(entry.data, len), NULL), ERR_CORRUPT);
        redrive_state_deinit(&fresh);
    }
    assert_true(buf_add_byte(&entry, 0));
    struct redrive_state fresh = {0};
    assert_int_equal(apply(&fresh, &entry), ERR_CORRUPT);
    const struct redrive_range touching[] = {{0, 4, 6}, {0, 6, 7}};
    redrive_encode_intent(1, 17, ends, 3, touching, 2, &entry);
    assert_int_equal(apply(&fresh, &entry), ERR_CORRUPT);
    redrive_encode_intent(1, 17, ends, 3, NULL, 0, &entry);
    assert_int_equal(apply(&fresh, &entry), ERR_CORRUPT);
    redrive_state_deinit(&fresh);
    redrive_state_deinit(&s);
}

static void headers_name_places(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"0:0", true},
        {"1023:9223372036854775807", true},
        {"1024:0", false},
        {"0:", false},
        {":0", false},
        {"0", false},
        {"", false},
        {"-1:0", false},
        {"0:9223372036854775808", false},
        {"0:1:2", false},
        {"a:b", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t partition = 0;
        int64_t offset = 0;
        assert_int_equal(redrive_header_parse(str_from(cases[i].text), &partition, &offset),
                         cases[i].ok);
    }
}

/* A condition is one expression that stays within its parentheses. */
static void conditions_stay_inside(void **unused)
{
    (void)unused;
    static const char *const good[] = {
        "",
        "reason = 'bad_line'",
        "text LIKE '%--; ) ( /* $1 ?%'",
        "\"reason\" = 'it''s' AND (a[1] = {'x': 2}.x)",
        "name = 'e' AND file = 'E'",
        "_timestamp > now() - INTERVAL 1 DAY",
        "a - -1 > 2 / 3",
    };
    static const char *const bad[] = {
        "true) OR (true",
        "(",
        ")",
        "[)",
        "true;",
        "true -- x",
        "/* x */ true",
        "a = $1",
        "a = ?",
        "'open",
        "\"open",
        "'open''",
        "E'\\'' = ')'",
        "a=e'\\'' OR b=')'",
        "$$x$$ = ')'",
        "\xff",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(redrive_where_check(str_from(good[i]), NULL), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct errmsg msg = {0};
        if (redrive_where_check(str_from(bad[i]), &msg) != ERR_INVALID) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_true(msg.text[0] != '\0');
    }
    assert_int_equal(redrive_where_check(str_of("a\0b", 3), NULL), ERR_INVALID);
    AUTO_BUF deep = buf_make(1 << 20);
    for (int i = 0; i < 65; i++) {
        assert_true(buf_add_byte(&deep, '('));
    }
    assert_int_equal(redrive_where_check(buf_str(&deep), NULL), ERR_INVALID);
}

/* ---- the search of the log ---- */

struct log_rig {
    char dir[64];
    struct topic_store *store;
    struct topic *topic;
};

static void log_open(struct log_rig *r)
{
    struct topic_store_options options = {
        .wake_fd = -1, .manual_sync = true, .reserve_bytes = 1 << 20};
    AUTO_TOPIC_META meta = {0};
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/tarn-redrive-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(topic_store_open(r->dir, &options, &r->store, NULL), ERR_OK);
    assert_int_equal(topic_meta_init(&meta, STR("t"), NULL), ERR_OK);
    meta.partition_count = 2;
    assert_int_equal(topic_store_create(r->store, &meta, NULL, &r->topic, NULL), ERR_OK);
}

static void log_close(struct log_rig *r)
{
    topic_store_free(r->store);
    assert_int_equal(os_remove_tree(r->dir, NULL), ERR_OK);
}

/* One record; with a source, as a re-drive writes it. */
static void log_append(struct log_rig *r, uint32_t partition, const char *source)
{
    AUTO_BUF room = buf_make(1 << 20);
    struct batch_builder b;
    struct str batch;
    int64_t base = 0;
    uint64_t seq = 0;
    struct record record = {.has_value = true, .value = STR("{\"n\":1}")};
    struct record_header header = {
        .key = STR(REDRIVE_HEADER), .has_value = true, .value = str_from(source)};
    batch_builder_begin(&b, &room, 1700000000000, -1, -1, -1);
    assert_true(batch_builder_add_record(&b, &record, &header, source == NULL ? 0 : 1));
    assert_int_equal(batch_builder_finish(&b, &batch), ERR_OK);
    assert_int_equal(topic_append(r->topic, partition, batch, &base, &seq, NULL), ERR_OK);
    assert_int_equal(topic_store_sync_now(r->store, NULL), ERR_OK);
}

/* The search finds the sources of this INTENT from its offsets on, in any partition, once each, and
 * nothing that others wrote. */
static void the_log_says_what_is_there(void **unused)
{
    (void)unused;
    struct log_rig r;
    struct redrive_state s = {0};
    struct redrive_set found = {0};
    AUTO_BUF entry = buf_make(1 << 20);
    bool is_certain = false;
    log_open(&r);
    log_append(&r, 0, "0:4"); /* before the INTENT */
    log_append(&r, 0, NULL);
    const int64_t from[] = {1, 0};
    redrive_encode_intent(1, 17, from, 2, sources, 3, &entry);
    assert_int_equal(apply(&s, &entry), ERR_OK);
    log_append(&r, 0, "0:9");
    log_append(&r, 0, "7:7"); /* not of this piece */
    log_append(&r, 1, "2:0");
    log_append(&r, 1, "nonsense");
    log_append(&r, 1, "0:5");
    assert_int_equal(redrive_scan(r.topic, &s, &found, &is_certain, NULL), ERR_OK);
    assert_true(is_certain);
    assert_int_equal(found.offsets, 3);
    assert_true(redrive_set_has(&found, 0, 9) && redrive_set_has(&found, 2, 0) &&
                redrive_set_has(&found, 0, 5));
    redrive_set_deinit(&found);
    redrive_state_deinit(&s);
    log_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_hold_what_was_added),   cmocka_unit_test(sets_are_bounded),
        cmocka_unit_test(entries_make_the_state),     cmocka_unit_test(wrong_entries_are_damage),
        cmocka_unit_test(headers_name_places),        cmocka_unit_test(conditions_stay_inside),
        cmocka_unit_test(the_log_says_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
