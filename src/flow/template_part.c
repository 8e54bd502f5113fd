/* SPDX-License-Identifier: MIT */
/* template_part.c - generators made of others: choices, lists, texts, copies, foreign keys. */
#include "flow/template_int.h"

enum { PARTS_MAX = 10000 };

static err compile_parts(struct compiler *c, const json_t *list, const char *name,
                         struct generator *g)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > PARTS_MAX) {
        return compiler_fail(c, "%s must be a list of 1 to %d values", name, PARTS_MAX);
    }
    g->programs = arena_alloc(c->template->arena, count * sizeof *g->programs);
    if (g->programs == NULL) {
        return compiler_fail(c, "the template is over %d bytes", TEMPLATE_BYTES_MAX);
    }
    g->program_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        char key[24];
        size_t mark = 0;
        (void)snprintf(key, sizeof key, "%zu", i); /* fits */
        compiler_enter(c, key, &mark);
        TRY(compiler_program(c, json_array_get(list, i), &g->programs[i]));
        compiler_leave(c, mark);
    }
    return ERR_OK;
}

/* ---- $choice ---- */

static err compile_weights(struct compiler *c, const json_t *list, struct generator *g)
{
    double sum = 0;
    if (!json_is_array(list) || json_array_size(list) != g->program_count) {
        return compiler_fail(c, "\"weights\" must be a list with a number for each value");
    }
    double *weights = xnew_array(double, g->program_count);
    bool ok = true;
    for (uint32_t i = 0; i < g->program_count; i++) {
        const json_t *weight = json_array_get(list, i);
        weights[i] = json_number_value(weight);
        ok = ok && json_is_number(weight) && weights[i] >= 0 && weights[i] <= 1e12;
        sum += weights[i];
    }
    ok = ok && sum > 0;
    if (ok) {
        dice_weights_init(&g->weights, weights, g->program_count);
    }
    free(weights);
    return ok ? ERR_OK
              : compiler_fail(c, "\"weights\" must be numbers from 0 to 1e12, not all of them 0");
}

err compile_choice(struct compiler *c, const struct option_value *v, const json_t *a,
                   struct generator *g)
{
    (void)a;
    size_t mark = 0;
    compiler_enter(c, "values", &mark);
    TRY(compile_parts(c, v[0].json, "\"values\"", g));
    compiler_leave(c, mark);
    return v[1].json == NULL ? ERR_OK : compile_weights(c, v[1].json, g);
}

void write_choice(struct generator *g, struct template *t, struct buf *out)
{
    uint64_t i = g->weights.count > 0 ? dice_weighted(&t->dice, &g->weights)
                                      : dice_below(&t->dice, g->program_count);
    program_render(&g->programs[i], t, out);
}

/* ---- $list ---- */

err compile_list(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g)
{
    (void)a;
    if (c->is_raw) {
        return compiler_fail(c, "a list cannot be part of a text");
    }
    if (v[0].json == NULL) {
        return compiler_fail(c, "\"of\" is missing: the template of an element");
    }
    g->low = v[1].integer;
    g->high = v[2].json != NULL ? v[2].integer : MAX(g->low, 3);
    if (g->low > g->high) {
        return compiler_fail(c, "\"min\" is over \"max\"");
    }
    g->programs = arena_alloc(c->template->arena, sizeof *g->programs);
    g->program_count = 1;
    size_t mark = 0;
    compiler_enter(c, "of", &mark);
    TRY(g->programs == NULL ? compiler_fail(c, "the template is too large")
                            : compiler_program(c, v[0].json, g->programs));
    compiler_leave(c, mark);
    return ERR_OK;
}

void write_list(struct generator *g, struct template *t, struct buf *out)
{
    int64_t count = dice_between(&t->dice, g->low, g->high);
    (void)buf_add_byte(out, '[');
    /* Lists within lists could be of any size: what is too large ends here. */
    for (int64_t i = 0; i < count && !out->failed; i++) {
        if (i > 0) {
            (void)buf_add_byte(out, ',');
        }
        program_render(g->programs, t, out);
    }
    (void)buf_add_byte(out, ']');
}

/* ---- $concat, $copy ---- */

err compile_concat(struct compiler *c, const struct option_value *v, const json_t *a,
                   struct generator *g)
{
    (void)v;
    bool was_raw = c->is_raw;
    c->is_raw = true;
    err e = compile_parts(c, a, "$concat", g);
    c->is_raw = was_raw;
    return e;
}

void write_concat(struct generator *g, struct template *t, struct buf *out)
{
    for (uint32_t i = 0; i < g->program_count; i++) {
        program_render(&g->programs[i], t, out);
    }
}

err compile_copy(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g)
{
    (void)v;
    struct str path = str_of(json_string_value(a), json_string_length(a));
    g->others[0] = json_is_string(a) ? compiler_place(c, path) : NULL;
    if (g->others[0] == NULL) {
        return compiler_fail(c, "$copy takes the JSON pointer of an earlier generator of this "
                                "template, such as \"/customer_id\"");
    }
    if (c->is_raw && g->others[0]->program_count > 0 && !g->others[0]->is_text) {
        return compiler_fail(c, "a choice or a list cannot be copied into a text");
    }
    g->others[0]->is_kept = true;
    g->is_text = g->others[0]->is_text;
    return ERR_OK;
}

void write_copy(struct generator *g, struct template *t, struct buf *out)
{
    (void)t;
    const struct generator *other = g->others[0];
    size_t len = other->len;
    if (buf_reserve(out, len) && other->from + len <= out->len) {
        (void)buf_add(out, out->data + other->from, len); /* fits: nothing moves */
    }
}

/* ---- $ref ---- */

enum { O_TABLE, O_COLUMN, O_ROW, O_DIST, O_EXPONENT, O_ROWS, O_SEED };

/* A label ties the foreign keys of one event that carry it to one row of their table. */
static err compile_row(struct compiler *c, struct str label, struct str table, struct generator *g)
{
    struct template *t = c->template;
    for (uint32_t i = 0; i < t->row_count; i++) {
        if (str_eq(t->rows[i].label, label) && str_is(table, t->rows[i].table)) {
            const struct sample_world *w = t->rows[i].world;
            g->row = i + 1;
            return w->seed == g->world.seed && w->orders == g->world.orders
                       ? ERR_OK
                       : compiler_fail(c,
                                       "the row \"%.*s\" has other sample_rows or sample_seed "
                                       "elsewhere",
                                       STR_ARGS(label));
        }
    }
    if (t->row_count == TEMPLATE_ROWS_MAX) {
        return compiler_fail(c, "more than %d labels of rows", TEMPLATE_ROWS_MAX);
    }
    struct str copy = arena_dup(t->arena, label);
    if (copy.ptr == NULL || table.len >= sizeof t->rows[0].table) {
        return compiler_fail(c, "the template is too large");
    }
    memcpy(t->rows[t->row_count].table, table.ptr, table.len); /* zeroed after it */
    t->rows[t->row_count].label = copy;
    t->rows[t->row_count].world = &g->world;
    g->row = ++t->row_count;
    return ERR_OK;
}

err compile_ref(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g)
{
    static const char *const dists[] = {"uniform", "zipf", NULL};
    (void)a;
    const char *known = sample_column_names(v[O_TABLE].text);
    if (known[0] == '\0') {
        return compiler_fail(c, "there is no sample table \"%.*s\" to refer to; there are %s",
                             STR_ARGS(v[O_TABLE].text), sample_column_tables());
    }
    g->column = sample_column_find(v[O_TABLE].text, v[O_COLUMN].text);
    if (g->column == NULL) {
        return compiler_fail(c,
                             "the sample table %.*s has no column \"%.*s\" to refer to; it has %s",
                             STR_ARGS(v[O_TABLE].text), STR_ARGS(v[O_COLUMN].text), known);
    }
    g->is_text = sample_column_is_text(g->column);
    g->world = sample_world_make(
        v[O_SEED].json != NULL ? (uint64_t)v[O_SEED].integer : SAMPLE_SEED_DEFAULT,
        v[O_ROWS].json != NULL ? (uint64_t)v[O_ROWS].integer : SAMPLE_ROWS_DEFAULT);
    uint32_t dist = 0;
    TRY(compiler_word(c, &v[O_DIST], "dist", dists, &dist));
    g->dist = dist == 0 ? DIST_UNIFORM : DIST_ZIPF;
    if (g->dist == DIST_ZIPF) {
        g->zipf = dice_zipf_make(sample_column_rows(g->column, &g->world),
                                 v[O_EXPONENT].json != NULL ? v[O_EXPONENT].number : 1.1);
    }
    return v[O_ROW].json != NULL ? compile_row(c, v[O_ROW].text, v[O_TABLE].text, g) : ERR_OK;
}

static uint64_t draw_row(struct generator *g, struct template *t)
{
    if (g->dist == DIST_ZIPF) {
        return dice_zipf(&t->dice, &g->zipf) - 1;
    }
    return dice_below(&t->dice, sample_column_rows(g->column, &g->world));
}

void write_ref(struct generator *g, struct template *t, struct buf *out)
{
    uint64_t row = 0;
    if (g->row == 0) {
        row = draw_row(g, t);
    } else {
        if (t->rows[g->row - 1].serial != t->serial) {
            t->rows[g->row - 1].serial = t->serial;
            t->rows[g->row - 1].row = draw_row(g, t);
        }
        row = t->rows[g->row - 1].row;
    }
    sample_column_write(g->column, &g->world, row, out);
}
