/* SPDX-License-Identifier: MIT */
/* redrive_where.c - what a re-drive's condition may look like, see redrive.h. The statement it
 * becomes a part of is judged by the query process like every other; this only keeps the condition
 * inside its parentheses, so that the rows are dead letters of the topic and nothing else. */
#include "flow/redrive.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The place after a quoted text that begins at `i`, or 0 when it does not end. Doubled quotes are
 * content. */
static size_t skip_quoted(struct str where, size_t i)
{
    char quote = where.ptr[i];
    for (i++; i < where.len; i++) {
        if (where.ptr[i] != quote) {
            continue;
        }
        if (i + 1 == where.len || where.ptr[i + 1] != quote) {
            return i + 1;
        }
        i++;
    }
    return 0;
}

/* E'...' has escapes of its own, and is not needed. */
static bool is_escape_text(struct str where, size_t i)
{
    return where.ptr[i] == '\'' && i > 0 && (where.ptr[i - 1] == 'e' || where.ptr[i - 1] == 'E') &&
           (i == 1 || !is_word(where.ptr[i - 2]));
}

static const char *refusal(struct str where, size_t i)
{
    char c = where.ptr[i];
    char next = i + 1 < where.len ? where.ptr[i + 1] : '\0';
    if (c == ';') {
        return "a \";\" ends a statement";
    }
    if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
        return "comments are not taken";
    }
    if (c == '$' || c == '?') {
        return "parameters are not taken";
    }
    if (c == '\0') {
        return "there is a NUL in it";
    }
    return is_escape_text(where, i) ? "texts with E'...' escapes are not taken" : NULL;
}

err redrive_where_check(struct str where, struct errmsg *msg)
{
    char open[64];
    size_t depth = 0;
    const char *why = where.len > REDRIVE_WHERE_BYTES_MAX ? "it is too long"
                      : !str_is_utf8(where)               ? "it is not UTF-8"
                                                          : NULL;
    size_t i = 0;
    while (i < where.len && why == NULL) {
        char c = where.ptr[i];
        why = refusal(where, i);
        if (why != NULL) {
            break;
        }
        if (c == '\'' || c == '"') {
            i = skip_quoted(where, i);
            why = i == 0 ? "a quote is not closed" : NULL;
            continue;
        }
        if (c == '(' || c == '[' || c == '{') {
            if (depth == sizeof open) {
                why = "brackets are nested too deeply";
                break;
            }
            open[depth++] = c == '(' ? ')' : c == '[' ? ']' : '}';
        } else if (c == ')' || c == ']' || c == '}') {
            if (depth == 0 || open[--depth] != c) {
                why = "a bracket is closed that was not opened";
                break;
            }
        }
        i++;
    }
    if (why == NULL && depth > 0) {
        why = "a bracket is not closed";
    }
    return why == NULL ? ERR_OK
                       : errmsg_set(msg, ERR_INVALID, "\"where\" is no condition: %s", why);
}
