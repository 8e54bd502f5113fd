/* SPDX-License-Identifier: MIT */
/* duck.h - what the parts of sql/ share: DuckDB's handles inside the opaque structs. Only
 * files of sql/ include this. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include <duckdb.h>

#include "sql/engine.h"
#include "sql/source.h"

struct source_slot; /* source.c */

/* All sources of an engine. */
struct source_registry {
    pthread_mutex_t lock;
    struct source_slot **slots; /* owned; sorted by id, which only grows */
    size_t count;
    size_t cap;
    uint64_t next_id;
};

enum { SQL_POOL_DEFAULT = 16, SQL_HIDDEN_PATHS_MAX = 34 };

struct sql_engine {
    uint32_t magic;
    duckdb_database db;
    struct source_registry sources;
    /* Connections made before the configuration was locked: only these can report progress. */
    pthread_mutex_t pool_lock;
    duckdb_connection pool[SQL_CONNECTIONS_MAX];
    size_t pool_count;
    char *hidden_paths[SQL_HIDDEN_PATHS_MAX]; /* owned: cut out of error texts */
    size_t hidden_count;
    atomic_uint_fast64_t session_next;
    char walls_text[256];
};
enum { SQL_ENGINE_MAGIC = 0x53514c45, SQL_CONN_MAGIC = 0x53514c43, SQL_RESULT_MAGIC = 0x53514c52 };

struct sql_conn {
    uint32_t magic;
    struct sql_engine *engine; /* borrowed */
    duckdb_connection handle;
    bool is_pooled;
    atomic_bool interrupted;
    struct buf *error_text; /* borrowed; NULL, or gets the whole words of the newest error */
};

struct sql_result {
    uint32_t magic;
    struct sql_conn *conn; /* borrowed */
    duckdb_prepared_statement prepared;
    duckdb_result handle;
    bool has_handle;
    bool is_at_end;
    size_t column_count;
    struct sql_result_column *columns; /* owned */
    duckdb_data_chunk chunk;           /* NULL before the first fetch and after the end */
    size_t chunk_rows;
};
struct sql_result_column {
    duckdb_logical_type type;
    duckdb_type id;
    duckdb_type physical; /* of enums and decimals */
    char *type_text;      /* owned */
    /* of the present chunk */
    duckdb_vector vector;
    void *data;
    uint64_t *validity;
};

/* Error code and cleaned text of what DuckDB said. `text` may be NULL. */
err sql_map_error(struct sql_engine *engine, const char *text, struct errmsg *msg);
/* The same, and the whole words for whoever asked the connection for them. */
err sql_conn_map_error(struct sql_conn *conn, const char *text, struct errmsg *msg);
/* Appends the SQL name of a type: "DECIMAL(18,3)". */
void sql_type_text(duckdb_logical_type type, struct buf *out);

/* Long strings of one chunk: blocks that are kept from fill to fill. DuckDB copies what it keeps,
 * so they may go when the next chunk is filled (test_source.c tries this in many plans); its own
 * heap of a vector costs 50 ns a string more. */
struct text_block;
struct text_heap {
    struct text_block *first; /* owned */
    struct text_block *current;
    size_t used;  /* bytes of `current` */
    size_t count; /* blocks */
};
void text_heap_deinit(struct text_heap *heap);
void text_heap_reset(struct text_heap *heap);

/* DuckDB's type of a column; the caller destroys it. */
duckdb_logical_type col_def_logical_type(const struct col_def *def);
/* A sink for vectors of this type. */
void col_sink_init(struct col_sink *s, const struct col_def *def);
void col_sink_deinit(struct col_sink *s);
/* Before a chunk is filled, and after: lists learn how many elements there are. */
void col_sink_begin(struct col_sink *s, duckdb_vector vector, struct text_heap *heap);
void col_sink_end(struct col_sink *s);

void sql_sources_init(struct source_registry *sources);
void sql_sources_deinit(struct source_registry *sources);
/* Makes tarn_source() known to the database. */
err sql_sources_install(struct sql_engine *engine, duckdb_connection connection,
                        struct errmsg *msg);
