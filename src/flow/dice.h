/* SPDX-License-Identifier: MIT */
/* dice.h - repeatable random numbers and the distributions that made-up data needs.
 *
 * xoshiro256** (public domain, Blackman and Vigna) seeded by splitmix64: fast and good enough for
 * data that looks real, not for secrets. The same seed gives the same numbers on every machine
 * that has the same mathematics library. One dice belongs to one thread. */
#pragma once
#include "base/base.h"

struct dice {
    uint64_t state[4];
};

/* A step of splitmix64: turns related numbers into unrelated ones. */
static inline uint64_t dice_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + (b + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline struct dice dice_make(uint64_t seed)
{
    struct dice d;
    for (uint64_t i = 0; i < 4; i++) {
        d.state[i] = dice_mix(seed, i);
    }
    return d;
}

static inline uint64_t dice_next(struct dice *d)
{
    uint64_t *s = d->state;
    uint64_t result = ((s[1] * 5) << 7 | (s[1] * 5) >> 57) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/* Evenly in [0, bound); a bound of 0 is 2^64. The bias is below bound / 2^64. */
static inline uint64_t dice_below(struct dice *d, uint64_t bound)
{
    uint64_t x = dice_next(d);
    return bound == 0 ? x : (uint64_t)(((unsigned __int128)x * bound) >> 64);
}
/* Evenly in [low, high]. */
static inline int64_t dice_between(struct dice *d, int64_t low, int64_t high)
{
    return (int64_t)((uint64_t)low + dice_below(d, (uint64_t)high - (uint64_t)low + 1));
}
/* Evenly in [0, 1). */
static inline double dice_unit(struct dice *d)
{
    return (double)(dice_next(d) >> 11) * 0x1p-53;
}
static inline bool dice_chance(struct dice *d, double share)
{
    return dice_unit(d) < share;
}
/* Standard normal: mean 0, deviation 1. */
double dice_normal(struct dice *d);
/* Exponential with mean 1. */
double dice_exponential(struct dice *d);

/* Zipf over 1..count: the k-th is picked in proportion to k^-exponent. */
struct dice_zipf {
    double exponent;
    double first;
    double last;
    double shift;
    uint64_t count;
};
/* `count` >= 1, 0 < exponent <= 10. */
struct dice_zipf dice_zipf_make(uint64_t count, double exponent);
uint64_t dice_zipf(struct dice *d, const struct dice_zipf *z);

/* Weighted choice among `count` things in constant time (Vose's alias method). */
struct dice_weights {
    uint32_t *other; /* owned */
    double *share;   /* owned: chance to stay */
    uint32_t count;
};
/* `weights` are not negative and not all zero. Caller frees with dice_weights_deinit(). */
void dice_weights_init(struct dice_weights *w, const double *weights, uint32_t count);
void dice_weights_deinit(struct dice_weights *w);
static inline uint32_t dice_weighted(struct dice *d, const struct dice_weights *w)
{
    uint64_t x = dice_next(d);
    uint32_t i = (uint32_t)(((x >> 32) * w->count) >> 32);
    return (double)(x & UINT32_MAX) * 0x1p-32 < w->share[i] ? i : w->other[i];
}
