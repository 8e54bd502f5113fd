/* SPDX-License-Identifier: MIT */
/* producer.h - made-up events by a specification: types with weights and templates, a rate, limits,
 * and a share of deliberately bad events.
 *
 *     {"topic": "web_logs", "rate": 500, "seed": 7, "count": 1000000, "duration_s": 60,
 *      "types": [{"name": "view", "weight": 9, "template": {...}}, ...],
 *      "bad": {"share": 0.01, "kinds": ["broken_json"]}}
 *
 * docs/producers.md has the whole of it. Here a specification is checked, merged with a preset, and
 * turned into something that makes events; who sends them when is the business of the caller
 * (producers.h in the server, `tarn produce` as a client). No clock is read: the same
 * specification, seed and times give the same events. One producer belongs to one thread. */
#pragma once
#include "flow/pace.h"

struct producer;

enum { PRODUCER_TYPES_MAX = 64, PRODUCER_RATE_DEFAULT = 100 };

/* "web_logs, customers, transactions, analytics". */
const char *producer_presets(void);
/* All of them: [{"name", "label", "about", "topic", "spec"}]. The caller frees. */
json_t *producer_presets_json(void);
/* The specification to run: the preset's (NULL: none) with the members of `change` (NULL: none) in
 * place of its own; null removes one. "weights": {"view": 3} changes the weights of types by name.
 * Nothing of it is checked but that. Caller owns *out_spec.
 * Errors: NOT_FOUND preset; INVALID. */
err producer_spec(const char *preset, const json_t *change, json_t **out_spec, struct errmsg *msg);
/* The same over a specification instead of a preset. */
err producer_spec_change(const json_t *spec, const json_t *change, json_t **out_spec,
                         struct errmsg *msg);

/* Checks and compiles. The specification's own seed goes first, else `seed`; `stream` above 0 makes
 * other events from the same seed (a producer that goes on after a restart).
 * Errors: INVALID, UNSUPPORTED with the JSON pointer. Caller frees with producer_free(). */
err producer_compile(const json_t *spec, uint64_t seed, uint64_t stream,
                     struct producer **out_producer, struct errmsg *msg);
void producer_free(struct producer *p);
AUTO_DEFINE(producer)

const struct pace *producer_pace(const struct producer *p);
uint64_t producer_count_max(const struct producer *p);  /* 0: none */
int64_t producer_duration_us(const struct producer *p); /* 0: none */
/* Appends one event (no line's end) that is made at `now_us`. True when it is a bad one.
 * Failure (an event over TEMPLATE_EVENT_BYTES_MAX, memory) is sticky in `out`. */
bool producer_next(struct producer *p, int64_t now_us, struct buf *out);
/* Goes on where `old` is, as far as types are the same. */
void producer_continue(struct producer *p, const struct producer *old);
/* Skips the counters over `count` events, as an earlier run left them (types by their weights). */
void producer_skip(struct producer *p, uint64_t count);
