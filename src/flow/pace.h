/* SPDX-License-Identifier: MIT */
/* pace.h - how many events are due after a time: constant, a sine wave, or bursts.
 *
 * Pure: the count is an integral over the elapsed time, never a sum of steps, so it cannot drift
 * however often or rarely it is asked. */
#pragma once
#include "base/json.h"

enum pace_kind { PACE_CONSTANT, PACE_SINE, PACE_BURSTS };
struct pace {
    enum pace_kind kind;
    double base;     /* events a second: constant, the sine's mean, between bursts */
    double swing;    /* the sine's amplitude; the rate within a burst */
    double period_s; /* of the sine; from one burst's start to the next */
    double length_s; /* of a burst */
};
#define PACE_RATE_MAX 1e7

/* Reads a number (constant), {"constant":{"rate":N}}, {"sine":{"mean","amplitude","period_s"}} or
 * {"bursts":{"base","burst","every_s","length_s"}}. `pointer` names the place in messages.
 * Errors: INVALID with the JSON pointer. */
err pace_compile(const json_t *spec, const char *pointer, struct pace *out_pace,
                 struct errmsg *msg);
/* Events due in the first `elapsed_us` since the start, as a real number. */
double pace_due(const struct pace *p, int64_t elapsed_us);
/* Events a second at that moment. */
double pace_rate(const struct pace *p, int64_t elapsed_us);
