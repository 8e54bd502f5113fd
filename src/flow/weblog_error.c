/* SPDX-License-Identifier: MIT */
/* weblog_error.c - Apache's error log, 2.4 and 2.2:
 *
 *   [Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] (2)No such file ...:
 *       mod_x.c(123): [client 72.15.99.187:52746] AH00128: File does not exist: /x, referer: R
 *   [Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied by server configuration: /x
 *
 * (one line each). The log names no zone: the caller says which, UTC unless told otherwise. What is
 * not there is null. `endpoint` is the path that a message ends with. */
#include "flow/text_json.h"
#include "flow/weblog.h"

#include "base/timefmt.h"

enum { ERROR_FIELDS_MAX = 20, ERROR_NAME_BYTES = 200, PARTS_MAX = 8 };

struct failure {
    struct str time; /* without brackets */
    struct str module;
    struct str level;
    struct str pid;
    struct str tid;
    struct str address;
    struct str port;
    struct str error; /* "(13)Permission denied" */
    struct str file;  /* "ssl_engine_kernel.c(415)" */
    struct str code;
    struct str message;
    struct str referrer;
    struct str endpoint;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool are_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static struct str skip(struct str s, size_t count)
{
    return str_of(s.ptr + count, s.len - count);
}

/* "[...] " at the start of *rest. */
static bool take_bracket(struct str *rest, struct str *out)
{
    if (rest->len < 2 || rest->ptr[0] != '[') {
        return false;
    }
    size_t depth = 0; /* [client [::1]:80] */
    for (size_t i = 0; i < rest->len; i++) {
        depth += rest->ptr[i] == '[';
        depth -= rest->ptr[i] == ']';
        if (depth == 0) {
            *out = str_of(rest->ptr + 1, i - 1);
            *rest = skip(*rest, i + 1);
            if (rest->len > 0 && rest->ptr[0] == ' ') {
                *rest = skip(*rest, 1);
            }
            return true;
        }
    }
    return false;
}

/* Splits at spaces, several are one. */
static size_t split_words(struct str text, struct str *words, size_t max)
{
    size_t count = 0;
    size_t at = 0;
    while (at < text.len && count <= max) {
        while (at < text.len && text.ptr[at] == ' ') {
            at++;
        }
        size_t start = at;
        while (at < text.len && text.ptr[at] != ' ') {
            at++;
        }
        if (at > start && count++ < max) {
            words[count - 1] = str_of(text.ptr + start, at - start);
        }
    }
    return count;
}

static unsigned month_of(struct str name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned i = 0; i < 12; i++) {
        if (str_eq(name, str_of(names + (size_t)i * 3, 3))) {
            return i + 1;
        }
    }
    return 0;
}

/* "Fri Sep 09 10:42:29.902022 2011" as RFC 3339 in UTC; 0 when it is no such time. */
static size_t error_time(struct str text, int32_t zone_seconds, char out[TIME_TEXT_BYTES])
{
    struct str w[5];
    if (split_words(text, w, 5) != 5 || w[0].len != 3 || w[2].len > 2 || !are_digits(w[2]) ||
        w[3].len < 8 || w[3].len > 20 || w[4].len != 4 || month_of(w[1]) == 0) {
        return 0;
    }
    char iso[64];
    int len = snprintf(iso, sizeof iso, "%.*s-%02u-%s%.*sT%.*s", STR_ARGS(w[4]), month_of(w[1]),
                       w[2].len == 1 ? "0" : "", STR_ARGS(w[2]), STR_ARGS(w[3]));
    int64_t us = 0;
    if (len <= 0 || (size_t)len >= sizeof iso ||
        !time_parse_rfc3339(str_of(iso, (size_t)len), &us)) {
        return 0;
    }
    us -= (int64_t)zone_seconds * 1000000;
    return time_format_rfc3339(us, out);
}

/* "core:error", "error", "ssl:trace1", and ":error" of modules that do not say who they are. */
static void take_level(struct str text, struct failure *f)
{
    ptrdiff_t colon = str_find(text, ':');
    if (colon > 0) {
        f->module = str_of(text.ptr, (size_t)colon);
    }
    f->level = colon < 0 ? text : skip(text, (size_t)colon + 1);
}

static bool is_level(struct str text)
{
    static const char *const levels[] = {"emerg",  "alert", "crit",  "error", "warn",
                                         "notice", "info",  "debug", "trace"};
    struct failure f = {0};
    take_level(text, &f);
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct str level = str_from(levels[i]);
        bool is_trace = i + 1 == ARRAY_LEN(levels);
        if (str_eq(f.level, level) ||
            (is_trace && f.level.len == level.len + 1 && str_starts(f.level, level))) {
            return true;
        }
    }
    return false;
}

/* "pid 35708:tid 4328636416". */
static void take_process(struct str text, struct failure *f)
{
    struct str pid = skip(text, 4);
    ptrdiff_t colon = str_find(pid, ':');
    if (colon >= 0) {
        struct str tid = skip(pid, (size_t)colon + 1);
        pid.len = (size_t)colon;
        if (str_starts(tid, STR("tid "))) {
            f->tid = skip(tid, 4);
        }
    }
    f->pid = pid;
}

/* Address and port. 2.4 (which has told its pid) always writes a port, 2.2 never. */
static void take_client(struct str text, struct failure *f)
{
    const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    size_t before = colon == NULL ? 0 : (size_t)(colon - text.ptr);
    struct str port = colon == NULL ? (struct str){0} : skip(text, before + 1);
    bool only = colon != NULL && memchr(text.ptr, ':', before) == NULL;
    bool closes = before > 0 && text.ptr[before - 1] == ']';
    f->address = text;
    if (are_digits(port) && port.len <= 5 && (only || closes || f->pid.ptr != NULL)) {
        f->address.len = before;
        f->port = port;
    }
    if (f->address.len > 2 && f->address.ptr[0] == '[' &&
        f->address.ptr[f->address.len - 1] == ']') {
        f->address = str_of(f->address.ptr + 1, f->address.len - 2);
    }
}

/* "AH00128: " */
static bool is_code(struct str s)
{
    if (s.len < 8 || s.ptr[0] != 'A' || s.ptr[1] != 'H') {
        return false;
    }
    size_t i = 2;
    while (i < s.len && is_digit(s.ptr[i])) {
        i++;
    }
    return i >= 7 && i < s.len && s.ptr[i] == ':';
}

/* Takes "WHAT: " off the text and returns WHAT. */
static struct str take_to_colon(struct str *rest, size_t len)
{
    struct str what = str_of(rest->ptr, len);
    *rest = skip(*rest, len + 1);
    if (rest->len > 0 && rest->ptr[0] == ' ') {
        *rest = skip(*rest, 1);
    }
    return what;
}

/* Length of "(13)Permission denied" or "util.c(123)" before ": "; 0 when the text has none. */
static size_t error_len(struct str s)
{
    size_t i = 1;
    if (s.len < 4 || s.ptr[0] != '(') {
        return 0;
    }
    i += s.ptr[i] == '-';
    size_t first = i;
    while (i < s.len && is_digit(s.ptr[i])) {
        i++;
    }
    if (i == first || i >= s.len || s.ptr[i] != ')') {
        return 0;
    }
    const char *end = memmem(s.ptr, s.len, ": ", 2);
    return end == NULL ? 0 : (size_t)(end - s.ptr);
}

static size_t file_len(struct str s)
{
    const char *end = s.len == 0 ? NULL : memmem(s.ptr, MIN(s.len, (size_t)128), "): ", 3);
    if (end == NULL) {
        return 0;
    }
    struct str name = str_of(s.ptr, (size_t)(end - s.ptr));
    const char *open = name.len == 0 ? NULL : memchr(name.ptr, '(', name.len);
    if (open == NULL || open - name.ptr < 3 || memchr(name.ptr, ' ', name.len) != NULL ||
        !are_digits(str_of(open + 1, (size_t)(end - open) - 1))) {
        return 0;
    }
    return name.len + 1;
}

/* Brackets, file, error and code come in an order that changed between versions. */
static void take_prefixes(struct str *rest, struct failure *f)
{
    for (unsigned i = 0; i < PARTS_MAX; i++) {
        struct str before = *rest;
        struct str inside;
        size_t len = 0;
        if (rest->len > 0 && rest->ptr[0] == '[' && take_bracket(rest, &inside)) {
            if (str_starts(inside, STR("pid ")) && f->pid.ptr == NULL) {
                take_process(inside, f);
            } else if (f->address.ptr == NULL &&
                       (str_starts(inside, STR("client ")) || str_starts(inside, STR("remote ")))) {
                take_client(skip(inside, 7), f);
            } else {
                *rest = before; /* the message begins with it */
                return;
            }
        } else if (f->error.ptr == NULL && (len = error_len(*rest)) > 0) {
            f->error = take_to_colon(rest, len);
        } else if (f->file.ptr == NULL && (len = file_len(*rest)) > 0) {
            f->file = take_to_colon(rest, len);
        } else {
            break;
        }
    }
    if (is_code(*rest)) {
        f->code = take_to_colon(rest, (size_t)str_find(*rest, ':'));
    }
}

static void take_suffixes(struct failure *f)
{
    static const char mark[] = ", referer: ";
    size_t mark_len = sizeof mark - 1;
    const char *at = f->message.len == 0 ? NULL : f->message.ptr;
    const char *last = NULL;
    const char *end = at == NULL ? NULL : at + f->message.len;
    while (at != NULL && (at = memmem(at, (size_t)(end - at), mark, mark_len)) != NULL) {
        last = at;
        at += mark_len;
    }
    if (last != NULL) {
        f->referrer = str_of(last + mark_len, (size_t)(end - last) - mark_len);
        f->message.len = (size_t)(last - f->message.ptr);
    }
    for (size_t i = f->message.len; i > 2; i--) {
        if (f->message.ptr[i - 3] == ':' && f->message.ptr[i - 2] == ' ') {
            struct str path = skip(f->message, i - 1);
            if (path.ptr[0] == '/') {
                f->endpoint = path;
            }
            return;
        }
    }
}

static void put(struct text_json *j, const char *name, struct str text)
{
    text_json_name(j, str_from(name));
    if (text.ptr == NULL) {
        text_json_null(j);
    } else {
        text_json_log(j, text);
    }
}

static void put_number(struct text_json *j, const char *name, struct str digits)
{
    uint64_t value = 0;
    text_json_name(j, str_from(name));
    if (digits.len <= 18 && str_to_u64(digits, &value)) {
        text_json_u64(j, value);
    } else if (digits.ptr != NULL) {
        text_json_log(j, digits);
    } else {
        text_json_null(j);
    }
}

static bool write_failure(const struct failure *f, struct str line, struct str time,
                          struct buf *out)
{
    struct text_json j;
    /* The message's end may be written a second time, as the endpoint. */
    if (!text_json_begin(&j, out, line.len * 2, ERROR_NAME_BYTES, ERROR_FIELDS_MAX)) {
        return false;
    }
    text_json_name(&j, STR("timestamp"));
    text_json_text(&j, time);
    put(&j, "level", f->level);
    put(&j, "source", f->module);
    put_number(&j, "pid", f->pid);
    put_number(&j, "tid", f->tid);
    put(&j, "remote_addr", f->address);
    put_number(&j, "remote_port", f->port);
    put(&j, "code", f->code);
    put(&j, "error", f->error);
    put(&j, "file", f->file);
    put(&j, "message", f->message);
    put(&j, "endpoint", f->endpoint);
    put(&j, "referrer", f->referrer);
    text_json_end(&j);
    return true;
}

bool weblog_error_parse(struct str line, int32_t zone_seconds, struct buf *out, struct errmsg *msg)
{
    struct failure f = {0};
    struct str rest = line;
    struct str level = {0};
    char time[TIME_TEXT_BYTES];
    size_t time_len = 0;
    if (!take_bracket(&rest, &f.time) || (time_len = error_time(f.time, zone_seconds, time)) == 0) {
        (void)errmsg_set(msg, ERR_INVALID,
                         "the line does not begin with a time like [Fri Sep 09 10:42:29 2011]");
        return false;
    }
    if (!take_bracket(&rest, &level) || !is_level(level)) {
        (void)errmsg_set(msg, ERR_INVALID, "no [level] or [module:level] after the time");
        return false;
    }
    take_level(level, &f);
    take_prefixes(&rest, &f);
    f.message = rest;
    if (f.message.len == 0 && f.error.len == 0 && f.code.len == 0) {
        (void)errmsg_set(msg, ERR_INVALID, "the line has no message");
        return false;
    }
    take_suffixes(&f);
    if (f.pid.ptr != NULL && !are_digits(f.pid)) {
        (void)errmsg_set(msg, ERR_INVALID, "the pid is not a number: %.*s", STR_ARGS(f.pid));
        return false;
    }
    if (!write_failure(&f, line, str_of(time, time_len), out)) {
        (void)errmsg_set(msg, ERR_NOMEM, "no memory for a line of %zu bytes", line.len);
        return false;
    }
    return true;
}
