/* SPDX-License-Identifier: MIT */
/* server.c - listening, the limit on connections, the hook at the end of a turn, stopping.
 *
 * Up to connections_max - connections_reserved connections serve everything, the reserved rest
 * just open routes (health), and up to HTTP_OVERFLOW_MAX more get a 503 and are closed. Past that
 * nothing is accepted: the kernel's backlog holds or refuses the rest. */
#include "http/server.h"

#include <sys/resource.h>
#include <time.h>

#include "http/server_int.h"
#include "os/clock.h"
#include "os/file.h"

enum {
    ACCEPTS_PER_TURN = 64,
    DATE_MAX_AGE_US = 500 * 1000,
    ACCEPT_RETRY_US = 100 * 1000,
    SPARE_DESCRIPTORS = 256, /* for files and children */
};

const char *server_date(struct http_server *server)
{
    int64_t now_us = reactor_now_us(server->reactor);
    if (server->date[0] == '\0' || now_us - server->date_mono_us >= DATE_MAX_AGE_US) {
        time_t seconds = (time_t)(os_now_us() / 1000000);
        struct tm parts;
        (void)gmtime_r(&seconds, &parts); /* fails for years past 2^31 only */
        (void)strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        server->date_mono_us = now_us;
    }
    return server->date;
}

/* ---- accepting ---- */

static void accept_pause(struct http_server *server)
{
    if (server->is_accepting) {
        server->is_accepting = false;
        reactor_fd_change(server->reactor, &server->listener, 0);
    }
}

void server_accept_more(struct http_server *server)
{
    if (!server->is_accepting && server->listener.is_added &&
        !reactor_timer_is_armed(&server->accept_timer)) {
        server->is_accepting = true;
        reactor_fd_change(server->reactor, &server->listener, REACTOR_READ);
    }
}

static void on_accept_again(struct reactor_timer *t)
{
    server_accept_more(
        (struct http_server *)((char *)t - offsetof(struct http_server, accept_timer)));
}

static void on_listener(struct reactor_fd *f, uint32_t events)
{
    (void)events;
    struct http_server *server =
        (struct http_server *)((char *)f - offsetof(struct http_server, listener));
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (server->conn_count >= server->options.connections_max &&
            server->overflow_count >= HTTP_OVERFLOW_MAX) {
            accept_pause(server);
            return;
        }
        int fd = -1;
        struct os_address peer;
        err e = os_accept(f->fd, &fd, &peer);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e == ERR_LIMIT) {
            reactor_timer_set_us(server->reactor, &server->accept_timer,
                                 reactor_now_us(server->reactor) + ACCEPT_RETRY_US);
            accept_pause(server);
            return;
        }
        if (e == ERR_OK) {
            conn_open(server, fd, &peer);
        }
    }
}

/* ---- the end of a turn ---- */

static void tell_stopped(struct http_server *server)
{
    if (server->is_stopping && server->conns == NULL && !server->is_stopped_told) {
        server->is_stopped_told = true;
        reactor_timer_stop(server->reactor, &server->stop_timer);
        if (server->on_stopped != NULL) {
            server->on_stopped(server->on_stopped_ctx);
        }
    }
}

static void on_hook(struct reactor_hook *hook)
{
    struct http_server *server =
        (struct http_server *)((char *)hook - offsetof(struct http_server, hook));
    struct conn *ready = server->ready;
    server->ready = NULL;
    while (ready != NULL) {
        struct conn *c = ready;
        ready = c->ready_next;
        c->is_ready = false;
        conn_process(c);
    }
    struct conn *dirty = server->dirty;
    server->dirty = NULL;
    while (dirty != NULL) {
        struct conn *c = dirty;
        dirty = c->dirty_next;
        c->is_dirty = false;
        if (!c->is_dead) {
            conn_flush(c);
        } else if (c->is_ready) {
            conn_mark_dirty(c); /* still in the other list: freed in the next turn */
        } else if (!c->is_dirty) {
            conn_destroy(c);
        }
    }
    conns_shed(server);
    tell_stopped(server);
}

/* ---- life ---- */

static void set_default_u32(uint32_t *value, uint32_t fallback)
{
    *value = *value == 0 ? fallback : *value;
}

static struct http_options with_defaults(const struct http_options *options)
{
    struct http_options o = *options;
    o.host = o.host == NULL ? "127.0.0.1" : o.host;
    set_default_u32(&o.connections_max, 16384);
    set_default_u32(&o.connections_reserved, 16);
    set_default_u32(&o.idle_ms, 75000);
    set_default_u32(&o.head_ms, 10000);
    set_default_u32(&o.body_rate_min, 1024);
    set_default_u32(&o.body_window_ms, 10000);
    set_default_u32(&o.write_stall_ms, 30000);
    set_default_u32(&o.half_close_ms, 200);
    set_default_u32(&o.stop_ms, 10000);
    o.write_buffer_bytes = o.write_buffer_bytes == 0 ? 256 * 1024 : o.write_buffer_bytes;
    o.answer_bytes_max = o.answer_bytes_max == 0 ? 64 << 20 : o.answer_bytes_max;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        uint64_t spare =
            limit.rlim_cur > 4 * SPARE_DESCRIPTORS ? SPARE_DESCRIPTORS : limit.rlim_cur / 4;
        o.connections_max = (uint32_t)MIN((uint64_t)o.connections_max, limit.rlim_cur - spare);
    }
    o.connections_reserved = MIN(o.connections_reserved, o.connections_max - 1);
    return o;
}

static void get_metrics(struct http_server *server)
{
    static const char *const CLASSES[] = {"status=\"other\"", "status=\"1xx\"", "status=\"2xx\"",
                                          "status=\"3xx\"",   "status=\"4xx\"", "status=\"5xx\""};
    server->metric_connections =
        metric_get(METRIC_GAUGE, "tarn_http_connections", NULL, "Open HTTP connections");
    server->metric_refused =
        metric_get(METRIC_COUNTER, "tarn_http_connections_refused_total", NULL,
                   "HTTP connections answered 503 because there were too many");
    for (size_t i = 0; i < ARRAY_LEN(CLASSES); i++) {
        server->metric_requests[i] = metric_get(METRIC_COUNTER, "tarn_http_requests_total",
                                                CLASSES[i], "HTTP requests answered");
    }
    server->metric_bytes_in = metric_get(METRIC_COUNTER, "tarn_http_received_bytes_total", NULL,
                                         "Bytes received over HTTP");
    server->metric_bytes_out =
        metric_get(METRIC_COUNTER, "tarn_http_sent_bytes_total", NULL, "Bytes sent over HTTP");
    server->metric_latency =
        metric_get(METRIC_HISTOGRAM, "tarn_http_request_seconds", NULL,
                   "From the first byte of a request to the last of its answer");
}

static void on_stop_due(struct reactor_timer *t)
{
    struct http_server *server =
        (struct http_server *)((char *)t - offsetof(struct http_server, stop_timer));
    for (struct conn *c = server->conns; c != NULL; c = c->next) {
        conn_kill(c);
    }
}

err http_server_open(struct reactor *r, const struct http_route *routes, size_t route_count,
                     const struct http_options *options, struct http_server **out_server,
                     struct errmsg *msg)
{
    struct http_server *server = xnew(struct http_server);
    server->reactor = r;
    server->options = with_defaults(options);
    server->listener =
        (struct reactor_fd){.fd = -1, .events = REACTOR_READ, .on_ready = on_listener};
    server->accept_timer.on_due = on_accept_again;
    server->stop_timer.on_due = on_stop_due;
    server->hook = (struct reactor_hook){.order = REACTOR_ORDER_CONN, .run = on_hook};
    server->read_buffer = xcalloc(1, HTTP_READ_BYTES);
    server->sessions = server->options.token == NULL ? NULL : http_sessions_new();
    get_metrics(server);
    reactor_hook_add(r, &server->hook);
    err e = route_table_build(&server->routes, routes, route_count, msg);
    if (e == ERR_OK) {
        e = os_listen(server->options.host, server->options.port, &server->listener.fd,
                      &server->address, msg);
    }
    if (e == ERR_OK) {
        e = reactor_fd_add(r, &server->listener, msg);
    }
    if (e != ERR_OK) {
        http_server_close(server);
        return e;
    }
    server->is_accepting = true;
    *out_server = server;
    return ERR_OK;
}

static void listener_close(struct http_server *server)
{
    reactor_fd_remove(server->reactor, &server->listener);
    reactor_timer_stop(server->reactor, &server->accept_timer);
    os_close(server->listener.fd);
    server->listener.fd = -1;
    server->is_accepting = false;
}

/* Ends a live stream: its handler lets go, the client sees a clean end. */
static void end_stream(struct http_exchange *ex)
{
    const struct http_handler *handler = ex->route->handler;
    if (handler->on_stop != NULL) {
        handler->on_stop(ex);
        ASSERT(ex->answer == ANSWER_ENDED);
        return;
    }
    if (handler->on_abort != NULL) {
        handler->on_abort(ex);
    }
    ex->route = NULL;
    http_respond_end(ex);
}

void http_server_stop(struct http_server *server, void (*on_stopped)(void *ctx), void *ctx)
{
    ASSERT(!server->is_stopping);
    server->is_stopping = true;
    server->on_stopped = on_stopped;
    server->on_stopped_ctx = ctx;
    listener_close(server);
    for (struct conn *c = server->conns; c != NULL; c = c->next) {
        for (struct http_exchange *ex = c->first; ex != NULL; ex = ex->next) {
            if (ex->ends_on_stop && ex->answer == ANSWER_STREAMING && ex->route != NULL) {
                end_stream(ex);
            }
        }
        if (c->last != NULL) {
            c->last->is_close_after = true;
        }
        bool is_half_head = c->first != NULL && c->first == c->receiving && !c->first->is_head_done;
        if (c->is_lingering) {
            conn_timer_update(c); /* answered: what is left of its time gets shorter */
            continue;
        }
        if (c->first == NULL || is_half_head) {
            conn_kill(c);
        } else if (c->receiving == NULL) {
            c->is_stop_parsing = true;
        }
    }
    reactor_timer_set_us(server->reactor, &server->stop_timer,
                         os_mono_us() + (int64_t)server->options.stop_ms * 1000);
    reactor_again(server->reactor);
}

void http_server_close(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    listener_close(server);
    reactor_hook_remove(server->reactor, &server->hook);
    reactor_timer_stop(server->reactor, &server->stop_timer);
    while (server->conns != NULL) {
        conn_destroy(server->conns);
    }
    while (server->pool != NULL) {
        struct http_exchange *ex = server->pool;
        server->pool = ex->next;
        buf_deinit(&ex->head);
        buf_deinit(&ex->out);
        free(ex);
    }
    route_table_deinit(&server->routes);
    http_sessions_free(server->sessions);
    free(server->read_buffer);
    free(server);
}

void http_server_adopt(struct http_server *server, int fd, const struct os_address *peer)
{
    conn_open(server, fd, peer);
}

const struct os_address *http_server_address(const struct http_server *server)
{
    return &server->address;
}

uint32_t http_server_connections(const struct http_server *server)
{
    return server->conn_count;
}
