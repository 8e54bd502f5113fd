/* SPDX-License-Identifier: MIT */
/* test_dice.c - distributions. */
#include "flow_test.h"

#include <math.h>

#include "flow/dice.h"

enum { THROWS = 200000 };

/* Means and spreads are what the names promise, within four standard errors. */
static void distributions_have_their_means(void **unused)
{
    (void)unused;
    struct dice d = dice_make(test_seed());
    double unit = 0;
    double normal = 0;
    double squares = 0;
    double exponential = 0;
    double below = 0;
    for (int i = 0; i < THROWS; i++) {
        double n = dice_normal(&d);
        unit += dice_unit(&d);
        normal += n;
        squares += n * n;
        exponential += dice_exponential(&d);
        below += (double)dice_below(&d, 7);
    }
    assert_true(fabs(unit / THROWS - 0.5) < 4 * 0.2887 / sqrt(THROWS));
    assert_true(fabs(normal / THROWS) < 4 / sqrt(THROWS));
    assert_true(fabs(squares / THROWS - 1) < 4 * 1.4143 / sqrt(THROWS));
    assert_true(fabs(exponential / THROWS - 1) < 4 / sqrt(THROWS));
    assert_true(fabs(below / THROWS - 3) < 4 * 2 / sqrt(THROWS));
}

/* Zipf picks k in proportion to k^-exponent, for any exponent and count. */
static void zipf_follows_its_law(void **unused)
{
    static const double exponents[] = {0.5, 1.0, 1.1, 2.5};
    (void)unused;
    struct dice d = dice_make(test_seed());
    for (size_t e = 0; e < ARRAY_LEN(exponents); e++) {
        enum { COUNT = 50 };
        size_t seen[COUNT + 1] = {0};
        double sum = 0;
        struct dice_zipf z = dice_zipf_make(COUNT, exponents[e]);
        for (int i = 0; i < THROWS; i++) {
            uint64_t k = dice_zipf(&d, &z);
            assert_in_range(k, 1, COUNT);
            seen[k]++;
        }
        for (int k = 1; k <= COUNT; k++) {
            sum += pow(k, -exponents[e]);
        }
        for (int k = 1; k <= COUNT; k++) {
            double expected = THROWS * pow(k, -exponents[e]) / sum;
            assert_true(fabs((double)seen[k] - expected) < 5 * sqrt(expected) + 5);
        }
    }
    struct dice_zipf one = dice_zipf_make(1, 1.1);
    assert_int_equal(dice_zipf(&d, &one), 1);
}

/* Weighted choices come as often as they weigh, those of weight zero never. */
static void weights_are_followed(void **unused)
{
    static const double weights[] = {1, 0, 3, 0.5, 0, 5.5};
    (void)unused;
    struct dice d = dice_make(test_seed());
    struct dice_weights w;
    size_t seen[ARRAY_LEN(weights)] = {0};
    dice_weights_init(&w, weights, ARRAY_LEN(weights));
    for (int i = 0; i < THROWS; i++) {
        seen[dice_weighted(&d, &w)]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        double expected = THROWS * weights[i] / 10;
        assert_true(fabs((double)seen[i] - expected) <= 5 * sqrt(expected));
    }
    dice_weights_deinit(&w);
    dice_weights_deinit(&w); /* again is fine */
}

/* Bounds are reached and kept, also those of 64 bits. */
static void bounds_are_kept(void **unused)
{
    (void)unused;
    struct dice d = dice_make(1);
    bool low = false;
    bool high = false;
    for (int i = 0; i < 1000; i++) {
        int64_t x = dice_between(&d, -3, 3);
        assert_true(x >= -3 && x <= 3);
        low |= x == -3;
        high |= x == 3;
        (void)dice_between(&d, INT64_MIN, INT64_MAX);
        assert_int_equal(dice_between(&d, 9, 9), 9);
    }
    assert_true(low && high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_have_their_means),
        cmocka_unit_test(zipf_follows_its_law),
        cmocka_unit_test(weights_are_followed),
        cmocka_unit_test(bounds_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
