/* SPDX-License-Identifier: MIT */
/* policy.h - the gate: which statements of users may run at all.
 *
 * Decides on DuckDB's own parse tree (json_serialize_sql), never on the text: one SELECT (or
 * EXPLAIN, DESCRIBE, SHOW, SUMMARIZE of one), every function on the allow-list of
 * policy_functions.h, every relation a table, a view or a CTE by name in one of the five schemas
 * or a named part of information_schema. Everything not known is refused.
 *
 * What passes is run as `sql` of the result, which is the text that was judged. */
#pragma once
#include "sql/engine.h"

enum sql_kind { SQL_KIND_SELECT, SQL_KIND_EXPLAIN, SQL_KIND_EXPLAIN_ANALYZE, SQL_KIND_DESCRIBE };

enum {
    SQL_POLICY_TEXT_BYTES_MAX = 64 << 10,
    SQL_POLICY_NODES_MAX = 20000, /* expressions and relations of one statement */
    SQL_POLICY_TABLES_MAX = 256,  /* different tables of one statement */
    SQL_POLICY_UNIONS_MAX = 200,
    SQL_POLICY_DEPTH_MAX = 1000, /* nesting in the parse tree, about three a level */
};

struct sql_table_ref {
    char *schema;      /* owned; "" when the statement does not say */
    char *name;        /* owned; as written */
    uint32_t position; /* byte of the judged text, from 1; 0: unknown */
};
struct sql_policy_result {
    enum sql_kind kind;
    struct sql_table_ref *tables; /* owned; each once, ignoring case */
    size_t table_count;
    bool all_tables; /* SHOW TABLES and information_schema: every table counts as named */
    char *sql;       /* owned: what to run, without a closing semicolon */
    /* What follows the first `sql_prefix` bytes of `sql` begins at byte `sql_from` of the judged
     * text. A prefix of SIZE_MAX: it was rewritten, positions say nothing. */
    size_t sql_from;
    size_t sql_prefix;
};
void sql_policy_deinit(struct sql_policy_result *result);

/* Judges `sql` on a connection that is not running anything (it parses there; nothing of the
 * statement is run or bound). Errors: INVALID with DuckDB's words for what does not parse, DENIED
 * with what is not allowed and what to do instead, TOO_LARGE past a limit; where it is known,
 * msg->position is the byte of `sql`, from 1. */
err sql_policy_check(struct sql_conn *conn, struct str sql, struct sql_policy_result *out_result,
                     struct errmsg *msg);

/* How policy_functions.h classes a function name (any case). */
enum sql_function_class { SQL_FUNCTION_UNKNOWN, SQL_FUNCTION_ALLOWED, SQL_FUNCTION_DENIED };
enum sql_function_class sql_policy_function(struct str name);
/* The allowed names one after the other, operators included, by bytes; NULL past the last. */
const char *sql_policy_function_name(size_t index);
/* As sql_policy_function(), for functions in table position. */
enum sql_function_class sql_policy_table_function(struct str name);
