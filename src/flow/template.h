/* SPDX-License-Identifier: MIT */
/* template.h - JSON documents whose leaves may be generators: {"id": {"$uuid": {}}, "n": 5}.
 *
 * A template is compiled once into a list of fixed texts with generators between them, and then
 * rendered as often as wanted: rendering copies the texts, throws the dice for the generators and
 * looks nothing up. What is rendered follows from the template, the seed, the times handed in and
 * the number of renderings before; no clock is read. docs/producers.md lists the generators; they
 * are rows of a table in template_table.c.
 *
 * An object with one member whose name begins with "$" is a generator; anything else stands for
 * itself. {"$literal": X} is X, whatever it looks like. Unknown generators and options are refused
 * by name, with the JSON pointer of the place. One template belongs to one thread. */
#pragma once
#include "base/json.h"

enum {
    TEMPLATE_DEPTH_MAX = 32,
    TEMPLATE_BYTES_MAX = 1 << 20,        /* of a compiled template in memory */
    TEMPLATE_EVENT_BYTES_MAX = 256 << 10 /* a rendering larger than this fails */
};

struct template;

/* `pointer` is where `json` stands in the user's document, for messages. The document is not kept.
 * Errors: INVALID with pointer; TOO_LARGE. Caller frees with template_free(). */
err template_compile(const json_t *json, const char *pointer, uint64_t seed,
                     struct template **out_template, struct errmsg *msg);
void template_free(struct template *t);
AUTO_DEFINE(template)
/* Appends one JSON object on one line, without the line's end, for an event made at `now_us` (>= 0,
 * us since 1970). Failure (memory, out->max) is sticky in `out`. */
void template_render(struct template *t, int64_t now_us, struct buf *out);
/* Goes on where `old` is: counters and dice, when both are of the same shape; else nothing. */
void template_continue(struct template *t, const struct template *old);
/* Skips the counters ($seq) over `count` renderings. */
void template_skip(struct template *t, uint64_t count);
/* "$uuid, $seq, ..." of all generators. */
const char *template_generators(void);
