/* SPDX-License-Identifier: MIT */
/* producer_bad.c - deliberately bad events, made out of good ones. What the buffer answers is
 * sticky; the caller looks at the end. */
#include "flow/producer_int.h"

enum { DEEP = 1100 }; /* more than any setting of nesting_max allows */

const char *producer_bad_name(enum producer_bad kind)
{
    static const char *const names[] = {"broken_json", "wrong_type", "not_an_object", "too_deep"};
    ASSERT(kind < PRODUCER_BAD_COUNT);
    return names[kind];
}

/* Any true beginning of an object is no JSON. */
static void break_json(struct dice *dice, size_t from, struct buf *out)
{
    size_t len = out->len - from;
    out->len = from + 1 + dice_below(dice, len - 1);
}

static void not_an_object(struct dice *dice, size_t from, struct buf *out)
{
    static const char *const values[] = {"42", "\"just text\"", "[1,2,3]", "null", "true"};
    out->len = from;
    (void)buf_puts(out, values[dice_below(dice, ARRAY_LEN(values))]);
}

static void too_deep(size_t from, struct buf *out)
{
    out->len = from;
    for (int i = 0; i < DEEP; i++) {
        (void)buf_add(out, "{\"d\":", 5);
    }
    (void)buf_add_byte(out, '1');
    for (int i = 0; i < DEEP; i++) {
        (void)buf_add_byte(out, '}');
    }
}

/* The `wanted`-th value of the object's own members, numbers only; counts them in *out_count. */
static bool find_number(struct str event, size_t wanted, size_t *out_at, size_t *out_len,
                        size_t *out_count)
{
    size_t depth = 0;
    *out_count = 0;
    for (size_t i = 0; i < event.len; i++) {
        char c = event.ptr[i];
        if (c == '"') {
            for (i++; i < event.len && event.ptr[i] != '"'; i++) {
                i += event.ptr[i] == '\\';
            }
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (depth == 1 && c == ':' && i + 1 < event.len &&
                   (event.ptr[i + 1] == '-' ||
                    (event.ptr[i + 1] >= '0' && event.ptr[i + 1] <= '9'))) {
            size_t end = i + 1;
            while (end < event.len && event.ptr[end] != ',' && event.ptr[end] != '}') {
                end++;
            }
            if ((*out_count)++ == wanted) {
                *out_at = i + 1;
                *out_len = end - i - 1;
                return true;
            }
        }
    }
    return false;
}

/* One of the event's numbers becomes text; where there is none, a field that says so is added. */
static void wrong_type(struct dice *dice, size_t from, struct buf *out)
{
    static const char text[] = "\"not a number\"";
    struct str event = str_of(out->data + from, out->len - from);
    size_t at = 0;
    size_t len = 0;
    size_t count = 0;
    (void)find_number(event, SIZE_MAX, &at, &len, &count); /* only counts */
    if (count == 0 || !find_number(event, dice_below(dice, count), &at, &len, &count)) {
        bool is_empty = event.len == 2;
        out->len--;
        (void)buf_puts(out, is_empty ? "\"wrong_type\":true}" : ",\"wrong_type\":true}");
        return;
    }
    char *tail = xstrndup(event.ptr + at + len, event.len - at - len);
    size_t tail_len = event.len - at - len;
    out->len = from + at;
    (void)buf_add(out, text, sizeof text - 1);
    (void)buf_add(out, tail, tail_len);
    free(tail);
}

void producer_spoil(enum producer_bad kind, struct dice *dice, size_t from, struct buf *out)
{
    ASSERT(out->len >= from + 2);
    switch (kind) {
    case PRODUCER_BROKEN_JSON:
        break_json(dice, from, out);
        break;
    case PRODUCER_NOT_AN_OBJECT:
        not_an_object(dice, from, out);
        break;
    case PRODUCER_TOO_DEEP:
        too_deep(from, out);
        break;
    case PRODUCER_WRONG_TYPE:
    case PRODUCER_BAD_COUNT:
        wrong_type(dice, from, out);
        break;
    }
}
