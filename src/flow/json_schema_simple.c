/* SPDX-License-Identifier: MIT */
/* json_schema_simple.c - the patterns that most schemas have, such as ^[A-Z]{2}-\d{4,}$, matched by
 * a walk over the text: a tenth of what a general engine takes.
 *
 * A pattern qualifies when it is anchored at both ends, made of ASCII characters, classes and \d \w
 * with a quantifier each, and when a piece whose number of characters is open shares none with what
 * may follow it: then taking as many as there are is the only way, and nothing ever has to be taken
 * back. Everything else is left to PCRE2. */
#include "flow/json_schema_int.h"

struct simple_reader {
    const char *p;
    const char *end;
};

static void set_add(struct json_schema_piece *piece, unsigned char c)
{
    piece->set[c / 64] |= UINT64_C(1) << (c % 64);
}

static bool set_has(const struct json_schema_piece *piece, unsigned char c)
{
    return c < 128 && (piece->set[c / 64] >> (c % 64) & 1);
}

static void set_range(struct json_schema_piece *piece, unsigned char from, unsigned char to)
{
    for (unsigned c = from; c <= to; c++) {
        set_add(piece, (unsigned char)c);
    }
}

/* The escape at `p` (behind the backslash): a class, or punctuation that stands for itself. A
 * single character goes to *out_char, for ranges; 0 for a class. */
static bool read_escape(struct simple_reader *r, struct json_schema_piece *piece, char *out_char)
{
    if (r->p == r->end) {
        return false;
    }
    char c = *r->p++;
    *out_char = '\0';
    if (c == 'd' || c == 'w') {
        set_range(piece, '0', '9');
        if (c == 'w') {
            set_range(piece, 'a', 'z');
            set_range(piece, 'A', 'Z');
            set_add(piece, '_');
        }
        return true;
    }
    if (strchr("-/.\\^$|?*+()[]{}", c) == NULL || c == '\0') {
        return false;
    }
    *out_char = c;
    set_add(piece, (unsigned char)c);
    return true;
}

static bool read_class_char(struct simple_reader *r, struct json_schema_piece *piece,
                            char *out_char)
{
    if (*r->p == '\\') {
        r->p++;
        return read_escape(r, piece, out_char);
    }
    if (*r->p == '[' || (unsigned char)*r->p >= 128 || *r->p == '\0') {
        return false;
    }
    *out_char = *r->p++;
    set_add(piece, (unsigned char)*out_char);
    return true;
}

/* Behind `[`, up to and with `]`. */
static bool read_class(struct simple_reader *r, struct json_schema_piece *piece)
{
    if (r->p < r->end && *r->p == '^') {
        return false;
    }
    while (r->p < r->end && *r->p != ']') {
        char from = '\0';
        char to = '\0';
        if (!read_class_char(r, piece, &from)) {
            return false;
        }
        bool is_range = r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] != ']';
        if (!is_range) {
            continue;
        }
        r->p++;
        if (!read_class_char(r, piece, &to) || from == '\0' || to == '\0' || to < from) {
            return false;
        }
        set_range(piece, (unsigned char)from, (unsigned char)to);
    }
    return r->p < r->end && *r->p++ == ']';
}

static bool read_count(struct simple_reader *r, uint32_t *out_count)
{
    uint32_t count = 0;
    const char *first = r->p;
    while (r->p < r->end && json_digit(*r->p) <= 9 && count < 10000) {
        count = count * 10 + json_digit(*r->p++);
    }
    *out_count = count;
    return r->p > first && count < 10000;
}

/* Behind `{`: 3} 3,} 3,5} */
static bool read_braces(struct simple_reader *r, struct json_schema_piece *piece)
{
    if (!read_count(r, &piece->low)) {
        return false;
    }
    piece->high = piece->low;
    if (r->p < r->end && *r->p == ',') {
        r->p++;
        piece->high = UINT32_MAX;
        if (r->p < r->end && *r->p != '}' && !read_count(r, &piece->high)) {
            return false;
        }
    }
    return r->p < r->end && *r->p++ == '}' && piece->low <= piece->high;
}

static bool read_quantifier(struct simple_reader *r, struct json_schema_piece *piece)
{
    piece->low = 1;
    piece->high = 1;
    if (r->p == r->end || strchr("?*+{", *r->p) == NULL) {
        return true;
    }
    char c = *r->p++;
    if (c == '{') {
        if (!read_braces(r, piece)) {
            return false;
        }
    } else {
        piece->low = c == '+';
        piece->high = c == '?' ? 1 : UINT32_MAX;
    }
    return r->p == r->end || strchr("?*+{", *r->p) == NULL; /* no lazy or possessive ones */
}

static bool read_piece(struct simple_reader *r, struct json_schema_piece *piece)
{
    char c = *r->p++;
    char unused = '\0';
    bool ok = false;
    if (c == '\\') {
        ok = read_escape(r, piece, &unused);
    } else if (c == '[') {
        ok = read_class(r, piece);
    } else if ((unsigned char)c < 128 && c != '\0' && strchr("^$.|?*+()]{}", c) == NULL) {
        set_add(piece, (unsigned char)c);
        ok = true;
    }
    return ok && read_quantifier(r, piece);
}

/* Is it clear for every piece of an open number where it ends? */
static bool is_clear(const struct json_schema_simple *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct json_schema_piece *a = &s->pieces[i];
        for (size_t n = i + 1; a->low < a->high && n < s->count; n++) {
            const struct json_schema_piece *b = &s->pieces[n];
            if ((a->set[0] & b->set[0]) != 0 || (a->set[1] & b->set[1]) != 0) {
                return false;
            }
            if (b->low > 0) {
                break;
            }
        }
    }
    return true;
}

bool json_schema_simple_read(struct str pattern, struct json_schema_simple *out_simple)
{
    struct json_schema_simple s = {0};
    if (pattern.len < 2 || pattern.ptr[0] != '^' || pattern.ptr[pattern.len - 1] != '$') {
        return false;
    }
    struct simple_reader r = {pattern.ptr + 1, pattern.ptr + pattern.len - 1};
    while (r.p < r.end) {
        if (s.count == SIMPLE_PIECES_MAX || !read_piece(&r, &s.pieces[s.count])) {
            return false;
        }
        s.count++;
    }
    *out_simple = s;
    return is_clear(&s);
}

bool json_schema_simple_match(const struct json_schema_simple *simple, struct str text)
{
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    for (size_t i = 0; i < simple->count; i++) {
        const struct json_schema_piece *piece = &simple->pieces[i];
        size_t most = MIN((size_t)(end - p), (size_t)piece->high);
        size_t count = 0;
        while (count < most && set_has(piece, (unsigned char)p[count])) {
            count++;
        }
        if (count < piece->low) {
            return false;
        }
        p += count;
    }
    return p == end;
}
