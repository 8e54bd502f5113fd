/* SPDX-License-Identifier: MIT */
/* decode.h - from record to row: one pass over the value, by the schema, into column sinks.
 *
 * The result for a record depends on its bytes, the schema and the options only; what was decoded
 * before helps to guess where the next field goes, never what comes out.
 *
 * Values by column type:
 *   BOOLEAN      true, false
 *   BIGINT       integers within int64, also as 1.0 or 1e3       INTEGER  within int32
 *   DOUBLE       numbers with point or exponent, and integers that a double holds exactly
 *   TIMESTAMPTZ  text that is an RFC 3339 date-time     DATE    text that is a date
 *   VARCHAR      text unescaped; everything else as it is written (JSON)
 *   STRUCT       objects; members by name, each by its own type
 *   LIST         arrays, each element by the type
 * null, and a missing field, is null. What does not fit leaves its column null and goes to
 * `_rescued`, a JSON object of name and value as written; so does every field that has no column
 * and holds anything but null. A nested value is one value: when any part of it does not fit, the
 * whole column is null and rescued; when it only holds members (not null) that its STRUCT has no
 * place for, the rest is stored and the whole is rescued beside it. Text with a lone surrogate is
 * no text that UTF-8 can hold: it is rescued as written. Of duplicate names the last wins, and only
 * that one.
 *
 * `_time`: the declared time field; without one, the first of timestamp, @timestamp, time, ts,
 * event_time that parses; else `_timestamp`. What parses: RFC 3339 text; numbers, and text that is
 * a plain number, as seconds below 1e11, milliseconds below 1e14, microseconds below 1e17. Numbers
 * below 1e8 (for seconds: before March 1973) are counters and durations rather than times, and
 * count only in a declared time field. Years 0001 to 9999.
 *
 * A record with the header EVENT_DEAD_HEADER (event.h) is dead by that header alone.
 *
 * Thread: a decoder belongs to one thread; its schema is shared. */
#pragma once
#include "flow/event.h"
#include "flow/infer.h"
#include "flow/json_schema.h"
#include "flow/schema.h"
#include "sql/source.h"
#include "topic/batch.h"

enum decode_result { DECODE_ROW, DECODE_DEAD, DECODE_FAILED /* out of memory: see msg */ };

struct decode_options {
    struct str time_field;     /* {NULL,0}: the default list. Copied */
    struct json_schema *check; /* what a record must hold to be a row; referenced. NULL: nothing */
    bool infer;                /* note unknown fields and provisional columns */
    bool borrow_text;          /* records stay where they are until the sinks are read: long text is
                              referred to, not copied (col_set_str_ref) */
};
struct decode_counts {
    uint64_t rows;
    uint64_t dead;
    uint64_t rescued_rows;   /* rows with a _rescued */
    const uint64_t *misfits; /* per event column: values that did not fit; borrowed */
};

struct decoder;

/* Keeps a reference of the schema. Errors: NOMEM. */
err decoder_new(struct event_schema *schema, const struct decode_options *options,
                struct decoder **out_decoder, struct errmsg *msg);
void decoder_free(struct decoder *d);
AUTO_DEFINE(decoder)

/* The sinks that follow are for these columns (full indexes, see schema.h), in this order. At first
 * every column. `full_indexes` must be distinct and below event_schema_full_count(). */
void decoder_project(struct decoder *d, const uint32_t *full_indexes, size_t count);

/* Decodes one record into row `row` of `cols` (as projected).
 * DEAD: nothing of the row counts (the row may be overwritten by the next record); `*out_reason` is
 * never EVENT_OK and `detail` says why and where. `cols` NULL: judges, and notes for inference. */
enum decode_result decode_row(struct decoder *d, const struct record *record, int32_t partition,
                              struct col_sink *cols, size_t row, enum event_code *out_reason,
                              struct errmsg *detail);
/* Only the verdict, for the dead-letter table: the same answer as decode_row() at a third of the
 * work, with no effect on inference or counts. */
enum decode_result decode_judge(struct decoder *d, const struct record *record,
                                enum event_code *out_reason, struct errmsg *detail);
/* decode_judge() == DECODE_ROW. Where false is answered with *out_reason still EVENT_OK, memory was
 * out and there is no verdict: set it before the call, and look. */
static inline bool decode_is_row(struct decoder *d, const struct record *record,
                                 enum event_code *out_reason, struct errmsg *detail)
{
    return decode_judge(d, record, out_reason, detail) == DECODE_ROW;
}
/* Fills a row of the dead-letter table; cols[i] is column full_indexes[i] of enum event_dead. */
void decode_dead_row(const struct record *record, int32_t partition, enum event_code reason,
                     const struct errmsg *detail, const uint32_t *full_indexes, size_t count,
                     struct col_sink *cols, size_t row);

/* Moves what was noted about unknown fields and provisional columns into `into`, whose schema is
 * the committed one that ours is or is derived from. Call it once per block, not per row. */
err decoder_infer(struct decoder *d, struct infer *into);
/* The nested values of the rows since row 0 take so much memory that the sinks should be read now:
 * a short value can stand for many elements. To be asked after a row. */
bool decoder_chunk_is_full(const struct decoder *d);
struct decode_counts decoder_counts(const struct decoder *d);

/* The time rules by themselves, for tests and other callers. */
bool decode_time_text(struct str text, int64_t *out_us);
/* `any_number`: as in a declared time field. `text` is a JSON number. */
bool decode_time_number(struct str text, bool any_number, int64_t *out_us);
/* `_date` of a row. */
int32_t decode_date(int64_t time_us, int64_t timestamp_us);
