/* SPDX-License-Identifier: MIT */
/* path.c - see path.h. delta.md section 10: decode exactly once, a plus is a plus. */
#include "lake/path.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length of `scheme:` at the start, without the colon; 0 when there is none. */
static size_t scheme_length(struct str uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        char c = uri.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
        if (c == ':') {
            return i;
        }
        if (!letter && !(other && i > 0)) {
            return 0;
        }
    }
    return 0;
}

/* Folds the three spellings of a local absolute path into one. */
static struct str fold_file_scheme(struct str uri)
{
    static const char prefix[] = "file:/";
    if (!str_starts(uri, STR("file:/"))) {
        return uri;
    }
    struct str rest = str_of(uri.ptr + sizeof prefix - 2, uri.len - (sizeof prefix - 2));
    if (str_starts(rest, STR("///"))) {
        return str_of(rest.ptr + 2, rest.len - 2);
    }
    return rest;
}

err lake_path_decode(struct str uri, struct buf *out, bool *out_is_absolute, struct errmsg *msg)
{
    if (uri.len == 0) {
        return errmsg_set(msg, ERR_CORRUPT, "a file has an empty path");
    }
    uri = fold_file_scheme(uri);
    for (size_t i = 0; i < uri.len; i++) {
        char c = uri.ptr[i];
        if (c == '%') {
            int high = i + 2 < uri.len ? hex_value(uri.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_value(uri.ptr[i + 2]) : -1;
            if (low < 0) {
                return errmsg_set(msg, ERR_CORRUPT, "path \"%.*s\" has a bad escape",
                                  (int)MIN(uri.len, (size_t)200), uri.ptr);
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            return errmsg_set(msg, ERR_CORRUPT, "a path has a NUL byte");
        }
        (void)buf_add_byte(out, c); /* checked below */
    }
    *out_is_absolute = uri.ptr[0] == '/' || scheme_length(uri) > 0;
    return buf_check(out);
}

void lake_path_encode(struct str path, bool is_absolute, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    bool first_segment = !is_absolute;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        first_segment = first_segment && c != '/';
        bool escape = c <= 0x20 || c == 0x7f || (c == ':' && first_segment) ||
                      strchr("\"#%<>?[\\]^`{|}", c) != NULL;
        if (escape) {
            (void)buf_add_byte(out, '%'); /* buf failures are sticky; the caller checks */
            (void)buf_add_byte(out, digits[c >> 4]);
            (void)buf_add_byte(out, digits[c & 15]);
        } else {
            (void)buf_add_byte(out, (char)c);
        }
    }
}

bool lake_path_is_inside(struct str path)
{
    if (path.len == 0 || path.ptr[0] == '/' || str_find(path, '\0') >= 0) {
        return false;
    }
    struct str rest = path;
    struct str part;
    bool is_first = true;
    while (str_split(&rest, '/', &part)) {
        if (str_is(part, "..") || (is_first && str_is(part, "_delta_log"))) {
            return false;
        }
        is_first = false;
    }
    return path.ptr[path.len - 1] != '/';
}
