/* SPDX-License-Identifier: MIT */
/* echo_server.c - the HTTP server with trivial handlers, to measure it and to try it with clients:
 *     GET  /health       {"status":"ok"}
 *     POST /echo         the body, streamed back
 *     POST /count        reads and drops the body, answers its length
 *     GET  /stream?n=N   N lines, streamed
 *     GET  /never        no answer until the client goes
 *     GET  /events       a live stream of server-sent events
 * Prints its address; ends on SIGTERM. */
#include <signal.h>
#include <stdio.h>

#include "http/server.h"
#include "http/sse.h"

static struct reactor *reactor;

static void health(struct http_exchange *ex)
{
    http_respond_json(ex, 200, STR("{\"status\":\"ok\"}"));
}

static void echo_request(struct http_exchange *ex)
{
    http_respond_begin(ex, 200, NULL, 0);
}

static void echo_body(struct http_exchange *ex, struct str piece)
{
    http_respond_chunk(ex, piece);
    if (!http_writable(ex)) {
        http_pause(ex);
    }
}

static void echo_end(struct http_exchange *ex)
{
    http_respond_end(ex);
}

static void count_request(struct http_exchange *ex)
{
    http_set_user(ex, xnew(uint64_t));
}

static void count_body(struct http_exchange *ex, struct str piece)
{
    *(uint64_t *)http_user(ex) += piece.len;
}

static void count_end(struct http_exchange *ex)
{
    AUTO_BUF out = buf_make(64);
    buf_printf(&out, "%llu\n", (unsigned long long)*(uint64_t *)http_user(ex));
    free(http_user(ex));
    http_respond_type(ex, 200, "text/plain", buf_str(&out));
}

static void free_user(struct http_exchange *ex)
{
    free(http_user(ex));
}

static void stream_more(struct http_exchange *ex)
{
    uint64_t *left = http_user(ex);
    while (*left > 0) {
        if (!http_writable(ex)) {
            return;
        }
        http_respond_chunk(ex, STR("{\"a\":1,\"b\":\"a line of a result\"}\n"));
        --*left;
    }
    free(left);
    http_respond_end(ex);
}

static void stream_request(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    int64_t n = 10;
    err e = http_params_parse(http_query(ex), &params, &msg);
    if (e == ERR_OK) {
        e = http_params_i64(&params, "n", 0, INT64_MAX, &n, &msg);
    }
    if (e == ERR_OK) {
        e = http_params_check(&params, &msg);
    }
    if (e != ERR_OK) {
        http_problem_err(ex, e, &msg);
        return;
    }
    uint64_t *left = xnew(uint64_t);
    *left = (uint64_t)n;
    http_set_user(ex, left);
    http_respond_begin(ex, 200, NULL, 0);
    stream_more(ex);
}

static void never(struct http_exchange *ex)
{
    (void)ex;
}

static void never_abort(struct http_exchange *ex)
{
    fprintf(stderr, "abort %llu\n", (unsigned long long)http_id(ex));
}

static void events_request(struct http_exchange *ex)
{
    struct sse *s = sse_open(ex, 1000);
    http_set_user(ex, s);
    (void)sse_send(s, STR("hello"), STR("1"), STR("two\nlines"));
}

static void events_abort(struct http_exchange *ex)
{
    sse_free(http_user(ex));
}

static const struct http_handler HEALTH = {.on_request = health};
static const struct http_handler ECHO = {.on_request = echo_request,
                                         .on_body = echo_body,
                                         .on_body_end = echo_end,
                                         .on_writable = http_resume};
static const struct http_handler COUNT = {.on_request = count_request,
                                          .on_body = count_body,
                                          .on_body_end = count_end,
                                          .on_abort = free_user};
static const struct http_handler STREAM = {
    .on_request = stream_request, .on_writable = stream_more, .on_abort = free_user};
static const struct http_handler NEVER = {.on_request = never, .on_abort = never_abort};
static const struct http_handler EVENTS = {.on_request = events_request, .on_abort = events_abort};
static const struct http_route ROUTES[] = {
    {HTTP_VERB_GET, "/health", &HEALTH, true, NULL},
    {HTTP_VERB_POST, "/echo", &ECHO, false, NULL},
    {HTTP_VERB_POST, "/count", &COUNT, false, NULL},
    {HTTP_VERB_GET, "/stream", &STREAM, false, NULL},
    {HTTP_VERB_GET, "/never", &NEVER, false, NULL},
    {HTTP_VERB_GET, "/events", &EVENTS, false, NULL},
};

static void stopped(void *ctx)
{
    reactor_stop(ctx);
}

static struct http_server *server;
static bool is_stopping;

static void on_signal(int number)
{
    (void)number;
    is_stopping = true;
}

static void check_signal(struct reactor_timer *t)
{
    if (is_stopping) {
        http_server_stop(server, stopped, reactor);
        return;
    }
    reactor_timer_set_us(reactor, t, reactor_now_us(reactor) + 50000);
}

int main(int argc, char **argv)
{
    struct errmsg msg = {0};
    uint64_t port = 0;
    if (argc > 1 && !str_to_u64(str_from(argv[1]), &port)) {
        return 2;
    }
    struct http_options options = {.port = (uint16_t)port, .token = argc > 2 ? argv[2] : NULL};
    if (reactor_new(&reactor, &msg) != ERR_OK ||
        http_server_open(reactor, ROUTES, ARRAY_LEN(ROUTES), &options, &server, &msg) != ERR_OK) {
        fprintf(stderr, "%s\n", msg.text);
        return 1;
    }
    char text[OS_ADDRESS_TEXT_BYTES];
    os_address_format(http_server_address(server), text);
    printf("http://%s\n", text);
    fflush(stdout);
    (void)signal(SIGTERM, on_signal);
    struct reactor_timer timer = {.on_due = check_signal};
    reactor_timer_set_us(reactor, &timer, 0);
    err e = reactor_run(reactor, &msg);
    http_server_close(server);
    reactor_free(reactor);
    return e == ERR_OK ? 0 : 1;
}
