/* SPDX-License-Identifier: MIT */
/* buf.c - see buf.h. Growth doubles, so appending n bytes costs O(n). */
#include "base/buf.h"

void buf_deinit(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

bool buf_reserve(struct buf *b, size_t extra_bytes)
{
    if (b->failed) {
        return false;
    }
    if (extra_bytes > b->max || b->len > b->max - extra_bytes) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + extra_bytes;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = MAX(b->cap, (size_t)64);
    while (cap < need) {
        cap *= 2;
    }
    cap = MIN(cap, b->max + 1); /* one more for buf_cstr's NUL */
    char *data = realloc(b->data, MAX(cap, need));
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = MAX(cap, need);
    return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len)) {
        return false;
    }
    if (len > 0) {
        memcpy(b->data + b->len, bytes, len);
    }
    b->len += len;
    return true;
}

bool buf_add_byte(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (need < 0 || !buf_reserve(b, (size_t)need + 1)) {
        b->failed = true;
        return false;
    }
    (void)vsnprintf(b->data + b->len, (size_t)need + 1, format, args); /* room was made above */
    b->len += (size_t)need;
    return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_vprintf(b, format, args);
    va_end(args);
    return ok;
}

bool buf_add_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return buf_add(b, digits + at, sizeof digits - at);
}

bool buf_add_i64(struct buf *b, int64_t value)
{
    if (value < 0) {
        return buf_add_byte(b, '-') && buf_add_u64(b, 0 - (uint64_t)value);
    }
    return buf_add_u64(b, (uint64_t)value);
}

/* Length of the well-formed UTF-8 sequence at `p`, 0 when there is none. */
static size_t utf8_sequence(const char *p, size_t left)
{
    for (size_t len = 2; len <= 4 && len <= left; len++) {
        if (str_is_utf8(str_of(p, len))) {
            return len;
        }
    }
    return 0;
}

static void add_escape(struct buf *b, char c)
{
    switch (c) {
    case '"':
        buf_add(b, "\\\"", 2);
        return;
    case '\\':
        buf_add(b, "\\\\", 2);
        return;
    case '\n':
        buf_add(b, "\\n", 2);
        return;
    case '\r':
        buf_add(b, "\\r", 2);
        return;
    case '\t':
        buf_add(b, "\\t", 2);
        return;
    default:
        buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

bool buf_add_json_string(struct buf *b, struct str s)
{
    buf_add_byte(b, '"');
    size_t start = 0;
    size_t i = 0;
    while (i < s.len) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t sequence = c >= 0x80 ? utf8_sequence(s.ptr + i, s.len - i) : 0;
        if (sequence > 0) {
            i += sequence;
            continue;
        }
        buf_add(b, s.ptr + start, i - start);
        if (c >= 0x80) {
            buf_add(b, "\xef\xbf\xbd", 3);
        } else {
            add_escape(b, (char)c);
        }
        i++;
        start = i;
    }
    buf_add(b, s.ptr + start, s.len - start);
    return buf_add_byte(b, '"');
}

void buf_consume(struct buf *b, size_t count)
{
    ASSERT(count <= b->len);
    if (count > 0 && count < b->len) {
        memmove(b->data, b->data + count, b->len - count);
    }
    b->len -= count;
}

const char *buf_cstr(struct buf *b)
{
    if (b->failed) {
        return "";
    }
    if (b->len == b->cap) {
        char *data = realloc(b->data, b->cap + 1);
        if (data == NULL) {
            return "";
        }
        b->data = data;
        b->cap++;
    }
    b->data[b->len] = '\0';
    return b->data;
}

err buf_check(const struct buf *b)
{
    return b->failed ? ERR_TOO_LARGE : ERR_OK;
}
