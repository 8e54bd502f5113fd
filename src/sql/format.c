/* SPDX-License-Identifier: MIT */
/* format.c - whole answers: head, rows, tail, handed out in pieces of at most SQL_WRITE_BYTES_MAX.
 * */
#include "sql/format.h"

#include "os/file.h"
#include "sql/format_int.h"

struct encoder {
    struct sql_result *result; /* borrowed */
    const struct sql_format_options *options;
    struct value_node *columns; /* owned */
    size_t count;
    struct str *names; /* owned: NDJSON's "name": with what precedes it */
    struct buf out;
    sql_write_fn *write;
    void *write_ctx;
    struct sql_answer answer;
};

const char *sql_format_content_type(enum sql_format format)
{
    switch (format) {
    case SQL_FORMAT_JSON:
        return "application/json";
    case SQL_FORMAT_NDJSON:
        return "application/x-ndjson";
    case SQL_FORMAT_CSV:
        return "text/csv; charset=utf-8; header=present";
    }
    return "application/octet-stream";
}

static void encoder_deinit(struct encoder *e)
{
    for (size_t i = 0; i < e->count; i++) {
        value_node_deinit(&e->columns[i]);
        free((void *)(uintptr_t)e->names[i].ptr);
    }
    free(e->columns);
    free(e->names);
    buf_deinit(&e->out);
}

static void name_column(struct encoder *e, size_t index)
{
    AUTO_BUF text = buf_make(16 << 20);
    buf_add_byte(&text, index == 0 ? '{' : ',');
    value_add_json_text(str_from(sql_result_column_name(e->result, index)), &text);
    buf_add_byte(&text, ':');
    size_t len = text.len;
    e->names[index] = str_of(xstrndup(buf_cstr(&text), len), len);
}

static err encoder_init(struct encoder *e, struct errmsg *msg)
{
    size_t count = sql_result_column_count(e->result);
    e->columns = xnew_array(struct value_node, count + 1);
    e->names = xnew_array(struct str, count + 1);
    e->out = buf_make(SQL_ROW_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        e->count++;
        name_column(e, i);
        err result = value_node_init(&e->columns[i], e->result->columns[i].type, msg);
        if (result != ERR_OK) {
            return errmsg_wrap(msg, result, "column %s", sql_result_column_name(e->result, i));
        }
    }
    return ERR_OK;
}

/* Hands out what has gathered; keeps less than a piece back unless `is_last`. */
static err flush(struct encoder *e, bool is_last, struct errmsg *msg)
{
    if (e->out.failed) {
        return errmsg_set(msg, ERR_TOO_LARGE, "a row of the answer is larger than %d MiB",
                          SQL_ROW_BYTES_MAX >> 20);
    }
    size_t at = 0;
    while (e->out.len - at >= SQL_WRITE_BYTES_MAX || (is_last && at < e->out.len)) {
        size_t len = MIN(e->out.len - at, (size_t)SQL_WRITE_BYTES_MAX);
        TRY(e->write(e->write_ctx, str_of(e->out.data + at, len), msg));
        at += len;
    }
    e->answer.bytes += at;
    buf_consume(&e->out, at);
    if (e->out.cap > 4 * SQL_WRITE_BYTES_MAX && e->out.len < SQL_WRITE_BYTES_MAX) {
        struct buf smaller = buf_make(SQL_ROW_BYTES_MAX);
        buf_add_str(&smaller, buf_str(&e->out)); /* a huge row is over: give its room back */
        buf_deinit(&e->out);
        e->out = smaller;
    }
    return ERR_OK;
}

static void add_head(struct encoder *e)
{
    if (e->options->format == SQL_FORMAT_JSON) {
        buf_puts(&e->out, "{\"columns\":[");
        for (size_t i = 0; i < e->count; i++) {
            buf_puts(&e->out, i > 0 ? ",{\"name\":" : "{\"name\":");
            value_add_json_text(str_from(sql_result_column_name(e->result, i)), &e->out);
            buf_puts(&e->out, ",\"type\":");
            value_add_json_text(str_from(sql_result_column_type(e->result, i)), &e->out);
            buf_add_byte(&e->out, '}');
        }
        buf_puts(&e->out, "],\"rows\":[");
    } else if (e->options->format == SQL_FORMAT_CSV) {
        for (size_t i = 0; i < e->count; i++) {
            struct str name = str_from(sql_result_column_name(e->result, i));
            if (i > 0) {
                buf_add_byte(&e->out, ',');
            }
            value_add_csv_text(name, e->options->guard_formulas, &e->out);
        }
        buf_puts(&e->out, "\r\n");
    }
}

static void add_row(struct encoder *e, size_t row)
{
    struct value_style style = {.int64_strings = e->options->int64_strings};
    struct buf *out = &e->out;
    if (e->options->format == SQL_FORMAT_JSON) {
        buf_add(out, ",[", e->answer.rows > 0 ? 2 : 0);
        if (e->answer.rows == 0) {
            buf_add_byte(out, '[');
        }
        for (size_t i = 0; i < e->count; i++) {
            if (i > 0) {
                buf_add_byte(out, ',');
            }
            value_add_json(&e->columns[i], row, &style, out);
        }
        buf_add_byte(out, ']');
    } else if (e->options->format == SQL_FORMAT_NDJSON) {
        for (size_t i = 0; i < e->count; i++) {
            buf_add_str(out, e->names[i]);
            value_add_json(&e->columns[i], row, &style, out);
        }
        buf_puts(out, e->count > 0 ? "}\n" : "{}\n");
    } else {
        for (size_t i = 0; i < e->count; i++) {
            if (i > 0) {
                buf_add_byte(out, ',');
            }
            value_add_csv(&e->columns[i], row, e->options->guard_formulas, out);
        }
        buf_add(out, "\r\n", 2);
    }
    e->answer.rows++;
}

static err next_result(struct encoder *e, bool *out_has_more, struct errmsg *msg)
{
    struct sql_result *next = NULL;
    if (e->options->next != NULL) {
        TRY(e->options->next(e->options->next_ctx, &next, msg));
    }
    *out_has_more = next != NULL;
    e->result = next != NULL ? next : e->result;
    return ERR_OK;
}

/* True when no further row may be written. */
static bool is_full(const struct encoder *e)
{
    const struct sql_format_options *o = e->options;
    return (o->rows_max > 0 && e->answer.rows >= o->rows_max) ||
           (o->bytes_max > 0 && e->answer.rows > 0 && e->answer.bytes + e->out.len >= o->bytes_max);
}

static err add_rows(struct encoder *e, struct errmsg *msg)
{
    for (bool has_more = true; has_more;) {
        size_t rows = 0;
        TRY(sql_result_fetch(e->result, &rows, msg));
        if (rows == 0) {
            TRY(next_result(e, &has_more, msg));
            continue;
        }
        for (size_t i = 0; i < e->count; i++) {
            value_node_load(&e->columns[i], e->result->columns[i].vector);
        }
        if (e->options->rows_done != NULL) {
            atomic_store(e->options->rows_done, e->answer.rows);
        }
        for (size_t row = 0; row < rows; row++) {
            if (is_full(e)) {
                e->answer.is_truncated = true;
                return ERR_OK;
            }
            add_row(e, row);
            if (e->out.len >= SQL_WRITE_BYTES_MAX || e->out.failed) {
                TRY(flush(e, false, msg));
            }
        }
    }
    return ERR_OK;
}

static err stream(struct encoder *e, struct errmsg *msg)
{
    TRY(encoder_init(e, msg));
    add_head(e);
    TRY(add_rows(e, msg));
    if (e->options->format == SQL_FORMAT_JSON) {
        buf_puts(&e->out, "],\"row_count\":");
        buf_add_u64(&e->out,
                    e->options->row_count != NULL ? *e->options->row_count : e->answer.rows);
        buf_puts(&e->out, e->answer.is_truncated ? ",\"truncated\":true" : ",\"truncated\":false");
        if (e->options->tail != NULL) {
            e->options->tail(e->options->tail_ctx, &e->answer, &e->out);
        }
        buf_puts(&e->out, "}\n");
    }
    return flush(e, true, msg);
}

err sql_format_stream(struct sql_result *result, const struct sql_format_options *options,
                      sql_write_fn *write, void *write_ctx, struct sql_answer *out_answer,
                      struct errmsg *msg)
{
    ASSERT(result != NULL);
    ASSERT(write != NULL);
    struct encoder encoder = {
        .result = result, .options = options, .write = write, .write_ctx = write_ctx};
    err e = stream(&encoder, msg);
    if (e == ERR_OK && out_answer != NULL) {
        *out_answer = encoder.answer;
    }
    encoder_deinit(&encoder);
    return e;
}

/* --- Parquet --- */

/* DuckDB takes a value that the format has no form for as a failure of writing. */
static err parquet_error(err e, const struct errmsg *own, struct errmsg *msg)
{
    if (strstr(own->text, "do not support negative intervals") != NULL) {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "Parquet has no negative intervals; cast the column to VARCHAR, or ask "
                          "for another format");
    }
    if (msg != NULL) {
        *msg = *own;
    }
    return e;
}

static err copy_to_file(struct sql_conn *conn, struct str sql, const json_t *params,
                        uint64_t rows_max, bool keeps_order, const char *path, int64_t *out_rows,
                        struct errmsg *msg)
{
    AUTO_BUF copy = buf_make(16 << 20);
    buf_puts(&copy, "COPY (");
    if (rows_max > 0) {
        buf_puts(&copy, "SELECT * FROM (");
    }
    buf_add_str(&copy, sql);
    buf_puts(&copy, "\n)"); /* the statement may end in a comment */
    if (rows_max > 0) {
        buf_printf(&copy, " LIMIT %llu)", (unsigned long long)rows_max);
    }
    buf_puts(&copy, " TO ");
    sql_add_text(&copy, str_from(path));
    buf_puts(&copy, " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1");
    buf_puts(&copy, keeps_order ? ", PRESERVE_ORDER true)" : ")");
    TRY(buf_check(&copy));
    AUTO(sql_result) result = NULL;
    size_t rows = 0;
    struct errmsg own = {0};
    err e = sql_query_stream(conn, buf_str(&copy), params, &result, &own);
    if (e == ERR_OK) {
        e = sql_result_fetch(result, &rows, &own);
    }
    if (e != ERR_OK) {
        return parquet_error(e, &own, msg);
    }
    ASSERT(rows == 1);
    *out_rows = sql_result_i64(result, 0, 0);
    return ERR_OK;
}

err sql_query_parquet(struct sql_conn *conn, struct str sql, const json_t *params,
                      uint64_t rows_max, bool keeps_order, const char *path,
                      struct sql_answer *out_answer, struct errmsg *msg)
{
    int64_t rows = 0;
    TRY(copy_to_file(conn, sql, params, rows_max, keeps_order, path, &rows, msg));
    struct os_stat stat = {0};
    TRY(os_stat(path, &stat, msg));
    *out_answer = (struct sql_answer){.rows = (uint64_t)rows,
                                      .bytes = stat.size_bytes,
                                      .is_truncated = rows_max > 0 && (uint64_t)rows >= rows_max};
    return ERR_OK;
}
