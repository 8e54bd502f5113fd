/* SPDX-License-Identifier: MIT */
/* json_schema_compare.c - may one schema follow another as the schema of a topic?
 *
 * It may when every event that the older one took is taken by the newer one and lands in the same
 * columns:
 *   properties   may be added, as long as they are optional; none goes
 *   type         stays; null may be added
 *   everything else may be relaxed or left out, not narrowed
 * An object within the event that had no properties keeps none, since its column holds text.
 * One exception is meant: a field that the older schema did not name may have held anything, and
 * the newer one may name it and say what it holds.
 *
 * Pointers are into the newer document, but for what it lacks. */
#include "flow/json_schema_int.h"

/* Always false. `keyword` NULL: the place itself. */
__attribute__((format(printf, 4, 5))) static bool differs(struct json_schema_finding *finding,
                                                          const struct json_schema_path *path,
                                                          const char *keyword, const char *format,
                                                          ...)
{
    struct json_schema_path step = {.up = path, .name = str_from(keyword)};
    va_list args;
    va_start(args, format);
    json_schema_find(finding, keyword == NULL ? path : &step, format, args);
    va_end(args);
    return false;
}

static bool compare(struct json_schema_finding *finding, const struct json_schema_path *path,
                    const struct json_schema_node *a, const struct json_schema_node *b);

/* ---- numbers ---- */

/* Where the values of a node begin: the larger of its two lower bounds. */
static const struct json_decimal *lower(const struct json_schema_rules *r, bool *is_open)
{
    bool has_open = (r->has & RULE_EXCLUSIVE_MINIMUM) != 0;
    bool has_closed = (r->has & RULE_MINIMUM) != 0;
    *is_open =
        has_open && (!has_closed || json_decimal_compare(&r->exclusive_minimum, &r->minimum) >= 0);
    return *is_open ? &r->exclusive_minimum : has_closed ? &r->minimum : NULL;
}

static const struct json_decimal *upper(const struct json_schema_rules *r, bool *is_open)
{
    bool has_open = (r->has & RULE_EXCLUSIVE_MAXIMUM) != 0;
    bool has_closed = (r->has & RULE_MAXIMUM) != 0;
    *is_open =
        has_open && (!has_closed || json_decimal_compare(&r->exclusive_maximum, &r->maximum) <= 0);
    return *is_open ? &r->exclusive_maximum : has_closed ? &r->maximum : NULL;
}

static bool compare_numbers(struct json_schema_finding *finding,
                            const struct json_schema_path *path, const struct json_schema_rules *a,
                            const struct json_schema_rules *b)
{
    bool a_open = false;
    bool b_open = false;
    const struct json_decimal *from = lower(a, &a_open);
    const struct json_decimal *to = lower(b, &b_open);
    int order = from == NULL || to == NULL ? 0 : json_decimal_compare(to, from);
    if (to != NULL && (from == NULL || order > 0 || (order == 0 && b_open && !a_open))) {
        return differs(finding, path, b_open ? "exclusiveMinimum" : "minimum",
                       "numbers that were good would be too low");
    }
    from = upper(a, &a_open);
    to = upper(b, &b_open);
    order = from == NULL || to == NULL ? 0 : json_decimal_compare(to, from);
    if (to != NULL && (from == NULL || order < 0 || (order == 0 && b_open && !a_open))) {
        return differs(finding, path, b_open ? "exclusiveMaximum" : "maximum",
                       "numbers that were good would be too high");
    }
    if ((b->has & RULE_MULTIPLE_OF) &&
        ((a->has & RULE_MULTIPLE_OF) == 0 ||
         !json_decimal_is_multiple(&a->multiple_of, &b->multiple_of))) {
        return differs(finding, path, "multipleOf",
                       "numbers that were good would not be multiples");
    }
    return true;
}

/* ---- text and arrays ---- */

static bool compare_count(struct json_schema_finding *finding, const struct json_schema_path *path,
                          const char *keyword, bool had, uint64_t a, bool has, uint64_t b,
                          bool is_lower)
{
    if (!has || (is_lower && b == 0) || (had && (is_lower ? b <= a : b >= a))) {
        return true;
    }
    return differs(finding, path, keyword, "what was good would be too %s",
                   is_lower ? "short" : "long");
}

static bool compare_text(struct json_schema_finding *finding, const struct json_schema_path *path,
                         const struct json_schema_node *a, const struct json_schema_node *b)
{
    const struct json_schema_rules *p = a->rules;
    const struct json_schema_rules *q = b->rules;
    if (!compare_count(finding, path, "minLength", p->has & RULE_MIN_LENGTH, p->min_length,
                       q->has & RULE_MIN_LENGTH, q->min_length, true) ||
        !compare_count(finding, path, "maxLength", p->has & RULE_MAX_LENGTH, p->max_length,
                       q->has & RULE_MAX_LENGTH, q->max_length, false)) {
        return false;
    }
    if ((q->has & RULE_PATTERN) &&
        ((p->has & RULE_PATTERN) == 0 || !str_eq(p->pattern_text, q->pattern_text))) {
        return differs(finding, path, "pattern", "a pattern may be left out, not changed or added");
    }
    bool is_typed =
        a->format == JSON_SCHEMA_FORMAT_DATE_TIME || a->format == JSON_SCHEMA_FORMAT_DATE;
    if (a->format != b->format && (b->format != JSON_SCHEMA_FORMAT_NONE || is_typed)) {
        return is_typed && b->format == JSON_SCHEMA_FORMAT_NONE
                   ? differs(finding, path, NULL,
                             "the format %s decides the column's type and must stay",
                             json_schema_format_name(a->format))
                   : differs(finding, path, "format",
                             "a format may be left out, not changed or added");
    }
    return true;
}

static bool compare_arrays(struct json_schema_finding *finding, const struct json_schema_path *path,
                           const struct json_schema_node *a, const struct json_schema_node *b)
{
    const struct json_schema_rules *p = a->rules;
    const struct json_schema_rules *q = b->rules;
    struct json_schema_path step = {.up = path, .name = STR("items")};
    if (!compare_count(finding, path, "minItems", p->has & RULE_MIN_ITEMS, p->min_items,
                       q->has & RULE_MIN_ITEMS, q->min_items, true) ||
        !compare_count(finding, path, "maxItems", p->has & RULE_MAX_ITEMS, p->max_items,
                       q->has & RULE_MAX_ITEMS, q->max_items, false)) {
        return false;
    }
    if (a->items == NULL && b->items == NULL) {
        return true;
    }
    if (a->items == NULL || b->items == NULL) {
        return differs(finding, path, b->items == NULL ? NULL : "items",
                       "what the items are must stay as it is declared");
    }
    return compare(finding, &step, a->items, b->items);
}

/* ---- values ---- */

static bool has_value(const struct json_schema_rules *r, const struct json_schema_value *v)
{
    return ((r->has & RULE_ENUM) == 0 || json_schema_enum_has_value(r->enumeration, v)) &&
           ((r->has & RULE_CONST) == 0 || json_schema_value_equal(r->constant, v));
}

static bool compare_values(struct json_schema_finding *finding, const struct json_schema_path *path,
                           const struct json_schema_rules *a, const struct json_schema_rules *b)
{
    const char *keyword = b->has & RULE_CONST ? "const" : "enum";
    if ((b->has & RULES_VALUE) == 0) {
        return true;
    }
    if ((a->has & RULES_VALUE) == 0) {
        return differs(finding, path, keyword, "values that were good would not be listed");
    }
    const struct json_schema_value *values =
        a->has & RULE_CONST ? a->constant : a->enumeration->values;
    size_t count = a->has & RULE_CONST ? 1 : a->enumeration->count;
    for (size_t i = 0; i < count; i++) {
        if (has_value(a, &values[i]) && !has_value(b, &values[i])) {
            return differs(finding, path, keyword, "a value that was good would not be listed");
        }
    }
    return true;
}

/* ---- names ---- */

static const struct json_schema_name *find(const struct json_schema_node *n, struct str name)
{
    ptrdiff_t at = json_schema_find_name(n->rules, name);
    return at < 0 ? NULL : &n->rules->names[at];
}

static bool compare_required(struct json_schema_finding *finding,
                             const struct json_schema_path *path, const struct json_schema_node *a,
                             const struct json_schema_node *b)
{
    for (size_t i = 0; i < b->rules->name_count; i++) {
        const struct json_schema_name *name = &b->rules->names[i];
        const struct json_schema_name *old = find(a, name->name);
        if (name->is_required && (old == NULL || !old->is_required)) {
            struct str cut = json_schema_cut(name->name, 80);
            return differs(finding, path, "required",
                           "\"%.*s\" was not required and must stay optional", STR_ARGS(cut));
        }
    }
    return true;
}

static bool compare_properties(struct json_schema_finding *finding,
                               const struct json_schema_path *path,
                               const struct json_schema_node *a, const struct json_schema_node *b)
{
    struct json_schema_path properties = {.up = path, .name = STR("properties")};
    bool is_text = (a->types & ~JSON_SCHEMA_NULL) == JSON_SCHEMA_OBJECT && a->property_count == 0;
    if (path->up != NULL && is_text && b->property_count > 0) {
        return differs(finding, path, "properties",
                       "an object without properties has a column of text, and would need another");
    }
    for (size_t i = 0; i < a->property_count; i++) {
        const struct json_schema_property *old = &a->properties[i];
        const struct json_schema_name *name = find(b, old->name);
        struct json_schema_path step = {.up = &properties, .name = old->name};
        if (name == NULL || name->node == NULL) {
            return differs(finding, &step, NULL, "the property was declared and must stay");
        }
        if (!compare(finding, &step, old->node, name->node)) {
            return false;
        }
    }
    for (size_t i = 0; i < b->property_count && a->additional != NULL; i++) {
        const struct json_schema_property *added = &b->properties[i];
        const struct json_schema_name *name = find(a, added->name);
        struct json_schema_path step = {.up = &properties, .name = added->name};
        bool is_new = name == NULL || name->node == NULL;
        if (is_new && !a->additional->is_false &&
            !compare(finding, &step, a->additional, added->node)) {
            return false;
        }
    }
    return true;
}

static bool compare_additional(struct json_schema_finding *finding,
                               const struct json_schema_path *path,
                               const struct json_schema_node *a, const struct json_schema_node *b)
{
    struct json_schema_path step = {.up = path, .name = STR("additionalProperties")};
    if (b->additional == NULL) {
        return true;
    }
    if (a->additional == NULL) {
        return differs(finding, &step, NULL, "fields that were good would not be allowed any more");
    }
    return compare(finding, &step, a->additional, b->additional);
}

/* ---- one schema ---- */

static bool compare_types(struct json_schema_finding *finding, const struct json_schema_path *path,
                          const struct json_schema_node *a, const struct json_schema_node *b)
{
    uint8_t lost = a->types & (uint8_t)~b->types;
    uint8_t gained = b->types & (uint8_t)~a->types & (uint8_t)~JSON_SCHEMA_NULL;
    if (b->is_false) {
        return differs(finding, path, NULL, "nothing would be allowed any more");
    }
    if (path->up == NULL && (a->types & b->types & JSON_SCHEMA_OBJECT)) {
        return true; /* an event is an object, whether the schema says so or not */
    }
    if (a->types != JSON_SCHEMA_ANY && b->types == JSON_SCHEMA_ANY) {
        return differs(finding, path, NULL, "the type was declared and must stay");
    }
    if (gained != 0) {
        return differs(finding, path, "type",
                       "a type may not become another; only null can be added");
    }
    return lost == 0 ||
           differs(finding, path, "type", "a type that was good may not be taken away");
}

static bool compare(struct json_schema_finding *finding, const struct json_schema_path *path,
                    const struct json_schema_node *a, const struct json_schema_node *b)
{
    if (a->is_false) {
        return true; /* nothing was good */
    }
    if (!compare_types(finding, path, a, b) || !compare_values(finding, path, a->rules, b->rules)) {
        return false;
    }
    if ((a->types & JSON_SCHEMA_INTEGER) && !compare_numbers(finding, path, a->rules, b->rules)) {
        return false;
    }
    if ((a->types & JSON_SCHEMA_STRING) && !compare_text(finding, path, a, b)) {
        return false;
    }
    if ((a->types & JSON_SCHEMA_ARRAY) && !compare_arrays(finding, path, a, b)) {
        return false;
    }
    return (a->types & JSON_SCHEMA_OBJECT) == 0 ||
           (compare_required(finding, path, a, b) && compare_properties(finding, path, a, b) &&
            compare_additional(finding, path, a, b));
}

bool json_schema_compatible(const struct json_schema *older, const struct json_schema *newer,
                            struct json_schema_finding *out_finding)
{
    struct json_schema_path root = {0};
    return compare(out_finding, &root, older->root, newer->root);
}
