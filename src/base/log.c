/* SPDX-License-Identifier: MIT */
/* log.c - one line per event, written with a single write(2). Values with spaces are quoted by
 * the caller with "%s" inside quotes: key="...". In JSON mode the words become members. */
#include "base/log.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/timefmt.h"

enum { LOG_LINE_BYTES_MAX = 8192 };

static struct {
    enum log_level level;
    enum log_format format;
    const char *role;
    int64_t (*now_us)(void);
} settings = {.level = LOG_INFO, .role = "tarn"};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_init(enum log_level level, enum log_format format, const char *role)
{
    settings.level = level;
    settings.format = format;
    settings.role = role;
}

void log_set_clock(int64_t (*now_us)(void))
{
    settings.now_us = now_us;
}

bool log_enabled(enum log_level level)
{
    return level >= settings.level;
}

/* Takes one key=value word off `rest`; the value may be in double quotes. */
static bool next_field(struct str *rest, struct str *key, struct str *value)
{
    *rest = str_trim(*rest);
    ptrdiff_t equals = str_find(*rest, '=');
    if (equals <= 0) {
        return false;
    }
    *key = str_of(rest->ptr, (size_t)equals);
    struct str tail = str_of(rest->ptr + equals + 1, rest->len - (size_t)equals - 1);
    bool quoted = tail.len > 0 && tail.ptr[0] == '"';
    if (quoted) {
        tail = str_of(tail.ptr + 1, tail.len - 1);
        /* The value ends at a quote that is followed by a space or the end. */
        size_t end = 0;
        while (end < tail.len &&
               !(tail.ptr[end] == '"' && (end + 1 == tail.len || tail.ptr[end + 1] == ' '))) {
            end++;
        }
        *value = str_of(tail.ptr, end);
        size_t skip = MIN(end + 1, tail.len);
        *rest = str_of(tail.ptr + skip, tail.len - skip);
        return true;
    }
    ptrdiff_t space = str_find(tail, ' ');
    size_t end = space < 0 ? tail.len : (size_t)space;
    *value = str_of(tail.ptr, end);
    *rest = str_of(tail.ptr + end, tail.len - end);
    return true;
}

static void write_json(struct buf *line, enum log_level level, const char *time,
                       const char *message, struct str fields)
{
    buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"message\":", time,
               level_names[level], settings.role);
    buf_add_json_string(line, str_from(message));
    struct str key;
    struct str value;
    while (next_field(&fields, &key, &value)) {
        buf_add_byte(line, ',');
        buf_add_json_string(line, key);
        buf_add_byte(line, ':');
        buf_add_json_string(line, value);
    }
    buf_puts(line, "}\n");
}

static void write_text(struct buf *line, enum log_level level, const char *time,
                       const char *message, struct str fields)
{
    buf_printf(line, "%s %-5s %-6s %s", time, level_names[level], settings.role, message);
    if (fields.len > 0) {
        buf_add_byte(line, ' ');
        for (size_t i = 0; i < fields.len; i++) {
            /* A line is a line: control bytes from outside must not forge another. */
            buf_add_byte(line, (unsigned char)fields.ptr[i] < 0x20 ? ' ' : fields.ptr[i]);
        }
    }
    buf_add_byte(line, '\n');
}

void log_line(enum log_level level, const char *message, const char *fields_format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char fields[LOG_LINE_BYTES_MAX / 2];
    va_list args;
    va_start(args, fields_format);
    int len = vsnprintf(fields, sizeof fields, fields_format, args);
    va_end(args);
    char time[TIME_TEXT_BYTES] = "-";
    if (settings.now_us != NULL) {
        (void)time_format_rfc3339(settings.now_us(), time); /* the length is not needed */
    }
    size_t used = len < 0 ? 0 : MIN((size_t)len, sizeof fields - 1);
    AUTO_BUF line = buf_make(LOG_LINE_BYTES_MAX * 4);
    if (settings.format == LOG_JSON) {
        write_json(&line, level, time, message, str_of(fields, used));
    } else {
        write_text(&line, level, time, message, str_of(fields, used));
    }
    ssize_t written = write(STDERR_FILENO, line.data, line.len);
    (void)written; /* there is nowhere left to report to */
}
