/* SPDX-License-Identifier: MIT */
/* str.h - a borrowed run of bytes. Not NUL-terminated; valid as long as its owner says. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define STR_ARGS(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *text)
{
    return (struct str){text, text == NULL ? 0 : strlen(text)};
}
static inline struct str str_of(const void *ptr, size_t len)
{
    return (struct str){(const char *)ptr, len};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_from(text));
}
/* ASCII case folding only. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str a, struct str prefix);
bool str_ends(struct str a, struct str suffix);
/* Byte order; shorter first when one is a prefix of the other. */
int str_cmp(struct str a, struct str b);
/* Position of the first `c`, or -1. */
ptrdiff_t str_find(struct str a, char c);
struct str str_trim(struct str a);
/* Letters to add, drop or change to get from one name to the other, ignoring case; more than
 * `limit`, or names over 64 bytes: limit + 1. For "did you mean". */
size_t str_distance_nocase(struct str a, struct str b, size_t limit);
/* Splits off what precedes the first `c` (or everything); false when `rest` is exhausted. */
bool str_split(struct str *rest, char c, struct str *out_part);
/* Whole string as decimal; false on anything else or on overflow. */
bool str_to_u64(struct str a, uint64_t *out_value);
bool str_to_i64(struct str a, int64_t *out_value);
/* Sizes and times as people write them: "128MiB", "10 GB", "512", "60s", "500ms", "7d". */
bool str_to_bytes(struct str a, uint64_t *out_bytes);
bool str_to_duration_ms(struct str a, uint64_t *out_ms);
/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str a);
