/* SPDX-License-Identifier: MIT */
/* server_int.h - what the parts of the HTTP server share; nobody else includes it.
 *
 *     server.c          listening, limits on connections, stopping, the hook at the end of a turn
 *     server_conn.c     one connection: reading, feeding the parser, sending, deadlines, closing
 *     server_access.c   who may: Host, Origin, the token and the cookie that stands for it
 *     server_request.c  from parser callbacks to a checked request, and the accessors of handlers
 *     server_respond.c  from a handler's answer to bytes in the exchange's buffer
 *     server_route.c    the route table
 *
 * An idle connection is one `struct conn` and nothing else: input is parsed from a buffer that the
 * server owns, and exchanges come from a pool when a request begins.
 * A connection is only freed by the hook (or http_server_close), so no callback that is running
 * can lose it; everybody else marks it with conn_kill(). */
#pragma once
#include <llhttp.h>

#include "base/metrics.h"
#include "http/server.h"
#include "http/session.h"

enum {
    HTTP_SEGMENTS_MAX = 16,
    HTTP_PATH_PARAMS_MAX = 4,
    HTTP_HEAD_STORE_MAX = 60 * 1024, /* offsets in it are 16 bits */
    HTTP_OUT_BYTES_MAX = 1 << 30,
    HTTP_LINGER_US = 2 * 1000 * 1000,
    HTTP_LINGER_STOP_US = 100 * 1000, /* a client that keeps its end open must not hold up a stop */
    HTTP_OVERFLOW_MAX = 256,          /* connections past the limit that are being told so */
    HTTP_POOL_MAX = 256,
};
_Static_assert(HTTP_HEAD_BYTES_MAX + 2 * HTTP_TARGET_BYTES_MAX < HTTP_HEAD_STORE_MAX,
               "a head and the decoded path fit");

/* ---- server_route.c ---- */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_TAIL };
struct route_segment {
    enum segment_kind kind;
    struct str text; /* the literal, or the parameter's name */
};
struct compiled_route {
    const struct http_route *route; /* borrowed */
    struct route_segment segments[HTTP_SEGMENTS_MAX];
    size_t segment_count;
};
struct route_table {
    struct compiled_route *items; /* owned */
    size_t count;
};
err route_table_build(struct route_table *table, const struct http_route *routes, size_t count,
                      struct errmsg *msg);
void route_table_deinit(struct route_table *table);
/* The most specific route for these decoded segments and verb, or NULL. *out_verbs gets one bit
 * (1 << verb) for each verb that some route has at this path. */
const struct compiled_route *route_table_find(const struct route_table *table,
                                              const struct str *segments, size_t count,
                                              enum http_verb verb, unsigned *out_verbs);
/* "GET, HEAD, OPTIONS" for the bits. */
void route_allow_text(unsigned verbs, char out[64]);

/* ---- exchanges ---- */
struct header_ref {
    uint16_t name_at, name_len, value_at, value_len; /* in head */
};
struct path_param {
    struct str name; /* borrowed from the route */
    uint16_t value_at, value_len;
};
enum answer_state { ANSWER_NONE, ANSWER_STREAMING, ANSWER_ENDED };

struct http_exchange {
    struct conn *conn;          /* borrowed */
    struct http_exchange *next; /* in the connection's order, or in the pool */
    uint64_t id;
    const struct http_route *route; /* NULL: the handler is not (or no longer) involved */
    void *user;
    int64_t started_us;

    /* the request */
    struct buf head;     /* owned: target, names, values, decoded parameters */
    uint32_t head_bytes; /* of the wire, roughly: spans and their separators */
    uint16_t target_len;
    uint16_t path_at, path_len, query_at, query_len;
    uint16_t header_count;
    uint8_t path_param_count;
    uint8_t method; /* enum llhttp_method */
    bool is_http10;
    bool is_head_done;
    bool is_received; /* to the end of its body */
    bool is_chunked_in;
    bool is_keep_alive;  /* as the client asked */
    bool wants_continue; /* 100 (Continue) is owed before the body is read */
    bool is_by_cookie;   /* let in by a session, not by the token */
    bool is_paused;
    bool has_unread;
    uint64_t length;              /* announced */
    uint64_t body_bytes;          /* delivered or dropped so far */
    uint64_t body_overhead_bytes; /* chunk framing and trailers */

    /* the answer */
    enum answer_state answer;
    int status;
    struct buf out; /* owned; sent up to out_at */
    size_t out_at;
    bool is_chunked_out;
    bool drops_body; /* HEAD, 204, 304 */
    bool is_close_after;
    bool is_upgraded; /* bytes of another protocol, both ways */
    bool was_full;    /* on_writable is owed */
    bool ends_on_stop;

    struct path_param path_params[HTTP_PATH_PARAMS_MAX];
    struct header_ref headers[HTTP_HEADERS_MAX];
};
struct http_exchange *exchange_new(struct conn *c);
void exchange_recycle(struct http_server *server, struct http_exchange *ex);

/* ---- connections ---- */
struct conn {
    struct reactor_fd io;       /* edge-triggered: no epoll_ctl after the first */
    struct reactor_timer timer; /* fires at or before the deadline, see conn_deadline() */
    struct http_server *server;
    struct conn *prev, *next;             /* all connections of the server */
    struct conn *ready_next, *dirty_next; /* the hook's lists */
    llhttp_t parser;
    struct http_exchange *first, *last; /* in request order; answers leave from the first */
    struct http_exchange *receiving;    /* the last, until its body has ended */
    struct http_exchange *upgraded;     /* the last, which has taken the connection over, or NULL */
    struct buf rest;                    /* owned: read and not parsed */
    size_t rest_at;
    struct buf unread; /* owned: what a handler gave back */
    struct os_address peer;
    int64_t idle_us;   /* since when there is no exchange */
    int64_t window_us; /* body rate: start and bytes of the present window */
    int64_t write_us;  /* last time the client took something */
    int64_t end_us;    /* lingering or half-closed: when that began */
    uint64_t window_bytes;
    uint64_t counted_bytes; /* of its answers, in the server's sum */
    uint32_t drained_bytes;
    uint16_t exchange_count;
    uint16_t fail_status; /* a parser callback refused: what to answer */
    const char *fail_code;
    const char *fail_detail;
    bool has_parse_pending;   /* the parser has more to say without a further byte */
    bool can_read, can_write; /* what the edges said */
    bool saw_hangup;          /* the peer's end is near: read until it comes */
    bool is_eof;
    bool is_ready, is_dirty; /* in these lists */
    bool is_dead;
    bool has_lone_cr;     /* of an empty line before a request: LF must follow */
    bool is_stop_parsing; /* no further request is read */
    bool is_lingering;    /* answered, write side shut, input dropped */
    bool is_reserved;     /* one of the last slots */
    bool is_overflow;     /* past the limit, being told so */
};
void conn_open(struct http_server *server, int fd, const struct os_address *peer);
void conn_kill(struct conn *c);
void conn_destroy(struct conn *c);
void conn_mark_ready(struct conn *c);
void conn_mark_dirty(struct conn *c);
/* Reads and parses a turn's share. */
void conn_process(struct conn *c);
void conn_flush(struct conn *c);
/* Cuts connections until what waits to be sent is within its bound. */
void conns_shed(struct http_server *server);
void conn_timer_update(struct conn *c);
/* Bytes waiting in all answers of the connection. */
size_t conn_out_bytes(const struct conn *c);
/* Answers the request being received with a problem and ends the connection: bad framing, over a
 * limit, too slow. Not from within the parser. */
void conn_fail(struct conn *c, int status, const char *code, const char *detail);

/* ---- server_request.c ---- */
const llhttp_settings_t *request_parser_settings(void);

/* ---- server_access.c ---- */
bool access_host_allowed(const struct http_exchange *ex, struct str name, bool is_address);
/* These answer and return false when the request must not go on; the token first. */
bool access_check_token(struct http_exchange *ex);
bool access_check_origin(struct http_exchange *ex);
/* Whether a page of another origin asks, and the configuration lets it; *out_is_any as in
 * http_origin_named(). */
bool cors_allows(const struct http_exchange *ex, bool *out_is_any);

/* ---- server_respond.c ---- */
/* Like http_problem_fields(), for the server's own answers. */
void respond_problem(struct http_exchange *ex, int status, const char *code, const char *detail,
                     const struct http_field *fields, size_t field_count);
/* After an answer that came before the body's end: decides about closing and drops the body. */
void respond_settle_body(struct http_exchange *ex);

/* ---- the server ---- */
struct http_server {
    struct reactor *reactor; /* borrowed */
    struct http_options options;
    struct route_table routes;
    struct http_sessions *sessions; /* owned; NULL when no token is asked */
    struct reactor_fd listener;
    struct os_address address;
    struct reactor_timer accept_timer; /* out of descriptors: try again */
    struct reactor_hook hook;
    struct reactor_timer stop_timer;
    uint64_t answer_bytes; /* not sent yet, of all connections, as of their last flush */
    char *read_buffer;     /* owned, HTTP_READ_BYTES */
    struct conn *conns;
    uint32_t conn_count;
    uint32_t overflow_count;
    struct conn *ready;
    struct conn *dirty;
    struct http_exchange *pool;
    size_t pool_count;
    uint64_t next_id;
    char date[40]; /* "Sat, 21 Nov 2026 12:00:00 GMT" */
    int64_t date_mono_us;
    bool is_accepting;
    bool is_stopping;
    bool is_stopped_told;
    void (*on_stopped)(void *ctx);
    void *on_stopped_ctx;
    struct metric *metric_connections;
    struct metric *metric_refused;
    struct metric *metric_requests[6]; /* by status / 100 */
    struct metric *metric_bytes_in;
    struct metric *metric_bytes_out;
    struct metric *metric_latency;
};
/* Takes connections again after some have gone. */
void server_accept_more(struct http_server *server);
const char *server_date(struct http_server *server);
