/* SPDX-License-Identifier: MIT */
/* decode_time.c - times of events: RFC 3339 text by a fast path for the shapes that machines write
 * (base/timefmt decides all others, and is what the fast path is tested against), and numbers
 * since 1970 by their magnitude. */
#include "base/timefmt.h"
#include "flow/decode_int.h"

static const int64_t time_us_min = INT64_C(-62135596800000000); /* 0001-01-01 */
static const int64_t time_us_max = INT64_C(253402300799999999); /* 9999-12-31 */
enum { NUMBER_TEXT_BYTES = 48 };

static bool in_range(int64_t us, int64_t *out_us)
{
    if (us < time_us_min || us > time_us_max) {
        return false;
    }
    *out_us = us;
    return true;
}

static inline unsigned two(const char *p, unsigned *bad)
{
    unsigned a = json_digit(p[0]);
    unsigned b = json_digit(p[1]);
    *bad |= (unsigned)(a > 9) | (unsigned)(b > 9);
    return a * 10 + b;
}

/* Days since 1970 of a date that exists; the year counts from March so that a leap day is last. */
static inline int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = year - (month <= 2);
    unsigned era = y / 400;
    unsigned of_era = y % 400;
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + (int64_t)day_of_era - 719468;
}

/* "2026-10-01T00:00:00" + up to six fraction digits + "Z" or nothing. False: not this shape. */
static bool fast_time(struct str s, int64_t *out_us)
{
    static const unsigned char month_days[16] = {0,  31, 28, 31, 30, 31, 30, 31,
                                                 31, 30, 31, 30, 31, 0,  0,  0};
    const char *p = s.ptr;
    if (s.len < 19 || s.len > 27 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
        p[16] != ':') {
        return false;
    }
    unsigned bad = 0;
    unsigned year = two(p, &bad) * 100 + two(p + 2, &bad);
    unsigned month = two(p + 5, &bad);
    unsigned day = two(p + 8, &bad);
    unsigned hour = two(p + 11, &bad);
    unsigned minute = two(p + 14, &bad);
    unsigned second = two(p + 17, &bad);
    bad |= (unsigned)(hour > 23) | (unsigned)(minute > 59) | (unsigned)(second > 59) |
           (unsigned)(year == 0) | (unsigned)(month > 12);
    if (bad != 0 || day == 0 || day > month_days[month]) {
        return false; /* 29 February too: the slow way knows about leap years */
    }
    size_t at = 19;
    unsigned fraction = 0;
    if (at < s.len && p[at] == '.') {
        static const unsigned scale[7] = {0, 100000, 10000, 1000, 100, 10, 1};
        size_t first = ++at;
        while (at < s.len && at - first < 7 && json_digit(p[at]) <= 9) {
            fraction = fraction * 10 + json_digit(p[at++]);
        }
        if (at == first || at - first > 6) {
            return false;
        }
        fraction *= scale[at - first];
    }
    if (at < s.len && !(p[at] == 'Z' && at + 1 == s.len)) {
        return false;
    }
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *out_us = seconds * 1000000 + fraction;
    return true;
}

bool decode_time_text(struct str text, int64_t *out_us)
{
    int64_t us = 0;
    if (fast_time(text, out_us)) {
        return true;
    }
    if (text.len < 19 || text.len > 64 || text.ptr[4] != '-') {
        return false;
    }
    return time_parse_rfc3339(text, &us) && in_range(us, out_us);
}

/* floor(mantissa * 10^exponent), signed; false when it does not fit by far. */
static bool scale_number(const struct json_number *n, int64_t exponent, int64_t *out_value)
{
    unsigned __int128 value = n->mantissa;
    bool cut = false;
    if (n->mantissa != 0 && exponent > 18) {
        return false;
    }
    for (; exponent > 0 && value != 0; exponent--) {
        value *= 10;
    }
    for (; exponent < 0 && value != 0; exponent++) {
        cut = cut || value % 10 != 0;
        value /= 10;
    }
    if (value > (unsigned __int128)time_us_max * 10) {
        return false;
    }
    *out_value = n->is_negative ? -(int64_t)value - cut : (int64_t)value;
    return true;
}

static bool number_time(const struct json_number *n, bool any_number, int64_t *out_us)
{
    /* Seconds, milliseconds, microseconds below 1e11, 1e14, 1e17: each from 1973 to 5138. */
    static const int64_t bounds[] = {INT64_C(100000000000), INT64_C(100000000000000),
                                     INT64_C(100000000000000000)};
    static const int64_t shifts[] = {6, 3, 0};
    int64_t whole = 0;
    int64_t us = 0;
    if (!scale_number(n, n->exponent, &whole)) {
        return false;
    }
    int64_t size = whole < 0 ? -whole : whole;
    if (!any_number && whole < 100000000) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        if (size < bounds[i]) {
            return scale_number(n, n->exponent + shifts[i], &us) && in_range(us, out_us);
        }
    }
    return false;
}

bool decode_time_number(struct str text, bool any_number, int64_t *out_us)
{
    char copy[NUMBER_TEXT_BYTES];
    struct json_number n;
    if (text.len == 0 || text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return json_number_scan(copy, &n) && n.end == copy + text.len &&
           number_time(&n, any_number, out_us);
}

bool value_event_time(struct value *v, bool any_number, struct buf *scratch, int64_t *out_us)
{
    if (v->kind == VALUE_NUMBER) {
        return number_time(&v->number, any_number, out_us);
    }
    if (v->kind != VALUE_TEXT) {
        return false;
    }
    struct str text;
    if (value_time(v, scratch, out_us)) {
        return true;
    }
    return value_text(v, scratch, &text) && text.len > 0 &&
           memchr(text.ptr, 'e', text.len) == NULL && memchr(text.ptr, 'E', text.len) == NULL &&
           decode_time_number(text, any_number, out_us);
}

int32_t decode_date(int64_t time_us, int64_t timestamp_us)
{
    const int64_t day_us = INT64_C(86400) * 1000000;
    bool far = time_us < 0 || time_us > timestamp_us + day_us;
    return time_to_days(far ? timestamp_us : time_us);
}
