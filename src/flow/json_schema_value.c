/* SPDX-License-Identifier: MIT */
/* json_schema_value.c - exact decimals, the values of enum and const, JSON pointers.
 *
 * Two numbers are equal when they are the same decimal, however they are written: 1, 1.0 and
 * 10e-1. Nothing is rounded; exponents beyond 10^15 are taken as 10^15, which no text of a
 * schema's size can tell apart. */
#include <stdlib.h>

#include "base/hash.h"
#include "flow/json_schema_int.h"

enum { SMALL_DIGITS = 19 };
static const int64_t EXPONENT_MAX = INT64_C(1000000000000000);

/* ---- decimals ---- */

static int64_t read_exponent(const char *p)
{
    bool negative = *p == '-';
    int64_t exponent = 0;
    p += *p == '-' || *p == '+';
    for (; json_digit(*p) <= 9; p++) {
        exponent = MIN(exponent * 10 + json_digit(*p), EXPONENT_MAX);
    }
    return negative ? -exponent : exponent;
}

void json_decimal_read(const char *p, struct json_decimal *out_decimal)
{
    struct json_decimal d = {.is_negative = *p == '-', .text = p};
    bool in_fraction = false;
    size_t zeros = 0; /* since the last digit that is none */
    for (p += d.is_negative; json_digit(*p) <= 9 || *p == '.'; p++) {
        if (*p == '.') {
            in_fraction = true;
            continue;
        }
        bool is_leading = d.first == NULL && *p == '0';
        if (!is_leading) {
            d.first = d.first == NULL ? p : d.first;
            d.magnitude += !in_fraction;
            zeros++;
            if (*p != '0') {
                d.count += zeros;
                zeros = 0;
            }
        } else {
            d.magnitude -= in_fraction;
        }
    }
    if (d.count == 0) {
        *out_decimal = (struct json_decimal){.is_small = true, .text = d.text};
        return;
    }
    if (*p == 'e' || *p == 'E') {
        d.magnitude += read_exponent(p + 1);
    }
    d.is_small = d.count <= SMALL_DIGITS;
    if (d.is_small) {
        const char *digit = d.first;
        for (size_t i = 0; i < d.count; digit++) {
            if (*digit != '.') {
                d.mantissa = d.mantissa * 10 + json_digit(*digit);
                i++;
            }
        }
        d.exponent = d.magnitude - (int64_t)d.count;
    }
    *out_decimal = d;
}

static int compare_digits(const struct json_decimal *a, const struct json_decimal *b)
{
    const char *p = a->first;
    const char *q = b->first;
    for (size_t i = 0; i < MIN(a->count, b->count); i++) {
        p += *p == '.';
        q += *q == '.';
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
        p++;
        q++;
    }
    return a->count == b->count ? 0 : a->count < b->count ? -1 : 1;
}

int json_decimal_compare(const struct json_decimal *a, const struct json_decimal *b)
{
    if (a->count == 0 || b->count == 0 || a->is_negative != b->is_negative) {
        int left = a->count == 0 ? 0 : a->is_negative ? -1 : 1;
        int right = b->count == 0 ? 0 : b->is_negative ? -1 : 1;
        return left == right ? 0 : left < right ? -1 : 1;
    }
    int order = a->magnitude == b->magnitude  ? compare_digits(a, b)
                : a->magnitude < b->magnitude ? -1
                                              : 1;
    return a->is_negative ? -order : order;
}

bool json_decimal_is_integer(const struct json_decimal *d)
{
    return d->count == 0 || d->magnitude >= (int64_t)d->count;
}

static uint64_t mod_multiply(uint64_t a, uint64_t b, uint64_t m)
{
    return (a | b) >> 32 == 0 ? a * b % m : (uint64_t)((unsigned __int128)a * b % m);
}

/* The digits as a whole number, modulo m. */
static uint64_t digits_modulo(const struct json_decimal *d, uint64_t m)
{
    if (d->is_small) {
        return d->mantissa % m;
    }
    uint64_t rest = 0;
    const char *digit = d->first;
    for (size_t i = 0; i < d->count; digit++) {
        if (*digit != '.') {
            rest = (uint64_t)(((unsigned __int128)rest * 10 + json_digit(*digit)) % m);
            i++;
        }
    }
    return rest;
}

bool json_decimal_is_multiple(const struct json_decimal *d, const struct json_decimal *of)
{
    ASSERT(of->is_small);
    ASSERT(of->count > 0);
    /* The last digit is no zero, so a power of ten that is missing cannot come out of the digits.
     */
    int64_t exponent = d->magnitude - (int64_t)d->count - of->exponent;
    if (d->count == 0 || exponent < 0) {
        return d->count == 0;
    }
    uint64_t m = of->mantissa;
    uint64_t rest = digits_modulo(d, m);
    for (uint64_t power = 10 % m; exponent > 0 && rest != 0; exponent >>= 1) {
        rest = exponent & 1 ? mod_multiply(rest, power, m) : rest;
        power = mod_multiply(power, power, m);
    }
    return rest == 0;
}

uint64_t json_decimal_count(const struct json_decimal *d)
{
    uint64_t value = d->mantissa;
    if (!d->is_small || d->exponent > SMALL_DIGITS) {
        return UINT64_MAX;
    }
    for (int64_t i = 0; i < d->exponent; i++) {
        if (__builtin_mul_overflow(value, 10, &value)) {
            return UINT64_MAX;
        }
    }
    return value;
}

uint64_t json_decimal_hash(const struct json_decimal *d)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)d->magnitude; /* FNV-1a */
    const char *digit = d->first;
    for (size_t i = 0; i < d->count; digit++) {
        if (*digit != '.') {
            hash = (hash ^ (unsigned char)*digit) * UINT64_C(1099511628211);
            i++;
        }
    }
    return (hash ^ d->is_negative) * UINT64_C(1099511628211);
}

/* ---- tokens ---- */

uint32_t json_schema_skip(const struct json_view *view, uint32_t i)
{
    uint32_t depth = 0;
    do {
        char c = json_at(view, i);
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        i++;
    } while (depth > 0);
    return i;
}

size_t json_schema_count(const struct json_view *view, uint32_t i)
{
    bool is_object = json_at(view, i) == '{';
    size_t count = 0;
    i++;
    while (json_at(view, i) != '}' && json_at(view, i) != ']') {
        count++;
        i = json_schema_skip(view, is_object ? i + 2 : i);
        i += json_at(view, i) == ',';
    }
    return count;
}

bool json_schema_text_at(const struct json_view *view, uint32_t i, struct buf *scratch,
                         struct str *out_text)
{
    struct str inside = json_view_string(view, i);
    if (json_has_escape(view, inside)) {
        buf_reset(scratch);
        if (!json_unescape(inside, scratch)) {
            return false;
        }
        inside = str_of(scratch->len == 0 ? "" : scratch->data, scratch->len);
    }
    *out_text = inside;
    return true;
}

/* ---- values ---- */

struct reader {
    struct arena *arena;
    const struct json_view *view;
    uint32_t *slots;
    bool bad_text;
    struct buf scratch; /* owned */
};

static bool read_text(struct reader *r, uint32_t i, struct str *out_text)
{
    struct str text;
    if (!json_schema_text_at(r->view, i, &r->scratch, &text)) {
        r->bad_text = !r->scratch.failed;
        return false;
    }
    *out_text = arena_dup(r->arena, text);
    return out_text->ptr != NULL;
}

struct member {
    struct str name;
    uint32_t value; /* token */
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    int order = str_cmp(x->name, y->name);
    return order != 0 ? order : x->value < y->value ? -1 : x->value > y->value;
}

static bool read_value(struct reader *r, uint32_t i, struct json_schema_value *v);

static bool read_members(struct reader *r, struct member *members, size_t count, uint32_t i)
{
    for (size_t n = 0; n < count; n++) {
        members[n].value = i + 2;
        if (!read_text(r, i, &members[n].name)) {
            return false;
        }
        i = json_schema_skip(r->view, i + 2) + 1;
    }
    qsort(members, count, sizeof *members, compare_members);
    return true;
}

static bool read_object(struct reader *r, struct json_schema_value *v, uint32_t i, size_t count)
{
    struct member *members = arena_alloc(r->arena, MAX(count, 1) * sizeof *members);
    v->items = arena_alloc(r->arena, MAX(count, 1) * sizeof *v->items);
    v->names = arena_alloc(r->arena, MAX(count, 1) * sizeof *v->names);
    if (members == NULL || v->items == NULL || v->names == NULL ||
        !read_members(r, members, count, i + 1)) {
        return false;
    }
    for (size_t n = 0; n < count; n++) {
        if (n + 1 < count && str_eq(members[n].name, members[n + 1].name)) {
            continue; /* the last counts, and is sorted last */
        }
        v->names[v->count] = members[n].name;
        if (!read_value(r, members[n].value, &v->items[v->count++])) {
            return false;
        }
    }
    v->slot = *r->slots;
    *r->slots += (uint32_t)v->count;
    return true;
}

static bool read_array(struct reader *r, struct json_schema_value *v, uint32_t i, size_t count)
{
    v->items = arena_alloc(r->arena, MAX(count, 1) * sizeof *v->items);
    if (v->items == NULL) {
        return false;
    }
    for (i++; v->count < count; i = json_schema_skip(r->view, i) + 1) {
        if (!read_value(r, i, &v->items[v->count++])) {
            return false;
        }
    }
    return true;
}

static bool read_value(struct reader *r, uint32_t i, struct json_schema_value *v)
{
    v->kind = json_at(r->view, i);
    switch (v->kind) {
    case 'n':
    case 't':
    case 'f':
        return true;
    case '"':
        return read_text(r, i, &v->text);
    case '{':
        return read_object(r, v, i, json_schema_count(r->view, i));
    case '[':
        return read_array(r, v, i, json_schema_count(r->view, i));
    default:
        v->kind = '0';
        json_decimal_read(r->view->base + r->view->at[i], &v->number);
        return true;
    }
}

bool json_schema_value_read(struct arena *arena, const struct json_view *view, uint32_t i,
                            uint32_t *slots, struct json_schema_value *out_value,
                            bool *out_bad_text)
{
    struct reader r = {arena, view, slots, false, buf_make(JSON_SCHEMA_BYTES_MAX)};
    *out_value = (struct json_schema_value){0};
    bool ok = read_value(&r, i, out_value);
    *out_bad_text = r.bad_text;
    buf_deinit(&r.scratch);
    return ok;
}

bool json_schema_value_equal(const struct json_schema_value *a, const struct json_schema_value *b)
{
    if (a->kind != b->kind || a->count != b->count) {
        return false;
    }
    if (a->kind == '"') {
        return str_eq(a->text, b->text);
    }
    if (a->kind == '0') {
        return json_decimal_compare(&a->number, &b->number) == 0;
    }
    for (size_t i = 0; i < a->count; i++) {
        if ((a->kind == '{' && !str_eq(a->names[i], b->names[i])) ||
            !json_schema_value_equal(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

static ptrdiff_t find_sorted(const struct json_schema_value *object, struct str name)
{
    size_t low = 0;
    size_t high = object->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(name, object->names[middle]);
        if (order == 0) {
            return (ptrdiff_t)middle;
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return -1;
}

static bool object_is(const struct json_schema_value *value, const struct json_view *view,
                      uint32_t i, uint32_t *slots, struct buf *scratch)
{
    uint32_t *found = slots + value->slot; /* tokens of the members; 0: not there */
    size_t found_count = 0;
    if (value->count > 0) {
        memset(found, 0, value->count * sizeof *found);
    }
    for (i++; json_at(view, i) != '}'; i += json_at(view, i) == ',') {
        struct str name;
        if (!json_schema_text_at(view, i, scratch, &name)) {
            return false;
        }
        ptrdiff_t n = find_sorted(value, name);
        if (n < 0) {
            return false;
        }
        found_count += found[n] == 0;
        found[n] = i + 2;
        i = json_schema_skip(view, i + 2);
    }
    if (found_count != value->count) {
        return false;
    }
    for (size_t n = 0; n < value->count; n++) {
        if (!json_schema_value_is(&value->items[n], view, found[n], slots, scratch)) {
            return false;
        }
    }
    return true;
}

static bool array_is(const struct json_schema_value *value, const struct json_view *view,
                     uint32_t i, uint32_t *slots, struct buf *scratch)
{
    i++;
    for (size_t n = 0; n < value->count; n++) {
        if (json_at(view, i) == ']' ||
            !json_schema_value_is(&value->items[n], view, i, slots, scratch)) {
            return false;
        }
        i = json_schema_skip(view, i);
        i += json_at(view, i) == ',';
    }
    return json_at(view, i) == ']';
}

bool json_schema_value_is(const struct json_schema_value *value, const struct json_view *view,
                          uint32_t i, uint32_t *slots, struct buf *scratch)
{
    char c = json_at(view, i);
    bool is_number = c == '-' || json_digit(c) <= 9;
    if (value->kind != (is_number ? '0' : c)) {
        return false;
    }
    struct str text;
    struct json_decimal number;
    switch (value->kind) {
    case '"':
        return json_schema_text_at(view, i, scratch, &text) && str_eq(text, value->text);
    case '0':
        json_decimal_read(view->base + view->at[i], &number);
        return json_decimal_compare(&number, &value->number) == 0;
    case '{':
        return object_is(value, view, i, slots, scratch);
    case '[':
        return array_is(value, view, i, slots, scratch);
    default:
        return true;
    }
}

/* ---- enum ---- */

static bool is_hashed(char kind)
{
    return kind == '"' || kind == '0';
}

static uint64_t hash_of(const struct json_schema_value *v)
{
    return v->kind == '"' ? hash_xxh3(v->text) : json_decimal_hash(&v->number);
}

/* The texts' tails, when a walk over them is quicker than a hash. */
static bool index_tails(struct arena *arena, struct json_schema_enum *e)
{
    size_t count = 0;
    bool fits = true;
    for (size_t i = 0; i < e->count; i++) {
        struct str text = e->values[i].text;
        if (e->values[i].kind == '"') {
            count++;
            fits = fits && text.len <= KEY_EXACT && memchr(text.ptr, '\0', text.len) == NULL;
        }
    }
    if (!fits || count > ENUM_TAILS_MAX || count == 0) {
        return true;
    }
    e->tails = arena_alloc(arena, count * sizeof *e->tails);
    for (size_t i = 0; e->tails != NULL && i < e->count; i++) {
        if (e->values[i].kind == '"') {
            e->tails[e->tail_count++] = json_schema_tail_of(e->values[i].text, 0);
        }
    }
    return e->tails != NULL;
}

bool json_schema_enum_index(struct arena *arena, struct json_schema_enum *e)
{
    size_t size = 4;
    while (size < e->count * 2) {
        size *= 2;
    }
    e->mask = size - 1;
    e->table = arena_alloc(arena, size * sizeof *e->table);
    e->others = arena_alloc(arena, MAX(e->count, 1) * sizeof *e->others);
    if (e->table == NULL || e->others == NULL || !index_tails(arena, e)) {
        return false;
    }
    for (size_t i = 0; i < e->count; i++) {
        if (!is_hashed(e->values[i].kind)) {
            e->others[e->other_count++] = (uint32_t)i;
            continue;
        }
        size_t at = hash_of(&e->values[i]) & e->mask;
        while (e->table[at] != 0 &&
               !json_schema_value_equal(&e->values[e->table[at] - 1], &e->values[i])) {
            at = (at + 1) & e->mask;
        }
        if (e->table[at] == 0) { /* one of equal values is enough */
            e->table[at] = (uint32_t)i + 1;
        }
    }
    return true;
}

bool json_schema_enum_has_value(const struct json_schema_enum *e,
                                const struct json_schema_value *value)
{
    if (is_hashed(value->kind)) {
        size_t at = hash_of(value) & e->mask;
        for (; e->table[at] != 0; at = (at + 1) & e->mask) {
            if (json_schema_value_equal(&e->values[e->table[at] - 1], value)) {
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < e->other_count; i++) {
        if (json_schema_value_equal(&e->values[e->others[i]], value)) {
            return true;
        }
    }
    return false;
}

static bool has_text(const struct json_schema_enum *e, const struct json_view *view, uint32_t i,
                     struct buf *scratch)
{
    struct json_schema_value value = {.kind = '"'};
    if (!json_schema_text_at(view, i, scratch, &value.text)) {
        return false;
    }
    return json_schema_enum_has_value(e, &value);
}

bool json_schema_enum_has(const struct json_schema_enum *e, const struct json_view *view,
                          uint32_t i, uint32_t *slots, struct buf *scratch)
{
    char c = json_at(view, i);
    if (c == '"') {
        return has_text(e, view, i, scratch);
    }
    struct json_schema_value value = {.kind = c};
    if (c == '-' || json_digit(c) <= 9) {
        value.kind = '0';
        json_decimal_read(view->base + view->at[i], &value.number);
        return json_schema_enum_has_value(e, &value);
    }
    for (size_t n = 0; n < e->other_count; n++) {
        if (json_schema_value_is(&e->values[e->others[n]], view, i, slots, scratch)) {
            return true;
        }
    }
    return false;
}

/* ---- pointers ---- */

struct str json_schema_cut(struct str text, size_t max)
{
    if (text.len > max) {
        text.len = max;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }
    return text;
}

static void add_step(struct buf *out, const struct json_schema_path *step)
{
    AUTO_BUF plain = buf_make(JSON_SCHEMA_BYTES_MAX);
    struct str name = step->name;
    if (step->view != NULL) {
        name = json_view_string(step->view, (uint32_t)step->index);
        if (memchr(name.ptr, '\\', name.len) != NULL && json_unescape(name, &plain)) {
            name = buf_str(&plain);
        }
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/') {
            (void)buf_puts(out, name.ptr[i] == '~' ? "~0" : "~1"); /* sticky, here and below */
        } else {
            (void)buf_add_byte(out, name.ptr[i]);
        }
    }
}

void json_schema_pointer(const struct json_schema_path *path, char *out, size_t size)
{
    enum { STEPS_MAX = JSON_SCHEMA_DEPTH_MAX * 2 + 2 };
    const struct json_schema_path *steps[STEPS_MAX];
    size_t count = 0;
    size_t len = 0;
    for (; path != NULL && path->up != NULL && count < STEPS_MAX; path = path->up) {
        steps[count++] = path;
    }
    while (count > 0) {
        const struct json_schema_path *step = steps[--count];
        AUTO_BUF text = buf_make((size_t)JSON_SCHEMA_BYTES_MAX * 8);
        (void)buf_add_byte(&text, '/'); /* sticky */
        if (step->view == NULL && step->name.ptr == NULL) {
            (void)buf_add_u64(&text, step->index); /* sticky */
        } else {
            add_step(&text, step);
        }
        struct str cut = json_schema_cut(buf_str(&text), size - 1 - len);
        memcpy(out + len, cut.ptr, cut.len);
        len += cut.len;
        if (cut.len < text.len) {
            break; /* a longer pointer is cut: what follows would point elsewhere */
        }
    }
    out[len] = '\0';
}

void json_schema_find(struct json_schema_finding *finding, const struct json_schema_path *path,
                      const char *format, va_list args)
{
    if (finding == NULL) {
        return;
    }
    char words[sizeof finding->reason * 2];
    int len = vsnprintf(words, sizeof words, format, args);
    struct str text = str_of(words, (size_t)MIN(MAX(len, 0), (int)sizeof words - 1));
    text = json_schema_cut(text, sizeof finding->reason - 1);
    memcpy(finding->reason, text.ptr, text.len);
    finding->reason[text.len] = '\0';
    json_schema_pointer(path, finding->pointer, sizeof finding->pointer);
}
