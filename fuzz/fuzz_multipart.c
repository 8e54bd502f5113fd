/* SPDX-License-Identifier: MIT */
/* fuzz_multipart.c - forms from anybody. Whatever the bytes, and wherever they are cut, the same
 * parts and data come out, or the same refusal; there is never more data than body. */
#include "base/hash.h"
#include "http/multipart.h"

struct heard {
    struct buf text;
    size_t data_bytes;
};

static err on_part(void *ctx, const struct multipart_part *part, struct errmsg *msg)
{
    (void)msg;
    struct heard *h = ctx;
    buf_printf(&h->text, "<%zu|%zu|%d>", part->name.len, part->file.len, part->has_file);
    buf_add_str(&h->text, part->name);
    buf_add_str(&h->text, part->file);
    return ERR_OK;
}

static err on_data(void *ctx, struct str piece, struct errmsg *msg)
{
    (void)msg;
    struct heard *h = ctx;
    ASSERT(piece.len > 0);
    h->data_bytes += piece.len;
    buf_add_str(&h->text, piece);
    return ERR_OK;
}

static err on_part_end(void *ctx, struct errmsg *msg)
{
    (void)msg;
    struct heard *h = ctx;
    buf_puts(&h->text, "\n;\n");
    return ERR_OK;
}

static const struct multipart_events events = {
    .on_part = on_part, .on_data = on_data, .on_part_end = on_part_end};

static err run(struct str body, size_t piece_bytes, struct heard *h)
{
    AUTO(multipart) m = NULL;
    struct errmsg msg = {0};
    *h = (struct heard){.text = buf_make(16 << 20)};
    TRY(multipart_new(STR("multipart/form-data; boundary=B"), &m, &msg));
    while (body.len > 0) {
        struct str piece = str_of(body.ptr, MIN(piece_bytes, body.len));
        body = str_of(body.ptr + piece.len, body.len - piece.len);
        TRY(multipart_feed(m, &piece, &events, h, &msg));
        ASSERT(piece.len == 0);
    }
    return multipart_finish(m, &msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct heard whole;
    struct heard cut;
    AUTO(multipart) m = NULL;
    (void)multipart_new(str_of(data, MIN(len, (size_t)200)), &m, NULL); /* any answer, no crash */
    size_t piece_bytes = len > 0 ? 1 + data[len - 1] % 7 : 1;
    err e = run(str_of(data, len), len + 1, &whole);
    ASSERT(run(str_of(data, len), piece_bytes, &cut) == e);
    ASSERT(whole.data_bytes <= len);
    if (e == ERR_OK) {
        ASSERT(str_eq(buf_str(&whole.text), buf_str(&cut.text)));
    }
    buf_deinit(&whole.text);
    buf_deinit(&cut.text);
    return 0;
}
