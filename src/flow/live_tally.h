/* SPDX-License-Identifier: MIT */
/* live_tally.h - how often each value of a field came, second by second, over the last 15 minutes.
 *
 * LIVE_TALLY_VALUES_MAX values are told apart, LIVE_TALLY_SHOWN of them by name in an answer; the
 * rest, and events without the field, are `other`. A value that did not come for 15 minutes gives
 * its place back. Memory: 0.25 MB. Pure. Thread: one at a time. */
#pragma once
#include "base/buf.h"

struct live_tally;

enum {
    LIVE_TALLY_SECONDS = 15 * 60,
    LIVE_TALLY_VALUES_MAX = 64,
    LIVE_TALLY_SHOWN = 20,
    LIVE_TALLY_VALUE_BYTES = 64, /* longer ones are cut */
};

struct live_tally *live_tally_new(void);
void live_tally_free(struct live_tally *t); /* NULL is fine */
/* Moves on to a second (since 1970); seconds passed over hold zeros. An earlier one is waited for
 * when it is a few seconds back, else the clock was set back and the counts begin anew. The first
 * call begins. */
void live_tally_advance(struct live_tally *t, int64_t second);
/* Counts one event in the present second. `value` is empty for one without the field. */
void live_tally_add(struct live_tally *t, struct str value);
/* That many events came in the present second and were not looked at. */
void live_tally_skip(struct live_tally *t, uint64_t count);
/* The complete seconds after `after` (0: all): {"t":[epoch_ms…],"counts":{"view":[…],…},
 * "sampled":1}. Returns the last second that is in it, or `after` when there is none; 0 when
 * that is yet to come, as after a clock that was set back. */
int64_t live_tally_write(const struct live_tally *t, int64_t after, struct buf *out);
