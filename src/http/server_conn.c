/* SPDX-License-Identifier: MIT */
/* server_conn.c - one connection.
 *
 * Input: epoll says once that there is something (edge); conn_process() then reads until the socket
 * is empty or the turn's share is used, and feeds the parser. It stops when the exchange being
 * received is paused, when HTTP_PIPELINE_MAX exchanges wait for answers, or when the client lets
 * answers pile up; what was read and not parsed is kept in `rest`, and the socket fills: TCP holds
 * the client back.
 *
 * Output: conn_flush() sends what the first exchange has, and the next ones' once the first is
 * complete, with one system call. An exchange leaves when it is answered, sent and received.
 *
 * Ways to end:  conn_kill()   at once, the hook frees it (client gone, write failed, too slow)
 *               linger        answered with "close": shut our side, drop input until the client
 *                             closes, 1 MiB has come or 2 s have passed; closing at once could
 *                             reset the connection before the client has read the answer
 *               half-closed   the client sends no more: it is served for half_close_ms, as it may
 *                             just be gone */
#include "base/log.h"
#include "http/server_int.h"
#include "os/file.h"

enum {
    READS_PER_TURN = 4,
    SEND_PARTS = HTTP_PIPELINE_MAX,
};

/* What waits in the connection's answers, in the server's sum. */
static void count_answers(struct conn *c, uint64_t bytes)
{
    c->server->answer_bytes += bytes - c->counted_bytes; /* wraps to the difference */
    c->counted_bytes = bytes;
}

/* ---- exchanges ---- */

struct http_exchange *exchange_new(struct conn *c)
{
    struct http_server *server = c->server;
    struct http_exchange *ex = server->pool;
    if (ex != NULL) {
        server->pool = ex->next;
        server->pool_count--;
    } else {
        ex = xnew(struct http_exchange);
        ex->head = buf_make(HTTP_HEAD_STORE_MAX);
        ex->out = buf_make(HTTP_OUT_BYTES_MAX);
    }
    ex->conn = c;
    ex->next = NULL;
    ex->id = ++server->next_id;
    ex->started_us = reactor_now_us(server->reactor);
    if (c->last == NULL) {
        c->first = ex;
    } else {
        c->last->next = ex;
    }
    c->last = ex;
    c->exchange_count++;
    return ex;
}

static void exchange_free(struct http_exchange *ex)
{
    buf_deinit(&ex->head);
    buf_deinit(&ex->out);
    free(ex);
}

void exchange_recycle(struct http_server *server, struct http_exchange *ex)
{
    if (server->pool_count >= HTTP_POOL_MAX) {
        exchange_free(ex);
        return;
    }
    struct buf head = ex->head;
    struct buf out = ex->out;
    if (head.cap > 4096) {
        buf_deinit(&head);
    }
    if (out.cap > 4096) {
        buf_deinit(&out);
    }
    buf_reset(&head);
    buf_reset(&out);
    /* All but the headers' table, which its count guards; its first entry must be clean. */
    memset(ex, 0, offsetof(struct http_exchange, headers));
    ex->headers[0] = (struct header_ref){0};
    ex->head = head;
    ex->out = out;
    ex->next = server->pool;
    server->pool = ex;
    server->pool_count++;
}

size_t conn_out_bytes(const struct conn *c)
{
    size_t total = 0;
    for (const struct http_exchange *ex = c->first; ex != NULL; ex = ex->next) {
        total += ex->out.len - ex->out_at;
    }
    return total;
}

/* ---- marks ---- */

void conn_mark_ready(struct conn *c)
{
    if (!c->is_ready && !c->is_dead) {
        c->is_ready = true;
        c->ready_next = c->server->ready;
        c->server->ready = c;
        reactor_again(c->server->reactor);
    }
}

void conn_mark_dirty(struct conn *c)
{
    if (!c->is_dirty) {
        c->is_dirty = true;
        c->dirty_next = c->server->dirty;
        c->server->dirty = c;
        reactor_again(c->server->reactor);
    }
}

void conn_kill(struct conn *c)
{
    c->is_dead = true;
    conn_mark_dirty(c);
}

/* Tells the handler that its answer cannot be delivered any more. */
static void exchange_abort(struct http_exchange *ex)
{
    const struct http_route *route = ex->route;
    if (route == NULL || ex->answer == ANSWER_ENDED) {
        return;
    }
    if (route->handler->on_abort != NULL) {
        route->handler->on_abort(ex);
    }
    ex->route = NULL;
}

/* Gives up what was asked after an answer that closes the connection. */
static void drop_exchanges(struct conn *c)
{
    while (c->first != NULL) {
        struct http_exchange *ex = c->first;
        exchange_abort(ex);
        c->first = ex->next;
        exchange_recycle(c->server, ex);
    }
    c->last = NULL;
    c->receiving = NULL;
    c->upgraded = NULL;
    c->exchange_count = 0;
    buf_deinit(&c->rest);
    buf_deinit(&c->unread);
    c->rest_at = 0;
}

void conn_destroy(struct conn *c)
{
    struct http_server *server = c->server;
    c->is_dead = true;
    reactor_fd_remove(server->reactor, &c->io);
    reactor_timer_stop(server->reactor, &c->timer);
    drop_exchanges(c);
    count_answers(c, 0);
    os_close(c->io.fd);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        server->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    if (c->is_overflow) {
        server->overflow_count--;
    } else {
        server->conn_count--;
    }
    metric_add(server->metric_connections, -1);
    free(c);
    server_accept_more(server);
}

/* Its client does not take what it asked for. */
static void cut(struct conn *c, const char *why)
{
    char peer[OS_ADDRESS_TEXT_BYTES];
    AUTO_TEXT labels = xasprintf("why=\"%s\"", why);
    os_address_format(&c->peer, peer);
    log_warn("an answer was cut: its client did not take it",
             "why=%s peer=%s stalled_ms=%lld waiting_bytes=%llu", why, peer,
             (long long)(reactor_now_us(c->server->reactor) - c->write_us) / 1000,
             (unsigned long long)c->counted_bytes);
    metric_add(metric_get(METRIC_COUNTER, "tarn_http_answers_cut_total", labels,
                          "Answers cut because their clients did not take them: for too long "
                          "(stalled), or while others needed the memory (memory)."),
               1);
    conn_kill(c);
}

/* ---- deadlines ---- */

static bool is_answering(const struct conn *c)
{
    return c->first != NULL && c->first->out_at < c->first->out.len;
}

static bool may_parse(const struct conn *c)
{
    if (c->is_dead || c->is_lingering || c->is_stop_parsing) {
        return false;
    }
    if (c->upgraded != NULL) {
        return !c->upgraded->is_paused;
    }
    if (c->receiving != NULL) {
        return !c->receiving->is_paused;
    }
    return c->exchange_count < HTTP_PIPELINE_MAX &&
           (c->exchange_count == 0 || conn_out_bytes(c) < c->server->options.write_buffer_bytes);
}

/* When something has to happen if nothing else does; INT64_MAX for never. */
static int64_t conn_deadline(const struct conn *c)
{
    const struct http_options *o = &c->server->options;
    int64_t deadline = INT64_MAX;
    if (c->is_lingering) {
        return c->end_us + (c->server->is_stopping ? HTTP_LINGER_STOP_US : HTTP_LINGER_US);
    }
    if (c->first == NULL) {
        deadline = c->idle_us + (int64_t)o->idle_ms * 1000;
    } else if (c->is_eof) {
        /* While it takes what it is sent, it is there. */
        if (!is_answering(c) && c->first->answer != ANSWER_ENDED) {
            deadline = MAX(c->end_us, c->write_us) + (int64_t)o->half_close_ms * 1000;
        }
    } else if (c->receiving != NULL && !c->receiving->is_head_done) {
        deadline = c->receiving->started_us + (int64_t)o->head_ms * 1000;
    } else if (c->receiving != NULL && may_parse(c)) {
        deadline = c->window_us + (int64_t)o->body_window_ms * 1000;
    }
    if (is_answering(c) && !c->can_write) {
        deadline = MIN(deadline, c->write_us + (int64_t)o->write_stall_ms * 1000);
    }
    return deadline;
}

/* The timer fires at or before the deadline; moving it for every request would cost more than an
 * early wake-up in a while. */
void conn_timer_update(struct conn *c)
{
    if (c->is_dead) {
        return;
    }
    int64_t deadline = conn_deadline(c);
    if (deadline != INT64_MAX &&
        (!reactor_timer_is_armed(&c->timer) || deadline < c->timer.due_us)) {
        reactor_timer_set_us(c->server->reactor, &c->timer, deadline);
    }
}

static void begin_linger(struct conn *c)
{
    c->is_lingering = true;
    c->is_stop_parsing = true;
    c->drained_bytes = 0;
    drop_exchanges(c);
    buf_deinit(&c->rest); /* of a body that was paused: there is no exchange that it belongs to */
    c->rest_at = 0;
    c->has_parse_pending = false;
    c->end_us = reactor_now_us(c->server->reactor);
    os_shutdown_write(c->io.fd);
    if (c->is_eof) {
        conn_kill(c);
        return;
    }
    conn_mark_ready(c);
}

static void on_due(struct reactor_timer *t)
{
    struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));
    const struct http_options *o = &c->server->options;
    int64_t now_us = reactor_now_us(c->server->reactor);
    if (c->is_dead || conn_deadline(c) > now_us) {
        conn_timer_update(c);
        return;
    }
    bool is_stalled = is_answering(c) && !c->can_write &&
                      c->write_us + (int64_t)o->write_stall_ms * 1000 <= now_us;
    if (is_stalled) {
        cut(c, "stalled");
        return;
    }
    if (c->is_lingering || c->is_eof || c->receiving == NULL) {
        conn_kill(c);
        return;
    }
    uint64_t wanted = (uint64_t)o->body_rate_min * o->body_window_ms / 1000;
    if (c->receiving->is_head_done && c->window_bytes >= wanted) {
        c->window_us = now_us;
        c->window_bytes = 0;
        conn_timer_update(c);
        return;
    }
    conn_fail(c, 408, "too_slow",
              c->receiving->is_head_done ? "the body came too slowly"
                                         : "the head of the request took too long");
}

/* ---- input ---- */

void conn_fail(struct conn *c, int status, const char *code, const char *detail)
{
    struct http_exchange *ex = c->receiving != NULL ? c->receiving : exchange_new(c);
    c->receiving = NULL;
    c->is_stop_parsing = true;
    exchange_abort(ex);
    ex->route = NULL;
    ex->is_received = true;
    ex->is_close_after = true;
    buf_deinit(&c->rest);
    c->rest_at = 0;
    if (ex->answer == ANSWER_NONE) {
        respond_problem(ex, status, code, detail, NULL, 0);
    } else if (ex->answer == ANSWER_STREAMING) {
        conn_kill(c);
    }
    conn_mark_dirty(c);
}

static void fail_parse(struct conn *c)
{
    if (c->fail_status != 0) {
        conn_fail(c, c->fail_status, c->fail_code, c->fail_detail);
        return;
    }
    const char *reason = llhttp_get_error_reason(&c->parser);
    char detail[160];
    (void)snprintf(detail, sizeof detail, "this is not a well-formed HTTP/1.1 request: %s",
                   reason == NULL || reason[0] == '\0' ? "bad bytes" : reason);
    conn_fail(c, 400, "bad_request", detail);
}

/* What the framing costs beside the content: extensions, trailers, tiny chunks, endless zeros. */
static void check_overhead(struct conn *c, struct http_exchange *ex, uint64_t bytes)
{
    ex->body_overhead_bytes += bytes;
    if (ex->body_overhead_bytes > 16 * 1024 + 16 * ex->body_bytes) {
        conn_fail(c, 400, "bad_framing", "the chunk framing is larger than what it frames");
    }
}

static void check_head_bytes(struct conn *c, struct http_exchange *ex, size_t used)
{
    /* Spans were counted exactly; this bounds what is in no span, such as leading blanks. */
    ex->body_overhead_bytes += used;
    if (ex->body_overhead_bytes > 2 * HTTP_HEAD_BYTES_MAX) {
        conn_fail(c, 431, "headers_too_large", "the request's headers exceed 32 KiB");
    }
}

/* Empty lines before a request are allowed (RFC 9112 section 2.2), bare CR and LF are not, which
 * llhttp skips there. Returns how many bytes it took. */
static size_t skip_empty_lines(struct conn *c, const char *bytes, size_t len)
{
    size_t at = 0;
    for (; at < len && (c->has_lone_cr || bytes[at] == '\r' || bytes[at] == '\n'); at++) {
        if (c->has_lone_cr != (bytes[at] == '\n')) {
            conn_fail(c, 400, "bad_request", "there is a bare CR or LF before the request");
            return len;
        }
        c->has_lone_cr = !c->has_lone_cr;
    }
    return at;
}

/* Hands over bytes of the protocol that the connection was upgraded to; all are taken. */
static size_t deliver_raw(struct conn *c, const char *bytes, size_t len)
{
    struct http_exchange *ex = c->upgraded;
    if (ex->answer != ANSWER_ENDED && ex->route != NULL && len > 0) {
        ex->route->handler->on_body(ex, str_of(bytes, len));
    }
    return len;
}

/* Feeds the parser; returns how much it used, less than `len` when it was stopped. */
static size_t parse(struct conn *c, const char *bytes, size_t len)
{
    if (c->upgraded != NULL) {
        return deliver_raw(c, bytes, len);
    }
    if (c->receiving == NULL) {
        size_t skipped = skip_empty_lines(c, bytes, len);
        if (skipped > 0) {
            return skipped;
        }
    }
    struct http_exchange *before = c->receiving;
    uint64_t id = before == NULL ? 0 : before->id;
    bool was_head_done = before != NULL && before->is_head_done;
    uint64_t body_before = before == NULL ? 0 : before->body_bytes;

    enum llhttp_errno status = llhttp_execute(&c->parser, bytes, len);
    size_t used = len;
    if (status != HPE_OK) {
        const char *at = llhttp_get_error_pos(&c->parser);
        used = at >= bytes && at <= bytes + len ? (size_t)(at - bytes) : len;
        if (status == HPE_PAUSED) {
            llhttp_resume(&c->parser);
            /* Paused on the last byte there was: the end of the body is still inside the parser,
             * and no further byte may ever come to bring it out. */
            c->has_parse_pending = used == len && c->receiving != NULL &&
                                   (c->receiving->is_paused || c->receiving->has_unread);
        } else {
            fail_parse(c);
            return len;
        }
    }
    struct http_exchange *after = c->receiving;
    if (after != NULL && after->id == id) {
        if (was_head_done) {
            check_overhead(c, after, used - MIN(used, after->body_bytes - body_before));
        } else if (!after->is_head_done) {
            check_head_bytes(c, after, used);
        }
    }
    return used;
}

/* Gives a handler again what it could not take. */
static void deliver_unread(struct conn *c)
{
    struct http_exchange *ex = c->receiving;
    ex->has_unread = false;
    AUTO_BUF piece = c->unread;
    c->unread = (struct buf){0};
    if (ex->route != NULL && ex->answer != ANSWER_ENDED) {
        ex->route->handler->on_body(ex, piece.len == 0 ? STR("") : buf_str(&piece));
    }
}

static void parse_rest(struct conn *c)
{
    c->rest_at += parse(c, c->rest.data + c->rest_at, c->rest.len - c->rest_at);
    if (c->rest_at >= c->rest.len) {
        buf_deinit(&c->rest);
        c->rest_at = 0;
    }
}

/* The client sends no more. */
static void on_eof(struct conn *c)
{
    c->is_eof = true;
    c->can_read = false;
    c->end_us = reactor_now_us(c->server->reactor);
    struct http_exchange *cut = c->receiving;
    if (cut != NULL && cut->answer == ANSWER_ENDED) {
        cut->is_received = true; /* it may still read the answer */
        cut->is_close_after = true;
        c->receiving = NULL;
        c->is_stop_parsing = true;
        conn_mark_dirty(c);
    } else if (c->first == NULL || c->is_lingering || cut == c->first || c->upgraded != NULL) {
        conn_kill(c);
    }
}

/* Reads once. False when there is no more for now. */
static bool read_some(struct conn *c)
{
    struct http_server *server = c->server;
    size_t got = 0;
    err e = os_recv(c->io.fd, server->read_buffer, HTTP_READ_BYTES, &got);
    if (e == ERR_AGAIN) {
        c->can_read = false;
        return false;
    }
    if (e != ERR_OK) {
        if (e == ERR_CLOSED) {
            on_eof(c);
        } else {
            conn_kill(c);
        }
        return false;
    }
    if (got < HTTP_READ_BYTES && !c->saw_hangup) {
        c->can_read = false; /* emptied: the next byte is a new edge */
    }
    metric_add(server->metric_bytes_in, (int64_t)got);
    if (c->is_lingering) {
        c->drained_bytes += (uint32_t)got;
        if (c->drained_bytes > HTTP_DRAIN_BYTES_MAX) {
            conn_kill(c);
        }
        return true;
    }
    c->window_bytes += got;
    size_t used = parse(c, server->read_buffer, got);
    if (used < got && !c->is_stop_parsing && !c->is_dead) {
        c->rest = buf_make(HTTP_READ_BYTES);
        c->rest_at = 0;
        if (!buf_add(&c->rest, server->read_buffer + used, got - used)) {
            conn_kill(c);
        }
    }
    return true;
}

void conn_process(struct conn *c)
{
    int reads = 0;
    while (!c->is_dead && (may_parse(c) || c->is_lingering)) {
        if (c->receiving != NULL && c->receiving->has_unread) {
            deliver_unread(c);
            if (c->receiving != NULL && c->receiving->has_unread) {
                conn_mark_ready(c); /* resumed at once without taking all: others first */
                break;
            }
        } else if (c->has_parse_pending) {
            c->has_parse_pending = false;
            (void)parse(c, "", 0); /* uses nothing of nothing */
        } else if (c->rest_at < c->rest.len) {
            parse_rest(c);
        } else if (!c->can_read) {
            break;
        } else if (reads == READS_PER_TURN) {
            conn_mark_ready(c); /* others first */
            break;
        } else {
            reads++;
            if (!read_some(c)) {
                break;
            }
        }
    }
    conn_timer_update(c);
}

/* ---- output ---- */

static void note_done(struct http_exchange *ex)
{
    struct http_server *server = ex->conn->server;
    int class = ex->status / 100;
    metric_add(server->metric_requests[class >= 1 && class <= 5 ? class : 0], 1);
    if (ex->is_upgraded) {
        return; /* how long it was open says nothing of how fast answers are */
    }
    metric_observe_us(server->metric_latency,
                      (uint64_t)(reactor_now_us(server->reactor) - ex->started_us));
}

/* Removes what is answered, sent and received. */
static void pop_done(struct conn *c)
{
    while (c->first != NULL && c->first->answer == ANSWER_ENDED &&
           c->first->out_at == c->first->out.len) {
        struct http_exchange *ex = c->first;
        if (!ex->is_received && !ex->is_close_after) {
            return; /* its body is being dropped */
        }
        bool is_close = ex->is_close_after;
        note_done(ex);
        if (c->receiving == ex) {
            c->receiving = NULL;
        }
        if (c->upgraded == ex) {
            c->upgraded = NULL;
        }
        c->first = ex->next;
        c->last = c->first == NULL ? NULL : c->last;
        c->exchange_count--;
        exchange_recycle(c->server, ex);
        if (is_close) {
            begin_linger(c);
            return;
        }
    }
    if (c->first == NULL) {
        c->idle_us = reactor_now_us(c->server->reactor);
        if (c->is_eof || c->server->is_stopping) {
            conn_kill(c);
        }
    }
}

static size_t gather(const struct conn *c, struct iovec parts[SEND_PARTS])
{
    size_t count = 0;
    for (struct http_exchange *ex = c->first; ex != NULL && count < SEND_PARTS; ex = ex->next) {
        if (ex->out_at < ex->out.len) {
            parts[count++] = (struct iovec){ex->out.data + ex->out_at, ex->out.len - ex->out_at};
        }
        if (ex->answer != ANSWER_ENDED || ex->is_close_after) {
            break; /* what comes after must wait, or never goes */
        }
    }
    return count;
}

static void advance(struct conn *c, size_t sent)
{
    for (struct http_exchange *ex = c->first; ex != NULL && sent > 0; ex = ex->next) {
        size_t taken = MIN(sent, ex->out.len - ex->out_at);
        ex->out_at += taken;
        sent -= taken;
        if (ex->out_at == ex->out.len && ex->answer == ANSWER_STREAMING) {
            buf_reset(&ex->out);
            ex->out_at = 0;
        }
    }
}

/* Sends once. False when nothing went. */
static bool send_some(struct conn *c)
{
    struct iovec parts[SEND_PARTS];
    size_t count = gather(c, parts);
    if (count == 0) {
        return false;
    }
    size_t sent = 0;
    err e = os_send(c->io.fd, parts, count, &sent);
    if (e == ERR_AGAIN) {
        c->can_write = false;
        c->write_us = reactor_now_us(c->server->reactor);
        return false;
    }
    if (e != ERR_OK) {
        conn_kill(c);
        return false;
    }
    metric_add(c->server->metric_bytes_out, (int64_t)sent);
    c->write_us = reactor_now_us(c->server->reactor);
    advance(c, sent);
    return true;
}

/* Asks for more of a streamed answer once half of its buffer has gone. */
static void ask_for_more(struct conn *c)
{
    struct http_exchange *ex = c->first;
    if (ex == NULL || !ex->was_full || ex->answer != ANSWER_STREAMING || ex->route == NULL ||
        http_buffered_bytes(ex) > c->server->options.write_buffer_bytes / 2) {
        return;
    }
    ex->was_full = false;
    if (ex->route->handler->on_writable != NULL) {
        ex->route->handler->on_writable(ex);
    }
}

void conn_flush(struct conn *c)
{
    bool could_parse = may_parse(c);
    while (!c->is_dead && c->can_write && !c->is_lingering && send_some(c)) {
        pop_done(c);
    }
    if (!c->is_dead && !c->is_lingering) {
        pop_done(c);
    }
    if (!c->is_dead) {
        ask_for_more(c);
    }
    count_answers(c, c->is_dead ? 0 : conn_out_bytes(c));
    if (!could_parse && may_parse(c) && (c->can_read || c->rest_at < c->rest.len)) {
        conn_mark_ready(c);
    }
    conn_timer_update(c);
}

/* Of those that take nothing the one that took nothing for the longest; else the one with most. */
static struct conn *to_shed(const struct http_server *server)
{
    struct conn *longest = NULL;
    struct conn *largest = NULL;
    for (struct conn *c = server->conns; c != NULL; c = c->next) {
        if (c->is_dead || c->counted_bytes == 0) {
            continue;
        }
        bool is_longer = longest == NULL || c->write_us < longest->write_us;
        longest = !c->can_write && is_longer ? c : longest;
        largest = largest == NULL || c->counted_bytes > largest->counted_bytes ? c : largest;
    }
    return longest != NULL ? longest : largest;
}

void conns_shed(struct http_server *server)
{
    uint64_t max = server->options.answer_bytes_max;
    while (server->answer_bytes > max) {
        struct conn *c = to_shed(server);
        ASSERT(c != NULL); /* the sum is theirs */
        if (c->can_write && server->answer_bytes / 2 <= max) {
            return; /* the clients take: it will be less in a moment */
        }
        cut(c, "memory");
        count_answers(c, 0);
    }
}

/* ---- events ---- */

static void on_ready(struct reactor_fd *f, uint32_t events)
{
    struct conn *c = (struct conn *)((char *)f - offsetof(struct conn, io));
    if (c->is_dead) {
        return;
    }
    if ((events & (REACTOR_ERROR | REACTOR_HANGUP)) != 0) {
        conn_kill(c); /* both directions are gone: nobody reads an answer */
        return;
    }
    c->saw_hangup = c->saw_hangup || (events & REACTOR_PEER_CLOSED) != 0;
    if ((events & (REACTOR_READ | REACTOR_PEER_CLOSED)) != 0 && !c->is_eof) {
        c->can_read = true;
    }
    if ((events & REACTOR_WRITE) != 0 && !c->can_write) {
        c->can_write = true;
        if (c->first != NULL) {
            conn_mark_dirty(c);
        }
    }
    if (c->can_read) {
        conn_process(c);
    }
}

void conn_open(struct http_server *server, int fd, const struct os_address *peer)
{
    struct conn *c = xnew(struct conn);
    c->server = server;
    c->peer = *peer;
    c->io = (struct reactor_fd){
        .fd = fd,
        .events = REACTOR_READ | REACTOR_WRITE | REACTOR_PEER_CLOSED,
        .edge = true,
        .on_ready = on_ready,
    };
    c->timer.on_due = on_due;
    c->idle_us = reactor_now_us(server->reactor);
    c->can_write = true;
    llhttp_init(&c->parser, HTTP_REQUEST, request_parser_settings());
    c->parser.data = c;
    const struct http_options *o = &server->options;
    c->is_overflow = server->conn_count >= o->connections_max;
    c->is_reserved = server->conn_count >= o->connections_max - o->connections_reserved;
    if (c->is_overflow) {
        server->overflow_count++;
    } else {
        server->conn_count++;
    }
    c->next = server->conns;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    server->conns = c;
    metric_add(server->metric_connections, 1);
    if (reactor_fd_add(server->reactor, &c->io, NULL) != ERR_OK) {
        conn_kill(c);
        return;
    }
    if (c->is_overflow) {
        metric_add(server->metric_refused, 1);
        conn_fail(c, 503, "too_many_connections", "all connections are in use, try later");
    }
    conn_timer_update(c);
}
