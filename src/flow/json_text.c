/* SPDX-License-Identifier: MIT */
/* json_text.c - the slow halves of json_walk.h: escapes, and finding out what is wrong.
 *
 * json_diagnose() is a complete JSON reader of its own, byte by byte (RFC 8259). It runs only on
 * texts that the fast path has refused, so that every refusal names the first wrong byte, and in
 * tests as the reference of the fast path. */
#include "flow/json_walk.h"

/* ---- escapes ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Four hex digits at p[0..4), or -1. */
static int32_t hex4(const char *p, const char *end)
{
    if (end - p < 4) {
        return -1;
    }
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* Bytes of the escape at `p` (a backslash), or 0 when it is none. */
static size_t escape_len(const char *p, const char *end)
{
    if (end - p < 2) {
        return 0;
    }
    if (p[1] == 'u') {
        return hex4(p + 2, end) < 0 ? 0 : 6;
    }
    return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

bool json_escapes_ok(struct str inside)
{
    const char *end = inside.ptr + inside.len;
    const char *p = inside.ptr;
    while (p < end && (p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
        size_t len = escape_len(p, end);
        if (len == 0) {
            return false;
        }
        p += len;
    }
    return true;
}

static void add_utf8(struct buf *out, uint32_t c)
{
    char bytes[4];
    size_t len = 0;
    if (c < 0x80) {
        bytes[len++] = (char)c;
    } else if (c < 0x800) {
        bytes[len++] = (char)(0xc0 | c >> 6);
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[len++] = (char)(0xe0 | c >> 12);
        bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    } else {
        bytes[len++] = (char)(0xf0 | c >> 18);
        bytes[len++] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    }
    (void)buf_add(out, bytes, len); /* sticky */
}

/* The code point of a \u escape at `p` (maybe a pair), and the place after it. False when lone. */
static bool unescape_unicode(const char **p, const char *end, uint32_t *out_c)
{
    uint32_t c = (uint32_t)hex4(*p + 2, end);
    *p += 6;
    if (c >= 0xd800 && c <= 0xdfff) {
        if (c > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u') {
            return false;
        }
        uint32_t low = (uint32_t)hex4(*p + 2, end);
        if (low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        *p += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *out_c = c;
    return true;
}

bool json_unescape(struct str inside, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *p = inside.ptr;
    const char *end = inside.ptr + inside.len;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        if (stop == NULL) {
            stop = end;
        }
        (void)buf_add(out, p, (size_t)(stop - p)); /* sticky */
        p = stop;
        if (p == end) {
            break;
        }
        ASSERT(escape_len(p, end) != 0);
        if (p[1] != 'u') {
            (void)buf_add_byte(out, to[strchr(from, p[1]) - from]); /* sticky */
            p += 2;
            continue;
        }
        uint32_t c = 0;
        if (!unescape_unicode(&p, end, &c)) {
            return false;
        }
        add_utf8(out, c);
    }
    return !out->failed;
}

/* ---- diagnosis ---- */

struct scan {
    const char *start;
    const char *p;
    const char *end;
    uint32_t depth_max;
    struct errmsg *detail; /* may be NULL */
};

static enum event_code bad(const struct scan *s, const char *what)
{
    size_t place = (size_t)(s->p - s->start);
    if (s->p >= s->end) {
        (void)errmsg_set(s->detail, ERR_INVALID, "%s, but the record ends at byte %zu", what,
                         place);
        return EVENT_INVALID_JSON;
    }
    unsigned char c = (unsigned char)*s->p;
    char found[16];
    (void)snprintf(found, sizeof found, c > 0x20 && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
    (void)errmsg_set(s->detail, ERR_INVALID, "%s, found %s at byte %zu", what, found, place);
    return EVENT_INVALID_JSON;
}

static void skip_space(struct scan *s)
{
    while (s->p < s->end && json_is_space(*s->p)) {
        s->p++;
    }
}

static bool at_char(const struct scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

static bool at_digit(const struct scan *s)
{
    return s->p < s->end && json_digit(*s->p) <= 9;
}

static enum event_code scan_string(struct scan *s)
{
    s->p++;
    while (s->p < s->end && *s->p != '"') {
        if ((unsigned char)*s->p < 0x20) {
            return bad(s, "expected a control character in a string to be escaped");
        }
        size_t len = 1;
        if (*s->p == '\\') {
            len = escape_len(s->p, s->end);
            if (len == 0) {
                return bad(s, "expected a valid escape");
            }
        }
        s->p += len;
    }
    if (s->p >= s->end) {
        return bad(s, "expected the closing quote of a string");
    }
    s->p++;
    return EVENT_OK;
}

static enum event_code scan_digits(struct scan *s)
{
    if (!at_digit(s)) {
        return bad(s, "expected a digit");
    }
    while (at_digit(s)) {
        s->p++;
    }
    return EVENT_OK;
}

static enum event_code scan_number(struct scan *s)
{
    s->p += *s->p == '-';
    const char *first = s->p;
    enum event_code code = scan_digits(s);
    if (code == EVENT_OK && *first == '0' && s->p - first > 1) {
        s->p = first + 1;
        return bad(s, "expected no digit after a leading zero");
    }
    if (code == EVENT_OK && at_char(s, '.')) {
        s->p++;
        code = scan_digits(s);
    }
    if (code == EVENT_OK && (at_char(s, 'e') || at_char(s, 'E'))) {
        s->p++;
        s->p += at_char(s, '+') || at_char(s, '-');
        code = scan_digits(s);
    }
    return code;
}

static enum event_code scan_scalar(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    if (s->p >= s->end) {
        return bad(s, "expected a value");
    }
    if (*s->p == '"') {
        return scan_string(s);
    }
    if (*s->p == '-' || at_digit(s)) {
        return scan_number(s);
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(s->end - s->p) >= len && memcmp(s->p, words[i], len) == 0) {
            s->p += len;
            return EVENT_OK;
        }
    }
    return bad(s, "expected a value");
}

static enum event_code scan_key(struct scan *s)
{
    skip_space(s);
    if (!at_char(s, '"')) {
        return bad(s, "expected a field name in quotes");
    }
    enum event_code code = scan_string(s);
    if (code != EVENT_OK) {
        return code;
    }
    skip_space(s);
    if (!at_char(s, ':')) {
        return bad(s, "expected ':'");
    }
    s->p++;
    return EVENT_OK;
}

static enum event_code too_deep(const struct scan *s)
{
    (void)errmsg_set(s->detail, ERR_INVALID, "nested more than %u deep at byte %zu", s->depth_max,
                     (size_t)(s->p - s->start));
    return EVENT_TOO_DEEP;
}

/* Closes what ends here. Sets *more when another member follows in the container now open. */
static enum event_code scan_closers(struct scan *s, const uint64_t *objects, uint32_t *depth,
                                    bool *more)
{
    *more = false;
    while (*depth > 0) {
        bool is_object = objects[(*depth - 1) / 64] >> ((*depth - 1) % 64) & 1;
        skip_space(s);
        if (at_char(s, ',')) {
            s->p++;
            *more = true;
            return EVENT_OK;
        }
        if (!at_char(s, is_object ? '}' : ']')) {
            return bad(s, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        s->p++;
        --*depth;
    }
    return EVENT_OK;
}

/* Opens a container at `p`; *empty when it closes at once (its bracket is left to scan_closers). */
static void open_container(struct scan *s, uint64_t *objects, uint32_t *depth, bool *empty)
{
    bool is_object = *s->p == '{';
    uint64_t bit = UINT64_C(1) << (*depth % 64);
    uint64_t *word = &objects[*depth / 64];
    *word = is_object ? *word | bit : *word & ~bit;
    ++*depth;
    s->p++;
    skip_space(s);
    *empty = at_char(s, is_object ? '}' : ']');
}

static enum event_code scan_value(struct scan *s)
{
    uint64_t objects[EVENT_DEPTH_MAX / 64] = {0};
    uint32_t depth = 0;
    bool more = true;
    while (more) {
        enum event_code code = EVENT_OK;
        if (depth > 0 && (objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1)) {
            code = scan_key(s);
            if (code != EVENT_OK) {
                return code;
            }
        }
        skip_space(s);
        if (at_char(s, '{') || at_char(s, '[')) {
            if (depth >= s->depth_max) {
                return too_deep(s);
            }
            bool empty = false;
            open_container(s, objects, &depth, &empty);
            if (!empty) {
                continue;
            }
        } else {
            code = scan_scalar(s);
            if (code != EVENT_OK) {
                return code;
            }
        }
        code = scan_closers(s, objects, &depth, &more);
        if (code != EVENT_OK) {
            return code;
        }
    }
    return EVENT_OK;
}

/* Length of the valid UTF-8 before the first wrong byte. */
static size_t utf8_valid_len(struct str s)
{
    if (str_is_utf8(s)) {
        return s.len;
    }
    size_t good = 0;
    while (good < s.len) {
        size_t len = 1;
        while (len <= 4 && good + len <= s.len && !str_is_utf8(str_of(s.ptr + good, len))) {
            len++;
        }
        if (len > 4 || good + len > s.len) {
            break;
        }
        good += len;
    }
    return good;
}

enum event_code json_diagnose(struct str text, uint32_t depth_max, struct errmsg *detail)
{
    ASSERT(depth_max <= EVENT_DEPTH_MAX);
    struct scan s = {text.ptr, text.ptr, text.ptr + text.len, depth_max, detail};
    skip_space(&s);
    if (s.p == s.end) {
        (void)errmsg_set(detail, ERR_INVALID, "there is no value");
        return EVENT_EMPTY;
    }
    size_t valid = utf8_valid_len(text);
    if (valid < text.len) {
        (void)errmsg_set(detail, ERR_INVALID, "byte 0x%02x at byte %zu is not UTF-8",
                         (unsigned char)text.ptr[valid], valid);
        return EVENT_INVALID_UTF8;
    }
    bool is_object = *s.p == '{';
    enum event_code code = scan_value(&s);
    if (code != EVENT_OK) {
        return code;
    }
    skip_space(&s);
    if (s.p != s.end) {
        return bad(&s, "expected the end after the value");
    }
    if (!is_object) {
        (void)errmsg_set(detail, ERR_INVALID, "an event is a JSON object, this is another value");
        return EVENT_NOT_AN_OBJECT;
    }
    return EVENT_OK;
}
