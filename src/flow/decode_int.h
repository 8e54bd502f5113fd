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
/* Puts a value that is not null into a column; `sink` NULL only checks. False: does not fit. */
bool value_store(struct value *v, enum col_type type, bool borrow, struct buf *scratch,
                 struct col_sink *sink, size_t row);
/* A value as the time of an event. */
bool value_event_time(struct value *v, bool any_number, struct buf *scratch, int64_t *out_us);
