/* SPDX-License-Identifier: MIT */
/* test_sample.c - rows of the sample tables. */
#include "flow_test.h"

#include "base/timefmt.h"
#include "flow/sample.h"

/* Every key of every row exists, totals are sums, and times come in their order. */
static void rows_agree_with_each_other(void **unused)
{
    static const uint64_t sizes[] = {1, 7, 100, 5000};
    (void)unused;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        struct sample_world w = sample_world_make(test_seed(), sizes[s]);
        for (uint64_t i = 0; i < w.orders; i++) {
            struct sample_order o = sample_order(&w, i);
            int64_t total = 0;
            assert_in_range(o.customer, 1, w.customers);
            assert_in_range(o.employee, 0, w.employees);
            assert_in_range(o.campaign, 0, w.campaigns);
            assert_in_range(o.line_count, 1, SAMPLE_LINES_MAX);
            struct sample_customer c = sample_customer(&w, o.customer - 1);
            assert_true(c.joined <= time_to_days(o.at_us));
            for (uint32_t l = 0; l < o.line_count; l++) {
                struct sample_product p = sample_product(&w, o.lines[l].product - 1);
                assert_true(p.price == o.lines[l].unit_price && p.cost < p.price);
                total += o.lines[l].amount;
            }
            assert_true(o.total == total && total > 0);
            assert_true(o.paid_us > o.at_us && o.refunded_us > o.paid_us);
            assert_true(o.reviewed_line < o.line_count && o.rating >= 1 && o.rating <= 5);
            if (o.campaign != 0) {
                struct sample_campaign k = sample_campaign(&w, o.campaign - 1);
                assert_true(k.starts <= time_to_days(o.at_us) && time_to_days(o.at_us) <= k.ends);
            }
        }
        for (uint64_t i = 0; i < w.employees; i++) {
            struct sample_employee e = sample_employee(&w, i);
            assert_true(e.manager < e.id && e.salary % 1200 == 0);
            if (e.manager != 0) {
                assert_true(sample_employee(&w, e.manager - 1).hired <= e.hired);
            }
        }
    }
}

/* Months begin where the calendar says. */
static void months_are_those_of_the_calendar(void **unused)
{
    static const char *const days[] = {"2024-01-01", "2024-02-01", "2024-03-01",
                                       "2024-12-01", "2025-01-01", "2025-02-01",
                                       "2025-03-01", "2025-12-01", "2026-01-01"};
    static const uint32_t months[] = {0, 1, 2, 11, 12, 13, 14, 23, 24};
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        char text[16];
        time_format_date(sample_month_day(months[i]), text);
        assert_string_equal(text, days[i]);
        int64_t us = sample_month_day(months[i]) * INT64_C(86400000000);
        assert_int_equal(sample_month(us), MIN(months[i], 23u));
        assert_int_equal(sample_month(us - 1), i == 0 ? 0 : months[i] - 1);
    }
}

/* Rows do not depend on each other, nor on when they are made. */
static void rows_repeat(void **unused)
{
    (void)unused;
    struct sample_world w = sample_world_make(4, 1000);
    struct sample_world other = sample_world_make(5, 1000);
    size_t different = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct sample_order a = sample_order(&w, 999 - i);
        struct sample_order b = sample_order(&w, 999 - i);
        struct sample_order c = sample_order(&other, 999 - i);
        assert_true(a.total == b.total && a.at_us == b.at_us && a.customer == b.customer);
        different += a.total != c.total;
    }
    assert_true(different > 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_agree_with_each_other),
        cmocka_unit_test(months_are_those_of_the_calendar),
        cmocka_unit_test(rows_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
