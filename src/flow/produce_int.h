/* SPDX-License-Identifier: MIT */
/* produce_int.h - what the generators share: random choices and cheap writing. Nobody else includes
 * it. */
#pragma once
#include "flow/produce.h"

enum { PRODUCE_WORDS_MAX = 32 };

struct producer {
    void (*next)(struct producer *p, struct buf *out);
    uint64_t random[4];
    uint64_t serial;
    int64_t time_ms; /* what `time` says */
    char time[32];   /* RFC 3339 with milliseconds */
};

/* A list of texts and how often each comes: weights add up to PRODUCE_WEIGHT. */
enum { PRODUCE_WEIGHT = 1000 };
struct produce_choice {
    const char *text;
    uint32_t weight;
};

uint64_t produce_random(struct producer *p);
/* Evenly below `bound`, which is small against 2^32. */
uint32_t produce_below(struct producer *p, uint32_t bound);
/* Skewed: small numbers are common, as customers and pages are. */
uint32_t produce_skewed(struct producer *p, uint32_t bound);
/* The text of a choice. */
const char *produce_choose(struct producer *p, const struct produce_choice *choices);
/* `text` must need no escaping. Each begins with `before`, e.g. `,"status":`. */
void produce_text(struct buf *out, const char *before, const char *text);
void produce_number(struct buf *out, const char *before, uint64_t value);
/* cents as 12.34 */
void produce_money(struct buf *out, const char *before, uint64_t cents);
/* `digits` hexadecimal digits of `value` after `before`, then `after`. */
void produce_hex(struct buf *out, const char *before, uint64_t value, unsigned digits,
                 const char *after);

void produce_web_logs(struct producer *p, struct buf *out);
void produce_customer_events(struct producer *p, struct buf *out);
void produce_transaction_events(struct producer *p, struct buf *out);
void produce_analytics_events(struct producer *p, struct buf *out);
