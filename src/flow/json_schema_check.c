/* SPDX-License-Identifier: MIT */
/* json_schema_check.c - an event's tokens against a compiled schema, exactly and with words.
 *
 * The many good events are seen to be good by the walk of json_schema_walk.c, which shares the
 * checks of scalars here. What it is not sure of is judged here: members that a later one of the
 * same name replaces are left out, and pointer and reason are found, or that the event is good
 * after all. */
#include <stdlib.h>

#include "base/hash.h"
#include "flow/json_schema_int.h"
#include "os/clock.h"

/* Of patterns, per event (json_schema_pattern.c). A step takes about 30 ns, so a small event takes
 * less than a millisecond, and a megabyte a quarter of a second. */
static const uint64_t BUDGET_STEPS = 20000;
static const uint64_t BUDGET_PER_BYTE = 8;

/* ---- life ---- */

err json_schema_run_new(struct json_schema *s, struct json_schema_run **out_run)
{
    AUTO(json_schema_run) run = xnew(struct json_schema_run);
    run->references = 1;
    run->schema = json_schema_ref(s);
    run->seen = calloc((size_t)s->seen_count + 1, sizeof *run->seen);
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

/* Always false. Words only where they are asked for. */
__attribute__((format(printf, 3, 4))) static bool bad(struct json_schema_run *run,
                                                      const struct json_schema_path *path,
                                                      const char *format, ...)
{
    if (run->is_worded) {
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
    return check_decimal(run, n, i, path);
}

/* ---- text ---- */

/* Code points of UTF-8: the bytes that begin one, eight at a time. */
uint64_t json_schema_count_utf8(struct str text)
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
        json_has_escape(run->view, inside) ? count_escaped(inside) : json_schema_count_utf8(inside);
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

/* ---- any value ---- */

const uint8_t json_schema_types[256] = {
    ['n'] = JSON_SCHEMA_NULL,
    ['t'] = JSON_SCHEMA_BOOLEAN,
    ['f'] = JSON_SCHEMA_BOOLEAN,
    ['"'] = JSON_SCHEMA_STRING,
    ['{'] = JSON_SCHEMA_OBJECT,
    ['['] = JSON_SCHEMA_ARRAY,
    ['-'] = JSON_SCHEMA_INTEGER | JSON_SCHEMA_NUMBER,
    ['0' ... '9'] = JSON_SCHEMA_INTEGER | JSON_SCHEMA_NUMBER,
};

bool json_schema_check_shallow(struct json_schema_run *run, const struct json_schema_node *n,
                               uint32_t i, const struct json_schema_path *path)
{
    const struct json_schema_rules *r = n->rules;
    uint8_t types = json_schema_types[(unsigned char)json_at(run->view, i)];
    if ((n->types & types) == 0) {
        return type_failed(run, n, i, path);
    }
    if (__builtin_expect((r->has & RULES_VALUE) != 0, 0) && !check_values(run, r, i, path)) {
        return false;
    }
    if (types == JSON_SCHEMA_STRING) {
        return (r->has & RULES_TEXT) == 0 || check_text(run, n, i, path);
    }
    return (types & JSON_SCHEMA_INTEGER) == 0 || check_number(run, n, i, path);
}

/* ---- objects and arrays ---- */

static bool check(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                  const struct json_schema_path *path, uint32_t *out_next);

static bool is_shadowed(const struct json_schema_run *run, uint32_t i)
{
    return run->shadowed[i / 64] >> (i % 64) & 1;
}

/* Marks the members of the object at token i that a later one of the same name
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

ptrdiff_t json_schema_meet(struct json_schema_run *run, const struct json_schema_rules *r,
                           uint32_t i, uint32_t *guess)
{
    struct str name = json_view_string(run->view, i);
    if (r->name_count == 0) {
        return -1;
    }
    if (__builtin_expect(!json_has_escape(run->view, name), 1)) {
        if (is_name(&r->names[*guess], name)) {
            return *guess;
        }
    } else if (!json_schema_text_at(run->view, i, &run->scratch, &name)) {
        run->is_nomem = run->is_nomem || run->scratch.failed;
        return -1;
    }
    ptrdiff_t found = json_schema_find_name(r, name);
    if (found >= 0) {
        *guess = (uint32_t)found;
    }
    return found;
}

static bool check_required(struct json_schema_run *run, const struct json_schema_rules *r,
                           const struct json_schema_path *path)
{
    uint64_t missing = 0;
    size_t n = 0;
    for (uint32_t w = 0; w < r->seen_count; w++) {
        missing |= r->required[w] & ~run->seen[r->seen_base + w];
    }
    if (missing == 0) {
        return true;
    }
    while (!r->names[n].is_required || (run->seen[r->seen_base + n / 64] >> (n % 64) & 1)) {
        n++;
    }
    struct str name = json_schema_cut(r->names[n].name, 80);
    return bad(run, path, "\"%.*s\" is required and missing", STR_ARGS(name));
}

/* The node for the value of the member whose name is at token i, NULL for anything. */
static const struct json_schema_node *member_node(struct json_schema_run *run,
                                                  const struct json_schema_node *n, uint32_t i,
                                                  uint32_t **guess)
{
    const struct json_schema_rules *r = n->rules;
    ptrdiff_t found = json_schema_meet(run, r, i, *guess);
    if (found < 0) {
        return n->additional;
    }
    size_t index = (size_t)found;
    run->seen[r->seen_base + index / 64] |= UINT64_C(1) << (index % 64);
    *guess = &run->follow[r->name_base + index];
    return r->names[index].node == NULL ? n->additional : r->names[index].node;
}

static bool check_object(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                         const struct json_schema_path *path, uint32_t *out_next)
{
    const struct json_view *view = run->view;
    const struct json_schema_rules *r = n->rules;
    uint32_t *guess = &run->first[n->id];
    struct json_schema_path step = {.up = path, .view = view};
    if (!mark_shadowed(run, i)) {
        return false;
    }
    memset(run->seen + r->seen_base, 0, r->seen_count * sizeof *run->seen);
    for (i++; json_at(view, i) != '}'; i += json_at(view, i) == ',') {
        const struct json_schema_node *node = member_node(run, n, i, &guess);
        step.index = i;
        if (node == NULL || is_shadowed(run, i)) {
            i = json_schema_skip(view, i + 2);
        } else if (!check(run, node, i + 2, &step, &i)) {
            return false;
        }
    }
    *out_next = i + 1;
    return check_required(run, r, path);
}

static bool check_array(struct json_schema_run *run, const struct json_schema_node *n, uint32_t i,
                        const struct json_schema_path *path, uint32_t *out_next)
{
    const struct json_view *view = run->view;
    const struct json_schema_rules *r = n->rules;
    struct json_schema_path step = {.up = path};
    uint64_t count = 0;
    for (i++; json_at(view, i) != ']'; i += json_at(view, i) == ',') {
        step.index = count++;
        if (n->items == NULL) {
            i = json_schema_skip(view, i);
        } else if (!check(run, n->items, i, &step, &i)) {
            return false;
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
    char c = json_at(run->view, i);
    if (!json_schema_check_shallow(run, n, i, path)) {
        return false;
    }
    if (c == '{' && (n->rules->has & RULE_NAMES)) {
        return check_object(run, n, i, path, out_next);
    }
    if (c == '[' && (n->rules->has & RULES_ARRAY)) {
        return check_array(run, n, i, path, out_next);
    }
    *out_next = json_schema_skip(run->view, i);
    return true;
}

bool json_schema_run_is_costly(const struct json_schema_run *run)
{
    const struct json_schema *s = run->schema;
    size_t simple = 0;
    while (simple < s->pattern_count && json_schema_pattern_simple(s->patterns[simple]) != NULL) {
        simple++;
    }
    return simple < s->pattern_count;
}

/* ---- one event ---- */

void json_schema_run_begin(struct json_schema_run *run, const struct json_view *view)
{
    uint64_t bytes = view->at[view->count - 1] - view->at[0];
    run->view = view;
    run->is_nomem = false;
    run->budget = BUDGET_STEPS + BUDGET_PER_BYTE * bytes;
}

enum json_schema_verdict json_schema_check_exactly(struct json_schema_run *run,
                                                   const struct json_view *view, uint32_t i,
                                                   struct json_schema_finding *finding)
{
    const struct json_schema_path root = {0};
    uint32_t next = 0;
    json_schema_run_begin(run, view);
    run->shadowed = calloc(view->count / 64 + 1, sizeof *run->shadowed);
    if (run->shadowed == NULL) {
        return JSON_SCHEMA_NOMEM;
    }
    run->is_worded = true;
    run->finding = finding;
    bool ok = check(run, run->schema->root, i, &root, &next);
    free(run->shadowed);
    run->shadowed = NULL;
    run->is_worded = false;
    run->finding = NULL;
    return run->is_nomem ? JSON_SCHEMA_NOMEM : ok ? JSON_SCHEMA_VALID : JSON_SCHEMA_BAD;
}

enum json_schema_verdict json_schema_check(struct json_schema_run *run,
                                           const struct json_view *view, uint32_t i,
                                           struct json_schema_finding *finding)
{
    struct json_schema_look look = {.depth_max = EVENT_DEPTH_MAX};
    if (__builtin_expect(json_schema_walk(run, view, i, &look) != 0, 1)) {
        return JSON_SCHEMA_VALID;
    }
    return json_schema_check_exactly(run, view, i, finding);
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
