/* SPDX-License-Identifier: MIT */
/* engine.h - DuckDB in our process: the database, connections, statements, results in chunks.
 *
 * One engine per process role. The writer's engine is open to our own SQL only; the query role's
 * engine runs statements of users behind three walls (policy.h is the first, see reliability §6-7):
 *
 *   1 gate     policy.h: only statements whose parse tree is on the allow-list get here at all
 *   2 inner    DuckDB's settings: no external access but the named folders, then locked
 *   3 outer    os/sandbox.h: Landlock, seccomp, resource limits of the whole process
 *
 * Opening a walled engine restricts the calling thread and all threads made later, for good; it
 * must happen before any other thread runs. The order is: open with one thread, Landlock, the other
 * threads, seccomp (all threads), limits, settings, lock.
 *
 * Life cycle: engine > connection > result; close in the opposite order. */
#pragma once
#include "base/base.h"
#include "base/json.h"
#include "base/str.h"

struct sql_engine;
struct sql_conn;
struct sql_result;

enum sql_wall {
    SQL_WALL_INNER = 1, /* DuckDB's settings, locked */
    SQL_WALL_OUTER = 2, /* Landlock, seccomp and limits on this process: cannot be undone */
    SQL_WALLS = SQL_WALL_INNER | SQL_WALL_OUTER,
};

enum { SQL_CONNECTIONS_MAX = 64 };
struct sql_engine_options {
    uint64_t memory_bytes;   /* DuckDB's memory_limit; 0: DuckDB's own default */
    uint64_t address_bytes;  /* RLIMIT_AS on top of what is mapped already; 0: none. Outer wall */
    unsigned threads;        /* 0: one per CPU, at most 8 */
    const char *temp_dir;    /* spill folder, made when missing; NULL: no spilling */
    uint64_t temp_bytes_max; /* 0: 10 GiB */
    unsigned connections;    /* how many can report progress; 0: 16, at most SQL_CONNECTIONS_MAX */
    unsigned walls;          /* of enum sql_wall */
    const char *const *read_dirs; /* for the walls: what SQL and source callbacks may read */
    size_t read_dir_count;
    const char *const *write_dirs; /* the same, for reading and writing; temp_dir is one anyway */
    size_t write_dir_count;
    uint64_t file_bytes_max; /* RLIMIT_FSIZE, outer wall; 0: temp_bytes_max */
    unsigned files_max;      /* RLIMIT_NOFILE, outer wall; 0: 1024 */
};

/* Opens an in-memory database. With walls the folders must exist. Errors: IO, NOMEM, UNSUPPORTED
 * (no Landlock in this kernel: the caller decides whether to go on without the outer wall). */
err sql_engine_open(const struct sql_engine_options *options, struct sql_engine **out_engine,
                    struct errmsg *msg);
/* All connections are closed before. */
void sql_engine_close(struct sql_engine *engine);
static inline void sql_engine_free(struct sql_engine *engine)
{
    sql_engine_close(engine);
}
AUTO_DEFINE(sql_engine)
/* Memory DuckDB holds now, in bytes (its own count). 0 when it cannot tell. */
uint64_t sql_engine_memory_bytes(struct sql_engine *engine);
uint64_t sql_engine_temp_bytes(struct sql_engine *engine);
/* "ok", or why which part of the asked-for walls is not there. */
const char *sql_engine_walls_text(const struct sql_engine *engine);

/* A connection: one statement at a time. Thread: one at a time; interrupt and progress from any. */
err sql_conn_open(struct sql_engine *engine, struct sql_conn **out_conn, struct errmsg *msg);
void sql_conn_close(struct sql_conn *conn);
static inline void sql_conn_free(struct sql_conn *conn)
{
    sql_conn_close(conn);
}
AUTO_DEFINE(sql_conn)
struct sql_engine *sql_conn_engine(const struct sql_conn *conn);

/* Runs one or several statements of ours to the end, dropping rows. Errors as sql_query. */
err sql_exec(struct sql_conn *conn, const char *sql, struct errmsg *msg);
__attribute__((format(printf, 3, 4))) err sql_execf(struct sql_conn *conn, struct errmsg *msg,
                                                    const char *format, ...);

/* Prepares and starts one statement and streams its rows: memory stays bounded by a few chunks.
 * `params` is NULL or a JSON array of values for $1, $2 … or an object for $name: null, boolean,
 * integer, real, string; arrays and objects are given as their JSON text. Fewer or more than the
 * statement wants is INVALID. Caller frees with sql_result_close() before the next statement on
 * this connection.
 * Errors: INVALID (parse, bind, conversion: the user's to mend), NOT_FOUND (unknown table or
 * column), NOMEM, NOSPACE (spill), CANCELLED (interrupted), DENIED (a wall), IO. The message is
 * DuckDB's without server paths. */
err sql_query_stream(struct sql_conn *conn, struct str sql, const json_t *params,
                     struct sql_result **out_result, struct errmsg *msg);
void sql_result_close(struct sql_result *result);
static inline void sql_result_free(struct sql_result *result)
{
    sql_result_close(result);
}
AUTO_DEFINE(sql_result)
size_t sql_result_column_count(const struct sql_result *result);
const char *sql_result_column_name(const struct sql_result *result, size_t column);
/* SQL name as DuckDB prints it: "BIGINT", "DECIMAL(18,3)", "STRUCT(a INTEGER, b VARCHAR)". */
const char *sql_result_column_type(const struct sql_result *result, size_t column);
/* Fetches the next chunk; *out_rows == 0 at the end. Its rows are read by format.h and by the
 * functions below until the next fetch. Errors as sql_query_stream. */
err sql_result_fetch(struct sql_result *result, size_t *out_rows, struct errmsg *msg);
bool sql_result_is_null(const struct sql_result *result, size_t column, size_t row);
/* Any integer, boolean, date (days) or timestamp (µs) column; INVALID type is a bug. */
int64_t sql_result_i64(const struct sql_result *result, size_t column, size_t row);
double sql_result_double(const struct sql_result *result, size_t column, size_t row);
/* VARCHAR, BLOB and ENUM columns; borrowed until the next fetch. */
struct str sql_result_str(const struct sql_result *result, size_t column, size_t row);

/* The one row and column of a small query of ours. Errors: NOT_FOUND when there is no row. */
err sql_query_i64(struct sql_conn *conn, const char *sql, int64_t *out_value, struct errmsg *msg);
/* Appended to `out`; a NULL is ERR_NOT_FOUND. */
err sql_query_text(struct sql_conn *conn, const char *sql, struct buf *out, struct errmsg *msg);

/* Asks the running statement to stop; it then fails with CANCELLED. Stays in force until
 * sql_conn_interrupt_reset, also for a statement that has not begun. Thread: any. */
void sql_conn_interrupt(struct sql_conn *conn);
void sql_conn_interrupt_reset(struct sql_conn *conn);
struct sql_progress {
    double percent; /* -1 when unknown */
    uint64_t rows_done;
    uint64_t rows_total;
};
struct sql_progress sql_conn_progress(struct sql_conn *conn);

/* Appends "name" quoted for use in SQL, or 'text'. */
void sql_add_name(struct buf *out, struct str name);
void sql_add_text(struct buf *out, struct str text);

/* Appends a file's path as text for read_parquet() and friends, such that none of its characters
 * acts as a pattern. */
void sql_add_path(struct buf *out, struct str path);

/* --- Sessions: connections for statements of users, with views of their own ---
 * Each has an in-memory catalog with the schemas main, gold, silver, bronze and files; unqualified
 * names are looked up in that order. Views of one session are invisible to others. */
struct sql_session;
err sql_session_open(struct sql_engine *engine, struct sql_session **out_session,
                     struct errmsg *msg);
void sql_session_close(struct sql_session *session);
static inline void sql_session_free(struct sql_session *session)
{
    sql_session_close(session);
}
AUTO_DEFINE(sql_session)
/* The connection on which the session's statements run. */
struct sql_conn *sql_session_conn(struct sql_session *session);
/* Makes or replaces the view <schema>.<name> AS <select_sql>; schema is one of these. The SELECT
 * is ours. Errors as sql_exec. */
err sql_session_set_view(struct sql_session *session, const char *schema, struct str name,
                         struct str select_sql, struct errmsg *msg);
/* Drops one; not there is fine. */
err sql_session_drop_view(struct sql_session *session, const char *schema, struct str name,
                          struct errmsg *msg);
/* Drops every view of the session. */
err sql_session_drop_views(struct sql_session *session, struct errmsg *msg);
