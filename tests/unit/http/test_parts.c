/* SPDX-License-Identifier: MIT */
/* test_parts.c - the pure parts of the HTTP door: query parameters, content codings, hosts, tokens,
 * server-sent events, status codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "http/access.h"
#include "http/inflate.h"
#include "http/params.h"
#include "http/sse.h"

/* ---- parameters ---- */

/* Names and values are decoded strictly; what is malformed, doubled or too much is refused. */
static void test_params_parse(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        err expected;
        const char *text; /* name=value| of each */
    } CASES[] = {
        {"", ERR_OK, ""},
        {"a=1", ERR_OK, "a=1|"},
        {"a=1&b=2", ERR_OK, "a=1|b=2|"},
        {"a", ERR_OK, "a=|"},
        {"a=", ERR_OK, "a=|"},
        {"a=b=c", ERR_OK, "a=b=c|"},
        {"a=1&", ERR_OK, "a=1|"},
        {"&&a=1", ERR_OK, "a=1|"},
        {"a=x+y%2Bz", ERR_OK, "a=x y+z|"},
        {"%61=%62", ERR_OK, "a=b|"},
        {"a=%c3%A9", ERR_OK, "a=\xc3\xa9|"},
        {"a=%26%3D", ERR_OK, "a=&=|"},
        {"a=%", ERR_INVALID, NULL},
        {"a=%4", ERR_INVALID, NULL},
        {"a=%4g", ERR_INVALID, NULL},
        {"a=%%41", ERR_INVALID, NULL},
        {"%zz=1", ERR_INVALID, NULL},
        {"a=%00", ERR_INVALID, NULL},
        {"a=%ff", ERR_INVALID, NULL},
        {"a=%c0%80", ERR_INVALID, NULL},
        {"a=%ed%a0%80", ERR_INVALID, NULL},
        {"=1", ERR_INVALID, NULL},
        {"a=1&a=2", ERR_INVALID, NULL},
        {"a=1&%61=2", ERR_INVALID, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        AUTO_PARAMS params = {0};
        struct errmsg msg = {0};
        err e = http_params_parse(str_from(CASES[i].query), &params, &msg);
        if (e != CASES[i].expected) {
            fail_msg("%s: %s %s", CASES[i].query, err_name(e), msg.text);
        }
        AUTO_BUF text = buf_make(1000);
        for (size_t k = 0; k < params.count && e == ERR_OK; k++) {
            buf_printf(&text, "%.*s=%.*s|", STR_ARGS(params.items[k].name),
                       STR_ARGS(params.items[k].value));
        }
        if (e == ERR_OK) {
            assert_string_equal(buf_cstr(&text), CASES[i].text);
        } else {
            assert_true(msg.text[0] != '\0');
        }
    }
}

/* Getters check types and ranges; what no getter asked for is found. */
static void test_params_get(void **state)
{
    (void)state;
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    assert_int_equal(
        http_params_parse(STR("n=5&big=99&neg=-1&t=true&f=0&w=yes&typo=1"), &params, &msg), ERR_OK);
    int64_t n = 1;
    bool flag = false;
    assert_int_equal(http_params_i64(&params, "n", 0, 10, &n, &msg), ERR_OK);
    assert_int_equal(n, 5);
    assert_int_equal(http_params_i64(&params, "none", 0, 10, &n, &msg), ERR_OK);
    assert_int_equal(n, 5);
    assert_int_equal(http_params_i64(&params, "big", 0, 10, &n, &msg), ERR_INVALID);
    assert_int_equal(http_params_i64(&params, "neg", 0, 10, &n, &msg), ERR_INVALID);
    assert_int_equal(http_params_bool(&params, "t", &flag, &msg), ERR_OK);
    assert_true(flag);
    assert_int_equal(http_params_bool(&params, "f", &flag, &msg), ERR_OK);
    assert_false(flag);
    assert_int_equal(http_params_bool(&params, "w", &flag, &msg), ERR_INVALID);
    assert_int_equal(http_params_check(&params, &msg), ERR_INVALID);
    assert_non_null(strstr(msg.text, "typo"));
    struct str value;
    assert_true(http_params_str(&params, "typo", &value));
    assert_int_equal(http_params_check(&params, &msg), ERR_OK);
}

/* The number of parameters has a limit that is reached. */
/* Only the parameter that may be repeated is, and each of its values comes in order. */
static void test_params_repeated(void **state)
{
    (void)state;
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    assert_int_equal(http_params_parse_list(STR("f=1&n=5&f=2&f="), "f", &params, &msg), ERR_OK);
    AUTO_BUF seen = buf_make(100);
    struct str value;
    for (size_t at = 0; http_params_next(&params, "f", &at, &value);) {
        buf_printf(&seen, "%.*s|", STR_ARGS(value));
    }
    assert_string_equal(buf_cstr(&seen), "1|2||");
    assert_int_equal(http_params_check(&params, &msg), ERR_INVALID);
    AUTO_PARAMS twice = {0};
    assert_int_equal(http_params_parse_list(STR("f=1&n=5&n=6"), "f", &twice, &msg), ERR_INVALID);
}

static void test_params_limit(void **state)
{
    (void)state;
    AUTO_BUF query = buf_make(10000);
    for (int i = 0; i < HTTP_PARAMS_MAX; i++) {
        buf_printf(&query, "&p%d=1", i);
    }
    AUTO_PARAMS fits = {0};
    assert_int_equal(http_params_parse(buf_str(&query), &fits, NULL), ERR_OK);
    assert_int_equal(fits.count, HTTP_PARAMS_MAX);
    buf_puts(&query, "&more=1");
    AUTO_PARAMS over = {0};
    assert_int_equal(http_params_parse(buf_str(&query), &over, NULL), ERR_LIMIT);
}

/* ---- content codings ---- */

struct sink {
    struct buf out;
    size_t pieces;
    size_t largest;
    bool stops; /* ERR_AGAIN after every piece */
    size_t piece_max;
};

static err take(void *ctx, struct str piece, struct errmsg *msg)
{
    (void)msg;
    struct sink *s = ctx;
    s->pieces++;
    s->largest = MAX(s->largest, piece.len);
    assert_true(piece.len > 0);
    buf_add_str(&s->out, piece);
    return s->stops ? ERR_AGAIN : ERR_OK;
}

static void gzip_add(struct buf *out, struct str plain)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, deflateBound(&z, plain.len)));
    memcpy(&z.next_in, &plain.ptr, sizeof z.next_in);
    z.avail_in = (uInt)plain.len;
    z.next_out = (Bytef *)out->data + out->len;
    z.avail_out = (uInt)(out->cap - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void zstd_add(struct buf *out, struct str plain)
{
    assert_true(buf_reserve(out, ZSTD_compressBound(plain.len)));
    size_t n = ZSTD_compress(out->data + out->len, out->cap - out->len, plain.ptr, plain.len, 3);
    assert_false(ZSTD_isError(n));
    out->len += n;
}

static void compress_add(enum http_coding coding, struct buf *out, struct str plain)
{
    if (coding == HTTP_CODING_GZIP) {
        gzip_add(out, plain);
    } else if (coding == HTTP_CODING_ZSTD) {
        zstd_add(out, plain);
    } else {
        buf_add_str(out, plain);
    }
}

/* Decodes in pieces of `step` bytes; returns the first error. */
static err decode(enum http_coding coding, struct str bytes, size_t step, uint64_t max,
                  struct sink *sink, struct errmsg *msg)
{
    AUTO(inflate) x = NULL;
    TRY(inflate_new(coding, max, &x, msg));
    if (sink->piece_max != 0) {
        inflate_limit(x, sink->piece_max);
    }
    while (bytes.len > 0) {
        struct str part = str_of(bytes.ptr, MIN(step, bytes.len));
        bytes = str_of(bytes.ptr + part.len, bytes.len - part.len);
        err e = inflate_feed(x, &part, take, sink, msg);
        while (e == ERR_AGAIN) {
            e = inflate_feed(x, &part, take, sink, msg);
        }
        TRY(e);
        assert_int_equal(part.len, 0);
    }
    TRY(inflate_finish(x, msg));
    assert_int_equal(inflate_decoded_bytes(x), sink->out.len);
    return ERR_OK;
}

static const enum http_coding CODINGS[] = {HTTP_CODING_IDENTITY, HTTP_CODING_GZIP,
                                           HTTP_CODING_ZSTD};

static void fill_text(struct buf *out, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        buf_printf(out, "{\"n\":%zu,\"text\":\"some text of line %zu\"}\n", i, i * 7919);
    }
}

/* Whatever the split of the input, however often the sink stops and however little it takes, the
 * output is the same; several members or frames follow each other. */
static void test_inflate_any_split(void **state)
{
    (void)state;
    AUTO_BUF plain = buf_make(1 << 24);
    fill_text(&plain, 5000);
    for (size_t c = 0; c < ARRAY_LEN(CODINGS); c++) {
        AUTO_BUF packed = buf_make(1 << 24);
        compress_add(CODINGS[c], &packed, str_of(plain.data, 1000));
        compress_add(CODINGS[c], &packed, str_of(plain.data + 1000, 0));
        compress_add(CODINGS[c], &packed, str_of(plain.data + 1000, plain.len - 1000));
        static const size_t STEPS[] = {1, 2, 3, 7, 100, 4096, 1 << 24};
        for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
            for (int stops = 0; stops < 3; stops++) {
                struct sink sink = {.out = buf_make(1 << 24),
                                    .stops = stops != 0,
                                    .piece_max = stops == 2 ? 1000 : INFLATE_PIECE_BYTES};
                struct errmsg msg = {0};
                assert_int_equal(
                    decode(CODINGS[c], buf_str(&packed), STEPS[i], UINT64_MAX, &sink, &msg),
                    ERR_OK);
                assert_true(sink.largest <= sink.piece_max);
                assert_true(str_eq(buf_str(&sink.out), buf_str(&plain)));
                buf_deinit(&sink.out);
            }
        }
    }
}

/* A body cut anywhere, with a flipped byte, or with garbage behind is refused, never taken. */
static void test_inflate_damage(void **state)
{
    (void)state;
    AUTO_BUF plain = buf_make(1 << 20);
    fill_text(&plain, 20);
    for (size_t c = 1; c < ARRAY_LEN(CODINGS); c++) {
        AUTO_BUF packed = buf_make(1 << 20);
        compress_add(CODINGS[c], &packed, buf_str(&plain));
        for (size_t cut = 0; cut < packed.len; cut++) {
            struct sink sink = {.out = buf_make(1 << 20)};
            assert_int_equal(
                decode(CODINGS[c], str_of(packed.data, cut), 64, UINT64_MAX, &sink, NULL),
                ERR_INVALID);
            buf_deinit(&sink.out);
        }
        for (size_t at = 0; at < packed.len && c == 1; at++) {
            packed.data[at] ^= 0x10;
            struct sink sink = {.out = buf_make(1 << 20)};
            err e = decode(CODINGS[c], buf_str(&packed), 64, UINT64_MAX, &sink, NULL);
            /* Some bits mean nothing (the header's time): then the text is the same. */
            assert_true(e == ERR_INVALID || str_eq(buf_str(&sink.out), buf_str(&plain)));
            buf_deinit(&sink.out);
            packed.data[at] ^= 0x10;
        }
        buf_puts(&packed, "garbage");
        struct sink sink = {.out = buf_make(1 << 20)};
        struct errmsg msg = {0};
        assert_int_equal(decode(CODINGS[c], buf_str(&packed), 64, UINT64_MAX, &sink, &msg),
                         ERR_INVALID);
        assert_true(msg.text[0] != '\0');
        buf_deinit(&sink.out);
    }
    struct sink sink = {.out = buf_make(100)};
    assert_int_equal(decode(HTTP_CODING_GZIP, STR("{\"plain\":1}"), 64, 1000, &sink, NULL),
                     ERR_INVALID);
    assert_int_equal(decode(HTTP_CODING_ZSTD, STR("{\"plain\":1}"), 64, 1000, &sink, NULL),
                     ERR_INVALID);
    assert_int_equal(sink.out.len, 0);
}

/* The cap on the decoded size is exact, and a bomb is refused after little work. */
static void test_inflate_cap(void **state)
{
    (void)state;
    AUTO_BUF plain = buf_make(1 << 25);
    assert_true(buf_reserve(&plain, 1 << 24));
    memset(plain.data, 'a', 1 << 24);
    plain.len = 1 << 24;
    for (size_t c = 0; c < ARRAY_LEN(CODINGS); c++) {
        AUTO_BUF packed = buf_make(1 << 25);
        compress_add(CODINGS[c], &packed, buf_str(&plain));
        struct sink sink = {.out = buf_make(1 << 25)};
        assert_int_equal(decode(CODINGS[c], buf_str(&packed), 65536, 1 << 24, &sink, NULL), ERR_OK);
        buf_reset(&sink.out);
        assert_int_equal(decode(CODINGS[c], buf_str(&packed), 65536, (1 << 24) - 1, &sink, NULL),
                         ERR_TOO_LARGE);
        buf_reset(&sink.out);
        assert_int_equal(decode(CODINGS[c], buf_str(&packed), 65536, 100000, &sink, NULL),
                         ERR_TOO_LARGE);
        assert_true(sink.out.len <= 100000);
        buf_deinit(&sink.out);
    }
}

/* A zstd frame that wants a window larger than ours is refused, and so are decoders that together
 * would hold too much. */
static void test_inflate_memory(void **state)
{
    (void)state;
    AUTO_BUF plain = buf_make(1 << 25);
    assert_true(buf_reserve(&plain, 1 << 24));
    memset(plain.data, 'b', 1 << 24);
    plain.len = 1 << 24;
    ZSTD_CCtx *cctx = ZSTD_createCCtx();
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, 24)));
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 0)));
    AUTO_BUF packed = buf_make(1 << 25);
    assert_true(buf_reserve(&packed, ZSTD_compressBound(plain.len)));
    ZSTD_inBuffer in = {plain.data, plain.len, 0};
    ZSTD_outBuffer out = {packed.data, packed.cap, 0};
    assert_int_equal(ZSTD_compressStream2(cctx, &out, &in, ZSTD_e_continue) > 0 ? 0 : 0, 0);
    (void)ZSTD_compressStream2(cctx, &out, &in, ZSTD_e_end);
    packed.len = out.pos;
    ZSTD_freeCCtx(cctx);
    struct sink sink = {.out = buf_make(1 << 25)};
    assert_int_equal(decode(HTTP_CODING_ZSTD, buf_str(&packed), 65536, UINT64_MAX, &sink, NULL),
                     ERR_INVALID);
    buf_deinit(&sink.out);

    static struct inflate *many[INFLATE_HELD_BYTES_MAX / (48 * 1024) + 2];
    size_t count = 0;
    err e = ERR_OK;
    while (e == ERR_OK && count < ARRAY_LEN(many)) {
        e = inflate_new(HTTP_CODING_GZIP, 1, &many[count], NULL);
        count += e == ERR_OK ? 1 : 0;
    }
    assert_int_equal(e, ERR_LIMIT);
    while (count > 0) {
        inflate_free(many[--count]);
    }
    assert_int_equal(inflate_new(HTTP_CODING_GZIP, 1, &many[0], NULL), ERR_OK);
    inflate_free(many[0]);
}

static void test_coding_names(void **state)
{
    /* Only what can be decoded is accepted. */
    (void)state;
    enum http_coding coding;
    assert_int_equal(http_coding_parse(STR("GZip"), &coding, NULL), ERR_OK);
    assert_int_equal(coding, HTTP_CODING_GZIP);
    assert_int_equal(http_coding_parse(STR(""), &coding, NULL), ERR_OK);
    assert_int_equal(coding, HTTP_CODING_IDENTITY);
    assert_int_equal(http_coding_parse(STR("zstd"), &coding, NULL), ERR_OK);
    assert_int_equal(coding, HTTP_CODING_ZSTD);
    assert_int_equal(http_coding_parse(STR("br"), &coding, NULL), ERR_UNSUPPORTED);
    assert_int_equal(http_coding_parse(STR("gzip, gzip"), &coding, NULL), ERR_UNSUPPORTED);
}

/* ---- access ---- */

/* What an Accept header wants of a type is told by its most specific range. */
static void test_accept_weights(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        const char *type;
        uint32_t weight;
    } CASES[] = {
        {"", "text/html", 1000},
        {"*/*", "text/html", 1000},
        {"text/html", "text/html", 1000},
        {"TEXT/HTML", "text/html", 1000},
        {"text/html", "application/json", 0},
        {"text/*;q=0.5", "text/html", 500},
        {"text/*;q=0.5, text/html;q=0.25", "text/html", 250},
        {"text/html;q=0.25, text/*", "text/html", 250},
        {"*/*;q=0.8,text/html", "application/json", 800},
        {"text/html;level=1;q=0.3", "text/html", 300},
        {"text/html ; q=0.001", "text/html", 1},
        {"text/html;q=1.9", "text/html", 1000},
        {"text/html;q=0", "text/html", 0},
        {"text/html;q=.5", "text/html", 1000},
        {"text/html;q=", "text/html", 1000},
        {",,;q=1,", "text/html", 0},
        {"text", "text/html", 0},
        {"texts/*", "text/html", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        uint32_t weight = http_accept_weight(str_from(CASES[i].accept), str_from(CASES[i].type));
        if (weight != CASES[i].weight) {
            fail_msg("%s: %u", CASES[i].accept, weight);
        }
    }
}

/* Only what a browser would write as an Origin can be put on the list of origins. */
static void test_origins(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"http://localhost:3000", "https://app.example.org",
                                       "https://app.example.org:8443", "http://[::1]:5173"};
    static const char *const BAD[] = {"",
                                      "null",
                                      "*",
                                      "app.example.org",
                                      "ftp://a",
                                      "https://",
                                      "https://a/",
                                      "https://a/b",
                                      "https://a:443",
                                      "http://a:80",
                                      "http://a:",
                                      "https://u@a",
                                      "https://*.example.org"};
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        assert_true(http_origin_valid(str_from(GOOD[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        if (http_origin_valid(str_from(BAD[i]))) {
            fail_msg("%s is taken", BAD[i]);
        }
    }
    static const char *const LIST[] = {"https://a.example", "*"};
    bool is_any = true;
    assert_true(http_origin_named(STR("https://A.example"), LIST, 2, &is_any));
    assert_false(is_any);
    assert_true(http_origin_named(STR("null"), LIST, 2, &is_any));
    assert_true(is_any);
    assert_false(http_origin_named(STR("https://b.example"), LIST, 1, &is_any));
    assert_false(http_origin_named(STR("https://a.example:1"), LIST, 1, &is_any));
    assert_false(http_origin_named(STR("https://a.example"), NULL, 0, &is_any));
}

/* A token matches only when it is the same to the last byte. */
static void test_token_compare(void **state)
{
    (void)state;
    assert_true(http_token_matches(STR("Bearer abc"), STR("abc")));
    assert_true(http_token_matches(STR("BEARER abc"), STR("abc")));
    assert_false(http_token_matches(STR("Bearer abcabc"), STR("abc")));
    assert_false(http_token_matches(STR("Bearer ab"), STR("abc")));
    assert_false(http_token_matches(STR("Bearer "), STR("abc")));
    assert_false(http_token_matches(STR("Bearer"), STR("abc")));
    assert_false(http_token_matches(STR(""), STR("abc")));
    assert_false(http_token_matches(STR("Bearer "), STR("")));
    assert_false(http_token_matches(STR("Token abc"), STR("abc")));
}

/* ---- server-sent events ---- */

/* Line breaks in data become data lines, and cannot forge fields elsewhere. */
static void test_sse_format(void **state)
{
    (void)state;
    static const struct {
        const char *event, *id, *data, *text;
    } CASES[] = {
        {"", "", "a", "data: a\n\n"},
        {"", "", "", "data: \n\n"},
        {"rows", "7", "a", "id: 7\nevent: rows\ndata: a\n\n"},
        {"", "", "a\nb", "data: a\ndata: b\n\n"},
        {"", "", "a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"},
        {"x\ndata: y", "1\r\n2", "a", "id: 12\nevent: xdata: y\ndata: a\n\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        AUTO_BUF out = buf_make(1000);
        sse_format(&out, str_from(CASES[i].event), str_from(CASES[i].id), str_from(CASES[i].data));
        assert_string_equal(buf_cstr(&out), CASES[i].text);
    }
}

/* Every error of ours has a status, and every such status a phrase. */
static void test_status_of_every_error(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++) {
        int status = http_status_of((err)e);
        assert_true(e == ERR_OK ? status == 200 : status >= 400 && status < 600);
        assert_true(http_status_phrase(status)[0] != '\0');
    }
    assert_string_equal(http_status_phrase(299), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params_parse),      cmocka_unit_test(test_params_get),
        cmocka_unit_test(test_params_limit),      cmocka_unit_test(test_params_repeated),
        cmocka_unit_test(test_inflate_any_split), cmocka_unit_test(test_inflate_damage),
        cmocka_unit_test(test_inflate_cap),       cmocka_unit_test(test_inflate_memory),
        cmocka_unit_test(test_coding_names),      cmocka_unit_test(test_token_compare),
        cmocka_unit_test(test_sse_format),        cmocka_unit_test(test_status_of_every_error),
        cmocka_unit_test(test_accept_weights),    cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
