/* SPDX-License-Identifier: MIT */
/* json_schema_int.h - what the parts of json_schema share; nobody else includes it.
 *
 *   json_schema.c          compiles a document into the tree
 *   json_schema_check.c    checks an event's tokens against it
 *   json_schema_compare.c  may one schema follow another?
 *   json_schema_value.c    exact numbers, and values of enum and const
 *   json_schema_format.c   date-time, uuid ...
 *   json_schema_pattern.c  ECMA-262 patterns by PCRE2, within a budget
 *   json_schema_simple.c   those patterns that need no such machine */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "flow/json_schema.h"
#include "flow/json_walk.h"

/* ---- short texts ---- */

/* Equal for equal texts; up to KEY_EXACT bytes the other way round too. */
struct json_schema_key {
    uint64_t head;
    uint64_t tail;
    size_t len;
};
enum { KEY_EXACT = 16 };

static inline struct json_schema_key json_schema_key_of(struct str s)
{
    struct json_schema_key key = {.len = s.len};
    if (s.len >= 8) {
        memcpy(&key.head, s.ptr, 8);
        memcpy(&key.tail, s.ptr + s.len - 8, 8);
    } else if (s.len >= 4) {
        uint32_t head; /* not right into the key: reading it as a whole would have to wait */
        uint32_t tail;
        memcpy(&head, s.ptr, 4);
        memcpy(&tail, s.ptr + s.len - 4, 4);
        key.head = head;
        key.tail = tail;
    } else if (s.len > 0) {
        key.head = (uint64_t)(unsigned char)s.ptr[0] | (uint64_t)(unsigned char)s.ptr[s.len / 2]
                                                           << 8;
        key.tail = (unsigned char)s.ptr[s.len - 1];
    }
    return key;
}

static inline bool json_schema_key_eq(const struct json_schema_key *a,
                                      const struct json_schema_key *b)
{
    return a->len == b->len && a->head == b->head && a->tail == b->tail;
}

/* ---- numbers: exactly what is written ---- */

/* value = 0.d1 d2 ... * 10^magnitude, the digits neither beginning nor ending with zeros; zero has
 * none. Up to 19 digits it is also mantissa * 10^exponent. */
struct json_decimal {
    bool is_negative;
    bool is_small;
    size_t count;      /* of digits */
    const char *text;  /* borrowed: the number as it is written */
    const char *first; /* the first digit in it; a point may lie between */
    int64_t magnitude;
    uint64_t mantissa;
    int64_t exponent;
};
/* `p` is a well-formed JSON number followed by a byte that no number contains. */
void json_decimal_read(const char *p, struct json_decimal *out_decimal);
/* -1, 0 or 1. */
int json_decimal_compare(const struct json_decimal *a, const struct json_decimal *b);
bool json_decimal_is_integer(const struct json_decimal *d);
/* Is `d` an integer times `of`, which is small and above zero? */
bool json_decimal_is_multiple(const struct json_decimal *d, const struct json_decimal *of);
/* A whole number that is not negative; UINT64_MAX for those beyond. */
uint64_t json_decimal_count(const struct json_decimal *d);
uint64_t json_decimal_hash(const struct json_decimal *d);

/* ---- values of enum and const ---- */

struct json_schema_value {
    char kind;                       /* n t f " 0 [ { */
    struct str text;                 /* kind ": unescaped */
    struct json_decimal number;      /* kind 0 */
    size_t count;                    /* of items or members */
    struct json_schema_value *items; /* of an array, or the members' values */
    struct str *names;               /* of an object, sorted, distinct */
    uint32_t slot;                   /* of an object: its first slot in the run */
};
/* The values that an enum lists. Text and numbers are found by hash, the rest one by one. */
struct json_schema_enum {
    struct json_schema_value *values;
    size_t count;
    uint32_t *table;  /* of texts and numbers: 1 + index, 0 is empty */
    size_t mask;      /* of the table */
    uint32_t *others; /* indexes of null, true, false, arrays, objects */
    size_t other_count;
    struct json_schema_key *keys; /* of the texts, when those are few and short; else NULL */
    size_t key_count;
};
enum { ENUM_KEYS_MAX = 16 };
/* For an enum with keys. */
static inline bool json_schema_enum_has_short(const struct json_schema_enum *e, struct str text)
{
    struct json_schema_key key = json_schema_key_of(text);
    unsigned found = 0; /* all are looked at: which one it is nobody can foresee */
    for (size_t n = 0; n < e->key_count; n++) {
        const struct json_schema_key *one = &e->keys[n];
        found |= ((one->head ^ key.head) | (one->tail ^ key.tail) | (one->len ^ key.len)) == 0;
    }
    return found != 0;
}

/* Reads the value at token i into `arena`. *slots counts the members of objects. False when the
 * arena is full, or a text holds a lone surrogate (*out_bad_text). */
bool json_schema_value_read(struct arena *arena, const struct json_view *view, uint32_t i,
                            uint32_t *slots, struct json_schema_value *out_value,
                            bool *out_bad_text);
bool json_schema_enum_index(struct arena *arena, struct json_schema_enum *e);
bool json_schema_value_equal(const struct json_schema_value *a, const struct json_schema_value *b);
/* Is the value at token i equal? `slots` has room for what was counted. */
bool json_schema_value_is(const struct json_schema_value *value, const struct json_view *view,
                          uint32_t i, uint32_t *slots, struct buf *scratch);
bool json_schema_enum_has(const struct json_schema_enum *e, const struct json_view *view,
                          uint32_t i, uint32_t *slots, struct buf *scratch);
bool json_schema_enum_has_value(const struct json_schema_enum *e,
                                const struct json_schema_value *value);
/* The token after the value at token i of a well-formed text. */
uint32_t json_schema_skip(const struct json_view *view, uint32_t i);
/* Items or members between the brackets of token i. */
size_t json_schema_count(const struct json_view *view, uint32_t i);
/* The text of the string that token i opens, unescaped (in `scratch` where it must be). False for a
 * lone surrogate, or when memory is out (scratch->failed). */
bool json_schema_text_at(const struct json_view *view, uint32_t i, struct buf *scratch,
                         struct str *out_text);

/* ---- patterns ---- */

/* A pattern that is `^`, pieces, `$`, each piece some ASCII characters so many times, and where it
 * is always clear which piece a character belongs to. */
enum { SIMPLE_PIECES_MAX = 24 };
struct json_schema_simple {
    size_t count;
    struct json_schema_piece {
        uint64_t set[2]; /* a bit per ASCII character */
        uint32_t low;
        uint32_t high; /* UINT32_MAX: any number */
    } pieces[SIMPLE_PIECES_MAX];
};
/* False when the pattern is not of that kind (or no pattern at all). */
bool json_schema_simple_read(struct str pattern, struct json_schema_simple *out_simple);
bool json_schema_simple_match(const struct json_schema_simple *simple, struct str text);

struct json_schema_pattern;
struct json_schema_patterns; /* room to match with, of one thread */
/* `budget` counts down; see json_schema_pattern.c. */
enum json_schema_match {
    JSON_SCHEMA_MATCH,
    JSON_SCHEMA_NO_MATCH,
    JSON_SCHEMA_TOO_MUCH,
    JSON_SCHEMA_MATCH_NOMEM,
};
/* Errors: INVALID with words, UNSUPPORTED, NOMEM. */
err json_schema_pattern_new(struct str text, struct json_schema_pattern **out_pattern,
                            struct errmsg *msg);
void json_schema_pattern_free(struct json_schema_pattern *p);
/* NULL when it is not a simple one. Lives as long as the pattern. */
const struct json_schema_simple *json_schema_pattern_simple(const struct json_schema_pattern *p);
err json_schema_patterns_new(struct json_schema_patterns **out_patterns);
void json_schema_patterns_free(struct json_schema_patterns *x);
enum json_schema_match json_schema_pattern_match(const struct json_schema_pattern *p,
                                                 struct json_schema_patterns *x, struct str text,
                                                 uint64_t *budget);

/* ---- the tree ---- */

enum json_schema_rule {
    RULE_MINIMUM = 1 << 0,
    RULE_MAXIMUM = 1 << 1,
    RULE_EXCLUSIVE_MINIMUM = 1 << 2,
    RULE_EXCLUSIVE_MAXIMUM = 1 << 3,
    RULE_MULTIPLE_OF = 1 << 4,
    RULE_MIN_LENGTH = 1 << 5,
    RULE_MAX_LENGTH = 1 << 6,
    RULE_PATTERN = 1 << 7,
    RULE_FORMAT = 1 << 8,
    RULE_ENUM = 1 << 9,
    RULE_CONST = 1 << 10,
    RULE_MIN_ITEMS = 1 << 11,
    RULE_MAX_ITEMS = 1 << 12,
    RULE_ITEMS = 1 << 13,
    RULE_NAMES = 1 << 14, /* properties, required or additionalProperties */
    RULES_NUMBER = RULE_MINIMUM | RULE_MAXIMUM | RULE_EXCLUSIVE_MINIMUM | RULE_EXCLUSIVE_MAXIMUM |
                   RULE_MULTIPLE_OF,
    RULES_TEXT = RULE_MIN_LENGTH | RULE_MAX_LENGTH | RULE_PATTERN | RULE_FORMAT,
    RULES_ARRAY = RULE_MIN_ITEMS | RULE_MAX_ITEMS | RULE_ITEMS,
    RULES_VALUE = RULE_ENUM | RULE_CONST,
};

/* A name that properties or required speaks of. */
struct json_schema_name {
    struct json_schema_key key;
    struct str name;
    uint64_t hash;
    bool is_required;
    const struct json_schema_node *node; /* NULL: only required */
};

/* How the first way of checking sees at once that a scalar is good, without a general look. */
enum json_schema_quick {
    QUICK_NONE,
    QUICK_TYPE,    /* nothing but a type, other than integer alone */
    QUICK_INTEGER, /* bounds within 64 bits */
    QUICK_NUMBER,
    QUICK_LENGTH, /* of a text, as the next three */
    QUICK_ENUM,
    QUICK_TIME, /* date-time */
    QUICK_SIMPLE,
};

/* What a node demands beyond type. Zeroed where `has` lacks the bit. */
struct json_schema_rules {
    uint32_t has; /* enum json_schema_rule */
    enum json_schema_quick quick;
    int64_t low; /* QUICK_INTEGER: the bounds, inclusive */
    int64_t high;
    const struct json_schema_simple *simple; /* QUICK_SIMPLE */
    struct json_decimal minimum;
    struct json_decimal maximum;
    struct json_decimal exclusive_minimum;
    struct json_decimal exclusive_maximum;
    struct json_decimal multiple_of;
    uint64_t min_length; /* code points */
    uint64_t max_length;
    uint64_t min_items;
    uint64_t max_items;
    struct json_schema_pattern *pattern;
    struct str pattern_text;
    struct json_schema_enum *enumeration;
    struct json_schema_value *constant;
    struct json_schema_name *names; /* those of properties first, in order */
    size_t name_count;
    size_t required_count;
    uint32_t *table;    /* names by hash: 1 + index, 0 is empty */
    size_t mask;        /* of the table */
    uint32_t name_base; /* of this node's names among those of the schema */
};

struct json_schema {
    atomic_uint references;
    struct str text;     /* in the arena */
    struct arena *arena; /* owned */
    const struct json_schema_node *root;
    struct json_schema_value document;                              /* for json_schema_equal() */
    struct json_schema_pattern *patterns[JSON_SCHEMA_PATTERNS_MAX]; /* owned */
    size_t pattern_count;
    uint32_t node_count;
    uint32_t name_count;
    uint32_t slot_count;
};

/* The second way alone, for tests: the verdict is that of json_schema_check(). */
enum json_schema_verdict json_schema_check_exactly(struct json_schema_run *run,
                                                   const struct json_view *view, uint32_t i,
                                                   struct json_schema_finding *finding);
/* Index of a name, or -1. */
ptrdiff_t json_schema_find_name(const struct json_schema_rules *rules, struct str name);

/* ---- pointers ---- */

/* A step from the root, kept on the stack while walking: a name, the name at a token of a text, or
 * an index. */
struct json_schema_path {
    const struct json_schema_path *up; /* NULL: this is the root */
    struct str name;                   /* {NULL,0}: see the next two */
    const struct json_view *view;      /* the name is at token `index` of this text */
    uint64_t index;
};
void json_schema_pointer(const struct json_schema_path *path, char *out, size_t size);
/* Fills a finding (NULL is fine) with the pointer and the words, both cut where they must be. */
__attribute__((format(printf, 3, 0))) void json_schema_find(struct json_schema_finding *finding,
                                                            const struct json_schema_path *path,
                                                            const char *format, va_list args);
/* Cut at a code point so that it has at most `max` bytes. */
struct str json_schema_cut(struct str text, size_t max);
