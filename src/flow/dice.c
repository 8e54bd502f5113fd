/* SPDX-License-Identifier: MIT */
/* dice.c - see dice.h. */
#include "flow/dice.h"

#include <math.h>

double dice_normal(struct dice *d)
{
    /* Marsaglia's polar method; the second number is thrown away to keep the state small. */
    for (;;) {
        double x = 2 * dice_unit(d) - 1;
        double y = 2 * dice_unit(d) - 1;
        double s = x * x + y * y;
        if (s > 0 && s < 1) {
            return x * sqrt(-2 * log(s) / s);
        }
    }
}

double dice_exponential(struct dice *d)
{
    return -log1p(-dice_unit(d));
}

/* Rejection-inversion (Hörmann and Derflinger, 1996): H is the integral of h(x) = x^-exponent. */
static double zipf_integral(double exponent, double x)
{
    double rest = 1 - exponent;
    return fabs(rest) < 1e-9 ? log(x) : (pow(x, rest) - 1) / rest;
}

static double zipf_inverse(double exponent, double area)
{
    double rest = 1 - exponent;
    return fabs(rest) < 1e-9 ? exp(area) : pow(fmax(area * rest + 1, 0), 1 / rest);
}

struct dice_zipf dice_zipf_make(uint64_t count, double exponent)
{
    ASSERT(count >= 1);
    ASSERT(exponent > 0 && exponent <= 10);
    struct dice_zipf z = {.exponent = exponent, .count = count};
    z.first = zipf_integral(exponent, 1.5) - 1;
    z.last = zipf_integral(exponent, (double)count + 0.5);
    z.shift = 2 - zipf_inverse(exponent, zipf_integral(exponent, 2.5) - pow(2, -exponent));
    return z;
}

uint64_t dice_zipf(struct dice *d, const struct dice_zipf *z)
{
    for (;;) {
        double area = z->last + dice_unit(d) * (z->first - z->last);
        double x = zipf_inverse(z->exponent, area);
        double near = floor(x + 0.5);
        near = near < 1 ? 1 : near > (double)z->count ? (double)z->count : near;
        if (near - x <= z->shift ||
            area >= zipf_integral(z->exponent, near + 0.5) - pow(near, -z->exponent)) {
            return (uint64_t)near;
        }
    }
}

void dice_weights_init(struct dice_weights *w, const double *weights, uint32_t count)
{
    ASSERT(count > 0);
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(weights[i] >= 0);
        sum += weights[i];
    }
    ASSERT(sum > 0);
    w->count = count;
    w->other = xnew_array(uint32_t, count);
    w->share = xnew_array(double, count);
    uint32_t *small = xnew_array(uint32_t, count);
    uint32_t *large = xnew_array(uint32_t, count);
    uint32_t small_count = 0;
    uint32_t large_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        w->share[i] = weights[i] / sum * count;
        w->other[i] = i;
        if (w->share[i] < 1) {
            small[small_count++] = i;
        } else {
            large[large_count++] = i;
        }
    }
    while (small_count > 0 && large_count > 0) {
        uint32_t s = small[--small_count];
        uint32_t l = large[large_count - 1];
        w->other[s] = l;
        w->share[l] -= 1 - w->share[s];
        if (w->share[l] < 1) {
            large_count--;
            small[small_count++] = l;
        }
    }
    /* What is left is 1 but for rounding; a weight of zero never stays among these. */
    while (large_count > 0) {
        w->share[large[--large_count]] = 1;
    }
    while (small_count > 0) {
        uint32_t s = small[--small_count];
        w->share[s] = weights[s] > 0 ? 1 : w->share[s];
    }
    free(small);
    free(large);
}

void dice_weights_deinit(struct dice_weights *w)
{
    free(w->other);
    free(w->share);
    *w = (struct dice_weights){0};
}
