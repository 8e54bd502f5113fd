/* SPDX-License-Identifier: MIT */
/* engine_session.c - a connection with a catalog of its own, so that statements of several users
 * run beside each other with views of the same names. */
#include "sql/duck.h"

struct sql_session {
    struct sql_conn *conn; /* owned */
    uint64_t number;       /* the catalog is named s<number> */
    char **views;          /* owned, each too: qualified names of what is there */
    size_t view_count;
    size_t view_cap;
};

err sql_session_open(struct sql_engine *engine, struct sql_session **out_session,
                     struct errmsg *msg)
{
    AUTO(sql_session) session = xnew(struct sql_session);
    TRY(sql_conn_open(engine, &session->conn, msg));
    uint64_t number = atomic_fetch_add(&engine->session_next, 1) + 1;
    unsigned long long n = number;
    TRY(sql_execf(session->conn, msg, "ATTACH ':memory:' AS s%llu", n));
    session->number = number;
    /* policy.c sends information_schema to the schema tarn, so that each session sees its own. */
    TRY(sql_execf(session->conn, msg,
                  "CREATE SCHEMA s%llu.tarn; CREATE VIEW s%llu.tarn.tables AS SELECT 'tarn' AS "
                  "table_catalog, * EXCLUDE (table_catalog) FROM system.information_schema.tables "
                  "WHERE table_catalog = 's%llu' AND table_schema <> 'tarn'",
                  n, n, n));
    TRY(sql_execf(session->conn, msg,
                  "CREATE VIEW s%llu.tarn.columns AS SELECT 'tarn' AS table_catalog, * EXCLUDE "
                  "(table_catalog) FROM system.information_schema.columns WHERE table_catalog = "
                  "'s%llu' AND table_schema <> 'tarn'; CREATE VIEW s%llu.tarn.schemata AS SELECT "
                  "'tarn' AS catalog_name, * EXCLUDE (catalog_name) FROM "
                  "system.information_schema.schemata WHERE catalog_name = 's%llu' AND schema_name "
                  "<> 'tarn'",
                  n, n, n, n));
    TRY(sql_execf(session->conn, msg,
                  "CREATE SCHEMA s%llu.gold; CREATE SCHEMA s%llu.silver;"
                  "CREATE SCHEMA s%llu.bronze;CREATE SCHEMA s%llu.files;"
                  "SET search_path='s%llu.main,s%llu.gold,s%llu.silver,s%llu.bronze,s%llu.files'",
                  n, n, n, n, n, n, n, n, n));
    *out_session = TAKE(session);
    return ERR_OK;
}

void sql_session_close(struct sql_session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->conn != NULL) {
        sql_conn_interrupt_reset(session->conn);
        if (session->number > 0) {
            /* Nothing can be done about a failure; the number is never used again. */
            (void)sql_execf(session->conn, NULL, "USE memory; DETACH s%llu",
                            (unsigned long long)session->number);
        }
        sql_conn_close(session->conn);
    }
    for (size_t i = 0; i < session->view_count; i++) {
        free(session->views[i]);
    }
    free(session->views);
    free(session);
}

struct sql_conn *sql_session_conn(struct sql_session *session)
{
    return session->conn;
}

/* Remembers a view so that it can be dropped without asking the catalog, which is slow. */
static void remember(struct sql_session *session, const char *qualified)
{
    for (size_t i = 0; i < session->view_count; i++) {
        if (str_is(str_from(session->views[i]), qualified)) {
            return;
        }
    }
    if (session->view_count == session->view_cap) {
        session->view_cap = MAX(16, session->view_cap * 2);
        session->views = xrealloc(session->views, session->view_cap, sizeof(char *));
    }
    session->views[session->view_count++] = xstrdup(qualified);
}

static void add_qualified(const struct sql_session *session, const char *schema, struct str name,
                          struct buf *out)
{
    buf_printf(out, "s%llu.", (unsigned long long)session->number);
    sql_add_name(out, str_from(schema));
    buf_add_byte(out, '.');
    sql_add_name(out, name);
}

err sql_session_set_view(struct sql_session *session, const char *schema, struct str name,
                         struct str select_sql, struct errmsg *msg)
{
    AUTO_BUF qualified = buf_make(4096);
    add_qualified(session, schema, name, &qualified);
    TRY(buf_check(&qualified));
    AUTO_BUF sql = buf_make(64 << 20);
    buf_puts(&sql, "CREATE OR REPLACE VIEW ");
    buf_add_str(&sql, buf_str(&qualified));
    buf_puts(&sql, " AS ");
    buf_add_str(&sql, select_sql);
    TRY(buf_check(&sql));
    TRY(sql_exec(session->conn, buf_cstr(&sql), msg));
    remember(session, buf_cstr(&qualified));
    return ERR_OK;
}

err sql_session_drop_view(struct sql_session *session, const char *schema, struct str name,
                          struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(4096);
    buf_puts(&sql, "DROP VIEW IF EXISTS ");
    add_qualified(session, schema, name, &sql);
    TRY(buf_check(&sql));
    return sql_exec(session->conn, buf_cstr(&sql), msg);
}

err sql_session_drop_views(struct sql_session *session, struct errmsg *msg)
{
    while (session->view_count > 0) {
        char *view = session->views[session->view_count - 1];
        TRY(sql_execf(session->conn, msg, "DROP VIEW IF EXISTS %s", view));
        free(view);
        session->view_count--;
    }
    return ERR_OK;
}
