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
        duckdb_logical_type type = col_def_logical_type(column);
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
    for (size_t i = 0; i < reader->count; i++) {
        col_sink_deinit(&reader->cols[i]);
    }
    text_heap_deinit(&reader->heap);
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
            col_sink_init(&reader->cols[real], &slot->source.columns[index]);
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
    text_heap_reset(&reader->heap);
    for (size_t i = 0; i < reader->count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, reader->positions[i]);
        col_sink_begin(&reader->cols[i], vector, &reader->heap);
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
    for (size_t i = 0; i < reader->count; i++) {
        col_sink_end(&reader->cols[i]);
    }
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
