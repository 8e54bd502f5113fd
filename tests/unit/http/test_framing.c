/* SPDX-License-Identifier: MIT */
/* test_framing.c - what is and is not a request (RFC 9112): the smuggling corpus, whole, cut in two
 * at every byte, and one byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_rig.h"

#define H "Host: localhost\r\n"
#define NEXT "GET /echo HTTP/1.1\r\n" H "\r\n"

/* `statuses`: answers in order, then "x" when the server closes, "." when it stays open.
 * `seen`: what handlers saw to the end. An attack ends with NEXT in its body or after it. */
struct framing_case {
    const char *name;
    const char *bytes;
    const char *statuses;
    const char *seen;
};
static const struct framing_case CASES[] = {
    /* good */
    {"get", "GET /echo HTTP/1.1\r\n" H "\r\n", "200 .", "GET /echo|;"},
    {"two pipelined", NEXT NEXT, "200 200 .", "GET /echo|;GET /echo|;"},
    {"empty line before", "\r\n" NEXT, "200 .", "GET /echo|;"},
    {"several empty lines before", "\r\n\r\n\r\n" NEXT, "200 .", "GET /echo|;"},
    {"post with length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" NEXT,
     "200 200 .", "POST /echo|hello;GET /echo|;"},
    {"zero length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n" NEXT, "200 200 .",
     "POST /echo|;GET /echo|;"},
    {"leading zeros in the length",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 0005\r\n\r\nhello" NEXT, "200 200 .",
     "POST /echo|hello;GET /echo|;"},
    {"post without body or length", "POST /echo HTTP/1.1\r\n" H "\r\n" NEXT, "200 200 .",
     "POST /echo|;GET /echo|;"},
    {"chunked",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n" NEXT,
     "200 200 .", "POST /echo|hello world;GET /echo|;"},
    {"chunked in capitals",
     "POST /echo HTTP/1.1\r\n" H "TRANSFER-ENCODING: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
     "200 .", "POST /echo|0123456789;"},
    {"chunk extension is ignored",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "5;name=value\r\nhello\r\n0\r\n\r\n" NEXT,
     "200 200 .", "POST /echo|hello;GET /echo|;"},
    {"quoted chunk extension",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "5;n=\"a b\"\r\nhello\r\n0\r\n\r\n" NEXT,
     "200 200 .", "POST /echo|hello;GET /echo|;"},
    {"trailers are dropped",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n" NEXT,
     "200 200 .", "POST /echo|hello;GET /echo|;"},
    {"blanks around a value", "GET /echo HTTP/1.1\r\nHost:   localhost \t \r\n\r\n", "200 .",
     "GET /echo|;"},
    {"no blank after the colon", "GET /echo HTTP/1.1\r\nHost:localhost\r\n\r\n", "200 .",
     "GET /echo|;"},
    {"empty header value", "GET /echo HTTP/1.1\r\n" H "X-Empty:\r\nX-Blank: \r\n\r\n", "200 .",
     "GET /echo|;"},
    {"bytes over 127 in a value", "GET /echo HTTP/1.1\r\n" H "X-Name: caf\xc3\xa9\r\n\r\n", "200 .",
     "GET /echo|;"},
    {"absolute target", "GET http://localhost/echo HTTP/1.1\r\n" H "\r\n", "200 .", "GET /echo|;"},
    {"close", "GET /echo HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "200 x", "GET /echo|;"},
    {"nothing after close is read", "GET /echo HTTP/1.1\r\n" H "Connection: close\r\n\r\n" NEXT,
     "200 x", "GET /echo|;"},
    {"http 1.0", "GET /echo HTTP/1.0\r\n\r\n", "200 x", "GET /echo|;"},
    {"http 1.0 keep-alive", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT,
     "200 200 .", "GET /echo|;GET /echo|;"},
    {"http 1.0 post", "POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "200 x",
     "POST /echo|hi;"},
    {"upgrade is not taken",
     "GET /echo HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" NEXT, "200 200 .",
     "GET /echo|;GET /echo|;"},
    {"unknown method", "PROPFIND /echo HTTP/1.1\r\n" H "\r\n" NEXT, "405 200 .", "GET /echo|;"},
    {"trace is refused", "TRACE /echo HTTP/1.1\r\n" H "\r\n" NEXT, "405 200 .", "GET /echo|;"},
    {"body of an unknown path is dropped",
     "POST /none HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" NEXT, "404 200 .", "GET /echo|;"},
    {"body of a get", "GET /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" NEXT, "200 200 .",
     "GET /echo|abc;GET /echo|;"},

    /* two lengths */
    {"two lengths",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" NEXT, "400 x",
     ""},
    {"two equal lengths",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" NEXT,
     "400 x", ""},
    {"length list", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello" NEXT, "400 x",
     ""},
    {"length with plus", "POST /echo HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello" NEXT,
     "400 x", ""},
    {"length with minus", "POST /echo HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\nhello" NEXT,
     "400 x", ""},
    {"length in hex", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nhello" NEXT, "400 x",
     ""},
    {"length with a blank inside",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\nhello" NEXT, "400 x", ""},
    {"length with a fraction", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5.0\r\n\r\nhello" NEXT,
     "400 x", ""},
    {"length over 64 bits",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 18446744073709551621\r\n\r\nhello" NEXT, "400 x",
     ""},
    {"empty length", "POST /echo HTTP/1.1\r\n" H "Content-Length: \r\n\r\nhello" NEXT, "400 x", ""},
    {"length of letters", "POST /echo HTTP/1.1\r\n" H "Content-Length: five\r\n\r\nhello" NEXT,
     "400 x", ""},

    /* length and coding */
    {"length then chunked",
     "POST /echo HTTP/1.1\r\n" H
     "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"chunked then length",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"coding that is not chunked",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n" NEXT, "400 x", ""},
    {"gzip, chunked",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT, "501 x",
     ""},
    {"chunked, identity",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"chunked twice in one",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" NEXT,
     "4or5 x", ""},
    {"chunked twice",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT,
     "4or5 x", ""},
    {"chunked then another coding",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n" NEXT,
     "4or5 x", ""},
    {"coding with a quote",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" NEXT, "4or5 x",
     ""},
    {"xchunked", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT,
     "4or5 x", ""},
    {"chunked with a vertical tab",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" NEXT, "400 x", ""},
    {"chunked with a parameter",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" NEXT, "4or5 x",
     ""},
    {"empty coding and a length",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello" NEXT,
     "400 x", ""},
    {"empty coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n" NEXT, "4or5 x", ""},
    {"chunked in http 1.0",
     "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"space before the colon of the coding",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" NEXT, "400 x", ""},

    /* chunks */
    {"chunk size with minus",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" NEXT, "400 x", ""},
    {"chunk size with 0x",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"chunk size with plus",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"empty chunk size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"blank before the chunk size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"blank after the chunk size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"chunk size over 64 bits",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"bare LF after the chunk size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"bare LF after chunk data",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"nothing after chunk data",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n" NEXT,
     "400 x", ""},
    {"chunk data longer than its size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"bare LF ends the last chunk",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\n\r\n" NEXT, "400 x", ""},
    {"bare LF ends the trailers",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\n" NEXT, "400 x", ""},
    {"LF in a chunk extension",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;x\nhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"CR in a chunk extension",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;x\rhello\r\n0\r\n\r\n" NEXT,
     "400 x", ""},
    {"space before the colon of a trailer",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n" NEXT,
     "400 x", ""},

    /* lines */
    {"bare LF after the request line", "GET /echo HTTP/1.1\n" H "\r\n", "400 x", ""},
    {"bare LF after a header", "GET /echo HTTP/1.1\r\nHost: localhost\n\r\n", "400 x", ""},
    {"bare LF ends the head", "GET /echo HTTP/1.1\r\n" H "\n", "400 x", ""},
    {"bare CR after the request line", "GET /echo HTTP/1.1\r" H "\r\n", "400 x", ""},
    {"bare CR after a header", "GET /echo HTTP/1.1\r\nHost: localhost\rX: 1\r\n\r\n", "400 x", ""},
    {"bare CR inside a value", "GET /echo HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", "400 x", ""},
    {"bare CR ends the head", "GET /echo HTTP/1.1\r\n" H "\rGET /x HTTP/1.1\r\n\r\n", "400 x", ""},
    {"bare LF before the request", "\n" NEXT, "400 x", ""},
    {"bare CR before the request", "\rX" NEXT, "400 x", ""},
    {"folded header", "GET /echo HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", "400 x", ""},
    {"header folded with a tab", "GET /echo HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", "400 x", ""},
    {"first header begins with a blank", "GET /echo HTTP/1.1\r\n Host: localhost\r\n\r\n", "400 x",
     ""},
    {"folded length", "POST /echo HTTP/1.1\r\n" H "Content-Length:\r\n 5\r\n\r\nhello" NEXT,
     "400 x", ""},
    {"space before the colon", "GET /echo HTTP/1.1\r\nHost : localhost\r\n\r\n", "400 x", ""},
    {"tab before the colon", "GET /echo HTTP/1.1\r\nHost\t: localhost\r\n\r\n", "400 x", ""},
    {"no colon", "GET /echo HTTP/1.1\r\n" H "X\r\n\r\n", "400 x", ""},
    {"no name", "GET /echo HTTP/1.1\r\n" H ": x\r\n\r\n", "400 x", ""},
    {"name with a slash", "GET /echo HTTP/1.1\r\n" H "X/Y: 1\r\n\r\n", "400 x", ""},
    {"name with a byte over 127", "GET /echo HTTP/1.1\r\n" H "X\xe9: 1\r\n\r\n", "400 x", ""},
    {"control character in a value", "GET /echo HTTP/1.1\r\n" H "X: a\001b\r\n\r\n", "400 x", ""},
    {"delete character in a value", "GET /echo HTTP/1.1\r\n" H "X: a\177b\r\n\r\n", "400 x", ""},
    {"form feed in a value", "GET /echo HTTP/1.1\r\n" H "X: a\fb\r\n\r\n", "400 x", ""},
    {"control character in a name", "GET /echo HTTP/1.1\r\n" H "X\001: a\r\n\r\n", "400 x", ""},

    /* request line, versions, hosts */
    {"no version", "GET /echo\r\n" H "\r\n", "4or5 x", ""},
    {"http 0.9", "GET /echo HTTP/0.9\r\n" H "\r\n", "505 x", ""},
    {"http 2.0", "GET /echo HTTP/2.0\r\n" H "\r\n", "505 x", ""},
    {"http 1.2", "GET /echo HTTP/1.2\r\n" H "\r\n", "4or5 x", ""},
    {"http 1.10", "GET /echo HTTP/1.10\r\n" H "\r\n", "4or5 x", ""},
    {"http 01.1", "GET /echo HTTP/01.1\r\n" H "\r\n", "4or5 x", ""},
    {"protocol in small letters", "GET /echo http/1.1\r\n" H "\r\n", "400 x", ""},
    {"method in small letters", "get /echo HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"no method", " /echo HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"http2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "4or5 x", ""},
    {"tls", "\026\003\001\002", "400 x", ""},
    {"blank in the target", "GET /ec ho HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"tab in the target", "GET /ec\tho HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"byte over 127 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"target without a slash", "GET echo HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"star for get", "GET * HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"fragment", "GET /echo#x HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"connect", "CONNECT localhost:80 HTTP/1.1\r\n" H "\r\n" NEXT, "400 x", ""},
    {"no host", "GET /echo HTTP/1.1\r\n\r\n", "400 x", ""},
    {"two hosts", "GET /echo HTTP/1.1\r\n" H H "\r\n", "400 x", ""},
    {"host with a path", "GET /echo HTTP/1.1\r\nHost: localhost/x\r\n\r\n", "400 x", ""},
    {"host with a user", "GET /echo HTTP/1.1\r\nHost: a@localhost\r\n\r\n", "400 x", ""},
    {"empty host", "GET /echo HTTP/1.1\r\nHost:\r\n\r\n", "400 x", ""},
    {"dot segment", "GET /./echo HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"coded dot segments", "GET /x/%2e%2E/echo HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"coded slash", "GET /p%2Fa HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"coded zero", "GET /echo%00 HTTP/1.1\r\n" H "\r\n", "400 x", ""},
    {"half a code", "GET /echo%4 HTTP/1.1\r\n" H "\r\n", "400 x", ""},
};

struct outcome {
    char statuses[64];
    char seen[256];
};

/* Answers so far as text; "4or5" stands for any refusal. */
static void add_status(struct outcome *o, int status, const char *expected)
{
    size_t at = strlen(o->statuses);
    bool is_any = strncmp(expected, "4or5", 4) == 0 && at == 0 && status >= 400;
    (void)snprintf(o->statuses + at, sizeof o->statuses - at, is_any ? "4or5 " : "%d ", status);
}

/* Sends the case in pieces that end at the given places and collects all that comes back. */
static struct outcome run_case(struct rig *rig, const struct framing_case *k, size_t step,
                               size_t cut)
{
    struct outcome o = {0};
    struct client c = client_open(rig);
    buf_reset(&rig->log);
    struct str left = str_from(k->bytes);
    while (left.len > 0) {
        size_t len = cut > 0 ? cut : step > 0 ? step : left.len;
        len = MIN(len, left.len);
        cut = 0;
        if (!client_send(&c, str_of(left.ptr, len))) {
            break;
        }
        left = str_of(left.ptr + len, left.len - len);
        rig_turns(rig, 3);
    }
    struct response r;
    bool is_open = strchr(k->statuses, '.') != NULL;
    size_t wanted = strlen(k->statuses) / 4;
    for (size_t i = 0; i < wanted || !is_open; i++) {
        if (!client_response(&c, false, &r)) {
            break;
        }
        add_status(&o, r.status, k->statuses);
        response_deinit(&r);
    }
    rig_turns(rig, 3);
    client_read(&c);
    size_t at = strlen(o.statuses);
    (void)snprintf(o.statuses + at, sizeof o.statuses - at, "%s%s", c.is_closed ? "x" : ".",
                   c.in.len > 0 ? "+" : "");
    (void)snprintf(o.seen, sizeof o.seen, "%.*s", STR_ARGS(buf_str(&rig->log)));
    client_close(&c);
    rig_turns(rig, 3);
    return o;
}

static void check_case(struct rig *rig, const struct framing_case *k, size_t step, size_t cut)
{
    struct outcome o = run_case(rig, k, step, cut);
    if (strcmp(o.statuses, k->statuses) != 0 || strcmp(o.seen, k->seen) != 0) {
        fail_msg("%s (step %zu, cut %zu): got \"%s\", \"%s\"; wanted \"%s\", \"%s\"", k->name, step,
                 cut, o.statuses, o.seen, k->statuses, k->seen);
    }
}

/* Every ambiguous request is refused and its connection closed; nothing behind it is served. */
static void test_corpus_whole(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        check_case(&rig, &CASES[i], 0, 0);
    }
    rig_stop(&rig);
}

/* Wherever a request is cut into two packets, the outcome is the same. */
static void test_corpus_cut_everywhere(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        for (size_t cut = 1; cut < strlen(CASES[i].bytes); cut++) {
            check_case(&rig, &CASES[i], 0, cut);
        }
    }
    rig_stop(&rig);
}

/* One byte at a time gives the same outcome too. */
static void test_corpus_byte_by_byte(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        check_case(&rig, &CASES[i], 1, 0);
    }
    rig_stop(&rig);
}

/* A zero byte, which C strings cannot carry, is refused wherever it stands in a head. */
static void test_zero_bytes(void **state)
{
    (void)state;
    static const char HEAD[] = "GET /echo HTTP/1.1\r\nHost: localhost\r\nX: ab\r\n\r\n";
    struct rig rig;
    rig_start(&rig, NULL);
    for (size_t i = 0; i + 1 < sizeof HEAD; i++) {
        char bytes[sizeof HEAD];
        memcpy(bytes, HEAD, sizeof HEAD);
        bytes[i] = '\0';
        struct client c = client_open(&rig);
        struct response r;
        assert_true(client_send(&c, str_of(bytes, sizeof HEAD - 1)));
        bool is_answered = client_response(&c, false, &r);
        if (is_answered) {
            assert_true(r.status >= 400);
            response_deinit(&r);
        }
        assert_true(client_wait_close(&c));
        client_close(&c);
    }
    assert_int_equal(rig.log.len, 0);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_whole),
        cmocka_unit_test(test_corpus_cut_everywhere),
        cmocka_unit_test(test_corpus_byte_by_byte),
        cmocka_unit_test(test_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
