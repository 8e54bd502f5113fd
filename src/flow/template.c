/* SPDX-License-Identifier: MIT */
/* template.c - the compiler of templates, and rendering. See template.h.
 *
 * The compiler walks the document once. Fixed text gathers in `text`; each generator ends it: both
 * become an op. Generators that hold templates of their own ($choice, $list, $concat) compile these
 * into programs of their own with the same steps. */
#include "flow/template.h"

#include <math.h>
#include <stdarg.h>

#include "flow/template_int.h"

static const char LITERAL[] = "$literal";

/* ---- errors and places ---- */

err compiler_fail(struct compiler *c, const char *format, ...)
{
    AUTO_BUF text = buf_make(ERRMSG_BYTES);
    va_list args;
    va_start(args, format);
    (void)buf_vprintf(&text, format, args); /* cut where it does not fit */
    va_end(args);
    return errmsg_set(c->msg, ERR_INVALID, "%s: %s", buf_cstr(&c->path), buf_cstr(&text));
}

/* RFC 6901: "~" and "/" within a name are written as ~0 and ~1. */
void compiler_enter(struct compiler *c, const char *key, size_t *out_mark)
{
    *out_mark = c->path.len;
    buf_add_byte(&c->path, '/');
    for (; *key != '\0'; key++) {
        if (*key == '~' || *key == '/') {
            buf_puts(&c->path, *key == '~' ? "~0" : "~1");
        } else {
            buf_add_byte(&c->path, *key);
        }
    }
}

void compiler_leave(struct compiler *c, size_t mark)
{
    c->path.failed = false;
    c->path.len = mark;
}

static void add_place(struct compiler *c, struct generator *g)
{
    if (c->inside > 0) {
        return;
    }
    if (c->place_count == c->place_cap) {
        c->place_cap = MAX(16, c->place_cap * 2);
        c->places = xrealloc(c->places, c->place_cap, sizeof *c->places);
    }
    c->places[c->place_count].path = xstrndup(c->path.data + c->root, c->path.len - c->root);
    c->places[c->place_count++].generator = g;
}

struct generator *compiler_place(struct compiler *c, struct str path)
{
    for (size_t i = 0; i < c->place_count; i++) {
        if (str_is(path, c->places[i].path)) {
            return c->places[i].generator;
        }
    }
    return NULL;
}

err compiler_word(struct compiler *c, const struct option_value *value, const char *option,
                  const char *const *names, uint32_t *out_index)
{
    AUTO_BUF all = buf_make(ERRMSG_BYTES);
    *out_index = 0;
    if (value->json == NULL) {
        return ERR_OK;
    }
    for (uint32_t i = 0; names[i] != NULL; i++) {
        if (str_is(value->text, names[i])) {
            *out_index = i;
            return ERR_OK;
        }
        buf_puts(&all, i == 0 ? "" : ", ");
        buf_puts(&all, names[i]);
    }
    return compiler_fail(c, "\"%s\" is \"%.*s\", and must be one of %s", option,
                         STR_ARGS(value->text), buf_cstr(&all));
}

/* ---- ops ---- */

static err add_op(struct compiler *c, struct generator *g)
{
    struct str text = arena_dup(c->template->arena, buf_str(&c->text));
    TRY(buf_check(&c->text));
    if (text.ptr == NULL) {
        return errmsg_set(c->msg, ERR_TOO_LARGE, "the template is over %d bytes",
                          TEMPLATE_BYTES_MAX);
    }
    if (c->op_count == c->op_cap) {
        c->op_cap = MAX(16, c->op_cap * 2);
        c->ops = xrealloc(c->ops, c->op_cap, sizeof *c->ops);
    }
    c->ops[c->op_count++] = (struct op){text, g};
    buf_reset(&c->text);
    return ERR_OK;
}

/* Closes the program under construction. */
static err end_program(struct compiler *c, struct program *out)
{
    TRY(add_op(c, NULL));
    out->ops = arena_alloc(c->template->arena, c->op_count * sizeof *c->ops);
    if (out->ops == NULL) {
        return errmsg_set(c->msg, ERR_TOO_LARGE, "the template is over %d bytes",
                          TEMPLATE_BYTES_MAX);
    }
    memcpy(out->ops, c->ops, c->op_count * sizeof *c->ops);
    out->count = c->op_count;
    return ERR_OK;
}

/* ---- values ---- */

static err compile_value(struct compiler *c, const json_t *json);

/* As short as it can be, and the same number when read again. */
static void add_real(struct buf *out, double value)
{
    char text[40] = "";
    for (int digits = 15; digits <= 17 && (digits == 15 || strtod(text, NULL) != value); digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value); /* fits */
    }
    buf_puts(out, text);
    if (strpbrk(text, ".eEn") == NULL) {
        buf_puts(out, ".0");
    }
}

static void add_text(struct compiler *c, const char *bytes, size_t len)
{
    size_t from = c->text.len;
    buf_add_json_string(&c->text, str_of(bytes, len));
    if (c->is_raw && !c->text.failed) { /* without its quotes */
        memmove(c->text.data + from, c->text.data + from + 1, c->text.len - from - 2);
        c->text.len -= 2;
    }
}

static bool is_generator(const json_t *json)
{
    const char *key = NULL;
    json_t *value = NULL;
    /* jansson's iteration wants a mutable object, and does not change it. */
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        if (key[0] == '$') {
            return true;
        }
    }
    return false;
}

static err compile_members(struct compiler *c, const json_t *json, bool is_literal);

static err compile_fixed(struct compiler *c, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_STRING:
        add_text(c, json_string_value(json), json_string_length(json));
        return ERR_OK;
    case JSON_INTEGER:
        buf_add_i64(&c->text, json_integer_value(json));
        return ERR_OK;
    case JSON_REAL:
        add_real(&c->text, json_real_value(json));
        return ERR_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_puts(&c->text, json_is_true(json) ? "true" : "false");
        return ERR_OK;
    default:
        buf_puts(&c->text, "null");
        return ERR_OK;
    }
}

static err compile_elements(struct compiler *c, const json_t *json, bool is_literal)
{
    buf_add_byte(&c->text, '[');
    for (size_t i = 0; i < json_array_size(json); i++) {
        char key[24];
        size_t mark = 0;
        (void)snprintf(key, sizeof key, "%zu", i); /* fits */
        compiler_enter(c, key, &mark);
        buf_puts(&c->text, i == 0 ? "" : ",");
        const json_t *element = json_array_get(json, i);
        TRY(is_literal ? compile_members(c, element, true) : compile_value(c, element));
        compiler_leave(c, mark);
    }
    buf_add_byte(&c->text, ']');
    return ERR_OK;
}

/* An object or array with what is in it; with `is_literal` nothing in it is a generator. */
static err compile_members(struct compiler *c, const json_t *json, bool is_literal)
{
    if (c->is_raw && (json_is_object(json) || json_is_array(json))) {
        return compiler_fail(c, "an object or a list cannot be part of a text");
    }
    if (++c->depth > TEMPLATE_DEPTH_MAX) {
        return compiler_fail(c, "nested deeper than %d", TEMPLATE_DEPTH_MAX);
    }
    if (json_is_array(json)) {
        TRY(compile_elements(c, json, is_literal));
    } else if (!json_is_object(json)) {
        TRY(compile_fixed(c, json));
    } else {
        const char *key = NULL;
        json_t *value = NULL;
        buf_add_byte(&c->text, '{');
        bool is_first = true;
        json_object_foreach((json_t *)(uintptr_t)json, key, value)
        {
            size_t mark = 0;
            compiler_enter(c, key, &mark);
            buf_puts(&c->text, is_first ? "" : ",");
            buf_add_json_string(&c->text, str_from(key));
            buf_add_byte(&c->text, ':');
            is_first = false;
            TRY(is_literal ? compile_members(c, value, true) : compile_value(c, value));
            compiler_leave(c, mark);
        }
        buf_add_byte(&c->text, '}');
    }
    c->depth--;
    return ERR_OK;
}

/* ---- generators ---- */

static err read_option(struct compiler *c, const struct generator_option *o, const json_t *json,
                       struct option_value *out)
{
    out->json = json;
    out->integer = json_integer_value(json);
    out->number = json_number_value(json);
    out->text = str_of(json_string_value(json), json_string_length(json));
    switch (o->type) {
    case OPTION_INT:
        if (!json_is_integer(json) || out->number < o->low || out->number > o->high) {
            return compiler_fail(c, "\"%s\" must be a whole number from %.0f to %.0f", o->name,
                                 o->low, o->high);
        }
        break;
    case OPTION_NUMBER:
        if (!json_is_number(json) || !(out->number >= o->low && out->number <= o->high)) {
            return compiler_fail(c, "\"%s\" must be a number from %g to %g", o->name, o->low,
                                 o->high);
        }
        break;
    case OPTION_TEXT:
        if (!json_is_string(json)) {
            return compiler_fail(c, "\"%s\" must be text", o->name);
        }
        break;
    case OPTION_JSON:
        break;
    }
    return ERR_OK;
}

static err unknown_option(struct compiler *c, const struct generator_kind *kind, const char *name)
{
    AUTO_BUF all = buf_make(ERRMSG_BYTES);
    for (size_t i = 0; i < GENERATOR_OPTIONS_MAX && kind->options[i].name != NULL; i++) {
        buf_puts(&all, i == 0 ? "" : ", ");
        buf_puts(&all, kind->options[i].name);
    }
    return compiler_fail(c, "%s has no option \"%.100s\"; it has %s", kind->name, name,
                         all.len == 0 ? "none" : buf_cstr(&all));
}

static err read_options(struct compiler *c, const struct generator_kind *kind, const json_t *json,
                        struct option_value *values)
{
    if (kind->argument != NULL) {
        return ERR_OK;
    }
    if (!json_is_object(json)) {
        return compiler_fail(c, "%s takes an object of options, maybe empty: {}", kind->name);
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        size_t i = 0;
        while (i < GENERATOR_OPTIONS_MAX && kind->options[i].name != NULL &&
               strcmp(kind->options[i].name, key) != 0) {
            i++;
        }
        if (i == GENERATOR_OPTIONS_MAX || kind->options[i].name == NULL) {
            return unknown_option(c, kind, key);
        }
        TRY(read_option(c, &kind->options[i], value, &values[i]));
    }
    return ERR_OK;
}

static const struct generator_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < template_kind_count; i++) {
        if (strcmp(template_kinds[i].name, name) == 0) {
            return &template_kinds[i];
        }
    }
    return NULL;
}

static err compile_generator(struct compiler *c, const struct generator_kind *kind,
                             const json_t *json)
{
    struct option_value values[GENERATOR_OPTIONS_MAX] = {0};
    TRY(read_options(c, kind, json, values));
    struct generator *g = arena_alloc(c->template->arena, sizeof *g);
    if (g == NULL) {
        return errmsg_set(c->msg, ERR_TOO_LARGE, "the template is over %d bytes",
                          TEMPLATE_BYTES_MAX);
    }
    g->kind = kind;
    g->is_text = kind->is_text;
    *(c->tail == NULL ? &c->template->generators : &c->tail->next) = g;
    c->tail = g;
    if (kind->compile != NULL) {
        TRY(kind->compile(c, values, json, g));
    }
    bool has_quotes = g->is_text && !c->is_raw;
    buf_puts(&c->text, has_quotes ? "\"" : "");
    TRY(add_op(c, g));
    buf_puts(&c->text, has_quotes ? "\"" : "");
    return ERR_OK;
}

static err compile_value(struct compiler *c, const json_t *json)
{
    if (!json_is_object(json) || !is_generator(json)) {
        return compile_members(c, json, false);
    }
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)json));
    if (json_object_size(json) != 1) {
        return compiler_fail(c, "a generator stands alone in its object; for a field whose name "
                                "begins with $ use {\"$literal\": {...}}");
    }
    const json_t *argument = json_object_get(json, name);
    if (strcmp(name, LITERAL) == 0) {
        return compile_members(c, argument, true);
    }
    const struct generator_kind *kind = find_kind(name);
    if (kind == NULL) {
        return compiler_fail(c, "there is no generator \"%.100s\"; there are %s", name,
                             template_generators());
    }
    if (++c->depth > TEMPLATE_DEPTH_MAX) {
        return compiler_fail(c, "nested deeper than %d", TEMPLATE_DEPTH_MAX);
    }
    size_t place = c->path.len;
    size_t mark = 0;
    compiler_enter(c, name, &mark);
    TRY(compile_generator(c, kind, argument));
    compiler_leave(c, mark);
    ASSERT(c->path.len == place);
    add_place(c, c->ops[c->op_count - 1].generator);
    c->depth--;
    return ERR_OK;
}

err compiler_program(struct compiler *c, const json_t *json, struct program *out_program)
{
    struct compiler outer = *c;
    c->text = buf_make(TEMPLATE_BYTES_MAX);
    c->ops = NULL;
    c->op_count = 0;
    c->op_cap = 0;
    c->inside++;
    err e = compile_value(c, json);
    if (e == ERR_OK) {
        e = end_program(c, out_program);
    }
    buf_deinit(&c->text);
    free(c->ops);
    c->text = outer.text;
    c->ops = outer.ops;
    c->op_count = outer.op_count;
    c->op_cap = outer.op_cap;
    c->inside--;
    return e;
}

/* ---- the whole ---- */

static void compiler_deinit(struct compiler *c)
{
    for (size_t i = 0; i < c->place_count; i++) {
        free(c->places[i].path);
    }
    free(c->places);
    free(c->ops);
    buf_deinit(&c->path);
    buf_deinit(&c->text);
}

err template_compile(const json_t *json, const char *pointer, uint64_t seed,
                     struct template **out_template, struct errmsg *msg)
{
    AUTO(template) t = xnew(struct template);
    t->arena = arena_new(TEMPLATE_BYTES_MAX);
    t->dice = dice_make(seed);
    t->day = INT64_MIN;
    struct compiler c = {
        .template = t, .path = buf_make(4096), .text = buf_make(TEMPLATE_BYTES_MAX), .msg = msg};
    buf_puts(&c.path, pointer);
    c.root = c.path.len;
    err e = ERR_OK;
    if (!json_is_object(json) || is_generator(json)) {
        e = compiler_fail(&c, "a template is an object with the event's fields");
    }
    if (e == ERR_OK) {
        e = compile_members(&c, json, false);
    }
    if (e == ERR_OK) {
        e = end_program(&c, &t->program);
    }
    compiler_deinit(&c);
    if (e == ERR_OK) {
        *out_template = TAKE(t);
    }
    return e;
}

void template_free(struct template *t)
{
    if (t == NULL) {
        return;
    }
    for (struct generator *g = t->generators; g != NULL; g = g->next) {
        dice_weights_deinit(&g->weights);
    }
    arena_free(t->arena);
    free(t);
}

void program_render(const struct program *p, struct template *t, struct buf *out)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct op *op = &p->ops[i];
        (void)buf_add_str(out, op->text); /* sticky, as all of it */
        struct generator *g = op->generator;
        if (g == NULL) {
            return;
        }
        if (g->is_kept) {
            g->from = out->len;
            g->kind->write(g, t, out);
            g->len = out->len - g->from;
        } else {
            g->kind->write(g, t, out);
        }
    }
}

void template_render(struct template *t, int64_t now_us, struct buf *out)
{
    ASSERT(now_us >= 0);
    t->now_us = now_us;
    t->serial++;
    program_render(&t->program, t, out);
}

void template_continue(struct template *t, const struct template *old)
{
    struct generator *g = t->generators;
    const struct generator *was = old->generators;
    while (g != NULL && was != NULL && g->kind == was->kind) {
        g = g->next;
        was = was->next;
    }
    if (g != NULL || was != NULL) {
        return;
    }
    for (g = t->generators, was = old->generators; g != NULL; g = g->next, was = was->next) {
        g->counter = was->counter;
    }
    t->dice = old->dice;
    t->serial = old->serial;
}

void template_skip(struct template *t, uint64_t count)
{
    for (struct generator *g = t->generators; g != NULL; g = g->next) {
        g->counter += count;
    }
}
