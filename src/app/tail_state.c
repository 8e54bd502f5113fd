/* SPDX-License-Identifier: MIT */
/* tail_state.c - see tail_state.h. Numbers that need all 64 bits are hexadecimal text. */
#include "app/tail_state.h"

#include "os/file.h"

enum { TAIL_STATE_VERSION = 1 };

void tail_file_deinit(struct tail_file *f)
{
    os_close(f->fd);
    free(f->path);
    free(f->columns);
    *f = (struct tail_file){.fd = -1};
}

void tail_state_deinit(struct tail_state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        tail_file_deinit(&s->files[i]);
    }
    free(s->files);
    free(s->topic);
    *s = (struct tail_state){0};
}

struct tail_file *tail_state_add(struct tail_state *s)
{
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 8 : s->cap * 2;
        s->files = xrealloc(s->files, s->cap, sizeof *s->files);
    }
    struct tail_file *f = &s->files[s->count++];
    *f = (struct tail_file){.fd = -1};
    return f;
}

void tail_state_remove(struct tail_state *s, size_t index)
{
    ASSERT(index < s->count);
    tail_file_deinit(&s->files[index]);
    s->count--;
    memmove(&s->files[index], &s->files[index + 1], (s->count - index) * sizeof *s->files);
}

static json_t *hex(uint64_t value)
{
    return json_sprintf("%016llx", (unsigned long long)value);
}

static json_t *encode_file(const struct tail_file *f)
{
    json_t *j = json_object();
    struct str path = str_from(f->path);
    /* Setting a member fails only without memory: json_write() then finds it missing. */
    (void)json_object_set_new(j, "path", json_from_str(path));
    (void)json_object_set_new(j, "id", json_string(f->id));
    (void)json_object_set_new(j, "device", hex(f->device));
    (void)json_object_set_new(j, "inode", hex(f->inode));
    (void)json_object_set_new(j, "head_bytes", json_integer((json_int_t)f->head_bytes));
    (void)json_object_set_new(j, "head", hex(f->head_hash));
    (void)json_object_set_new(j, "anchor_bytes", json_integer((json_int_t)f->anchor_bytes));
    (void)json_object_set_new(j, "anchor", hex(f->anchor_hash));
    (void)json_object_set_new(j, "offset", json_integer((json_int_t)f->offset));
    (void)json_object_set_new(j, "pending_end", json_integer((json_int_t)f->pending_end));
    (void)json_object_set_new(j, "rotated", json_boolean(f->is_rotated));
    if (f->columns != NULL) {
        (void)json_object_set_new(j, "columns", json_string(f->columns));
    }
    (void)json_object_set_new(j, "delimiter", json_integer(f->dialect.delimiter));
    (void)json_object_set_new(j, "quote", json_integer(f->dialect.quote));
    return j;
}

err tail_state_encode(const struct tail_state *s, struct buf *out)
{
    AUTO_JSON j = json_object();
    json_t *files = json_array();
    (void)json_object_set_new(j, "version", json_integer(TAIL_STATE_VERSION));
    (void)json_object_set_new(j, "topic", json_string(s->topic));
    for (size_t i = 0; i < s->count; i++) {
        (void)json_array_append_new(files, encode_file(&s->files[i]));
    }
    (void)json_object_set_new(j, "files", files);
    TRY(json_write(j, out));
    return buf_add_byte(out, '\n') ? ERR_OK : ERR_TOO_LARGE;
}

static err get_hex(const json_t *j, const char *name, uint64_t *out, struct errmsg *msg)
{
    struct str text;
    TRY(json_get_str(j, name, &text, msg));
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15 || i > 15) {
            return errmsg_set(msg, ERR_CORRUPT, "%s is not a number", name);
        }
        value = value * 16 + digit;
    }
    *out = value;
    return ERR_OK;
}

static err get_size(const json_t *j, const char *name, uint64_t *out, struct errmsg *msg)
{
    int64_t value = 0;
    TRY(json_get_i64(j, name, &value, msg));
    if (value < 0) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is negative", name);
    }
    *out = (uint64_t)value;
    return ERR_OK;
}

static err get_char(const json_t *j, const char *name, char *out, struct errmsg *msg)
{
    uint64_t value = 0;
    TRY(get_size(j, name, &value, msg));
    if (value > 127) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is no character", name);
    }
    *out = (char)value;
    return ERR_OK;
}

static err decode_file(const json_t *j, struct tail_file *f, struct errmsg *msg)
{
    struct str text = {0};
    TRY(json_get_str(j, "path", &text, msg));
    f->path = xstrndup(text.ptr, text.len);
    TRY(json_get_str(j, "id", &text, msg));
    if (text.len == 0 || text.len >= sizeof f->id) {
        return errmsg_set(msg, ERR_CORRUPT, "a file's id is not one");
    }
    memcpy(f->id, text.ptr, text.len);
    TRY(get_hex(j, "device", &f->device, msg));
    TRY(get_hex(j, "inode", &f->inode, msg));
    TRY(get_size(j, "head_bytes", &f->head_bytes, msg));
    TRY(get_hex(j, "head", &f->head_hash, msg));
    TRY(get_size(j, "anchor_bytes", &f->anchor_bytes, msg));
    TRY(get_hex(j, "anchor", &f->anchor_hash, msg));
    TRY(get_size(j, "offset", &f->offset, msg));
    TRY(get_size(j, "pending_end", &f->pending_end, msg));
    TRY(json_get_bool(j, "rotated", &f->is_rotated, msg));
    TRY(get_char(j, "delimiter", &f->dialect.delimiter, msg));
    TRY(get_char(j, "quote", &f->dialect.quote, msg));
    struct str columns = {0};
    TRY(json_opt_str(j, "columns", &columns, msg));
    if (columns.ptr != NULL) {
        f->columns = xstrndup(columns.ptr, columns.len);
    }
    if (f->head_bytes > TAIL_HEAD_BYTES || f->anchor_bytes > TAIL_HEAD_BYTES ||
        f->anchor_bytes > f->offset || f->pending_end < f->offset ||
        f->pending_end - f->offset > TAIL_LINE_BYTES_MAX) {
        return errmsg_set(msg, ERR_CORRUPT, "the numbers of %s contradict each other", f->path);
    }
    return ERR_OK;
}

err tail_state_decode(struct str json, struct tail_state *out, struct errmsg *msg)
{
    AUTO_JSON j = NULL;
    int64_t version = 0;
    struct str topic = {0};
    *out = (struct tail_state){0};
    if (json_parse(json, &j, msg) != ERR_OK ||
        json_get_i64(j, "version", &version, msg) != ERR_OK ||
        json_get_str(j, "topic", &topic, msg) != ERR_OK) {
        return ERR_CORRUPT;
    }
    if (version != TAIL_STATE_VERSION) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "version %lld is from another tarn",
                          (long long)version);
    }
    out->topic = xstrndup(topic.ptr, topic.len);
    const json_t *files = json_object_get(j, "files");
    if (!json_is_array(files) || json_array_size(files) > TAIL_FILES_MAX) {
        return errmsg_set(msg, ERR_CORRUPT, "files is not a list of at most %d", TAIL_FILES_MAX);
    }
    for (size_t i = 0; i < json_array_size(files); i++) {
        if (decode_file(json_array_get(files, i), tail_state_add(out), msg) != ERR_OK) {
            return errmsg_wrap(msg, ERR_CORRUPT, "file %zu", i);
        }
    }
    return ERR_OK;
}

err tail_state_load(const char *path, struct tail_state *out, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(TAIL_STATE_BYTES_MAX);
    *out = (struct tail_state){0};
    err e = os_read_file(path, &text, msg);
    if (e == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    TRY(e);
    e = tail_state_decode(buf_str(&text), out, msg);
    return e == ERR_OK ? ERR_OK : errmsg_wrap(msg, e, "%s", path);
}

err tail_state_save(const char *path, const struct tail_state *s, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(TAIL_STATE_BYTES_MAX);
    TRY(tail_state_encode(s, &text));
    return os_replace_file(path, buf_str(&text), msg);
}
