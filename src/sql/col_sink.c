/* SPDX-License-Identifier: MIT */
/* col_sink.c - the sinks of source.h: over DuckDB's vectors, and in plain memory.
 *
 * DuckDB's rules that matter here: a vector is reset to SOURCE_ROWS rows and no nulls before each
 * chunk; the children of a null STRUCT are null too; a list's child grows by reserve(), after
 * which its memory, and that of its members, lies elsewhere. */
#include "sql/duck.h"

enum { TEXT_BLOCK_BYTES = 256 << 10, TEXT_BLOCKS_KEPT = 8 };

/* ---- long strings ---- */

struct text_block {
    struct text_block *next; /* owned */
    char bytes[];
};

void text_heap_deinit(struct text_heap *heap)
{
    for (struct text_block *block = heap->first; block != NULL;) {
        struct text_block *next = block->next;
        free(block);
        block = next;
    }
    *heap = (struct text_heap){0};
}

void text_heap_reset(struct text_heap *heap)
{
    if (heap->count > TEXT_BLOCKS_KEPT) {
        text_heap_deinit(heap);
    }
    heap->current = heap->first;
    heap->used = 0;
}

/* Room for up to TEXT_BLOCK_BYTES. */
static char *heap_alloc(struct text_heap *heap, size_t len)
{
    if (heap->current == NULL || heap->used + len > TEXT_BLOCK_BYTES) {
        struct text_block *next = heap->current != NULL ? heap->current->next : heap->first;
        if (next == NULL) {
            next = xcalloc(1, sizeof *next + TEXT_BLOCK_BYTES);
            *(heap->current != NULL ? &heap->current->next : &heap->first) = next;
            heap->count++;
        }
        heap->current = next;
        heap->used = 0;
    }
    char *bytes = heap->current->bytes + heap->used;
    heap->used += len;
    return bytes;
}

void col_sink_set_long(struct col_sink *s, size_t row, const char *ptr, size_t len)
{
    if (s->heap != NULL && len <= TEXT_BLOCK_BYTES / 4) {
        char *copy = heap_alloc(s->heap, len);
        memcpy(copy, ptr, len);
        col_set_str_ref(s, row, copy, len);
        return;
    }
    if (s->vector != NULL) {
        duckdb_unsafe_vector_assign_string_element_len((duckdb_vector)s->vector, row, ptr, len);
        return;
    }
    ASSERT(s->arena != NULL);
    struct str copy = arena_dup(s->arena, str_of(ptr, len));
    if (copy.ptr == NULL) {
        col_set_null(s, row);
        return;
    }
    col_set_str_ref(s, row, copy.ptr, len);
}

struct str col_get_str(const struct col_sink *s, size_t row)
{
    const struct col_string *value = &((const struct col_string *)s->data)[row];
    return value->len <= 12 ? str_of(value->head, value->len) : str_of(value->ptr, value->len);
}

/* ---- nulls ---- */

void col_sink_add_validity(struct col_sink *s)
{
    if (s->vector != NULL) {
        duckdb_vector_ensure_validity_writable((duckdb_vector)s->vector);
        s->validity = duckdb_vector_get_validity((duckdb_vector)s->vector);
        return;
    }
    s->own_validity = xrealloc(s->own_validity, s->capacity / 64, sizeof *s->own_validity);
    memset(s->own_validity, 0xff, s->capacity / 8);
    s->validity = s->own_validity;
}

void col_sink_set_null_nested(struct col_sink *s, size_t row)
{
    if (s->validity == NULL) {
        col_sink_add_validity(s);
    }
    s->validity[row / 64] &= ~(UINT64_C(1) << (row % 64));
    if (s->type == COL_LIST) {
        ((struct col_list_entry *)s->data)[row] = (struct col_list_entry){0};
        return;
    }
    for (uint32_t i = 0; i < s->child_count; i++) {
        col_set_null(&s->children[i], row);
    }
}

/* ---- trees over vectors ---- */

duckdb_logical_type col_def_logical_type(const struct col_def *def)
{
    static const duckdb_type ids[COL_SCALAR_COUNT] = {
        [COL_BOOLEAN] = DUCKDB_TYPE_BOOLEAN,          [COL_BIGINT] = DUCKDB_TYPE_BIGINT,
        [COL_INTEGER] = DUCKDB_TYPE_INTEGER,          [COL_DOUBLE] = DUCKDB_TYPE_DOUBLE,
        [COL_TIMESTAMPTZ] = DUCKDB_TYPE_TIMESTAMP_TZ, [COL_DATE] = DUCKDB_TYPE_DATE,
        [COL_VARCHAR] = DUCKDB_TYPE_VARCHAR,          [COL_BLOB] = DUCKDB_TYPE_BLOB,
    };
    if (!col_type_is_nested(def->type)) {
        return duckdb_create_logical_type(ids[def->type]);
    }
    duckdb_logical_type *types = xnew_array(duckdb_logical_type, def->child_count + 1);
    const char **names = xnew_array(const char *, def->child_count + 1);
    for (size_t i = 0; i < def->child_count; i++) {
        types[i] = col_def_logical_type(&def->children[i]);
        names[i] = def->children[i].name;
    }
    duckdb_logical_type type = def->type == COL_LIST
                                   ? duckdb_create_list_type(types[0])
                                   : duckdb_create_struct_type(types, names, def->child_count);
    for (size_t i = 0; i < def->child_count; i++) {
        duckdb_destroy_logical_type(&types[i]);
    }
    free(types);
    free(names);
    return type;
}

void col_sink_init(struct col_sink *s, const struct col_def *def)
{
    ASSERT(col_type_is_nested(def->type) == (def->child_count > 0));
    *s = (struct col_sink){.type = def->type, .child_count = (uint32_t)def->child_count};
    if (def->child_count > 0) {
        s->children = xnew_array(struct col_sink, def->child_count);
        for (size_t i = 0; i < def->child_count; i++) {
            col_sink_init(&s->children[i], &def->children[i]);
        }
    }
}

void col_sink_deinit(struct col_sink *s)
{
    for (uint32_t i = 0; i < s->child_count; i++) {
        col_sink_deinit(&s->children[i]);
    }
    if (s->vector == NULL) {
        free(s->data); /* a vector's memory is DuckDB's */
    }
    free(s->own_validity);
    free(s->children);
}

/* Where the memory of a vector and of a STRUCT's members lies now. */
static void point(struct col_sink *s, size_t capacity)
{
    duckdb_vector vector = s->vector;
    s->capacity = capacity;
    s->data = s->type == COL_STRUCT ? NULL : duckdb_vector_get_data(vector);
    s->validity = duckdb_vector_get_validity(vector);
    for (uint32_t i = 0; s->type == COL_STRUCT && i < s->child_count; i++) {
        point(&s->children[i], capacity);
    }
}

void col_sink_begin(struct col_sink *s, duckdb_vector vector, struct text_heap *heap)
{
    s->vector = vector;
    s->heap = heap;
    s->size = 0;
    s->capacity = SOURCE_ROWS;
    s->validity = NULL;
    s->data = s->type == COL_STRUCT ? NULL : duckdb_vector_get_data(vector);
    if (s->type == COL_LIST) {
        (void)duckdb_list_vector_reserve(vector, SOURCE_ROWS); /* fails for NULL only */
        col_sink_begin(&s->children[0], duckdb_list_vector_get_child(vector), heap);
        return;
    }
    for (uint32_t i = 0; i < s->child_count; i++) {
        col_sink_begin(&s->children[i], duckdb_struct_vector_get_child(vector, i), heap);
    }
}

void col_sink_end(struct col_sink *s)
{
    if (s->type == COL_LIST) {
        (void)duckdb_list_vector_set_size(s->vector, s->size); /* fails for NULL only */
    }
    for (uint32_t i = 0; i < s->child_count; i++) {
        col_sink_end(&s->children[i]);
    }
}

/* ---- growing ---- */

/* Plain memory for `capacity` rows, of the members of a STRUCT too. */
static void grow_plain(struct col_sink *s, size_t capacity)
{
    size_t bytes = col_type_bytes(s->type);
    if (bytes > 0) {
        s->data = xrealloc(s->data, capacity, bytes);
        memset((char *)s->data + s->capacity * bytes, 0, (capacity - s->capacity) * bytes);
    }
    if (s->validity != NULL) {
        s->own_validity = xrealloc(s->own_validity, capacity / 64, sizeof *s->own_validity);
        memset((char *)s->own_validity + s->capacity / 8, 0xff, (capacity - s->capacity) / 8);
        s->validity = s->own_validity;
    }
    s->capacity = capacity;
    for (uint32_t i = 0; s->type == COL_STRUCT && i < s->child_count; i++) {
        grow_plain(&s->children[i], capacity);
    }
}

void col_sink_grow_list(struct col_sink *list)
{
    struct col_sink *child = &list->children[0];
    size_t capacity = child->capacity * 2;
    if (list->vector == NULL) {
        grow_plain(child, capacity);
        return;
    }
    (void)duckdb_list_vector_set_size(list->vector, list->size); /* what reserve() must keep */
    (void)duckdb_list_vector_reserve(list->vector, capacity);
    point(child, capacity);
}

/* ---- plain memory ---- */

static void use_plain(struct col_sink *s, struct arena *arena)
{
    s->arena = arena;
    if (s->capacity == 0) {
        grow_plain(s, SOURCE_ROWS); /* members have it from their STRUCT */
    }
    for (uint32_t i = 0; i < s->child_count; i++) {
        use_plain(&s->children[i], arena);
    }
}

err col_block_init(struct col_block *block, const struct col_def *defs, size_t count,
                   size_t string_bytes_max)
{
    ASSERT(count > 0);
    *block = (struct col_block){.cols = xnew_array(struct col_sink, count), .count = count};
    block->arena = arena_new(string_bytes_max + 65536); /* with the arena's own rounding */
    for (size_t i = 0; i < count; i++) {
        col_sink_init(&block->cols[i], &defs[i]);
        use_plain(&block->cols[i], block->arena);
    }
    return ERR_OK;
}

void col_block_deinit(struct col_block *block)
{
    for (size_t i = 0; block->cols != NULL && i < block->count; i++) {
        col_sink_deinit(&block->cols[i]);
    }
    free(block->cols);
    arena_free(block->arena);
    *block = (struct col_block){0};
}

static void reset_plain(struct col_sink *s)
{
    s->validity = NULL;
    s->size = 0;
    for (uint32_t i = 0; i < s->child_count; i++) {
        reset_plain(&s->children[i]);
    }
}

void col_block_reset(struct col_block *block)
{
    arena_reset(block->arena);
    for (size_t i = 0; i < block->count; i++) {
        reset_plain(&block->cols[i]);
    }
}
