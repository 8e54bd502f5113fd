/* SPDX-License-Identifier: MIT */
/* infer.c - flags per name, kept in a list sorted by folded name.
 *
 * Invariants: no two entries are equal up to case; every entry's name is the first in byte order of
 * the spellings seen; at most `places` entries are not remembered null fields, and they are the
 * first in byte order of all that were seen. Each step (union of flags, minimum of spellings,
 * the first N of an order) is commutative, associative and idempotent: hence order does not
 * matter. A name that was dropped never comes back: what displaced it stays or gets smaller. */
#include "flow/infer.h"

struct entry {
    char *name; /* owned, NUL-terminated */
    size_t len;
    uint32_t flags;
    bool has_place; /* a remembered null field: its place is already counted */
};

struct infer {
    struct event_schema *schema; /* a reference */
    struct entry *entries;       /* owned; sorted by folded name */
    size_t count;
    size_t cap;
    size_t places; /* for entries without a place of their own */
    size_t placed; /* such entries now */
    size_t last;   /* the one of them that is last in byte order, valid when last_known */
    bool last_known;
    struct infer_field *fields; /* owned: the answer of infer_fields() */
};

err infer_new(struct event_schema *schema, struct infer **out_infer)
{
    struct infer *x = xnew(struct infer);
    size_t taken = event_schema_count(schema) + event_schema_null_count(schema);
    for (size_t i = 0; i < event_schema_count(schema); i++) {
        ASSERT(!event_schema_column(schema, i)->provisional);
    }
    x->schema = event_schema_ref(schema);
    x->places = taken < EVENT_COLUMNS_MAX ? EVENT_COLUMNS_MAX - taken : 0;
    *out_infer = x;
    return ERR_OK;
}

void infer_reset(struct infer *x)
{
    for (size_t i = 0; i < x->count; i++) {
        free(x->entries[i].name);
    }
    x->count = 0;
    x->placed = 0;
    x->last_known = false;
}

void infer_free(struct infer *x)
{
    if (x == NULL) {
        return;
    }
    infer_reset(x);
    event_schema_unref(x->schema);
    free(x->entries);
    free(x->fields);
    free(x);
}

static struct str entry_name(const struct entry *e)
{
    return str_of(e->name, e->len);
}

/* The place of a folded name: where it is, or where it would be. */
static size_t find_place(const struct infer *x, struct str name, bool *found)
{
    size_t low = 0;
    size_t high = x->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = event_name_fold_cmp(entry_name(&x->entries[middle]), name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_null_field(const struct infer *x, struct str name)
{
    for (size_t i = 0; i < event_schema_null_count(x->schema); i++) {
        if (str_eq(event_schema_null_field(x->schema, i), name)) {
            return true;
        }
    }
    return false;
}

/* The entry, among those that compete for places, that is last in byte order. */
static size_t last_entry(struct infer *x)
{
    if (!x->last_known) {
        bool any = false;
        for (size_t i = 0; i < x->count; i++) {
            if (x->entries[i].has_place) {
                continue;
            }
            if (!any || str_cmp(entry_name(&x->entries[x->last]), entry_name(&x->entries[i])) < 0) {
                x->last = i;
                any = true;
            }
        }
        ASSERT(any);
        x->last_known = true;
    }
    return x->last;
}

static void remove_entry(struct infer *x, size_t index)
{
    free(x->entries[index].name);
    x->placed -= !x->entries[index].has_place;
    x->count--;
    memmove(&x->entries[index], &x->entries[index + 1], (x->count - index) * sizeof(*x->entries));
    x->last_known = false;
}

static err insert_entry(struct infer *x, size_t index, struct str name, uint32_t flags,
                        bool has_place)
{
    if (x->count == x->cap) {
        size_t cap = x->cap == 0 ? 32 : x->cap * 2;
        struct entry *grown = realloc(x->entries, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NOMEM;
        }
        x->entries = grown;
        x->cap = cap;
    }
    char *copy = malloc(name.len + 1);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    memmove(&x->entries[index + 1], &x->entries[index], (x->count - index) * sizeof(*x->entries));
    x->entries[index] = (struct entry){copy, name.len, flags, has_place};
    x->count++;
    x->placed += !has_place;
    x->last_known = false;
    return ERR_OK;
}

/* A smaller spelling takes over the entry, with its own flags. */
static err rename_entry(struct infer *x, size_t index, struct str name, uint32_t flags)
{
    char *copy = malloc(name.len + 1);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    free(x->entries[index].name);
    x->entries[index].name = copy;
    x->entries[index].len = name.len;
    x->entries[index].flags = flags;
    x->last_known = false;
    return ERR_OK;
}

err infer_note(struct infer *x, struct str name, uint32_t flags)
{
    if (event_schema_judge(x->schema, name) != EVENT_NAME_NEW) {
        return ERR_OK;
    }
    bool found = false;
    size_t index = find_place(x, name, &found);
    if (found) {
        int order = str_cmp(name, entry_name(&x->entries[index]));
        if (order == 0) {
            x->entries[index].flags |= flags;
            return ERR_OK;
        }
        return order < 0 ? rename_entry(x, index, name, flags) : ERR_OK;
    }
    bool has_place = is_null_field(x, name);
    if (!has_place && x->placed >= x->places) {
        if (x->placed == 0) {
            return ERR_OK;
        }
        size_t last = last_entry(x);
        if (str_cmp(name, entry_name(&x->entries[last])) > 0) {
            return ERR_OK;
        }
        remove_entry(x, last);
        index -= last < index;
    }
    return insert_entry(x, index, name, flags, has_place);
}

err infer_merge(struct infer *into, const struct infer *from)
{
    ASSERT(event_schema_equal(into->schema, from->schema));
    for (size_t i = 0; i < from->count; i++) {
        TRY(infer_note(into, entry_name(&from->entries[i]), from->entries[i].flags));
    }
    return ERR_OK;
}

enum col_type infer_type(uint32_t flags)
{
    const uint32_t number = INFER_INT64 | INFER_INT64_WIDE | INFER_FLOAT;
    flags &= ~(uint32_t)INFER_NULL;
    if (flags == INFER_BOOL) {
        return COL_BOOLEAN;
    }
    if (flags == INFER_TIME_TEXT) {
        return COL_TIMESTAMPTZ;
    }
    if (flags == 0 || (flags & ~number) != 0) {
        return COL_VARCHAR;
    }
    if ((flags & INFER_FLOAT) == 0) {
        return COL_BIGINT;
    }
    return (flags & INFER_INT64_WIDE) == 0 ? COL_DOUBLE : COL_VARCHAR;
}

static int compare_fields(const void *a, const void *b)
{
    return str_cmp(((const struct infer_field *)a)->name, ((const struct infer_field *)b)->name);
}

size_t infer_fields(struct infer *x, const struct infer_field **out_fields)
{
    x->fields = xrealloc(x->fields, x->count + 1, sizeof(*x->fields));
    for (size_t i = 0; i < x->count; i++) {
        struct entry *e = &x->entries[i];
        bool only_null = (e->flags & ~(uint32_t)INFER_NULL) == 0;
        x->fields[i] =
            (struct infer_field){entry_name(e), e->flags, infer_type(e->flags), only_null};
    }
    qsort(x->fields, x->count, sizeof(*x->fields), compare_fields);
    *out_fields = x->fields;
    return x->count;
}

/* ---- the schema that follows ---- */

struct draft {
    struct event_column *columns; /* owned */
    size_t column_count;
    struct str *null_fields; /* owned */
    size_t null_count;
};

static bool field_has_value(const struct infer_field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(fields[i].name, name)) {
            return !fields[i].only_null;
        }
    }
    return false;
}

static void draft_fill(struct draft *d, struct infer *x, bool provisional)
{
    const struct infer_field *fields = NULL;
    size_t count = infer_fields(x, &fields);
    for (size_t i = 0; i < event_schema_count(x->schema); i++) {
        d->columns[d->column_count++] = *event_schema_column(x->schema, i);
    }
    for (size_t i = 0; i < event_schema_null_count(x->schema); i++) {
        struct str name = event_schema_null_field(x->schema, i);
        if (!field_has_value(fields, count, name)) {
            d->null_fields[d->null_count++] = name;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].only_null) {
            d->columns[d->column_count++] =
                (struct event_column){fields[i].name, fields[i].type, provisional};
        } else if (!is_null_field(x, fields[i].name)) {
            d->null_fields[d->null_count++] = fields[i].name;
        }
    }
    for (size_t i = 0; provisional && i < d->null_count; i++) {
        d->columns[d->column_count++] = (struct event_column){d->null_fields[i], COL_VARCHAR, true};
    }
    d->null_count = provisional ? 0 : d->null_count;
}

err infer_schema(struct infer *x, bool provisional, struct event_schema **out_schema,
                 struct errmsg *msg)
{
    size_t max = event_schema_count(x->schema) + event_schema_null_count(x->schema) + x->count;
    struct draft d = {.columns = xnew_array(struct event_column, max + 1),
                      .null_fields = xnew_array(struct str, max + 1)};
    draft_fill(&d, x, provisional);
    err e =
        event_schema_new(d.columns, d.column_count, d.null_fields, d.null_count, out_schema, msg);
    free(d.columns);
    free(d.null_fields);
    return e;
}
