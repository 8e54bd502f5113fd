/* SPDX-License-Identifier: MIT */
/* source.h - rows of ours for SQL: a column sink that a decoder fills without knowing DuckDB, and
 * the table function `tarn_source(id)` that reads a registered source.
 *
 * A source names its columns and hands out one reader per thread; a reader fills up to `capacity`
 * rows (SOURCE_ROWS) of the projected columns at a time, straight into DuckDB's vectors.
 *
 *     static const struct col_def columns[] = {{"id", COL_BIGINT}, {"text", COL_VARCHAR}};
 *     struct sql_source source = {.columns = columns, .column_count = 2, .threads_max = 2,
 *                                 .ctx = my, .thread_open = my_open, .fill = my_fill,
 *                                 .thread_close = my_close};
 *     TRY(sql_source_register(engine, &source, &id, msg));
 *     ... SELECT count(*) FROM tarn_source(<id>) ...
 *     sql_source_unregister(engine, id);
 *
 * Rows of several threads come in no particular order (preserve_insertion_order is off). The
 * function is ours alone: the policy refuses it in statements of users. */
#pragma once
#include "sql/col_type.h"
#include "sql/engine.h"

enum { SOURCE_ROWS = 2048 }; /* rows in one chunk, DuckDB's vector size */

/* Private to col_sink.c. */
struct text_heap;

/* A string as it lies in `data`: up to 12 bytes inside, longer ones by pointer. */
struct col_string {
    uint32_t len;
    char head[4];
    union {
        char tail[8]; /* len <= 12: bytes 4..11, zero-padded */
        const char *ptr;
    };
};
_Static_assert(sizeof(struct col_string) == 16, "this is DuckDB's layout");

/* A list as it lies in `data`: a stretch of the rows of its elements' sink. */
struct col_list_entry {
    uint64_t offset;
    uint64_t length;
};
_Static_assert(sizeof(struct col_list_entry) == 16, "this is DuckDB's layout");

/* Where the values of one column go. `data` holds `capacity` values of the type: SOURCE_ROWS but
 * for what is inside of a list, which grows.
 *
 * A STRUCT's row is the same row of each of its children; every child must be set or made null. A
 * LIST's elements are rows of its one child, in the order of their lists:
 *
 *     size_t from = list->size;
 *     while (…) {
 *         size_t element = col_list_append(list);       may move what the child points to
 *         col_set_i64(&list->children[0], element, 7);
 *     }
 *     col_list_set(list, row, from);
 *
 * Elements that no list has are allowed: what is left of a value that was given up. */
struct col_sink {
    enum col_type type;
    uint32_t child_count;
    void *data;                /* NULL: a STRUCT */
    uint64_t *validity;        /* NULL until the first null of this chunk: all rows valid */
    struct col_sink *children; /* owned by whoever made the sink; STRUCT and LIST */
    size_t capacity;
    size_t size;            /* LIST: elements of this chunk */
    void *vector;           /* DuckDB's vector; NULL for a sink in plain memory (col_block) */
    struct arena *arena;    /* col_block only: long strings */
    uint64_t *own_validity; /* col_block only; owned */
    struct text_heap *heap; /* of the reader, for a DuckDB vector: long strings */
};

/* The slow halves of the functions below. */
void col_sink_set_long(struct col_sink *s, size_t row, const char *ptr, size_t len);
void col_sink_add_validity(struct col_sink *s);
void col_sink_set_null_nested(struct col_sink *s, size_t row);
void col_sink_grow_list(struct col_sink *list);

static inline void col_set_i64(struct col_sink *s, size_t row, int64_t value)
{
    ((int64_t *)s->data)[row] = value; /* COL_BIGINT, COL_TIMESTAMPTZ */
}
static inline void col_set_i32(struct col_sink *s, size_t row, int32_t value)
{
    ((int32_t *)s->data)[row] = value; /* COL_INTEGER, COL_DATE */
}
static inline void col_set_double(struct col_sink *s, size_t row, double value)
{
    ((double *)s->data)[row] = value;
}
static inline void col_set_bool(struct col_sink *s, size_t row, bool value)
{
    ((bool *)s->data)[row] = value;
}
/* Copies the bytes. COL_VARCHAR must be valid UTF-8 (without a check: the caller has validated).
 * At most 4 GiB - 1. */
static inline void col_set_str(struct col_sink *s, size_t row, const char *ptr, size_t len)
{
    if (__builtin_expect(len > 12, 1)) {
        col_sink_set_long(s, row, ptr, len);
        return;
    }
    char bytes[16] = {0};
    uint32_t len32 = (uint32_t)len;
    memcpy(bytes, &len32, 4);
    if (len > 0) {
        memcpy(bytes + 4, ptr, len);
    }
    memcpy((char *)s->data + row * 16, bytes, 16);
}
/* Does not copy: bytes longer than 12 must stay where they are until this thread's next fill() or
 * its thread_close(). */
static inline void col_set_str_ref(struct col_sink *s, size_t row, const char *ptr, size_t len)
{
    if (len <= 12) {
        col_set_str(s, row, ptr, len);
        return;
    }
    struct col_string value = {.len = (uint32_t)len, .ptr = ptr};
    memcpy(value.head, ptr, 4);
    ((struct col_string *)s->data)[row] = value;
}
/* Of a STRUCT's row the members become null too. */
static inline void col_set_null(struct col_sink *s, size_t row)
{
    if (__builtin_expect(col_type_is_nested(s->type), 0)) {
        col_sink_set_null_nested(s, row);
        return;
    }
    if (s->validity == NULL) {
        col_sink_add_validity(s);
    }
    s->validity[row / 64] &= ~(UINT64_C(1) << (row % 64));
}
static inline bool col_is_null(const struct col_sink *s, size_t row)
{
    return s->validity != NULL && (s->validity[row / 64] >> (row % 64) & 1) == 0;
}
/* Takes back a null set before in this chunk; of a STRUCT's members it takes back nothing. */
static inline void col_set_valid(struct col_sink *s, size_t row)
{
    if (s->validity != NULL) {
        s->validity[row / 64] |= UINT64_C(1) << (row % 64);
    }
}
/* One more element at the end of the list's chunk: its row in children[0]. */
static inline size_t col_list_append(struct col_sink *list)
{
    if (__builtin_expect(list->size == list->children[0].capacity, 0)) {
        col_sink_grow_list(list);
    }
    return list->size++;
}
/* The list of this row is what was appended since `size` was `from`. */
static inline void col_list_set(struct col_sink *list, size_t row, size_t from)
{
    ((struct col_list_entry *)list->data)[row] =
        (struct col_list_entry){.offset = from, .length = list->size - from};
}
static inline struct col_list_entry col_get_list(const struct col_sink *list, size_t row)
{
    return ((const struct col_list_entry *)list->data)[row];
}
/* The bytes of a string value set before; for tests and for sinks read back. */
struct str col_get_str(const struct col_sink *s, size_t row);

/* Sinks in plain memory, for tests and for rows that go elsewhere than into DuckDB. */
struct col_block {
    struct col_sink *cols; /* owned, `count` of them */
    size_t count;
    struct arena *arena; /* owned: strings */
};
/* Errors: NOMEM. Strings of a chunk may take up to `string_bytes_max`; past it values are null. */
err col_block_init(struct col_block *block, const struct col_def *defs, size_t count,
                   size_t string_bytes_max);
void col_block_deinit(struct col_block *block);
/* Makes room for the next chunk: no nulls, no strings. */
void col_block_reset(struct col_block *block);

struct sql_source {
    const struct col_def *columns; /* borrowed until release, as is `ctx` */
    size_t column_count;           /* at least 1 */
    uint32_t threads_max;          /* at least 1: readers that may run at the same time */
    uint64_t rows_estimate;        /* 0: unknown; helps the planner */
    void *ctx;
    /* For sources that a statement may name more than once: each reference gets a context of its
     * own, given to begin() and thread_open() instead of `ctx`. May be NULL. Thread: any. */
    err (*bind)(void *ctx, void **out_bound_ctx, struct errmsg *msg);
    void (*unbind)(void *bound_ctx);
    /* A statement begins to read: what follows reads from the start. May be NULL. Thread: any. */
    void (*begin)(void *ctx);
    /* Opens one thread's reader of the columns projected[0..count): indexes into `columns`, in the
     * order of the sinks given to fill(). count may be 0 (count(*)). Thread: any of DuckDB's. */
    err (*thread_open)(void *ctx, const uint32_t *projected, size_t count, void **out_thread_ctx,
                       struct errmsg *msg);
    /* Fills rows 0..*out_rows of every sink (capacity is SOURCE_ROWS). *out_rows == 0: this reader
     * is at its end. An error ends the statement with its message. Thread: the reader's. */
    err (*fill)(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                struct errmsg *msg);
    void (*thread_close)(void *thread_ctx); /* may be NULL */
    /* Called once, after unregister and after the last statement that reads it has gone; from then
     * on `ctx` and `columns` are the caller's again. May be NULL. Thread: any. */
    void (*release)(void *ctx);
};

enum { SQL_SOURCES_MAX = 65536 };

/* Makes the source readable as tarn_source(<id>) on all connections of the engine. Copies *source.
 * Errors: LIMIT past SQL_SOURCES_MAX. Thread: any. */
err sql_source_register(struct sql_engine *engine, const struct sql_source *source,
                        uint64_t *out_id, struct errmsg *msg);
/* New statements no longer find the id; running ones go on (see release). Thread: any. */
void sql_source_unregister(struct sql_engine *engine, uint64_t id);
/* Rows that fill() has delivered so far, over all readers; 0 for an unknown id. */
uint64_t sql_source_rows(struct sql_engine *engine, uint64_t id);
