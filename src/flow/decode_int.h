/* SPDX-License-Identifier: MIT */
/* decode_int.h - what the parts of the decoder share; nobody else includes it. */
#pragma once
#include "flow/decode.h"
#include "flow/json_walk.h"

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_TEXT, VALUE_NESTED };
enum lazy { LAZY_UNKNOWN, LAZY_YES, LAZY_NO };

/* One value of a record. What costs something is found out when first asked for. */
struct value {
    enum value_kind kind;
    bool boolean;
    bool has_escape; /* TEXT: `inside` has escapes */
    uint32_t token;  /* NESTED: the one that opens it */
    struct str raw;  /* as written, with its quotes */
    struct json_number number;
    enum lazy text_state; /* TEXT: LAZY_NO when a lone surrogate is in it */
    struct str text;      /* unescaped */
    enum lazy time_state; /* TEXT: an RFC 3339 date-time? */
    int64_t time_us;
};

/* TEXT only: the text without escapes, in `scratch` when there were any. False: no valid text. */
bool value_text(struct value *v, struct buf *scratch, struct str *out_text);
/* TEXT only: parses as RFC 3339. */
bool value_time(struct value *v, struct buf *scratch, int64_t *out_us);
/* NUMBER only. */
bool value_int64(const struct value *v, int64_t *out_value);
bool value_double(const struct value *v, double *out_value);
/* The flag of inference. */
uint32_t value_infer_kind(struct value *v, struct buf *scratch);
/* Puts a value that is not null into a column of a scalar type; `sink` NULL only checks. False:
 * does not fit. */
bool value_store(struct value *v, enum col_type type, bool borrow, struct buf *scratch,
                 struct col_sink *sink, size_t row);
/* A value as the time of an event. */
bool value_event_time(struct value *v, bool any_number, struct buf *scratch, int64_t *out_us);

/* Reads the value at token i; returns the token after it, or 0 when it is not JSON. */
static inline uint32_t read_value(const struct json_view *view, uint32_t i, struct value *v)
{
    const char *p = view->base + view->at[i];
    uint32_t next = i + 1;
    v->text_state = LAZY_UNKNOWN;
    v->time_state = LAZY_UNKNOWN;
    switch (*p) {
    case '"': {
        struct str inside = json_view_string(view, i);
        v->kind = VALUE_TEXT;
        v->has_escape = json_has_escape(view, inside);
        v->raw = str_of(p, inside.len + 2);
        return !v->has_escape || json_escapes_ok(inside) ? next : 0;
    }
    case 't':
    case 'f':
        v->kind = VALUE_BOOL;
        v->boolean = *p == 't';
        v->raw = str_of(p, v->boolean ? 4 : 5);
        return json_word_at(view, i, v->boolean ? "true" : "false", v->raw.len) ? next : 0;
    case 'n':
        v->kind = VALUE_NULL;
        v->raw = str_of(p, 4);
        return json_word_at(view, i, "null", 4) ? next : 0;
    case '{':
    case '[':
        v->kind = VALUE_NESTED;
        v->token = i;
        next = json_walk_nested(view, i, EVENT_DEPTH_MAX - 1);
        if (next == 0 || next >= view->count) {
            return 0;
        }
        v->raw = str_of(p, view->at[next - 1] + 1 - view->at[i]);
        return next;
    default:
        v->kind = VALUE_NUMBER;
        if (!json_number_at(view, i, &v->number)) {
            return 0;
        }
        v->raw = str_of(p, (size_t)(v->number.end - p));
        return next;
    }
}

/* --- decode_nested.c --- */

/* A type tree with what decoding by it needs; one thread at a time. */
struct nested;

enum nested_fit {
    NESTED_FITS,
    NESTED_PARTLY, /* stored; and it holds members, not null, that the type has no place for */
    NESTED_MISFIT  /* some part does not fit: the row is null */
};

/* What the elements of one record's lists may take in the sinks. In proportion to the record, as a
 * table of a thousand columns is, so that a log of short records with long lists of nothing still
 * fits the memory of a landing. */
enum { NESTED_BYTES_MAX = 64 << 20, NESTED_BYTES_FREE = 16 << 10, NESTED_BYTES_FACTOR = 1024 };
struct nested_room {
    size_t used;
    size_t max;
};
static inline struct nested_room nested_room_of(size_t record_bytes)
{
    size_t max = NESTED_BYTES_MAX;
    if (record_bytes < (NESTED_BYTES_MAX - NESTED_BYTES_FREE) / NESTED_BYTES_FACTOR) {
        max = NESTED_BYTES_FREE + record_bytes * NESTED_BYTES_FACTOR;
    }
    return (struct nested_room){.max = max};
}

/* Of a STRUCT or LIST; names are borrowed from `def`. */
struct nested *nested_new(const struct col_def *def);
void nested_free(struct nested *n); /* NULL is fine */
/* Puts the value that token i opens, of whatever kind but checked by read_value(), into a row;
 * `sink` NULL only checks. Takes what its lists need from the record's room; a value that finds too
 * little is a misfit. */
enum nested_fit nested_store(struct nested *n, const struct json_view *view, uint32_t i,
                             bool borrow, struct buf *scratch, struct col_sink *sink, size_t row,
                             struct nested_room *room);
