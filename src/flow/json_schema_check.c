/* SPDX-License-Identifier: MIT */
/* json_schema_check.c - an event's tokens against a compiled schema.
 *
 * One walk, two ways. The first is for the many good events: it goes over the tokens once, takes
 * every member as it comes, and says yes or no. Yes is right even where names are there twice,
 * since all of them were good. No is only a suspicion: the second way walks again, leaves out what
 * a later member of the same name replaces, and finds pointer and reason, or that the event is good
 * after all.
 *
 * Which property comes next is guessed from what followed last time (`follow`); a wrong guess costs
 * a look into the node's table and nothing else. */
#include <stdlib.h>

#include "base/hash.h"
#include "flow/json_schema_int.h"
#include "os/clock.h"

enum { FOUND_BYTES = 40 };
static const uint64_t BUDGET_STEPS =
    2000000; /* of patterns, per event; see json_schema_pattern.c */
static const uint64_t BUDGET_PER_BYTE = 4;

struct json_schema_run {
    unsigned references;
    struct json_schema *schema; /* referenced */
    uint64_t *seen;             /* owned; per name of the schema: the visit it was last met in */
    uint32_t *follow;           /* owned; per name: 1 + the name that came after it last time */
    uint32_t *first;            /* owned; per node: 1 + the name that came first last time */
    uint32_t *slots;            /* owned; for json_schema_value_is() */
    struct json_schema_patterns *patterns; /* owned; NULL until needed */
    struct buf scratch;                    /* owned */
    uint64_t visit;
    uint64_t seed; /* of hashes of an event's names */
    /* Of the present event: */
    const struct json_view *view;
    uint64_t budget;
    uint64_t *shadowed; /* owned; second way: a bit per token of a name that comes again later */
    bool is_second;
    bool is_nomem;
    struct json_schema_finding *finding;
    char found[FOUND_BYTES + 8]; /* words for the finding, as the next */
    char wanted[FOUND_BYTES + 8];
};

/* ---- life ---- */

err json_schema_run_new(struct json_schema *s, struct json_schema_run **out_run)
{
    AUTO(json_schema_run) run = xnew(struct json_schema_run);
    run->references = 1;
    run->schema = json_schema_ref(s);
    run->seen = calloc((size_t)s->name_count + 1, sizeof *run->seen);
    run->follow = calloc((size_t)s->name_count + 1, sizeof *run->follow);
    run->first = calloc((size_t)s->node_count + 1, sizeof *run->first);
    run->slots = calloc((size_t)s->slot_count + 1, sizeof *run->slots);
    run->scratch = buf_make(EVENT_RECORD_BYTES_MAX);
    run->seed = os_random_u64();
    if (run->seen == NULL || run->follow == NULL || run->first == NULL || run->slots == NULL) {
        return ERR_NOMEM;
    }
    if (s->pattern_count > 0) {
        TRY(json_schema_patterns_new(&run->patterns));
    }
    *out_run = TAKE(run);
    return ERR_OK;
}

struct json_schema_run *json_schema_run_ref(struct json_schema_run *run)
{
    if (run != NULL) {
        run->references++;
    }
    return run;
}

void json_schema_run_free(struct json_schema_run *run)
{
    if (run == NULL || --run->references > 0) {
        return;
    }
    json_schema_unref(run->schema);
    json_schema_patterns_free(run->patterns);
    buf_deinit(&run->scratch);
    free(run->seen);
    free(run->follow);
    free(run->first);
    free(run->slots);
    free(run->shadowed);
    free(run);
}

/* ---- findings ---- */

/* Always false. Words only on the second way, where they are asked for. */
__attribute__((format(printf, 3, 4))) static bool bad(struct json_schema_run *run,
                                                      const struct json_schema_path *path,
                                                      const char *format, ...)
{
    if (run->is_second) {
        va_list args;
        va_start(args, format);
        json_schema_find(run->finding, path, format, args);
        va_end(args);
    }
    return false;
}

static bool no_memory(struct json_schema_run *run)
{
    run->is_nomem = true;
    return false;
}

/* A scalar as it is written, cut for people. What follows it is no part of any scalar. */
static const char *scalar_text(const char *p, char out[FOUND_BYTES + 8])
{
    size_t len = 0;
    while (len <= FOUND_BYTES && strchr(",]} \t\r\n", p[len]) == NULL) {
        len++;
    }
    size_t kept = MIN(len, (size_t)FOUND_BYTES);
    memcpy(out, p, kept);
    memcpy(out + kept, kept < len ? "..." : "", kept < len ? 4 : 1);
    return out;
}

/* The value at token i, for people. */
static const char *found_at(struct json_schema_run *run, uint32_t i)
{
    char *out = run->found;
    const struct json_view *view = run->view;
    const char *p = view->base + view->at[i];
    if (*p == '{' || *p == '[') {
        return *p == '{' ? "an object" : "an array";
    }
    if (*p != '"') {
        return scalar_text(p, out);
    }
    size_t len = json_view_string(view, i).len + 2;
    struct str cut = json_schema_cut(str_of(p, len), FOUND_BYTES);
    memcpy(out, cut.ptr, cut.len);
    memcpy(out + cut.len, cut.len < len ? "..." : "", cut.len < len ? 4 : 1);
    return out;
}

/* "integer or null" */
static const char *types_text(uint8_t types, char *out, size_t size)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "object",  "array"};
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        bool is_implied = i == 2 && (types & JSON_SCHEMA_NUMBER) != 0;
        if ((types >> i & 1) && !is_implied && len < size) {
            len +=
                (size_t)snprintf(out + len, size - len, "%s%s", len == 0 ? "" : " or ", names[i]);
        }
    }
    return out;
}

/* ---- numbers ---- */

__attribute__((noinline)) static bool check_range(struct json_schema_run *run,
                                                  const struct json_schema_rules *r,
                                                  const struct json_decimal *d, uint32_t i,
                                                  const struct json_schema_path *path)
{
    if ((r->has & RULE_MINIMUM) && json_decimal_compare(d, &r->minimum) < 0) {
        return bad(run, path, "must be at least %s, is %s",
                   scalar_text(r->minimum.text, run->wanted), found_at(run, i));
    }
    if ((r->has & RULE_MAXIMUM) && json_decimal_compare(d, &r->maximum) > 0) {
        return bad(run, path, "must be at most %s, is %s",
                   scalar_text(r->maximum.text, run->wanted), found_at(run, i));
    }
    if ((r->has & RULE_EXCLUSIVE_MINIMUM) && json_decimal_compare(d, &r->exclusive_minimum) <= 0) {
        return bad(run, path, "must be above %s, is %s",
                   scalar_text(r->exclusive_minimum.text, run->wanted), found_at(run, i));
    }
    if ((r->has & RULE_EXCLUSIVE_MAXIMUM) && json_decimal_compare(d, &r->exclusive_maximum) >= 0) {
        return bad(run, path, "must be below %s, is %s",
                   scalar_text(r->exclusive_maximum.text, run->wanted), found_at(run, i));
    }
    if ((r->has & RULE_MULTIPLE_OF) && !json_decimal_is_multiple(d, &r->multiple_of)) {
        return bad(run, path, "must be a multiple of %s, is %s",
                   scalar_text(r->multiple_of.text, run->wanted), found_at(run, i));
    }
    return true;
}

__attribute__((noinline)) static bool type_failed(struct json_schema_run *run,
                                                  const struct json_schema_node *n, uint32_t i,
                                                  const struct json_schema_path *path)
{
    char wanted[80];
    if (n->is_false) {
        return bad(run, path, "must not be there");
    }
    return bad(run, path, "must be %s, is %s", types_text(n->types, wanted, sizeof wanted),
               found_at(run, i));
}

static const uint64_t powers[] = {1,
                                  10,
                                  100,
                                  1000,
                                  10000,
                                  100000,
                                  1000000,
                                  10000000,
                                  100000000,
                                  1000000000,
                                  10000000000,
                                  100000000000,
                                  1000000000000,
                                  10000000000000,
                                  100000000000000,
                                  1000000000000000,
                                  10000000000000000,
                                  100000000000000000,
                                  1000000000000000000};

/* -1, 0, 1; 2 when the two are too far apart to be compared here. */
static inline int compare_quick(const struct json_number *a, const struct json_decimal *b)
{
    int64_t apart = a->exponent - b->exponent;
    int left = a->mantissa == 0 ? 0 : a->is_negative ? -1 : 1;
    int right = b->count == 0 ? 0 : b->is_negative ? -1 : 1;
    if (left != right || left == 0) {
        return left == right ? 0 : left < right ? -1 : 1;
    }
    if (!b->is_small || apart >= (int64_t)ARRAY_LEN(powers) ||
        -apart >= (int64_t)ARRAY_LEN(powers)) {
        return 2;
    }
    unsigned __int128 x = (unsigned __int128)a->mantissa * powers[apart > 0 ? apart : 0];
    unsigned __int128 y = (unsigned __int128)b->mantissa * powers[apart < 0 ? -apart : 0];
    int order = x == y ? 0 : x < y ? -1 : 1;
    return left > 0 ? order : -order;
}

/* 1: a multiple, 0: not, 2: not to be found out here. */
static inline int multiple_quick(const struct json_number *n, const struct json_decimal *of)
{
    int64_t apart = n->exponent - of->exponent;
    uint64_t whole = 0;
    if (apart >= 0) {
        return apart < (int64_t)ARRAY_LEN(powers) &&
                       !__builtin_mul_overflow(n->mantissa, powers[apart], &whole)
                   ? whole % of->mantissa == 0
                   : 2;
    }
    return -apart < (int64_t)ARRAY_LEN(powers) &&
                   !__builtin_mul_overflow(of->mantissa, powers[-apart], &whole)
               ? n->mantissa % whole == 0
               : 2;
}

/* First way: true when the number is good beyond doubt. */
__attribute__((noinline)) static bool number_is_good(const struct json_schema_rules *r,
                                                     const char *p, bool needs_integer)
{
    struct json_number n;
    if (!json_number_scan(p, &n) || !n.is_exact || n.exponent < -18 || n.exponent > 18) {
        return false;
    }
    if (needs_integer && n.exponent < 0 && n.mantissa % powers[-n.exponent] != 0) {
        return false;
    }
    int low = r->has & RULE_MINIMUM ? compare_quick(&n, &r->minimum) : 0;
    int high = r->has & RULE_MAXIMUM ? compare_quick(&n, &r->maximum) : 0;
    int above = r->has & RULE_EXCLUSIVE_MINIMUM ? compare_quick(&n, &r->exclusive_minimum) : 1;
    int below = r->has & RULE_EXCLUSIVE_MAXIMUM ? compare_quick(&n, &r->exclusive_maximum) : -1;
    bool in_range =
        (low == 0 || low == 1) && (high == 0 || high == -1) && above == 1 && below == -1;
    return in_range &&
           ((r->has & RULE_MULTIPLE_OF) == 0 || multiple_quick(&n, &r->multiple_of) == 1);
}

/* Exactly, whatever the number. */
__attribute__((noinline)) static bool check_decimal(struct json_schema_run *run,
                                                    const struct json_schema_node *n, uint32_t i,
                                                    const struct json_schema_path *path)
{
    struct json_decimal d;
    json_decimal_read(run->view->base + run->view->at[i], &d);
    if ((n->types & JSON_SCHEMA_NUMBER) == 0 && !json_decimal_is_integer(&d)) {
        return type_failed(run, n, i, path);
    }
    return check_range(run, n->rules, &d, i, path);
}

static bool check_number(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                         const struct json_schema_path *path)
{
    const char *p = run->view->base + run->view->at[i];
    const struct json_schema_rules *r = n->rules;
    bool needs_integer = (n->types & JSON_SCHEMA_NUMBER) == 0;
    if (!needs_integer && (r->has & RULES_NUMBER) == 0) {
        return true;
    }
    if ((r->has & RULES_NUMBER) == 0) { /* digits alone are an integer */
        const char *q = p + (*p == '-');
        while (json_digit(*q) <= 9) {
            q++;
        }
        if (*q != '.' && *q != 'e' && *q != 'E') {
            return true;
        }
    }
    if (!run->is_second && number_is_good(r, p, needs_integer)) {
        return true;
    }
    return check_decimal(run, n, i, path);
}

/* ---- text ---- */

/* Code points of UTF-8: the bytes that begin one, eight at a time. */
static uint64_t count_utf8(struct str text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t inner = 0;
    size_t i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word;
        memcpy(&word, text.ptr + i, 8);
        inner += (uint64_t)__builtin_popcountll(word >> 7 & ~(word >> 6) & ones);
    }
    for (; i < text.len; i++) {
        inner += ((unsigned char)text.ptr[i] & 0xc0) == 0x80;
    }
    return text.len - inner;
}

/* The same where there are escapes: each is one, a pair of surrogates too. */
static uint64_t count_escaped(struct str inside)
{
    uint64_t count = 0;
    for (size_t i = 0; i < inside.len; i++) {
        const char *p = inside.ptr + i;
        if (*p != '\\') {
            count += ((unsigned char)*p & 0xc0) != 0x80;
            continue;
        }
        count++;
        i++;
        if (p[1] != 'u') {
            continue;
        }
        i += 4;
        bool is_high = (p[2] | 0x20) == 'd' && strchr("89abAB", p[3]) != NULL;
        bool has_low = i + 6 < inside.len && p[6] == '\\' && p[7] == 'u' && (p[8] | 0x20) == 'd' &&
                       strchr("cdefCDEF", p[9]) != NULL;
        i += is_high && has_low ? 6 : 0;
    }
    return count;
}

static bool check_length(struct json_schema_run *run, const struct json_schema_rules *r,
                         struct str inside, const struct json_schema_path *path)
{
    uint64_t count =
        json_has_escape(run->view, inside) ? count_escaped(inside) : count_utf8(inside);
    if ((r->has & RULE_MIN_LENGTH) && count < r->min_length) {
        return bad(run, path, "must have at least %llu characters, has %llu",
                   (unsigned long long)r->min_length, (unsigned long long)count);
    }
    if ((r->has & RULE_MAX_LENGTH) && count > r->max_length) {
        return bad(run, path, "must have at most %llu characters, has %llu",
                   (unsigned long long)r->max_length, (unsigned long long)count);
    }
    return true;
}

__attribute__((noinline)) static bool check_pattern(struct json_schema_run *run,
                                                    const struct json_schema_rules *r,
                                                    struct str text, uint32_t i,
                                                    const struct json_schema_path *path)
{
    struct str pattern = json_schema_cut(r->pattern_text, 100);
    switch (json_schema_pattern_match(r->pattern, run->patterns, text, &run->budget)) {
    case JSON_SCHEMA_MATCH:
        return true;
    case JSON_SCHEMA_NO_MATCH:
        return bad(run, path, "must match the pattern %.*s, is %s", STR_ARGS(pattern),
                   found_at(run, i));
    case JSON_SCHEMA_TOO_MUCH:
        return bad(run, path, "matching it against the pattern %.*s takes too much work",
                   STR_ARGS(pattern));
    case JSON_SCHEMA_MATCH_NOMEM:
        break;
    }
    return no_memory(run);
}

__attribute__((noinline)) static bool check_form(struct json_schema_run *run,
                                                 const struct json_schema_node *n, uint32_t i,
                                                 const struct json_schema_path *path)
{
    const struct json_schema_rules *r = n->rules;
    struct str text;
    if (!json_schema_text_at(run->view, i, &run->scratch, &text)) {
        return run->scratch.failed ? no_memory(run)
                                   : bad(run, path, "the text holds a lone surrogate");
    }
    if ((r->has & RULE_FORMAT) && !json_schema_format_ok(n->format, text)) {
        return bad(run, path, "must be in the format %s, is %s", json_schema_format_name(n->format),
                   found_at(run, i));
    }
    return (r->has & RULE_PATTERN) == 0 || check_pattern(run, r, text, i, path);
}

static bool check_text(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                       const struct json_schema_path *path)
{
    const struct json_schema_rules *r = n->rules;
    if ((r->has & (RULE_MIN_LENGTH | RULE_MAX_LENGTH)) &&
        !check_length(run, r, json_view_string(run->view, i), path)) {
        return false;
    }
    return (r->has & (RULE_PATTERN | RULE_FORMAT)) == 0 || check_form(run, n, i, path);
}

/* ---- values ---- */

__attribute__((noinline)) static bool check_values(struct json_schema_run *run,
                                                   const struct json_schema_rules *r, uint32_t i,
                                                   const struct json_schema_path *path)
{
    run->scratch.failed = false;
    if ((r->has & RULE_ENUM) &&
        !json_schema_enum_has(r->enumeration, run->view, i, run->slots, &run->scratch)) {
        return run->scratch.failed
                   ? no_memory(run)
                   : bad(run, path, "must be one of the %zu values of the schema's enum, is %s",
                         r->enumeration->count, found_at(run, i));
    }
    if ((r->has & RULE_CONST) &&
        !json_schema_value_is(r->constant, run->view, i, run->slots, &run->scratch)) {
        return run->scratch.failed
                   ? no_memory(run)
                   : bad(run, path, "must be the value of the schema's const, is %s",
                         found_at(run, i));
    }
    return true;
}

/* ---- at once ---- */

/* By the first byte of a value; 0 begins none. */
static const uint8_t types_by_byte[256] = {
    ['n'] = JSON_SCHEMA_NULL,
    ['t'] = JSON_SCHEMA_BOOLEAN,
    ['f'] = JSON_SCHEMA_BOOLEAN,
    ['"'] = JSON_SCHEMA_STRING,
    ['{'] = JSON_SCHEMA_OBJECT,
    ['['] = JSON_SCHEMA_ARRAY,
    ['-'] = JSON_SCHEMA_INTEGER | JSON_SCHEMA_NUMBER,
    ['0' ... '9'] = JSON_SCHEMA_INTEGER | JSON_SCHEMA_NUMBER,
};

/* Digits alone, few enough, within the bounds. */
static inline bool integer_is_good(const struct json_schema_rules *r, const char *p)
{
    bool is_negative = *p == '-';
    const char *first = p + is_negative;
    int64_t value = 0;
    for (p = first; json_digit(*p) <= 9 && p - first < 18; p++) {
        value = value * 10 + json_digit(*p);
    }
    if (p == first || json_digit(*p) <= 9 || *p == '.' || (*p | 0x20) == 'e') {
        return false;
    }
    value = is_negative ? -value : value;
    return value >= r->low && value <= r->high;
}

static inline bool text_is_good(const struct json_schema_rules *r, struct str text)
{
    if (r->quick == QUICK_ENUM) {
        return json_schema_enum_has_short(r->enumeration, text);
    }
    if (r->quick == QUICK_SIMPLE) {
        return json_schema_simple_match(r->simple, text);
    }
    if (r->quick == QUICK_TIME) {
        return json_schema_format_ok(JSON_SCHEMA_FORMAT_DATE_TIME, text);
    }
    /* Bytes are four times the code points at most. */
    uint64_t low = r->has & RULE_MIN_LENGTH ? r->min_length : 0;
    uint64_t high = r->has & RULE_MAX_LENGTH ? r->max_length : UINT64_MAX;
    if (text.len / 4 >= low && text.len <= high) {
        return true;
    }
    uint64_t count = count_utf8(text);
    return count >= low && count <= high;
}

/* First way: true when the scalar at token i is good beyond doubt. */
static inline bool is_good(const struct json_view *view, const struct json_schema_node *n,
                           uint32_t i)
{
    const uint8_t scalars =
        JSON_SCHEMA_NULL | JSON_SCHEMA_BOOLEAN | JSON_SCHEMA_STRING | JSON_SCHEMA_NUMBER;
    const struct json_schema_rules *r = n->rules;
    const char *p = view->base + view->at[i];
    uint8_t types = types_by_byte[(unsigned char)*p] & n->types;
    switch (r->quick) {
    case QUICK_NONE:
        return false;
    case QUICK_TYPE:
        return (types & scalars) != 0;
    case QUICK_INTEGER:
        return (types & JSON_SCHEMA_INTEGER) != 0 && integer_is_good(r, p);
    case QUICK_NUMBER:
        return (types & JSON_SCHEMA_INTEGER) != 0 &&
               number_is_good(r, p, (n->types & JSON_SCHEMA_NUMBER) == 0);
    case QUICK_LENGTH:
    case QUICK_ENUM:
    case QUICK_TIME:
    case QUICK_SIMPLE:
        /* enum may list text where the type forbids it */
        return types == JSON_SCHEMA_STRING && !view->has_escape &&
               text_is_good(r, json_view_string(view, i));
    }
    return false;
}

/* ---- objects and arrays ---- */

static bool check(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                  const struct json_schema_path *path, uint32_t *out_next);

static bool is_shadowed(const struct json_schema_run *run, uint32_t i)
{
    return run->is_second && (run->shadowed[i / 64] >> (i % 64) & 1);
}

/* Second way: marks the members of the object at token i that a later one of the same name
 * replaces. */
__attribute__((noinline)) static bool mark_shadowed(struct json_schema_run *run, uint32_t i)
{
    const struct json_view *view = run->view;
    size_t count = json_schema_count(view, i);
    size_t size = 8;
    while (size < count * 2) {
        size *= 2;
    }
    uint32_t *table = calloc(size, sizeof *table); /* tokens of names; 0: empty */
    AUTO_BUF a = buf_make(EVENT_RECORD_BYTES_MAX);
    AUTO_BUF b = buf_make(EVENT_RECORD_BYTES_MAX);
    bool ok = table != NULL;
    i++;
    for (size_t n = 0; n < count && ok; n++) {
        struct str name;
        /* A name with a lone surrogate is compared as it is written. */
        name = json_schema_text_at(view, i, &a, &name) ? name : json_view_string(view, i);
        size_t at = hash_xxh3_seeded(name, run->seed) & (size - 1);
        for (; table[at] != 0; at = (at + 1) & (size - 1)) {
            struct str other;
            other = json_schema_text_at(view, table[at], &b, &other)
                        ? other
                        : json_view_string(view, table[at]);
            if (str_eq(name, other)) {
                run->shadowed[table[at] / 64] |= UINT64_C(1) << (table[at] % 64);
                break;
            }
        }
        table[at] = i;
        i = json_schema_skip(view, i + 2) + 1;
        ok = !a.failed && !b.failed;
    }
    free(table);
    return ok || no_memory(run);
}

static inline bool is_name(const struct json_schema_name *entry, struct str name)
{
    struct json_schema_key key = json_schema_key_of(name);
    return json_schema_key_eq(&entry->key, &key) &&
           (name.len <= KEY_EXACT || memcmp(entry->name.ptr, name.ptr, name.len) == 0);
}

/* The index of the name at token i among the node's, or -1. `prev` is the place of the guess. */
static ptrdiff_t find_name(struct json_schema_run *run, const struct json_schema_rules *r,
                           uint32_t i, uint32_t *guess)
{
    struct str name = json_view_string(run->view, i);
    if (__builtin_expect(!json_has_escape(run->view, name), 1)) {
        uint32_t expected = *guess;
        if (expected != 0 && is_name(&r->names[expected - 1], name)) {
            return expected - 1;
        }
    } else if (!json_schema_text_at(run->view, i, &run->scratch, &name)) {
        run->is_nomem = run->is_nomem || run->scratch.failed;
        return -1;
    }
    ptrdiff_t found = json_schema_find_name(r, name);
    if (found >= 0) {
        *guess = (uint32_t)found + 1;
    }
    return found;
}

__attribute__((noinline)) static bool required_failed(struct json_schema_run *run,
                                                      const struct json_schema_rules *r,
                                                      uint64_t visit,
                                                      const struct json_schema_path *path)
{
    for (size_t n = 0; n < r->name_count; n++) {
        if (r->names[n].is_required && run->seen[r->name_base + n] != visit) {
            struct str name = json_schema_cut(r->names[n].name, 80);
            return bad(run, path, "\"%.*s\" is required and missing", STR_ARGS(name));
        }
    }
    ASSERT(false);
    return false;
}

/* One member: the node for its value in *out_node, NULL for anything. */
static ptrdiff_t meet(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                      uint32_t *guess, const struct json_schema_node **out_node)
{
    ptrdiff_t found = n->rules->name_count == 0 ? -1 : find_name(run, n->rules, i, guess);
    *out_node = found < 0 || n->rules->names[found].node == NULL ? n->additional
                                                                 : n->rules->names[found].node;
    return found;
}

__attribute__((noinline)) static bool check_object(struct json_schema_run *run,
                                                   const struct json_schema_node *n, uint32_t i,
                                                   const struct json_schema_path *path,
                                                   uint32_t *out_next)
{
    const struct json_view *view = run->view;
    const struct json_schema_rules *r = n->rules;
    const uint64_t visit = ++run->visit;
    uint32_t *guess = &run->first[n->id];
    struct json_schema_path step = {.up = path, .view = view};
    size_t required = 0;
    if (run->is_second && !mark_shadowed(run, i)) {
        return false;
    }
    i++;
    while (json_at(view, i) != '}') {
        const struct json_schema_node *node = NULL;
        ptrdiff_t found = meet(run, n, i, guess, &node);
        if (found >= 0) {
            uint64_t *seen = &run->seen[r->name_base + (size_t)found];
            required += *seen != visit && r->names[found].is_required;
            *seen = visit;
            guess = &run->follow[r->name_base + (size_t)found];
        }
        step.index = i;
        if (node != NULL && !run->is_second && is_good(view, node, i + 2)) {
            i += 3; /* name, colon, value */
        } else if (node == NULL || is_shadowed(run, i)) {
            i = json_schema_skip(view, i + 2);
        } else if (!check(run, node, i + 2, &step, &i)) {
            return false;
        }
        if (json_at(view, i) == ',') { /* a guess for the processor, where a sum would be a wait */
            i++;
        }
    }
    *out_next = i + 1;
    return required == r->required_count || required_failed(run, r, visit, path);
}

__attribute__((noinline)) static bool check_array(struct json_schema_run *run,
                                                  const struct json_schema_node *n, uint32_t i,
                                                  const struct json_schema_path *path,
                                                  uint32_t *out_next)
{
    const struct json_view *view = run->view;
    const struct json_schema_rules *r = n->rules;
    struct json_schema_path step = {.up = path};
    uint64_t count = 0;
    i++;
    while (json_at(view, i) != ']') {
        step.index = count++;
        if (n->items == NULL) {
            i = json_schema_skip(view, i);
        } else if (!run->is_second && is_good(view, n->items, i)) {
            i++;
        } else if (!check(run, n->items, i, &step, &i)) {
            return false;
        }
        if (json_at(view, i) == ',') { /* a guess for the processor, where a sum would be a wait */
            i++;
        }
    }
    *out_next = i + 1;
    if ((r->has & RULE_MIN_ITEMS) && count < r->min_items) {
        return bad(run, path, "must have at least %llu items, has %llu",
                   (unsigned long long)r->min_items, (unsigned long long)count);
    }
    if ((r->has & RULE_MAX_ITEMS) && count > r->max_items) {
        return bad(run, path, "must have at most %llu items, has %llu",
                   (unsigned long long)r->max_items, (unsigned long long)count);
    }
    return true;
}

/* Checks the value at token i; *out_next is the token after it. */
static bool check(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                  const struct json_schema_path *path, uint32_t *out_next)
{
    const struct json_schema_rules *r = n->rules;
    uint8_t types = types_by_byte[(unsigned char)json_at(run->view, i)];
    if ((n->types & types) == 0) {
        return type_failed(run, n, i, path);
    }
    if (__builtin_expect((r->has & RULES_VALUE) != 0, 0) && !check_values(run, r, i, path)) {
        return false;
    }
    if (types == JSON_SCHEMA_OBJECT && (r->has & RULE_NAMES)) {
        return check_object(run, n, i, path, out_next);
    }
    if (types == JSON_SCHEMA_ARRAY && (r->has & RULES_ARRAY)) {
        return check_array(run, n, i, path, out_next);
    }
    *out_next =
        types & (JSON_SCHEMA_OBJECT | JSON_SCHEMA_ARRAY) ? json_schema_skip(run->view, i) : i + 1;
    if (types == JSON_SCHEMA_STRING) {
        return (r->has & RULES_TEXT) == 0 || check_text(run, n, i, path);
    }
    return (types & JSON_SCHEMA_INTEGER) == 0 || check_number(run, n, i, path);
}

/* ---- one event ---- */

static bool check_once(struct json_schema_run *run, uint32_t i)
{
    const struct json_schema_path root = {0};
    const struct json_view *view = run->view;
    uint64_t bytes = view->at[view->count - 1] - view->at[0];
    uint32_t next = 0;
    run->is_nomem = false;
    run->budget = BUDGET_STEPS + BUDGET_PER_BYTE * bytes;
    return check(run, run->schema->root, i, &root, &next) && !run->is_nomem;
}

enum json_schema_verdict json_schema_check_exactly(struct json_schema_run *run,
                                                   const struct json_view *view, uint32_t i,
                                                   struct json_schema_finding *finding)
{
    run->view = view;
    run->shadowed = calloc(view->count / 64 + 1, sizeof *run->shadowed);
    if (run->shadowed == NULL) {
        return JSON_SCHEMA_NOMEM;
    }
    run->is_second = true;
    run->finding = finding;
    bool ok = check_once(run, i);
    free(run->shadowed);
    run->shadowed = NULL;
    run->finding = NULL;
    return run->is_nomem ? JSON_SCHEMA_NOMEM : ok ? JSON_SCHEMA_VALID : JSON_SCHEMA_BAD;
}

enum json_schema_verdict json_schema_check(struct json_schema_run *run,
                                           const struct json_view *view, uint32_t i,
                                           struct json_schema_finding *finding)
{
    run->view = view;
    run->is_second = false;
    if (__builtin_expect(check_once(run, i), 1)) {
        return JSON_SCHEMA_VALID;
    }
    return run->is_nomem ? JSON_SCHEMA_NOMEM : json_schema_check_exactly(run, view, i, finding);
}

err json_schema_check_text(struct json_schema_run *run, struct json_indexer *indexer,
                           struct str value, enum json_schema_verdict *out_verdict,
                           struct json_schema_finding *finding)
{
    AUTO_BUF text = buf_make(EVENT_RECORD_BYTES_MAX);
    const uint32_t *at = NULL;
    uint32_t count = 0;
    struct json_view view;
    (void)buf_puts(&text, "{\"\":"); /* sticky, here and below */
    (void)buf_add_str(&text, value);
    (void)buf_add_byte(&text, '}');
    TRY(buf_check(&text));
    if (json_indexer_run(indexer, text.data, text.len, &at, &count) != JSON_INDEX_OK ||
        !json_view_init(&view, buf_str(&text), at, count) ||
        json_walk_nested(&view, 0, EVENT_DEPTH_MAX) != count) {
        return ERR_INVALID;
    }
    *out_verdict = json_schema_check(run, &view, 3, finding);
    return ERR_OK;
}
