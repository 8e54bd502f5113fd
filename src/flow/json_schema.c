/* SPDX-License-Identifier: MIT */
/* json_schema.c - compiles a JSON Schema document into the tree of json_schema.h.
 *
 * The document is checked to be JSON, stripped of white space, indexed as events are, and read
 * keyword by keyword through a table. Everything lives in one arena but the patterns. Every limit
 * is checked before memory is taken for what it limits. */
#include "flow/json_schema.h"

#include "base/hash.h"
#include "flow/json_schema_int.h"

enum { ARENA_BYTES_MAX = 64 << 20 };

struct compiler {
    struct json_schema *schema; /* being made */
    struct json_view view;
    struct json_schema_finding *finding; /* may be NULL */
    struct buf scratch;                  /* owned */
};

/* A schema that is being read. */
struct frame {
    struct compiler *c;
    const struct json_schema_path *path;
    struct json_schema_node *node;
    struct json_schema_rules *rules;
    uint32_t properties; /* token of its value; 0: none */
    uint32_t required;
};

struct keyword {
    const char *name;
    err (*read)(struct frame *f, uint32_t value);
};

/* ---- errors ---- */

__attribute__((format(printf, 4, 5))) static err fail(const struct compiler *c,
                                                      const struct json_schema_path *path, err e,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_schema_find(c->finding, path, format, args);
    va_end(args);
    return e;
}

static err no_memory(const struct frame *f)
{
    return fail(f->c, f->path, ERR_TOO_LARGE, "the schema needs too much memory");
}

static void *grab(const struct frame *f, size_t bytes)
{
    return arena_alloc(f->c->schema->arena, MAX(bytes, 1));
}

/* ---- small values ---- */

static bool is_number_at(const struct json_view *view, uint32_t i)
{
    char c = json_at(view, i);
    return c == '-' || json_digit(c) <= 9;
}

static err read_number(struct frame *f, uint32_t i, struct json_decimal *out_number)
{
    if (!is_number_at(&f->c->view, i)) {
        return fail(f->c, f->path, ERR_INVALID, "must be a number");
    }
    json_decimal_read(f->c->view.base + f->c->view.at[i], out_number);
    int64_t reach = 1000000;
    if (out_number->magnitude > reach || out_number->magnitude < -reach) {
        return fail(f->c, f->path, ERR_TOO_LARGE, "the number's exponent is beyond 1000000");
    }
    return ERR_OK;
}

static err read_count(struct frame *f, uint32_t i, uint64_t *out_count)
{
    struct json_decimal number = {0};
    TRY(read_number(f, i, &number));
    if (number.is_negative || !json_decimal_is_integer(&number)) {
        return fail(f->c, f->path, ERR_INVALID, "must be a whole number from 0 up");
    }
    *out_count = json_decimal_count(&number);
    return ERR_OK;
}

/* A string, unescaped, in the arena. */
static err read_string(struct frame *f, uint32_t i, struct str *out_text)
{
    struct str text = {0};
    if (json_at(&f->c->view, i) != '"') {
        return fail(f->c, f->path, ERR_INVALID, "must be text");
    }
    if (!json_schema_text_at(&f->c->view, i, &f->c->scratch, &text)) {
        return f->c->scratch.failed
                   ? no_memory(f)
                   : fail(f->c, f->path, ERR_INVALID, "the text holds a lone surrogate");
    }
    *out_text = arena_dup(f->c->schema->arena, text);
    return out_text->ptr == NULL ? no_memory(f) : ERR_OK;
}

static err read_value(struct frame *f, uint32_t i, struct json_schema_value *out_value)
{
    bool bad_text = false;
    if (json_schema_value_read(f->c->schema->arena, &f->c->view, i, &f->c->schema->slot_count,
                               out_value, &bad_text)) {
        return ERR_OK;
    }
    return bad_text ? fail(f->c, f->path, ERR_INVALID, "a text in it holds a lone surrogate")
                    : no_memory(f);
}

/* ---- keywords: numbers, text, values ---- */

#define NUMBER_KEYWORD(function, member, bit)                                                      \
    static err function(struct frame *f, uint32_t value)                                           \
    {                                                                                              \
        f->rules->has |= (bit);                                                                    \
        return read_number(f, value, &f->rules->member);                                           \
    }
NUMBER_KEYWORD(read_minimum, minimum, RULE_MINIMUM)
NUMBER_KEYWORD(read_maximum, maximum, RULE_MAXIMUM)
NUMBER_KEYWORD(read_exclusive_minimum, exclusive_minimum, RULE_EXCLUSIVE_MINIMUM)
NUMBER_KEYWORD(read_exclusive_maximum, exclusive_maximum, RULE_EXCLUSIVE_MAXIMUM)

#define COUNT_KEYWORD(function, member, bit)                                                       \
    static err function(struct frame *f, uint32_t value)                                           \
    {                                                                                              \
        f->rules->has |= (bit);                                                                    \
        return read_count(f, value, &f->rules->member);                                            \
    }
COUNT_KEYWORD(read_min_length, min_length, RULE_MIN_LENGTH)
COUNT_KEYWORD(read_max_length, max_length, RULE_MAX_LENGTH)
COUNT_KEYWORD(read_min_items, min_items, RULE_MIN_ITEMS)
COUNT_KEYWORD(read_max_items, max_items, RULE_MAX_ITEMS)

static err read_multiple_of(struct frame *f, uint32_t value)
{
    struct json_decimal *of = &f->rules->multiple_of;
    f->rules->has |= RULE_MULTIPLE_OF;
    TRY(read_number(f, value, of));
    if (of->is_negative || of->count == 0) {
        return fail(f->c, f->path, ERR_INVALID, "must be a number above 0");
    }
    if (!of->is_small) {
        return fail(f->c, f->path, ERR_TOO_LARGE, "multipleOf may have 19 digits at most");
    }
    return ERR_OK;
}

static err read_pattern(struct frame *f, uint32_t value)
{
    struct json_schema *s = f->c->schema;
    struct errmsg msg = {0};
    TRY(read_string(f, value, &f->rules->pattern_text));
    if (s->pattern_count == JSON_SCHEMA_PATTERNS_MAX) {
        return fail(f->c, f->path, ERR_TOO_LARGE, "a schema may have %d patterns",
                    JSON_SCHEMA_PATTERNS_MAX);
    }
    err e = json_schema_pattern_new(f->rules->pattern_text, &f->rules->pattern, &msg);
    if (e != ERR_OK) {
        return fail(f->c, f->path, e, "%s", msg.text);
    }
    s->patterns[s->pattern_count++] = f->rules->pattern;
    f->rules->has |= RULE_PATTERN;
    return ERR_OK;
}

static err read_format(struct frame *f, uint32_t value)
{
    struct str name = {0};
    TRY(read_string(f, value, &name));
    for (int i = 1; i < JSON_SCHEMA_FORMAT_COUNT; i++) {
        if (str_is(name, json_schema_format_name((enum json_schema_format)i))) {
            f->node->format = (enum json_schema_format)i;
            f->rules->has |= RULE_FORMAT;
            return ERR_OK;
        }
    }
    name = json_schema_cut(name, 60);
    return fail(
        f->c, f->path, ERR_UNSUPPORTED,
        "the format \"%.*s\" is not supported; these are: date-time, date, time, uuid, email, "
        "ipv4, ipv6, uri",
        STR_ARGS(name));
}

static err read_enum(struct frame *f, uint32_t value)
{
    const struct json_view *view = &f->c->view;
    struct json_schema_value all;
    if (json_at(view, value) != '[') {
        return fail(f->c, f->path, ERR_INVALID, "must be a list of values");
    }
    TRY(read_value(f, value, &all));
    struct json_schema_enum *e = grab(f, sizeof *e);
    if (e == NULL) {
        return no_memory(f);
    }
    e->values = all.items;
    e->count = all.count;
    if (!json_schema_enum_index(f->c->schema->arena, e)) {
        return no_memory(f);
    }
    f->rules->enumeration = e;
    f->rules->has |= RULE_ENUM;
    return ERR_OK;
}

static err read_const(struct frame *f, uint32_t value)
{
    f->rules->constant = grab(f, sizeof *f->rules->constant);
    f->rules->has |= RULE_CONST;
    return f->rules->constant == NULL ? no_memory(f) : read_value(f, value, f->rules->constant);
}

/* ---- type ---- */

static err add_type(struct frame *f, uint32_t i, uint8_t *types)
{
    static const struct {
        const char *name;
        uint8_t bits;
    } known[] = {
        {"null", JSON_SCHEMA_NULL},       {"boolean", JSON_SCHEMA_BOOLEAN},
        {"integer", JSON_SCHEMA_INTEGER}, {"number", JSON_SCHEMA_INTEGER | JSON_SCHEMA_NUMBER},
        {"string", JSON_SCHEMA_STRING},   {"object", JSON_SCHEMA_OBJECT},
        {"array", JSON_SCHEMA_ARRAY},
    };
    struct str name = {0};
    TRY(read_string(f, i, &name));
    for (size_t n = 0; n < ARRAY_LEN(known); n++) {
        if (str_is(name, known[n].name)) {
            *types |= known[n].bits;
            return ERR_OK;
        }
    }
    name = json_schema_cut(name, 60);
    return fail(f->c, f->path, ERR_INVALID,
                "\"%.*s\" is no type; these are: null, boolean, integer, number, string, object, "
                "array",
                STR_ARGS(name));
}

static err read_type(struct frame *f, uint32_t value)
{
    const struct json_view *view = &f->c->view;
    uint8_t types = 0;
    if (json_at(view, value) != '[') {
        TRY(add_type(f, value, &types));
    } else {
        for (uint32_t i = value + 1; json_at(view, i) != ']'; i += json_at(view, i) == ',') {
            TRY(add_type(f, i, &types));
            i++;
        }
    }
    if (types == 0) {
        return fail(f->c, f->path, ERR_INVALID, "must name at least one type");
    }
    f->node->types = types;
    return ERR_OK;
}

/* ---- annotations: looked at, not used ---- */

static err read_words(struct frame *f, uint32_t value)
{
    struct str text = {0};
    return read_string(f, value, &text);
}

static err read_anything(struct frame *f, uint32_t value)
{
    (void)f;
    (void)value;
    return ERR_OK;
}

static err read_examples(struct frame *f, uint32_t value)
{
    return json_at(&f->c->view, value) == '[' ? ERR_OK
                                              : fail(f->c, f->path, ERR_INVALID, "must be a list");
}

static err read_deprecated(struct frame *f, uint32_t value)
{
    char c = json_at(&f->c->view, value);
    return c == 't' || c == 'f' ? ERR_OK
                                : fail(f->c, f->path, ERR_INVALID, "must be true or false");
}

static err read_dialect(struct frame *f, uint32_t value)
{
    struct str text = {0};
    TRY(read_string(f, value, &text));
    if (!str_is(text, "https://json-schema.org/draft/2020-12/schema") &&
        !str_is(text, "https://json-schema.org/draft/2020-12/schema#")) {
        text = json_schema_cut(text, 80);
        return fail(f->c, f->path, ERR_UNSUPPORTED,
                    "the dialect \"%.*s\" is not supported, only "
                    "https://json-schema.org/draft/2020-12/schema",
                    STR_ARGS(text));
    }
    return ERR_OK;
}

/* ---- objects and arrays ---- */

static err read_schema(struct compiler *c, const struct json_schema_path *path, uint32_t i,
                       const struct json_schema_node **out_node);

static err read_items(struct frame *f, uint32_t value)
{
    const struct json_schema_node *node = NULL;
    if (json_at(&f->c->view, value) == '[') {
        return fail(f->c, f->path, ERR_INVALID,
                    "must be a schema for every item; a list of them is not supported");
    }
    TRY(read_schema(f->c, f->path, value, &node));
    if (json_at(&f->c->view, value) != 't') { /* `true` allows everything */
        f->node->items = node;
        f->rules->has |= RULE_ITEMS;
    }
    return ERR_OK;
}

static err read_additional(struct frame *f, uint32_t value)
{
    const struct json_schema_node *node = NULL;
    TRY(read_schema(f->c, f->path, value, &node));
    if (json_at(&f->c->view, value) != 't') {
        f->node->additional = node;
        f->rules->has |= RULE_NAMES;
    }
    return ERR_OK;
}

/* The two need each other, so they are read when both are known: finish_names(). */
static err note_properties(struct frame *f, uint32_t value)
{
    if (json_at(&f->c->view, value) != '{') {
        return fail(f->c, f->path, ERR_INVALID, "must be an object of schemas by name");
    }
    f->properties = value;
    return ERR_OK;
}

static err note_required(struct frame *f, uint32_t value)
{
    if (json_at(&f->c->view, value) != '[') {
        return fail(f->c, f->path, ERR_INVALID, "must be a list of names");
    }
    f->required = value;
    return ERR_OK;
}

static uint32_t *find_slot(const struct json_schema_rules *rules, uint64_t hash, struct str name)
{
    size_t at = hash & rules->mask;
    for (;; at = (at + 1) & rules->mask) {
        uint32_t *slot = &rules->table[at];
        if (*slot == 0 ||
            (rules->names[*slot - 1].hash == hash && str_eq(rules->names[*slot - 1].name, name))) {
            return slot;
        }
    }
}

ptrdiff_t json_schema_find_name(const struct json_schema_rules *rules, struct str name)
{
    return rules->name_count == 0 ? -1 : (ptrdiff_t)*find_slot(rules, hash_xxh3(name), name) - 1;
}

static err make_table(struct frame *f, size_t count)
{
    struct json_schema_rules *rules = f->rules;
    struct json_schema *s = f->c->schema;
    if (count > JSON_SCHEMA_NAMES_MAX - (size_t)s->name_count) {
        return fail(f->c, f->path, ERR_TOO_LARGE, "a schema may have %d names in all",
                    JSON_SCHEMA_NAMES_MAX);
    }
    size_t size = 4;
    while (size < count * 2) {
        size *= 2;
    }
    rules->mask = size - 1;
    rules->table = grab(f, size * sizeof *rules->table);
    rules->names = grab(f, count * sizeof *rules->names);
    rules->name_base = s->name_count;
    s->name_count += (uint32_t)count;
    return rules->table == NULL || rules->names == NULL ? no_memory(f) : ERR_OK;
}

/* Finds or adds a name; *out_is_new says which. */
static struct json_schema_name *put_name(struct json_schema_rules *rules, struct str name,
                                         bool *out_is_new)
{
    uint64_t hash = hash_xxh3(name);
    uint32_t *slot = find_slot(rules, hash, name);
    *out_is_new = *slot == 0;
    if (*slot == 0) {
        rules->names[rules->name_count++] =
            (struct json_schema_name){.key = json_schema_key_of(name), .name = name, .hash = hash};
        *slot = (uint32_t)rules->name_count;
    }
    return &rules->names[*slot - 1];
}

static err read_properties(struct frame *f, const struct json_schema_path *path)
{
    const struct json_view *view = &f->c->view;
    struct frame inner = *f;
    for (uint32_t i = f->properties + 1; json_at(view, i) != '}'; i += json_at(view, i) == ',') {
        struct str name = {0};
        bool is_new = false;
        struct json_schema_path step = {.up = path, .view = view, .index = i};
        inner.path = &step;
        TRY(read_string(&inner, i, &name));
        struct json_schema_name *entry = put_name(f->rules, name, &is_new);
        if (!is_new) {
            return fail(f->c, &step, ERR_INVALID, "the property is declared twice");
        }
        TRY(read_schema(f->c, &step, i + 2, &entry->node));
        i = json_schema_skip(view, i + 2);
    }
    return ERR_OK;
}

static err read_required(struct frame *f, const struct json_schema_path *path)
{
    const struct json_view *view = &f->c->view;
    struct frame inner = *f;
    uint64_t index = 0;
    for (uint32_t i = f->required + 1; json_at(view, i) != ']'; i += json_at(view, i) == ',') {
        struct str name = {0};
        bool is_new = false;
        struct json_schema_path step = {.up = path, .index = index++};
        inner.path = &step;
        TRY(read_string(&inner, i, &name));
        struct json_schema_name *entry = put_name(f->rules, name, &is_new);
        if (entry->is_required) {
            return fail(f->c, &step, ERR_INVALID, "the name is required twice");
        }
        entry->is_required = true;
        f->rules->required_count++;
        i++;
    }
    return ERR_OK;
}

/* A bit for each name that must be there. */
static err finish_required(struct frame *f)
{
    struct json_schema *s = f->c->schema;
    struct json_schema_rules *rules = f->rules;
    rules->seen_count = (uint32_t)(rules->name_count + 63) / 64;
    rules->seen_base = s->seen_count;
    s->seen_count += rules->seen_count;
    rules->required = grab(f, rules->seen_count * sizeof *rules->required);
    for (size_t i = 0; rules->required != NULL && i < rules->name_count; i++) {
        rules->required[i / 64] |= (uint64_t)rules->names[i].is_required << (i % 64);
    }
    return rules->required == NULL ? no_memory(f) : ERR_OK;
}

static err finish_names(struct frame *f)
{
    const struct json_view *view = &f->c->view;
    struct json_schema_rules *rules = f->rules;
    size_t properties = f->properties == 0 ? 0 : json_schema_count(view, f->properties);
    size_t required = f->required == 0 ? 0 : json_schema_count(view, f->required);
    if (properties + required == 0) {
        return ERR_OK;
    }
    rules->has |= RULE_NAMES;
    TRY(make_table(f, properties + required));
    struct json_schema_path at_properties = {.up = f->path, .name = STR("properties")};
    struct json_schema_path at_required = {.up = f->path, .name = STR("required")};
    if (properties > 0) {
        TRY(read_properties(f, &at_properties));
    }
    if (required > 0) {
        TRY(read_required(f, &at_required));
    }
    TRY(finish_required(f));
    struct json_schema_property *list = grab(f, properties * sizeof *list);
    if (list == NULL) {
        return no_memory(f);
    }
    for (size_t i = 0; i < properties; i++) {
        const struct json_schema_name *name = &rules->names[i];
        list[i] = (struct json_schema_property){name->name, name->is_required, name->node};
    }
    f->node->properties = list;
    f->node->property_count = properties;
    return ERR_OK;
}

/* ---- one schema ---- */

static const struct keyword keywords[] = {
    {"type", read_type},
    {"properties", note_properties},
    {"required", note_required},
    {"additionalProperties", read_additional},
    {"items", read_items},
    {"minItems", read_min_items},
    {"maxItems", read_max_items},
    {"enum", read_enum},
    {"const", read_const},
    {"minimum", read_minimum},
    {"maximum", read_maximum},
    {"exclusiveMinimum", read_exclusive_minimum},
    {"exclusiveMaximum", read_exclusive_maximum},
    {"multipleOf", read_multiple_of},
    {"minLength", read_min_length},
    {"maxLength", read_max_length},
    {"pattern", read_pattern},
    {"format", read_format},
    {"$schema", read_dialect},
    {"$comment", read_words},
    {"title", read_words},
    {"description", read_words},
    {"default", read_anything},
    {"examples", read_examples},
    {"deprecated", read_deprecated},
};
_Static_assert(ARRAY_LEN(keywords) <= 32, "a bit for each");

/* One keyword of a schema; `seen` has a bit for each that was there. */
static err read_keyword(struct frame *f, uint32_t i, uint32_t *seen)
{
    struct str name = {0};
    struct json_schema_path step = {.up = f->path, .view = &f->c->view, .index = i};
    struct frame inner = *f;
    inner.path = &step;
    TRY(read_string(&inner, i, &name));
    for (size_t n = 0; n < ARRAY_LEN(keywords); n++) {
        if (str_is(name, keywords[n].name)) {
            if (*seen >> n & 1) {
                return fail(f->c, &step, ERR_INVALID, "the keyword is there twice");
            }
            *seen |= UINT32_C(1) << n;
            err e = keywords[n].read(&inner, i + 2);
            f->properties = inner.properties;
            f->required = inner.required;
            return e;
        }
    }
    name = json_schema_cut(name, 60);
    return fail(f->c, &step, ERR_UNSUPPORTED,
                "the keyword \"%.*s\" is not supported, so nothing would check it; remove it (the "
                "documentation lists the keywords there are)",
                STR_ARGS(name));
}

static err read_object(struct frame *f, uint32_t i)
{
    const struct json_view *view = &f->c->view;
    uint32_t seen = 0;
    for (i++; json_at(view, i) != '}'; i += json_at(view, i) == ',') {
        TRY(read_keyword(f, i, &seen));
        i = json_schema_skip(view, i + 2);
    }
    return finish_names(f);
}

static err read_schema(struct compiler *c, const struct json_schema_path *path, uint32_t i,
                       const struct json_schema_node **out_node)
{
    struct json_schema *s = c->schema;
    struct frame f = {.c = c, .path = path};
    char kind = json_at(&c->view, i);
    if (kind != '{' && kind != 't' && kind != 'f') {
        return fail(c, path, ERR_INVALID, "must be a schema: an object, true or false");
    }
    if (s->node_count == JSON_SCHEMA_NODES_MAX) {
        return fail(c, path, ERR_TOO_LARGE, "a document may hold %d schemas",
                    JSON_SCHEMA_NODES_MAX);
    }
    f.node = grab(&f, sizeof *f.node);
    f.rules = grab(&f, sizeof *f.rules);
    if (f.node == NULL || f.rules == NULL) {
        return no_memory(&f);
    }
    f.node->id = s->node_count++;
    f.node->types = kind == 'f' ? 0 : JSON_SCHEMA_ANY;
    f.node->is_false = kind == 'f';
    f.node->rules = f.rules;
    *out_node = f.node;
    if (kind == '{') {
        TRY(read_object(&f, i));
    }
    return json_schema_quick_plan(s->arena, f.node, f.rules) ? ERR_OK : no_memory(&f);
}

/* ---- a document ---- */

static err check_json(const struct compiler *c, struct str document)
{
    struct errmsg msg = {0};
    if (document.len > JSON_SCHEMA_BYTES_MAX) {
        return fail(c, NULL, ERR_TOO_LARGE, "a schema may have %d bytes, this one has %zu",
                    JSON_SCHEMA_BYTES_MAX, document.len);
    }
    enum event_code code = json_diagnose(document, JSON_SCHEMA_DEPTH_MAX, &msg);
    if (code == EVENT_TOO_DEEP) {
        return fail(c, NULL, ERR_TOO_LARGE, "%s", msg.text);
    }
    struct str text = str_trim(document);
    if (code == EVENT_NOT_AN_OBJECT && !str_is(text, "true") && !str_is(text, "false")) {
        return fail(c, NULL, ERR_INVALID, "must be a schema: an object, true or false");
    }
    if (code != EVENT_OK && code != EVENT_NOT_AN_OBJECT) {
        return fail(c, NULL, ERR_INVALID, "this is no JSON: %s", msg.text);
    }
    return ERR_OK;
}

/* The text without the white space between tokens, wrapped so that any value can be indexed. */
static err squeeze(struct str document, struct buf *out)
{
    bool in_text = false;
    (void)buf_puts(out, "{\"\":"); /* sticky, here and below */
    for (size_t i = 0; i < document.len; i++) {
        char c = document.ptr[i];
        if (in_text && c == '\\') {
            (void)buf_add_byte(out, c);
            c = document.ptr[++i];
        } else if (c == '"') {
            in_text = !in_text;
        } else if (!in_text && json_is_space(c)) {
            continue;
        }
        (void)buf_add_byte(out, c);
    }
    (void)buf_add_byte(out, '}');
    return buf_check(out);
}

static err compile(struct compiler *c, struct str document, struct json_indexer *indexer)
{
    enum { WRAP_BYTES = 5, WRAP_TOKENS = 3 }; /* {"": */
    struct json_schema *s = c->schema;
    const uint32_t *at = NULL;
    uint32_t count = 0;
    TRY(check_json(c, document));
    AUTO_BUF text = buf_make(JSON_SCHEMA_BYTES_MAX + 16);
    TRY(squeeze(document, &text));
    struct str kept = arena_dup(s->arena, buf_str(&text));
    if (kept.ptr == NULL ||
        json_indexer_run(indexer, kept.ptr, kept.len, &at, &count) != JSON_INDEX_OK) {
        return fail(c, NULL, ERR_NOMEM, "no memory for a schema");
    }
    if (!json_view_init(&c->view, kept, at, count)) {
        return fail(c, NULL, ERR_INVALID,
                    "this is no JSON"); /* json_diagnose() has said otherwise */
    }
    s->text = str_of(kept.ptr + WRAP_BYTES - 1, kept.len - WRAP_BYTES);
    bool bad_text = false;
    uint32_t slots = 0;
    if (!json_schema_value_read(s->arena, &c->view, WRAP_TOKENS, &slots, &s->document, &bad_text)) {
        return fail(c, NULL, bad_text ? ERR_INVALID : ERR_TOO_LARGE, "%s",
                    bad_text ? "a text in it holds a lone surrogate" : "the schema is too large");
    }
    struct json_schema_path root = {0};
    return read_schema(c, &root, WRAP_TOKENS, &s->root);
}

err json_schema_new(struct str document, struct json_schema **out_schema,
                    struct json_schema_finding *finding)
{
    AUTO(json_schema) s = xnew(struct json_schema);
    struct compiler c = {.schema = s, .finding = finding};
    struct json_indexer *indexer = json_indexer_new();
    atomic_store(&s->references, 1);
    s->arena = arena_new(ARENA_BYTES_MAX);
    c.scratch = buf_make(JSON_SCHEMA_BYTES_MAX);
    if (finding != NULL) {
        *finding = (struct json_schema_finding){0};
    }
    err e = indexer == NULL ? fail(&c, NULL, ERR_NOMEM, "no memory for a schema")
                            : compile(&c, document, indexer);
    json_indexer_free(indexer);
    buf_deinit(&c.scratch);
    if (e == ERR_OK) {
        *out_schema = TAKE(s);
    }
    return e;
}

struct json_schema *json_schema_ref(struct json_schema *s)
{
    if (s != NULL) {
        atomic_fetch_add(&s->references, 1);
    }
    return s;
}

void json_schema_unref(struct json_schema *s)
{
    if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < s->pattern_count; i++) {
        json_schema_pattern_free(s->patterns[i]);
    }
    arena_free(s->arena);
    free(s);
}

const struct json_schema_node *json_schema_root(const struct json_schema *s)
{
    return s->root;
}

struct str json_schema_text(const struct json_schema *s)
{
    return s->text;
}

bool json_schema_equal(const struct json_schema *a, const struct json_schema *b)
{
    return json_schema_value_equal(&a->document, &b->document);
}

void json_schema_detail(const struct json_schema_finding *finding, struct errmsg *detail)
{
    (void)errmsg_set(detail, ERR_INVALID, "%s%s%s", finding->pointer,
                     finding->pointer[0] == '\0' ? "" : ": ", finding->reason);
}
