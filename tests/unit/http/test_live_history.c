/* SPDX-License-Identifier: MIT */
/* test_live_history.c - minutes of a server in documents: sums, a restart, what is too old, and a
 * file that is damaged. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <math.h>

#include "http/live_history.h"
#include "os/clock.h"
#include "os/file.h"

enum { HOUR = 60, DAY = 24 * HOUR };
static const int64_t START = 1795262400 / 60; /* 2026-11-21T12:00:00Z */

static char root[64];
static char path[96];

static int make_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/tarn-history-%s", os_uuid_new().text);
    (void)snprintf(path, sizeof path, "%s/meta/tarn.db", root);
    return 0;
}

static int drop_root(void **state)
{
    (void)state;
    return os_remove_tree(root, NULL) == ERR_OK ? 0 : -1;
}

static struct meta *must_open(void)
{
    struct meta *m = NULL;
    assert_int_equal(meta_open(path, &m, NULL), ERR_OK);
    return m;
}

/* One event a minute, of topic "a", and an acknowledgement as slow as the minute of the hour. */
static void add(struct history *h, int64_t minute)
{
    double values[HISTORY_METRIC_COUNT] = {[HISTORY_EVENTS] = 1, [HISTORY_QUERY_P95_MS] = NAN};
    const struct history_topic topic = {STR("a"), 1};
    values[HISTORY_ACK_P99_MS] = (double)(minute % HOUR) + 0.5;
    history_add(h, minute, values, &topic, 1);
}

static void read_into(struct history *h, enum history_metric metric, struct str topic, int64_t from,
                      int64_t to, int64_t bucket, double *out)
{
    const struct history_query q = {.metric = metric,
                                    .topic = topic,
                                    .from_minute = from,
                                    .to_minute = to,
                                    .bucket_minutes = bucket};
    AUTO(history_scan) scan = history_scan_new(h, &q);
    size_t count = 0;
    for (bool is_done = false; !is_done;) {
        assert_int_equal(history_scan_step(scan, &is_done, NULL), ERR_OK);
    }
    const double *values = history_scan_values(scan, &count);
    assert_int_equal(count, (to - from) / bucket);
    memcpy(out, values, count * sizeof out[0]);
}

static void check_three_hours(struct history *h)
{
    double values[HISTORY_POINTS_MAX];
    const struct str all = {0};
    read_into(h, HISTORY_EVENTS, all, START - HOUR, START + 4 * HOUR, HOUR, values);
    assert_true(isnan(values[0]) && isnan(values[4]));
    assert_true(values[1] == 60 && values[2] == 60 && values[3] == 30);
    read_into(h, HISTORY_EVENTS, STR("a"), START, START + 3 * HOUR, HOUR, values);
    assert_true(values[0] == 60 && values[2] == 30);
    read_into(h, HISTORY_EVENTS, STR("b"), START, START + 3 * HOUR, HOUR, values);
    assert_true(values[0] == 0);
    read_into(h, HISTORY_ACK_P99_MS, all, START, START + 3 * HOUR, HOUR, values);
    assert_true(values[0] == 59.5 && values[2] == 29.5);
    read_into(h, HISTORY_QUERY_P95_MS, all, START, START + 3 * HOUR, HOUR, values);
    assert_true(isnan(values[0]));
    read_into(h, HISTORY_EVENTS, all, START + 30, START + 3 * HOUR, 1, values);
    for (int i = 0; i < 150; i++) {
        assert_true(i < 120 ? values[i] == 1 : isnan(values[i]));
    }
    read_into(h, HISTORY_EVENTS, all, START, START + 3 * HOUR, 15, values);
    assert_true(values[0] == 15 && values[9] == 15 && isnan(values[10]));
}

static void minutes_become_hours_and_outlive_a_restart(void **state)
{
    /* Every minute that was added is there once, by the minute and by the hour, before and after
     * a restart in the middle of an hour. */
    (void)state;
    AUTO(meta) meta = must_open();
    struct history *h = history_new(meta, START * 60000);
    for (int64_t i = 0; i < 130; i++) {
        add(h, START + i);
    }
    history_free(h);
    h = history_new(meta, (START + 130) * 60000);
    add(h, START + 129); /* told already */
    for (int64_t i = 130; i < 150; i++) {
        add(h, START + i);
    }
    check_three_hours(h);
    history_free(h);
    h = history_new(meta, (START + 4 * HOUR) * 60000); /* the last hour ended without us */
    check_three_hours(h);
    history_free(h);
}

static void an_hour_that_comes_again_is_counted_once(void **state)
{
    /* A clock that is set back ends an hour before its time; when it comes again and ends, its row
     * is that of the whole hour, and while it goes on no minute counts twice. */
    (void)state;
    double values[4];
    AUTO(meta) meta = must_open();
    struct history *h = history_new(meta, START * 60000);
    for (int64_t i = 0; i < HOUR + 10; i++) {
        add(h, START + i);
    }
    add(h, START + 50); /* set back */
    for (int64_t i = HOUR + 10; i < HOUR + 30; i++) {
        add(h, START + i);
    }
    read_into(h, HISTORY_EVENTS, STR("a"), START, START + 2 * HOUR, HOUR, values);
    assert_true(values[0] == 60 && values[1] == 30);
    for (int64_t i = HOUR + 30; i < 2 * HOUR + 1; i++) {
        add(h, START + i);
    }
    read_into(h, HISTORY_EVENTS, (struct str){0}, START, START + 2 * HOUR, HOUR, values);
    assert_true(values[0] == 60 && values[1] == 60);
    history_free(h);
}

static size_t count_docs(struct meta *meta, const char *kind)
{
    AUTO_META_PAGE page = {0};
    assert_int_equal(meta_list(meta, kind, STR(""), STR(""), META_PAGE_MAX, &page, NULL), ERR_OK);
    return page.count;
}

static void what_is_older_than_35_days_goes(void **state)
{
    /* However long a server runs, there are documents of 35 days and no more. */
    (void)state;
    AUTO(meta) meta = must_open();
    struct history *h = history_new(meta, START * 60000);
    for (int64_t hour = 0; hour < (HISTORY_DAYS + 3) * 24; hour++) {
        add(h, START + hour * HOUR);
    }
    assert_in_range(count_docs(meta, "live_minutes"), HISTORY_DAYS * 24, HISTORY_DAYS * 24 + 2);
    assert_in_range(count_docs(meta, "live_hours"), HISTORY_DAYS, HISTORY_DAYS + 2);
    history_free(h);
}

static void a_damaged_file_costs_the_history_alone(void **state)
{
    bool is_done = false;
    /* With a file that cannot be used, adding goes on without effect and reading says why. */
    (void)state;
    struct errmsg why = {0};
    struct errmsg msg = {0};
    (void)errmsg_set(&why, ERR_CORRUPT, "damaged");
    AUTO(meta) meta = meta_unusable(ERR_CORRUPT, &why);
    struct history *h = history_new(meta, START * 60000);
    add(h, START);
    const struct history_query q = {
        .from_minute = START, .to_minute = START + HOUR, .bucket_minutes = HOUR};
    AUTO(history_scan) scan = history_scan_new(h, &q);
    assert_int_equal(history_scan_step(scan, &is_done, &msg), ERR_CORRUPT);
    assert_non_null(strstr(msg.text, "damaged"));
    history_free(h);
}

/* A week of minutes is read in many steps: none of them is long, however much there is. */
static void a_step_reads_a_few_documents(void **state)
{
    (void)state;
    struct meta *m = must_open();
    struct history *h = history_new(m, START * 60000);
    for (int64_t hour = 0; hour < 20; hour++) {
        add(h, START + hour * HOUR);
    }
    const struct history_query q = {.metric = HISTORY_EVENTS,
                                    .from_minute = START,
                                    .to_minute = START + 20 * HOUR,
                                    .bucket_minutes = 1};
    AUTO(history_scan) scan = history_scan_new(h, &q);
    size_t count = 0;
    double before = 0;
    int steps = 0;
    for (bool is_done = false; !is_done; steps++) {
        double sum = 0;
        assert_int_equal(history_scan_step(scan, &is_done, NULL), ERR_OK);
        const double *values = history_scan_values(scan, &count);
        for (size_t i = 0; i < count; i++) {
            sum += isnan(values[i]) ? 0 : values[i];
        }
        assert_true(sum - before <= 4); /* one event in each hour's document */
        before = sum;
    }
    assert_true(before == 20);
    assert_true(steps >= 5);
    history_free(h);
    meta_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_reads_a_few_documents, make_root, drop_root),
        cmocka_unit_test_setup_teardown(minutes_become_hours_and_outlive_a_restart, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(what_is_older_than_35_days_goes, make_root, drop_root),
        cmocka_unit_test_setup_teardown(an_hour_that_comes_again_is_counted_once, make_root,
                                        drop_root),
        cmocka_unit_test(a_damaged_file_costs_the_history_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
