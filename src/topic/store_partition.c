/* SPDX-License-Identifier: MIT */
/* store_partition.c - the log of one partition: append, roll, index, opening after recovery.
 *
 * An append patches base offset and leader epoch into the first 16 bytes and goes either into
 * `pending`, which the end of the loop's turn writes at once, or, when large, straight to the
 * file together with what is pending. Space for it is reserved before anything changes, so a full
 * disk refuses the append and nothing else. Reserving makes the file larger: if every append did,
 * every sync would wait for the file system's journal. Until the segment is rolled or the store is
 * let go of, zeros follow its last batch. Thread: reactor. */
#include "os/clock.h"
#include "os/file.h"
#include "topic/store_int.h"

enum {
    DIRECT_BYTES = 32 << 10,        /* batches from here on are not copied */
    PENDING_BYTES_MAX = 4 << 20,    /* of one partition, within one turn of the loop */
    PENDING_WRITE_BYTES = 1 << 20,  /* written early from here on */
    RESERVE_FIRST_BYTES = 64 << 10, /* doubles up to reserve_bytes */
    INDEX_PENDING_BYTES = 64 * SEGMENT_INDEX_ENTRY,
    ZEROS_BYTES = 32 << 10,
    ZERO_STEP_BYTES = 1 << 20,
    ZERO_PARTS_MAX = (ZERO_STEP_BYTES + DIRECT_BYTES) / ZEROS_BYTES + 1,
};

struct partition *partition_new(struct topic *t, uint32_t index)
{
    struct partition *p = xnew(struct partition);
    p->topic = t;
    p->index = index;
    p->dir = xasprintf("%s/%u", t->dir, index);
    p->pending = buf_make(PENDING_BYTES_MAX);
    p->index_pending = buf_make(INDEX_PENDING_BYTES);
    p->index_fd = -1;
    p->mark_fd = -1;
    p->table_next = -1;
    p->dead_next = -1;
    return p;
}

void partition_close_files(struct partition *p)
{
    log_file_unref(p->file);
    p->file = NULL;
    os_close(p->index_fd);
    p->index_fd = -1;
    free(p->sealed);
    p->sealed = NULL;
    p->sealed_count = 0;
    p->sealed_cap = 0;
    p->sealed_bytes = 0;
    p->pending.len = 0;
    p->index_pending.len = 0;
}

void partition_free(struct partition *p)
{
    if (p == NULL) {
        return;
    }
    partition_close_files(p);
    os_close(p->mark_fd);
    buf_deinit(&p->pending);
    buf_deinit(&p->index_pending);
    free(p->dir);
    free(p);
}

void partition_damaged(struct partition *p, const char *why)
{
    if (p->is_damaged) {
        return;
    }
    p->is_damaged = true;
    (void)snprintf(p->why, sizeof p->why, "%s", why); /* cut is fine */
}

err partition_create(const char *dir, int64_t start, struct errmsg *msg)
{
    TRY(os_remove_tree(dir, msg)); /* of an attempt that was cut short */
    TRY(os_mkdirs(dir, msg));
    AUTO_TEXT path = segment_path(dir, start, ".log");
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDWR | O_CREAT, &fd, msg));
    TRY(os_fdatasync(fd, msg));
    struct segment_mark mark = {.log_start = start, .end = start, .segment = start};
    TRY(segment_mark_create(dir, &mark, msg));
    return os_fsync_dir(dir, msg);
}

/* The index. */

static void index_disable(struct partition *p)
{
    AUTO_TEXT path = segment_path(p->dir, p->base, ".index");
    os_close(p->index_fd);
    p->index_fd = -1;
    p->index_pending.len = 0;
    (void)os_unlink(path, NULL); /* readers walk the segment then */
}

/* Opens the active segment's index and drops entries of bytes that are no longer there. */
static void index_open(struct partition *p)
{
    AUTO_TEXT path = segment_path(p->dir, p->base, ".index");
    struct os_stat st;
    p->index_bytes = 0;
    p->indexed_position = 0;
    if (os_open(path, O_RDWR | O_CREAT, &p->index_fd, NULL) != ERR_OK ||
        os_fstat(p->index_fd, &st, NULL) != ERR_OK) {
        index_disable(p);
        return;
    }
    uint64_t count = st.size_bytes / SEGMENT_INDEX_ENTRY;
    while (count > 0) {
        unsigned char entry[SEGMENT_INDEX_ENTRY];
        size_t got = 0;
        if (os_pread(p->index_fd, entry, sizeof entry, (count - 1) * sizeof entry, &got, NULL) !=
                ERR_OK ||
            got != sizeof entry) {
            index_disable(p);
            return;
        }
        uint64_t position = (uint64_t)entry[4] << 24 | (uint64_t)entry[5] << 16 |
                            (uint64_t)entry[6] << 8 | entry[7];
        if (position < p->position) {
            p->indexed_position = position;
            break;
        }
        count--;
    }
    p->index_bytes = count * SEGMENT_INDEX_ENTRY;
    if (p->index_bytes != st.size_bytes &&
        os_truncate(p->index_fd, p->index_bytes, NULL) != ERR_OK) {
        index_disable(p);
    }
}

void partition_index_flush(struct partition *p)
{
    if (p->index_fd < 0 || p->index_pending.len == 0) {
        return;
    }
    if (os_pwrite(p->index_fd, p->index_pending.data, p->index_pending.len, p->index_bytes, NULL) !=
        ERR_OK) {
        index_disable(p);
        return;
    }
    p->index_bytes += p->index_pending.len;
    p->index_pending.len = 0;
}

/* Notes the batch that was put at `position`, if the last entry is far enough away. */
static void index_note(struct partition *p, int64_t last_offset, uint64_t position)
{
    if (p->index_fd < 0 || position < p->indexed_position + SEGMENT_INDEX_STRIDE) {
        return;
    }
    uint32_t entry[2] = {__builtin_bswap32((uint32_t)(last_offset - p->base)),
                         __builtin_bswap32((uint32_t)position)};
    (void)buf_add(&p->index_pending, entry, sizeof entry); /* fits: flushed below when full */
    p->indexed_position = position;
    if (p->index_pending.len >= INDEX_PENDING_BYTES) {
        partition_index_flush(p);
    }
}

/* Opening. */

/* Where to go on in the last segment, which is cut there; partition_hold() opens it. */
static err find_active(struct partition *p, int64_t base, int64_t end, uint64_t position,
                       struct errmsg *msg)
{
    AUTO_TEXT path = segment_path(p->dir, base, ".log");
    AUTO_FD fd = -1;
    struct os_stat st;
    TRY(os_open(path, O_RDWR, &fd, msg));
    TRY(os_fstat(fd, &st, msg));
    if (st.size_bytes < position) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is shorter than it was", path);
    }
    if (st.size_bytes > position) {
        TRY(os_truncate(fd, position, msg));
    }
    p->base = base;
    p->position = position;
    p->reserved = position;
    p->reserve_step = RESERVE_FIRST_BYTES;
    p->zeroed = position;
    p->next_offset = end;
    p->last_append_us = position > 0 ? st.mtime_us : os_now_us();
    return ERR_OK;
}

static void sealed_add(struct partition *p, struct sealed_segment segment)
{
    if (p->sealed_count == p->sealed_cap) {
        p->sealed_cap = p->sealed_cap == 0 ? 8 : p->sealed_cap * 2;
        p->sealed = xrealloc(p->sealed, p->sealed_cap, sizeof *p->sealed);
    }
    p->sealed[p->sealed_count++] = segment;
    p->sealed_bytes += segment.bytes;
}

err partition_open_files(struct partition *p, int64_t end, uint64_t position, struct errmsg *msg)
{
    AUTO_SEGMENTS list = {0};
    TRY(segment_list_load(p->dir, &list, msg));
    bool is_open = !p->is_damaged && !p->is_waiting && list.count > 0;
    size_t active = is_open ? list.count - 1 : list.count;
    for (size_t i = 0; i < active; i++) {
        AUTO_TEXT path = segment_path(p->dir, list.bases[i], ".log");
        struct os_stat st;
        TRY(os_stat(path, &st, msg));
        sealed_add(p, (struct sealed_segment){.base = list.bases[i],
                                              .bytes = st.size_bytes,
                                              .last_append_us = st.mtime_us});
    }
    p->next_offset = end;
    p->base = end;
    if (active < list.count) {
        TRY(find_active(p, list.bases[active], end, position, msg));
    }
    p->written = (struct log_place){.end = end, .segment = p->base, .position = p->position};
    p->durable = p->written;
    atomic_store(&p->durable_end, end);
    return ERR_OK;
}

err partition_open(struct partition *p, struct errmsg *msg)
{
    struct topic_store *s = p->topic->store;
    struct recover_options options = {
        .verify_bytes = s->options.verify_bytes, .meta = &p->topic->meta, .partition = p->index};
    AUTO_RECOVERY r = {0};
    err e = recover_plan(p->dir, &options, &r, msg);
    if (e == ERR_NOT_FOUND) {
        partition_damaged(p, "the partition's directory or one of its files is missing");
        return ERR_OK;
    }
    TRY(e);
    e = recover_apply(p->dir, &r, msg);
    if (e == ERR_NOSPACE) {
        recovery_deinit(&r);
        e = recover_plan(p->dir, &options, &r, msg); /* how far did it come? */
        p->is_waiting = true;
        p->topic->is_waiting = true;
    }
    TRY(e);
    if (r.is_damaged) {
        partition_damaged(p, r.why);
        s->recovery.damaged_partitions++;
    }
    s->recovery.cut_bytes += r.is_damaged && !r.is_tail_usable ? 0 : r.cut_bytes;
    s->recovery.rewritten_bytes += p->is_waiting ? 0 : r.part_bytes;
    p->log_start = r.log_start;
    TRY(partition_open_files(p, r.end, r.mark.position, msg));
    if (p->is_waiting) {
        p->durable = (struct log_place){.end = r.mark.end, .segment = r.mark.segment};
        atomic_store(&p->durable_end, r.mark.end);
    }
    p->has_mark = r.has_mark;
    if (r.has_mark) {
        p->mark_generation = r.mark.generation;
        p->mark_log_start = r.log_start;
        p->mark_flags = r.mark.flags;
        p->durable = (struct log_place){
            .end = r.mark.end, .segment = r.mark.segment, .position = r.mark.position};
    }
    atomic_store(&p->marked_log_start, r.log_start);
    return ERR_OK;
}

/* Holding. */

static err open_files(struct partition *p, struct errmsg *msg)
{
    if (p->has_mark && p->mark_fd < 0) {
        AUTO_TEXT mark = xasprintf("%s/mark", p->dir);
        TRY(os_open(mark, O_RDWR, &p->mark_fd, msg));
    }
    if (p->file == NULL && !p->is_damaged && !p->is_waiting) {
        AUTO_TEXT path = segment_path(p->dir, p->base, ".log");
        AUTO_FD fd = -1;
        TRY(os_open(path, O_RDWR, &fd, msg));
        p->file = log_file_new(os_take_fd(&fd), NULL);
        index_open(p);
    }
    return ERR_OK;
}

err partition_hold(struct partition *p, struct errmsg *msg)
{
    struct topic_store *s = p->topic->store;
    err e = open_files(p, msg);
    if (e == ERR_LIMIT) {
        for (size_t i = 0; i < s->topic_count; i++) {
            for (uint32_t k = 0; k < s->topics[i]->meta.partition_count; k++) {
                partition_let_go(s->topics[i]->partitions[k]);
            }
        }
        e = open_files(p, msg);
    }
    return e;
}

/* A partition is moved, or its file dirty, until a round takes it, and the round keeps a reference
 * to the file until the mark is wanted. */
static bool is_in_use(struct partition *p)
{
    struct topic_store *s = p->topic->store;
    pthread_mutex_lock(&s->mutex);
    bool in_use = p->is_touched || p->pending.len > 0 || p->is_moved || p->is_unmarked ||
                  p->is_marking ||
                  (p->file != NULL && (p->file->is_dirty || atomic_load(&p->file->refs) > 1));
    pthread_mutex_unlock(&s->mutex);
    return in_use;
}

void partition_let_go(struct partition *p)
{
    if ((p->file == NULL && p->mark_fd < 0) || is_in_use(p)) {
        return;
    }
    if (p->file != NULL) {
        partition_index_flush(p);
        if (p->reserved > p->position) {
            (void)os_truncate(p->file->fd, p->position, NULL); /* only gives space back */
            p->reserved = p->position;
            p->reserve_step = RESERVE_FIRST_BYTES;
            p->zeroed = p->position;
        }
    }
    log_file_unref(p->file);
    p->file = NULL;
    os_close(p->index_fd);
    p->index_fd = -1;
    os_close(p->mark_fd);
    p->mark_fd = -1;
}

/* Appending. */

static void touch(struct partition *p)
{
    struct topic_store *s = p->topic->store;
    if (p->is_touched) {
        return;
    }
    if (s->touched_count == s->touched_cap) {
        s->touched_cap = s->touched_cap == 0 ? 16 : s->touched_cap * 2;
        s->touched = xrealloc(s->touched, s->touched_cap, sizeof *s->touched);
    }
    s->touched[s->touched_count++] = p;
    p->is_touched = true;
}

/* Any failed write is final, a full disk too: space was reserved, so it should not happen. */
static err write_parts(struct partition *p, struct iovec *parts, int count, uint64_t at,
                       struct errmsg *msg)
{
    struct errmsg why = {0};
    err e = os_pwritev(p->file->fd, parts, count, at, &why);
    if (e != ERR_OK) {
        (void)errmsg_wrap(&why, e, "append to %s", p->dir);
        store_fail(p->topic->store, why.text);
        return errmsg_set(msg, ERR_IO, "%s", why.text);
    }
    return ERR_OK;
}

err partition_write_pending(struct partition *p, struct errmsg *msg)
{
    if (p->pending.len == 0) {
        return ERR_OK;
    }
    struct iovec part = {.iov_base = p->pending.data, .iov_len = p->pending.len};
    TRY(write_parts(p, &part, 1, p->position - p->pending.len, msg));
    p->pending.len = 0;
    return ERR_OK;
}

/* Takes blocks up to `target`. Nothing has changed after an error, but perhaps the file's size. */
static err take_blocks(struct partition *p, uint64_t target)
{
    err e = os_reserve(p->file->fd, p->reserved, target - p->reserved, NULL);
    if (e != ERR_OK) {
        (void)os_truncate(p->file->fd, p->reserved, NULL); /* zeros after the end do no harm */
        return e;
    }
    p->reserved = target;
    return ERR_OK;
}

/* Makes sure that `len` more bytes have their blocks. Errors: NOSPACE, IO. */
static err reserve(struct partition *p, size_t len, struct errmsg *msg)
{
    uint64_t need = p->position + len;
    if (need <= p->reserved) {
        return ERR_OK;
    }
    struct topic_store *s = p->topic->store;
    uint64_t target = MIN(need + p->reserve_step, MAX(need, p->topic->meta.settings.segment_bytes));
    err e = take_blocks(p, target);
    if (e == ERR_NOSPACE && target > need) {
        e = take_blocks(p, need);
    }
    if (e == ERR_NOSPACE) {
        return errmsg_set(msg, ERR_NOSPACE, "no space left on the disk for the log");
    }
    if (e != ERR_OK) {
        store_fail(s, "the file system refused to reserve space for the log");
        return ERR_IO;
    }
    p->reserve_step = MIN(p->reserve_step * 2, s->options.reserve_bytes);
    return ERR_OK;
}

/* Writes zeros over reserved space ahead of small appends. Otherwise each sync of a few KiB would
 * have to note in the file system's journal that reserved blocks have become written ones, and
 * wait for it: 0.5 ms instead of 0.25. For large appends writing twice would cost more. */
static err zero_ahead(struct partition *p, size_t len, struct errmsg *msg)
{
    static const char zeros[ZEROS_BYTES];
    uint64_t need = p->position + len;
    if (need <= p->zeroed || p->topic->meta.settings.durability == TOPIC_PAGE_CACHE) {
        return ERR_OK;
    }
    uint64_t from = MAX(p->zeroed, p->position);
    uint64_t to = MIN(need + ZERO_STEP_BYTES, p->reserved);
    struct iovec parts[ZERO_PARTS_MAX];
    int count = 0;
    for (uint64_t at = from; at < to && count < ZERO_PARTS_MAX; count++) {
        union {
            const char *in;
            char *out;
        } bytes = {.in = zeros}; /* iovec has no const; pwritev only reads */
        size_t part = (size_t)MIN(to - at, (uint64_t)ZEROS_BYTES);
        parts[count] = (struct iovec){.iov_base = bytes.out, .iov_len = part};
        at += part;
        p->zeroed = at;
    }
    return write_parts(p, parts, count, from, msg);
}

err partition_roll(struct partition *p, struct errmsg *msg)
{
    TRY(partition_hold(p, msg));
    TRY(partition_write_pending(p, msg));
    AUTO_TEXT path = segment_path(p->dir, p->next_offset, ".log");
    AUTO_FD fd = -1;
    err e = os_open(path, O_RDWR | O_CREAT, &fd, msg);
    if (e == ERR_OK) {
        e = os_reserve(fd, 0, RESERVE_FIRST_BYTES, msg);
        if (e == ERR_NOSPACE) {
            (void)os_unlink(path, NULL); /* an empty one is harmless */
        }
    }
    if (e != ERR_OK) {
        return e == ERR_NOSPACE ? e : errmsg_wrap(msg, ERR_IO, "start a segment");
    }
    partition_index_flush(p);
    (void)os_truncate(p->file->fd, p->position, NULL); /* gives back what was reserved in vain */
    store_announce_file(p->topic->store, p->file,
                        p->topic->meta.settings.durability == TOPIC_PAGE_CACHE);
    sealed_add(p, (struct sealed_segment){
                      .base = p->base, .bytes = p->position, .last_append_us = p->last_append_us});
    log_file_unref(p->file);
    os_close(p->index_fd);
    p->index_fd = -1;
    p->file = log_file_new(os_take_fd(&fd), p->dir);
    p->base = p->next_offset;
    p->position = 0;
    p->reserved = RESERVE_FIRST_BYTES;
    p->reserve_step = RESERVE_FIRST_BYTES;
    p->zeroed = 0;
    index_open(p);
    touch(p);
    return ERR_OK;
}

/* Copies a small batch behind the others. */
static void put_pending(struct partition *p, struct str batch)
{
    size_t at = p->pending.len;
    bool fits = buf_add_str(&p->pending, batch);
    ASSERT(fits); /* below PENDING_WRITE_BYTES + DIRECT_BYTES */
    batch_patch(p->pending.data + at, p->next_offset, p->topic->store->epoch);
}

/* Writes a large batch together with what is pending. */
static err write_direct(struct partition *p, struct str batch, struct errmsg *msg)
{
    char head[BATCH_PATCH_BYTES];
    memcpy(head, batch.ptr, sizeof head);
    batch_patch(head, p->next_offset, p->topic->store->epoch);
    union {
        const char *in;
        char *out;
    } rest = {.in = batch.ptr + sizeof head}; /* iovec has no const; pwritev only reads */
    struct iovec parts[3] = {
        {.iov_base = p->pending.data, .iov_len = p->pending.len},
        {.iov_base = head, .iov_len = sizeof head},
        {.iov_base = rest.out, .iov_len = batch.len - sizeof head},
    };
    TRY(write_parts(p, parts, 3, p->position - p->pending.len, msg));
    p->pending.len = 0;
    return ERR_OK;
}

/* A file of the log that cannot be opened any more is as bad as one that cannot be written. */
static err hold_to_append(struct partition *p, struct errmsg *msg)
{
    struct errmsg why = {0};
    err e = partition_hold(p, &why);
    if (e == ERR_LIMIT) {
        return errmsg_set(msg, e,
                          "too many files and connections are open; raise the process's limit of "
                          "open files (ulimit -n)");
    }
    if (e != ERR_OK) {
        store_fail(p->topic->store, why.text);
        return errmsg_set(msg, ERR_IO, "%s", why.text);
    }
    return ERR_OK;
}

err partition_append(struct partition *p, struct str batch, const struct batch_header *h,
                     int64_t *out_base_offset, struct errmsg *msg)
{
    const struct topic_settings *settings = &p->topic->meta.settings;
    TRY(hold_to_append(p, msg));
    int64_t next = p->next_offset + h->last_offset_delta + 1;
    if (p->position > 0 &&
        (p->position + batch.len > settings->segment_bytes || next - 1 - p->base > INT32_MAX)) {
        TRY(partition_roll(p, msg));
    }
    TRY(reserve(p, batch.len, msg));
    if (batch.len < DIRECT_BYTES) {
        TRY(zero_ahead(p, batch.len, msg));
        put_pending(p, batch);
    } else {
        TRY(write_direct(p, batch, msg));
    }
    index_note(p, next - 1, p->position);
    *out_base_offset = p->next_offset;
    p->position += batch.len;
    p->next_offset = next;
    p->last_append_us = os_now_us();
    touch(p);
    if (p->pending.len >= PENDING_WRITE_BYTES || settings->durability == TOPIC_PAGE_CACHE) {
        return partition_write_pending(p, msg);
    }
    return ERR_OK;
}
