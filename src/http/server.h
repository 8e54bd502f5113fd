/* SPDX-License-Identifier: MIT */
/* server.h - the HTTP/1.1 server: connections, framing (RFC 9112), routes, answers in order.
 *
 * Life of an exchange, all on the reactor's thread:
 *
 *     on_request --> on_body ... on_body_end --> [answer any time from on_request on, later too]
 *           \------------- on_abort (client gone, bad framing, too slow, server stops)
 *
 * The handler may answer in any of these callbacks or at any later moment. An exchange belongs to
 * the handler from on_request until it has ended the answer (http_respond, http_problem...,
 * http_respond_end) or until on_abort has been called: exactly one of the two happens, and after
 * it the pointer must not be used. A handler frees its own state at these two places. on_abort
 * never comes from inside a call that the handler made. Bodies answered early are drained by the
 * server (no more on_body). Answers leave in the order of requests whatever the order they are
 * made in.
 *
 * http_upgrade() takes the whole connection over for another protocol: from then on on_body gets
 * whatever the client sends and http_respond_chunk() sends bytes as they are.
 *
 * Before a handler sees a request, the server has checked: framing, limits, Host (and Origin, for
 * methods that change something and for every Upgrade, so that a WebSocket needs no check of its
 * own), the bearer token or the cookie that stands for it, the path and the method.
 * Thread: the reactor's, for every call here. */
#pragma once
#include "base/buf.h"
#include "http/params.h"
#include "net/reactor.h"
#include "os/socket.h"

struct http_server;
struct http_exchange;

/* ---- routes ---- */
enum http_verb { HTTP_VERB_GET, HTTP_VERB_POST, HTTP_VERB_PUT, HTTP_VERB_PATCH, HTTP_VERB_DELETE };

struct http_handler {
    /* The head is here. Never NULL. */
    void (*on_request)(struct http_exchange *ex);
    /* A piece of the body (content, without chunk framing), borrowed for the call; never empty but
     * after http_unread(). NULL: the body is read and dropped. */
    void (*on_body)(struct http_exchange *ex, struct str piece);
    /* The body is complete (also when there was none). NULL is fine. */
    void (*on_body_end)(struct http_exchange *ex);
    /* The answer can no longer be delivered: stop the work, free the state. NULL is fine for
     * handlers that always answer within the callbacks above. */
    void (*on_abort)(struct http_exchange *ex);
    /* After http_writable() was false it is true again. For streamed answers. */
    void (*on_writable)(struct http_exchange *ex);
    /* The server stops, and the stream is marked http_end_on_stop(): the handler ends the answer
     * within the call. NULL: on_abort is called and the server ends it. */
    void (*on_stop)(struct http_exchange *ex);
};
struct http_route {
    enum http_verb verb;
    const char *path; /* "/api/v1/topics/{topic}/events"; "{name}" is one whole segment;
                       * "{name...}", last, is the rest of the path, slashes included */
    const struct http_handler *handler; /* static */
    bool is_open;   /* no token asked, and served from the reserved connections: /health */
    void *ctx;      /* for the handler: http_route_ctx() */
    bool is_public; /* no token asked: files of the console, signing in */
};
/* HEAD goes to GET's handler and loses its body; OPTIONS is answered from the table, or is the
 * question of a browser whether a page of another origin may ask (CORS): answered for the origins
 * of the options, whatever the path, since it comes without the token. */

/* ---- the server ---- */
struct http_options {
    const char *host;         /* NULL: "127.0.0.1" */
    uint16_t port;            /* 0: a free one */
    const char *token;        /* NULL: none asked */
    const char *const *hosts; /* further allowed names or addresses for Host, or NULL */
    size_t host_count;
    const char *const *cors_origins; /* whose pages may use the server, "*" for all; or NULL */
    size_t cors_origin_count;
    /* Asked first for each GET and HEAD: a static route for just this request, open to all, or
     * NULL for those of the table. */
    const struct http_route *(*pages)(const struct http_exchange *ex);
    uint32_t connections_max;      /* 0: 16,384, less when descriptors are fewer */
    uint32_t connections_reserved; /* 0: 16: the last ones serve just routes that are open */
    uint32_t idle_ms;              /* 0: 75,000: keep-alive without a request */
    uint32_t head_ms;              /* 0: 10,000: from a request's first byte to its head's end */
    uint32_t body_rate_min;        /* 0: 1,024 bytes/s, over windows of body_window_ms */
    uint32_t body_window_ms;       /* 0: 10,000 */
    uint32_t write_stall_ms;       /* 0: 30,000 without a byte taken by the client */
    uint32_t half_close_ms;        /* 0: 200: what a client that sends no more is still answered */
    uint32_t stop_ms;              /* 0: 10,000: exchanges in flight at http_server_stop() */
    size_t write_buffer_bytes;     /* 0: 256 KiB: http_writable() is false from here on */
    uint64_t answer_bytes_max;     /* 0: 64 MiB: of all answers that are not sent yet; beyond it
                                      the connection that took nothing for the longest is cut,
                                      beyond twice of it any */
};
/* Limits that are not settings. */
enum {
    HTTP_HEAD_BYTES_MAX = 32 * 1024,
    HTTP_TARGET_BYTES_MAX = 8 * 1024,
    HTTP_HEADERS_MAX = 100,
    HTTP_PIPELINE_MAX = 64,
    HTTP_DRAIN_BYTES_MAX = 1024 * 1024,
    HTTP_READ_BYTES = 64 * 1024, /* the largest piece that on_body sees */
};

/* Listens at once and serves when the reactor runs. `routes` and what `options` points to must
 * outlive the server. Errors: those of os_listen(); INVALID for a route that cannot be. */
err http_server_open(struct reactor *r, const struct http_route *routes, size_t route_count,
                     const struct http_options *options, struct http_server **out_server,
                     struct errmsg *msg);
/* Stops listening, closes idle connections, ends streams marked http_end_on_stop(), lets the rest
 * finish for stop_ms, then aborts it. `on_stopped` comes once, from the loop. */
void http_server_stop(struct http_server *server, void (*on_stopped)(void *ctx), void *ctx);
/* Aborts whatever is left (on_abort is called) and frees. NULL is fine. */
void http_server_close(struct http_server *server);
/* Serves a stream socket that is connected already (non-blocking); takes it. */
void http_server_adopt(struct http_server *server, int fd, const struct os_address *peer);
const struct os_address *http_server_address(const struct http_server *server);
uint32_t http_server_connections(const struct http_server *server);

/* ---- the request ---- */
/* "GET", "HEAD", "POST" ... */
const char *http_method(const struct http_exchange *ex);
struct str http_path(const struct http_exchange *ex); /* as sent, without the query */
/* Decoded text of "{name}" in the route; empty when the route has none of that name. */
struct str http_path_param(const struct http_exchange *ex, const char *name);
struct str http_query(const struct http_exchange *ex); /* as sent, for http_params_parse() */
/* First header of that name (any case), trimmed; empty when absent. */
struct str http_header(const struct http_exchange *ex, const char *name);
/* How many headers of that name there are. */
size_t http_header_count(const struct http_exchange *ex, const char *name);
/* True when the body's length was announced; false for chunked ones. No body: true and 0. */
bool http_body_length(const struct http_exchange *ex, uint64_t *out_bytes);
/* The media type of Content-Type in `out` without parameters, lower case; "" when absent. */
struct str http_content_type(const struct http_exchange *ex, char out[64]);
void *http_route_ctx(const struct http_exchange *ex);
void *http_user(const struct http_exchange *ex); /* NULL at first */
void http_set_user(struct http_exchange *ex, void *user);
uint64_t http_id(const struct http_exchange *ex); /* counts requests of this server */
struct reactor *http_reactor(const struct http_exchange *ex);
const struct os_address *http_peer(const struct http_exchange *ex);
int64_t http_started_us(const struct http_exchange *ex); /* monotonic: the head's first byte */

/* Back-pressure on the body: no on_body or on_body_end from now on until resumed; the client is
 * held back by TCP, and its slowness does not count. Both are fine at any time and in any
 * callback; delivery goes on from the loop, not from within http_resume(). */
void http_pause(struct http_exchange *ex);
void http_resume(struct http_exchange *ex);
/* In on_body only, with http_pause(): `rest` is the tail of the piece (maybe empty) that could not
 * be taken; on_body gets it again after http_resume(). */
void http_unread(struct http_exchange *ex, struct str rest);

/* ---- signing in from a browser ----
 * A page sends the token once and gets a cookie (http/session.h). A request with that cookie counts
 * as one with the token; one that changes something or upgrades must then come from a page of this
 * server's own origin, or of an origin that the options name. */
bool http_token_needed(const struct http_exchange *ex);
/* True when no token is needed, or the request carries it or a session. */
bool http_authorized(const struct http_exchange *ex);
enum http_sign_in { HTTP_SIGN_IN_OK, HTTP_SIGN_IN_WRONG, HTTP_SIGN_IN_LATER };
/* Begins a session when `token` is right and adds the value of Set-Cookie to *out_cookie. LATER: it
 * is wrong, and this address has tried too often. Only where a token is needed. */
enum http_sign_in http_sign_in(struct http_exchange *ex, struct str token, struct buf *out_cookie);
/* Ends the request's session, if there is one; the value of Set-Cookie makes the browser forget. */
void http_sign_out(struct http_exchange *ex, struct buf *out_cookie);

/* ---- the answer ---- */
struct http_field {
    const char *name;
    struct str value; /* no control characters; what has some is left out */
};
/* A whole answer; the body is copied. Content-Length, Date, Connection come from the server. */
void http_respond(struct http_exchange *ex, int status, const struct http_field *fields,
                  size_t field_count, struct str body);
static inline void http_respond_type(struct http_exchange *ex, int status, const char *type,
                                     struct str body)
{
    struct http_field field = {"content-type", str_from(type)};
    http_respond(ex, status, &field, 1, body);
}
static inline void http_respond_json(struct http_exchange *ex, int status, struct str body)
{
    http_respond_type(ex, status, "application/json", body);
}
/* application/problem+json of RFC 9457: {"type":"about:blank","title":..,"status":..,"detail":..,
 * "code":..}; `extra_members` is JSON text to put before the last brace, such as
 * "\"index\":3,\"line\":4", or empty. */
void http_problem(struct http_exchange *ex, int status, const char *code, struct str detail,
                  struct str extra_members);
/* The same with further headers (Retry-After). */
void http_problem_fields(struct http_exchange *ex, int status, const char *code, struct str detail,
                         struct str extra_members, const struct http_field *fields,
                         size_t field_count);
__attribute__((format(printf, 4, 5))) void http_problemf(struct http_exchange *ex, int status,
                                                         const char *code, const char *format, ...);
/* The status that stands for an error of ours, and a problem with err_name() as code and the
 * message's text as detail; LIMIT, BUSY, NOSPACE and the like carry Retry-After. */
int http_status_of(err e);
void http_problem_err(struct http_exchange *ex, err e, const struct errmsg *msg);
/* "Not Found" for 404; "" for numbers without a phrase. */
const char *http_status_phrase(int status);

/* A streamed answer: begin, any number of chunks, end. Chunked for HTTP/1.1; the end of the
 * connection for 1.0. HEAD and 204 and 304 drop the chunks. */
void http_respond_begin(struct http_exchange *ex, int status, const struct http_field *fields,
                        size_t field_count);
/* Appends to the write buffer. It takes everything: the handler asks http_writable() first and
 * stops at false until on_writable. An empty piece does nothing. */
void http_respond_chunk(struct http_exchange *ex, struct str piece);
void http_respond_end(struct http_exchange *ex);
/* Ends a streamed answer that failed midway: the connection is cut so that the client cannot take
 * it for complete. */
void http_respond_abort(struct http_exchange *ex);
/* Answers 101 with these fields beside Connection and Upgrade: the bytes after this request are of
 * `protocol`, in both directions, until http_respond_end() closes the connection or on_abort says
 * that the client has. Within on_request only, for a GET over HTTP/1.1 without a body that asks
 * for it (http_upgrade_wanted()). */
void http_upgrade(struct http_exchange *ex, struct str protocol, const struct http_field *fields,
                  size_t field_count);
/* True when the request may be answered with http_upgrade(): RFC 9110 section 7.8. Where it came
 * from is checked already. */
bool http_upgrade_wanted(const struct http_exchange *ex, struct str protocol);
bool http_writable(struct http_exchange *ex);
/* Bytes of this answer that the client's socket has not taken yet. */
size_t http_buffered_bytes(const struct http_exchange *ex);
/* After begin: this stream has no end of its own (a live tail); when the server stops it is ended
 * cleanly for the client and on_abort called. */
void http_end_on_stop(struct http_exchange *ex);
/* The connection is closed after this exchange. */
void http_close_after(struct http_exchange *ex);
