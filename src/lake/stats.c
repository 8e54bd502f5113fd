/* SPDX-License-Identifier: MIT */
/* stats.c - finds numRecords in a statistics text without building a document: it is asked for
 * every file of a table. Bad JSON gives -1, as if there were none. */
#include "lake/action.h"

struct scan {
    const char *at;
    const char *end;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || (*s->at >= '\t' && *s->at <= '\r'))) {
        s->at++;
    }
}

/* The text between the quotes, escapes as they are. */
static bool scan_string(struct scan *s, struct str *out_text)
{
    if (s->at >= s->end || *s->at != '"') {
        return false;
    }
    const char *start = ++s->at;
    while (s->at < s->end && *s->at != '"') {
        s->at += *s->at == '\\' ? 2 : 1;
    }
    if (s->at >= s->end) {
        return false;
    }
    *out_text = str_of(start, (size_t)(s->at - start));
    s->at++;
    return true;
}

/* Moves past one value, to the comma or bracket that follows it. */
static bool skip_value(struct scan *s)
{
    int depth = 0;
    while (s->at < s->end) {
        struct str unused;
        switch (*s->at) {
        case '"':
            if (!scan_string(s, &unused)) {
                return false;
            }
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (depth == 0) {
                return true;
            }
            depth--;
            break;
        case ',':
            if (depth == 0) {
                return true;
            }
            break;
        default:
            break;
        }
        s->at++;
    }
    return false;
}

static int64_t scan_integer(struct scan *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        s->at++;
    }
    int64_t value = -1;
    bool ends = s->at < s->end && strchr(",} \t\r\n", *s->at) != NULL;
    return ends && str_to_i64(str_of(start, (size_t)(s->at - start)), &value) ? value : -1;
}

int64_t lake_stats_num_records(struct str stats)
{
    if (stats.len < 2) {
        return -1;
    }
    struct scan s = {stats.ptr, stats.ptr + stats.len};
    skip_space(&s);
    if (s.at >= s.end || *s.at != '{') {
        return -1;
    }
    do {
        struct str name;
        s.at++;
        skip_space(&s);
        if (!scan_string(&s, &name)) {
            return -1;
        }
        skip_space(&s);
        if (s.at >= s.end || *s.at != ':') {
            return -1;
        }
        s.at++;
        skip_space(&s);
        if (str_is(name, "numRecords")) {
            return scan_integer(&s);
        }
    } while (skip_value(&s) && *s.at == ',');
    return -1;
}
