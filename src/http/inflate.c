/* SPDX-License-Identifier: MIT */
/* inflate.c - see inflate.h. Output passes through a scratch piece that lives for one call, so a
 * decoder that waits for more input holds just the library's window. What all decoders of the
 * process hold together is bounded: a window is sized by what the sender's header claims. */
#include "http/inflate.h"

#include <stdatomic.h>
#include <zlib.h>
#include <zstd.h>

enum { GZIP_STATE_BYTES = 48 * 1024 };

/* Mutable global, listed in docs/architecture.md: bytes that all decoders hold. */
static atomic_size_t held_bytes;

struct inflate {
    enum http_coding coding;
    uint64_t decoded_bytes_max;
    uint64_t decoded_bytes;
    size_t piece_bytes; /* of output, at a time */
    size_t held;        /* of held_bytes */
    z_stream gzip;
    bool has_gzip;
    ZSTD_DCtx *zstd; /* owned */
    bool is_inside;  /* in the middle of a member or frame */
    bool has_any;    /* at least one member or frame was begun */
    bool has_output; /* the library may hold output that did not fit the last piece */
    bool is_failed;  /* sticky */
};

err http_coding_parse(struct str value, enum http_coding *out_coding, struct errmsg *msg)
{
    if (value.len == 0 || str_eq_nocase(value, STR("identity"))) {
        *out_coding = HTTP_CODING_IDENTITY;
    } else if (str_eq_nocase(value, STR("gzip")) || str_eq_nocase(value, STR("x-gzip"))) {
        *out_coding = HTTP_CODING_GZIP;
    } else if (str_eq_nocase(value, STR("zstd"))) {
        *out_coding = HTTP_CODING_ZSTD;
    } else {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "content coding %.*s is not known here; send gzip, zstd or none",
                          (int)MIN(value.len, (size_t)40), value.ptr);
    }
    return ERR_OK;
}

static err hold(struct inflate *x, size_t bytes, struct errmsg *msg)
{
    if (bytes <= x->held) {
        return ERR_OK;
    }
    size_t more = bytes - x->held;
    if (atomic_fetch_add(&held_bytes, more) + more > INFLATE_HELD_BYTES_MAX) {
        atomic_fetch_sub(&held_bytes, more);
        return errmsg_set(msg, ERR_LIMIT, "too many compressed bodies at the same time");
    }
    x->held = bytes;
    return ERR_OK;
}

err inflate_new(enum http_coding coding, uint64_t decoded_bytes_max, struct inflate **out_inflate,
                struct errmsg *msg)
{
    AUTO(inflate) x = xnew(struct inflate);
    x->coding = coding;
    x->decoded_bytes_max = decoded_bytes_max;
    x->piece_bytes = INFLATE_PIECE_BYTES;
    if (coding == HTTP_CODING_GZIP) {
        TRY(hold(x, GZIP_STATE_BYTES, msg));
        if (inflateInit2(&x->gzip, 15 + 16) != Z_OK) {
            return errmsg_set(msg, ERR_NOMEM, "no memory for a gzip body");
        }
        x->has_gzip = true;
    } else if (coding == HTTP_CODING_ZSTD) {
        x->zstd = ZSTD_createDCtx();
        if (x->zstd == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(x->zstd, ZSTD_d_windowLogMax,
                                                                   INFLATE_ZSTD_WINDOW_LOG_MAX))) {
            return errmsg_set(msg, ERR_NOMEM, "no memory for a zstd body");
        }
        TRY(hold(x, ZSTD_sizeof_DCtx(x->zstd), msg));
    }
    *out_inflate = TAKE(x);
    return ERR_OK;
}

void inflate_free(struct inflate *x)
{
    if (x == NULL) {
        return;
    }
    if (x->has_gzip) {
        (void)inflateEnd(&x->gzip); /* fails for a broken state only, and frees then too */
    }
    (void)ZSTD_freeDCtx(x->zstd); /* NULL is fine */
    atomic_fetch_sub(&held_bytes, x->held);
    free(x);
}

/* One step of the library: fills `piece`, moves *input. *out_len may be 0. */
static err step_gzip(struct inflate *x, struct str *input, char *piece, size_t *out_len,
                     struct errmsg *msg)
{
    if (!x->is_inside && x->has_any && input->len > 0) {
        if (inflateReset(&x->gzip) != Z_OK) { /* the next member */
            return errmsg_set(msg, ERR_INVALID, "gzip body: cannot begin another member");
        }
    }
    if (!x->is_inside && input->len == 0) {
        *out_len = 0;
        return ERR_OK;
    }
    x->is_inside = true;
    x->has_any = true;
    size_t taken = MIN(input->len, (size_t)UINT32_MAX);
    memcpy(&x->gzip.next_in, &input->ptr, sizeof x->gzip.next_in); /* zlib only reads it */
    x->gzip.avail_in = (uInt)taken;
    x->gzip.next_out = (Bytef *)piece;
    x->gzip.avail_out = (uInt)x->piece_bytes;
    int status = inflate(&x->gzip, Z_NO_FLUSH);
    size_t used = taken - x->gzip.avail_in;
    *input = str_of(input->ptr + used, input->len - used);
    *out_len = x->piece_bytes - x->gzip.avail_out;
    switch (status) {
    case Z_STREAM_END:
        x->is_inside = false;
        return ERR_OK;
    case Z_OK:
    case Z_BUF_ERROR: /* nothing to do with this input */
        return ERR_OK;
    case Z_MEM_ERROR:
        return errmsg_set(msg, ERR_NOMEM, "no memory for a gzip body");
    default:
        return errmsg_set(msg, ERR_INVALID, "gzip body: %s",
                          x->gzip.msg == NULL ? "damaged" : x->gzip.msg);
    }
}

static err step_zstd(struct inflate *x, struct str *input, char *piece, size_t *out_len,
                     struct errmsg *msg)
{
    if (!x->is_inside && input->len == 0) {
        *out_len = 0;
        return ERR_OK;
    }
    x->has_any = true;
    ZSTD_inBuffer in = {input->ptr, input->len, 0};
    ZSTD_outBuffer out = {piece, x->piece_bytes, 0};
    size_t left = ZSTD_decompressStream(x->zstd, &out, &in);
    if (ZSTD_isError(left)) {
        return errmsg_set(msg, ERR_INVALID, "zstd body: %s", ZSTD_getErrorName(left));
    }
    *input = str_of(input->ptr + in.pos, input->len - in.pos);
    *out_len = out.pos;
    x->is_inside = left != 0;
    return hold(x, ZSTD_sizeof_DCtx(x->zstd), msg);
}

static err step_identity(const struct inflate *x, struct str *input, struct str *out_piece)
{
    *out_piece = str_of(input->ptr, MIN(input->len, x->piece_bytes));
    *input = str_of(input->ptr + out_piece->len, input->len - out_piece->len);
    return ERR_OK;
}

static err step(struct inflate *x, struct str *input, char *scratch, struct str *out_piece,
                struct errmsg *msg)
{
    if (x->coding == HTTP_CODING_IDENTITY) {
        return step_identity(x, input, out_piece);
    }
    size_t len = 0;
    TRY(x->coding == HTTP_CODING_GZIP ? step_gzip(x, input, scratch, &len, msg)
                                      : step_zstd(x, input, scratch, &len, msg));
    *out_piece = str_of(scratch, len);
    return ERR_OK;
}

static err feed(struct inflate *x, struct str *input, char *scratch, inflate_sink sink, void *ctx,
                struct errmsg *msg)
{
    while (input->len > 0 || x->has_output) {
        struct str before = *input;
        struct str piece;
        err e = step(x, input, scratch, &piece, msg);
        if (e == ERR_OK && piece.len > x->decoded_bytes_max - x->decoded_bytes) {
            e = errmsg_set(msg, ERR_TOO_LARGE, "the body is larger than %llu bytes once decoded",
                           (unsigned long long)x->decoded_bytes_max);
        }
        if (e != ERR_OK) {
            x->is_failed = true;
            return e;
        }
        x->has_output = piece.len == x->piece_bytes && x->coding != HTTP_CODING_IDENTITY;
        x->decoded_bytes += piece.len;
        if (piece.len > 0) {
            TRY(sink(ctx, piece, msg));
        } else if (input->len == before.len && input->len > 0) {
            x->is_failed = true; /* no progress: cannot happen, and must not spin */
            return errmsg_set(msg, ERR_INVALID, "the compressed body makes no sense");
        }
    }
    return ERR_OK;
}

void inflate_limit(struct inflate *x, size_t piece_bytes)
{
    ASSERT(piece_bytes > 0 && piece_bytes <= INFLATE_PIECE_BYTES);
    x->piece_bytes = piece_bytes;
}

err inflate_feed(struct inflate *x, struct str *input, inflate_sink sink, void *ctx,
                 struct errmsg *msg)
{
    if (x->is_failed) {
        return errmsg_set(msg, ERR_INVALID, "the body was refused before");
    }
    if (x->coding == HTTP_CODING_IDENTITY) {
        return feed(x, input, NULL, sink, ctx, msg);
    }
    char *scratch = malloc(INFLATE_PIECE_BYTES);
    if (scratch == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a compressed body");
    }
    err e = feed(x, input, scratch, sink, ctx, msg);
    free(scratch);
    return e;
}

err inflate_finish(const struct inflate *x, struct errmsg *msg)
{
    if (x->is_failed) {
        return errmsg_set(msg, ERR_INVALID, "the body was refused before");
    }
    if (x->coding != HTTP_CODING_IDENTITY && (x->is_inside || !x->has_any)) {
        return errmsg_set(msg, ERR_INVALID, "the compressed body ends in the middle");
    }
    return ERR_OK;
}

uint64_t inflate_decoded_bytes(const struct inflate *x)
{
    return x->decoded_bytes;
}

size_t inflate_held(const struct inflate *x)
{
    return x->held;
}
