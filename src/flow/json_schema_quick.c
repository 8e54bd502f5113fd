/* SPDX-License-Identifier: MIT */
/* json_schema_quick.c - made when a schema is compiled, so that the walk (json_schema_walk.c) can
 * see at once that a usual scalar is good: whole-number bounds for numbers of so many decimals,
 * tables for patterns of a fixed length, the bytes of a name as events have it. What cannot be
 * had this way is left out, and the walk takes a general look. */
#include "flow/json_schema_int.h"

enum { POWERS = 19 }; /* 10^0 .. 10^18 */

static uint64_t power_of_ten(uint64_t exponent)
{
    uint64_t power = 1;
    ASSERT(exponent < POWERS);
    while (exponent-- > 0) {
        power *= 10;
    }
    return power;
}

/* ---- numbers ---- */

/* d * 10^decimals, rounded down (or up), and no further from zero than twice what the walk reads;
 * false when `d` is too long. */
static bool scaled_bound(const struct json_decimal *d, uint64_t decimals, bool up, __int128 *out)
{
    const __int128 most = (__int128)SCALED_MAX * 2;
    int64_t exponent = d->exponent + (int64_t)decimals;
    __int128 value = (__int128)d->mantissa;
    bool has_rest = false;
    if (!d->is_small) {
        return false;
    }
    if (exponent >= 0) {
        value *= exponent < POWERS ? (__int128)power_of_ten((uint64_t)exponent) : most;
    } else {
        /* Of 19 digits nothing is left by 10^19. */
        __int128 by = (__int128)power_of_ten((uint64_t)MIN(-exponent, POWERS - 1)) *
                      (-exponent >= POWERS ? 10 : 1);
        has_rest = value % by != 0;
        value /= by;
    }
    value = d->is_negative ? -value : value;
    value += has_rest && up == !d->is_negative ? (up ? 1 : -1) : 0;
    *out = MAX(MIN(value, most), -most);
    return true;
}

/* What an integer has to be a multiple of so that integer * 10^-decimals is one of `of`; 0: not
 * within 64 bits. */
static uint64_t scaled_divisor(const struct json_decimal *of, uint64_t decimals)
{
    int64_t exponent = of->exponent + (int64_t)decimals;
    uint64_t divisor = of->mantissa;
    if (exponent >= POWERS) {
        return 0;
    }
    if (exponent >= 0) {
        return __builtin_mul_overflow(divisor, power_of_ten((uint64_t)exponent), &divisor)
                   ? 0
                   : divisor;
    }
    for (int64_t twos = -exponent; twos > 0 && divisor % 2 == 0; twos--) {
        divisor /= 2;
    }
    for (int64_t fives = -exponent; fives > 0 && divisor % 5 == 0; fives--) {
        divisor /= 5;
    }
    return divisor;
}

/* The least common multiple; 0 stands for none, and for one beyond 64 bits. */
static uint64_t common_multiple(uint64_t a, uint64_t b)
{
    uint64_t x = a;
    uint64_t y = b;
    uint64_t multiple = 0;
    while (y != 0) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x == 0 || __builtin_mul_overflow(a / x, b, &multiple) ? 0 : multiple;
}

static struct json_schema_scale scale_of(const struct json_schema_rules *r, uint64_t decimals,
                                         bool only_integer)
{
    const struct json_schema_scale unknown = {0};
    struct json_schema_scale scale = {INT64_MIN, INT64_MAX, 1};
    const struct {
        uint32_t rule;
        const struct json_decimal *bound;
        bool is_low;
        int inward;
    } bounds[] = {{RULE_MINIMUM, &r->minimum, true, 0},
                  {RULE_EXCLUSIVE_MINIMUM, &r->exclusive_minimum, true, 1},
                  {RULE_MAXIMUM, &r->maximum, false, 0},
                  {RULE_EXCLUSIVE_MAXIMUM, &r->exclusive_maximum, false, -1}};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        __int128 bound = 0;
        if ((r->has & bounds[i].rule) == 0) {
            continue;
        }
        /* What lies above x lies above x rounded down, and from the next integer on. */
        if (!scaled_bound(bounds[i].bound, decimals, bounds[i].is_low == (bounds[i].inward == 0),
                          &bound)) {
            return unknown;
        }
        bound += bounds[i].inward;
        if (bounds[i].is_low) {
            scale.low = (int64_t)MAX(bound, (__int128)scale.low);
        } else {
            scale.high = (int64_t)MIN(bound, (__int128)scale.high);
        }
    }
    if (r->has & RULE_MULTIPLE_OF) {
        scale.divisor = scaled_divisor(&r->multiple_of, decimals);
    }
    if (only_integer) {
        scale.divisor = common_multiple(scale.divisor, power_of_ten(decimals));
    }
    return scale;
}

static bool plan_number(struct arena *arena, const struct json_schema_node *node,
                        struct json_schema_rules *r)
{
    struct json_schema_scale *scales = arena_alloc(arena, SCALES * sizeof *scales);
    if (scales == NULL) {
        return false;
    }
    for (uint64_t k = 0; k < SCALES; k++) {
        scales[k] = scale_of(r, k, (node->types & JSON_SCHEMA_NUMBER) == 0);
    }
    r->scales = scales;
    r->quick = QUICK_NUMBER;
    return true;
}

/* ---- patterns ---- */

bool json_schema_fixed_plan(const struct json_schema_simple *simple,
                            struct json_schema_fixed *out_fixed)
{
    struct json_schema_fixed fixed = {0};
    for (size_t i = 0; i < simple->count; i++) {
        const struct json_schema_piece *piece = &simple->pieces[i];
        if (piece->low != piece->high || piece->low > FIXED_BYTES_MAX - fixed.len) {
            return false;
        }
        for (uint32_t n = 0; n < piece->low; n++, fixed.len++) {
            for (size_t c = 0; c < 128; c++) {
                uint32_t is_in = piece->set[c / 64] >> (c % 64) & 1;
                fixed.allowed[c] |= is_in << fixed.len;
            }
        }
    }
    *out_fixed = fixed;
    return true;
}

static bool plan_pattern(struct arena *arena, struct json_schema_rules *r)
{
    struct json_schema_fixed fixed;
    const struct json_schema_simple *simple = json_schema_pattern_simple(r->pattern);
    if (simple == NULL) {
        return true;
    }
    r->simple = simple;
    r->quick = QUICK_SIMPLE;
    if (json_schema_fixed_plan(simple, &fixed)) {
        struct json_schema_fixed *kept = arena_alloc(arena, sizeof *kept);
        if (kept == NULL) {
            return false;
        }
        *kept = fixed;
        r->fixed = kept;
        r->quick = QUICK_FIXED;
    }
    return true;
}

/* ---- all ---- */

static bool plan_text(struct arena *arena, struct json_schema_rules *r)
{
    const uint32_t lengths = RULE_MIN_LENGTH | RULE_MAX_LENGTH;
    if ((r->has & ~lengths) == 0) {
        r->quick = QUICK_LENGTH;
        r->length_low = r->has & RULE_MIN_LENGTH ? r->min_length : 0;
        r->length_high = r->has & RULE_MAX_LENGTH ? r->max_length : UINT64_MAX;
    } else if (r->has == RULE_PATTERN) {
        return plan_pattern(arena, r);
    } else if (r->has == RULE_FORMAT) {
        r->quick = QUICK_FORMAT;
    } else if (r->has == RULE_ENUM && r->enumeration->tails != NULL) {
        r->quick = QUICK_ENUM;
    }
    return true;
}

static bool plan_name(struct arena *arena, const struct json_schema_node *node, size_t index,
                      struct json_schema_name *name)
{
    struct str plain = name->name;
    size_t len = plain.len + 3;
    name->value = name->node == NULL ? node->additional : name->node;
    name->bit = index < 64 ? UINT64_C(1) << index : 0;
    if (memchr(plain.ptr, '\\', plain.len) != NULL) {
        return true; /* an event that has these bytes means another name */
    }
    char *written = arena_alloc(arena, len);
    if (written == NULL) {
        return false;
    }
    written[0] = '"';
    memcpy(written + 1, plain.ptr, plain.len);
    written[len - 2] = '"';
    written[len - 1] = ':';
    name->written = str_of(written, len);
    size_t shown = MIN(len, sizeof name->tail);
    memset((char *)name->mask + sizeof name->mask - shown, 0xff, shown);
    memcpy((char *)name->tail + sizeof name->tail - shown, written + len - shown, shown);
    return true;
}

static bool plan_scalar(struct arena *arena, const struct json_schema_node *node,
                        struct json_schema_rules *r)
{
    bool only_integer = (node->types & JSON_SCHEMA_INTEGER) && !(node->types & JSON_SCHEMA_NUMBER);
    r->quick = QUICK_NONE;
    if (r->has == 0 && !only_integer) {
        r->quick = QUICK_TYPE;
        return true;
    }
    if ((r->has & ~(uint32_t)RULES_NUMBER) == 0) {
        return (node->types & JSON_SCHEMA_INTEGER) == 0 || plan_number(arena, node, r);
    }
    return (node->types & JSON_SCHEMA_STRING) == 0 || plan_text(arena, r);
}

bool json_schema_quick_plan(struct arena *arena, const struct json_schema_node *node,
                            struct json_schema_rules *r)
{
    for (size_t i = 0; i < r->name_count; i++) {
        if (!plan_name(arena, node, i, &r->names[i])) {
            return false;
        }
    }
    return plan_scalar(arena, node, r);
}
