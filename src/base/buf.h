/* SPDX-License-Identifier: MIT */
/* buf.h - a growable byte buffer that is born with a maximum.
 * Failure is sticky: after an append that did not fit, `failed` is true and later appends do
 * nothing, so that encoders are straight lines with one check at the end. */
#pragma once
#include <stdarg.h>

#include "base/base.h"
#include "base/str.h"

struct buf {
    char *data; /* owned */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

/* An empty buffer that may grow to `max_bytes`. Allocates nothing. */
static inline struct buf buf_make(size_t max_bytes)
{
    return (struct buf){.max = max_bytes};
}
void buf_deinit(struct buf *b);
static inline void buf_auto_deinit_(struct buf *b)
{
    buf_deinit(b);
}
/* struct buf released at the end of the scope. */
#define AUTO_BUF __attribute__((cleanup(buf_auto_deinit_), unused)) struct buf
/* Drops the content, keeps the storage, clears `failed`. */
static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}
/* Makes room for `extra` more bytes. False (and failed) past the maximum or out of memory. */
bool buf_reserve(struct buf *b, size_t extra_bytes);
bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_add_byte(struct buf *b, char c);
static inline bool buf_add_str(struct buf *b, struct str s)
{
    return buf_add(b, s.ptr, s.len);
}
static inline bool buf_puts(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *b, const char *format, ...);
__attribute__((format(printf, 2, 0))) bool buf_vprintf(struct buf *b, const char *format,
                                                       va_list args);
/* Shortest decimal form; much faster than printf. */
bool buf_add_u64(struct buf *b, uint64_t value);
bool buf_add_i64(struct buf *b, int64_t value);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
bool buf_add_json_string(struct buf *b, struct str s);
/* Drops the first `count` bytes. */
void buf_consume(struct buf *b, size_t count);
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data, b->len};
}
/* NUL-terminated text of the content, valid until the next change; "" when failed. */
const char *buf_cstr(struct buf *b);
/* ERR_OK, or ERR_TOO_LARGE when an append failed. */
err buf_check(const struct buf *b);
