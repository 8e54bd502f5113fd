/* SPDX-License-Identifier: MIT */
/* weblog_access.c - access logs: common, combined, nginx.
 *
 *   host ident user [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 1234 "referrer" "agent"
 *
 * A user's name may hold spaces and brackets, so the time is looked for by its form. A request that
 * is not METHOD TARGET [PROTOCOL] (garbage sent to the port) leaves these null and is kept whole
 * as `request`. `ident` appears only where a server logs it. */
#include "flow/text_json.h"
#include "flow/weblog.h"

#include "base/timefmt.h"

enum { CLF_TIME_BYTES = 26, ACCESS_FIELDS_MAX = 16, ACCESS_NAME_BYTES = 200 };

struct access {
    struct str host;
    struct str ident;
    struct str user;
    struct str time;
    struct str request;
    struct str status;
    struct str bytes;
    struct str referrer;
    struct str agent;
    struct str more[2];
    size_t more_count;
};

struct cursor {
    const char *start;
    const char *p;
    const char *end;
    struct errmsg *msg;
};

static bool bad(const struct cursor *c, const char *what)
{
    (void)errmsg_set(c->msg, ERR_INVALID, "%s at byte %zu", what, (size_t)(c->p - c->start) + 1);
    return false;
}

static bool is_digits(const char *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((unsigned char)(p[i] - '0') > 9) {
            return false;
        }
    }
    return true;
}

static unsigned month_of(const char *p)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned i = 0; i < 12; i++) {
        if (memcmp(p, names + (size_t)i * 3, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

size_t weblog_clf_time(struct str text, char out[40])
{
    const char *p = text.ptr;
    if (text.len != CLF_TIME_BYTES || p[2] != '/' || p[6] != '/' || p[11] != ':' || p[14] != ':' ||
        p[17] != ':' || p[20] != ' ' || (p[21] != '+' && p[21] != '-') || !is_digits(p + 22, 4)) {
        return 0;
    }
    unsigned month = month_of(p + 3);
    char iso[25] = "yyyy-mm-ddThh:mm:ss+hh:mm";
    memcpy(iso, p + 7, 4);
    iso[5] = (char)('0' + month / 10);
    iso[6] = (char)('0' + month % 10);
    memcpy(iso + 8, p, 2);
    memcpy(iso + 11, p + 12, 8);
    memcpy(iso + 19, p + 21, 3);
    memcpy(iso + 23, p + 24, 2);
    int64_t us = 0;
    if (month == 0 || !time_parse_rfc3339(str_of(iso, sizeof iso), &us)) {
        return 0;
    }
    if (memcmp(p + 22, "0000", 4) == 0) {
        memcpy(out, iso, 19);
        out[19] = 'Z';
        return 20;
    }
    return time_format_rfc3339(us, out);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
        if (!plain) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 32;
}

bool weblog_request_split(struct str line, struct weblog_request *out)
{
    *out = (struct weblog_request){0};
    struct str protocol = {0};
    ptrdiff_t space = str_find(line, ' ');
    if (space <= 0 || !is_token(str_of(line.ptr, (size_t)space))) {
        return false;
    }
    struct str target = str_of(line.ptr + space + 1, line.len - (size_t)space - 1);
    const char *last = target.len == 0 ? NULL : memrchr(target.ptr, ' ', target.len);
    if (last != NULL) {
        protocol = str_of(last + 1, (size_t)(target.ptr + target.len - last) - 1);
        if (!str_starts(protocol, STR("HTTP/"))) {
            return false;
        }
        target.len = (size_t)(last - target.ptr);
    }
    if (target.len == 0) {
        return false; /* with nothing in *out: the caller writes the whole line instead */
    }
    out->method = str_of(line.ptr, (size_t)space);
    out->protocol = protocol;
    ptrdiff_t mark = str_find(target, '?');
    out->path = mark < 0 ? target : str_of(target.ptr, (size_t)mark);
    if (mark >= 0) {
        out->query = str_of(target.ptr + mark + 1, target.len - (size_t)mark - 1);
    }
    return true;
}

/* What precedes the next space. */
static bool take_word(struct cursor *c, const char *what, struct str *out)
{
    const char *space = memchr(c->p, ' ', (size_t)(c->end - c->p));
    const char *stop = space == NULL ? c->end : space;
    if (stop == c->p) {
        return bad(c, what);
    }
    *out = str_of(c->p, (size_t)(stop - c->p));
    c->p = space == NULL ? stop : stop + 1;
    return true;
}

/* The user's name and the time after it. */
static bool take_user_and_time(struct cursor *c, struct access *a)
{
    const char *at = c->p;
    for (;;) {
        size_t left = (size_t)(c->end - at);
        at = left == 0 ? NULL : memmem(at, left, " [", 2);
        if (at == NULL || c->end - at < 2 + CLF_TIME_BYTES + 1) {
            return bad(c, "no time [dd/Mon/yyyy:hh:mm:ss +zzzz] after the user");
        }
        if (at[2 + CLF_TIME_BYTES] == ']' && at[4] == '/' && at[8] == '/' && at[13] == ':') {
            break;
        }
        at++;
    }
    if (at == c->p) {
        return bad(c, "no user");
    }
    a->user = str_of(c->p, (size_t)(at - c->p));
    if (str_starts(a->user, STR("- "))) { /* the ident of a line that begins with the host asked */
        return bad(c, "one field too many before the time (is there a virtual host at the start?)");
    }
    a->time = str_of(at + 2, CLF_TIME_BYTES);
    c->p = at + 2 + CLF_TIME_BYTES + 1;
    return true;
}

static bool take_byte(struct cursor *c, char byte, const char *what)
{
    if (c->p == c->end || *c->p != byte) {
        return bad(c, what);
    }
    c->p++;
    return true;
}

/* A field in quotes, escapes left as they are. */
static bool take_quoted(struct cursor *c, const char *no_open, const char *no_close,
                        struct str *out)
{
    if (!take_byte(c, '"', no_open)) {
        return false;
    }
    const char *start = c->p;
    const char *from = start;
    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(c->end - from));
        if (quote == NULL) {
            return bad(c, no_close);
        }
        size_t slashes = 0;
        while (quote - slashes > start && quote[-1 - (ptrdiff_t)slashes] == '\\') {
            slashes++;
        }
        from = quote + 1;
        if (slashes % 2 == 0) {
            *out = str_of(start, (size_t)(quote - start));
            c->p = from;
            return true;
        }
    }
}

static bool is_count(struct str s, size_t digits_max)
{
    return (s.len == 1 && s.ptr[0] == '-') ||
           (s.len > 0 && s.len <= digits_max && is_digits(s.ptr, s.len));
}

static bool take_head(struct cursor *c, struct access *a)
{
    if (!take_word(c, "no client address", &a->host) || !take_word(c, "no ident", &a->ident) ||
        !take_user_and_time(c, a) || !take_byte(c, ' ', "no space after the time") ||
        !take_quoted(c, "no quote opens the request", "the quote of the request is not closed",
                     &a->request) ||
        !take_byte(c, ' ', "no space after the request")) {
        return false;
    }
    const char *at = c->p;
    if (!take_word(c, "no status", &a->status)) {
        return false;
    }
    if (!is_count(a->status, 3)) {
        c->p = at;
        return bad(c, "the status is not a number");
    }
    at = c->p;
    if (!take_word(c, "no size", &a->bytes)) {
        return false;
    }
    if (!is_count(a->bytes, 18)) {
        c->p = at;
        return bad(c, "the size is not a number");
    }
    return true;
}

/* Referrer and agent, and what nginx may have after them. */
static bool take_rest(struct cursor *c, enum text_format format, struct access *a)
{
    if (!take_quoted(c, "no quote opens the referrer", "the quote of the referrer is not closed",
                     &a->referrer) ||
        !take_byte(c, ' ', "no space after the referrer") ||
        !take_quoted(c, "no quote opens the agent", "the quote of the agent is not closed",
                     &a->agent)) {
        return false;
    }
    while (format == TEXT_NGINX && c->end - c->p > 2 && a->more_count < ARRAY_LEN(a->more)) {
        if (!take_byte(c, ' ', "no space after the agent") ||
            !take_quoted(c, "no quote opens the field after the agent",
                         "the quote of a field after the agent is not closed",
                         &a->more[a->more_count])) {
            return false;
        }
        a->more_count++;
    }
    return true;
}

static void put_count(struct text_json *j, struct str digits)
{
    uint64_t value = 0;
    if (str_to_u64(digits, &value)) {
        text_json_u64(j, value);
    } else {
        text_json_null(j);
    }
}

static void put_part(struct text_json *j, struct str part)
{
    if (part.ptr == NULL) {
        text_json_null(j);
    } else {
        text_json_log(j, part);
    }
}

/* Some servers write an empty name as "". */
static void put_user(struct text_json *j, struct str user)
{
    if (str_is(user, "\"\"")) {
        text_json_text(j, STR(""));
    } else {
        text_json_log_or_null(j, user);
    }
}

static bool is_ratio(struct str s)
{
    ptrdiff_t point = str_find(s, '.');
    return point > 0 && (size_t)point + 1 < s.len && s.len < 16 &&
           (point == 1 || s.ptr[0] != '0') && is_digits(s.ptr, (size_t)point) &&
           is_digits(s.ptr + point + 1, s.len - (size_t)point - 1);
}

static void put_more(struct text_json *j, const struct access *a)
{
    struct str ratio = {0};
    struct str forwarded = {0};
    for (size_t i = 0; i < a->more_count; i++) {
        if (is_ratio(a->more[i])) {
            ratio = a->more[i];
        } else if (!str_is(a->more[i], "-")) {
            forwarded = a->more[i];
        }
    }
    if (ratio.ptr != NULL) {
        text_json_name(j, STR("gzip_ratio"));
        text_json_raw(j, ratio);
    }
    text_json_name(j, STR("forwarded_for"));
    put_part(j, forwarded);
}

static void put_request(struct text_json *j, struct str line)
{
    struct weblog_request r;
    bool is_split = weblog_request_split(line, &r);
    text_json_name(j, STR("method"));
    put_part(j, r.method);
    text_json_name(j, STR("path"));
    put_part(j, r.path);
    text_json_name(j, STR("query"));
    put_part(j, r.query);
    text_json_name(j, STR("protocol"));
    put_part(j, r.protocol);
    if (!is_split && !str_is(line, "-")) {
        text_json_name(j, STR("request"));
        text_json_log(j, line);
    }
}

static void put_access(struct text_json *j, const struct access *a, struct str time)
{
    text_json_name(j, STR("timestamp"));
    text_json_text(j, time);
    text_json_name(j, STR("remote_addr"));
    text_json_log_or_null(j, a->host);
    if (!str_is(a->ident, "-")) {
        text_json_name(j, STR("ident"));
        text_json_log(j, a->ident);
    }
    text_json_name(j, STR("user"));
    put_user(j, a->user);
    put_request(j, a->request);
    text_json_name(j, STR("status"));
    put_count(j, a->status);
    text_json_name(j, STR("bytes"));
    put_count(j, a->bytes);
    if (a->referrer.ptr != NULL) {
        text_json_name(j, STR("referrer"));
        text_json_log_or_null(j, a->referrer);
        text_json_name(j, STR("agent"));
        text_json_log_or_null(j, a->agent);
    }
    if (a->more_count > 0) {
        put_more(j, a);
    }
}

bool weblog_access_parse(struct str line, enum text_format format, struct buf *out,
                         struct errmsg *msg)
{
    struct cursor c = {line.ptr, line.ptr, line.ptr + line.len, msg};
    struct access a = {0};
    if (!take_head(&c, &a) || (format != TEXT_COMMON && !take_rest(&c, format, &a))) {
        return false;
    }
    if (c.p != c.end) {
        return bad(&c, format == TEXT_COMMON ? "more text after the size (is this combined?)"
                                             : "more text after the last field");
    }
    char time[40];
    size_t time_len = weblog_clf_time(a.time, time);
    if (time_len == 0) {
        (void)errmsg_set(msg, ERR_INVALID, "no such time: %.*s", STR_ARGS(a.time));
        return false;
    }
    struct text_json j;
    /* Every part is written once; the room for two is what a mistake there would need. */
    if (!text_json_begin(&j, out, line.len * 2, ACCESS_NAME_BYTES, ACCESS_FIELDS_MAX)) {
        (void)errmsg_set(msg, ERR_NOMEM, "no memory for a line of %zu bytes", line.len);
        return false;
    }
    put_access(&j, &a, str_of(time, time_len));
    text_json_end(&j);
    return true;
}
