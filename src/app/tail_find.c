/* SPDX-License-Identifier: MIT */
/* tail_find.c - see tail_find.h. */
#include "app/tail_find.h"

#include "base/hash.h"
#include "os/file.h"

enum { COPY_HEAD_BYTES_MIN = 16 }; /* less is no evidence that two files are one */

/* Whether `len` bytes at `offset` are those of the hash. */
static err matches(int fd, uint64_t offset, uint64_t len, uint64_t hash, bool *out_same,
                   struct errmsg *msg)
{
    char bytes[TAIL_HEAD_BYTES];
    size_t got = 0;
    ASSERT(len <= sizeof bytes);
    TRY(os_pread(fd, bytes, (size_t)len, offset, &got, msg));
    *out_same = got == len && (len == 0 || hash_xxh3(str_of(bytes, got)) == hash);
    return ERR_OK;
}

err tail_is_same(const struct tail_file *f, int fd, bool *out_same, struct errmsg *msg)
{
    struct os_stat st;
    *out_same = false;
    TRY(os_fstat(fd, &st, msg));
    if (st.size_bytes < f->pending_end || st.size_bytes < f->offset) {
        return ERR_OK;
    }
    TRY(matches(fd, 0, f->head_bytes, f->head_hash, out_same, msg));
    return *out_same ? matches(fd, f->offset - f->anchor_bytes, f->anchor_bytes, f->anchor_hash,
                               out_same, msg)
                     : ERR_OK;
}

err tail_note_head(struct tail_file *f, struct errmsg *msg)
{
    char bytes[TAIL_HEAD_BYTES];
    size_t got = 0;
    if (f->head_bytes == TAIL_HEAD_BYTES) {
        return ERR_OK;
    }
    TRY(os_pread(f->fd, bytes, sizeof bytes, 0, &got, msg));
    if (got > f->head_bytes) {
        f->head_bytes = got;
        f->head_hash = hash_xxh3(str_of(bytes, got));
    }
    return ERR_OK;
}

void tail_note_anchor(struct tail_file *f, struct str before)
{
    size_t len = MIN(before.len, (size_t)TAIL_HEAD_BYTES);
    f->anchor_bytes = len;
    f->anchor_hash = len == 0 ? 0 : hash_xxh3(str_of(before.ptr + before.len - len, len));
}

/* Opens `path` when it passes as the file. Names that go away meanwhile are no error. */
static err try_path(struct tail_file *f, const char *path, bool by_inode, uint64_t not_inode,
                    bool *out_found, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    struct os_stat st;
    err e = os_stat(path, &st, msg);
    if (e != ERR_OK || !st.is_file) {
        return e == ERR_NOT_FOUND || e == ERR_DENIED ? ERR_OK : e;
    }
    bool same_inode = st.inode == f->inode && st.device == f->device;
    bool is_candidate = by_inode ? same_inode
                                 : f->head_bytes >= COPY_HEAD_BYTES_MIN && st.inode != not_inode &&
                                       st.size_bytes >= f->offset;
    if (!is_candidate) {
        return ERR_OK;
    }
    e = os_open(path, O_RDONLY, &fd, msg);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND || e == ERR_DENIED ? ERR_OK : e;
    }
    TRY(tail_is_same(f, fd, out_found, msg));
    if (*out_found) {
        os_close(f->fd);
        f->fd = os_take_fd(&fd);
        f->device = st.device;
        f->inode = st.inode;
    }
    return ERR_OK;
}

err tail_find_moved(struct tail_file *f, uint64_t not_inode, bool *out_found, struct errmsg *msg)
{
    const char *slash = strrchr(f->path, '/');
    AUTO_TEXT dir = slash == NULL      ? xstrdup(".")
                    : slash == f->path ? xstrdup("/")
                                       : xstrndup(f->path, (size_t)(slash - f->path));
    AUTO_NAMES names = {0};
    *out_found = false;
    err e = os_list(dir, &names, msg);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND || e == ERR_DENIED ? ERR_OK : e;
    }
    for (int by_content = 0; by_content < 2; by_content++) {
        for (size_t i = 0; i < names.count && !*out_found; i++) {
            AUTO_TEXT path = xasprintf("%s/%s", dir, names.items[i]);
            TRY(try_path(f, path, by_content == 0, not_inode, out_found, msg));
        }
    }
    return ERR_OK;
}
