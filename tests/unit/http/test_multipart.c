/* SPDX-License-Identifier: MIT */
/* test_multipart.c - forms: what comes out is the same wherever the body is cut, and a handler that
 * pauses loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/multipart.h"

/* Everything that was told, as text: "<name|file|type>data;". */
struct heard {
    struct buf text;
    unsigned pauses; /* the next callbacks say AGAIN, every other one */
    unsigned calls;
    bool pausing;
};

static bool pause_now(struct heard *h)
{
    h->calls++;
    return h->pausing && h->calls % 2 == 1;
}

static err on_part(void *ctx, const struct multipart_part *part, struct errmsg *msg)
{
    (void)msg;
    struct heard *h = ctx;
    buf_printf(&h->text, "<%.*s|%.*s|%.*s>", STR_ARGS(part->name),
               part->has_file ? (int)part->file.len : 1, part->has_file ? part->file.ptr : "-",
               STR_ARGS(part->content_type));
    return h->pausing ? ERR_AGAIN : ERR_OK;
}

static err on_data(void *ctx, struct str piece, struct errmsg *msg)
{
    (void)msg;
    struct heard *h = ctx;
    assert_true(piece.len > 0);
    if (pause_now(h)) {
        return ERR_AGAIN;
    }
    buf_add_str(&h->text, piece);
    return ERR_OK;
}

static err on_part_end(void *ctx, struct errmsg *msg)
{
    (void)msg;
    struct heard *h = ctx;
    buf_puts(&h->text, ";");
    return ERR_OK;
}

static const struct multipart_events events = {
    .on_part = on_part, .on_data = on_data, .on_part_end = on_part_end};

/* Feeds `body` in pieces of `size`; AGAIN is tried again. */
static err feed(struct str body, size_t size, bool pausing, struct heard *h, struct errmsg *msg)
{
    AUTO(multipart) m = NULL;
    *h = (struct heard){.text = buf_make(1 << 20), .pausing = pausing};
    TRY(multipart_new(STR("multipart/form-data; boundary=\"B x\""), &m, msg));
    for (size_t at = 0; at < body.len; at += size) {
        struct str piece = str_of(body.ptr + at, MIN(size, body.len - at));
        err e = ERR_AGAIN;
        while (e == ERR_AGAIN) {
            e = multipart_feed(m, &piece, &events, h, msg);
        }
        TRY(e);
        assert_int_equal(piece.len, 0);
    }
    return multipart_finish(m, msg);
}

static const struct {
    const char *body;
    const char *heard; /* NULL: refused */
} cases[] = {
    {"--B x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B x--\r\n", "<a|-|>1;"},
    {"preamble\r\n--B x  \r\n"
     "content-disposition: form-data; name=a; filename=\"x \\\"y\\\".csv\"\r\n"
     "Content-Type: text/csv\r\n\r\na,b\r\n1,2\r\n\r\n--B x--epilogue",
     "<a|x \"y\".csv|text/csv>a,b\r\n1,2\r\n;"},
    {"--B x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n--B x\r\n"
     "Content-Disposition: form-data; name=\"g\"\r\n\r\n\r\n--B \r\n--B x\r\r\n\r\n--B\r\n--B x--",
     NULL}, /* a line that only looks like a boundary, then one that is malformed after it */
    {"--B x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n--B x\r\n"
     "Content-Disposition: form-data; name=\"g\"\r\n\r\n\r\n--B \r\r\n--\r\n--B x--",
     "<f||>;<g|-|>\r\n--B \r\r\n--;"},
    {"--B x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", NULL}, /* cut */
    {"--B x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B x--", NULL},      /* no name */
    {"", NULL},
    {"no form at all", NULL},
    {"--B x--", ""},
};

static void every_cut_says_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str body = str_from(cases[i].body);
        for (size_t size = 1; size <= MAX(body.len, 1); size++) {
            for (int pausing = 0; pausing < 2; pausing++) {
                struct heard h;
                struct errmsg msg = {0};
                err e = feed(body, size, pausing != 0, &h, &msg);
                if ((e == ERR_OK) != (cases[i].heard != NULL)) {
                    fail_msg("case %zu, pieces of %zu: %s %s", i, size, err_name(e), msg.text);
                }
                if (cases[i].heard != NULL) {
                    assert_string_equal(buf_cstr(&h.text), cases[i].heard);
                }
                buf_deinit(&h.text);
            }
        }
    }
}

/* Headers and the number of parts are bounded; a boundary must be one. */
static void limits(void **state)
{
    (void)state;
    struct errmsg msg = {0};
    struct heard h;
    AUTO_BUF body = buf_make(1 << 20);
    buf_puts(&body, "--B x\r\nX: ");
    for (int i = 0; i < MULTIPART_HEAD_BYTES_MAX; i++) {
        buf_puts(&body, "x");
    }
    assert_int_equal(feed(buf_str(&body), 1000, false, &h, &msg), ERR_LIMIT);
    buf_deinit(&h.text);
    buf_reset(&body);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++) {
        buf_puts(&body, "--B x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n");
    }
    assert_int_equal(feed(buf_str(&body), 1000, false, &h, &msg), ERR_LIMIT);
    buf_deinit(&h.text);
    static const char *const bad[] = {"multipart/form-data", "multipart/form-data; boundary=",
                                      "multipart/form-data; boundary=\"a\r\nb\"",
                                      "multipart/form-data; boundary=\"a \""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(multipart) m = NULL;
        assert_int_equal(multipart_new(str_from(bad[i]), &m, &msg), ERR_INVALID);
    }
    char longest[128];
    memset(longest, 'b', sizeof longest);
    for (size_t len = MULTIPART_BOUNDARY_BYTES_MAX; len <= MULTIPART_BOUNDARY_BYTES_MAX + 1;
         len++) {
        AUTO_TEXT type = xasprintf("multipart/form-data; boundary=%.*s", (int)len, longest);
        AUTO(multipart) m = NULL;
        assert_int_equal(multipart_new(str_from(type), &m, &msg) == ERR_OK,
                         len == MULTIPART_BOUNDARY_BYTES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_says_the_same),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
