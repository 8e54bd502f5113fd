/* SPDX-License-Identifier: MIT */
/* event_split.c - a request body, piece by piece, into records.
 *
 *   START ──'['──▶ ARRAY        elements by tracking strings and depth
 *     ├────'{'──▶ FIRST ──▶ SINGLE   first line is open and goes on: one value over many lines
 *     │             └─────▶ LINES
 *     └─────────▶ LINES         everything else, and what is declared as NDJSON
 *   any ──▶ DONE                nothing after this point can be trusted: the rest is ignored
 *
 * Invariant: `carry` holds the beginning of the present record when it lies in earlier pieces, and
 * never more than record_bytes_max + 1 bytes; a record that outgrows that is dropped and `skipping`
 * stays set until its end is found. */
#include "flow/event.h"

#include "base/buf.h"

enum split_mode { SPLIT_START, SPLIT_FIRST, SPLIT_LINES, SPLIT_SINGLE, SPLIT_ARRAY, SPLIT_DONE };
/* Within an array. */
enum split_place {
    PLACE_FIRST,
    PLACE_VALUE,
    PLACE_SCALAR,
    PLACE_STRING,
    PLACE_NESTED,
    PLACE_AFTER,
    PLACE_END
};

enum { REJECT_BYTES = 256 };

struct event_splitter {
    event_split_cb on_record;
    void *ctx;
    size_t record_bytes_max;
    enum event_format format;
    enum split_mode mode;
    enum split_place place;
    struct buf carry; /* owned */
    bool skipping;
    bool in_string; /* within a nested element */
    bool escaped;   /* the last byte was a backslash in a string */
    uint32_t bom;   /* bytes of a byte order mark seen */
    uint64_t depth;
    uint64_t index;
    uint64_t line;       /* of the next byte */
    uint64_t start_line; /* of the present record */
    err failed;
};

enum event_format event_format_of(struct str content_type)
{
    static const char *const lines[] = {"application/x-ndjson",   "application/ndjson",
                                        "application/jsonl",      "application/x-jsonl",
                                        "application/jsonlines",  "application/x-jsonlines",
                                        "application/json-lines", "application/json-seq"};
    struct str type = content_type;
    struct str rest = content_type;
    if (content_type.ptr != NULL && str_split(&rest, ';', &type)) {
        type = str_trim(type);
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
            if (str_eq_nocase(type, str_from(lines[i]))) {
                return EVENT_FORMAT_NDJSON;
            }
        }
    }
    return EVENT_FORMAT_AUTO;
}

err event_splitter_new(const struct event_splitter_options *options,
                       struct event_splitter **out_splitter)
{
    ASSERT(options->on_record != NULL);
    struct event_splitter *s = xnew(struct event_splitter);
    s->on_record = options->on_record;
    s->ctx = options->ctx;
    s->format = options->format;
    s->record_bytes_max =
        options->record_bytes_max == 0 ? EVENT_RECORD_BYTES_DEFAULT : options->record_bytes_max;
    s->carry = buf_make(s->record_bytes_max + 1);
    s->line = 1;
    *out_splitter = s;
    return ERR_OK;
}

void event_splitter_free(struct event_splitter *s)
{
    if (s != NULL) {
        buf_deinit(&s->carry);
        free(s);
    }
}

size_t event_splitter_held(const struct event_splitter *s)
{
    return s->carry.cap;
}

void event_splitter_trim(struct event_splitter *s)
{
    if (s->carry.len == 0) {
        buf_deinit(&s->carry);
    }
}

uint64_t event_splitter_count(const struct event_splitter *s)
{
    return s->index;
}

/* ---- emitting ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static uint64_t count_newlines(const char *p, const char *end)
{
    uint64_t count = 0;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        count++;
        p++;
    }
    return count;
}

static err emit(struct event_splitter *s, struct str bytes, uint64_t line)
{
    struct event_split_record record = {.bytes = bytes, .index = s->index++, .line = line};
    return s->on_record(s->ctx, &record);
}

static err reject(struct event_splitter *s, struct str bytes, enum event_code code,
                  const char *detail)
{
    size_t shown = MIN(MIN(bytes.len, s->record_bytes_max), (size_t)REJECT_BYTES);
    struct event_split_record record = {.bytes = str_of(bytes.ptr, shown),
                                        .index = s->index++,
                                        .line = s->start_line,
                                        .code = code,
                                        .detail = detail};
    return s->on_record(s->ctx, &record);
}

/* Adds bytes to the record that straddles pieces. One byte over the limit is kept, since it may be
 * the CR of a line; from there on the record is skipped. */
static err carry_add(struct event_splitter *s, const char *p, size_t len)
{
    if (s->skipping) {
        return ERR_OK;
    }
    size_t room = s->record_bytes_max + 1 - s->carry.len;
    s->skipping = len > room;
    return buf_add(&s->carry, p, MIN(len, room)) ? ERR_OK : ERR_NOMEM;
}

/* The record [p, end), after what was carried, is whole. */
static err finish_record(struct event_splitter *s, const char *p, const char *end, bool is_line)
{
    struct str bytes = str_of(p, (size_t)(end - p));
    if (s->carry.len > 0 || s->skipping) {
        TRY(carry_add(s, p, bytes.len));
        bytes = buf_str(&s->carry);
    }
    bytes.len -= is_line && !s->skipping && bytes.ptr[bytes.len - 1] == '\r';
    err e = ERR_OK;
    if (s->skipping || bytes.len > s->record_bytes_max) {
        e = reject(s, bytes, EVENT_RECORD_TOO_LARGE, "the record is over the size limit");
    } else {
        e = emit(s, bytes, s->start_line);
    }
    s->skipping = false;
    buf_reset(&s->carry);
    return e;
}

/* ---- lines ---- */

static err feed_lines(struct event_splitter *s, const char *p, const char *end)
{
    while (p < end) {
        if (s->carry.len == 0 && !s->skipping) {
            while (p < end && is_space(*p)) { /* so blank lines never become records */
                s->line += *p++ == '\n';
            }
            s->start_line = s->line;
        }
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL) {
            return carry_add(s, p, (size_t)(end - p));
        }
        TRY(finish_record(s, p, newline, true));
        s->line++;
        p = newline + 1;
    }
    return ERR_OK;
}

/* True when a first line is the beginning of a value that goes on in the next: brackets are open,
 * no string is, and the last byte asks for more. A line that was cut elsewhere is a bad line. */
static bool line_goes_on(struct str line)
{
    int64_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        }
    }
    struct str text = str_trim(line);
    char last = text.len == 0 ? ' ' : text.ptr[text.len - 1];
    return depth > 0 && !in_string && (last == '{' || last == '[' || last == ',' || last == ':');
}

/* Gathers the first line, to see what the body is. */
static err feed_first(struct event_splitter *s, const char *p, const char *end)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    if (newline == NULL) {
        return carry_add(s, p, (size_t)(end - p));
    }
    struct str line = str_of(p, (size_t)(newline - p));
    if (s->carry.len > 0) {
        TRY(carry_add(s, p, line.len));
        p = newline;
        line = buf_str(&s->carry);
    }
    bool too_long = s->skipping || line.len > s->record_bytes_max + 1;
    if (!too_long && line_goes_on(line)) {
        s->mode = SPLIT_SINGLE;
        return carry_add(s, p, (size_t)(end - p));
    }
    s->mode = SPLIT_LINES;
    return feed_lines(s, p, end);
}

/* ---- arrays ---- */

/* The next quote or backslash, eight bytes at a time. */
static const char *skip_text(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        uint64_t quote = word ^ ones * '"';
        uint64_t slash = word ^ ones * '\\';
        if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & ones << 7) {
            break;
        }
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
}

/* Moves over string content: to after the closing quote, or `end` with in_string still set. */
static const char *scan_string(struct event_splitter *s, const char *p, const char *end)
{
    while (p < end) {
        if (s->escaped) {
            s->escaped = false;
            p++;
            continue;
        }
        p = skip_text(p, end);
        if (p == end) {
            break;
        }
        if (*p++ == '"') {
            s->in_string = false;
            return p;
        }
        s->escaped = true;
    }
    return end;
}

/* Moves over an element; *whole when its end was found. */
static const char *scan_element(struct event_splitter *s, const char *p, const char *end,
                                bool *whole)
{
    *whole = false;
    if (s->place == PLACE_SCALAR) {
        while (p < end && *p != ',' && *p != ']' && !is_space(*p)) {
            p++;
        }
        *whole = p < end;
        return p;
    }
    while (p < end) {
        if (s->in_string) {
            p = scan_string(s, p, end);
            if (!s->in_string && s->place == PLACE_STRING) {
                *whole = true;
                return p;
            }
            continue;
        }
        char c = *p++;
        if (c == '"') {
            s->in_string = true;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if ((c == '}' || c == ']') && --s->depth == 0) {
            *whole = true;
            return p;
        }
    }
    return p;
}

/* The body's own grammar is broken here. */
static err array_broken(struct event_splitter *s, const char *p, const char *detail)
{
    s->mode = SPLIT_DONE;
    s->start_line = s->line;
    return reject(s, str_of(p, 1), EVENT_INVALID_JSON, detail);
}

/* An element begins at `p`: decides what it is. False when nothing can begin so. */
static bool begin_element(struct event_splitter *s, char c)
{
    if (c == ',' || c == ']' || c == '}' || c == ':') {
        return false;
    }
    s->start_line = s->line;
    s->depth = 0;
    s->in_string = false;
    s->escaped = false;
    s->place = c == '{' || c == '[' ? PLACE_NESTED : c == '"' ? PLACE_STRING : PLACE_SCALAR;
    return true;
}

static err feed_element(struct event_splitter *s, const char **p, const char *end)
{
    bool whole = false;
    const char *start = *p;
    *p = scan_element(s, start, end, &whole);
    uint64_t lines = count_newlines(start, *p);
    err e = whole ? finish_record(s, start, *p, false) : carry_add(s, start, (size_t)(*p - start));
    s->line += lines;
    if (whole) {
        s->place = PLACE_AFTER;
    }
    return e;
}

/* One byte between elements that is not white space. */
static err feed_between(struct event_splitter *s, const char *p)
{
    char c = *p;
    if (s->place == PLACE_END) {
        return array_broken(s, p, "text after the end of the array");
    }
    if (s->place == PLACE_AFTER) {
        if (c != ',' && c != ']') {
            return array_broken(s, p, "expected ',' or ']' between the elements of the array");
        }
        s->place = c == ',' ? PLACE_VALUE : PLACE_END;
        return ERR_OK;
    }
    if (s->place == PLACE_FIRST && c == ']') {
        s->place = PLACE_END;
        return ERR_OK;
    }
    return array_broken(s, p, "expected an element of the array");
}

static err feed_array(struct event_splitter *s, const char *p, const char *end)
{
    while (p < end && s->mode == SPLIT_ARRAY) {
        bool inside =
            s->place == PLACE_SCALAR || s->place == PLACE_STRING || s->place == PLACE_NESTED;
        if (!inside && is_space(*p)) {
            s->line += *p == '\n';
            p++;
            continue;
        }
        bool may_begin = s->place == PLACE_FIRST || s->place == PLACE_VALUE;
        if (inside || (may_begin && begin_element(s, *p))) {
            TRY(feed_element(s, &p, end));
            continue;
        }
        TRY(feed_between(s, p));
        p++;
    }
    return ERR_OK;
}

/* ---- the beginning ---- */

static err feed_start(struct event_splitter *s, const char **p, const char *end)
{
    static const char bom[] = "\xef\xbb\xbf";
    while (*p < end && s->bom < 3 && **p == bom[s->bom]) {
        s->bom++;
        ++*p;
    }
    if (*p == end && s->bom < 3) {
        return ERR_OK;
    }
    if (s->bom == 1 || s->bom == 2) {
        TRY(carry_add(s, bom, s->bom)); /* no byte order mark after all: a bad line */
        s->start_line = s->line;
        s->mode = SPLIT_LINES;
        return ERR_OK;
    }
    s->bom = 3;
    while (*p < end && is_space(**p)) {
        s->line += **p == '\n';
        ++*p;
    }
    if (*p == end) {
        return ERR_OK;
    }
    s->start_line = s->line;
    s->mode = s->format == EVENT_FORMAT_NDJSON ? SPLIT_LINES
              : **p == '['                     ? SPLIT_ARRAY
              : **p == '{'                     ? SPLIT_FIRST
                                               : SPLIT_LINES;
    *p += s->mode == SPLIT_ARRAY;
    return ERR_OK;
}

static err feed(struct event_splitter *s, const char *p, const char *end)
{
    if (s->mode == SPLIT_START) {
        TRY(feed_start(s, &p, end));
    }
    if (p == end) {
        return ERR_OK;
    }
    switch (s->mode) {
    case SPLIT_FIRST:
        return feed_first(s, p, end);
    case SPLIT_LINES:
        return feed_lines(s, p, end);
    case SPLIT_SINGLE:
        return carry_add(s, p, (size_t)(end - p));
    case SPLIT_ARRAY:
        return feed_array(s, p, end);
    case SPLIT_START:
    case SPLIT_DONE:
        break;
    }
    return ERR_OK;
}

err event_splitter_feed(struct event_splitter *s, struct str chunk)
{
    if (s->failed == ERR_OK && chunk.len > 0) {
        s->failed = feed(s, chunk.ptr, chunk.ptr + chunk.len);
    }
    return s->failed;
}

static err finish(struct event_splitter *s)
{
    switch (s->mode) {
    case SPLIT_START:
        if (s->bom == 1 || s->bom == 2) {
            s->start_line = s->line;
            return reject(s, STR("\xef"), EVENT_INVALID_UTF8, "the body ends in a byte order mark");
        }
        return ERR_OK;
    case SPLIT_FIRST:
    case SPLIT_LINES:
    case SPLIT_SINGLE:
        return s->carry.len > 0 || s->skipping ? finish_record(s, "", "", true) : ERR_OK;
    case SPLIT_ARRAY:
        if (s->place != PLACE_END) {
            return reject(s, buf_str(&s->carry), EVENT_TRUNCATED, "the body ends inside the array");
        }
        return ERR_OK;
    case SPLIT_DONE:
        return ERR_OK;
    }
    return ERR_OK;
}

err event_splitter_finish(struct event_splitter *s)
{
    if (s->failed == ERR_OK) {
        s->failed = finish(s);
        s->mode = SPLIT_DONE;
    }
    return s->failed;
}
