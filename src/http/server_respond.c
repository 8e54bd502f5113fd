/* SPDX-License-Identifier: MIT */
/* server_respond.c - from a handler's answer to bytes in the exchange's buffer. Nothing is sent
 * here: the connection is marked, and the hook at the end of the turn sends what they all have.
 *
 * Whether the connection can be kept is decided when the answer's head is written: a client that
 * asked to close, a server that stops, and a body that has not ended and is long, of unknown length
 * or not even begun (100 Continue was never sent) all mean "Connection: close". */
#include <stdarg.h>

#include "http/server_int.h"

const char *http_status_phrase(int status)
{
    switch (status) {
#define PHRASE_(number, text)                                                                      \
    case number:                                                                                   \
        return text;
        PHRASE_(101, "Switching Protocols")
        PHRASE_(200, "OK")
        PHRASE_(201, "Created")
        PHRASE_(202, "Accepted")
        PHRASE_(204, "No Content")
        PHRASE_(206, "Partial Content")
        PHRASE_(301, "Moved Permanently")
        PHRASE_(302, "Found")
        PHRASE_(304, "Not Modified")
        PHRASE_(307, "Temporary Redirect")
        PHRASE_(308, "Permanent Redirect")
        PHRASE_(400, "Bad Request")
        PHRASE_(401, "Unauthorized")
        PHRASE_(403, "Forbidden")
        PHRASE_(404, "Not Found")
        PHRASE_(405, "Method Not Allowed")
        PHRASE_(406, "Not Acceptable")
        PHRASE_(408, "Request Timeout")
        PHRASE_(409, "Conflict")
        PHRASE_(410, "Gone")
        PHRASE_(411, "Length Required")
        PHRASE_(412, "Precondition Failed")
        PHRASE_(413, "Content Too Large")
        PHRASE_(414, "URI Too Long")
        PHRASE_(415, "Unsupported Media Type")
        PHRASE_(416, "Range Not Satisfiable")
        PHRASE_(417, "Expectation Failed")
        PHRASE_(421, "Misdirected Request")
        PHRASE_(422, "Unprocessable Content")
        PHRASE_(426, "Upgrade Required")
        PHRASE_(429, "Too Many Requests")
        PHRASE_(431, "Request Header Fields Too Large")
        PHRASE_(500, "Internal Server Error")
        PHRASE_(501, "Not Implemented")
        PHRASE_(502, "Bad Gateway")
        PHRASE_(503, "Service Unavailable")
        PHRASE_(504, "Gateway Timeout")
        PHRASE_(505, "HTTP Version Not Supported")
        PHRASE_(507, "Insufficient Storage")
#undef PHRASE_
    default:
        return "";
    }
}

int http_status_of(err e)
{
    switch (e) {
    case ERR_OK:
        return 200;
    case ERR_INVALID:
        return 400;
    case ERR_DENIED:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_EXISTS:
    case ERR_CONFLICT:
    case ERR_CANCELLED:
        return 409;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_RANGE:
        return 416;
    case ERR_LIMIT:
        return 429;
    case ERR_IO:
    case ERR_CORRUPT:
        return 500;
    case ERR_UNSUPPORTED:
        return 501;
    case ERR_NOMEM:
    case ERR_BUSY:
    case ERR_AGAIN:
    case ERR_CLOSED:
    case ERR_FAILED:
        return 503;
    case ERR_TIMEOUT:
        return 504;
    case ERR_NOSPACE:
        return 507;
    case ERR_COUNT:
        break;
    }
    return 500;
}

/* A handler's field may hold text from anywhere; a line break in it would forge headers. */
static bool is_field_clean(const struct http_field *f)
{
    for (size_t i = 0; i < f->value.len; i++) {
        unsigned char c = (unsigned char)f->value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

void respond_settle_body(struct http_exchange *ex)
{
    struct conn *c = ex->conn;
    if (ex->is_received) {
        return;
    }
    bool is_short = !ex->is_chunked_in && ex->length - ex->body_bytes <= HTTP_DRAIN_BYTES_MAX;
    bool is_empty = !ex->is_chunked_in && ex->length == 0;
    if (!is_empty && (!is_short || ex->wants_continue)) {
        ex->is_close_after = true;
    }
    ex->is_paused = false;
    if (ex->has_unread) {
        ex->has_unread = false;
        buf_deinit(&c->unread);
    }
    conn_mark_ready(c); /* the rest of the body is read and dropped */
}

/* What lets a browser show the answer to a page of another origin. An origin that is not named gets
 * nothing; caches must know that the answer depends on who asked. Credentials of the browser
 * (cookies of a proxy before us) are for origins that are named, never for "*". */
static void put_cors(struct http_exchange *ex)
{
    struct buf *out = &ex->out;
    bool is_any = false;
    if (ex->conn->server->options.cors_origin_count == 0) {
        return;
    }
    buf_puts(out, "vary: origin\r\n");
    if (!cors_allows(ex, &is_any)) {
        return;
    }
    buf_puts(out, "access-control-allow-origin: ");
    buf_add_str(out, is_any ? STR("*") : http_header(ex, "origin"));
    buf_puts(out, is_any ? "\r\n" : "\r\naccess-control-allow-credentials: true\r\n");
    buf_puts(out,
             "access-control-expose-headers: retry-after, location, etag, content-disposition, "
             "www-authenticate, allow\r\n");
}

/* Everything up to the empty line; `length` < 0 for streamed answers. */
static void put_head(struct http_exchange *ex, int status, const struct http_field *fields,
                     size_t field_count, int64_t length)
{
    struct http_server *server = ex->conn->server;
    struct buf *out = &ex->out;
    ex->status = status;
    ex->drops_body = ex->method == HTTP_HEAD || status == 204 || status == 304;
    ex->is_close_after =
        ex->is_close_after || !ex->is_keep_alive || (server->is_stopping && ex->next == NULL);
    if (length < 0 && !ex->drops_body) {
        ex->is_chunked_out = !ex->is_http10;
        ex->is_close_after = ex->is_close_after || ex->is_http10;
    }
    (void)buf_reserve(out, 256); /* failure is sticky and found when sent */
    buf_puts(out, "HTTP/1.1 ");
    buf_add_u64(out, (uint64_t)status);
    buf_add_byte(out, ' ');
    buf_puts(out, http_status_phrase(status));
    buf_puts(out, "\r\ndate: ");
    buf_puts(out, server_date(server));
    buf_puts(out, "\r\nx-content-type-options: nosniff\r\n");
    if (ex->is_chunked_out) {
        buf_puts(out, "transfer-encoding: chunked\r\n");
    } else if (length >= 0 && status != 204 && status != 304) {
        buf_puts(out, "content-length: ");
        buf_add_u64(out, (uint64_t)length);
        buf_puts(out, "\r\n");
    }
    if (ex->is_close_after) {
        buf_puts(out, "connection: close\r\n");
    } else if (ex->is_http10) {
        buf_puts(out, "connection: keep-alive\r\n");
    }
    put_cors(ex);
    for (size_t i = 0; i < field_count; i++) {
        if (is_field_clean(&fields[i])) {
            buf_puts(out, fields[i].name);
            buf_puts(out, ": ");
            buf_add_str(out, fields[i].value);
            buf_puts(out, "\r\n");
        }
    }
    buf_puts(out, "\r\n");
}

/* The handler is done with the exchange. */
static void answer_ended(struct http_exchange *ex)
{
    struct conn *c = ex->conn;
    ex->answer = ANSWER_ENDED;
    ex->was_full = false;
    if (ex->is_close_after && !ex->is_received) {
        c->is_stop_parsing = true;
    }
    if (ex->out.failed) {
        conn_kill(c);
    }
    conn_mark_dirty(c);
}

void http_respond(struct http_exchange *ex, int status, const struct http_field *fields,
                  size_t field_count, struct str body)
{
    ASSERT(ex->answer == ANSWER_NONE);
    ASSERT(status >= 200 && status <= 599);
    respond_settle_body(ex);
    put_head(ex, status, fields, field_count, (int64_t)body.len);
    if (!ex->drops_body) {
        buf_add_str(&ex->out, body);
    }
    answer_ended(ex);
}

void http_problem_fields(struct http_exchange *ex, int status, const char *code, struct str detail,
                         struct str extra_members, const struct http_field *fields,
                         size_t field_count)
{
    AUTO_BUF body = buf_make(HTTP_OUT_BYTES_MAX);
    buf_puts(&body, "{\"type\":\"about:blank\",\"title\":");
    buf_add_json_string(&body, str_from(http_status_phrase(status)));
    buf_puts(&body, ",\"status\":");
    buf_add_u64(&body, (uint64_t)status);
    buf_puts(&body, ",\"code\":");
    buf_add_json_string(&body, str_from(code));
    buf_puts(&body, ",\"detail\":");
    buf_add_json_string(&body, detail);
    if (extra_members.len > 0) {
        buf_add_byte(&body, ',');
        buf_add_str(&body, extra_members);
    }
    buf_puts(&body, "}\n");
    struct http_field all[8] = {{"content-type", STR("application/problem+json")}};
    size_t count = MIN(field_count, ARRAY_LEN(all) - 1);
    ASSERT(count == field_count);
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = fields[i];
    }
    http_respond(ex, status, all, count + 1, body.failed ? STR("") : buf_str(&body));
}

void http_problem(struct http_exchange *ex, int status, const char *code, struct str detail,
                  struct str extra_members)
{
    http_problem_fields(ex, status, code, detail, extra_members, NULL, 0);
}

void http_problemf(struct http_exchange *ex, int status, const char *code, const char *format, ...)
{
    AUTO_BUF detail = buf_make(4096);
    va_list args;
    va_start(args, format);
    (void)buf_vprintf(&detail, format, args); /* a detail over 4 KiB is left out */
    va_end(args);
    http_problem(ex, status, code, buf_str(&detail), (struct str){NULL, 0});
}

void http_problem_err(struct http_exchange *ex, err e, const struct errmsg *msg)
{
    int status = http_status_of(e);
    struct str detail = str_from(msg != NULL && msg->text[0] != '\0' ? msg->text : err_text(e));
    struct http_field retry = {"retry-after", status == 507 ? STR("10") : STR("1")};
    bool is_retry = status == 429 || status == 503 || status == 507;
    http_problem_fields(ex, status, err_name(e), detail, (struct str){NULL, 0}, &retry,
                        is_retry ? 1 : 0);
}

void respond_problem(struct http_exchange *ex, int status, const char *code, const char *detail,
                     const struct http_field *fields, size_t field_count)
{
    http_problem_fields(ex, status, code, str_from(detail), (struct str){NULL, 0}, fields,
                        field_count);
}

/* ---- streamed answers ---- */

void http_respond_begin(struct http_exchange *ex, int status, const struct http_field *fields,
                        size_t field_count)
{
    ASSERT(ex->answer == ANSWER_NONE);
    ASSERT(status >= 200 && status <= 599);
    put_head(ex, status, fields, field_count, -1);
    ex->answer = ANSWER_STREAMING;
    conn_mark_dirty(ex->conn);
}

void http_upgrade(struct http_exchange *ex, struct str protocol, const struct http_field *fields,
                  size_t field_count)
{
    ASSERT(ex->answer == ANSWER_NONE);
    ASSERT(http_upgrade_wanted(ex, protocol));
    ASSERT(ex->conn->receiving == ex); /* within on_request */
    struct buf *out = &ex->out;
    buf_puts(out, "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ");
    buf_add_str(out, protocol);
    buf_puts(out, "\r\ndate: ");
    buf_puts(out, server_date(ex->conn->server));
    buf_puts(out, "\r\n");
    for (size_t i = 0; i < field_count; i++) {
        if (is_field_clean(&fields[i])) {
            buf_puts(out, fields[i].name);
            buf_puts(out, ": ");
            buf_add_str(out, fields[i].value);
            buf_puts(out, "\r\n");
        }
    }
    buf_puts(out, "\r\n");
    ex->status = 101;
    ex->is_upgraded = true;
    ex->is_close_after = true; /* once it ends there is no way back to HTTP */
    ex->answer = ANSWER_STREAMING;
    conn_mark_dirty(ex->conn);
}

void http_respond_chunk(struct http_exchange *ex, struct str piece)
{
    ASSERT(ex->answer == ANSWER_STREAMING);
    if (piece.len == 0 || ex->drops_body || ex->conn->is_dead) {
        return;
    }
    struct buf *out = &ex->out;
    if (ex->out_at > 0 && ex->out_at >= out->len / 2) {
        buf_consume(out, ex->out_at);
        ex->out_at = 0;
    }
    if (ex->is_chunked_out) {
        char size[24];
        int len = snprintf(size, sizeof size, "%zx\r\n", piece.len);
        buf_add(out, size, (size_t)len);
    }
    buf_add_str(out, piece);
    if (ex->is_chunked_out) {
        buf_puts(out, "\r\n");
    }
    if (out->failed) {
        conn_kill(ex->conn);
    }
    conn_mark_dirty(ex->conn);
}

void http_respond_end(struct http_exchange *ex)
{
    ASSERT(ex->answer == ANSWER_STREAMING);
    if (ex->is_chunked_out) {
        buf_puts(&ex->out, "0\r\n\r\n");
    }
    respond_settle_body(ex);
    answer_ended(ex);
}

void http_respond_abort(struct http_exchange *ex)
{
    ASSERT(ex->answer == ANSWER_STREAMING);
    ex->answer = ANSWER_ENDED;
    ex->route = NULL;
    conn_kill(ex->conn);
}

size_t http_buffered_bytes(const struct http_exchange *ex)
{
    return ex->out.len - ex->out_at;
}

bool http_writable(struct http_exchange *ex)
{
    bool is_full = http_buffered_bytes(ex) >= ex->conn->server->options.write_buffer_bytes;
    ex->was_full = ex->was_full || is_full; /* asking is what arms on_writable */
    return !is_full;
}

void http_end_on_stop(struct http_exchange *ex)
{
    ex->ends_on_stop = true;
}

void http_close_after(struct http_exchange *ex)
{
    ex->is_close_after = true;
}
