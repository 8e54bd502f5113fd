/* SPDX-License-Identifier: MIT */
/* store_journal.c - see journal.h. */
#include "topic/journal.h"

#include "base/hash.h"
#include "os/file.h"
#include "topic/store_int.h"

enum { ENTRY_HEAD_BYTES = 12 };
static const char magic[4] = {'t', 'r', 'j', 'n'};

struct topic_journal {
    struct topic_store *store; /* borrowed */
    char *dir;                 /* owned */
    char *path;                /* owned */
    struct log_file *file;     /* owned reference; NULL until the first append */
    uint64_t bytes;
    uint64_t reserved;
};

static bool entry_at(struct str file, size_t at, struct str *out_payload)
{
    uint32_t len;
    uint32_t crc;
    if (file.len - at < ENTRY_HEAD_BYTES || memcmp(file.ptr + at, magic, sizeof magic) != 0) {
        return false;
    }
    memcpy(&len, file.ptr + at + 4, sizeof len);
    memcpy(&crc, file.ptr + at + 8, sizeof crc);
    if (len > JOURNAL_ENTRY_BYTES_MAX || len > file.len - at - ENTRY_HEAD_BYTES) {
        return false;
    }
    *out_payload = str_of(file.ptr + at + ENTRY_HEAD_BYTES, len);
    return crc32c(0, out_payload->ptr, len) == crc;
}

err topic_journal_walk(struct str file, topic_journal_fn each, void *ctx, size_t *out_good,
                       struct errmsg *msg)
{
    size_t at = 0;
    struct str payload;
    while (at < file.len && entry_at(file, at, &payload)) {
        TRY(each(ctx, payload, msg));
        at += ENTRY_HEAD_BYTES + payload.len;
    }
    *out_good = at;
    for (size_t i = at; i + ENTRY_HEAD_BYTES <= file.len; i++) {
        const char *next = memchr(file.ptr + i, magic[0], file.len - i);
        if (next == NULL) {
            break;
        }
        i = (size_t)(next - file.ptr);
        if (entry_at(file, i, &payload)) {
            return errmsg_set(msg, ERR_CORRUPT, "entry at byte %zu is damaged, a good one follows",
                              at);
        }
    }
    return ERR_OK;
}

static err load(struct topic_journal *j, topic_journal_fn each, void *ctx, struct errmsg *msg)
{
    AUTO_BUF file = buf_make(JOURNAL_FILE_BYTES_MAX);
    size_t good = 0;
    TRY(os_read_file(j->path, &file, msg));
    TRY(topic_journal_walk(buf_str(&file), each, ctx, &good, msg));
    AUTO_FD fd = -1;
    TRY(os_open(j->path, O_RDWR, &fd, msg));
    if (good < file.len) {
        TRY(os_truncate(fd, good, msg));
    }
    /* What was read may be in the page cache alone: the server before this one was killed. */
    TRY(os_fdatasync(fd, msg));
    TRY(os_fsync_dir(j->dir, msg));
    j->file = log_file_new(os_take_fd(&fd), NULL);
    j->bytes = good;
    j->reserved = good;
    return ERR_OK;
}

err topic_journal_open(struct topic_store *s, const char *dir, topic_journal_fn each, void *ctx,
                       struct topic_journal **out_journal, struct errmsg *msg)
{
    struct topic_journal *j = xnew(struct topic_journal);
    j->store = s;
    j->dir = xstrdup(dir);
    j->path = xasprintf("%s/journal", dir);
    err e = load(j, each, ctx, msg);
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        e = errmsg_wrap(msg, e, "%s", j->path);
        topic_journal_close(j);
        return e;
    }
    *out_journal = j;
    return ERR_OK;
}

void topic_journal_close(struct topic_journal *j)
{
    if (j != NULL) {
        log_file_unref(j->file);
        free(j->dir);
        free(j->path);
        free(j);
    }
}

static void add_entry(struct buf *out, struct str payload)
{
    uint32_t len = (uint32_t)payload.len;
    uint32_t crc = crc32c(0, payload.ptr, payload.len);
    (void)buf_add(out, magic, sizeof magic); /* sticky, here and below */
    (void)buf_add(out, &len, sizeof len);
    (void)buf_add(out, &crc, sizeof crc);
    (void)buf_add_str(out, payload);
}

static err create(struct topic_journal *j, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_mkdirs(j->dir, msg));
    TRY(os_open(j->path, O_RDWR | O_CREAT, &fd, msg));
    j->file = log_file_new(os_take_fd(&fd), j->dir);
    j->bytes = 0;
    j->reserved = 0;
    return ERR_OK;
}

err topic_journal_append(struct topic_journal *j, struct str payload, size_t reserve_bytes,
                         uint64_t *out_seq, struct errmsg *msg)
{
    struct topic_store *s = j->store;
    TRY(store_check(s, msg));
    if (payload.len > JOURNAL_ENTRY_BYTES_MAX ||
        j->bytes + payload.len + reserve_bytes > JOURNAL_FILE_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "%s would grow over %d MiB", j->path,
                          JOURNAL_FILE_BYTES_MAX >> 20);
    }
    AUTO_BUF entry = buf_make(JOURNAL_FILE_BYTES_MAX);
    add_entry(&entry, payload);
    TRY(buf_check(&entry));
    if (j->file == NULL) {
        TRY(create(j, msg));
    }
    uint64_t need =
        j->bytes + entry.len + (reserve_bytes > 0 ? reserve_bytes + ENTRY_HEAD_BYTES : 0);
    if (need > j->reserved) {
        TRY(os_reserve(j->file->fd, j->reserved, need - j->reserved, msg));
        j->reserved = need;
    }
    struct errmsg why = {0};
    if (os_pwrite(j->file->fd, entry.data, entry.len, j->bytes, &why) != ERR_OK) {
        store_fail(s, why.text);
        return errmsg_set(msg, ERR_IO, "%s", why.text);
    }
    j->bytes += entry.len;
    store_announce_file(s, j->file, false);
    *out_seq = ++s->next_seq;
    return ERR_OK;
}

err topic_journal_rewrite(struct topic_journal *j, struct str payload, struct errmsg *msg)
{
    TRY(store_check(j->store, msg));
    AUTO_BUF file = buf_make(JOURNAL_FILE_BYTES_MAX);
    add_entry(&file, payload);
    TRY(buf_check(&file));
    TRY(os_mkdirs(j->dir, msg));
    err e = os_replace_file(j->path, buf_str(&file), msg);
    if (e != ERR_OK) {
        if (e != ERR_NOSPACE) {
            store_fail(j->store, "a journal cannot be replaced"); /* old or new? a restart tells */
        }
        return e;
    }
    log_file_unref(j->file);
    j->file = NULL;
    AUTO_FD fd = -1;
    e = os_open(j->path, O_RDWR, &fd, msg);
    if (e != ERR_OK) {
        store_fail(j->store, "a journal cannot be opened");
        return e;
    }
    j->file = log_file_new(os_take_fd(&fd), NULL);
    j->bytes = file.len;
    j->reserved = file.len;
    return ERR_OK;
}

uint64_t topic_journal_bytes(const struct topic_journal *j)
{
    return j->bytes;
}
