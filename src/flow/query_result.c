/* SPDX-License-Identifier: MIT */
/* query_result.c - answers that are kept, and what is asked of them. See query_int.h.
 *
 * The user's SQL passes the gate in each case. What reads a result is SQL of ours, but for
 * "over": there the statement may name the relation `result` and nothing else. */
#include "base/timefmt.h"
#include "flow/query_int.h"
#include "os/clock.h"

enum {
    EXPORT_ROWS = 122880, /* a row group of a store: each is read once */
    EXPLAIN_ROWS_MAX = 64,
    WINDOW_BYTES_MAX = 8 << 20, /* a window is for a screen: long rows come in more of them */
};
static const char relation[] = "result";

static struct sql_conn *conn_of(const struct run *r)
{
    return catalog_session_conn(r->session);
}

/* ---- check ---- */

err query_run_check(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    AUTO_JSON columns = NULL;
    AUTO_BUF out = buf_make(16 << 20);
    TRY(query_come_to_tables(r, msg));
    TRY(sql_describe(conn_of(r), str_from(r->statement.sql), &columns, msg));
    buf_puts(&out, "{\"ok\":true,\"columns\":");
    TRY(json_write(columns, &out));
    buf_puts(&out, "}\n");
    TRY(buf_check(&out));
    r->content_type = sql_format_content_type(SQL_FORMAT_JSON);
    *out_answer = (struct sql_answer){.bytes = out.len};
    return query_write_data(r, buf_str(&out), msg);
}

/* ---- rows of what is stored ---- */

static void add_members(const struct run *r, struct buf *out)
{
    char time[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(results_expires_us(r->reader), time); /* the length is not needed */
    buf_printf(out, ",\"result_id\":\"%s\",\"expires_at\":\"%s\",\"elapsed_ms\":%.3f",
               results_id(r->reader), time, (double)(os_mono_us() - r->options->started_us) / 1000);
}

static void store_tail(void *ctx, const struct sql_answer *answer, struct buf *out)
{
    const struct run *r = ctx;
    (void)answer;
    add_members(r, out);
    buf_printf(out, ",\"bytes\":%llu", (unsigned long long)results_bytes_of(r->reader));
    catalog_lease_write(r->lease, out);
}

static void window_tail(void *ctx, const struct sql_answer *answer, struct buf *out)
{
    const struct run *r = ctx;
    (void)answer;
    add_members(r, out);
    buf_printf(out, ",\"total_rows\":%llu,\"offset\":%lld",
               (unsigned long long)results_rows_total(r->reader),
               (long long)r->options->query->offset);
}

static err write_window(struct run *r, uint64_t offset, uint64_t limit,
                        void (*tail)(void *, const struct sql_answer *, struct buf *),
                        struct sql_answer *out_answer, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(16 << 20);
    results_add_select(r->reader, offset, MAX(limit, (uint64_t)1), &sql);
    buf_puts(&sql, limit == 0 ? " LIMIT 0" : "");
    TRY(buf_check(&sql));
    AUTO(sql_result) result = NULL;
    TRY(sql_query_stream(conn_of(r), buf_str(&sql), NULL, &result, msg));
    uint64_t row_count = results_rows(r->reader);
    const struct sql_format_options options = {
        .format = SQL_FORMAT_JSON,
        .int64_strings = r->options->query->int64_as_string,
        .bytes_max = WINDOW_BYTES_MAX,
        .row_count = &row_count,
        .tail = tail,
        .tail_ctx = r,
    };
    r->content_type = sql_format_content_type(SQL_FORMAT_JSON);
    return sql_format_stream(result, &options, query_write_data, r, out_answer, msg);
}

static err open_result(struct run *r, struct errmsg *msg)
{
    const struct wire_query *query = r->options->query;
    const struct results_shown shown = {.sort = query->sort, .filters = query->filters};
    r->stage = STAGE_RESULT;
    TRY(results_open(r->options->results, query->result, &r->reader, msg));
    return results_show(r->reader, &shown, conn_of(r), r->options->cancel, msg);
}

err query_run_window(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    const struct wire_query *query = r->options->query;
    TRY(open_result(r, msg));
    return write_window(r, (uint64_t)query->offset, (uint64_t)query->limit_shown, window_tail,
                        out_answer, msg);
}

/* ---- export ---- */

struct export
{
    struct run *run;
    struct sql_result *part; /* owned: the rows that are written now */
    uint64_t next;           /* row */
};

/* The next rows. One statement over all would not keep their order without sorting them. */
static err next_part(void *ctx, struct sql_result **out_result, struct errmsg *msg)
{
    struct export *x = ctx;
    sql_result_close(x->part);
    x->part = NULL;
    if (x->next > 0 && x->next >= results_rows(x->run->reader)) {
        *out_result = NULL;
        return ERR_OK;
    }
    AUTO_BUF sql = buf_make(16 << 20);
    results_add_select(x->run->reader, x->next, EXPORT_ROWS, &sql);
    TRY(buf_check(&sql));
    TRY(sql_query_stream(conn_of(x->run), buf_str(&sql), NULL, &x->part, msg));
    x->next += EXPORT_ROWS;
    *out_result = x->part;
    return ERR_OK;
}

static err export_rows(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    struct export x = {.run = r};
    struct sql_result *first = NULL;
    const struct sql_format_options options = {
        .format = query_format(r),
        .int64_strings = r->options->query->int64_as_string,
        .next = next_part,
        .next_ctx = &x,
        .guard_formulas = r->options->query->guard_formulas,
        .rows_done = r->options->counts == NULL ? NULL : &r->options->counts->rows,
    };
    r->content_type = sql_format_content_type(options.format);
    err e = next_part(&x, &first, msg);
    if (e == ERR_OK) {
        e = sql_format_stream(first, &options, query_write_data, r, out_answer, msg);
    }
    sql_result_close(x.part);
    return e;
}

err query_run_export(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    TRY(open_result(r, msg));
    if (!str_is(r->options->query->format, "parquet")) {
        return export_rows(r, out_answer, msg);
    }
    AUTO_BUF sql = buf_make(16 << 20);
    results_add_select(r->reader, 0, 0, &sql);
    TRY(buf_check(&sql));
    return query_run_parquet(r, buf_str(&sql), true, out_answer, msg);
}

/* ---- a statement over one result ---- */

static err check_relation(const struct run *r, struct errmsg *msg)
{
    const struct sql_policy_result *s = &r->statement;
    for (size_t i = 0; i < s->table_count; i++) {
        bool is_main = s->tables[i].schema[0] == '\0' ||
                       str_eq_nocase(str_from(s->tables[i].schema), STR("main"));
        if (!is_main || !str_eq_nocase(str_from(s->tables[i].name), str_from(relation))) {
            (void)errmsg_set(msg, ERR_DENIED,
                             "a query over a result reads the relation \"%s\" and no other table; "
                             "\"%.100s\" can be asked with POST /api/v1/query",
                             relation, s->tables[i].name);
            msg->position = s->tables[i].position;
            return ERR_DENIED;
        }
    }
    return s->all_tables ? errmsg_set(msg, ERR_DENIED,
                                      "a query over a result reads the relation \"%s\" alone, not "
                                      "the list of tables",
                                      relation)
                         : ERR_OK;
}

err query_run_over(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    TRY(query_pass_gate(r, msg));
    TRY(check_relation(r, msg));
    TRY(open_result(r, msg));
    AUTO_BUF view = buf_make(16 << 20);
    results_add_select(r->reader, 0, 0, &view);
    TRY(buf_check(&view));
    TRY(catalog_session_lend(r->session, relation, buf_str(&view), msg));
    r->stage = STAGE_RUN;
    err e = query_run_statement(r, out_answer, msg);
    catalog_session_take_back(r->session, relation);
    return e;
}

/* ---- store ---- */

/* EXPLAIN cannot stand in a SELECT: its few rows of text become values. */
static err explain_values(struct run *r, struct buf *out, json_t *params, struct errmsg *msg)
{
    AUTO(sql_result) result = NULL;
    size_t rows = 0;
    TRY(sql_query_stream(conn_of(r), str_from(r->statement.sql), r->options->query->params, &result,
                         msg));
    TRY(sql_result_fetch(result, &rows, msg));
    size_t columns = sql_result_column_count(result);
    buf_puts(out, "SELECT * FROM (VALUES ");
    for (size_t row = 0; row < MIN(rows, (size_t)EXPLAIN_ROWS_MAX); row++) {
        buf_puts(out, row == 0 ? "(" : ",(");
        for (size_t i = 0; i < columns; i++) {
            bool is_null = sql_result_is_null(result, i, row);
            (void)json_array_append_new(
                params, is_null ? json_null()
                                : json_from_str(sql_result_str(result, i, row))); /* see below */
            buf_printf(out, "%s$%zu::VARCHAR", i == 0 ? "" : ",", row * columns + i + 1);
        }
        buf_puts(out, ")");
    }
    buf_puts(out, ") v");
    bool fits =
        rows > 0 && json_array_size(params) == MIN(rows, (size_t)EXPLAIN_ROWS_MAX) * columns;
    return fits ? buf_check(out) : errmsg_set(msg, ERR_FAILED, "there is no plan");
}

static err fill(struct run *r, size_t column_count, uint64_t *out_rows, struct errmsg *msg)
{
    const struct wire_query *query = r->options->query;
    enum sql_kind kind = r->statement.kind;
    struct sql_store *store = results_writer_store(r->writer);
    AUTO_BUF sql = buf_make(32 << 20);
    if (kind == SQL_KIND_EXPLAIN || kind == SQL_KIND_EXPLAIN_ANALYZE) {
        AUTO_JSON params = json_array();
        TRY(explain_values(r, &sql, params, msg));
        return sql_store_fill(store, conn_of(r), buf_str(&sql), column_count, params, out_rows,
                              msg);
    }
    buf_puts(&sql, query->limit > 0 ? "SELECT * FROM (" : "");
    size_t prefix = sql.len;
    buf_puts(&sql, r->statement.sql);
    if (query->limit > 0) {
        buf_printf(&sql, "\n) LIMIT %lld", (long long)query->limit);
    }
    TRY(buf_check(&sql));
    err e = sql_store_fill(store, conn_of(r), buf_str(&sql), column_count, query->params, out_rows,
                           msg);
    msg->position -= MIN(msg->position, (uint32_t)prefix); /* is about the statement */
    return e;
}

err query_run_store(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    json_t *columns = NULL;
    uint64_t rows = 0;
    TRY(query_come_to_tables(r, msg));
    TRY(sql_describe(conn_of(r), str_from(r->statement.sql), &columns, msg));
    AUTO_JSON owned = columns;
    r->stage = STAGE_RESULT;
    TRY(results_begin(r->options->results, conn_of(r), &r->writer, msg));
    r->stage = STAGE_RUN;
    err e = fill(r, json_array_size(columns), &rows, msg);
    if (e == ERR_OK) {
        e = catalog_lease_commit(r->lease, msg);
    }
    err why = results_writer_why(r->writer, e, msg);
    r->stage = why != e || results_writer_is_disk_full(r->writer) ? STAGE_RESULT : STAGE_RUN;
    TRY(why);
    r->stage = STAGE_RESULT;
    TRY(results_keep(&r->writer, TAKE(owned), rows, &r->reader, msg));
    e = write_window(r, 0, (uint64_t)r->options->query->limit_shown, store_tail, out_answer, msg);
    if (e != ERR_OK) { /* nobody knows its id */
        (void)results_drop(r->options->results, str_from(results_id(r->reader)), NULL);
    }
    out_answer->rows = rows;
    return e;
}
