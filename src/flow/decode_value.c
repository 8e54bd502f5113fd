/* SPDX-License-Identifier: MIT */
/* decode_value.c - one value: what it is to inference, and whether and how it fits a column. */
#include "base/timefmt.h"
#include "flow/decode_int.h"

bool value_text(struct value *v, struct buf *scratch, struct str *out_text)
{
    ASSERT(v->kind == VALUE_TEXT);
    if (v->text_state == LAZY_UNKNOWN) {
        v->text = str_of(v->raw.ptr + 1, v->raw.len - 2);
        v->text_state = LAZY_YES;
        if (v->has_escape) {
            buf_reset(scratch);
            v->text_state = json_unescape(v->text, scratch) ? LAZY_YES : LAZY_NO;
            v->text = str_of(scratch->len == 0 ? "" : scratch->data, scratch->len);
        }
    }
    *out_text = v->text;
    return v->text_state == LAZY_YES;
}

bool value_time(struct value *v, struct buf *scratch, int64_t *out_us)
{
    if (v->time_state == LAZY_UNKNOWN) {
        struct str text;
        bool is_time = value_text(v, scratch, &text) && decode_time_text(text, &v->time_us);
        v->time_state = is_time ? LAZY_YES : LAZY_NO;
    }
    *out_us = v->time_us;
    return v->time_state == LAZY_YES;
}

bool value_int64(const struct value *v, int64_t *out_value)
{
    const struct json_number *n = &v->number;
    uint64_t max = (uint64_t)INT64_MAX + n->is_negative;
    if (!n->is_integer || n->exponent != 0 || n->mantissa > max) {
        return false;
    }
    *out_value = n->is_negative ? (int64_t)(0 - n->mantissa) : (int64_t)n->mantissa;
    return true;
}

/* The same for any spelling of an integer: 1.0 and 1e3 are integers to JSON Schema too. */
static bool integral_value(const struct value *v, int64_t *out_value)
{
    const struct json_number *n = &v->number;
    uint64_t max = (uint64_t)INT64_MAX + n->is_negative;
    uint64_t digits = n->mantissa;
    if (!n->is_exact) {
        return false;
    }
    for (int64_t e = n->exponent; e < 0 && digits != 0; e++) {
        if (digits % 10 != 0) {
            return false;
        }
        digits /= 10;
    }
    for (int64_t e = n->exponent; e > 0 && digits != 0; e--) {
        if (digits > max / 10) {
            return false;
        }
        digits *= 10;
    }
    if (digits > max) {
        return false;
    }
    *out_value = n->is_negative ? (int64_t)(0 - digits) : (int64_t)digits;
    return true;
}

/* The double nearest to the number, false beyond their range. */
static bool nearest_double(const struct value *v, double *out_value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const struct json_number *n = &v->number;
    if (n->is_exact && n->mantissa <= (UINT64_C(1) << 53) && n->exponent >= -22 &&
        n->exponent <= 22) {
        /* Both are exact, so one rounding is left (Clinger's fast path). */
        double value = (double)n->mantissa;
        value = n->exponent < 0 ? value / powers[-n->exponent] : value * powers[n->exponent];
        *out_value = n->is_negative ? -value : value;
        return true;
    }
    return json_number_to_double(v->raw.ptr, v->raw.len, out_value) != 0;
}

/* True when a double holds an integer token exactly. */
static bool integer_is_exact(const struct value *v, double value)
{
    const struct json_number *n = &v->number;
    if (n->is_exact && n->exponent == 0 && n->mantissa <= (UINT64_C(1) << 53)) {
        return true;
    }
    char digits[400];
    int len = snprintf(digits, sizeof(digits), "%.0f", value);
    return len > 0 && str_eq(str_of(digits, (size_t)len), v->raw);
}

bool value_double(const struct value *v, double *out_value)
{
    double value = 0;
    if (!nearest_double(v, &value) || (v->number.is_integer && !integer_is_exact(v, value))) {
        return false;
    }
    *out_value = value;
    return true;
}

static uint32_t number_kind(const struct value *v)
{
    int64_t integer = 0;
    double real = 0;
    bool is_double = value_double(v, &real);
    if (value_int64(v, &integer)) {
        return is_double ? INFER_INT64 : INFER_INT64_WIDE;
    }
    return is_double ? INFER_FLOAT : INFER_NUMBER_WIDE;
}

uint32_t value_infer_kind(struct value *v, struct buf *scratch)
{
    int64_t us = 0;
    switch (v->kind) {
    case VALUE_NULL:
        return INFER_NULL;
    case VALUE_BOOL:
        return INFER_BOOL;
    case VALUE_NUMBER:
        return number_kind(v);
    case VALUE_TEXT:
        return value_time(v, scratch, &us) ? INFER_TIME_TEXT : INFER_TEXT;
    case VALUE_NESTED:
        return INFER_NESTED;
    }
    return INFER_TEXT;
}

static void set_str(struct col_sink *sink, size_t row, struct str s, bool borrow)
{
    if (borrow) {
        col_set_str_ref(sink, row, s.ptr, s.len);
    } else {
        col_set_str(sink, row, s.ptr, s.len);
    }
}

static bool store_varchar(struct value *v, bool borrow, struct buf *scratch, struct col_sink *sink,
                          size_t row)
{
    struct str text = v->raw;
    if (v->kind == VALUE_TEXT && !value_text(v, scratch, &text)) {
        return false;
    }
    if (sink != NULL) {
        bool is_unescaped_copy = v->kind == VALUE_TEXT && v->has_escape;
        set_str(sink, row, text, borrow && !is_unescaped_copy);
    }
    return true;
}

static bool store_number(const struct value *v, enum col_type type, struct col_sink *sink,
                         size_t row)
{
    int64_t integer = 0;
    double real = 0;
    if (v->kind != VALUE_NUMBER) {
        return false;
    }
    if (type == COL_DOUBLE) {
        if (!value_double(v, &real)) {
            return false;
        }
        if (sink != NULL) {
            col_set_double(sink, row, real);
        }
        return true;
    }
    if (!(value_int64(v, &integer) || integral_value(v, &integer)) ||
        (type == COL_INTEGER && integer != (int32_t)integer)) {
        return false;
    }
    if (sink != NULL && type == COL_INTEGER) {
        col_set_i32(sink, row, (int32_t)integer);
    } else if (sink != NULL) {
        col_set_i64(sink, row, integer);
    }
    return true;
}

static bool store_time(struct value *v, enum col_type type, struct buf *scratch,
                       struct col_sink *sink, size_t row)
{
    int64_t us = 0;
    int32_t days = 0;
    struct str text;
    if (v->kind != VALUE_TEXT) {
        return false;
    }
    if (type == COL_DATE) {
        if (!value_text(v, scratch, &text) || !time_parse_date(text, &days)) {
            return false;
        }
        if (sink != NULL) {
            col_set_i32(sink, row, days);
        }
        return true;
    }
    if (!value_time(v, scratch, &us)) {
        return false;
    }
    if (sink != NULL) {
        col_set_i64(sink, row, us);
    }
    return true;
}

bool value_store(struct value *v, enum col_type type, bool borrow, struct buf *scratch,
                 struct col_sink *sink, size_t row)
{
    switch (type) {
    case COL_BOOLEAN:
        if (v->kind == VALUE_BOOL && sink != NULL) {
            col_set_bool(sink, row, v->boolean);
        }
        return v->kind == VALUE_BOOL;
    case COL_BIGINT:
    case COL_INTEGER:
    case COL_DOUBLE:
        return store_number(v, type, sink, row);
    case COL_TIMESTAMPTZ:
    case COL_DATE:
        return store_time(v, type, scratch, sink, row);
    case COL_VARCHAR:
        return store_varchar(v, borrow, scratch, sink, row);
    case COL_BLOB:
    case COL_STRUCT:
    case COL_LIST:
        break; /* no event column has the first, see schema.c; the others: decode_nested.c */
    }
    return false;
}
