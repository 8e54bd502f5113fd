/* SPDX-License-Identifier: MIT */
/* tail.c - see tail.h.
 *
 *   look at the names ──▶ new, rotated, cut files ──▶ for each file, rotated ones first:
 *       read from the offset ──▶ still the same file? ──▶ cut after the last line end
 *       ──▶ state: [offset, pending_end) ──▶ send ──▶ offset = pending_end
 *
 * The state is written once a chunk: the end of one chunk and the beginning of the next go
 * together, and when nothing is left, once more. */
#include "app/tail.h"

#include "app/tail_find.h"
#include "app/tail_state.h"
#include "base/hash.h"
#include "base/seeded.h"
#include "os/clock.h"
#include "os/file.h"

enum { CHUNKS_PER_STEP = 16 }; /* of one file, then the others */

struct tail {
    struct tail_options o;
    struct tail_state state; /* owned */
    struct buf chunk;        /* owned */
    int lock_fd;
    bool is_dirty;    /* the state in memory is ahead of the file */
    bool is_first;    /* no state was there: from_end counts */
    int64_t saved_us; /* when the state that was there was written */
    bool is_send_failed;
    err trouble; /* the first that a path or file has in this step; the others go on */
    struct errmsg trouble_msg;
    uint64_t bytes;
};

static void warn(struct tail *t, const char *path, const char *what)
{
    AUTO_TEXT text = xasprintf("%s: %s", path, what);
    if (t->o.warn != NULL) {
        t->o.warn(t->o.ctx, text);
    }
}

static err save(struct tail *t, struct errmsg *msg)
{
    TRY(tail_state_save(t->o.state_path, &t->state, msg));
    t->is_dirty = false;
    return ERR_OK;
}

static void note_trouble(struct tail *t, err e, const struct errmsg *msg)
{
    if (e != ERR_OK && t->trouble == ERR_OK) {
        t->trouble = e;
        t->trouble_msg = *msg;
    }
}

/* What a kill left behind while the state was replaced. */
static void remove_leftovers(const char *state_path)
{
    const char *slash = strrchr(state_path, '/');
    AUTO_TEXT dir =
        slash == NULL ? xstrdup(".") : xstrndup(state_path, (size_t)(slash - state_path) + 1);
    AUTO_TEXT prefix = xasprintf("%s.", slash == NULL ? state_path : slash + 1);
    AUTO_NAMES names = {0};
    if (os_list(dir, &names, NULL) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        struct str name = str_from(names.items[i]);
        if (str_starts(name, str_from(prefix)) && str_ends(name, STR(".tmp"))) {
            AUTO_TEXT path = xasprintf("%s/%s", dir, names.items[i]);
            (void)os_unlink(path, NULL); /* only tidiness is at stake */
        }
    }
}

err tail_open(const struct tail_options *options, struct tail **out_tail, struct errmsg *msg)
{
    AUTO(tail) t = xnew(struct tail);
    t->o = *options;
    t->lock_fd = -1;
    t->o.chunk_bytes = t->o.chunk_bytes == 0 ? TAIL_CHUNK_BYTES_DEFAULT : t->o.chunk_bytes;
    t->chunk = buf_make(TAIL_LINE_BYTES_MAX);
    AUTO_TEXT lock = xasprintf("%s.lock", options->state_path);
    err e = os_lock_file(lock, &t->lock_fd, msg);
    if (e == ERR_BUSY) {
        return errmsg_set(msg, e, "another tarn tail uses the state file %s", options->state_path);
    }
    TRY(e);
    remove_leftovers(options->state_path);
    struct os_stat st;
    t->saved_us = os_stat(options->state_path, &st, NULL) == ERR_OK ? st.mtime_us : INT64_MAX;
    TRY(tail_state_load(options->state_path, &t->state, msg));
    t->is_first = t->state.topic == NULL;
    if (!t->is_first && strcmp(t->state.topic, options->topic) != 0) {
        return errmsg_set(msg, ERR_INVALID,
                          "the state file %s is of the topic %s; name another with --state",
                          options->state_path, t->state.topic);
    }
    if (t->is_first) {
        t->state.topic = xstrdup(options->topic);
    }
    *out_tail = TAKE(t);
    return ERR_OK;
}

void tail_free(struct tail *t)
{
    if (t != NULL) {
        tail_state_deinit(&t->state);
        buf_deinit(&t->chunk);
        os_close(t->lock_fd);
        free(t);
    }
}

uint64_t tail_bytes(const struct tail *t)
{
    return t->bytes;
}

/* ---- names and files ---- */

static struct tail_file *find_inode(struct tail *t, const struct os_stat *st)
{
    for (size_t i = 0; i < t->state.count; i++) {
        struct tail_file *f = &t->state.files[i];
        if (f->fd >= 0 && f->inode == st->inode && f->device == st->device) {
            return f;
        }
    }
    return NULL;
}

static void take_name(struct tail *t, struct tail_file *owner, const char *path)
{
    struct os_stat st;
    if (!owner->is_rotated &&
        (strcmp(owner->path, path) == 0 ||
         (os_stat(owner->path, &st, NULL) == ERR_OK && st.inode == owner->inode))) {
        return; /* two names for one file: the first stays */
    }
    free(owner->path);
    owner->path = xstrdup(path);
    owner->is_rotated = false;
    t->is_dirty = true;
}

/* Everybody else who had this name has lost it. */
static void give_name(struct tail *t, struct tail_file *owner, const char *path, int64_t now_us)
{
    for (size_t i = 0; i < t->state.count; i++) {
        struct tail_file *f = &t->state.files[i];
        if (f != owner && !f->is_rotated && strcmp(f->path, path) == 0) {
            f->is_rotated = true;
            f->changed_us = now_us;
            t->is_dirty = true;
        }
    }
    if (owner != NULL) {
        take_name(t, owner, path);
    }
}

/* The last line end before the end of the file. */
static err seek_end(struct tail *t, struct tail_file *f, struct errmsg *msg)
{
    struct os_stat st;
    TRY(os_fstat(f->fd, &st, msg));
    uint64_t from =
        st.size_bytes > TAIL_CHUNK_BYTES_DEFAULT ? st.size_bytes - TAIL_CHUNK_BYTES_DEFAULT : 0;
    size_t got = 0;
    buf_reset(&t->chunk);
    if (!buf_reserve(&t->chunk, TAIL_CHUNK_BYTES_DEFAULT)) {
        return ERR_NOMEM;
    }
    TRY(os_pread(f->fd, t->chunk.data, TAIL_CHUNK_BYTES_DEFAULT, from, &got, msg));
    const char *last = got == 0 ? NULL : memrchr(t->chunk.data, '\n', got);
    size_t keep = last == NULL ? 0 : (size_t)(last - t->chunk.data) + 1;
    if (from + keep > f->offset) {
        f->offset = from + keep;
        f->pending_end = f->offset;
        tail_note_anchor(f, str_of(t->chunk.data, keep));
    }
    return ERR_OK;
}

static err add_file(struct tail *t, const char *path, int64_t now_us, bool at_end,
                    struct errmsg *msg)
{
    AUTO_FD fd = -1;
    struct os_stat st;
    err e = os_open(path, O_RDONLY, &fd, msg);
    if (e == ERR_NOT_FOUND) {
        return ERR_OK; /* gone again */
    }
    TRY(e);
    TRY(os_fstat(fd, &st, msg));
    if (!st.is_file) {
        return errmsg_set(msg, ERR_INVALID, "%s is not a file", path);
    }
    if (t->state.count == TAIL_FILES_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "over %d files at once", TAIL_FILES_MAX);
    }
    struct tail_file *f = tail_state_add(&t->state);
    f->path = xstrdup(path);
    f->fd = os_take_fd(&fd);
    f->device = st.device;
    f->inode = st.inode;
    f->changed_us = now_us;
    memcpy(f->id, os_uuid_new().text, UUID_TEXT_BYTES);
    t->is_dirty = true;
    e = at_end ? seek_end(t, f, msg) : ERR_OK;
    if (e != ERR_OK) {
        tail_state_remove(&t->state, t->state.count - 1);
    }
    return e;
}

static bool is_named(const struct tail *t, const char *path)
{
    for (size_t i = 0; i < t->o.path_count; i++) {
        if (strcmp(t->o.paths[i], path) == 0) {
            return true;
        }
    }
    return false;
}

/* `gone` may have left its inode to the file. */
static bool is_known(const struct tail *t, const struct tail_file *gone,
                     const struct tail_missed *m)
{
    for (size_t i = 0; i < t->state.count; i++) {
        const struct tail_file *f = &t->state.files[i];
        bool is_gone = gone->fd < 0 && strcmp(f->id, gone->id) == 0;
        if (!is_gone && f->inode == m->inode && f->device == m->device) {
            return true;
        }
    }
    return is_named(t, m->path);
}

/* The name went on from `f` to another file, by more than one rotation maybe: those in between are
 * read from their starts. An empty file says little of when it lost the name: the one before it may
 * have been written to for a while. */
static err add_missed(struct tail *t, const struct tail_file *f, const char *path, int64_t now_us,
                      struct errmsg *msg)
{
    AUTO_MISSED missed = {0};
    struct os_stat now = {0};
    struct os_stat st = {0};
    int64_t since_us = t->saved_us;
    (void)os_stat(path, &now, NULL); /* what is gone again has no neighbours */
    if (f->fd >= 0) {
        TRY(os_fstat(f->fd, &st, msg));
        since_us = st.mtime_us + (st.size_bytes == 0 ? t->o.rotate_wait_us : 0);
        since_us += t->o.rotate_wait_us == 0; /* the one before it is forgotten at once */
    }
    TRY(tail_find_missed(f, path, &now, since_us, &missed, msg));
    for (size_t i = 0; i < missed.count; i++) {
        const struct tail_missed *m = &missed.items[i];
        size_t count = t->state.count;
        if (is_known(t, f, m)) {
            continue;
        }
        if (m->is_packed) {
            warn(t, m->path, "compressed before it was read: its lines are lost");
            continue;
        }
        TRY(add_file(t, m->path, now_us, false, msg));
        if (t->state.count > count) {
            struct tail_file *added = &t->state.files[count];
            free(added->path);
            added->path = xstrdup(path);
            added->is_rotated = true;
        }
    }
    return ERR_OK;
}

/* The last one that had the name, open; NULL when there is none. */
static const struct tail_file *last_owner(const struct tail *t, const char *path)
{
    for (size_t i = t->state.count; i > 0; i--) {
        const struct tail_file *f = &t->state.files[i - 1];
        if (f->is_rotated && f->fd >= 0 && strcmp(f->path, path) == 0) {
            return f;
        }
    }
    return NULL;
}

/* Its copy may be beside it, and goes on as a rotated file. */
static err find_moved(struct tail *t, struct tail_file *f, uint64_t not_inode, int64_t now_us,
                      bool *out_found, struct errmsg *msg)
{
    TRY(tail_find_moved(f, not_inode, out_found, msg));
    if (*out_found) {
        f->is_rotated = true;
        f->changed_us = now_us;
        t->is_dirty = true;
    }
    return ERR_OK;
}

/* What was not read of it is lost. */
static void let_go(struct tail *t, size_t index)
{
    const struct tail_file *f = &t->state.files[index];
    if (f->pending_end > f->offset) {
        warn(t, f->path, "gone or cut before its last lines were acknowledged; some may be lost");
    } else if (f->offset > 0) {
        warn(t, f->path, "gone or cut; lines that were not read before are lost");
    }
    tail_state_remove(&t->state, index);
    t->is_dirty = true;
}

/* The file is not what it was. */
static err was_cut(struct tail *t, size_t index, uint64_t not_inode, int64_t now_us,
                   bool *out_found, struct errmsg *msg)
{
    TRY(find_moved(t, &t->state.files[index], not_inode, now_us, out_found, msg));
    if (!*out_found) {
        let_go(t, index);
    }
    return ERR_OK;
}

/* Whether the file that had this name is waited for: find_one() sees to it. */
static bool is_awaited(const struct tail *t, const char *path)
{
    for (size_t i = 0; i < t->state.count; i++) {
        const struct tail_file *f = &t->state.files[i];
        if (f->fd < 0 && !f->is_rotated && strcmp(f->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* Where is a file that the state file knows? When its name leads nowhere it may come back (a mount
 * that is late) and keeps its place; it goes when its name leads to another file. */
static err find_one(struct tail *t, size_t index, int64_t now_us, struct errmsg *msg)
{
    struct tail_file *f = &t->state.files[index];
    AUTO_FD fd = -1;
    struct os_stat st = {0};
    bool same = false;
    bool found = false;
    err e = os_open(f->path, O_RDONLY, &fd, msg);
    if (e == ERR_OK) {
        TRY(os_fstat(fd, &st, msg));
        bool is_it = !f->is_rotated && st.inode == f->inode && st.device == f->device;
        TRY(is_it ? tail_is_same(f, fd, &same, msg) : ERR_OK);
    } else if (e != ERR_NOT_FOUND && !(e == ERR_DENIED && f->is_rotated)) {
        return e;
    }
    if (same) {
        f->fd = os_take_fd(&fd);
        f->changed_us = now_us;
        return ERR_OK;
    }
    bool may_return = e == ERR_NOT_FOUND && !f->is_rotated && is_named(t, f->path);
    if (may_return && f->is_missed) {
        return ERR_OK;
    }
    TRY(find_moved(t, f, st.inode, now_us, &found, msg));
    if (found) {
        return ERR_OK;
    }
    if (may_return) {
        f->is_missed = true;
        warn(t, f->path, "not there now; goes on from where it was when it is back");
        return ERR_OK;
    }
    if (e == ERR_DENIED) {
        return e;
    }
    const struct tail_file gone = *f;
    AUTO_TEXT path = xstrdup(f->path);
    /* Of one that was cut, what lies beside it may be a copy that was made too early. */
    bool is_cut = st.inode == gone.inode && st.device == gone.device;
    if (!gone.is_rotated && !is_cut) {
        TRY(add_missed(t, &gone, path, now_us, msg));
    }
    let_go(t, index);
    return ERR_OK;
}

static void find_all(struct tail *t, int64_t now_us)
{
    for (size_t i = t->state.count; i > 0; i--) {
        struct errmsg msg = {0};
        if (t->state.files[i - 1].fd < 0) {
            note_trouble(t, find_one(t, i - 1, now_us, &msg), &msg);
        }
    }
}

static err look_at(struct tail *t, const char *path, int64_t now_us, struct errmsg *msg)
{
    struct os_stat st;
    bool same = false;
    bool has_past = true;
    if (is_awaited(t, path)) {
        return ERR_OK;
    }
    err e = os_stat(path, &st, msg);
    if (e == ERR_NOT_FOUND) {
        give_name(t, NULL, path, now_us);
        return ERR_OK;
    }
    TRY(e);
    struct tail_file *f = find_inode(t, &st);
    if (f != NULL) {
        TRY(tail_is_same(f, f->fd, &same, msg));
    }
    if (same) {
        give_name(t, f, path, now_us);
        return ERR_OK;
    }
    if (f != NULL) {
        TRY(was_cut(t, (size_t)(f - t->state.files), st.inode, now_us, &has_past, msg));
    }
    give_name(t, NULL, path, now_us);
    const struct tail_file *past = has_past ? last_owner(t, path) : NULL;
    if (past != NULL) {
        const struct tail_file before = *past; /* the list may move */
        TRY(add_missed(t, &before, path, now_us, msg));
    }
    return add_file(t, path, now_us, t->is_first && t->o.from_end, msg);
}

/* ---- chunks ---- */

/* Reads up to `len` bytes at the offset into t->chunk. */
static err read_chunk(struct tail *t, const struct tail_file *f, size_t len, struct errmsg *msg)
{
    size_t got = 0;
    buf_reset(&t->chunk);
    if (!buf_reserve(&t->chunk, len)) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a chunk of %zu bytes", len);
    }
    TRY(os_pread(f->fd, t->chunk.data, len, f->offset, &got, msg));
    t->chunk.len = got;
    return ERR_OK;
}

/* How much of the chunk is whole lines or records; 0 when more is needed. */
static size_t whole_part(const struct tail *t, const struct tail_file *f)
{
    struct str bytes = buf_str(&t->chunk);
    if (t->o.spec->format == TEXT_CSV && bytes.len <= TAIL_RECORD_BYTES_MAX) {
        return csv_whole_records(&f->dialect, bytes);
    }
    const char *last = bytes.len == 0 ? NULL : memrchr(bytes.ptr, '\n', bytes.len);
    return last == NULL ? 0 : (size_t)(last - bytes.ptr) + 1;
}

/* The next whole part in t->chunk; empty when there is none yet. */
static err next_part(struct tail *t, const struct tail_file *f, bool take_rest, struct errmsg *msg)
{
    for (size_t want = t->o.chunk_bytes;; want = MIN(want * 2, (size_t)TAIL_LINE_BYTES_MAX)) {
        TRY(read_chunk(t, f, want, msg));
        size_t whole = whole_part(t, f);
        bool is_all = t->chunk.len < want;
        if (whole == 0 && is_all && !take_rest) {
            t->chunk.len = 0;
            return ERR_OK;
        }
        if (whole == 0 && (is_all || want == TAIL_LINE_BYTES_MAX)) {
            return ERR_OK; /* without its end */
        }
        if (whole > 0) {
            t->chunk.len = is_all && take_rest ? t->chunk.len : whole;
            return ERR_OK;
        }
    }
}

static err send_pending(struct tail *t, struct tail_file *f, struct errmsg *msg)
{
    char key[128];
    AUTO_TEXT name = xasprintf("%s\n%s\n%llu", t->o.topic, f->id, (unsigned long long)f->offset);
    struct hash128 h = hash_xxh3_128(str_from(name));
    (void)snprintf(key, sizeof key, "tail-%016llx%016llx-%llu", (unsigned long long)h.high,
                   (unsigned long long)h.low, (unsigned long long)f->offset); /* fits */
    struct tail_chunk chunk = {.file = f, .key = key, .bytes = buf_str(&t->chunk)};
    err e = t->o.send(t->o.ctx, &chunk, msg);
    t->is_send_failed = e != ERR_OK;
    TRY(e);
    f->offset = f->pending_end;
    tail_note_anchor(f, buf_str(&t->chunk));
    t->bytes += t->chunk.len;
    t->is_dirty = true;
    return SEEDED_BUG(SEEDED_TAIL_STATE_LATE) ? save(t, msg) : ERR_OK;
}

static bool has_header(const struct text_spec *s)
{
    return s->header == CSV_HEADER_YES || (s->header == CSV_HEADER_UNSAID && s->column_count == 0);
}

/* The first record is [bytes + mark, end): notes what it says and passes it if it is a header. */
static err take_header(struct tail *t, struct tail_file *f, struct str bytes, size_t mark,
                       const char *end, struct errmsg *msg)
{
    const struct text_spec *s = t->o.spec;
    AUTO_BUF columns = buf_make(TEXT_OPTION_BYTES_MAX * 4);
    struct str first = str_of(bytes.ptr + mark, (size_t)(end - bytes.ptr) - mark);
    first.len -= first.len > 0 && first.ptr[first.len - 1] == '\r';
    if (has_header(s) && s->column_count == 0) {
        TRY(csv_columns_text(&f->dialect, first, &columns, msg));
    }
    f->columns = xstrdup(buf_cstr(&columns));
    size_t skip = has_header(s) ? MIN((size_t)(end - bytes.ptr) + 1, bytes.len) : mark;
    if (f->offset < skip) {
        f->offset = skip;
        f->pending_end = skip;
        tail_note_anchor(f, str_of(bytes.ptr, skip));
    }
    t->is_dirty = true;
    return ERR_OK;
}

/* CSV: the header of a file decides how its later chunks are to be read. A header waits for its
 * line end: with half of its names the file would be read wrongly for good. */
static err need_header(struct tail *t, struct tail_file *f, bool take_rest, bool *out_known,
                       struct errmsg *msg)
{
    *out_known = true;
    if (t->o.spec->format != TEXT_CSV || f->columns != NULL) {
        return ERR_OK;
    }
    uint64_t offset = f->offset;
    f->offset = 0;
    err e = read_chunk(t, f, TAIL_RECORD_BYTES_MAX, msg);
    f->offset = offset;
    TRY(e);
    struct str bytes = buf_str(&t->chunk);
    size_t mark = str_starts(bytes, STR("\xef\xbb\xbf")) ? 3 : 0;
    struct str sample = str_of(bytes.ptr + mark, bytes.len - mark);
    struct csv_dialect d = {t->o.spec->delimiter, t->o.spec->quote};
    csv_detect(str_of(sample.ptr, MIN(sample.len, (size_t)TEXT_SAMPLE_BYTES)), &d);
    enum csv_state state = CSV_FIELD;
    const char *end =
        sample.len == 0 ? NULL : csv_scan(&d, &state, sample.ptr, sample.ptr + sample.len);
    bool is_enough = bytes.len >= TAIL_RECORD_BYTES_MAX || (take_rest && !has_header(t->o.spec));
    if (end == NULL && sample.len > 0 && is_enough) {
        end = sample.ptr + sample.len;
    }
    if (end == NULL) {
        *out_known = false; /* not all there yet */
        return ERR_OK;
    }
    f->dialect = d;
    return take_header(t, f, bytes, mark, end, msg);
}

/* Sends one chunk; *out_sent false when there is none. */
static err pump_once(struct tail *t, struct tail_file *f, bool take_rest, bool *out_sent,
                     struct errmsg *msg)
{
    bool known = true;
    *out_sent = false;
    if (f->pending_end > f->offset) {
        TRY(read_chunk(t, f, (size_t)(f->pending_end - f->offset), msg));
    } else {
        TRY(need_header(t, f, take_rest, &known, msg));
        if (!known) {
            return ERR_OK;
        }
        TRY(next_part(t, f, take_rest, msg));
    }
    bool same = t->chunk.len > 0;
    if (same) {
        TRY(tail_is_same(f, f->fd, &same, msg));
    }
    if (!same) {
        return ERR_OK; /* nothing there, or cut meanwhile: the next look finds out */
    }
    if (f->pending_end == f->offset) {
        TRY(tail_note_head(f, msg));
        f->pending_end = f->offset + t->chunk.len;
        if (!SEEDED_BUG(SEEDED_TAIL_STATE_LATE)) {
            err e = save(t, msg);
            if (e != ERR_OK) {
                f->pending_end = f->offset; /* nothing was sent */
                return e;
            }
        }
    }
    *out_sent = true;
    return send_pending(t, f, msg);
}

/* Sends what the file has. *out_done: it is rotated, at its end and quiet. */
static err pump(struct tail *t, struct tail_file *f, int64_t now_us, bool *out_done, bool *out_busy,
                struct errmsg *msg)
{
    struct os_stat st;
    *out_done = false;
    TRY(os_fstat(f->fd, &st, msg));
    if (st.size_bytes != f->seen_size) {
        f->seen_size = st.size_bytes;
        f->changed_us = now_us;
    }
    int64_t quiet_us = now_us - f->changed_us;
    bool is_over = f->is_rotated && quiet_us >= t->o.rotate_wait_us;
    bool take_rest = is_over || (t->o.line_wait_us > 0 && quiet_us >= t->o.line_wait_us);
    for (unsigned i = 0; i < CHUNKS_PER_STEP; i++) {
        bool sent = false;
        TRY(pump_once(t, f, take_rest, &sent, msg));
        if (!sent) {
            *out_done = is_over;
            return ERR_OK;
        }
    }
    *out_busy = true;
    return ERR_OK;
}

static err pump_all(struct tail *t, bool rotated, int64_t now_us, bool *out_busy,
                    struct errmsg *msg)
{
    for (size_t i = 0; i < t->state.count;) {
        struct tail_file *f = &t->state.files[i];
        bool done = false;
        if (f->is_rotated == rotated && f->fd >= 0) {
            struct errmsg own = {0};
            err e = pump(t, f, now_us, &done, out_busy, &own);
            if (t->is_send_failed) {
                return errmsg_set(msg, e, "%s", own.text);
            }
            note_trouble(t, e, &own);
        }
        if (done) {
            tail_state_remove(&t->state, i);
            t->is_dirty = true;
        } else {
            i++;
        }
    }
    return ERR_OK;
}

err tail_step(struct tail *t, int64_t now_us, bool *out_busy, struct errmsg *msg)
{
    *out_busy = false;
    t->trouble = ERR_OK;
    t->is_send_failed = false;
    find_all(t, now_us);
    for (size_t i = 0; i < t->o.path_count; i++) {
        struct errmsg own = {0};
        note_trouble(t, look_at(t, t->o.paths[i], now_us, &own), &own);
    }
    t->is_first = false;
    TRY(pump_all(t, true, now_us, out_busy, msg));
    TRY(pump_all(t, false, now_us, out_busy, msg));
    if (t->is_dirty && !*out_busy && !SEEDED_BUG(SEEDED_TAIL_STATE_LATE)) {
        TRY(save(t, msg));
    }
    return t->trouble == ERR_OK ? ERR_OK : errmsg_set(msg, t->trouble, "%s", t->trouble_msg.text);
}

err tail_finish(struct tail *t, struct errmsg *msg)
{
    return t->is_dirty ? save(t, msg) : ERR_OK;
}
