/* SPDX-License-Identifier: MIT */
/* multipart.c - see multipart.h. The delimiter "\r\n--B" holds one \r, its first byte, so that a
 * match that fails can only begin anew at the byte that failed. */
#include "http/multipart.h"

enum part_state {
    PART_PREAMBLE, /* data that nobody wants; begins as if a line had just ended */
    PART_AFTER,    /* after a delimiter: "--" is the end, a line's end begins a part */
    PART_DASH,     /* after the first '-' there */
    PART_LINE,     /* after the '\r' there */
    PART_HEAD,
    PART_DATA,
    PART_EPILOGUE,
};

struct multipart {
    enum part_state state;
    char delimiter[MULTIPART_BOUNDARY_BYTES_MAX + 8]; /* "\r\n--B" */
    size_t delimiter_len;
    size_t matched;
    size_t parts;
    struct buf head;
    struct buf name; /* unescaped */
    struct buf file;
};

/* ---- header values ---- */

/* The value of `key` in `form-data; name="a"; filename="b"`, unescaped, appended. */
static bool parameter(struct str value, const char *key, struct buf *out)
{
    size_t at = 0;
    while (at < value.len) {
        while (at < value.len && value.ptr[at] != ';') {
            at++;
        }
        at++;
        while (at < value.len && (value.ptr[at] == ' ' || value.ptr[at] == '\t')) {
            at++;
        }
        size_t start = at;
        while (at < value.len && value.ptr[at] != '=' && value.ptr[at] != ';') {
            at++;
        }
        if (at >= value.len || value.ptr[at] != '=') {
            continue;
        }
        bool is_it = str_eq_nocase(str_of(value.ptr + start, at - start), str_from(key));
        at++;
        bool quoted = at < value.len && value.ptr[at] == '"';
        at += quoted;
        while (at < value.len && (quoted ? value.ptr[at] != '"' : value.ptr[at] != ';')) {
            /* A backslash before a quote hides it; elsewhere it is one (file names of Windows). */
            at += quoted && value.ptr[at] == '\\' && at + 1 < value.len && value.ptr[at + 1] == '"';
            if (is_it) {
                buf_add_byte(out, value.ptr[at]);
            }
            at++;
        }
        if (is_it) {
            return true;
        }
        at += quoted;
    }
    return false;
}

static bool boundary_is_valid(struct str boundary)
{
    for (size_t i = 0; i < boundary.len; i++) {
        char c = boundary.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
        if (!good) {
            return false;
        }
    }
    return boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_BYTES_MAX &&
           boundary.ptr[boundary.len - 1] != ' ';
}

err multipart_new(struct str content_type, struct multipart **out_multipart, struct errmsg *msg)
{
    AUTO_BUF boundary = buf_make(1024);
    if (!parameter(content_type, "boundary", &boundary) || !boundary_is_valid(buf_str(&boundary))) {
        return errmsg_set(msg, ERR_INVALID, "Content-Type multipart/form-data needs its boundary");
    }
    struct multipart *m = xnew(struct multipart);
    m->delimiter_len = (size_t)snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%.*s",
                                        (int)boundary.len, boundary.data);
    m->matched = 2;
    m->head = buf_make(MULTIPART_HEAD_BYTES_MAX);
    m->name = buf_make(MULTIPART_HEAD_BYTES_MAX);
    m->file = buf_make(MULTIPART_HEAD_BYTES_MAX);
    *out_multipart = m;
    return ERR_OK;
}

void multipart_free(struct multipart *m)
{
    if (m != NULL) {
        buf_deinit(&m->head);
        buf_deinit(&m->name);
        buf_deinit(&m->file);
        free(m);
    }
}

/* ---- a part's headers ---- */

static err begin_part(struct multipart *m, const struct multipart_events *events, void *ctx,
                      struct errmsg *msg)
{
    struct multipart_part part = {0};
    struct str rest = buf_str(&m->head);
    struct str line;
    bool has_name = false;
    buf_reset(&m->name);
    buf_reset(&m->file);
    while (str_split(&rest, '\n', &line)) {
        struct str value = str_trim(line);
        struct str key = {0};
        if (!str_split(&value, ':', &key)) {
            continue;
        }
        if (str_eq_nocase(str_trim(key), STR("content-disposition"))) {
            has_name = parameter(value, "name", &m->name);
            part.has_file = parameter(value, "filename", &m->file);
        } else if (str_eq_nocase(str_trim(key), STR("content-type"))) {
            part.content_type = str_trim(value);
        }
    }
    if (!has_name) {
        return errmsg_set(msg, ERR_INVALID, "part %zu of the form has no name", m->parts);
    }
    part.name = buf_str(&m->name);
    part.file = buf_str(&m->file);
    return events->on_part(ctx, &part, msg);
}

/* One byte of the headers; *out_complete when they have ended. */
static err head_byte(struct multipart *m, char c, bool *out_complete, struct errmsg *msg)
{
    if (!buf_add_byte(&m->head, c)) {
        return errmsg_set(msg, ERR_LIMIT, "the headers of part %zu are over %d bytes", m->parts,
                          MULTIPART_HEAD_BYTES_MAX);
    }
    struct str head = buf_str(&m->head);
    *out_complete = str_ends(head, STR("\r\n\r\n")) || (head.len == 2 && str_is(head, "\r\n"));
    return ERR_OK;
}

/* ---- bytes between delimiters ---- */

static err emit(const struct multipart *m, const struct multipart_events *events, void *ctx,
                struct str piece, struct errmsg *msg)
{
    return m->state == PART_PREAMBLE || piece.len == 0 ? ERR_OK : events->on_data(ctx, piece, msg);
}

/* Data up to the next byte that could begin a delimiter, or one step of a match. */
static err data_step(struct multipart *m, struct str *input, const struct multipart_events *events,
                     void *ctx, struct errmsg *msg)
{
    if (m->matched == 0) {
        const char *mark = memchr(input->ptr, '\r', input->len);
        size_t len = mark == NULL ? input->len : (size_t)(mark - input->ptr);
        TRY(emit(m, events, ctx, str_of(input->ptr, len), msg));
        *input = str_of(input->ptr + len, input->len - len);
        if (mark != NULL) {
            m->matched = 1;
            *input = str_of(input->ptr + 1, input->len - 1);
        }
        return ERR_OK;
    }
    if (input->ptr[0] != m->delimiter[m->matched]) {
        TRY(emit(m, events, ctx, str_of(m->delimiter, m->matched), msg));
        m->matched = 0;
        return ERR_OK;
    }
    m->matched++;
    *input = str_of(input->ptr + 1, input->len - 1);
    if (m->matched == m->delimiter_len) {
        bool had_part = m->state == PART_DATA;
        m->state = PART_AFTER;
        m->matched = 0;
        return had_part ? events->on_part_end(ctx, msg) : ERR_OK;
    }
    return ERR_OK;
}

static err after_byte(struct multipart *m, char c, struct errmsg *msg)
{
    if (m->state == PART_AFTER && (c == ' ' || c == '\t')) {
        return ERR_OK;
    }
    if (m->state == PART_AFTER && (c == '-' || c == '\r')) {
        m->state = c == '-' ? PART_DASH : PART_LINE;
        return ERR_OK;
    }
    if (m->state == PART_DASH && c == '-') {
        m->state = PART_EPILOGUE;
        return ERR_OK;
    }
    if (m->state == PART_LINE && c == '\n') {
        m->state = PART_HEAD;
        buf_reset(&m->head);
        m->parts++;
        return m->parts <= MULTIPART_PARTS_MAX
                   ? ERR_OK
                   : errmsg_set(msg, ERR_LIMIT, "the form has more than %d parts",
                                MULTIPART_PARTS_MAX);
    }
    return errmsg_set(msg, ERR_INVALID, "the form is malformed after a boundary");
}

err multipart_feed(struct multipart *m, struct str *input, const struct multipart_events *events,
                   void *ctx, struct errmsg *msg)
{
    while (input->len > 0) {
        char c = input->ptr[0];
        bool complete = false;
        switch (m->state) {
        case PART_PREAMBLE:
        case PART_DATA:
            TRY(data_step(m, input, events, ctx, msg));
            break;
        case PART_AFTER:
        case PART_DASH:
        case PART_LINE:
            *input = str_of(input->ptr + 1, input->len - 1);
            TRY(after_byte(m, c, msg));
            break;
        case PART_HEAD:
            *input = str_of(input->ptr + 1, input->len - 1);
            TRY(head_byte(m, c, &complete, msg));
            if (complete) {
                m->state = PART_DATA;
                m->matched = 0;
                TRY(begin_part(m, events, ctx, msg));
            }
            break;
        case PART_EPILOGUE:
            *input = str_of(input->ptr + input->len, 0);
            break;
        }
    }
    return ERR_OK;
}

err multipart_finish(const struct multipart *m, struct errmsg *msg)
{
    return m->state == PART_EPILOGUE
               ? ERR_OK
               : errmsg_set(msg, ERR_INVALID, "the form ends before its closing boundary");
}
