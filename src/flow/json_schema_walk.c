/* SPDX-License-Identifier: MIT */
/* json_schema_walk.c - an event's grammar and its schema in one walk over the tokens, for the many
 * events that are good: it says yes or nothing.
 *
 * Yes is right: every token was checked as json_walk.h checks it, every value against its schema,
 * those too that a later member of the same name replaces. Whatever is unusual ends the walk, and
 * the caller finds out slowly (json_schema_check_exactly()).
 *
 * Which name comes next is guessed from what followed last time (`follow`); a guess is compared
 * with quotes and colon and all, so that a right one has the grammar checked too. Scalars are
 * judged by what json_schema_quick.c has prepared, without branches on their bytes where it can be
 * had: what cannot be foreseen costs the processor more than all the rest. Where a token ends is
 * known from where the next one begins, so most of it reads backwards from there. */
#include "flow/json_schema_int.h"

static const uint64_t ONES = UINT64_C(0x0101010101010101);
static const uint64_t HIGHS = UINT64_C(0x8080808080808080);

/* ---- numbers ---- */

struct number {
    uint64_t digits;   /* all of them, without the point */
    uint32_t decimals; /* those behind it */
    bool is_negative;
};

/* A number of at most eight characters behind its sign, without exponent, that ends at `end`, with
 * eight bytes before that. False: look again. */
static inline bool read_small(const char *p, const char *end, struct number *out)
{
    out->is_negative = *p == '-';
    p += out->is_negative;
    size_t len = (size_t)(end - p);
    if (len - 1 >= 8) {
        return false;
    }
    /* The number fills the upper bytes, what lies before it becomes leading zeros. */
    uint64_t x;
    memcpy(&x, end - 8, 8);
    unsigned start = 64 - 8 * (unsigned)len;
    x = ((x ^ ONES * '0') >> start) << start;
    uint64_t to_point = x ^ ONES * ('.' ^ '0');
    uint64_t points = (to_point - ONES) & ~to_point & HIGHS; /* its lowest bit is right */
    out->decimals = 0;
    if (points != 0) {
        unsigned point = (unsigned)__builtin_ctzll(points) - 7;
        if (point == start || point == 56) {
            return false;
        }
        uint64_t before = x & ((UINT64_C(1) << point) - 1);
        x = (x >> (point + 8) << (point + 8)) | before << 8;
        out->decimals = (56 - point) / 8;
    }
    bool has_extra_zero = *p == '0' && len > 1 && json_digit(p[1]) <= 9;
    if (has_extra_zero || ((x | (x + ONES * 0x76)) & HIGHS) != 0) {
        return false;
    }
    /* Digits to pairs, to fours, to eight. */
    x = x * 10 + (x >> 8);
    x = ((x & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
         ((x >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
        32;
    out->digits = x;
    return true;
}

__attribute__((noinline)) static bool read_large(const struct json_view *view, uint32_t i,
                                                 struct number *out)
{
    struct json_number n;
    if (!json_number_at(view, i, &n) || !n.is_exact || n.mantissa > (uint64_t)SCALED_MAX ||
        n.exponent > 0 || n.exponent <= -SCALES) {
        return false;
    }
    *out = (struct number){n.mantissa, (uint32_t)-n.exponent, n.is_negative};
    return true;
}

static inline bool number_is_good(const struct json_view *view, const struct json_schema_rules *r,
                                  uint32_t i)
{
    struct number n;
    const char *p = view->base + view->at[i];
    uint32_t end = view->at[i + 1];
    if ((end < 8 || !read_small(p, view->base + end, &n)) && !read_large(view, i, &n)) {
        return false;
    }
    const struct json_schema_scale *scale = &r->scales[n.decimals];
    int64_t value = n.is_negative ? -(int64_t)n.digits : (int64_t)n.digits;
    return (value >= scale->low) & (value <= scale->high) &&
           (scale->divisor == 1 || (scale->divisor != 0 && n.digits % scale->divisor == 0));
}

/* ---- scalars ---- */

static inline __attribute__((always_inline)) bool text_is_good(const struct json_view *view,
                                                               const struct json_schema_node *n,
                                                               struct str text)
{
    const struct json_schema_rules *r = n->rules;
    switch (r->quick) {
    case QUICK_LENGTH: {
        uint64_t count = view->is_ascii ? text.len : json_schema_count_utf8(text);
        return count >= r->length_low && count <= r->length_high;
    }
    case QUICK_ENUM:
        return text.len <= KEY_EXACT &&
               json_schema_enum_has_tail(
                   r->enumeration, json_schema_tail_of(text, (size_t)(text.ptr - view->base)));
    case QUICK_FORMAT:
        return json_schema_format_ok(n->format, text);
    case QUICK_FIXED:
        return json_schema_fixed_match(r->fixed, text);
    case QUICK_SIMPLE:
        return json_schema_simple_match(r->simple, text);
    default:
        return false;
    }
}

/* True when the value at token i is a scalar, well-formed, and good beyond doubt. */
static inline __attribute__((always_inline)) bool scalar_is_good(const struct json_view *view,
                                                                 const struct json_schema_node *n,
                                                                 uint32_t i)
{
    const uint8_t scalars =
        JSON_SCHEMA_NULL | JSON_SCHEMA_BOOLEAN | JSON_SCHEMA_STRING | JSON_SCHEMA_NUMBER;
    char c = json_at(view, i);
    switch (n->rules->quick) {
    case QUICK_NONE:
        return false;
    case QUICK_TYPE:
        return (json_schema_types[(unsigned char)c] & n->types & scalars) != 0 &&
               json_scalar_ok(view, i);
    case QUICK_NUMBER:
        return number_is_good(view, n->rules, i);
    default:
        break;
    }
    if (c != '"') {
        return false;
    }
    struct str text = json_view_string(view, i);
    return !json_has_escape(view, text) && text_is_good(view, n, text);
}

/* ---- values ---- */

static uint32_t walk_value(struct json_schema_run *run, const struct json_schema_node *n,
                           uint32_t i, uint32_t depth_max);

/* Is something asked of what lies between the brackets that `c` opens? */
static bool has_inside(const struct json_schema_node *n, char c)
{
    return (c == '{' && (n->rules->has & RULE_NAMES)) ||
           (c == '[' && (n->rules->has & RULES_ARRAY));
}

/* May an object or array be there, whatever its value? */
static bool may_open(const struct json_schema_node *n, enum json_schema_type type)
{
    return (n->types & type) && (n->rules->has & RULES_VALUE) == 0;
}

/* Is this the name that begins at `start`, right before `end` its colon? */
static inline bool is_written(const char *base, uint32_t start, uint32_t end,
                              const struct json_schema_name *name)
{
    size_t len = name->written.len;
    if (end - start != len) {
        return false;
    }
    if (__builtin_expect(end < sizeof name->tail, 0)) {
        return memcmp(base + start, name->written.ptr, len) == 0;
    }
    uint64_t tail[2];
    memcpy(tail, base + end - sizeof tail, sizeof tail);
    return (((tail[0] ^ name->tail[0]) & name->mask[0]) |
            ((tail[1] ^ name->tail[1]) & name->mask[1])) == 0 &&
           (len <= sizeof tail || memcmp(base + start, name->written.ptr, len - sizeof tail) == 0);
}

static bool is_key(struct json_schema_run *run, const struct json_schema_name *found, uint32_t i,
                   struct str key)
{
    struct str name;
    if (found != NULL) {
        return str_eq(found->name, key);
    }
    return json_schema_text_at(run->view, i, &run->scratch, &name) && str_eq(name, key);
}

/* Does the object lack a name? `met` has the bits of the first 64 names, the run those of the
 * rest. */
static inline bool lacks(const struct json_schema_run *run, const struct json_schema_rules *r,
                         uint64_t met)
{
    if (r->seen_count == 0) {
        return false;
    }
    uint64_t missing = r->required[0] & ~met;
    for (uint32_t n = 1; n < r->seen_count; n++) {
        missing |= r->required[n] & ~run->seen[r->seen_base + n];
    }
    return missing != 0;
}

/* The member whose name is at token i: *out_name is NULL when the node does not speak of it. False
 * when it is no member. */
static inline bool member_at(struct json_schema_run *run, const struct json_schema_rules *r,
                             uint32_t i, uint32_t **guess, const struct json_schema_name **out_name)
{
    const struct json_view *view = run->view;
    ptrdiff_t found = -1;
    *out_name = NULL;
    if (json_at(view, i) != '"') {
        return false;
    }
    if (__builtin_expect(r->name_count > 0 && is_written(view->base, view->at[i],
                                                         view->at[i + 1] + 1, &r->names[**guess]),
                         1)) {
        found = **guess;
    } else if (json_key_ok(view, i)) {
        found = json_schema_meet(run, r, i, *guess);
    } else {
        return false;
    }
    if (found >= 0) {
        *out_name = &r->names[found];
        *guess = &run->follow[r->name_base + (size_t)found];
    }
    if (found >= 64) {
        run->seen[r->seen_base + found / 64] |= UINT64_C(1) << (found % 64);
    }
    return true;
}

/* The object at token i. `look` is there for the outermost one. */
__attribute__((noinline)) static uint32_t walk_object(struct json_schema_run *run,
                                                      const struct json_schema_node *n, uint32_t i,
                                                      uint32_t depth_max,
                                                      struct json_schema_look *look)
{
    const struct json_view *const view = run->view;
    const struct json_schema_rules *const r = n->rules;
    uint32_t *guess = &run->first[n->id];
    uint64_t met = 0;
    if (depth_max == 0 || !may_open(n, JSON_SCHEMA_OBJECT)) {
        return 0;
    }
    if (r->seen_count > 1) {
        memset(run->seen + r->seen_base, 0, r->seen_count * sizeof *run->seen);
    }
    i++;
    if (json_at(view, i) == '}') {
        return lacks(run, r, 0) ? 0 : i + 1;
    }
    for (;;) {
        const struct json_schema_name *name;
        if (!member_at(run, r, i, &guess, &name)) {
            return 0;
        }
        const struct json_schema_node *node = name == NULL ? n->additional : name->value;
        const uint32_t value = i + 2; /* behind name and colon */
        met |= name == NULL ? 0 : name->bit;
        if (__builtin_expect(node != NULL && scalar_is_good(view, node, value), 1)) {
            i = value + 1;
        } else {
            i = walk_value(run, node, value, depth_max - 1);
            if (i == 0 || i >= view->count) {
                return 0;
            }
        }
        if (look != NULL && look->key.ptr != NULL && is_key(run, name, value - 2, look->key)) {
            look->key_at = value;
            look->key_next = i;
        }
        if (json_at(view, i) != ',') {
            return json_at(view, i) == '}' && !lacks(run, r, met) ? i + 1 : 0;
        }
        i++;
    }
}

static uint32_t walk_array(struct json_schema_run *run, const struct json_schema_node *n,
                           uint32_t i, uint32_t depth_max)
{
    const struct json_view *view = run->view;
    const struct json_schema_rules *r = n->rules;
    uint64_t low = r->has & RULE_MIN_ITEMS ? r->min_items : 0;
    uint64_t high = r->has & RULE_MAX_ITEMS ? r->max_items : UINT64_MAX;
    uint64_t count = 0;
    if (depth_max == 0 || !may_open(n, JSON_SCHEMA_ARRAY)) {
        return 0;
    }
    i++;
    if (json_at(view, i) == ']') {
        return low == 0 ? i + 1 : 0;
    }
    for (;;) {
        count++;
        if (n->items != NULL && scalar_is_good(view, n->items, i)) {
            i++;
        } else {
            i = walk_value(run, n->items, i, depth_max - 1);
            if (i == 0 || i >= view->count) {
                return 0;
            }
        }
        if (json_at(view, i) != ',') {
            return json_at(view, i) == ']' && count >= low && count <= high ? i + 1 : 0;
        }
        i++;
    }
}

/* Any value, `n` NULL: of any kind. The token after it, or 0. */
static uint32_t walk_value(struct json_schema_run *run, const struct json_schema_node *n,
                           uint32_t i, uint32_t depth_max)
{
    const struct json_view *view = run->view;
    char c = json_at(view, i);
    uint32_t next = i + 1;
    if (n != NULL && has_inside(n, c)) {
        return c == '{' ? walk_object(run, n, i, depth_max, NULL)
                        : walk_array(run, n, i, depth_max);
    }
    if (c == '{' || c == '[') {
        next = json_walk_nested(view, i, depth_max);
    } else if (!json_scalar_ok(view, i)) {
        return 0;
    }
    return next == 0 || n == NULL || json_schema_check_shallow(run, n, i, NULL) ? next : 0;
}

uint32_t json_schema_walk(struct json_schema_run *run, const struct json_view *view, uint32_t i,
                          struct json_schema_look *look)
{
    const struct json_schema_node *root = run->schema->root;
    uint32_t next = 0;
    json_schema_run_begin(run, view);
    look->key_at = 0;
    if (json_at(view, i) == '{' && has_inside(root, '{')) {
        next = walk_object(run, root, i, look->depth_max, look);
    } else if (look->key.ptr == NULL) {
        next = walk_value(run, root, i, look->depth_max);
    }
    return run->is_nomem ? 0 : next;
}
