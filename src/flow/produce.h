/* SPDX-License-Identifier: MIT */
/* produce.h - made-up events for demos, tests and loads: four kinds that look like what shops and
 * web sites log. The same kind, seed and times give the same events. Reads no clock. */
#pragma once
#include "base/buf.h"

struct producer; /* one thread */

/* "web_logs, customer_events, transaction_events, analytics_events". */
const char *producer_kinds(void);
/* NULL for an unknown kind. Caller frees with producer_free(). */
struct producer *producer_new(const char *kind, uint64_t seed);
void producer_free(struct producer *p);
AUTO_DEFINE(producer)
/* Appends one JSON object (no newline) that happened at `now_us`. Failure is sticky in `out`. */
void producer_next(struct producer *p, int64_t now_us, struct buf *out);
