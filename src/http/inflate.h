/* SPDX-License-Identifier: MIT */
/* inflate.h - request bodies in gzip (RFC 1952, several members) or zstd (several frames), decoded
 * piece by piece into a callback, so that memory stays the same whatever the body expands to.
 * Owner: one exchange. Thread: one at a time. */
#pragma once
#include "base/base.h"
#include "base/str.h"

enum http_coding { HTTP_CODING_IDENTITY, HTTP_CODING_GZIP, HTTP_CODING_ZSTD };
/* Reads a Content-Encoding value: empty, identity, gzip, x-gzip, zstd, any case. Errors:
 * UNSUPPORTED for anything else (a list too). */
err http_coding_parse(struct str value, enum http_coding *out_coding, struct errmsg *msg);

enum {
    INFLATE_PIECE_BYTES = 64 * 1024,
    INFLATE_ZSTD_WINDOW_LOG_MAX = 23,           /* 8 MiB, what RFC 9659 asks receivers to take */
    INFLATE_HELD_BYTES_MAX = 128 * 1024 * 1024, /* all decoders of the process together */
};
struct inflate;
/* Gets at most INFLATE_PIECE_BYTES, or inflate_limit(); borrowed for the call and taken whole. An
 * error stops inflate_feed(); ERR_AGAIN means "taken, but no more for now". */
typedef err (*inflate_sink)(void *ctx, struct str piece, struct errmsg *msg);

/* `decoded_bytes_max` is the cap on all that comes out. IDENTITY passes bytes through.
 * Errors: LIMIT, NOMEM. */
err inflate_new(enum http_coding coding, uint64_t decoded_bytes_max, struct inflate **out_inflate,
                struct errmsg *msg);
void inflate_free(struct inflate *x);
AUTO_DEFINE(inflate)
/* The sink gets at most so many bytes at a time from now on, up to INFLATE_PIECE_BYTES. */
void inflate_limit(struct inflate *x, size_t piece_bytes);
/* Decodes from *input, which is moved past what was used. When the sink returned an error, that
 * error comes back and a later call goes on where it stopped, also with an empty input: output may
 * still be waiting. Errors: INVALID (not that coding, damaged, checksum), TOO_LARGE (the cap),
 * LIMIT (all decoders together hold too much), NOMEM; these stick. The sink's do not. */
err inflate_feed(struct inflate *x, struct str *input, inflate_sink sink, void *ctx,
                 struct errmsg *msg);
/* After the last byte. Errors: INVALID when the body ends in the middle. */
err inflate_finish(const struct inflate *x, struct errmsg *msg);
/* Bytes of memory that it holds. */
size_t inflate_held(const struct inflate *x);
/* All that came out so far. */
uint64_t inflate_decoded_bytes(const struct inflate *x);
