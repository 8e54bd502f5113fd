/* SPDX-License-Identifier: MIT */
/* query.c - see query.h. */
#include "flow/query.h"

#include "flow/query_int.h"
#include "os/clock.h"
#include "os/file.h"

enum { PARQUET_CHUNK_BYTES = 64 << 10 };

static const char parquet_type[] = "application/vnd.apache.parquet";

/* Of a stored result, or of what was to become one. */
static const char *result_code_of(err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return "result_gone";
    case ERR_TOO_LARGE:
        return "result_too_large";
    case ERR_LIMIT:
        return "results_full";
    case ERR_INVALID:
        return "invalid";
    case ERR_CANCELLED:
        return "query_cancelled";
    case ERR_NOMEM:
        return "query_out_of_memory";
    case ERR_NOSPACE:
        return "disk_full";
    case ERR_UNSUPPORTED:
        return "unsupported"; /* a type that has no form in an answer */
    default:
        return "internal";
    }
}

static const char *code_of(err e, enum stage stage)
{
    if (stage == STAGE_RESULT) {
        return result_code_of(e);
    }
    switch (e) {
    case ERR_CANCELLED:
        return "query_cancelled";
    case ERR_NOMEM:
    case ERR_NOSPACE:
        return "query_out_of_memory";
    case ERR_DENIED:
        return stage == STAGE_TABLES ? "internal" : "sql_not_allowed";
    case ERR_NOT_FOUND:
        return stage == STAGE_TABLES ? "table_not_found" : "sql_invalid";
    case ERR_INVALID:
        return stage == STAGE_TABLES ? "file_unreadable" : "sql_invalid"; /* of the files folder */
    case ERR_CORRUPT:
        return "log_damaged";
    case ERR_RANGE:
        return "log_cut";
    case ERR_UNSUPPORTED:
        return stage == STAGE_TABLES ? "unsupported" : "sql_invalid";
    case ERR_TOO_LARGE:
    case ERR_LIMIT:
        return stage == STAGE_TABLES ? "internal" : "sql_invalid";
    default:
        return "internal";
    }
}

static void run_deinit(struct run *r)
{
    results_reader_free(r->reader);
    results_writer_free(r->writer); /* before its transaction ends: it takes the file away */
    catalog_lease_free(r->lease);
    sql_policy_deinit(&r->statement);
}

err query_write_head(struct run *r, struct errmsg *msg)
{
    if (r->has_head) {
        return ERR_OK;
    }
    r->has_head = true;
    return r->output->head(r->output->ctx, str_from(r->content_type), msg);
}

err query_write_data(void *ctx, struct str bytes, struct errmsg *msg)
{
    struct run *r = ctx;
    TRY(query_write_head(r, msg));
    return r->output->data(r->output->ctx, bytes, msg);
}

static void write_tail(void *ctx, const struct sql_answer *answer, struct buf *out)
{
    const struct run *r = ctx;
    (void)answer;
    buf_printf(out, ",\"elapsed_ms\":%.3f", (double)(os_mono_us() - r->options->started_us) / 1000);
    if (r->lease != NULL) { /* a statement over a stored result has none */
        catalog_lease_write(r->lease, out);
    }
}

/* The answer as a file in the scratch folder first: Parquet's end must be known to write it. */
err query_run_parquet(struct run *r, struct str sql, bool keeps_order,
                      struct sql_answer *out_answer, struct errmsg *msg)
{
    if (r->options->scratch_dir == NULL) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "Parquet answers need a scratch folder");
    }
    r->content_type = parquet_type;
    struct uuid_text name = os_uuid_new();
    AUTO_TEXT path = xasprintf("%s/%s.parquet", r->options->scratch_dir, name.text);
    struct sql_conn *conn = catalog_session_conn(r->session);
    err e =
        sql_query_parquet(conn, sql, r->options->query->params, (uint64_t)r->options->query->limit,
                          keeps_order, path, out_answer, msg);
    AUTO_FD fd = -1;
    if (e == ERR_OK) {
        e = os_open(path, O_RDONLY, &fd, msg);
    }
    (void)os_unlink(path, NULL); /* not there when nothing was written */
    TRY(e);
    AUTO_BUF chunk = buf_make(PARQUET_CHUNK_BYTES);
    if (!buf_reserve(&chunk, PARQUET_CHUNK_BYTES)) {
        return ERR_NOMEM;
    }
    for (uint64_t at = 0;;) {
        size_t got = 0;
        TRY(os_pread(fd, chunk.data, PARQUET_CHUNK_BYTES, at, &got, msg));
        if (got == 0) {
            return ERR_OK;
        }
        TRY(query_write_data(r, str_of(chunk.data, got), msg));
        at += got;
    }
}

enum sql_format query_format(const struct run *r)
{
    struct str format = r->options->query->format;
    return str_is(format, "csv")      ? SQL_FORMAT_CSV
           : str_is(format, "ndjson") ? SQL_FORMAT_NDJSON
                                      : SQL_FORMAT_JSON;
}

static err run_rows(struct run *r, enum sql_format format, struct sql_answer *out_answer,
                    struct errmsg *msg)
{
    const struct wire_query *query = r->options->query;
    AUTO(sql_result) result = NULL;
    TRY(sql_query_stream(catalog_session_conn(r->session), str_from(r->statement.sql),
                         query->params, &result, msg));
    struct sql_format_options options = {
        .format = format,
        .int64_strings = query->int64_as_string,
        .rows_max = (uint64_t)query->limit,
        .tail = write_tail,
        .tail_ctx = r,
        .rows_done = r->options->counts == NULL ? NULL : &r->options->counts->rows,
    };
    r->content_type = sql_format_content_type(format);
    return sql_format_stream(result, &options, query_write_data, r, out_answer, msg);
}

err query_run_statement(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    struct str format = r->options->query->format;
    if (str_is(format, "parquet")) {
        return query_run_parquet(r, str_from(r->statement.sql), false, out_answer, msg);
    }
    return run_rows(r, query_format(r), out_answer, msg);
}

err query_pass_gate(struct run *r, struct errmsg *msg)
{
    r->stage = STAGE_GATE;
    return sql_policy_check(catalog_session_conn(r->session), r->options->query->sql, &r->statement,
                            msg);
}

err query_come_to_tables(struct run *r, struct errmsg *msg)
{
    TRY(query_pass_gate(r, msg));
    r->stage = STAGE_TABLES;
    TRY(catalog_prepare(r->session, &r->statement, r->options->cancel, &r->lease, msg));
    if (r->options->counts != NULL) {
        atomic_store(&r->options->counts->bytes_total, catalog_lease_bytes(r->lease));
    }
    r->stage = STAGE_RUN;
    return ERR_OK;
}

static err run_plainly(struct run *r, struct sql_answer *answer, struct errmsg *msg)
{
    TRY(query_come_to_tables(r, msg));
    return query_run_statement(r, answer, msg);
}

static err run_for_purpose(struct run *r, struct sql_answer *answer, struct errmsg *msg)
{
    static const struct {
        const char *purpose;
        err (*run)(struct run *r, struct sql_answer *answer, struct errmsg *msg);
        bool needs_results;
    } rows[] = {
        {"", run_plainly, false},           {"check", query_run_check, false},
        {"store", query_run_store, true},   {"window", query_run_window, true},
        {"export", query_run_export, true}, {"over", query_run_over, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_is(r->options->query->purpose, rows[i].purpose)) {
            if (rows[i].needs_results && r->options->results == NULL) {
                return errmsg_set(msg, ERR_UNSUPPORTED, "only a server keeps results");
            }
            TRY(rows[i].run(r, answer, msg));
            return query_write_head(r, msg); /* an answer may have no bytes */
        }
    }
    return errmsg_set(msg, ERR_UNSUPPORTED, "nothing is known of such a purpose");
}

/* From a byte of the text that ran to the character of the text that was sent. What was rewritten
 * has none; nor has what lies outside: a place in the text of a view. */
static uint32_t position_of(const struct run *r, uint32_t byte)
{
    struct str sql = r->options->query->sql;
    size_t at = byte;
    if (at > 0 && r->stage == STAGE_RUN) {
        if (r->statement.sql_prefix == SIZE_MAX || at <= r->statement.sql_prefix) {
            return 0;
        }
        at = at - r->statement.sql_prefix + r->statement.sql_from;
    }
    if (at == 0 || at > sql.len + 1) {
        return 0;
    }
    uint32_t characters = 1;
    for (size_t i = 1; i < at; i++) {
        characters += i < sql.len && ((unsigned char)sql.ptr[i] & 0xc0) != 0x80;
    }
    return characters;
}

err query_run(struct catalog_session *s, const struct query_options *options,
              const struct query_output *output, struct wire_done *out_done, const char **out_code,
              struct errmsg *msg)
{
    ASSERT(options->query->limit >= 0);
    struct run r = {.session = s, .options = options, .output = output};
    struct sql_answer answer = {0};
    struct errmsg local = {0};
    err e = run_for_purpose(&r, &answer, &local);
    uint32_t position = position_of(&r, local.position);
    run_deinit(&r);
    if (e != ERR_OK) {
        *out_code = code_of(e, r.stage);
        (void)errmsg_set(msg, e, "%s", local.text[0] != '\0' ? local.text : err_text(e));
        msg->position = position;
        return e;
    }
    *out_done = (struct wire_done){.rows = (int64_t)answer.rows,
                                   .truncated = answer.is_truncated,
                                   .elapsed_us = os_mono_us() - options->started_us};
    return ERR_OK;
}
