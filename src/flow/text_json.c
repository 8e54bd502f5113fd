/* SPDX-License-Identifier: MIT */
/* text_json.c - see text_json.h. The loops copy byte by byte: fields are short, and a table look-up
 * a byte is cheaper than setting up anything wider. */
#include "flow/text_json.h"

enum { FIELD_OVERHEAD = 32 }; /* quotes, colon, comma, a number */

/* 1: a byte that goes into a JSON string as it is. */
static const uint8_t is_plain[256] = {
    [0x20] = 1,
    [0x21] = 1,
    [0x23 ... 0x5b] = 1,
    [0x5d ... 0x7f] = 1,
};

bool text_json_begin(struct text_json *j, struct buf *out, size_t text_bytes, size_t name_bytes,
                     size_t field_count)
{
    buf_reset(out);
    if (!buf_reserve(out, (text_bytes + name_bytes) * 6 + field_count * FIELD_OVERHEAD + 2)) {
        return false;
    }
    *j = (struct text_json){.out = out, .w = out->data};
    *j->w++ = '{';
    return true;
}

void text_json_end(struct text_json *j)
{
    *j->w++ = '}';
    j->out->len = (size_t)(j->w - j->out->data);
    ASSERT(j->out->len <= j->out->cap);
}

static inline char *put(char *w, const char *bytes, size_t len)
{
    memcpy(w, bytes, len);
    return w + len;
}

void text_json_name(struct text_json *j, struct str name)
{
    if (j->is_open) {
        *j->w++ = ',';
    }
    j->is_open = true;
    *j->w++ = '"';
    j->w = put(j->w, name.ptr, name.len);
    *j->w++ = '"';
    *j->w++ = ':';
}

void text_json_null(struct text_json *j)
{
    j->w = put(j->w, "null", 4);
}

void text_json_raw(struct text_json *j, struct str json)
{
    j->w = put(j->w, json.ptr, json.len);
}

void text_json_u64(struct text_json *j, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    j->w = put(j->w, digits + at, sizeof digits - at);
}

static const char hex[] = "0123456789abcdef";

/* One byte below 0x80, escaped as JSON wants it. */
static char *put_ascii(char *w, unsigned char c)
{
    if (is_plain[c]) {
        *w++ = (char)c;
        return w;
    }
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    *w++ = '\\';
    if (c < sizeof letters && letters[c] != 0) {
        *w++ = letters[c];
        return w;
    }
    w = put(w, "u00", 3);
    *w++ = hex[c >> 4];
    *w++ = hex[c & 15];
    return w;
}

/* A byte that is not UTF-8, as the text \xhh. */
static char *put_bad_byte(char *w, unsigned char c)
{
    w = put(w, "\\\\x", 3);
    *w++ = hex[c >> 4];
    *w++ = hex[c & 15];
    return w;
}

static size_t sequence_len(unsigned char lead)
{
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

/* A byte of 0x80 or more at *p, with what follows it. */
static char *put_high(char *w, const char **p, const char *end)
{
    size_t len = sequence_len((unsigned char)**p);
    if (len <= (size_t)(end - *p) && str_is_utf8(str_of(*p, len))) {
        w = put(w, *p, len);
        *p += len;
        return w;
    }
    return put_bad_byte(w, (unsigned char)*(*p)++);
}

static char *put_any(char *w, const char **p, const char *end)
{
    unsigned char c = (unsigned char)**p;
    if (c >= 0x80) {
        return put_high(w, p, end);
    }
    (*p)++;
    return put_ascii(w, c);
}

static inline char *put_plain(char *w, const char **p, const char *end)
{
    const char *at = *p;
    while (at < end && is_plain[(unsigned char)*at]) {
        *w++ = *at++;
    }
    *p = at;
    return w;
}

static char *put_text(char *w, struct str text)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    for (;;) {
        w = put_plain(w, &p, end);
        if (p == end) {
            return w;
        }
        w = put_any(w, &p, end);
    }
}

void text_json_any_name(struct text_json *j, struct str name)
{
    if (j->is_open) {
        *j->w++ = ',';
    }
    j->is_open = true;
    *j->w++ = '"';
    j->w = put_text(j->w, name);
    *j->w++ = '"';
    *j->w++ = ':';
}

void text_json_text(struct text_json *j, struct str text)
{
    *j->w++ = '"';
    j->w = put_text(j->w, text);
    *j->w++ = '"';
}

void text_json_doubled(struct text_json *j, struct str text, char quote)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    *j->w++ = '"';
    while (p < end) {
        const char *at = memchr(p, quote, (size_t)(end - p));
        const char *stop = at == NULL ? end : at + 1; /* with the first of the two */
        j->w = put_text(j->w, str_of(p, (size_t)(stop - p)));
        p = at == NULL ? end : stop + (stop < end);
    }
    *j->w++ = '"';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "\xhh" at `p` stands for, or -1. */
static int escaped_byte(const char *p, const char *end)
{
    if (end - p < 4 || p[0] != '\\' || p[1] != 'x') {
        return -1;
    }
    int high = hex_value(p[2]);
    int low = hex_value(p[3]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* "\xhh" of 0x80 or more at *p: decoded when it and the next ones are one character. */
static char *put_escaped_high(char *w, const char **p, const char *end, int first)
{
    char bytes[4] = {(char)first};
    size_t len = sequence_len((unsigned char)first);
    const char *at = *p + 4;
    for (size_t i = 1; i < len; i++, at += 4) {
        int next = escaped_byte(at, end);
        if (next < 0) {
            len = 0;
            break;
        }
        bytes[i] = (char)next;
    }
    if (len > 0 && str_is_utf8(str_of(bytes, len))) {
        *p = at;
        return put(w, bytes, len);
    }
    *w++ = '\\'; /* the backslash of JSON, then as it is written */
    w = put(w, *p, 4);
    *p += 4;
    return w;
}

static char *put_escape(char *w, const char **p, const char *end)
{
    int byte = escaped_byte(*p, end);
    if (byte >= 0x80) {
        return put_escaped_high(w, p, end, byte);
    }
    if (byte >= 0) {
        *p += 4;
        return put_ascii(w, (unsigned char)byte);
    }
    static const char codes[] = {['"'] = '"',  ['\\'] = '\\', ['b'] = '\b', ['f'] = '\f',
                                 ['n'] = '\n', ['r'] = '\r',  ['t'] = '\t', ['v'] = '\v'};
    unsigned char next = end - *p >= 2 ? (unsigned char)(*p)[1] : 0;
    if (next < sizeof codes && codes[next] != 0) {
        *p += 2;
        return put_ascii(w, (unsigned char)codes[next]);
    }
    *p += 1; /* no escape that we know: a backslash */
    return put_ascii(w, '\\');
}

void text_json_log(struct text_json *j, struct str text)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    char *w = j->w;
    *w++ = '"';
    for (;;) {
        w = put_plain(w, &p, end);
        if (p == end) {
            break;
        }
        w = *p == '\\' ? put_escape(w, &p, end) : put_any(w, &p, end);
    }
    *w++ = '"';
    j->w = w;
}

void text_json_log_or_null(struct text_json *j, struct str text)
{
    if (text.len == 1 && text.ptr[0] == '-') {
        text_json_null(j);
    } else {
        text_json_log(j, text);
    }
}
