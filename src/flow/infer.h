/* SPDX-License-Identifier: MIT */
/* infer.h - which columns a set of records asks for: pure, mergeable, independent of order.
 *
 * An accumulator belongs to one schema and collects, for every field that is no committed column,
 * a set of flags: which kinds of value it was seen with. Two accumulators merge by union, so any
 * split of the records over threads and any order give the same answer.
 *
 * Memory is bounded: at most as many names are kept as columns could be added, the first in byte
 * order. That loses nothing: names that compare greater than 1,000 others can never be chosen,
 * since what is kept only ever gets smaller. Of names that differ only in case the first in byte
 * order is kept with its own flags.
 *
 * From flags to a type, "the narrowest type that holds all without loss, else VARCHAR":
 *   only true/false                              BOOLEAN
 *   only integers in 64 bits                     BIGINT
 *   numbers, all integers exact as doubles       DOUBLE
 *   only RFC 3339 date-times                     TIMESTAMPTZ
 *   anything else and every mixture              VARCHAR
 * nulls never count; a field seen only as null is reported apart.
 *
 * Thread: one at a time. */
#pragma once
#include "flow/schema.h"

enum infer_kind {
    INFER_NULL = 1,
    INFER_BOOL = 2,
    INFER_INT64 = 4,        /* an integer that fits int64 and is exact as a double */
    INFER_INT64_WIDE = 8,   /* fits int64, not exact as a double (beyond 2^53) */
    INFER_FLOAT = 16,       /* a number that a double holds: with a point or exponent, or an integer
                               beyond int64 that happens to be exact */
    INFER_NUMBER_WIDE = 32, /* a number that neither holds */
    INFER_TIME_TEXT = 64,   /* text, an RFC 3339 date-time */
    INFER_TEXT = 128,       /* other text */
    INFER_NESTED = 256,     /* object or array */
};

struct infer;

/* `schema` is the committed one (no provisional column). Keeps a reference. Errors: NOMEM. */
err infer_new(struct event_schema *schema, struct infer **out_infer);
void infer_free(struct infer *x);
AUTO_DEFINE(infer)
void infer_reset(struct infer *x);
/* Adds flags (enum infer_kind) for a field. Names that can never become a column are ignored. */
err infer_note(struct infer *x, struct str name, uint32_t flags);
/* Union of both; they must be of equal schemas (names and committed columns). */
err infer_merge(struct infer *into, const struct infer *from);

/* One field that the records ask for. */
struct infer_field {
    struct str name; /* borrowed from the accumulator until it changes */
    uint32_t flags;
    enum col_type type; /* as decided; VARCHAR for a field seen only as null */
    bool only_null;
};
/* The fields in byte order of their names, at most as many as columns may be added.
 * `*out_fields` is borrowed until the accumulator changes. */
size_t infer_fields(struct infer *x, const struct infer_field **out_fields);
/* The type that these flags ask for. */
enum col_type infer_type(uint32_t flags);

/* The committed schema with what was inferred added, in byte order after the present columns.
 * provisional false: what a commit adds; fields seen only as null become remembered null fields.
 * provisional true: what a query shows; new columns are marked, and every null field, remembered
 * or new, is a VARCHAR column of nulls. Rows decoded by an older provisional schema that is not
 * event_schema_equal() to this one must be decoded again.
 * Caller owns a reference. Errors: NOMEM. */
err infer_schema(struct infer *x, bool provisional, struct event_schema **out_schema,
                 struct errmsg *msg);
