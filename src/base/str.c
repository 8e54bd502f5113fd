/* SPDX-License-Identifier: MIT */
/* str.c - comparisons, splits and conversions of borrowed byte runs. */
#include "base/str.h"

#include "base/base.h"

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (fold(a.ptr[i]) != fold(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool str_starts(struct str a, struct str prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_ends(struct str a, struct str suffix)
{
    return a.len >= suffix.len &&
           (suffix.len == 0 || memcmp(a.ptr + a.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
    size_t common = MIN(a.len, b.len);
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

ptrdiff_t str_find(struct str a, char c)
{
    const char *at = a.len == 0 ? NULL : memchr(a.ptr, c, a.len);
    return at == NULL ? -1 : at - a.ptr;
}

struct str str_trim(struct str a)
{
    while (a.len > 0 && strchr(" \t\r\n", a.ptr[0]) != NULL && a.ptr[0] != '\0') {
        a.ptr++;
        a.len--;
    }
    while (a.len > 0 && strchr(" \t\r\n", a.ptr[a.len - 1]) != NULL && a.ptr[a.len - 1] != '\0') {
        a.len--;
    }
    return a;
}

bool str_split(struct str *rest, char c, struct str *out_part)
{
    if (rest->ptr == NULL) {
        return false;
    }
    ptrdiff_t at = str_find(*rest, c);
    if (at < 0) {
        *out_part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *out_part = str_of(rest->ptr, (size_t)at);
    rest->ptr += at + 1;
    rest->len -= (size_t)at + 1;
    return true;
}

bool str_to_u64(struct str a, uint64_t *out_value)
{
    if (a.len == 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] < '0' || a.ptr[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(a.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    *out_value = value;
    return true;
}

bool str_to_i64(struct str a, int64_t *out_value)
{
    bool negative = a.len > 0 && a.ptr[0] == '-';
    uint64_t magnitude = 0;
    struct str digits = negative ? str_of(a.ptr + 1, a.len - 1) : a;
    if (!str_to_u64(digits, &magnitude)) {
        return false;
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool scaled(struct str a, const struct unit *units, size_t unit_count, uint64_t *out_value)
{
    a = str_trim(a);
    size_t digits = 0;
    while (digits < a.len && a.ptr[digits] >= '0' && a.ptr[digits] <= '9') {
        digits++;
    }
    uint64_t value = 0;
    if (!str_to_u64(str_of(a.ptr, digits), &value)) {
        return false;
    }
    struct str unit = str_trim(str_of(a.ptr + digits, a.len - digits));
    for (size_t i = 0; i < unit_count; i++) {
        if (str_eq_nocase(unit, str_from(units[i].name))) {
            uint64_t product = 0;
            if (__builtin_mul_overflow(value, units[i].factor, &product)) {
                return false;
            }
            *out_value = product;
            return true;
        }
    }
    return false;
}

bool str_to_bytes(struct str a, uint64_t *out_bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"b", 1},
        {"kib", 1ULL << 10},
        {"mib", 1ULL << 20},
        {"gib", 1ULL << 30},
        {"tib", 1ULL << 40},
        {"kb", 1000},
        {"mb", 1000 * 1000},
        {"gb", 1000ULL * 1000 * 1000},
        {"tb", 1000ULL * 1000 * 1000 * 1000},
    };
    return scaled(a, units, ARRAY_LEN(units), out_bytes);
}

bool str_to_duration_ms(struct str a, uint64_t *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1},          {"s", 1000},        {"", 1000},          {"m", 60 * 1000},
        {"min", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000},
    };
    return scaled(a, units, ARRAY_LEN(units), out_ms);
}

bool str_is_utf8(struct str a)
{
    const unsigned char *p = (const unsigned char *)a.ptr;
    const unsigned char *end = p + a.len;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        size_t extra = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
        if (*p < 0xc2 || *p > 0xf4 || (size_t)(end - p) <= extra) {
            return false;
        }
        unsigned char low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : 0x80;
        unsigned char high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : 0xbf;
        if (p[1] < low || p[1] > high) {
            return false;
        }
        for (size_t i = 2; i <= extra; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return false;
            }
        }
        p += extra + 1;
    }
    return true;
}

size_t str_distance_nocase(struct str a, struct str b, size_t limit)
{
    enum { LEN_MAX = 64 };
    if (a.len > LEN_MAX || b.len > LEN_MAX) {
        return limit + 1;
    }
    size_t row[LEN_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            bool same = (a.ptr[i - 1] | 0x20) == (b.ptr[j - 1] | 0x20);
            row[j] = MIN(MIN(above, row[j - 1]) + 1, diagonal + (same ? 0 : 1));
            diagonal = above;
        }
    }
    return MIN(row[b.len], limit + 1);
}
