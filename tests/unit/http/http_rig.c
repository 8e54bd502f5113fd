/* SPDX-License-Identifier: MIT */
/* http_rig.c - see http_rig.h. */
#include "http_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/file.h"

enum { WAIT_US = 3 * 1000 * 1000 };

static struct rig *rig_of(struct http_exchange *ex)
{
    return http_route_ctx(ex);
}

static void log_request(struct http_exchange *ex, struct str body)
{
    struct buf *log = &rig_of(ex)->log;
    buf_puts(log, http_method(ex));
    buf_add_byte(log, ' ');
    buf_add_str(log, http_path(ex));
    buf_add_byte(log, '|');
    buf_add_str(log, body);
    buf_add_byte(log, ';');
}

static void on_abort(struct http_exchange *ex)
{
    struct rig *rig = rig_of(ex);
    rig->aborted++;
    for (size_t i = 0; i < rig->held_count; i++) {
        if (rig->held[i] == ex) {
            rig->held[i] = NULL;
        }
    }
    if (rig->gate == ex) {
        rig->gate = NULL;
    }
    struct buf *body = http_user(ex);
    if (body != NULL) {
        buf_deinit(body);
        free(body);
    }
}

static void health(struct http_exchange *ex)
{
    http_respond_json(ex, 200, STR("{\"status\":\"ok\"}"));
}

static void echo_request(struct http_exchange *ex)
{
    rig_of(ex)->begun++;
    struct buf *body = xnew(struct buf);
    *body = buf_make(1 << 24);
    http_set_user(ex, body);
}

static void echo_body(struct http_exchange *ex, struct str piece)
{
    buf_add_str(http_user(ex), piece);
}

static void echo_end(struct http_exchange *ex)
{
    struct buf *body = http_user(ex);
    log_request(ex, buf_str(body));
    http_respond_type(ex, 200, "text/plain", buf_str(body));
    buf_deinit(body);
    free(body);
}

static void hold_end(struct http_exchange *ex)
{
    struct rig *rig = rig_of(ex);
    assert_true(rig->held_count < ARRAY_LEN(rig->held));
    rig->held[rig->held_count++] = ex;
}

static void hold_request(struct http_exchange *ex)
{
    rig_of(ex)->begun++;
}

static void count_body(struct http_exchange *ex, struct str piece)
{
    rig_of(ex)->body_bytes += piece.len;
}

static void count_end(struct http_exchange *ex)
{
    http_problemf(ex, 200, "counted", "%llu", (unsigned long long)rig_of(ex)->body_bytes);
}

static void gate_request(struct http_exchange *ex)
{
    rig_of(ex)->gate = ex;
}

static void gate_body(struct http_exchange *ex, struct str piece)
{
    struct rig *rig = rig_of(ex);
    size_t taken = rig->is_gate_shut ? (piece.len + 1) / 2 : piece.len;
    for (size_t i = 0; i < taken; i++) {
        assert_int_equal(piece.ptr[i], (char)('a' + (rig->body_bytes + i) % 26));
    }
    rig->body_bytes += taken;
    if (rig->is_gate_shut && piece.len > 0) {
        http_pause(ex);
        http_unread(ex, str_of(piece.ptr + taken, piece.len - taken));
        if (rig->is_gate_hasty) {
            http_resume(ex);
        }
    }
}

static void gate_end(struct http_exchange *ex)
{
    rig_of(ex)->gate = NULL;
    count_end(ex);
}

static void stream_more(struct http_exchange *ex)
{
    uintptr_t left = (uintptr_t)http_user(ex);
    while (left > 0 && http_writable(ex)) {
        http_respond_chunk(ex, STR("0123456789012345678901234567890123456789012345678\n"));
        left--;
    }
    http_set_user(ex, (void *)left);
    if (left == 0) {
        http_respond_end(ex);
    }
}

static void stream_request(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    int64_t n = 10;
    assert_int_equal(http_params_parse(http_query(ex), &params, NULL), ERR_OK);
    assert_int_equal(http_params_i64(&params, "n", 0, 1 << 30, &n, NULL), ERR_OK);
    http_set_user(ex, (void *)(uintptr_t)n);
    http_respond_begin(ex, 200, NULL, 0);
    stream_more(ex);
}

static void stream_abort(struct http_exchange *ex)
{
    rig_of(ex)->aborted++;
}

static void live_request(struct http_exchange *ex)
{
    http_respond_begin(ex, 200, NULL, 0);
    http_end_on_stop(ex);
    http_respond_chunk(ex, STR("hello\n"));
}

static void early_request(struct http_exchange *ex)
{
    http_problem(ex, 413, "too_large", STR("no"), STR("\"max\":1"));
}

static void params_request(struct http_exchange *ex)
{
    AUTO_BUF out = buf_make(10000);
    buf_add_str(&out, http_path_param(ex, "a"));
    buf_add_byte(&out, '|');
    buf_add_str(&out, http_path_param(ex, "b"));
    buf_add_str(&out, http_path_param(ex, "rest"));
    http_respond_type(ex, 200, "text/plain", buf_str(&out));
}

static const struct http_handler HEALTH = {.on_request = health};
static const struct http_handler ECHO = {.on_request = echo_request,
                                         .on_body = echo_body,
                                         .on_body_end = echo_end,
                                         .on_abort = on_abort};
static const struct http_handler HOLD = {
    .on_request = hold_request, .on_body_end = hold_end, .on_abort = on_abort};
static const struct http_handler COUNT = {.on_request = hold_request,
                                          .on_body = count_body,
                                          .on_body_end = count_end,
                                          .on_abort = on_abort};
/* Answers for the gate, too: from within another connection's turn. */
static void refuse_request(struct http_exchange *ex)
{
    struct http_exchange *gate = rig_of(ex)->gate;
    if (gate != NULL) {
        http_problem(gate, 507, "disk_full", STR("no space"), STR(""));
    }
    http_respond_json(ex, 200, STR("{}"));
}

static const struct http_handler REFUSE = {.on_request = refuse_request};
static const struct http_handler GATE = {.on_request = gate_request,
                                         .on_body = gate_body,
                                         .on_body_end = gate_end,
                                         .on_abort = on_abort};
static const struct http_handler STREAM = {
    .on_request = stream_request, .on_writable = stream_more, .on_abort = stream_abort};
static const struct http_handler LIVE = {.on_request = live_request, .on_abort = stream_abort};
static const struct http_handler EARLY = {.on_request = early_request};
static const struct http_handler PARAMS = {.on_request = params_request};

/* One rig at a time: the routes carry its address. */
static struct http_route routes[] = {
    {HTTP_VERB_GET, "/health", &HEALTH, true, NULL},
    {HTTP_VERB_GET, "/echo", &ECHO, false, NULL},
    {HTTP_VERB_POST, "/echo", &ECHO, false, NULL},
    {HTTP_VERB_PUT, "/echo", &ECHO, false, NULL},
    {HTTP_VERB_POST, "/hold", &HOLD, false, NULL},
    {HTTP_VERB_GET, "/hold", &HOLD, false, NULL},
    {HTTP_VERB_POST, "/count", &COUNT, false, NULL},
    {HTTP_VERB_POST, "/gate", &GATE, false, NULL},
    {HTTP_VERB_GET, "/refuse", &REFUSE, false, NULL},
    {HTTP_VERB_GET, "/stream", &STREAM, false, NULL},
    {HTTP_VERB_GET, "/live", &LIVE, false, NULL},
    {HTTP_VERB_POST, "/early", &EARLY, false, NULL},
    {HTTP_VERB_GET, "/p/{a}/x/{b}", &PARAMS, false, NULL},
    {HTTP_VERB_GET, "/p/fixed/x/{b}", &HEALTH, false, NULL},
    {HTTP_VERB_GET, "/tail/{rest...}", &PARAMS, false, NULL},
};

void rig_start(struct rig *rig, const struct http_options *options)
{
    *rig = (struct rig){.log = buf_make(1 << 26)};
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        routes[i].ctx = rig;
    }
    struct errmsg msg = {0};
    struct http_options none = {0};
    assert_int_equal(reactor_new(&rig->reactor, &msg), ERR_OK);
    err e = http_server_open(rig->reactor, routes, ARRAY_LEN(routes),
                             options == NULL ? &none : options, &rig->server, &msg);
    if (e != ERR_OK) {
        fail_msg("%s", msg.text);
    }
}

void rig_stop(struct rig *rig)
{
    http_server_close(rig->server);
    reactor_free(rig->reactor);
    buf_deinit(&rig->log);
}

void rig_turns(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(reactor_turn(rig->reactor, 0, NULL), ERR_OK);
    }
}

struct client client_open(struct rig *rig)
{
    struct client c = {.rig = rig, .in = buf_make(1 << 28)};
    assert_int_equal(os_connect(http_server_address(rig->server), &c.fd, NULL), ERR_OK);
    return c;
}

void client_close(struct client *c)
{
    os_close(c->fd);
    buf_deinit(&c->in);
}

struct client rig_client(struct rig *rig, const struct http_options *options)
{
    rig_start(rig, options);
    return client_open(rig);
}

void rig_end(struct rig *rig, struct client *c)
{
    client_close(c);
    rig_stop(rig);
}

bool client_send(struct client *c, struct str bytes)
{
    int64_t deadline_us = os_mono_us() + WAIT_US;
    while (bytes.len > 0 && os_mono_us() < deadline_us) {
        struct iovec part;
        memcpy(&part.iov_base, &bytes.ptr, sizeof part.iov_base);
        part.iov_len = bytes.len;
        size_t sent = 0;
        err e = os_send(c->fd, &part, 1, &sent);
        if (e == ERR_AGAIN) {
            assert_int_equal(reactor_turn(c->rig->reactor, 1, NULL), ERR_OK);
            continue;
        }
        if (e != ERR_OK) {
            return false;
        }
        bytes = str_of(bytes.ptr + sent, bytes.len - sent);
    }
    return bytes.len == 0;
}

void client_read(struct client *c)
{
    for (;;) {
        size_t got = 0;
        assert_true(buf_reserve(&c->in, 65536));
        err e = os_recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, &got);
        if (e == ERR_OK) {
            c->in.len += got;
            continue;
        }
        c->is_closed = c->is_closed || e == ERR_CLOSED || e == ERR_IO;
        c->is_reset = c->is_reset || e == ERR_IO;
        return;
    }
}

static ptrdiff_t find_text(struct str s, const char *text)
{
    const char *at = s.len == 0 ? NULL : memmem(s.ptr, s.len, text, strlen(text));
    return at == NULL ? -1 : at - s.ptr;
}

/* Header value of a response's head, or empty. Our server writes names in lower case. */
static struct str head_value(struct str head, const char *name)
{
    char line[64];
    (void)snprintf(line, sizeof line, "\r\n%s: ", name);
    ptrdiff_t at = find_text(head, line);
    if (at < 0) {
        return (struct str){NULL, 0};
    }
    struct str value = str_of(head.ptr + at + strlen(line), head.len - (size_t)at - strlen(line));
    ptrdiff_t end = find_text(value, "\r\n");
    return str_of(value.ptr, (size_t)end);
}

/* 1 complete, 0 more bytes needed. */
static int take_chunks(struct str rest, struct response *r)
{
    for (;;) {
        ptrdiff_t end = find_text(rest, "\r\n");
        if (end < 0) {
            return 0;
        }
        size_t size = 0;
        for (ptrdiff_t i = 0; i < end; i++) {
            char c = rest.ptr[i];
            size = size * 16 + (size_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        size_t need = (size_t)end + 2 + size + 2;
        if (rest.len < need) {
            return 0;
        }
        buf_add(&r->body, rest.ptr + end + 2, size);
        r->bytes += need;
        rest = str_of(rest.ptr + need, rest.len - need);
        if (size == 0) {
            return 1;
        }
    }
}

static int take_response(struct client *c, bool is_head, struct response *r)
{
    *r = (struct response){.body = buf_make(1 << 28)};
    struct str all = buf_str(&c->in);
    ptrdiff_t end = find_text(all, "\r\n\r\n");
    if (end < 0) {
        return 0;
    }
    r->head = str_of(all.ptr, (size_t)end + 2);
    r->bytes = (size_t)end + 4;
    assert_memory_equal(all.ptr, "HTTP/1.1 ", 9);
    r->status = (all.ptr[9] - '0') * 100 + (all.ptr[10] - '0') * 10 + (all.ptr[11] - '0');
    struct str rest = str_of(all.ptr + r->bytes, all.len - r->bytes);
    if (is_head || r->status == 100 || r->status == 204 || r->status == 304) {
        return 1;
    }
    if (head_value(r->head, "transfer-encoding").len > 0) {
        if (rest.len > 65536 && !str_ends(rest, STR("0\r\n\r\n"))) {
            return 0; /* walking all chunks at every read would take for ever */
        }
        return take_chunks(rest, r);
    }
    uint64_t length = 0;
    struct str text = head_value(r->head, "content-length");
    if (text.len == 0) { /* to the end of the connection */
        if (!c->is_closed) {
            return 0;
        }
        length = rest.len;
    } else {
        assert_true(str_to_u64(text, &length));
    }
    if (rest.len < length) {
        return 0;
    }
    buf_add(&r->body, rest.ptr, length);
    r->bytes += length;
    return 1;
}

bool client_response(struct client *c, bool is_head, struct response *out_response)
{
    int64_t deadline_us = os_mono_us() + WAIT_US;
    do {
        client_read(c);
        if (take_response(c, is_head, out_response) == 1) {
            /* The head is kept apart: the buffer moves on. */
            static char head[65536];
            size_t len = MIN(out_response->head.len, sizeof head);
            memcpy(head, out_response->head.ptr, len);
            out_response->head = str_of(head, len);
            buf_consume(&c->in, out_response->bytes);
            return true;
        }
        response_deinit(out_response);
        if (c->is_closed) {
            return false;
        }
        assert_int_equal(reactor_turn(c->rig->reactor, 1, NULL), ERR_OK);
    } while (os_mono_us() < deadline_us);
    return false;
}

void response_deinit(struct response *r)
{
    buf_deinit(&r->body);
}

bool response_has(const struct response *r, const char *header_line)
{
    return find_text(r->head, header_line) >= 0;
}

bool client_wait_close(struct client *c)
{
    int64_t deadline_us = os_mono_us() + WAIT_US;
    while (!c->is_closed && os_mono_us() < deadline_us) {
        assert_int_equal(reactor_turn(c->rig->reactor, 1, NULL), ERR_OK);
        client_read(c);
    }
    return c->is_closed;
}

void client_expect(struct client *c, const char *request, int status)
{
    struct response r;
    assert_true(client_send(c, str_from(request)));
    assert_true(client_response(c, strncmp(request, "HEAD", 4) == 0, &r));
    assert_int_equal(r.status, status);
    response_deinit(&r);
}
