/* SPDX-License-Identifier: MIT */
/* tail_find.c - see tail_find.h. */
#include "app/tail_find.h"

#include "base/hash.h"

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

/* Caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL   ? xstrdup(".")
           : slash == path ? xstrdup("/")
                           : xstrndup(path, (size_t)(slash - path));
}

err tail_find_moved(struct tail_file *f, uint64_t not_inode, bool *out_found, struct errmsg *msg)
{
    AUTO_TEXT dir = folder_of(f->path);
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

/* ---- files that nobody saw while they had the name ---- */

/* What rotation made of a name: "app.log.1" is "app.log" and "" around ".1", "app-2026.log" is
 * "app" and ".log" around "-2026". */
struct rotated_name {
    struct str before;
    struct str after;
    struct str mark; /* empty: anything like ".12", "-2026_11-21" */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Equal when numbers do not count. */
static bool marks_are_alike(struct str a, struct str b)
{
    size_t i = 0;
    size_t j = 0;
    bool has_number = false;
    while (i < a.len && j < b.len) {
        if (is_digit(a.ptr[i]) && is_digit(b.ptr[j])) {
            has_number = true;
            while (i < a.len && is_digit(a.ptr[i])) {
                i++;
            }
            while (j < b.len && is_digit(b.ptr[j])) {
                j++;
            }
        } else if (a.ptr[i++] != b.ptr[j++]) {
            return false;
        }
    }
    return has_number && i == a.len && j == b.len;
}

/* ".12", "-20261121", "-2026-11-21_10" */
static bool is_usual_mark(struct str s)
{
    if (s.len < 2 || (s.ptr[0] != '.' && s.ptr[0] != '-') || !is_digit(s.ptr[s.len - 1])) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) && strchr("-_.:T", s.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* False when `name` is not made of the name that r is of. */
static bool take_mark(const struct rotated_name *r, struct str name, struct str *out_mark)
{
    if (name.len <= r->before.len + r->after.len || !str_starts(name, r->before) ||
        !str_ends(name, r->after)) {
        return false;
    }
    *out_mark = str_of(name.ptr + r->before.len, name.len - r->before.len - r->after.len);
    return true;
}

/* How f was renamed: from `base` to the name that its inode has in the folder, where it has one. */
static struct rotated_name rotated_name_of(const struct tail_file *f, const char *dir,
                                           const struct os_names *names, struct str base)
{
    struct rotated_name whole = {.before = base};
    const char *dot = base.len == 0 ? NULL : memrchr(base.ptr, '.', base.len);
    size_t stem = dot == NULL ? base.len : (size_t)(dot - base.ptr);
    struct rotated_name around = {.before = str_of(base.ptr, stem),
                                  .after = str_of(base.ptr + stem, base.len - stem)};
    for (size_t i = 0; i < names->count; i++) {
        AUTO_TEXT path = xasprintf("%s/%s", dir, names->items[i]);
        struct str name = str_from(names->items[i]);
        struct os_stat st;
        if (f->fd < 0 || !str_starts(name, around.before) || os_stat(path, &st, NULL) != ERR_OK ||
            st.inode != f->inode || st.device != f->device) {
            continue;
        }
        if (take_mark(&whole, name, &whole.mark)) {
            return whole;
        }
        if (take_mark(&around, name, &around.mark)) {
            return around;
        }
    }
    return whole;
}

/* Without the ending of a compressed file. */
static struct str unpacked_name(struct str name, bool *out_packed)
{
    static const char *const endings[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        struct str ending = str_from(endings[i]);
        if (str_ends(name, ending)) {
            *out_packed = true;
            return str_of(name.ptr, name.len - ending.len);
        }
    }
    *out_packed = false;
    return name;
}

/* Whether the last TAIL_HEAD_BYTES before `end` are those of another file there. */
static err are_equal(int one, int two, uint64_t end, bool *out_same, struct errmsg *msg)
{
    char a[TAIL_HEAD_BYTES];
    char b[TAIL_HEAD_BYTES];
    size_t len = (size_t)MIN(end, (uint64_t)TAIL_HEAD_BYTES);
    size_t a_len = 0;
    size_t b_len = 0;
    TRY(os_pread(one, a, len, end - len, &a_len, msg));
    TRY(os_pread(two, b, len, end - len, &b_len, msg));
    *out_same = a_len == len && b_len == len && memcmp(a, b, len) == 0;
    return ERR_OK;
}

/* A copy of what is known would be read twice: of f, or of what has the name now (a copytruncate
 * under way). Both ends are compared, since all files of a kind may begin alike (CSV). */
static err is_copy(const struct tail_file *f, const char *path, const char *present, bool *out_copy,
                   struct errmsg *msg)
{
    AUTO_FD one = -1;
    AUTO_FD two = -1;
    struct os_stat mine;
    struct os_stat other;
    *out_copy = false;
    err e = os_open(path, O_RDONLY, &one, msg);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND || e == ERR_DENIED ? ERR_OK : e;
    }
    if (f->head_bytes >= COPY_HEAD_BYTES_MIN) {
        TRY(tail_is_same(f, one, out_copy, msg));
    }
    if (*out_copy || os_open(present, O_RDONLY, &two, NULL) != ERR_OK) {
        return ERR_OK; /* what has the name may be gone again: then nothing is a copy of it */
    }
    TRY(os_fstat(one, &mine, msg));
    TRY(os_fstat(two, &other, msg));
    if (mine.size_bytes < COPY_HEAD_BYTES_MIN || mine.size_bytes > other.size_bytes) {
        return ERR_OK;
    }
    TRY(are_equal(one, two, MIN(mine.size_bytes, (uint64_t)TAIL_HEAD_BYTES), out_copy, msg));
    return *out_copy ? are_equal(one, two, mine.size_bytes, out_copy, msg) : ERR_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct tail_missed *x = a;
    const struct tail_missed *y = b;
    return x->mtime_us < y->mtime_us ? -1 : x->mtime_us > y->mtime_us;
}

void tail_missed_deinit(struct tail_missed_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].path);
    }
    free(l->items);
    *l = (struct tail_missed_list){0};
}

err tail_find_missed(const struct tail_file *f, const char *path, const struct os_stat *now,
                     int64_t since_us, struct tail_missed_list *out_list, struct errmsg *msg)
{
    AUTO_TEXT dir = folder_of(path);
    AUTO_NAMES names = {0};
    const char *slash = strrchr(path, '/');
    err e = os_list(dir, &names, msg);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND || e == ERR_DENIED ? ERR_OK : e;
    }
    struct rotated_name r =
        rotated_name_of(f, dir, &names, str_from(slash == NULL ? path : slash + 1));
    out_list->items = xnew_array(struct tail_missed, names.count + 1);
    for (size_t i = 0; i < names.count; i++) {
        struct tail_missed m = {0};
        struct os_stat st;
        struct str mark;
        bool copy = false;
        struct str name = unpacked_name(str_from(names.items[i]), &m.is_packed);
        if (!take_mark(&r, name, &mark) ||
            !(r.mark.len > 0 ? marks_are_alike(mark, r.mark) : is_usual_mark(mark))) {
            continue;
        }
        AUTO_TEXT there = xasprintf("%s/%s", dir, names.items[i]);
        /* A packed file beside one that is open may be that one, just being compressed. */
        if ((m.is_packed && f->fd >= 0) || os_stat(there, &st, NULL) != ERR_OK || !st.is_file ||
            st.size_bytes == 0 || st.mtime_us < since_us ||
            (f->fd >= 0 && st.inode == f->inode && st.device == f->device) ||
            (st.inode == now->inode && st.device == now->device)) {
            continue;
        }
        TRY(m.is_packed ? ERR_OK : is_copy(f, there, path, &copy, msg));
        if (!copy) {
            m = (struct tail_missed){TAKE(there), st.mtime_us, st.device, st.inode, m.is_packed};
            out_list->items[out_list->count++] = m;
        }
    }
    qsort(out_list->items, out_list->count, sizeof *out_list->items, by_time);
    return ERR_OK;
}
