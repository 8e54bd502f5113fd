/* SPDX-License-Identifier: MIT */
/* client.c - sockets from the C library, answers parsed by llhttp. */
#include "app/client.h"

#include <errno.h>
#include <llhttp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"

enum { CLIENT_PROBLEM_BYTES_MAX = 1 << 20, CLIENT_TIMEOUT_SECONDS = 600 };

struct client {
    char *host;  /* owned */
    char *port;  /* owned */
    char *token; /* owned, or NULL */
    int fd;
    int patience_s; /* without a byte of an answer */
    /* the answer being read */
    llhttp_t parser;
    llhttp_settings_t settings;
    bool complete;
    bool got_bytes;
    bool in_chunks; /* of the request being sent */
    client_body_fn on_piece;
    void *context;
    err body_error;
    struct buf *problem; /* borrowed during a request */
    char header[16];     /* the present header's name, lower case, cut */
    size_t header_len;
    bool in_value;
    uint64_t retry_after_seconds;
    atomic_bool is_dropped; /* by another thread: this request is not tried again */
};

static int take_body(llhttp_t *parser, const char *at, size_t len)
{
    struct client *c = parser->data;
    if (parser->status_code >= 300) {
        (void)buf_add(c->problem, at, len); /* cut at its maximum */
        return 0;
    }
    if (c->on_piece != NULL && c->body_error == ERR_OK) {
        c->body_error = c->on_piece(c->context, str_of(at, len));
    }
    return c->body_error == ERR_OK ? 0 : HPE_USER;
}

/* Names and values come in pieces; only one header matters. */
static int take_header_name(llhttp_t *parser, const char *at, size_t len)
{
    struct client *c = parser->data;
    if (c->in_value) {
        c->in_value = false;
        c->header_len = 0;
    }
    for (size_t i = 0; i < len && c->header_len < sizeof c->header; i++) {
        char letter = at[i];
        c->header[c->header_len++] =
            letter >= 'A' && letter <= 'Z' ? (char)(letter + ('a' - 'A')) : letter;
    }
    return 0;
}

static int take_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct client *c = parser->data;
    c->in_value = true;
    if (str_is(str_of(c->header, c->header_len), "retry-after")) {
        (void)str_to_u64(str_of(at, len), &c->retry_after_seconds); /* a date is not understood */
    }
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct client *c = parser->data;
    if (parser->status_code >= 200) {
        c->complete = true;
        return HPE_PAUSED;
    }
    return 0;
}

err client_new(const char *url, const char *token, struct client **out_client, struct errmsg *msg)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return errmsg_set(msg, ERR_INVALID, "server address \"%s\" must begin with http://", url);
    }
    struct str rest = str_from(url + sizeof scheme - 1);
    while (rest.len > 0 && rest.ptr[rest.len - 1] == '/') {
        rest.len--;
    }
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = 8276;
    struct str host = rest;
    if (colon > 0 && rest.ptr[rest.len - 1] != ']') {
        host = str_of(rest.ptr, colon - 1);
        if (!str_to_u64(str_of(rest.ptr + colon, rest.len - colon), &port) || port > 65535) {
            return errmsg_set(msg, ERR_INVALID, "bad port in server address \"%s\"", url);
        }
    }
    if (host.len > 2 && host.ptr[0] == '[') {
        host = str_of(host.ptr + 1, host.len - 2);
    }
    struct client *c = xnew(struct client);
    c->host = xstrndup(host.ptr, host.len);
    c->port = xasprintf("%llu", (unsigned long long)port);
    c->token = token == NULL ? NULL : xstrdup(token);
    c->fd = -1;
    c->patience_s = CLIENT_TIMEOUT_SECONDS;
    llhttp_settings_init(&c->settings);
    c->settings.on_body = take_body;
    c->settings.on_header_field = take_header_name;
    c->settings.on_header_value = take_header_value;
    c->settings.on_message_complete = on_complete;
    *out_client = c;
    return ERR_OK;
}

static void disconnect(struct client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}

void client_free(struct client *c)
{
    if (c != NULL) {
        disconnect(c);
        free(c->host);
        free(c->port);
        free(c->token);
        free(c);
    }
}

uint64_t client_retry_after(const struct client *c)
{
    return c->retry_after_seconds;
}

static void apply_patience(struct client *c)
{
    struct timeval limit = {.tv_sec = c->patience_s};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit); /* only patience */
}

void client_set_patience(struct client *c, int seconds)
{
    c->patience_s = seconds;
    if (c->fd >= 0) {
        apply_patience(c);
    }
}

void client_drop(struct client *c)
{
    int fd = c->fd;
    atomic_store(&c->is_dropped, true);
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR); /* a connection that is closed already needs none */
    }
}

static err connect_to(struct client *c, struct errmsg *msg)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int result = getaddrinfo(c->host, c->port, &hints, &list);
    if (result != 0) {
        return errmsg_set(msg, ERR_NOT_FOUND, "%s: %s", c->host, gai_strerror(result));
    }
    int error = 0;
    for (struct addrinfo *a = list; a != NULL && c->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            c->fd = fd;
        } else {
            error = errno;
            close(fd);
        }
    }
    freeaddrinfo(list);
    if (c->fd < 0) {
        return errmsg_set(msg, ERR_CLOSED,
                          "no tarn answers at http://%s:%s (%s); start one with `tarn serve`, or "
                          "name another with --server",
                          c->host, c->port, strerror(error));
    }
    int on = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only speed hangs on it */
    apply_patience(c);
    return ERR_OK;
}

static err send_all(struct client *c, struct str bytes, struct errmsg *msg)
{
    while (bytes.len > 0) {
        ssize_t sent = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errmsg_set(msg, ERR_CLOSED, "send: %s", strerror(errno));
        }
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
    return ERR_OK;
}

err client_write(struct client *c, struct str piece, struct errmsg *msg)
{
    if (piece.len == 0) { /* an empty chunk would be the end */
        return ERR_OK;
    }
    if (!c->in_chunks) {
        return send_all(c, piece, msg);
    }
    char head[32];
    int len = snprintf(head, sizeof head, "%zx\r\n", piece.len);
    TRY(send_all(c, str_of(head, (size_t)len), msg));
    TRY(send_all(c, piece, msg));
    return send_all(c, STR("\r\n"), msg);
}

static err send_written_body(struct client *c, const struct client_request *r, struct errmsg *msg)
{
    struct timeval patience = {0};
    /* Only patience hangs on it. */
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    TRY(r->write_body(r->body_ctx, c, msg));
    return c->in_chunks ? send_all(c, STR("0\r\n\r\n"), msg) : ERR_OK;
}

static err send_request(struct client *c, const struct client_request *r, struct errmsg *msg)
{
    AUTO_BUF head = buf_make(1 << 20);
    bool v6 = strchr(c->host, ':') != NULL;
    buf_printf(&head, "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: tarn/" TARN_VERSION "\r\n",
               r->method, r->target, v6 ? "[" : "", c->host, v6 ? "]" : "", c->port);
    if (r->accept != NULL) {
        buf_printf(&head, "Accept: %s\r\n", r->accept);
    }
    if (c->token != NULL) {
        buf_printf(&head, "Authorization: Bearer %s\r\n", c->token);
    }
    c->in_chunks = r->write_body != NULL && r->body_length < 0;
    if (c->in_chunks) {
        buf_printf(&head, "Content-Type: %s\r\nTransfer-Encoding: chunked\r\n", r->content_type);
    } else if (r->content_type != NULL) {
        buf_printf(&head, "Content-Type: %s\r\nContent-Length: %lld\r\n", r->content_type,
                   r->write_body != NULL ? (long long)r->body_length : (long long)r->body.len);
    }
    buf_puts(&head, r->headers != NULL ? r->headers : "");
    buf_puts(&head, "\r\n");
    if (head.failed) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the request's head is too large");
    }
    TRY(send_all(c, buf_str(&head), msg));
    if (r->write_body != NULL) {
        return send_written_body(c, r, msg);
    }
    return r->content_type != NULL ? send_all(c, r->body, msg) : ERR_OK;
}

static err read_answer(struct client *c, struct errmsg *msg)
{
    char bytes[65536];
    while (!c->complete) {
        ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            bool late = errno == EAGAIN || errno == EWOULDBLOCK;
            return errmsg_set(msg, late ? ERR_TIMEOUT : ERR_CLOSED, "receive: %s", strerror(errno));
        }
        enum llhttp_errno result = HPE_OK;
        if (got == 0) {
            result = llhttp_finish(&c->parser);
            if (!c->complete) {
                return errmsg_set(msg, ERR_CLOSED, "the server closed the connection mid-answer");
            }
            continue;
        }
        c->got_bytes = true;
        result = llhttp_execute(&c->parser, bytes, (size_t)got);
        if (c->body_error != ERR_OK) {
            return c->body_error;
        }
        if (result != HPE_OK && !c->complete) {
            return errmsg_set(msg, ERR_INVALID, "bad answer from the server: %s",
                              llhttp_errno_name(result));
        }
    }
    return ERR_OK;
}

static err status_error(int status)
{
    switch (status) {
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_LARGE;
    case 401:
    case 403:
        return ERR_DENIED;
    case 429:
    case 503:
        return ERR_LIMIT;
    case 507:
        return ERR_NOSPACE;
    default:
        return status >= 500 ? ERR_FAILED : ERR_INVALID;
    }
}

static err problem_error(struct client *c, struct errmsg *msg)
{
    err e = status_error((int)c->parser.status_code);
    AUTO_JSON problem = NULL;
    struct str detail = {0};
    struct str code = STR("error");
    if (json_parse(buf_str(c->problem), &problem, NULL) == ERR_OK &&
        json_get_str(problem, "detail", &detail, NULL) == ERR_OK) {
        (void)json_opt_str(problem, "code", &code, NULL); /* keeps its default */
        int64_t position = 0;
        (void)json_opt_i64(problem, "position", &position, NULL); /* keeps its default */
        (void)errmsg_set(msg, e, "%.*s (%.*s, HTTP %d)", STR_ARGS(detail), STR_ARGS(code),
                         (int)c->parser.status_code);
        if (msg != NULL && position > 0 && position < UINT32_MAX) {
            msg->position = (uint32_t)position;
        }
        return e;
    }
    return errmsg_set(msg, e, "HTTP %d", (int)c->parser.status_code);
}

static err attempt(struct client *c, const struct client_request *r, struct errmsg *msg)
{
    if (c->fd < 0) {
        TRY(connect_to(c, msg));
    }
    llhttp_init(&c->parser, HTTP_RESPONSE, &c->settings);
    c->parser.data = c;
    c->complete = false;
    c->got_bytes = false;
    c->header_len = 0;
    c->in_value = false;
    c->retry_after_seconds = 0;
    c->body_error = ERR_OK;
    err e = send_request(c, r, msg);
    if (e != ERR_OK &&
        e != ERR_CLOSED) { /* the body's own trouble: the server still waits for it */
        disconnect(c);
        return e;
    }
    err answer = read_answer(c, e == ERR_OK ? msg : NULL);
    if (answer != ERR_OK) {
        disconnect(c); /* a refusal may have come before the body was sent: that one counts */
        return e != ERR_OK ? e : answer;
    }
    if (e != ERR_OK || !llhttp_should_keep_alive(&c->parser)) {
        disconnect(c);
    }
    return ERR_OK;
}

err client_run(struct client *c, const struct client_request *r, client_body_fn on_piece,
               void *context, struct buf *out_problem, struct errmsg *msg)
{
    AUTO_BUF own = buf_make(CLIENT_PROBLEM_BYTES_MAX);
    c->problem = out_problem != NULL ? out_problem : &own;
    c->on_piece = on_piece;
    c->context = context;
    bool reused = c->fd >= 0;
    atomic_store(&c->is_dropped, false);
    err e = attempt(c, r, msg);
    if (e == ERR_CLOSED && reused && !c->got_bytes && !atomic_load(&c->is_dropped)) {
        e = attempt(c, r, msg);
    }
    if (e == ERR_OK && c->parser.status_code >= 300) {
        e = problem_error(c, msg);
    }
    c->problem = NULL;
    return e;
}

static err collect(void *context, struct str piece)
{
    return buf_add_str(context, piece) ? ERR_OK : ERR_TOO_LARGE;
}

err client_fetch(struct client *c, const struct client_request *request, struct buf *out,
                 struct errmsg *msg)
{
    return client_run(c, request, collect, out, NULL, msg);
}
