/* SPDX-License-Identifier: MIT */
/* json_walk.h - strict walking over an indexed JSON text (json_index.h): grammar, numbers, words,
 * escapes, nesting.
 *
 * What stage 1 promises and this relies on: between two positions of the index lies one token and
 * white space; a string's closing quote is the last byte before the next position that is not
 * white space; strings are closed, UTF-8 is valid, no raw control characters in strings.
 * What it does not promise and is checked here: everything else.
 *
 * Bounds: json_view_init() insists that the last position holds `}`. Every token but that one has
 * a successor, so `at[i + 1]` and the byte there can be read for any token that is not the last;
 * only after closing a bracket must the end be looked for. Nothing past the text is read.
 *
 * The functions are inline because the validator and the decoder live on them. They are exact:
 * what they refuse, json_diagnose() refuses, and the other way round (a fuzz target compares). */
#pragma once
#include <string.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "flow/event.h"
#include "flow/json_index.h"

struct json_view {
    const char *base;
    const uint32_t *at;
    uint32_t count;
    bool has_escape; /* a backslash somewhere in the text */
    bool is_ascii;   /* all of it */
};

/* A number as digits: value = mantissa * 10^exponent when `is_exact`. */
struct json_number {
    uint64_t mantissa;
    int64_t exponent;
    bool is_negative;
    bool is_integer; /* neither point nor exponent */
    bool is_exact;   /* no digit was dropped */
    const char *end;
};

static inline char json_at(const struct json_view *v, uint32_t i)
{
    return v->base[v->at[i]];
}

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

typedef unsigned char json_bytes16 __attribute__((vector_size(16)));

static inline json_bytes16 json_load16(const char *p)
{
    json_bytes16 bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes;
}

/* Is there a backslash, is there a byte that is no ASCII? The last bytes are maybe seen twice. */
static inline void json_view_scan(struct json_view *v, struct str text)
{
    const json_bytes16 slash = (json_bytes16){0} + (unsigned char)'\\';
    json_bytes16 slashes = {0};
    json_bytes16 all = {0};
    uint64_t halves[2][2];
    if (text.len < sizeof all) {
        memcpy(&all, text.ptr, text.len);
        slashes = (json_bytes16)(all == slash);
    } else {
        const char *last = text.ptr + text.len - sizeof all;
        for (const char *p = text.ptr; p < last; p += sizeof all) {
            json_bytes16 some = json_load16(p);
            all |= some;
            slashes |= (json_bytes16)(some == slash);
        }
        json_bytes16 some = json_load16(last);
        all |= some;
        slashes |= (json_bytes16)(some == slash);
    }
    memcpy(halves[0], &slashes, sizeof slashes);
    memcpy(halves[1], &all, sizeof all);
    v->has_escape = (halves[0][0] | halves[0][1]) != 0;
    v->is_ascii = ((halves[1][0] | halves[1][1]) & UINT64_C(0x8080808080808080)) == 0;
}

/* False when the text is no object on the face of it. */
static inline bool json_view_init(struct json_view *v, struct str text, const uint32_t *at,
                                  uint32_t count)
{
    v->base = text.ptr;
    v->at = at;
    v->count = count;
    json_view_scan(v, text);
    return count >= 2 && json_at(v, 0) == '{' && json_at(v, count - 1) == '}';
}

/* The text between the quotes of the string that token i opens. Token i must not be the last. */
static inline struct str json_view_string(const struct json_view *v, uint32_t i)
{
    const char *start = v->base + v->at[i] + 1;
    const char *end = v->base + v->at[i + 1] - 1;
    while (*end != '"') {
        end--; /* white space: stops at the closing quote at the latest */
    }
    return str_of(start, (size_t)(end - start));
}

/* Every backslash starts a known escape. */
bool json_escapes_ok(struct str inside);
/* Appends the text that the escapes stand for. False when a lone surrogate is in it (what was
 * appended must be dropped then) or `out` failed. The escapes must be valid. */
bool json_unescape(struct str inside, struct buf *out);

static inline bool json_has_escape(const struct json_view *v, struct str inside)
{
    return v->has_escape && inside.len > 0 && memchr(inside.ptr, '\\', inside.len) != NULL;
}

static inline bool json_string_ok(const struct json_view *v, uint32_t i)
{
    if (!v->has_escape) {
        return true;
    }
    struct str inside = json_view_string(v, i);
    return !json_has_escape(v, inside) || json_escapes_ok(inside);
}

/* A scalar ends where the next token begins, or before white space. */
static inline bool json_ends_at(const struct json_view *v, uint32_t i, const char *end)
{
    return end == v->base + v->at[i + 1] || json_is_space(*end);
}

static inline unsigned json_digit(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

/* Takes digits from `p` into the number; those past 19 significant ones only count. */
static inline const char *json_take_digits(const char *p, struct json_number *n, bool fraction)
{
    while (json_digit(*p) <= 9) {
        if (__builtin_expect(n->mantissa < UINT64_C(1000000000000000000), 1)) {
            n->mantissa = n->mantissa * 10 + json_digit(*p);
            n->exponent -= fraction;
        } else {
            n->is_exact = n->is_exact && *p == '0';
            n->exponent += !fraction;
        }
        p++;
    }
    return p;
}

/* Reads a number at `p`, which must be followed by a byte that no number contains. False when it is
 * not one; whether it ends where it should is the caller's to check. */
static inline bool json_number_scan(const char *p, struct json_number *n)
{
    *n = (struct json_number){.is_integer = true, .is_exact = true, .is_negative = *p == '-'};
    p += n->is_negative;
    if (json_digit(*p) > 9 || (*p == '0' && json_digit(p[1]) <= 9)) {
        return false;
    }
    p = json_take_digits(p, n, false);
    if (*p == '.') {
        n->is_integer = false;
        if (json_digit(*++p) > 9) {
            return false;
        }
        p = json_take_digits(p, n, true);
    }
    if (*p == 'e' || *p == 'E') {
        n->is_integer = false;
        p++;
        bool negative = *p == '-';
        p += negative || *p == '+';
        if (json_digit(*p) > 9) {
            return false;
        }
        int64_t exponent = 0;
        for (; json_digit(*p) <= 9; p++) {
            exponent = exponent < 1000000000 ? exponent * 10 + json_digit(*p) : exponent;
        }
        n->exponent += negative ? -exponent : exponent;
    }
    n->end = p;
    return true;
}

static inline bool json_number_at(const struct json_view *v, uint32_t i, struct json_number *n)
{
    return json_number_scan(v->base + v->at[i], n) && json_ends_at(v, i, n->end);
}

static inline bool json_word_at(const struct json_view *v, uint32_t i, const char *word, size_t len)
{
    const char *p = v->base + v->at[i];
    return v->at[i + 1] - v->at[i] >= len && memcmp(p, word, len) == 0 &&
           json_ends_at(v, i, p + len);
}

/* A scalar at token i (the last token is a bracket, so never one). */
static inline bool json_scalar_ok(const struct json_view *v, uint32_t i)
{
    struct json_number n;
    switch (json_at(v, i)) {
    case '"':
        return json_string_ok(v, i);
    case 't':
        return json_word_at(v, i, "true", 4);
    case 'f':
        return json_word_at(v, i, "false", 5);
    case 'n':
        return json_word_at(v, i, "null", 4);
    default:
        return json_number_at(v, i, &n);
    }
}

/* Key and colon at tokens i and i + 1. */
static inline bool json_key_ok(const struct json_view *v, uint32_t i)
{
    return json_at(v, i) == '"' && json_at(v, i + 1) == ':' && json_string_ok(v, i);
}

/* Walks the object or array that token i opens, itself at depth 1 of `depth_max`. Returns the token
 * after its closing bracket (maybe v->count), or 0 when something is wrong. */
static inline uint32_t json_walk_nested(const struct json_view *v, uint32_t i, uint32_t depth_max)
{
    uint64_t is_object_at[EVENT_DEPTH_MAX / 64] = {0};
    uint32_t depth = 0;
    bool is_object = false;
    ASSERT(depth_max <= EVENT_DEPTH_MAX);
    for (;;) {
        if (is_object) {
            if (!json_key_ok(v, i)) {
                return 0;
            }
            i += 2;
        }
        char c = json_at(v, i);
        if (c == '{' || c == '[') {
            if (depth >= depth_max) {
                return 0;
            }
            uint64_t bit = UINT64_C(1) << (depth % 64);
            uint64_t *word = &is_object_at[depth / 64];
            is_object = c == '{';
            *word = is_object ? *word | bit : *word & ~bit;
            depth++;
            i++;
            if (json_at(v, i) != (is_object ? '}' : ']')) {
                continue;
            }
        } else {
            if (!json_scalar_ok(v, i)) {
                return 0;
            }
            i++;
        }
        while (json_at(v, i) != ',') {
            if (json_at(v, i) != (is_object ? '}' : ']')) {
                return 0;
            }
            i++;
            depth--;
            if (depth == 0) {
                return i;
            }
            if (i >= v->count) {
                return 0;
            }
            is_object = is_object_at[(depth - 1) / 64] >> ((depth - 1) % 64) & 1;
        }
        i++;
    }
}

/* What is wrong with a text, found slowly and from the beginning: EVENT_OK when it is an object
 * within the depth. */
enum event_code json_diagnose(struct str text, uint32_t depth_max, struct errmsg *detail);
