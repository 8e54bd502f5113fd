/* SPDX-License-Identifier: MIT */
/* source.c - the table function tarn_source(id) over registered sources.
 *
 * A slot is counted: one for being registered, one for each bound statement. The last one out calls
 * release(). DuckDB destroys its bind data with the statement, so a source outlives every reader.
 * */
#include "sql/source.h"

#include "sql/duck.h"

struct source_slot {
    uint64_t id;
    struct sql_source source;
    atomic_uint refs;
    atomic_uint_fast64_t rows;
};

static const struct {
    const char *name;
    duckdb_type duck;
    size_t bytes;
} col_types[COL_TYPE_COUNT] = {
    [COL_BOOLEAN] = {"BOOLEAN", DUCKDB_TYPE_BOOLEAN, 1},
    [COL_BIGINT] = {"BIGINT", DUCKDB_TYPE_BIGINT, 8},
    [COL_INTEGER] = {"INTEGER", DUCKDB_TYPE_INTEGER, 4},
    [COL_DOUBLE] = {"DOUBLE", DUCKDB_TYPE_DOUBLE, 8},
    [COL_TIMESTAMPTZ] = {"TIMESTAMP WITH TIME ZONE", DUCKDB_TYPE_TIMESTAMP_TZ, 8},
    [COL_DATE] = {"DATE", DUCKDB_TYPE_DATE, 4},
    [COL_VARCHAR] = {"VARCHAR", DUCKDB_TYPE_VARCHAR, 16},
    [COL_BLOB] = {"BLOB", DUCKDB_TYPE_BLOB, 16},
};

const char *col_type_sql(enum col_type type)
{
    ASSERT((unsigned)type < COL_TYPE_COUNT);
    return col_types[type].name;
}

bool col_type_from_sql(struct str name, enum col_type *out_type)
{
    for (unsigned i = 0; i < COL_TYPE_COUNT; i++) {
        if (str_eq_nocase(name, str_from(col_types[i].name))) {
            *out_type = (enum col_type)i;
            return true;
        }
    }
    return false;
}

size_t col_type_bytes(enum col_type type)
{
    ASSERT((unsigned)type < COL_TYPE_COUNT);
    return col_types[type].bytes;
}

/* Long strings of one chunk: blocks that are kept from fill to fill. DuckDB copies what it keeps,
 * so they may go when the next chunk is filled (test_source.c tries this in many plans); its own
 * heap of a vector costs 50 ns a string more. */
struct text_block {
    struct text_block *next; /* owned */
    char bytes[];
};
struct text_heap {
    struct text_block *first; /* owned */
    struct text_block *current;
    size_t used;  /* bytes of `current` */
    size_t count; /* blocks */
};
enum { TEXT_BLOCK_BYTES = 256 << 10, TEXT_BLOCKS_KEPT = 8 };

static void heap_deinit(struct text_heap *heap)
{
    for (struct text_block *block = heap->first; block != NULL;) {
        struct text_block *next = block->next;
        free(block);
        block = next;
    }
    *heap = (struct text_heap){0};
}

static void heap_reset(struct text_heap *heap)
{
    if (heap->count > TEXT_BLOCKS_KEPT) {
        heap_deinit(heap);
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

void col_sink_add_validity(struct col_sink *s)
{
    if (s->vector != NULL) {
        duckdb_vector_ensure_validity_writable((duckdb_vector)s->vector);
        s->validity = duckdb_vector_get_validity((duckdb_vector)s->vector);
        return;
    }
    ASSERT(s->arena != NULL);
    s->validity = arena_alloc(s->arena, SOURCE_ROWS / 8);
    ASSERT(s->validity != NULL); /* col_block_init left room for it */
    memset(s->validity, 0xff, SOURCE_ROWS / 8);
}

struct str col_get_str(const struct col_sink *s, size_t row)
{
    const struct col_string *value = &((const struct col_string *)s->data)[row];
    return value->len <= 12 ? str_of(value->head, value->len) : str_of(value->ptr, value->len);
}

err col_block_init(struct col_block *block, const struct col_def *defs, size_t count,
                   size_t string_bytes_max)
{
    ASSERT(count > 0);
    *block = (struct col_block){.cols = calloc(count, sizeof *block->cols), .count = count};
    /* Room for every column's validity beside the strings, with the arena's own rounding. */
    block->arena = arena_new(string_bytes_max + (count + 1) * (SOURCE_ROWS / 8 + 64) + 65536);
    if (block->cols == NULL) {
        col_block_deinit(block);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        block->cols[i].type = defs[i].type;
        block->cols[i].arena = block->arena;
        block->cols[i].data = calloc(SOURCE_ROWS, col_type_bytes(defs[i].type));
        if (block->cols[i].data == NULL) {
            col_block_deinit(block);
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

void col_block_deinit(struct col_block *block)
{
    for (size_t i = 0; block->cols != NULL && i < block->count; i++) {
        free(block->cols[i].data);
    }
    free(block->cols);
    arena_free(block->arena);
    *block = (struct col_block){0};
}

void col_block_reset(struct col_block *block)
{
    arena_reset(block->arena);
    for (size_t i = 0; i < block->count; i++) {
        block->cols[i].validity = NULL;
    }
}

/* --- registry --- */

void sql_sources_init(struct source_registry *sources)
{
    (void)pthread_mutex_init(&sources->lock, NULL); /* cannot fail with default attributes */
    sources->next_id = 1;
}

static void slot_unref(struct source_slot *slot)
{
    if (atomic_fetch_sub(&slot->refs, 1) == 1) {
        if (slot->source.release != NULL) {
            slot->source.release(slot->source.ctx);
        }
        free(slot);
    }
}

void sql_sources_deinit(struct source_registry *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        slot_unref(sources->slots[i]);
    }
    free(sources->slots);
    (void)pthread_mutex_destroy(&sources->lock); /* nobody holds it */
}

/* Under the lock: index of the slot with this id, or count. */
static size_t slot_index(const struct source_registry *sources, uint64_t id)
{
    size_t low = 0;
    size_t high = sources->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sources->slots[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sources->count && sources->slots[low]->id == id ? low : sources->count;
}

static struct source_slot *slot_find(struct source_registry *sources, uint64_t id)
{
    (void)pthread_mutex_lock(&sources->lock); /* cannot fail: a plain lock */
    size_t index = slot_index(sources, id);
    struct source_slot *slot = index < sources->count ? sources->slots[index] : NULL;
    if (slot != NULL) {
        atomic_fetch_add(&slot->refs, 1);
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return slot;
}

err sql_source_register(struct sql_engine *engine, const struct sql_source *source,
                        uint64_t *out_id, struct errmsg *msg)
{
    ASSERT(engine != NULL);
    ASSERT(source->column_count > 0);
    ASSERT(source->threads_max > 0);
    ASSERT(source->thread_open != NULL);
    ASSERT(source->fill != NULL);
    struct source_registry *sources = &engine->sources;
    struct source_slot *slot = xnew(struct source_slot);
    slot->source = *source;
    atomic_init(&slot->refs, 1);
    (void)pthread_mutex_lock(&sources->lock); /* cannot fail: a plain lock */
    bool is_full = sources->count >= SQL_SOURCES_MAX;
    if (!is_full) {
        if (sources->count == sources->cap) {
            sources->cap = MAX(16, sources->cap * 2);
            sources->slots = xrealloc(sources->slots, sources->cap, sizeof(struct source_slot *));
        }
        slot->id = sources->next_id++;
        sources->slots[sources->count++] = slot;
        *out_id = slot->id;
    }
    (void)pthread_mutex_unlock(&sources->lock);
    if (is_full) {
        free(slot);
        return errmsg_set(msg, ERR_LIMIT, "more than %d row sources", SQL_SOURCES_MAX);
    }
    return ERR_OK;
}

void sql_source_unregister(struct sql_engine *engine, uint64_t id)
{
    struct source_registry *sources = &engine->sources;
    (void)pthread_mutex_lock(&sources->lock); /* cannot fail: a plain lock */
    size_t index = slot_index(sources, id);
    struct source_slot *slot = NULL;
    if (index < sources->count) {
        slot = sources->slots[index];
        sources->count--;
        memmove(&sources->slots[index], &sources->slots[index + 1],
                (sources->count - index) * sizeof(struct source_slot *));
    }
    (void)pthread_mutex_unlock(&sources->lock);
    if (slot != NULL) {
        slot_unref(slot); /* release() runs without the lock */
    }
}

uint64_t sql_source_rows(struct sql_engine *engine, uint64_t id)
{
    struct source_slot *slot = slot_find(&engine->sources, id);
    if (slot == NULL) {
        return 0;
    }
    uint64_t rows = atomic_load_explicit(&slot->rows, memory_order_relaxed);
    slot_unref(slot);
    return rows;
}

/* --- the table function --- */

/* One reference to a source in a statement: DuckDB's bind data. */
struct bound {
    struct source_slot *slot; /* counted */
    void *ctx;                /* the source's, or what its bind() gave */
};

/* One DuckDB thread's reader. */
struct reader {
    struct text_heap heap;
    struct source_slot *slot; /* borrowed from the bind data, which outlives it */
    void *thread_ctx;
    bool is_open;
    size_t count;        /* sinks in use */
    uint32_t *positions; /* owned: which column of the chunk each sink is */
    struct col_sink cols[];
};

static void bind_data_free(void *data)
{
    struct bound *bound = data;
    if (bound->slot->source.bind != NULL) {
        bound->slot->source.unbind(bound->ctx);
    }
    slot_unref(bound->slot);
    free(bound);
}

static struct bound *bound_new(struct source_slot *slot, struct errmsg *msg)
{
    struct bound *bound = xnew(struct bound);
    bound->slot = slot;
    bound->ctx = slot->source.ctx;
    if (slot->source.bind == NULL) {
        return bound;
    }
    err e = slot->source.bind(slot->source.ctx, &bound->ctx, msg);
    if (e != ERR_OK) {
        (void)errmsg_wrap(msg, e, "tarn_source[%s]", err_name(e));
        slot_unref(slot);
        free(bound);
        return NULL;
    }
    return bound;
}

static void source_bind(duckdb_bind_info info)
{
    struct sql_engine *engine = duckdb_bind_get_extra_info(info);
    duckdb_value parameter = duckdb_bind_get_parameter(info, 0);
    int64_t id = duckdb_get_int64(parameter);
    duckdb_destroy_value(&parameter);
    struct source_slot *slot = slot_find(&engine->sources, (uint64_t)id);
    if (slot == NULL) {
        duckdb_bind_set_error(info, "tarn_source: no such source");
        return;
    }
    struct errmsg msg = {0};
    struct bound *bound = bound_new(slot, &msg);
    if (bound == NULL) {
        duckdb_bind_set_error(info, msg.text);
        return;
    }
    for (size_t i = 0; i < slot->source.column_count; i++) {
        const struct col_def *column = &slot->source.columns[i];
        duckdb_logical_type type = duckdb_create_logical_type(col_types[column->type].duck);
        duckdb_bind_add_result_column(info, column->name, type);
        duckdb_destroy_logical_type(&type);
    }
    if (slot->source.rows_estimate > 0) {
        duckdb_bind_set_cardinality(info, slot->source.rows_estimate, false);
    }
    duckdb_bind_set_bind_data(info, bound, bind_data_free);
}

static void source_init(duckdb_init_info info)
{
    struct bound *bound = duckdb_init_get_bind_data(info);
    duckdb_init_set_max_threads(info, bound->slot->source.threads_max);
    if (bound->slot->source.begin != NULL) {
        bound->slot->source.begin(bound->ctx);
    }
}

static void reader_free(void *data)
{
    struct reader *reader = data;
    if (reader->is_open && reader->slot->source.thread_close != NULL) {
        reader->slot->source.thread_close(reader->thread_ctx);
    }
    heap_deinit(&reader->heap);
    free(reader->positions);
    free(reader);
}

/* Projected columns as indexes into the source's; DuckDB also asks for columns that are none (the
 * row id of count(*)), which are left out. */
static size_t projected_columns(duckdb_init_info info, const struct source_slot *slot,
                                struct reader *reader, uint32_t *projected)
{
    size_t count = duckdb_init_get_column_count(info);
    size_t real = 0;
    for (size_t i = 0; i < count; i++) {
        idx_t index = duckdb_init_get_column_index(info, i);
        if (index < slot->source.column_count) {
            reader->cols[real].type = slot->source.columns[index].type;
            reader->positions[real] = (uint32_t)i;
            projected[real] = (uint32_t)index;
            real++;
        }
    }
    return real;
}

static void source_local_init(duckdb_init_info info)
{
    struct bound *bound = duckdb_init_get_bind_data(info);
    struct source_slot *slot = bound->slot;
    size_t count = duckdb_init_get_column_count(info);
    struct reader *reader = xcalloc(1, sizeof *reader + count * sizeof(struct col_sink));
    uint32_t *projected = xnew_array(uint32_t, count + 1);
    reader->slot = slot;
    reader->positions = xnew_array(uint32_t, count + 1);
    reader->count = projected_columns(info, slot, reader, projected);
    struct errmsg msg = {0};
    err e =
        slot->source.thread_open(bound->ctx, projected, reader->count, &reader->thread_ctx, &msg);
    free(projected);
    if (e != ERR_OK) {
        (void)errmsg_wrap(&msg, e, "tarn_source[%s]", err_name(e));
        duckdb_init_set_error(info, msg.text);
    }
    reader->is_open = e == ERR_OK;
    duckdb_init_set_init_data(info, reader, reader_free);
}

static void source_scan(duckdb_function_info info, duckdb_data_chunk output)
{
    struct reader *reader = duckdb_function_get_local_init_data(info);
    if (reader == NULL || !reader->is_open) {
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    heap_reset(&reader->heap);
    for (size_t i = 0; i < reader->count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, reader->positions[i]);
        reader->cols[i].vector = vector;
        reader->cols[i].heap = &reader->heap;
        reader->cols[i].data = duckdb_vector_get_data(vector);
        reader->cols[i].validity = NULL;
    }
    size_t rows = 0;
    struct errmsg msg = {0};
    err e = reader->slot->source.fill(reader->thread_ctx, reader->cols, SOURCE_ROWS, &rows, &msg);
    if (e != ERR_OK) {
        (void)errmsg_wrap(&msg, e, "tarn_source[%s]", err_name(e));
        duckdb_function_set_error(info, msg.text);
        return;
    }
    ASSERT(rows <= SOURCE_ROWS);
    atomic_fetch_add_explicit(&reader->slot->rows, rows, memory_order_relaxed);
    duckdb_data_chunk_set_size(output, rows);
}

err sql_sources_install(struct sql_engine *engine, duckdb_connection connection, struct errmsg *msg)
{
    ASSERT(duckdb_vector_size() == SOURCE_ROWS);
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, "tarn_source");
    duckdb_logical_type bigint = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_table_function_add_parameter(function, bigint);
    duckdb_destroy_logical_type(&bigint);
    duckdb_table_function_set_extra_info(function, engine, NULL);
    duckdb_table_function_set_bind(function, source_bind);
    duckdb_table_function_set_init(function, source_init);
    duckdb_table_function_set_local_init(function, source_local_init);
    duckdb_table_function_set_function(function, source_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    duckdb_state state = duckdb_register_table_function(connection, function);
    duckdb_destroy_table_function(&function);
    if (state != DuckDBSuccess) {
        return errmsg_set(msg, ERR_FAILED, "DuckDB did not take tarn_source()");
    }
    return ERR_OK;
}
