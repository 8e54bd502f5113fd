/* SPDX-License-Identifier: MIT */
/* test_live.c - what live views are made of: the ring of an hour, filters, counts, and the thread
 * that reads events within its budget. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <math.h>

#include "../topic/topic_rig.h"
#include "flow/live_feed.h"
#include "flow/live_ring.h"
#include "flow/live_tally.h"
#include "os/clock.h"

/* ---- ring ---- */

static void add_points(struct live_ring *r, int64_t first_second, int count)
{
    for (int i = 0; i < count; i++) {
        double values[LIVE_SERIES_COUNT] = {0};
        values[LIVE_EVENTS_IN] = (double)(first_second + i);
        values[LIVE_ACK_P50_MS] = NAN;
        live_ring_add(r, (first_second + i) * LIVE_STEP_MS, values);
    }
}

static json_t *written(const struct live_ring *r, int64_t after_ms, bool has_topics)
{
    struct buf text = buf_make(64 << 20);
    json_t *json = NULL;
    live_ring_write(r, after_ms, has_topics, &text);
    assert_int_equal(json_parse(buf_str(&text), &json, NULL), ERR_OK);
    buf_deinit(&text);
    return json;
}

static size_t column_length(const json_t *json, const char *name)
{
    return json_array_size(json_object_get(json, name));
}

static void ring_keeps_the_last_hour(void **state)
{
    /* After more than an hour the newest 3,600 points are there, in order, all columns of one
     * length, and a reader whose last point is gone is told of the gap. */
    (void)state;
    AUTO(live_ring) r = live_ring_new();
    AUTO_JSON empty = written(r, 0, true);
    assert_int_equal(column_length(empty, "t"), 0);
    add_points(r, 1, LIVE_POINTS_MAX + 100);
    AUTO_JSON all = written(r, 0, false);
    for (size_t i = 0; i < LIVE_SERIES_COUNT; i++) {
        assert_int_equal(column_length(all, live_series_name((enum live_series)i)),
                         LIVE_POINTS_MAX);
    }
    assert_int_equal(json_integer_value(json_array_get(json_object_get(all, "events_in"), 0)), 101);
    assert_true(json_is_null(json_array_get(json_object_get(all, "ack_p50_ms"), 0)));
    assert_null(json_object_get(all, "gap"));
    AUTO_JSON late = written(r, 50 * LIVE_STEP_MS, false);
    assert_true(json_is_true(json_object_get(late, "gap")));
    AUTO_JSON newest = written(r, (LIVE_POINTS_MAX + 98) * LIVE_STEP_MS, false);
    assert_int_equal(column_length(newest, "t"), 2);
    assert_null(json_object_get(newest, "gap"));
}

static void ring_bounds_topics(void **state)
{
    /* However many topics there are, an answer names the 50 busiest and one for the rest, and no
     * event is lost from the sum; a topic that was quiet for an hour gives its place back. */
    (void)state;
    AUTO(live_ring) r = live_ring_new();
    add_points(r, 1, 1);
    double sum = 0;
    for (int i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        live_ring_add_topic(r, str_from(name), (struct live_topic_values){.events_in = i + 1});
        sum += i + 1;
    }
    AUTO_JSON json = written(r, 0, true);
    const json_t *topics = json_object_get(json, "topics");
    assert_int_equal(json_object_size(topics), LIVE_TOPICS_SHOWN + 1);
    double got = 0;
    const char *name = NULL;
    json_t *topic = NULL;
    json_object_foreach((json_t *)(uintptr_t)topics, name, topic)
    {
        got += json_number_value(json_array_get(json_object_get(topic, "events_in"), 0));
    }
    assert_true(got == sum);
    assert_non_null(json_object_get(topics, LIVE_OTHER));
    add_points(r, 2, LIVE_POINTS_MAX + 1);
    live_ring_add_topic(r, STR("late"), (struct live_topic_values){.events_in = 7});
    AUTO_JSON later = written(r, 0, true);
    assert_int_equal(json_object_size(json_object_get(later, "topics")), 1);
    assert_non_null(json_object_get(json_object_get(later, "topics"), "late"));
}

static void sums_of_the_rest_alone_are_json(void **state)
{
    /* While the topics that have a column did nothing and others did, the sums name the rest. */
    (void)state;
    AUTO(live_ring) r = live_ring_new();
    AUTO_BUF text = buf_make(1 << 20);
    add_points(r, 1, 1);
    for (int i = 0; i < LIVE_TOPICS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        live_ring_add_topic(r, str_from(name), (struct live_topic_values){.lag_events = 1});
    }
    live_ring_add_topic(r, STR("late"), (struct live_topic_values){.events_in = 7});
    live_ring_write_sums(r, 0, &text);
    assert_string_equal(buf_cstr(&text), "{\"" LIVE_OTHER "\":7}");
}

/* ---- filters ---- */

static bool passes(const char *filter, const char *event)
{
    AUTO_JSON json = NULL;
    struct live_filter f = {0};
    assert_int_equal(json_parse(str_from(filter), &json, NULL), ERR_OK);
    assert_int_equal(live_filter_parse(json, &f, NULL), ERR_OK);
    bool result = live_filter_matches(&f, str_from(event));
    live_filter_deinit(&f);
    return result;
}

static void filters_look_at_the_first_field_there_is(void **state)
{
    /* A name stands for several fields, of which the first that an event has counts, at its top
     * level only; what is no object has text alone. */
    (void)state;
    static const struct {
        const char *filter, *event;
        bool passes;
    } rows[] = {
        {"{}", "anything", true},
        {"{\"type\":\"a\"}", "{\"type\":\"a\"}", true},
        {"{\"type\":[\"b\",\"a\"]}", "{\"kind\":\"a\"}", true},
        {"{\"type\":\"a\"}", "{\"kind\":\"a\",\"type\":\"b\"}", false},
        {"{\"type\":\"a\"}", "{\"type\":\"b\",\"kind\":\"a\"}", false},
        {"{\"type\":\"a\"}", "{\"x\":{\"type\":\"a\"}}", false},
        {"{\"type\":\"a\"}", "{\"x\":[\"}\",{\"type\":\"b\"}], \"type\" : \"a\" }", true},
        {"{\"type\":\"a\"}", "{\"x\":\"\\\"type\\\":\\\"a\\\"\"}", false},
        {"{\"type\":\"7\"}", "{\"type\":7}", true},
        {"{\"type\":\"true\"}", "{\"type\":true ,\"b\":1}", true},
        {"{\"level\":\"error\",\"source\":\"h\"}", "{\"severity\":\"error\",\"host\":\"h\"}", true},
        {"{\"level\":\"error\",\"source\":\"h\"}", "{\"severity\":\"error\",\"host\":\"i\"}",
         false},
        {"{\"endpoint\":\"/x\"}", "{\"url\":\"/x\"}", true},
        {"{\"type\":\"a\"}", "{\"type\":null,\"kind\":\"a\"}", true},
        {"{\"type\":\"null\"}", "{\"type\":\"null\",\"kind\":\"a\"}", true},
        {"{\"source\":\"h\"}", "{\"client_ip\":\"h\"}", true},
        {"{\"source\":\"h\"}", "{\"ip\":\"h\"}", true},
        {"{\"source\":\"h\"}", "{\"ip\":\"h\",\"client_ip\":\"i\"}", false},
        {"{\"type\":\"a\"}", "", false},
        {"{\"type\":\"a\"}", "{", false},
        {"{\"type\":\"a\"}", "{\"type\"", false},
        {"{\"type\":\"a\"}", "{\"type\":\"a", false},
        {"{\"type\":\"a\"}", "[{\"type\":\"a\"}]", false},
        {"{\"text\":\"ERR\"}", "an error", true},
        {"{\"text\":\"err\"}", "an ERROR", true},
        {"{\"text\":\"\\u00fc\"}", "\xc3\x9c", false},
        {"{\"text\":\"errors\"}", "an error", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (passes(rows[i].filter, rows[i].event) != rows[i].passes) {
            fail_msg("%s on %s", rows[i].filter, rows[i].event);
        }
    }
}

static void filters_are_bounded(void **state)
{
    /* What is no filter, or too much of one, is refused with its name. */
    (void)state;
    AUTO_JSON many = json_array();
    for (int i = 0; i <= LIVE_FILTER_VALUES_MAX; i++) {
        json_array_append_new(many, json_string("x"));
    }
    AUTO_TEXT long_text = xasprintf("%0*d", LIVE_FILTER_VALUE_BYTES_MAX + 1, 0);
    json_t *rows[] = {json_pack("{s:O}", "type", many),    json_pack("{s:s}", "text", long_text),
                      json_pack("{s:i}", "level", 3),      json_pack("{s:[i]}", "source", 3),
                      json_pack("{s:s}", "colour", "red"), json_array()};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct live_filter f = {0};
        struct errmsg msg = {0};
        assert_int_equal(live_filter_parse(rows[i], &f, &msg), ERR_INVALID);
        assert_non_null(strstr(msg.text, "filter"));
        json_decref(rows[i]);
    }
}

/* ---- counts ---- */

static int64_t total(const json_t *json)
{
    int64_t sum = 0;
    const char *name = NULL;
    json_t *column = NULL;
    json_object_foreach(json_object_get(json, "counts"), name, column)
    {
        assert_int_equal(json_array_size(column), column_length(json, "t"));
        for (size_t i = 0; i < json_array_size(column); i++) {
            sum += json_integer_value(json_array_get(column, i));
        }
    }
    return sum;
}

static json_t *tally_json(const struct live_tally *t, int64_t after, int64_t *out_last)
{
    struct buf text = buf_make(64 << 20);
    json_t *json = NULL;
    *out_last = live_tally_write(t, after, &text);
    assert_int_equal(json_parse(buf_str(&text), &json, NULL), ERR_OK);
    buf_deinit(&text);
    return json;
}

static void counts_lose_nothing(void **state)
{
    /* With more values than places every event still counts, under `other`; complete seconds are
     * told once, quiet ones as zeros, and what was passed over lowers `sampled`. */
    (void)state;
    struct live_tally *t = live_tally_new();
    int64_t last = 0;
    live_tally_advance(t, 1000);
    for (int i = 0; i < 500; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "v%d", i % 100);
        live_tally_add(t, str_from(value));
    }
    live_tally_add(t, STR(""));
    live_tally_skip(t, 501);
    live_tally_advance(t, 1003);
    AUTO_JSON json = tally_json(t, 0, &last);
    assert_int_equal(last, 1002);
    assert_int_equal(column_length(json, "t"), 3);
    assert_int_equal(total(json), 501);
    assert_int_equal(json_object_size(json_object_get(json, "counts")), LIVE_TALLY_SHOWN + 1);
    assert_true(fabs(json_number_value(json_object_get(json, "sampled")) - 0.5) < 0.001);
    live_tally_add(t, STR("v1"));
    live_tally_advance(t, 1004);
    AUTO_JSON next = tally_json(t, last, &last);
    assert_int_equal(column_length(next, "t"), 1);
    assert_int_equal(total(next), 1);
    live_tally_advance(t, 1004 + 2 * LIVE_TALLY_SECONDS);
    live_tally_advance(t, 1005 + 2 * LIVE_TALLY_SECONDS);
    AUTO_JSON gone = tally_json(t, 0, &last);
    assert_int_equal(total(gone), 0);
    live_tally_free(t);
}

static void counts_begin_anew_after_a_clock_that_was_set_back(void **state)
{
    /* With a clock set back by an hour, counts go on from there for who watched before as for who
     * comes new; a step of a second or two is waited for. */
    (void)state;
    struct live_tally *t = live_tally_new();
    int64_t last = 0;
    live_tally_advance(t, 10000);
    live_tally_add(t, STR("a"));
    live_tally_advance(t, 10001);
    AUTO_JSON before = tally_json(t, 0, &last);
    assert_int_equal(last, 10000);
    live_tally_advance(t, 9999);
    live_tally_add(t, STR("a"));
    live_tally_advance(t, 10002);
    AUTO_JSON same = tally_json(t, last, &last);
    assert_int_equal(last, 10001);
    live_tally_advance(t, 6400);
    live_tally_add(t, STR("b"));
    AUTO_JSON none = tally_json(t, last, &last);
    assert_int_equal(json_array_size(json_object_get(none, "t")), 0);
    live_tally_advance(t, 6402);
    AUTO_JSON after = tally_json(t, last, &last);
    const json_t *counts = json_object_get(after, "counts");
    assert_int_equal(json_array_size(json_object_get(after, "t")), 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(counts, "b"), 0)), 1);
    assert_null(json_object_get(counts, "a"));
    assert_int_equal(last, 6401);
    live_tally_free(t);
}

static void no_name_of_a_count_comes_twice(void **state)
{
    /* A value that is called as the rest is joins it, and values that are cut are cut between two
     * characters: an answer has each name once, and all of its text is UTF-8. */
    (void)state;
    struct live_tally *t = live_tally_new();
    AUTO_BUF text = buf_make(1 << 20);
    AUTO_JSON json = NULL;
    char value[LIVE_TALLY_VALUE_BYTES + 2];
    memset(value, 'x', sizeof value);
    live_tally_advance(t, 1000);
    live_tally_add(t, STR("other"));
    live_tally_add(t, STR(""));
    memcpy(value + LIVE_TALLY_VALUE_BYTES - 1, "\xc3\xa9", 2);
    live_tally_add(t, str_of(value, sizeof value));
    live_tally_advance(t, 1001);
    (void)live_tally_write(t, 0, &text);
    const char *first = strstr(buf_cstr(&text), "\"other\"");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"other\""));
    assert_int_equal(json_parse(buf_str(&text), &json, NULL), ERR_OK);
    const json_t *counts = json_object_get(json, "counts");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(counts, "other"), 0)), 2);
    value[LIVE_TALLY_VALUE_BYTES - 1] = '\0';
    assert_non_null(json_object_get(counts, value));
    live_tally_free(t);
}

/* ---- the thread ---- */

struct got {
    uint64_t events, matched, seen, thinned, skipped;
    int calls;
};

static void on_data(void *ctx, struct str text, uint64_t event_count)
{
    struct got *got = ctx;
    AUTO_JSON json = NULL;
    assert_int_equal(json_parse(text, &json, NULL), ERR_OK);
    assert_int_equal(json_array_size(json_object_get(json, "events")), event_count);
    got->calls++;
    got->events += event_count;
    got->matched += (uint64_t)json_integer_value(json_object_get(json, "matched"));
    got->seen += (uint64_t)json_integer_value(json_object_get(json, "seen"));
    got->thinned += (uint64_t)json_integer_value(json_object_get(json, "thinned"));
    got->skipped += (uint64_t)json_integer_value(json_object_get(json, "skipped"));
}

struct feeding {
    struct rig rig;
    struct reactor *reactor;
    struct live_feed *feed;
};

static void feeding_start(struct feeding *f)
{
    rig_make(&f->rig, 2);
    assert_int_equal(reactor_new(&f->reactor, NULL), ERR_OK);
    f->feed = live_feed_new(f->reactor, f->rig.store);
}

static void feeding_end(struct feeding *f)
{
    live_feed_free(f->feed);
    reactor_free(f->reactor);
    rig_end(&f->rig);
}

/* Turns the loop until `calls` buffers have come. */
static void wait_for_calls(struct feeding *f, const struct got *got, int calls)
{
    int64_t end_us = os_mono_us() + 20 * 1000 * 1000;
    while (got->calls < calls && os_mono_us() < end_us) {
        assert_int_equal(reactor_turn(f->reactor, 100, NULL), ERR_OK);
    }
    assert_true(got->calls >= calls);
}

static void last_events_come_first_and_new_ones_after(void **state)
{
    /* A watch begins with the newest events that are there, then gets each new one once. */
    (void)state;
    struct feeding f;
    struct got got = {0};
    struct live_watch *watch = NULL;
    feeding_start(&f);
    rig_store(&f.rig, 0, 500, 40);
    const struct live_watch_options options = {
        .rate_max = LIVE_RATE_MAX, .last = 30, .on_data = on_data, .ctx = &got};
    assert_int_equal(live_watch_start(f.feed, &options, &watch, NULL), ERR_OK);
    wait_for_calls(&f, &got, 1);
    assert_int_equal(got.events, 30);
    assert_int_equal(got.seen, 0);
    rig_store(&f.rig, 0, 10, 40);
    rig_store(&f.rig, 1, 15, 40);
    for (int calls = got.calls; got.seen + got.skipped < 25; calls++) {
        wait_for_calls(&f, &got, calls + 1);
    }
    assert_int_equal(got.seen, 25);
    assert_int_equal(got.events, 55);
    live_watch_stop(watch);
    feeding_end(&f);
}

static void what_is_too_much_is_counted(void **state)
{
    /* Events beyond a watch's rate are thinned, those beyond the thread's budget skipped: all that
     * came is accounted for. */
    (void)state;
    struct feeding f;
    struct got got = {0};
    struct live_watch *watch = NULL;
    feeding_start(&f);
    const struct live_watch_options options = {.rate_max = 10, .on_data = on_data, .ctx = &got};
    assert_int_equal(live_watch_start(f.feed, &options, &watch, NULL), ERR_OK);
    wait_for_calls(&f, &got, 1);
    uint64_t sent = 0;
    for (int i = 0; i < 40; i++) {
        rig_store(&f.rig, (uint32_t)i % 2, 2000, 250); /* 20 MB in all */
        sent += 2000;
    }
    for (int calls = got.calls; got.seen + got.skipped < sent; calls++) {
        wait_for_calls(&f, &got, calls + 1);
    }
    assert_int_equal(got.seen + got.skipped, sent);
    assert_true(got.skipped > 0);
    assert_int_equal(got.matched, got.seen);
    assert_int_equal(got.events + got.thinned, got.matched);
    assert_true(got.events > 0 && got.events < 200);
    live_watch_stop(watch);
    feeding_end(&f);
}

static void different_counts_are_bounded(void **state)
{
    /* Counts that are alike share one place; of different ones there are so many, and no more. */
    (void)state;
    struct feeding f;
    struct got got = {0};
    struct live_watch *watches[LIVE_TALLIES_MAX + 8] = {0};
    size_t count = 0;
    feeding_start(&f);
    for (int i = 0; i < LIVE_TALLIES_MAX + 4; i++) {
        const struct live_watch_options options = {
            .is_tally = true, .tally_field = xasprintf("f%d", i), .on_data = on_data, .ctx = &got};
        err e = live_watch_start(f.feed, &options, &watches[count], NULL);
        assert_int_equal(e, i < LIVE_TALLIES_MAX - 1 ? ERR_OK : ERR_LIMIT);
        count += e == ERR_OK ? 1 : 0;
    }
    const struct live_watch_options same = {
        .is_tally = true, .tally_field = xstrdup("f0"), .on_data = on_data, .ctx = &got};
    assert_int_equal(live_watch_start(f.feed, &same, &watches[count++], NULL), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        live_watch_stop(watches[i]);
    }
    feeding_end(&f);
}

struct held {
    size_t bytes; /* handed over since the last look */
    int calls;
};

static void on_held(void *ctx, struct str text, uint64_t event_count)
{
    struct held *held = ctx;
    (void)event_count;
    held->bytes += text.len;
    held->calls++;
}

static void all_watches_together_hold_a_bounded_amount(void **state)
{
    /* However many watch large events: what is on its way to them at a time stays within the bound,
     * and each goes on getting some. */
    (void)state;
    enum { WATCHES = 400, EVENTS = 100, EVENT_BYTES = 15000 };
    struct feeding f;
    static struct held held[WATCHES];
    static struct live_watch *watches[WATCHES];
    feeding_start(&f);
    memset(held, 0, sizeof held);
    for (size_t i = 0; i < WATCHES; i++) {
        const struct live_watch_options options = {
            .rate_max = LIVE_RATE_MAX, .last = 10, .on_data = on_held, .ctx = &held[i]};
        assert_int_equal(live_watch_start(f.feed, &options, &watches[i], NULL), ERR_OK);
    }
    size_t most = 0;
    for (int turn = 0; held[0].calls < 3 || held[WATCHES - 1].calls < 3; turn++) {
        size_t bytes = 0;
        assert_true(turn < 10000);
        rig_store(&f.rig, 0, EVENTS, EVENT_BYTES);
        assert_int_equal(reactor_turn(f.reactor, 100, NULL), ERR_OK);
        for (size_t i = 0; i < WATCHES; i++) {
            bytes += held[i].bytes;
            held[i].bytes = 0;
        }
        most = MAX(most, bytes);
    }
    assert_true(most > 0);
    assert_true(most <= LIVE_HELD_BYTES_MAX);
    for (size_t i = 0; i < WATCHES; i++) {
        live_watch_stop(watches[i]);
    }
    feeding_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_keeps_the_last_hour),
        cmocka_unit_test(ring_bounds_topics),
        cmocka_unit_test(sums_of_the_rest_alone_are_json),
        cmocka_unit_test(filters_look_at_the_first_field_there_is),
        cmocka_unit_test(filters_are_bounded),
        cmocka_unit_test(counts_lose_nothing),
        cmocka_unit_test(counts_begin_anew_after_a_clock_that_was_set_back),
        cmocka_unit_test(no_name_of_a_count_comes_twice),
        cmocka_unit_test(last_events_come_first_and_new_ones_after),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(different_counts_are_bounded),
        cmocka_unit_test(all_watches_together_hold_a_bounded_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
