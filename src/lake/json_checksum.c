/* SPDX-License-Identifier: MIT */
/* json_checksum.c - the checksum of `_last_checkpoint`: MD5 of a canonical form (delta.md section
 * 5). Every leaf is path=value; path segments are joined by `+`, object keys quoted, array
 * positions bare; pairs are sorted by the bytes of the path and joined by `,`; strings and keys are
 * quoted and percent-encoded; numbers stand as they were written. */
#include "lake/checkpoint.h"
#include "lake/md5.h"

enum { PAIRS_MAX = 100000, DEPTH_MAX = 64, TEXT_BYTES_MAX = 64 << 20 };

struct leaf {
    struct buf path;
    struct buf value;
};

struct leaves {
    struct leaf *items; /* owned */
    size_t count;
    size_t cap;
};

static void leaves_deinit(struct leaves *l)
{
    for (size_t i = 0; i < l->count; i++) {
        buf_deinit(&l->items[i].path);
        buf_deinit(&l->items[i].value);
    }
    free(l->items);
}

static void quote(struct buf *out, struct str text)
{
    static const char digits[] = "0123456789ABCDEF";
    (void)buf_add_byte(out, '"'); /* failures of buf are sticky */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            (void)buf_add_byte(out, (char)c);
        } else {
            (void)buf_add_byte(out, '%');
            (void)buf_add_byte(out, digits[c >> 4]);
            (void)buf_add_byte(out, digits[c & 15]);
        }
    }
    (void)buf_add_byte(out, '"');
}

static err add_leaf(struct leaves *l, const json_t *json, const struct buf *path)
{
    if (l->count == PAIRS_MAX) {
        return ERR_TOO_LARGE;
    }
    if (l->count == l->cap) {
        l->cap = MAX(l->cap * 2, (size_t)16);
        l->items = xrealloc(l->items, l->cap, sizeof *l->items);
    }
    struct leaf *leaf = &l->items[l->count++];
    *leaf = (struct leaf){.path = buf_make(TEXT_BYTES_MAX), .value = buf_make(TEXT_BYTES_MAX)};
    (void)buf_add_str(&leaf->path, buf_str(path)); /* checked below */
    if (json_is_string(json)) {
        quote(&leaf->value, str_of(json_string_value(json), json_string_length(json)));
    } else {
        TRY(json_write(json, &leaf->value));
    }
    TRY(buf_check(&leaf->path));
    return buf_check(&leaf->value);
}

static err walk(struct leaves *l, json_t *json, struct buf *path, int depth);

static err walk_members(struct leaves *l, json_t *json, struct buf *path, int depth)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json, key, value)
    {
        size_t length = path->len;
        if (depth == 0 && strcmp(key, "checksum") == 0) {
            continue;
        }
        (void)buf_puts(path, depth > 0 ? "+" : "");
        quote(path, str_from(key));
        TRY(walk(l, value, path, depth + 1));
        path->len = length;
    }
    return ERR_OK;
}

static err walk(struct leaves *l, json_t *json, struct buf *path, int depth)
{
    if (depth > DEPTH_MAX) {
        return ERR_TOO_LARGE;
    }
    if (json_is_object(json)) {
        return walk_members(l, json, path, depth);
    }
    if (!json_is_array(json)) {
        return add_leaf(l, json, path);
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        size_t length = path->len;
        (void)buf_printf(path, depth > 0 ? "+%zu" : "%zu", i);
        TRY(walk(l, json_array_get(json, i), path, depth + 1));
        path->len = length;
    }
    return ERR_OK;
}

static int by_path(const void *a, const void *b)
{
    const struct leaf *x = a;
    const struct leaf *y = b;
    return str_cmp(buf_str(&x->path), buf_str(&y->path));
}

err lake_json_checksum(struct str json_text, char out_hex[33], struct errmsg *msg)
{
    json_error_t detail;
    AUTO_JSON json = json_loadb(json_text.ptr, json_text.len, JSON_REJECT_DUPLICATES, &detail);
    if (!json_is_object(json)) {
        return errmsg_set(msg, ERR_INVALID, "bad checkpoint hint: %s",
                          json == NULL ? detail.text : "not an object");
    }
    __attribute__((cleanup(leaves_deinit))) struct leaves leaves = {0};
    AUTO_BUF path = buf_make(TEXT_BYTES_MAX);
    if (walk(&leaves, json, &path, 0) != ERR_OK) {
        return errmsg_set(msg, ERR_INVALID, "the checkpoint hint is too large");
    }
    if (leaves.count > 1) {
        qsort(leaves.items, leaves.count, sizeof *leaves.items, by_path);
    }
    AUTO_BUF canonical = buf_make(TEXT_BYTES_MAX);
    for (size_t i = 0; i < leaves.count; i++) {
        (void)buf_puts(&canonical, i > 0 ? "," : "");
        (void)buf_add_str(&canonical, buf_str(&leaves.items[i].path));
        (void)buf_add_byte(&canonical, '=');
        (void)buf_add_str(&canonical, buf_str(&leaves.items[i].value));
    }
    if (buf_check(&canonical) != ERR_OK) {
        return errmsg_set(msg, ERR_INVALID, "the checkpoint hint is too large");
    }
    lake_md5_hex(buf_str(&canonical), out_hex);
    return ERR_OK;
}
