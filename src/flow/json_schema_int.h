/* SPDX-License-Identifier: MIT */
/* json_schema_int.h - what the parts of json_schema share; nobody else includes it.
 *
 *   json_schema.c          compiles a document into the tree
 *   json_schema_walk.c     an event's grammar and its values in one walk: good, or not sure
 *   json_schema_check.c    checks an event's tokens against it, and says what is wrong
 *   json_schema_quick.c    what the walk needs to see at once that a scalar is good
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

/* A text of at most KEY_EXACT bytes that holds no zero, with zeros in front. Unlike a key it takes
 * no branches. */
struct json_schema_tail {
    uint64_t half[2];
};

/* `before`: how many bytes in front of the text may be read. */
static inline struct json_schema_tail json_schema_tail_of(struct str s, size_t before)
{
    static const unsigned char last[2 * KEY_EXACT] = {[KEY_EXACT... 2 * KEY_EXACT - 1] = 0xff};
    struct json_schema_tail t;
    uint64_t mask[2];
    ASSERT(s.len <= KEY_EXACT);
    if (__builtin_expect(before + s.len < KEY_EXACT, 0)) {
        t = (struct json_schema_tail){0};
        memcpy((char *)t.half + KEY_EXACT - s.len, s.ptr, s.len);
        return t;
    }
    memcpy(mask, last + s.len, sizeof mask);
    memcpy(t.half, s.ptr + s.len - KEY_EXACT, sizeof t.half);
    t.half[0] &= mask[0];
    t.half[1] &= mask[1];
    return t;
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
    struct json_schema_tail *tails; /* of the texts, when those are few and short, else NULL */
    size_t tail_count;
};
enum { ENUM_TAILS_MAX = 16 };
/* For an enum with tails. */
static inline bool json_schema_enum_has_tail(const struct json_schema_enum *e,
                                             struct json_schema_tail tail)
{
    unsigned found = 0; /* all are looked at: which one it is nobody can foresee */
    for (size_t n = 0; n < e->tail_count; n++) {
        const uint64_t *one = e->tails[n].half;
        found |= ((one[0] ^ tail.half[0]) | (one[1] ^ tail.half[1])) == 0;
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
/* One whose pieces have a number of characters each, few enough in all: allowed[c] has a bit for
 * each place where the character may stand. */
enum { FIXED_BYTES_MAX = 32 };
struct json_schema_fixed {
    size_t len;
    uint32_t allowed[256];
};
/* False when it is not of that kind. */
bool json_schema_fixed_plan(const struct json_schema_simple *simple,
                            struct json_schema_fixed *out_fixed);
static inline bool json_schema_fixed_match(const struct json_schema_fixed *fixed, struct str text)
{
    uint32_t ok = 1;
    if (text.len != fixed->len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        ok &= fixed->allowed[(unsigned char)text.ptr[i]] >> i;
    }
    return ok != 0;
}
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
    struct str written; /* "name": as most events have it, with quotes and colon; or none */
    uint64_t tail[2];   /* the last 16 bytes of that */
    uint64_t mask[2];   /* those of them that belong to it */
    uint64_t bit;       /* of `required`, where the name has a place in the first word */
    const struct json_schema_node *value; /* node, or what holds for all other names */
    struct json_schema_key key;
    struct str name;
    uint64_t hash;
    bool is_required;
    const struct json_schema_node *node; /* NULL: only required */
};

/* How the walk sees at once that a scalar is good, without a general look. */
enum json_schema_quick {
    QUICK_NONE,
    QUICK_TYPE,   /* nothing but a type, other than integer alone */
    QUICK_NUMBER, /* by scales */
    QUICK_LENGTH, /* of a text, as all that follow */
    QUICK_ENUM,
    QUICK_FORMAT,
    QUICK_FIXED, /* patterns */
    QUICK_SIMPLE,
};

/* What must hold of a number value * 10^-decimals, by its decimals: low <= value <= high, and value
 * a multiple of `divisor`; 0: not known here, look exactly. */
enum { SCALES = 19 };
static const int64_t SCALED_MAX = INT64_C(1000000000000000000); /* value, either way */
struct json_schema_scale {
    int64_t low;
    int64_t high;
    uint64_t divisor;
};

/* What a node demands beyond type. Zeroed where `has` lacks the bit. */
struct json_schema_rules {
    uint32_t has; /* enum json_schema_rule */
    enum json_schema_quick quick;
    uint64_t length_low; /* QUICK_LENGTH: code points, inclusive */
    uint64_t length_high;
    const struct json_schema_scale *scales;  /* QUICK_NUMBER: SCALES of them */
    const struct json_schema_fixed *fixed;   /* QUICK_FIXED */
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
    uint64_t *required; /* a bit per name */
    uint32_t seen_base; /* of those words among those of the schema */
    uint32_t seen_count;
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
    uint32_t seen_count;
};
/* Index of a name, or -1. */
ptrdiff_t json_schema_find_name(const struct json_schema_rules *rules, struct str name);
/* Fills in what the quick looks need, when all else of the node is known. False when the arena is
 * full. */
bool json_schema_quick_plan(struct arena *arena, const struct json_schema_node *node,
                            struct json_schema_rules *rules);

/* ---- checking ---- */

enum { FOUND_BYTES = 40 };
struct json_schema_run {
    unsigned references;
    struct json_schema *schema; /* referenced */
    uint64_t *seen;             /* owned; per name of the schema: a bit, was it met? */
    uint32_t *follow;           /* owned; per name: the one that came after it last time */
    uint32_t *first;            /* owned; per node: the name that came first last time */
    uint32_t *slots;            /* owned; for json_schema_value_is() */
    struct json_schema_patterns *patterns; /* owned; NULL until needed */
    struct buf scratch;                    /* owned */
    uint64_t seed;                         /* of hashes of an event's names */
    /* Of the present event: */
    const struct json_view *view;
    uint64_t budget;
    uint64_t *shadowed; /* owned; a bit per token of a name that comes again later */
    bool is_worded;     /* what is wrong is wanted with words */
    bool is_nomem;
    struct json_schema_finding *finding;
    char found[FOUND_BYTES + 8]; /* words for the finding, as the next */
    char wanted[FOUND_BYTES + 8];
};

struct json_schema_path;
/* By the first byte of a value; 0 begins none. */
extern const uint8_t json_schema_types[256];
/* A new event: its view and a whole budget. */
void json_schema_run_begin(struct json_schema_run *run, const struct json_view *view);
/* Type, enum, const and what is asked of text and numbers, of the value at token i; nothing about
 * what lies within brackets. `path` is for words alone. */
bool json_schema_check_shallow(struct json_schema_run *run, const struct json_schema_node *n,
                               uint32_t i, const struct json_schema_path *path);
/* The index of the name at token i among the node's, or -1. A right *guess is seen at once; what is
 * found becomes the guess. */
ptrdiff_t json_schema_meet(struct json_schema_run *run, const struct json_schema_rules *r,
                           uint32_t i, uint32_t *guess);
uint64_t json_schema_count_utf8(struct str text);
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
