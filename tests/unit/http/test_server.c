/* SPDX-License-Identifier: MIT */
/* test_server.c - the life of connections and exchanges: order, bodies, limits, time, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "http/server_int.h"
#include "http_rig.h"
#include "os/clock.h"
#include "os/file.h"

#define H "Host: localhost\r\n"

static void answer(struct rig *rig, size_t index, const char *body)
{
    struct http_exchange *ex = rig->held[index];
    assert_non_null(ex);
    rig->held[index] = NULL;
    http_respond_type(ex, 200, "text/plain", str_from(body));
}

static void expect_body(struct client *c, int status, const char *body)
{
    struct response r;
    assert_true(client_response(c, false, &r));
    assert_int_equal(r.status, status);
    if (body != NULL) {
        assert_string_equal(buf_cstr(&r.body), body);
    }
    response_deinit(&r);
}

/* ---- order ---- */

/* Answers leave in the order of the requests, whatever the order in which they are made. */
static void test_answers_in_order(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    assert_true(client_send(&c, STR("GET /hold HTTP/1.1\r\n" H "\r\n"
                                    "GET /hold HTTP/1.1\r\n" H "\r\n"
                                    "POST /hold HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
                                    "GET /health HTTP/1.1\r\n" H "\r\n")));
    while (rig.held_count < 3) {
        rig_turns(&rig, 1);
    }
    rig_turns(&rig, 3);
    answer(&rig, 2, "three");
    answer(&rig, 1, "two");
    rig_turns(&rig, 3);
    client_read(&c);
    assert_int_equal(c.in.len, 0);
    answer(&rig, 0, "one");
    expect_body(&c, 200, "one");
    expect_body(&c, 200, "two");
    expect_body(&c, 200, "three");
    expect_body(&c, 200, "{\"status\":\"ok\"}");
    rig_end(&rig, &c);
}

/* At most HTTP_PIPELINE_MAX exchanges of a connection are open; the rest wait unread, in order. */
static void test_pipeline_is_bounded(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    for (int i = 0; i < 100; i++) {
        assert_true(client_send(&c, STR("GET /hold HTTP/1.1\r\n" H "\r\n")));
    }
    rig_turns(&rig, 50);
    assert_int_equal(rig.begun, HTTP_PIPELINE_MAX);
    for (size_t i = 0; i < 100; i++) {
        while (rig.held_count <= i) {
            rig_turns(&rig, 1);
        }
        assert_true(rig.held_count <= i + HTTP_PIPELINE_MAX);
        char body[16];
        (void)snprintf(body, sizeof body, "%zu", i);
        answer(&rig, i, body);
        expect_body(&c, 200, body);
    }
    rig_end(&rig, &c);
}

/* ---- bodies ---- */

/* A short body that is not wanted is dropped and the connection lives on; a long one closes it,
 * with the answer readable, after at most 1 MiB has been drained. */
static void test_early_answers(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    struct response r;
    assert_true(client_send(&c, STR("POST /early HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n12345"
                                    "GET /health HTTP/1.1\r\n" H "\r\n")));
    expect_body(&c, 413,
                "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
                "\"code\":\"too_large\",\"detail\":\"no\",\"max\":1}\n");
    expect_body(&c, 200, NULL);
    client_close(&c);

    static char block[65536];
    c = client_open(&rig);
    assert_true(
        client_send(&c, STR("POST /early HTTP/1.1\r\n" H "Content-Length: 99999999\r\n\r\n")));
    size_t sent = 0;
    while (sent < 64 * sizeof block && client_send(&c, str_of(block, sizeof block))) {
        sent += sizeof block;
    }
    assert_true(client_response(&c, false, &r));
    assert_int_equal(r.status, 413);
    assert_true(response_has(&r, "connection: close\r\n"));
    response_deinit(&r);
    client_close(&c);

    c = client_open(&rig);
    assert_true(client_send(
        &c, STR("POST /early HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")));
    assert_true(client_response(&c, false, &r));
    assert_true(response_has(&r, "connection: close\r\n"));
    response_deinit(&r);
    assert_true(client_wait_close(&c));
    rig_end(&rig, &c);
}

/* 100 (Continue) comes when the body is wanted, in its place in the order, and not otherwise. */
static void test_expect_continue(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    assert_true(client_send(&c, STR("GET /hold HTTP/1.1\r\n" H "\r\n"
                                    "POST /echo HTTP/1.1\r\n" H
                                    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")));
    rig_turns(&rig, 10);
    client_read(&c);
    assert_int_equal(c.in.len, 0); /* the first answer comes first */
    answer(&rig, 0, "a");
    expect_body(&c, 200, "a");
    expect_body(&c, 100, NULL);
    assert_true(client_send(&c, STR("hi")));
    expect_body(&c, 200, "hi");

    struct response r;
    assert_true(client_send(
        &c, STR("POST /early HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")));
    assert_true(client_response(&c, false, &r));
    assert_int_equal(r.status, 413);
    assert_true(response_has(&r, "connection: close\r\n"));
    response_deinit(&r);
    client_close(&c);

    c = client_open(&rig);
    client_expect(&c, "POST /echo HTTP/1.1\r\n" H "Expect: coffee\r\nContent-Length: 2\r\n\r\nhi",
                  417);
    client_close(&c);
    c = client_open(&rig); /* HTTP/1.0 knows no Expect */
    client_expect(&c, "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
                  200);
    rig_end(&rig, &c);
}

/* A handler that pauses and gives back gets every byte exactly once, in order, and the client is
 * held back meanwhile. */
static void test_pause_resume_unread(void **state)
{
    (void)state;
    enum { BODY_BYTES = 8 * 1024 * 1024 };
    struct rig rig;
    rig_start(&rig, NULL);
    rig.is_gate_shut = true;
    struct client c = client_open(&rig);
    AUTO_BUF body = buf_make(BODY_BYTES);
    for (size_t i = 0; i < BODY_BYTES; i++) {
        buf_add_byte(&body, (char)('a' + i % 26));
    }
    char head[128];
    (void)snprintf(head, sizeof head, "POST /gate HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n",
                   BODY_BYTES);
    assert_true(client_send(&c, str_from(head)));
    size_t sent = 0;
    size_t resumed = 0;
    while (rig.body_bytes < BODY_BYTES || rig.gate != NULL) {
        struct iovec part = {body.data + sent, BODY_BYTES - sent};
        size_t n = 0;
        if (sent < BODY_BYTES && os_send(c.fd, &part, 1, &n) == ERR_OK) {
            sent += n;
        }
        uint64_t before = rig.body_bytes;
        rig_turns(&rig, 4);
        if (rig.is_gate_shut) { /* paused after each piece */
            assert_true(rig.body_bytes - before <= HTTP_READ_BYTES);
        }
        rig.is_gate_shut = resumed++ < 300;
        if (rig.gate != NULL) {
            http_resume(rig.gate);
        }
    }
    expect_body(&c, 200, NULL);
    assert_int_equal(rig.body_bytes, BODY_BYTES);
    rig_end(&rig, &c);
}

/* A handler that pauses on the last byte of a body still hears of its end after it has resumed,
 * though no further byte ever comes from the client. */
static void test_pause_on_the_last_byte(void **state)
{
    (void)state;
    static const char *const BODIES[] = {"a", "abcde"};
    for (size_t i = 0; i < ARRAY_LEN(BODIES); i++) {
        struct rig rig;
        rig_start(&rig, NULL);
        rig.is_gate_shut = true;
        struct client c = client_open(&rig);
        char request[160];
        (void)snprintf(request, sizeof request,
                       "POST /gate HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n%s",
                       strlen(BODIES[i]), BODIES[i]);
        assert_true(client_send(&c, str_from(request)));
        rig_turns(&rig, 4);
        assert_non_null(rig.gate);
        rig.is_gate_shut = false;
        http_resume(rig.gate);
        expect_body(&c, 200, NULL);
        assert_int_equal(rig.body_bytes, strlen(BODIES[i]));
        client_close(&c);
        rig_stop(&rig);
    }
}

/* A paused request that is answered from outside while more of its body lies in the connection, or
 * in the parser: the rest is dropped and the connection closed. Answered in another connection's
 * turn, it is flushed, and lingers, before its own turn to parse comes. */
static void test_answer_while_paused_drops_the_rest(void **state)
{
    (void)state;
    static const char *const BODIES[] = {
        "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nghijkl\r\n6\r\nmnopqr\r\n",
        "Connection: close\r\nContent-Length: 1\r\n\r\na", /* its end is still inside the parser */
        "Connection: close\r\nContent-Length: 6\r\n\r\nabcdef",
        "Connection: close\r\nContent-Length: 9\r\n\r\na",
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(BODIES); i++) {
        struct rig rig;
        rig_start(&rig, NULL);
        rig.is_gate_shut = true;
        struct client c = client_open(&rig);
        char request[256];
        (void)snprintf(request, sizeof request, "POST /gate HTTP/1.1\r\n" H "%s", BODIES[i / 2]);
        assert_true(client_send(&c, str_from(request)));
        rig_turns(&rig, 4);
        assert_non_null(rig.gate);
        if (i % 2 == 0) {
            http_problem(rig.gate, 507, "disk_full", STR("no space"), STR(""));
        } else {
            struct client other = client_open(&rig);
            client_expect(&other, "GET /refuse HTTP/1.1\r\n" H "\r\n", 200);
            client_close(&other);
        }
        expect_body(&c, 507, NULL);
        rig_turns(&rig, 8);
        client_close(&c);
        rig_stop(&rig);
    }
}

/* The same when it resumes at once: what it gave back comes again, and then the end. */
static void test_resume_at_once_on_the_last_byte(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig.is_gate_shut = true;
    rig.is_gate_hasty = true;
    struct client c = client_open(&rig);
    assert_true(client_send(&c, STR("POST /gate HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabcde")));
    expect_body(&c, 200, NULL);
    assert_int_equal(rig.body_bytes, 5);
    rig_end(&rig, &c);
}

/* A handler that gives bytes back and resumes in the same call gets them before later ones, also
 * when those are in the same packet. */
static void test_unread_and_resume_at_once(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig.is_gate_shut = true;
    rig.is_gate_hasty = true;
    struct client c = client_open(&rig);
    assert_true(client_send(&c, STR("POST /gate HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                                    "5\r\nabcde\r\n3\r\nfgh\r\n1\r\ni\r\n0\r\n\r\n"
                                    "GET /health HTTP/1.1\r\n" H "\r\n")));
    expect_body(&c, 200, NULL);
    expect_body(&c, 200, "{\"status\":\"ok\"}");
    assert_int_equal(rig.body_bytes, 9);
    rig_end(&rig, &c);
}

/* Chunk framing that far outweighs its content is refused: endless extensions, zeros, trailers. */
static void test_chunk_overhead_is_bounded(void **state)
{
    (void)state;
    static const char *const FILLERS[] = {"5;", "0", "0\r\nx: "};
    static const char *const FILL[] = {"aaaaaaaaaaaaaaaa", "0000000000000000", "bbbbbbbbbbbbbbbb"};
    struct rig rig;
    rig_start(&rig, NULL);
    for (size_t i = 0; i < ARRAY_LEN(FILLERS); i++) {
        struct client c = client_open(&rig);
        assert_true(client_send(
            &c, STR("POST /count HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n")));
        assert_true(client_send(&c, str_from(FILLERS[i])));
        int n = 0;
        while (n < 20000 && !c.is_closed && client_send(&c, str_from(FILL[i]))) {
            n++;
            if (n % 64 == 0) {
                rig_turns(&rig, 1);
                client_read(&c);
            }
        }
        assert_true(n < 20000);
        expect_body(&c, 400, NULL);
        client_close(&c);
    }
    assert_int_equal(rig.aborted, 3);
    rig_stop(&rig);
}

/* ---- methods, paths, access ---- */

static void test_methods_and_paths(void **state)
{
    /* HEAD is GET without the body; OPTIONS and 405 list what there is; paths have one spelling. */
    (void)state;
    static const struct {
        const char *request;
        int status;
        const char *has;
        const char *body;
    } CASES[] = {
        {"HEAD /health HTTP/1.1\r\n" H "\r\n", 200, "content-length: 15\r\n", ""},
        {"HEAD /stream HTTP/1.1\r\n" H "\r\n", 200, "x-content", ""},
        {"HEAD /none HTTP/1.1\r\n" H "\r\n", 404, "problem+json", ""},
        {"OPTIONS /health HTTP/1.1\r\n" H "\r\n", 204, "allow: GET, HEAD, OPTIONS\r\n", ""},
        {"OPTIONS /echo HTTP/1.1\r\n" H "\r\n", 204, "allow: GET, HEAD, POST, PUT, OPTIONS", ""},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", 204, "allow: GET, HEAD, POST, PUT, PATCH, DELETE", ""},
        {"OPTIONS /none HTTP/1.1\r\n" H "\r\n", 404, "problem+json", NULL},
        {"DELETE /health HTTP/1.1\r\n" H "\r\n", 405, "allow: GET, HEAD, OPTIONS\r\n", NULL},
        {"GET /Health HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET /health/ HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET //health HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET /%68ealth HTTP/1.1\r\n" H "\r\n", 200, "", NULL},
        {"GET / HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET /health?x=%zz HTTP/1.1\r\n" H "\r\n", 200, "", NULL},
        {"GET /p/one/x/two HTTP/1.1\r\n" H "\r\n", 200, "", "one|two"},
        {"GET /p/a%20b/x/%C3%A9 HTTP/1.1\r\n" H "\r\n", 200, "", "a b|\xc3\xa9"},
        {"GET /p/fixed/x/two HTTP/1.1\r\n" H "\r\n", 200, "", "{\"status\":\"ok\"}"},
        {"GET /p//x/two HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET /p/a+b/x/c HTTP/1.1\r\n" H "\r\n", 200, "", "a+b|c"},
        {"GET /p/%ff/x/c HTTP/1.1\r\n" H "\r\n", 400, "connection: close", NULL},
        {"GET /tail/a/b%20/c HTTP/1.1\r\n" H "\r\n", 200, "", "|a/b%20/c"},
        {"GET /tail/ HTTP/1.1\r\n" H "\r\n", 200, "", "|"},
        {"GET /tail HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16 HTTP/1.1\r\n" H "\r\n", 404, "", NULL},
        {"GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17 HTTP/1.1\r\n" H "\r\n", 400, "", NULL},
    };
    struct rig rig;
    rig_start(&rig, NULL);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct client c = client_open(&rig);
        struct response r;
        assert_true(client_send(&c, str_from(CASES[i].request)));
        assert_true(client_response(&c, strncmp(CASES[i].request, "HEAD", 4) == 0, &r));
        if (r.status != CASES[i].status || !response_has(&r, CASES[i].has) ||
            (CASES[i].body != NULL && strcmp(buf_cstr(&r.body), CASES[i].body) != 0)) {
            fail_msg("%s: got %d %.*s %s", CASES[i].request, r.status, STR_ARGS(r.head),
                     buf_cstr(&r.body));
        }
        response_deinit(&r);
        rig_turns(&rig, 2);
        client_read(&c);
        assert_int_equal(c.in.len, 0);
        client_close(&c);
    }
    rig_stop(&rig);
}

/* Without the token only /health answers, whatever the spelling of the path. */
static void test_token(void **state)
{
    (void)state;
    static const char *const PATHS[] = {"/echo",       "/ECHO",      "//health", "/health/",
                                        "/health/..",  "/%2e/echo",  "/none",    "/health/../echo",
                                        "/health;x=1", "/health%20", "/p/a/x/b", "*"};
    static const char *const METHODS[] = {"GET", "POST",   "HEAD",  "OPTIONS",
                                          "PUT", "DELETE", "PATCH", "TRACE"};
    struct rig rig;
    struct http_options options = {.token = "secret-token"};
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        for (size_t k = 0; k < ARRAY_LEN(METHODS); k++) {
            struct client c = client_open(&rig);
            char request[200];
            (void)snprintf(request, sizeof request,
                           "%s %s HTTP/1.1\r\n" H "X-HTTP-Method-Override: GET\r\n\r\n", METHODS[k],
                           PATHS[i]);
            struct response r;
            assert_true(client_send(&c, str_from(request)));
            assert_true(client_response(&c, k == 2, &r));
            assert_true(r.status == 401 || r.status == 400);
            response_deinit(&r);
            client_close(&c);
        }
    }
    struct client c = client_open(&rig);
    client_expect(&c, "GET /health HTTP/1.1\r\n" H "\r\n", 200);
    client_expect(&c, "GET /echo HTTP/1.1\r\n" H "Authorization: Bearer secret-token\r\n\r\n", 200);
    client_expect(&c, "GET /echo HTTP/1.1\r\n" H "Authorization: bearer  secret-token \r\n\r\n",
                  200);
    client_expect(&c, "GET /echo HTTP/1.1\r\n" H "Authorization: Bearer secret-tokem\r\n\r\n", 401);
    client_expect(&c, "GET /echo HTTP/1.1\r\n" H "Authorization: Bearer secret-token1\r\n\r\n",
                  401);
    client_expect(&c, "GET /echo HTTP/1.1\r\n" H "Authorization: Basic secret-token\r\n\r\n", 401);
    client_expect(&c,
                  "GET /echo HTTP/1.1\r\n" H "Authorization: Bearer secret-token\r\n"
                  "Authorization: Bearer x\r\n\r\n",
                  401);
    client_expect(&c, "POST /early HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 401);
    client_expect(&c, "GET /health HTTP/1.1\r\n" H "\r\n", 200);
    rig_end(&rig, &c);
}

/* A name of a page's own, or a page of another origin that posts, does not reach the server. */
static void test_hosts_and_origins(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
    } CASES[] = {
        {"GET /echo HTTP/1.1\r\nHost: localhost:99\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\nHost: LocalHost\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\nHost: 127.0.0.1:8276\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\nHost: [::1]:8276\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\nHost: lake.example.org\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\nHost: evil.example.org\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: localhost.evil.org\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: 127.0.0.1.evil.org\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: 127.evil.org\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: localhost.\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: 0.0.0.0\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: [::2]\r\n\r\n", 421},
        {"GET /echo HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: localhost:99999999\r\n\r\n", 400},
        {"GET /echo HTTP/1.1\r\nHost: localhost:x\r\n\r\n", 400},
        {"GET http://evil.org/echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
        {"GET http://localhost/echo HTTP/1.1\r\nHost: evil.org\r\n\r\n", 200},
        {"GET https://localhost/echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: evil.org\r\n\r\n", 421},
        {"POST /echo HTTP/1.1\r\n" H "Origin: http://evil.org\r\n\r\n", 403},
        {"POST /echo HTTP/1.1\r\n" H "Origin: null\r\n\r\n", 403},
        {"POST /echo HTTP/1.1\r\n" H "Origin: http://localhost.evil.org\r\n\r\n", 403},
        {"POST /echo HTTP/1.1\r\n" H "Origin: http://localhost:5173\r\n\r\n", 200},
        {"POST /echo HTTP/1.1\r\n" H "Origin: https://lake.example.org\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\n" H "Origin: http://evil.org\r\n\r\n", 200},
        /* An upgrade is open to programs and to this server's own pages. */
        {"GET /echo HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\n" H "Upgrade: websocket\r\nOrigin: http://localhost\r\n\r\n", 200},
        {"GET /echo HTTP/1.1\r\n" H "Upgrade: websocket\r\nOrigin: http://localhost:3000\r\n\r\n",
         403},
        {"GET /echo HTTP/1.1\r\n" H "Upgrade: websocket\r\nOrigin: http://evil.org\r\n\r\n", 403},
        {"GET /echo HTTP/1.1\r\n" H "Upgrade: websocket\r\nOrigin: null\r\n\r\n", 403},
    };
    static const char *const HOSTS[] = {"lake.example.org"};
    struct rig rig;
    struct http_options options = {.hosts = HOSTS, .host_count = 1};
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct client c = client_open(&rig);
        client_expect(&c, CASES[i].request, CASES[i].status);
        client_close(&c);
    }
    rig_stop(&rig);
}

/* Sends one request on a connection of its own and compares what the answer says about CORS. */
static void expect_cors(struct rig *rig, const char *request, int status, const char *origin,
                        bool has_credentials)
{
    struct client c = client_open(rig);
    struct response r;
    assert_true(client_send(&c, str_from(request)));
    assert_true(client_response(&c, false, &r));
    AUTO_TEXT line = xasprintf("access-control-allow-origin: %s\r\n", origin);
    if (r.status != status || response_has(&r, line) != (origin[0] != '\0') ||
        response_has(&r, "access-control-") != (origin[0] != '\0') ||
        response_has(&r, "access-control-allow-credentials: true\r\n") != has_credentials ||
        !response_has(&r, "vary: origin\r\n")) {
        fail_msg("%s: %d", request, r.status);
    }
    response_deinit(&r);
    client_close(&c);
}

#define APP "Origin: https://app.example.org\r\n"
#define EVIL "Origin: https://evil.org\r\n"
#define ASK "Access-Control-Request-Method: POST\r\n"

/* Pages of a named origin may ask and see; all others get nothing, and Host is checked first. */
static void test_cors_named_origins(void **state)
{
    (void)state;
    static const char *const ORIGINS[] = {"https://app.example.org"};
    static const char APP_TEXT[] = "https://app.example.org";
    static const struct {
        const char *request;
        int status;
        const char *origin;
    } CASES[] = {
        {"OPTIONS /echo HTTP/1.1\r\n" H APP ASK "\r\n", 204, APP_TEXT},
        {"OPTIONS /nothing HTTP/1.1\r\n" H APP ASK "\r\n", 204, APP_TEXT},
        {"OPTIONS /echo HTTP/1.1\r\n" H EVIL ASK "\r\n", 401, ""},
        {"OPTIONS /echo HTTP/1.1\r\n" H ASK "\r\n", 401, ""},
        {"OPTIONS /echo HTTP/1.1\r\n" H APP EVIL ASK "\r\n", 401, ""},
        {"OPTIONS /echo HTTP/1.1\r\n" H "Origin: null\r\n" ASK "\r\n", 401, ""},
        {"OPTIONS /echo HTTP/1.1\r\n" H APP "\r\n", 401, APP_TEXT},
        {"OPTIONS /echo HTTP/1.1\r\nHost: evil.org\r\n" APP ASK "\r\n", 421, APP_TEXT},
        {"GET /echo HTTP/1.1\r\n" H APP "\r\n", 401, APP_TEXT},
        {"GET /echo HTTP/1.1\r\n" H APP "Authorization: Bearer sesame\r\n\r\n", 200, APP_TEXT},
        {"GET /echo HTTP/1.1\r\n" H EVIL "Authorization: Bearer sesame\r\n\r\n", 200, ""},
        {"GET /health HTTP/1.1\r\n" H "\r\n", 200, ""},
        {"POST /echo HTTP/1.1\r\n" H APP "Authorization: Bearer sesame\r\n\r\n", 200, APP_TEXT},
        {"POST /echo HTTP/1.1\r\n" H EVIL "Authorization: Bearer sesame\r\n\r\n", 403, ""},
    };
    struct rig rig;
    struct http_options options = {
        .cors_origins = ORIGINS, .cors_origin_count = 1, .token = "sesame"};
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        expect_cors(&rig, CASES[i].request, CASES[i].status, CASES[i].origin,
                    CASES[i].origin[0] != '\0');
    }
    rig_stop(&rig);
}

/* With "*" every page may, but never with the browser's credentials. */
static void test_cors_any_origin(void **state)
{
    (void)state;
    static const char *const ORIGINS[] = {"https://app.example.org", "*"};
    struct rig rig;
    struct http_options options = {.cors_origins = ORIGINS, .cors_origin_count = 2};
    rig_start(&rig, &options);
    expect_cors(&rig, "OPTIONS /echo HTTP/1.1\r\n" H EVIL ASK "\r\n", 204, "*", false);
    expect_cors(&rig, "POST /echo HTTP/1.1\r\n" H EVIL "\r\n", 200, "*", false);
    expect_cors(&rig, "POST /echo HTTP/1.1\r\n" H APP "\r\n", 200, "https://app.example.org", true);
    rig_stop(&rig);
}

/* A page asks for what it wants to send; the answer allows that, and the verbs there are. */
static void test_cors_preflight(void **state)
{
    (void)state;
    static const char *const ORIGINS[] = {"https://app.example.org"};
    struct rig rig;
    struct http_options options = {.cors_origins = ORIGINS, .cors_origin_count = 1};
    struct client c = rig_client(&rig, &options);
    struct response r;
    assert_true(client_send(&c, STR("OPTIONS /hold HTTP/1.1\r\n" H APP ASK
                                    "Access-Control-Request-Headers: authorization,x-a\r\n\r\n")));
    assert_true(client_response(&c, false, &r));
    assert_int_equal(r.status, 204);
    assert_true(response_has(&r, "access-control-allow-headers: authorization,x-a\r\n"));
    assert_true(response_has(
        &r, "access-control-allow-methods: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
    assert_true(response_has(&r, "access-control-max-age: 600\r\n"));
    response_deinit(&r);
    rig_end(&rig, &c);
}

/* Without the setting no answer speaks of CORS. */
static void test_cors_off(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    struct response r;
    assert_true(client_send(&c, STR("OPTIONS /echo HTTP/1.1\r\n" H APP ASK "\r\n")));
    assert_true(client_response(&c, false, &r));
    assert_int_equal(r.status, 204);
    assert_false(response_has(&r, "access-control-"));
    assert_false(response_has(&r, "vary"));
    response_deinit(&r);
    client_expect(&c, "POST /echo HTTP/1.1\r\n" H APP "\r\n", 403);
    rig_end(&rig, &c);
}

/* A value with a line break cannot forge a header of an answer. */
static void test_answers_cannot_be_split(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    assert_true(client_send(&c, STR("GET /hold HTTP/1.1\r\n" H "\r\n")));
    while (rig.held_count == 0) {
        rig_turns(&rig, 1);
    }
    struct http_field fields[] = {{"location", STR("/a\r\nset-cookie: x")}, {"x-ok", STR("yes")}};
    http_respond(rig.held[0], 302, fields, 2, STR(""));
    struct response r;
    assert_true(client_response(&c, false, &r));
    assert_false(response_has(&r, "set-cookie"));
    assert_true(response_has(&r, "x-ok: yes\r\n"));
    response_deinit(&r);
    rig_end(&rig, &c);
}

/* ---- limits ---- */

static void repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, text);
    }
}

/* Each limit of the head has its answer, one below the limit passes. */
static void test_head_limits(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    static const struct {
        const char *start, *filler, *end;
        size_t count;
        int status;
    } CASES[] = {
        {"GET /echo?", "a", " HTTP/1.1\r\n" H "\r\n", 8000, 200},
        {"GET /echo?", "a", " HTTP/1.1\r\n" H "\r\n", 8200, 414},
        {"GET /echo?", "a", "", 200000, 414},
        {"GET /echo HTTP/1.1\r\n" H, "x: y\r\n", "\r\n", 99, 200},
        {"GET /echo HTTP/1.1\r\n" H, "x: y\r\n", "\r\n", 100, 431},
        {"GET /echo HTTP/1.1\r\n" H "x: ", "y", "\r\n\r\n", 32000, 200},
        {"GET /echo HTTP/1.1\r\n" H "x: ", "y", "\r\n\r\n", 33000, 431},
        {"GET /echo HTTP/1.1\r\n" H "x: ", "y", "", 500000, 431},
        {"GET /echo HTTP/1.1\r\n" H, "y", "", 500000, 431},
        {"GET /echo HTTP/1.1\r\n" H "x: ", " ", "", 500000, 431},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        AUTO_BUF request = buf_make(1 << 20);
        buf_puts(&request, CASES[i].start);
        repeat(&request, CASES[i].filler, CASES[i].count);
        buf_puts(&request, CASES[i].end);
        struct client c = client_open(&rig);
        (void)client_send(&c, buf_str(&request)); /* the server may have stopped reading */
        struct response r;
        assert_true(client_response(&c, false, &r));
        if (r.status != CASES[i].status) {
            fail_msg("case %zu: %d", i, r.status);
        }
        response_deinit(&r);
        client_close(&c);
    }
    rig_stop(&rig);
}

/* Past the limit a connection is told 503 and closed; the reserved ones serve /health only; a place
 * that becomes free is used again. */
static void test_connection_limit(void **state)
{
    (void)state;
    struct rig rig;
    struct http_options options = {.connections_max = 4, .connections_reserved = 1};
    rig_start(&rig, &options);
    struct client c[6];
    for (size_t i = 0; i < 3; i++) {
        c[i] = client_open(&rig);
        client_expect(&c[i], "GET /echo HTTP/1.1\r\n" H "\r\n", 200);
    }
    c[3] = client_open(&rig);
    client_expect(&c[3], "GET /health HTTP/1.1\r\n" H "\r\n", 200);
    client_expect(&c[3], "GET /echo HTTP/1.1\r\n" H "\r\n", 503);
    assert_true(client_wait_close(&c[3]));
    client_close(&c[3]);
    rig_turns(&rig, 5);
    c[3] = client_open(&rig);
    client_expect(&c[3], "GET /health HTTP/1.1\r\n" H "\r\n", 200);
    for (size_t i = 4; i < 6; i++) {
        c[i] = client_open(&rig);
        expect_body(&c[i], 503, NULL);
        assert_true(client_wait_close(&c[i]));
        assert_false(c[i].is_reset);
        client_close(&c[i]);
    }
    client_close(&c[0]);
    rig_turns(&rig, 5);
    c[0] = client_open(&rig);
    client_expect(&c[0], "GET /health HTTP/1.1\r\n" H "\r\n", 200);
    for (size_t i = 0; i < 4; i++) {
        client_close(&c[i]);
    }
    rig_turns(&rig, 5);
    assert_int_equal(http_server_connections(rig.server), 0);
    rig_stop(&rig);
}

/* An idle connection costs at most 1 KiB of memory, also after it has served a request. */
static void test_idle_connections_are_cheap(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    assert_true(sizeof(struct conn) <= 1024);
    struct rig rig;
    rig_start(&rig, NULL);
    static struct client clients[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        clients[i] = client_open(&rig);
        client_expect(&clients[i], "GET /echo HTTP/1.1\r\n" H "\r\n", 200);
        buf_deinit(&clients[i].in);
    }
    rig_turns(&rig, 3);
    assert_int_equal(http_server_connections(rig.server), COUNT);
    /* One after the other needs one exchange. */
    assert_int_equal(rig.server->pool_count, 1);
    for (size_t i = 0; i < COUNT; i++) {
        client_close(&clients[i]);
    }
    rig_stop(&rig);
}

/* ---- time ---- */

/* Heads and bodies that come too slowly are answered 408 and cut; an idle connection is closed
 * without a word; a body above the rate is not disturbed. */
static void test_slow_clients(void **state)
{
    (void)state;
    struct rig rig;
    struct http_options options = {
        .head_ms = 60, .body_window_ms = 50, .body_rate_min = 1000, .idle_ms = 150};
    rig_start(&rig, &options);
    struct client head = client_open(&rig);
    struct client body = client_open(&rig);
    struct client steady = client_open(&rig);
    struct client idle = client_open(&rig);
    assert_true(client_send(&head, STR("GET /echo HT")));
    assert_true(
        client_send(&body, STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 50\r\n\r\nab")));
    assert_true(
        client_send(&steady, STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 3000\r\n\r\n")));
    AUTO_BUF block = buf_make(100);
    repeat(&block, "x", 100);
    int64_t start_us = os_mono_us();
    for (int i = 0; i < 30; i++) { /* 100 bytes every 10 ms are ten times the minimum */
        while (os_mono_us() < start_us + i * 10000) {
            assert_int_equal(reactor_turn(rig.reactor, 1, NULL), ERR_OK);
        }
        assert_true(client_send(&steady, buf_str(&block)));
    }
    expect_body(&steady, 200, NULL);
    expect_body(&head, 408, NULL);
    expect_body(&body, 408, NULL);
    assert_true(client_wait_close(&head));
    assert_true(client_wait_close(&body));
    assert_true(client_wait_close(&idle));
    assert_int_equal(idle.in.len, 0);
    assert_int_equal(rig.aborted, 1);
    client_close(&head);
    client_close(&body);
    client_close(&steady);
    client_close(&idle);
    rig_stop(&rig);
}

/* A client that does not read its answer is cut after the stall time, and meanwhile the answer is
 * made no faster than it is taken. */
static void test_write_stall(void **state)
{
    (void)state;
    struct rig rig;
    struct http_options options = {.write_stall_ms = 60};
    struct client c = rig_client(&rig, &options);
    assert_true(client_send(&c, STR("GET /stream?n=1000000000 HTTP/1.1\r\n" H "\r\n")));
    int64_t deadline_us = os_mono_us() + 3000000;
    size_t most = 0;
    while (rig.aborted == 0 && os_mono_us() < deadline_us) {
        assert_int_equal(reactor_turn(rig.reactor, 5, NULL), ERR_OK);
        if (rig.server->conns != NULL) {
            most = MAX(most, conn_out_bytes(rig.server->conns));
        }
    }
    assert_int_equal(rig.aborted, 1);
    assert_true(most > 0);
    assert_true(most <= 256 * 1024 + 128);
    rig_end(&rig, &c);
}

/* What all clients together leave untaken is bounded: beyond it the one that took nothing for the
 * longest is cut, the others stay. */
static void test_untaken_answers_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    struct http_options options = {.answer_bytes_max = 400 * 1024};
    struct client clients[3];
    clients[0] = rig_client(&rig, &options);
    uint64_t most = 0;
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            clients[i] = client_open(&rig);
        }
        assert_true(
            client_send(&clients[i], STR("GET /stream?n=1000000000 HTTP/1.1\r\n" H "\r\n")));
        int64_t deadline_us = os_mono_us() + 3000000;
        while ((rig.aborted < i || rig.server->answer_bytes < 200 * 1024) &&
               os_mono_us() < deadline_us) {
            assert_int_equal(reactor_turn(rig.reactor, 5, NULL), ERR_OK);
            most = MAX(most, rig.server->answer_bytes);
        }
        assert_int_equal(rig.aborted, i);
        assert_int_equal(http_server_connections(rig.server), 1);
    }
    assert_true(most <= 2 * 400 * 1024);
    assert_true(rig.server->answer_bytes <= 400 * 1024);
    assert_true(client_wait_close(&clients[0]));
    assert_true(client_wait_close(&clients[1]));
    client_close(&clients[0]);
    client_close(&clients[1]);
    rig_end(&rig, &clients[2]);
}

/* A streamed answer arrives whole over back-pressure; HTTP/1.0 gets it without chunks. */
static void test_streams(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    struct response r;
    assert_true(client_send(&c, STR("GET /stream?n=60000 HTTP/1.1\r\n" H "\r\n")));
    assert_true(client_response(&c, false, &r));
    assert_int_equal(r.body.len, 60000 * 50);
    for (size_t i = 0; i < r.body.len; i += 50) {
        assert_memory_equal(r.body.data + i, "01234567890123456789012345678901234567890", 41);
    }
    response_deinit(&r);
    client_close(&c);
    c = client_open(&rig);
    assert_true(client_send(&c, STR("GET /stream?n=3 HTTP/1.0\r\n\r\n")));
    assert_true(client_wait_close(&c));
    assert_true(client_response(&c, false, &r));
    assert_int_equal(r.body.len, 150);
    assert_false(response_has(&r, "transfer-encoding"));
    response_deinit(&r);
    client_close(&c);
    assert_int_equal(rig.aborted, 0);
    rig_stop(&rig);
}

/* ---- clients that go ---- */

/* A handler that is still working hears at once when its client has gone, by reset or by close, in
 * the middle of the body too. */
static void test_disconnects(void **state)
{
    (void)state;
    struct rig rig;
    struct http_options options = {.half_close_ms = 20};
    rig_start(&rig, &options);
    static const char *const REQUESTS[] = {
        "GET /hold HTTP/1.1\r\n" H "\r\n",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabc",
        "GET /live HTTP/1.1\r\n" H "\r\n",
        "GET /hold HTTP/1.1\r\n" H "\r\nPOST /hold HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\na",
    };
    static const int ABORTS[] = {1, 1, 1, 2};
    for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
        for (int is_reset = 0; is_reset < 2; is_reset++) {
            rig.aborted = 0;
            struct client c = client_open(&rig);
            assert_true(client_send(&c, str_from(REQUESTS[i])));
            rig_turns(&rig, 5);
            struct linger hard = {.l_onoff = is_reset, .l_linger = 0};
            assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
            client_close(&c);
            int64_t deadline_us = os_mono_us() + 1000000;
            while (rig.aborted < ABORTS[i] && os_mono_us() < deadline_us) {
                assert_int_equal(reactor_turn(rig.reactor, 5, NULL), ERR_OK);
            }
            assert_int_equal(rig.aborted, ABORTS[i]);
            rig_turns(&rig, 3);
            assert_int_equal(http_server_connections(rig.server), 0);
        }
    }
    rig_stop(&rig);
}

/* A client that closes its own side after the request still gets an answer that comes soon. */
static void test_half_closed_client(void **state)
{
    (void)state;
    struct rig rig;
    struct client c = rig_client(&rig, NULL);
    assert_true(client_send(&c, STR("GET /hold HTTP/1.1\r\n" H "\r\n")));
    os_shutdown_write(c.fd);
    while (rig.held_count == 0) {
        rig_turns(&rig, 1);
    }
    rig_turns(&rig, 5);
    answer(&rig, 0, "late");
    expect_body(&c, 200, "late");
    assert_true(client_wait_close(&c));
    rig_end(&rig, &c);
}

/* ---- stopping ---- */

static void note_stopped(void *ctx)
{
    ((struct rig *)ctx)->is_stopped = true;
}

/* At a stop idle connections close, live streams end cleanly, what is in flight is finished, and
 * then the server says that it has stopped. */
static void test_stop_finishes_what_is_in_flight(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct client idle = client_open(&rig);
    struct client held = client_open(&rig);
    struct client live = client_open(&rig);
    struct client body = client_open(&rig);
    client_expect(&idle, "GET /health HTTP/1.1\r\n" H "\r\n", 200);
    assert_true(
        client_send(&held, STR("GET /hold HTTP/1.1\r\n" H "\r\nGET /hold HTTP/1.1\r\n" H "\r\n")));
    assert_true(client_send(&live, STR("GET /live HTTP/1.1\r\n" H "\r\n")));
    assert_true(client_send(&body, STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nab")));
    rig_turns(&rig, 10);
    http_server_stop(rig.server, note_stopped, &rig);
    expect_body(&live, 200, "hello\n");
    assert_int_equal(rig.aborted, 1);
    assert_true(client_wait_close(&idle));
    answer(&rig, 0, "one");
    expect_body(&held, 200, "one");
    answer(&rig, 1, "two");
    expect_body(&held, 200, "two");
    assert_true(client_send(&body, STR("cd")));
    expect_body(&body, 200, "abcd");
    client_close(&idle);
    client_close(&held);
    client_close(&live);
    assert_false(rig.is_stopped);
    client_close(&body);
    rig_turns(&rig, 10);
    assert_true(rig.is_stopped);
    rig_stop(&rig);
}

/* What does not finish within stop_ms is aborted. */
static void test_stop_has_an_end(void **state)
{
    (void)state;
    struct rig rig;
    struct http_options options = {.stop_ms = 30};
    rig_start(&rig, &options);
    struct client held = client_open(&rig);
    assert_true(client_send(&held, STR("GET /hold HTTP/1.1\r\n" H "\r\n")));
    rig_turns(&rig, 10);
    http_server_stop(rig.server, note_stopped, &rig);
    assert_true(client_wait_close(&held));
    assert_true(rig.is_stopped);
    assert_int_equal(rig.aborted, 1);
    client_close(&held);
    rig_stop(&rig);
}

/* ---- faults ---- */

static int fault_at;
static int fault_error;
static bool fault_hit;

static bool fault_now(void)
{
    if (fault_at > 0 && --fault_at == 0) {
        fault_hit = true;
        errno = fault_error;
        return true;
    }
    return false;
}

static int faulty_accept(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    return fault_now() ? -1 : os_socket_calls_real.accept(fd, address, len, flags);
}

static ssize_t faulty_recv(int fd, void *bytes, size_t len, int flags)
{
    return fault_now() ? -1 : os_socket_calls_real.recv(fd, bytes, MIN(len, (size_t)7), flags);
}

static ssize_t faulty_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fault_now() ? -1 : os_socket_calls_real.sendmsg(fd, message, flags);
}

/* The n-th socket call fails: the client gets the right answer or none, and nothing leaks. Every
 * read is cut to seven bytes besides. */
static void test_socket_faults(void **state)
{
    (void)state;
    static const struct os_socket_calls FAULTY = {faulty_accept, faulty_recv, faulty_sendmsg};
    static const int ERRORS[] = {ECONNRESET, EMFILE, EINTR, EAGAIN};
    for (size_t e = 0; e < ARRAY_LEN(ERRORS); e++) {
        fault_hit = true;
        for (int n = 1; fault_hit && n < 200; n++) {
            struct rig rig;
            rig_start(&rig, NULL);
            struct client c = client_open(&rig);
            assert_true(
                client_send(&c, STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello")));
            fault_at = n;
            fault_error = ERRORS[e];
            fault_hit = false;
            os_socket_calls = &FAULTY;
            rig_turns(&rig, 40);
            os_socket_calls = &os_socket_calls_real;
            client_read(&c);
            if (c.in.len > 0) {
                expect_body(&c, 200, "hello");
            } else if (ERRORS[e] == ECONNRESET) {
                rig_turns(&rig, 10);
            }
            client_close(&c);
            rig_turns(&rig, 10);
            rig_stop(&rig);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_in_order),
        cmocka_unit_test(test_pipeline_is_bounded),
        cmocka_unit_test(test_early_answers),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_pause_resume_unread),
        cmocka_unit_test(test_pause_on_the_last_byte),
        cmocka_unit_test(test_answer_while_paused_drops_the_rest),
        cmocka_unit_test(test_resume_at_once_on_the_last_byte),
        cmocka_unit_test(test_unread_and_resume_at_once),
        cmocka_unit_test(test_chunk_overhead_is_bounded),
        cmocka_unit_test(test_methods_and_paths),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_hosts_and_origins),
        cmocka_unit_test(test_cors_named_origins),
        cmocka_unit_test(test_cors_any_origin),
        cmocka_unit_test(test_cors_preflight),
        cmocka_unit_test(test_cors_off),
        cmocka_unit_test(test_answers_cannot_be_split),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_idle_connections_are_cheap),
        cmocka_unit_test(test_slow_clients),
        cmocka_unit_test(test_write_stall),
        cmocka_unit_test(test_untaken_answers_are_bounded),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_disconnects),
        cmocka_unit_test(test_half_closed_client),
        cmocka_unit_test(test_stop_finishes_what_is_in_flight),
        cmocka_unit_test(test_stop_has_an_end),
        cmocka_unit_test(test_socket_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
