/* SPDX-License-Identifier: MIT */
/* json_schema_format.c - the values of the keyword `format`, checked: RFC 3339 (date-time, date,
 * time; a leap second where UTC has 23:59), RFC 4122 (uuid), RFC 5321 (email), RFC 2673 (ipv4),
 * RFC 4291 (ipv6), RFC 3986 (uri). Only ASCII matters to any of them.
 *
 * Each reader moves along a `struct str` and says whether what it expects was there. */
#include <arpa/inet.h>
#include <string.h>

#include "flow/json_schema.h"

static const char *const format_names[JSON_SCHEMA_FORMAT_COUNT] = {
    [JSON_SCHEMA_FORMAT_DATE_TIME] = "date-time", [JSON_SCHEMA_FORMAT_DATE] = "date",
    [JSON_SCHEMA_FORMAT_TIME] = "time",           [JSON_SCHEMA_FORMAT_UUID] = "uuid",
    [JSON_SCHEMA_FORMAT_EMAIL] = "email",         [JSON_SCHEMA_FORMAT_IPV4] = "ipv4",
    [JSON_SCHEMA_FORMAT_IPV6] = "ipv6",           [JSON_SCHEMA_FORMAT_URI] = "uri",
};

const char *json_schema_format_name(enum json_schema_format format)
{
    ASSERT(format < JSON_SCHEMA_FORMAT_COUNT);
    return format_names[format];
}

/* ---- pieces ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool take(struct str *s, const char *set)
{
    if (s->len == 0 || !is_one_of(s->ptr[0], set)) {
        return false;
    }
    *s = str_of(s->ptr + 1, s->len - 1);
    return true;
}

static bool take_one(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    *s = str_of(s->ptr + 1, s->len - 1);
    return true;
}

/* Exactly `count` digits within [low, high]. */
static bool take_number(struct str *s, size_t count, int low, int high, int *out_value)
{
    int value = 0;
    if (s->len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(s->ptr[i])) {
            return false;
        }
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_of(s->ptr + count, s->len - count);
    *out_value = value;
    return value >= low && value <= high;
}

/* ---- times ---- */

static bool take_date(struct str *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0;
    int month = 0;
    int day = 0;
    if (!take_number(s, 4, 0, 9999, &year) || !take_one(s, '-') ||
        !take_number(s, 2, 1, 12, &month) || !take_one(s, '-') || !take_number(s, 2, 1, 31, &day)) {
        return false;
    }
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && is_leap);
}

static bool take_time(struct str *s)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    int offset_hour = 0;
    int offset_minute = 0;
    if (!take_number(s, 2, 0, 23, &hour) || !take_one(s, ':') ||
        !take_number(s, 2, 0, 59, &minute) || !take_one(s, ':') ||
        !take_number(s, 2, 0, 60, &second)) {
        return false;
    }
    if (take_one(s, '.')) {
        if (!take(s, "0123456789")) {
            return false;
        }
        while (take(s, "0123456789")) {}
    }
    if (take_one(s, 'Z')) {
        return second < 60 || (hour == 23 && minute == 59);
    }
    bool is_behind = s->len > 0 && s->ptr[0] == '-';
    if (take(s, "+-")) {
        if (!take_number(s, 2, 0, 23, &offset_hour) || !take_one(s, ':') ||
            !take_number(s, 2, 0, 59, &offset_minute)) {
            return false;
        }
    } else if (!take_one(s, 'z')) {
        return false;
    }
    int offset = (offset_hour * 60 + offset_minute) * (is_behind ? -1 : 1);
    int utc = (hour * 60 + minute - offset + 2 * 1440) % 1440;
    return second < 60 || utc == 23 * 60 + 59;
}

/* Eight characters against a form in which '0' stands for any digit. */
static bool has_form(const char *p, const char form[8])
{
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t word;
    uint64_t wanted;
    memcpy(&word, p, 8);
    memcpy(&wanted, form, 8);
    /* After the xor a digit is 0..9 and a separator 0; what is more overflows into the high bit. */
    uint64_t digits = (wanted ^ UINT64_C(0x3030303030303030)) + UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t room = UINT64_C(0x7676767676767676) | ((digits & highs) >> 7) * 0x09;
    uint64_t rest = word ^ wanted;
    return ((rest | (rest + room)) & highs) == 0;
}

/* The usual form at once: 2026-10-01T10:00:00Z, with a fraction or without, no leap second, a day
 * that every month has. False: look again. */
static bool is_usual_date_time(struct str s)
{
    enum { SECONDS = 19 };
    const char *p = s.ptr;
    if (s.len <= SECONDS || p[s.len - 1] != 'Z' || !has_form(p, "0000-00-") ||
        !has_form(p + 8, "00T00:00") || !has_form(p + 11, "00:00:00")) {
        return false;
    }
    for (size_t i = SECONDS + 1; i < s.len - 1; i++) {
        if (!is_digit(p[i])) {
            return false;
        }
    }
    int month = p[5] * 10 + p[6] - '0' * 11;
    int day = p[8] * 10 + p[9] - '0' * 11;
    int hour = p[11] * 10 + p[12] - '0' * 11;
    bool has_fraction = s.len > SECONDS + 2 && p[SECONDS] == '.';
    return (has_fraction || s.len == SECONDS + 1) && month >= 1 && month <= 12 && day >= 1 &&
           day <= 28 && hour <= 23 && p[14] < '6' && p[17] < '6';
}

static bool is_date_time(struct str s)
{
    if (is_usual_date_time(s)) {
        return true;
    }
    return take_date(&s) && (take_one(&s, 'T') || take_one(&s, 't')) && take_time(&s) && s.len == 0;
}

static bool is_date(struct str s)
{
    return take_date(&s) && s.len == 0;
}

static bool is_time(struct str s)
{
    return take_time(&s) && s.len == 0;
}

/* ---- identifiers and addresses ---- */

static bool is_uuid(struct str s)
{
    if (s.len != 36) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? s.ptr[i] != '-' : !is_hex(s.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_ipv4(struct str s)
{
    for (int part = 0; part < 4; part++) {
        size_t len = 0;
        int value = 0;
        while (len < s.len && len < 4 && is_digit(s.ptr[len])) {
            len++;
        }
        if (len == 0 || len > 3 || (len > 1 && s.ptr[0] == '0') ||
            !take_number(&s, len, 0, 255, &value) || (part < 3 && !take_one(&s, '.'))) {
            return false;
        }
    }
    return s.len == 0;
}

static bool is_ipv6(struct str s)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr address;
    if (s.len == 0 || s.len >= sizeof text || memchr(s.ptr, '\0', s.len) != NULL) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Labels of letters, digits and inner hyphens, at most 63 long, between dots. */
static bool is_host_name(struct str s)
{
    size_t label = 0;
    if (s.len == 0 || s.len > 253) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool ends = i + 1 == s.len || s.ptr[i + 1] == '.';
        if (c == '.') {
            if (label == 0 || ends) {
                return false;
            }
            label = 0;
            continue;
        }
        bool good = is_letter(c) || is_digit(c) || (c == '-' && label > 0 && !ends);
        if (!good || ++label > 63) {
            return false;
        }
    }
    return true;
}

static bool is_quoted_local(struct str s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"') {
        return false;
    }
    for (size_t i = 1; i + 1 < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\\') {
            i++;
            c = i + 1 < s.len ? s.ptr[i] : '\0';
        } else if (c == '"') {
            return false;
        }
        if (c < 0x20 || c > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool is_dot_atom(struct str s)
{
    bool after_dot = true;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.' && after_dot) {
            return false;
        }
        if (c != '.' && !is_letter(c) && !is_digit(c) && !is_one_of(c, "!#$%&'*+-/=?^_`{|}~")) {
            return false;
        }
        after_dot = c == '.';
    }
    return !after_dot;
}

static bool is_email(struct str s)
{
    ptrdiff_t at = -1;
    for (size_t i = s.len; i > 0 && at < 0; i--) {
        at = s.ptr[i - 1] == '@' ? (ptrdiff_t)i - 1 : -1;
    }
    if (at <= 0 || at > 64) {
        return false;
    }
    struct str local = str_of(s.ptr, (size_t)at);
    struct str domain = str_of(s.ptr + at + 1, s.len - (size_t)at - 1);
    if (!is_dot_atom(local) && !is_quoted_local(local)) {
        return false;
    }
    if (domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']') {
        struct str literal = str_of(domain.ptr + 1, domain.len - 2);
        struct str tag = STR("IPv6:");
        if (literal.len > tag.len && str_eq_nocase(str_of(literal.ptr, tag.len), tag)) {
            return is_ipv6(str_of(literal.ptr + tag.len, literal.len - tag.len));
        }
        return is_ipv4(literal);
    }
    return is_host_name(domain);
}

/* ---- URIs ---- */

static bool is_unreserved(char c)
{
    return is_letter(c) || is_digit(c) || is_one_of(c, "-._~");
}

/* Unreserved characters, percent encodings, sub-delimiters and those of `more`. */
static bool is_uri_text(struct str s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (i + 2 >= s.len || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!is_unreserved(c) && !is_one_of(c, "!$&'()*+,;=") && !is_one_of(c, more)) {
            return false;
        }
    }
    return true;
}

static bool is_ip_literal(struct str s)
{
    if (s.len > 0 && (s.ptr[0] | 0x20) == 'v') {
        ptrdiff_t dot = str_find(s, '.');
        for (ptrdiff_t i = 1; i < dot; i++) {
            if (!is_hex(s.ptr[i])) {
                return false;
            }
        }
        struct str rest = str_of(s.ptr + dot + 1, s.len - (size_t)(dot + 1));
        return dot > 1 && rest.len > 0 && memchr(rest.ptr, '%', rest.len) == NULL &&
               is_uri_text(rest, ":");
    }
    return is_ipv6(s);
}

static bool is_authority(struct str s)
{
    ptrdiff_t at = str_find(s, '@');
    if (at >= 0) {
        if (!is_uri_text(str_of(s.ptr, (size_t)at), ":")) {
            return false;
        }
        s = str_of(s.ptr + at + 1, s.len - (size_t)at - 1);
    }
    size_t host = 0;
    if (s.len > 0 && s.ptr[0] == '[') {
        ptrdiff_t close = str_find(s, ']');
        if (close < 0 || !is_ip_literal(str_of(s.ptr + 1, (size_t)close - 1))) {
            return false;
        }
        host = (size_t)close + 1;
    } else {
        while (host < s.len && s.ptr[host] != ':') {
            host++;
        }
        if (!is_uri_text(str_of(s.ptr, host), "")) {
            return false;
        }
    }
    struct str port = str_of(s.ptr + host, s.len - host);
    if (port.len > 0 && port.ptr[0] != ':') {
        return false;
    }
    for (size_t i = 1; i < port.len; i++) {
        if (!is_digit(port.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* Splits off what follows the first `c`. */
static bool split_tail(struct str *s, char c, struct str *out_tail)
{
    ptrdiff_t at = str_find(*s, c);
    if (at < 0) {
        return false;
    }
    *out_tail = str_of(s->ptr + at + 1, s->len - (size_t)at - 1);
    s->len = (size_t)at;
    return true;
}

static bool is_uri(struct str s)
{
    struct str tail;
    size_t scheme = 0;
    while (scheme < s.len &&
           (is_letter(s.ptr[scheme]) ||
            (scheme > 0 && (is_digit(s.ptr[scheme]) || is_one_of(s.ptr[scheme], "+-."))))) {
        scheme++;
    }
    if (scheme == 0 || scheme == s.len || s.ptr[scheme] != ':') {
        return false;
    }
    s = str_of(s.ptr + scheme + 1, s.len - scheme - 1);
    if ((split_tail(&s, '#', &tail) && !is_uri_text(tail, ":@/?")) ||
        (split_tail(&s, '?', &tail) && !is_uri_text(tail, ":@/?"))) {
        return false;
    }
    if (s.len >= 2 && s.ptr[0] == '/' && s.ptr[1] == '/') {
        size_t end = 2;
        while (end < s.len && s.ptr[end] != '/') {
            end++;
        }
        if (!is_authority(str_of(s.ptr + 2, end - 2))) {
            return false;
        }
        s = str_of(s.ptr + end, s.len - end);
    }
    return is_uri_text(s, ":@/");
}

bool json_schema_format_ok(enum json_schema_format format, struct str text)
{
    static bool (*const checks[JSON_SCHEMA_FORMAT_COUNT])(struct str) = {
        [JSON_SCHEMA_FORMAT_DATE_TIME] = is_date_time, [JSON_SCHEMA_FORMAT_DATE] = is_date,
        [JSON_SCHEMA_FORMAT_TIME] = is_time,           [JSON_SCHEMA_FORMAT_UUID] = is_uuid,
        [JSON_SCHEMA_FORMAT_EMAIL] = is_email,         [JSON_SCHEMA_FORMAT_IPV4] = is_ipv4,
        [JSON_SCHEMA_FORMAT_IPV6] = is_ipv6,           [JSON_SCHEMA_FORMAT_URI] = is_uri,
    };
    ASSERT(format < JSON_SCHEMA_FORMAT_COUNT);
    return checks[format] == NULL || checks[format](text);
}
