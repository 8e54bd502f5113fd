/* SPDX-License-Identifier: MIT */
/* fuzz_sql_policy.c - statements from anybody, before the gate. Whatever the text, the gate
 * answers; what it lets through is one SELECT or EXPLAIN, says its tables by plain names, and
 * passes again. */
#include <duckdb.h>

#include "sql/duck.h"
#include "sql/policy.h"

static struct sql_conn *open_once(void)
{
    static struct sql_session *session; /* kept between inputs: opening takes longer than judging */
    if (session == NULL) {
        struct sql_engine *engine = NULL;
        struct sql_engine_options options = {.threads = 1, .connections = 1};
        ASSERT(sql_engine_open(&options, &engine, NULL) == ERR_OK);
        ASSERT(sql_session_open(engine, &session, NULL) == ERR_OK);
    }
    return sql_session_conn(session);
}

/* One statement of a kind that changes nothing, as DuckDB sees it. */
static void check_kind(struct sql_conn *conn, const char *sql)
{
    duckdb_extracted_statements statements = NULL;
    idx_t count = duckdb_extract_statements(conn->handle, sql, &statements);
    ASSERT(count == 1);
    duckdb_prepared_statement prepared = NULL;
    if (duckdb_prepare_extracted_statement(conn->handle, statements, 0, &prepared) ==
        DuckDBSuccess) {
        duckdb_statement_type type = duckdb_prepared_statement_type(prepared);
        ASSERT(type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_EXPLAIN);
    }
    duckdb_destroy_prepare(&prepared);
    duckdb_destroy_extracted(&statements);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sql_conn *conn = open_once();
    struct sql_policy_result result = {0};
    struct errmsg msg = {0};
    err e = sql_policy_check(conn, str_of(data, len), &result, &msg);
    if (e != ERR_OK) {
        ASSERT(msg.text[0] != '\0');
        ASSERT(result.sql == NULL);
        return 0;
    }
    for (size_t i = 0; i < result.table_count; i++) {
        ASSERT(strpbrk(result.tables[i].name, "./*'\"\\") == NULL);
    }
    check_kind(conn, result.sql);
    if (!result.all_tables) { /* otherwise it reads the session's own schema now */
        struct sql_policy_result again = {0};
        ASSERT(sql_policy_check(conn, str_from(result.sql), &again, NULL) == ERR_OK);
        ASSERT(again.kind == result.kind);
        ASSERT(again.table_count == result.table_count);
        sql_policy_deinit(&again);
    }
    sql_policy_deinit(&result);
    return 0;
}
