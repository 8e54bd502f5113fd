/* SPDX-License-Identifier: MIT */
/* decode_nested.c - an object or array into a STRUCT or LIST column.
 *
 * The grammar of the whole value has been checked before (read_value), so the walk here can rely on
 * it. Recursion goes as deep as the type does (EVENT_NESTED_DEPTH_MAX), whatever the value's depth.
 *
 * What comes out depends on value and type only. With no sink the same walk gives the same verdict:
 * whether a column is asked for never changes what is rescued. */
#include "flow/decode_int.h"

enum member_state { MEMBER_UNSEEN, MEMBER_FITS, MEMBER_PARTLY, MEMBER_MISFIT };

struct nested {
    struct str name; /* borrowed from the schema */
    enum col_type type;
    struct nested *children; /* owned */
    size_t child_count;
    uint32_t *by_name; /* owned; STRUCT: members in byte order of their names */
    uint8_t *states;   /* owned; STRUCT: of the value that is walked now, enum member_state */
    size_t row_bytes;  /* of one row in the sinks, what is inside of lists apart */
};

struct walk {
    const struct json_view *view;
    struct buf *scratch;
    bool borrow;
    struct nested_room *room;
};

/* ---- the type, prepared ---- */

struct name_index {
    struct str name;
    uint32_t index;
};

static int compare_names(const void *a, const void *b)
{
    return str_cmp(((const struct name_index *)a)->name, ((const struct name_index *)b)->name);
}

static void sort_names(struct nested *n)
{
    struct name_index *names = xnew_array(struct name_index, n->child_count + 1);
    for (size_t i = 0; i < n->child_count; i++) {
        names[i] = (struct name_index){n->children[i].name, (uint32_t)i};
    }
    qsort(names, n->child_count, sizeof *names, compare_names);
    n->by_name = xnew_array(uint32_t, n->child_count + 1);
    for (size_t i = 0; i < n->child_count; i++) {
        n->by_name[i] = names[i].index;
    }
    free(names);
}

static void fill(struct nested *n, const struct col_def *def)
{
    *n = (struct nested){.name = str_from(def->name),
                         .type = def->type,
                         .child_count = def->child_count,
                         .row_bytes = col_type_bytes(def->type)};
    if (def->child_count == 0) {
        return;
    }
    n->children = xnew_array(struct nested, def->child_count);
    for (size_t i = 0; i < def->child_count; i++) {
        fill(&n->children[i], &def->children[i]);
        n->row_bytes += def->type == COL_STRUCT ? n->children[i].row_bytes : 0;
    }
    if (def->type == COL_STRUCT) {
        n->states = xnew_array(uint8_t, def->child_count);
        sort_names(n);
    }
}

static void deinit(struct nested *n)
{
    for (size_t i = 0; i < n->child_count; i++) {
        deinit(&n->children[i]);
    }
    free(n->children);
    free(n->by_name);
    free(n->states);
}

struct nested *nested_new(const struct col_def *def)
{
    ASSERT(col_type_is_nested(def->type));
    struct nested *n = xnew(struct nested);
    fill(n, def);
    return n;
}

void nested_free(struct nested *n)
{
    if (n != NULL) {
        deinit(n);
        free(n);
    }
}

/* ---- members ---- */

/* Index of the member with this name, or -1. `guess`: where it probably is. */
static ptrdiff_t find_member(const struct nested *n, struct str name, size_t guess)
{
    if (guess < n->child_count && str_eq(n->children[guess].name, name)) {
        return (ptrdiff_t)guess;
    }
    size_t low = 0;
    size_t high = n->child_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(n->children[n->by_name[middle]].name, name);
        if (order == 0) {
            return n->by_name[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return -1;
}

static ptrdiff_t member_at(struct walk *w, const struct nested *n, uint32_t i, size_t guess)
{
    struct str name = json_view_string(w->view, i);
    if (json_has_escape(w->view, name)) {
        buf_reset(w->scratch);
        if (!json_unescape(name, w->scratch)) {
            return -1; /* a lone surrogate: no member is called that */
        }
        name = str_of(w->scratch->len == 0 ? "" : w->scratch->data, w->scratch->len);
    }
    return find_member(n, name, guess);
}

/* The token after the value at token i. */
static uint32_t skip_value(const struct json_view *view, uint32_t i)
{
    size_t depth = 0;
    do {
        char c = json_at(view, i);
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        }
        i++;
    } while (depth > 0);
    return i;
}

/* ---- the walk ---- */

static uint32_t store_any(struct walk *w, struct nested *n, uint32_t i, struct col_sink *sink,
                          size_t row, enum nested_fit *out_fit);

static enum nested_fit worse(enum nested_fit a, enum nested_fit b)
{
    return a > b ? a : b;
}

/* Nulls for the members that were missing, and what the whole comes to. */
static enum nested_fit finish_struct(const struct nested *n, struct col_sink *sink, size_t row,
                                     bool has_more)
{
    enum nested_fit fit = has_more ? NESTED_PARTLY : NESTED_FITS;
    for (size_t m = 0; m < n->child_count; m++) {
        switch ((enum member_state)n->states[m]) {
        case MEMBER_UNSEEN:
            if (sink != NULL) {
                col_set_null(&sink->children[m], row);
            }
            break;
        case MEMBER_FITS:
            break;
        case MEMBER_PARTLY:
            fit = worse(fit, NESTED_PARTLY);
            break;
        case MEMBER_MISFIT:
            fit = NESTED_MISFIT;
            break;
        }
    }
    return fit;
}

static uint32_t store_struct(struct walk *w, struct nested *n, uint32_t i, struct col_sink *sink,
                             size_t row, enum nested_fit *out_fit)
{
    static const uint8_t states[] = {[NESTED_FITS] = MEMBER_FITS,
                                     [NESTED_PARTLY] = MEMBER_PARTLY,
                                     [NESTED_MISFIT] = MEMBER_MISFIT};
    bool has_more = false;
    size_t guess = 0;
    memset(n->states, MEMBER_UNSEEN, n->child_count);
    i++;
    while (json_at(w->view, i) != '}') {
        ptrdiff_t m = member_at(w, n, i, guess);
        i += 2;
        if (m < 0) {
            has_more = has_more || json_at(w->view, i) != 'n';
            i = skip_value(w->view, i);
        } else {
            enum nested_fit fit = NESTED_FITS;
            struct col_sink *member = sink == NULL ? NULL : &sink->children[m];
            i = store_any(w, &n->children[m], i, member, row, &fit);
            n->states[m] = states[fit]; /* of duplicate names the last wins */
            guess = (size_t)m + 1;
        }
        i += json_at(w->view, i) == ',';
    }
    *out_fit = finish_struct(n, sink, row, has_more);
    return i + 1;
}

static uint32_t store_list(struct walk *w, struct nested *n, uint32_t i, struct col_sink *sink,
                           size_t row, enum nested_fit *out_fit)
{
    struct nested *element = &n->children[0];
    size_t from = sink == NULL ? 0 : sink->size;
    enum nested_fit fit = NESTED_FITS;
    i++;
    while (json_at(w->view, i) != ']') {
        struct col_sink *into = NULL;
        size_t at = 0;
        enum nested_fit one = NESTED_FITS;
        w->room->used += element->row_bytes;
        if (sink != NULL && w->room->used <= w->room->max) {
            at = col_list_append(sink);
            into = &sink->children[0];
        }
        i = store_any(w, element, i, into, at, &one);
        fit = worse(fit, one);
        i += json_at(w->view, i) == ',';
    }
    *out_fit = w->room->used <= w->room->max ? fit : NESTED_MISFIT;
    if (sink != NULL) {
        col_list_set(sink, row, from);
    }
    return i + 1;
}

/* The value at token i, null included, into a row; returns the token after it. A misfit leaves the
 * row null, so that no row is undefined, whatever becomes of the whole. */
static uint32_t store_any(struct walk *w, struct nested *n, uint32_t i, struct col_sink *sink,
                          size_t row, enum nested_fit *out_fit)
{
    char c = json_at(w->view, i);
    uint32_t next = 0;
    if (sink != NULL) {
        col_set_valid(sink, row); /* an earlier record's, or a duplicate's */
    }
    if (n->type == COL_STRUCT && c == '{') {
        next = store_struct(w, n, i, sink, row, out_fit);
    } else if (n->type == COL_LIST && c == '[') {
        next = store_list(w, n, i, sink, row, out_fit);
    } else {
        struct value v;
        next = read_value(w->view, i, &v);
        ASSERT(next != 0); /* checked before */
        if (v.kind == VALUE_NULL) {
            *out_fit = NESTED_FITS;
            if (sink != NULL) {
                col_set_null(sink, row);
            }
            return next;
        }
        bool fits = !col_type_is_nested(n->type) &&
                    value_store(&v, n->type, w->borrow, w->scratch, sink, row);
        *out_fit = fits ? NESTED_FITS : NESTED_MISFIT;
    }
    if (*out_fit == NESTED_MISFIT && sink != NULL) {
        col_set_null(sink, row);
    }
    return next;
}

enum nested_fit nested_store(struct nested *n, const struct json_view *view, uint32_t i,
                             bool borrow, struct buf *scratch, struct col_sink *sink, size_t row,
                             struct nested_room *room)
{
    struct walk w = {.view = view, .scratch = scratch, .borrow = borrow, .room = room};
    enum nested_fit fit = NESTED_FITS;
    (void)store_any(&w, n, i, sink, row, &fit); /* where it ends is known */
    return fit;
}
