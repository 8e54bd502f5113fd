/* SPDX-License-Identifier: MIT */
/* query.c - see query.h. */
#include "flow/query.h"

#include "os/clock.h"
#include "os/file.h"
#include "sql/format.h"
#include "sql/policy.h"

enum { PARQUET_CHUNK_BYTES = 64 << 10 };

static const char parquet_type[] = "application/vnd.apache.parquet";

/* Where in the way an error came up: the same code means different things to the user. */
enum stage { STAGE_GATE, STAGE_TABLES, STAGE_RUN };

static const char *code_of(err e, enum stage stage)
{
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

struct run {
    struct catalog_session *session; /* borrowed, as the next ones */
    const struct query_options *options;
    const struct query_output *output;
    struct catalog_lease *lease; /* owned */
    struct sql_policy_result statement;
    const char *content_type;
    bool has_head;
};

static void run_deinit(struct run *r)
{
    catalog_lease_free(r->lease);
    sql_policy_deinit(&r->statement);
}

static err write_head(struct run *r, struct errmsg *msg)
{
    if (r->has_head) {
        return ERR_OK;
    }
    r->has_head = true;
    return r->output->head(r->output->ctx, str_from(r->content_type), msg);
}

static err write_data(void *ctx, struct str bytes, struct errmsg *msg)
{
    struct run *r = ctx;
    TRY(write_head(r, msg));
    return r->output->data(r->output->ctx, bytes, msg);
}

static void write_tail(void *ctx, const struct sql_answer *answer, struct buf *out)
{
    const struct run *r = ctx;
    (void)answer;
    buf_printf(out, ",\"elapsed_ms\":%.3f", (double)(os_mono_us() - r->options->started_us) / 1000);
    catalog_lease_write(r->lease, out);
}

/* The answer as a file in the scratch folder first: Parquet's end must be known to write it. */
static err run_parquet(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    if (r->options->scratch_dir == NULL) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "Parquet answers need a scratch folder");
    }
    r->content_type = parquet_type;
    struct uuid_text name = os_uuid_new();
    AUTO_TEXT path = xasprintf("%s/%s.parquet", r->options->scratch_dir, name.text);
    struct sql_conn *conn = catalog_session_conn(r->session);
    err e = sql_query_parquet(conn, str_from(r->statement.sql), r->options->query->params,
                              (uint64_t)r->options->query->limit, path, out_answer, msg);
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
        TRY(write_data(r, str_of(chunk.data, got), msg));
        at += got;
    }
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
    return sql_format_stream(result, &options, write_data, r, out_answer, msg);
}

static err run_statement(struct run *r, struct sql_answer *out_answer, struct errmsg *msg)
{
    struct str format = r->options->query->format;
    if (str_is(format, "parquet")) {
        return run_parquet(r, out_answer, msg);
    }
    enum sql_format rows = str_is(format, "csv")      ? SQL_FORMAT_CSV
                           : str_is(format, "ndjson") ? SQL_FORMAT_NDJSON
                                                      : SQL_FORMAT_JSON;
    return run_rows(r, rows, out_answer, msg);
}

static err run_stages(struct run *r, struct sql_answer *answer, enum stage *stage,
                      struct errmsg *msg)
{
    struct sql_conn *conn = catalog_session_conn(r->session);
    *stage = STAGE_GATE;
    TRY(sql_policy_check(conn, r->options->query->sql, &r->statement, msg));
    *stage = STAGE_TABLES;
    TRY(catalog_prepare(r->session, &r->statement, r->options->cancel, &r->lease, msg));
    if (r->options->counts != NULL) {
        atomic_store(&r->options->counts->bytes_total, catalog_lease_bytes(r->lease));
    }
    *stage = STAGE_RUN;
    TRY(run_statement(r, answer, msg));
    return write_head(r, msg); /* an answer may have no bytes */
}

/* From a byte of the text that ran to the character of the text that was sent. What was rewritten
 * has none; nor has what lies outside: a place in the text of a view. */
static uint32_t position_of(const struct run *r, enum stage stage, uint32_t byte)
{
    struct str sql = r->options->query->sql;
    size_t at = byte;
    if (at > 0 && stage == STAGE_RUN) {
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
    enum stage stage = STAGE_GATE;
    struct errmsg local = {0};
    err e = run_stages(&r, &answer, &stage, &local);
    uint32_t position = position_of(&r, stage, local.position);
    run_deinit(&r);
    if (e != ERR_OK) {
        *out_code = code_of(e, stage);
        (void)errmsg_set(msg, e, "%s", local.text[0] != '\0' ? local.text : err_text(e));
        msg->position = position;
        return e;
    }
    *out_done = (struct wire_done){.rows = (int64_t)answer.rows,
                                   .truncated = answer.is_truncated,
                                   .elapsed_us = os_mono_us() - options->started_us};
    return ERR_OK;
}
