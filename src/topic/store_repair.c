/* SPDX-License-Identifier: MIT */
/* store_repair.c - lets go of what is damaged in a partition, and of nothing else.
 *
 * All segments are walked; after a bad place the next batch with a right checksum is looked for
 * byte by byte. What is found are runs of good batches. A segment that is not one run is taken
 * apart: each run becomes a segment of its own, the old file stays beside them as
 * <base>.log.<time>.damaged. The offsets between runs are gaps; they are recorded in topic.json
 * before any file changes, and are never given to other events. Order: copies (fsynced),
 * topic.json, renames, directory, mark. After a crash in between the mark still says "damaged", and
 * repairing again ends the same way. Thread: reactor; blocks. */
#include "os/clock.h"
#include "os/file.h"
#include "topic/store_int.h"

enum { SEARCH_BYTES = 1 << 20 };

struct run {
    size_t segment;
    uint64_t from;
    uint64_t to;
    int64_t first;
    int64_t next;
};

struct repair {
    struct partition *p; /* borrowed */
    struct segment_list list;
    bool *is_broken;  /* owned; by segment: to be taken apart */
    struct run *runs; /* owned, ascending */
    size_t run_count;
    size_t run_cap;
    int64_t ceiling; /* offsets from here on are not believed */
    int64_t end;
    int64_t lost;
};

static void repair_deinit(struct repair *r)
{
    segment_list_free(&r->list);
    free(r->is_broken);
    free(r->runs);
}

static void run_add(struct repair *r, struct run run)
{
    if (r->run_count == r->run_cap) {
        r->run_cap = r->run_cap == 0 ? 16 : r->run_cap * 2;
        r->runs = xrealloc(r->runs, r->run_cap, sizeof *r->runs);
    }
    r->runs[r->run_count++] = run;
}

/* A place that may start a batch: header sound, offset in [min, max). */
static bool looks_like_batch(struct str bytes, int64_t min, int64_t max, struct batch_header *h)
{
    return bytes.ptr[16] == 2 && batch_header_decode(bytes, h, NULL) == ERR_OK &&
           h->base_offset >= min && h->base_offset < max;
}

/* The first place from `*position` on with a whole good batch; *out_found false when there is
 * none. */
static err search(struct segment_window *w, uint64_t size, int64_t min, int64_t max,
                  uint64_t *position, int64_t *out_offset, bool *out_found, struct errmsg *msg)
{
    *out_found = false;
    uint64_t at = *position;
    while (at + BATCH_HEADER_BYTES <= size) {
        struct str bytes;
        TRY(segment_window_get(w, at, BATCH_HEADER_BYTES, &bytes, msg));
        if (bytes.len < BATCH_HEADER_BYTES) {
            return ERR_OK;
        }
        size_t last = bytes.len - BATCH_HEADER_BYTES;
        struct batch_header h;
        size_t i = 0;
        while (i <= last && !looks_like_batch(str_of(bytes.ptr + i, bytes.len - i), min, max, &h)) {
            i++;
        }
        at += i;
        if (i > last) {
            continue;
        }
        if (h.total_bytes <= size - at) {
            TRY(segment_window_get(w, at, h.total_bytes, &bytes, msg));
            if (batch_crc_ok(bytes, &h)) {
                *position = at;
                *out_offset = h.base_offset;
                *out_found = true;
                return ERR_OK;
            }
        }
        at++;
    }
    return ERR_OK;
}

static err find_runs_in(struct repair *r, size_t i, struct errmsg *msg)
{
    AUTO_TEXT path = segment_path(r->p->dir, r->list.bases[i], ".log");
    AUTO_FD fd = -1;
    struct os_stat st;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    TRY(os_fstat(fd, &st, msg));
    int64_t next_base = i + 1 < r->list.count ? r->list.bases[i + 1] : INT64_MAX;
    int64_t max = MIN(next_base, r->ceiling);
    AUTO_WINDOW window = segment_window_make(fd, SEARCH_BYTES);
    struct segment_walk walk = {.next_offset = r->list.bases[i],
                                .limit = st.size_bytes,
                                .stop_offset = max,
                                .check_crc = true};
    for (;;) {
        uint64_t from = walk.position;
        int64_t first = walk.next_offset;
        TRY(segment_walk_run(&window, &walk, msg));
        if (walk.position > from) {
            run_add(r, (struct run){.segment = i,
                                    .from = from,
                                    .to = walk.position,
                                    .first = first,
                                    .next = walk.next_offset});
        }
        if (walk.stop != SEGMENT_AT_BAD) {
            return ERR_OK;
        }
        r->is_broken[i] = true;
        bool found = false;
        walk.position++;
        TRY(search(&window, st.size_bytes, walk.next_offset, max, &walk.position, &walk.next_offset,
                   &found, msg));
        if (!found) {
            return ERR_OK;
        }
    }
}

static err find_runs(struct repair *r, struct errmsg *msg)
{
    struct partition *p = r->p;
    TRY(segment_list_load(p->dir, &r->list, msg));
    r->is_broken = xnew_array(bool, r->list.count + 1);
    for (size_t i = 0; i < r->list.count; i++) {
        bool is_leftover = i + 1 < r->list.count && r->list.bases[i + 1] <= p->log_start;
        if (!is_leftover) {
            TRY(find_runs_in(r, i, msg));
        }
    }
    return ERR_OK;
}

/* Adds [from, next) to the gaps unless it is known. */
static void gap_add(struct repair *r, struct topic_meta *m, int64_t from, int64_t next)
{
    if (from >= next || topic_gap_covers(m, r->p->index, from, next)) {
        return;
    }
    m->gaps = xrealloc(m->gaps, m->gap_count + 1, sizeof *m->gaps);
    m->gaps[m->gap_count++] = (struct topic_gap){
        .partition = r->p->index, .from = from, .next = next, .repaired_us = os_now_us()};
    r->lost += next - from;
}

static err record_gaps(struct repair *r, struct errmsg *msg)
{
    struct topic *t = r->p->topic;
    AUTO_TOPIC_META m = {0};
    topic_meta_copy(&t->meta, &m);
    int64_t expected = r->p->log_start;
    for (size_t i = 0; i < r->run_count; i++) {
        gap_add(r, &m, expected, r->runs[i].first);
        expected = MAX(expected, r->runs[i].next);
    }
    r->end = MAX(r->p->next_offset, expected);
    gap_add(r, &m, expected, r->end);
    if (m.gap_count == t->meta.gap_count) {
        return ERR_OK;
    }
    AUTO_TEXT path = xasprintf("%s/topic.json", t->dir);
    TRY(topic_meta_save(path, &m, msg));
    topic_meta_deinit(&t->meta);
    t->meta = m;
    m = (struct topic_meta){0};
    return ERR_OK;
}

static err copy_runs(const struct repair *r, struct errmsg *msg)
{
    for (size_t i = 0; i < r->run_count; i++) {
        const struct run *run = &r->runs[i];
        if (r->is_broken[run->segment]) {
            AUTO_TEXT from = segment_path(r->p->dir, r->list.bases[run->segment], ".log");
            AUTO_TEXT to = segment_path(r->p->dir, run->first, ".log.tmp");
            TRY(recover_copy(from, run->from, run->to, to, msg));
        }
    }
    return ERR_OK;
}

/* Puts a broken segment's runs in its place: the one that takes its name comes last, so that until
 * then everything is still in the old file. */
static err take_apart(const struct repair *r, size_t segment, struct errmsg *msg)
{
    const char *dir = r->p->dir;
    int64_t base = r->list.bases[segment];
    AUTO_TEXT log = segment_path(dir, base, ".log");
    AUTO_TEXT index = segment_path(dir, base, ".index");
    AUTO_TEXT suffix = xasprintf(".log.%lld.damaged", (long long)os_now_us());
    AUTO_TEXT kept = segment_path(dir, base, suffix);
    TRY(os_link(log, kept, msg));
    (void)os_unlink(index, NULL); /* disposable; may not be there */
    bool is_replaced = false;
    for (size_t i = r->run_count; i > 0; i--) {
        const struct run *run = &r->runs[i - 1];
        if (run->segment == segment) {
            AUTO_TEXT from = segment_path(dir, run->first, ".log.tmp");
            AUTO_TEXT to = segment_path(dir, run->first, ".log");
            TRY(os_rename(from, to, msg));
            is_replaced |= run->first == base;
        }
    }
    return is_replaced ? ERR_OK : os_unlink(log, msg);
}

/* Where the next append goes: the end of the last run, or a new segment after a last gap. */
static err make_end(const struct repair *r, struct segment_mark *mark, struct errmsg *msg)
{
    const struct run *last = r->run_count > 0 ? &r->runs[r->run_count - 1] : NULL;
    if (last != NULL && last->next == r->end) {
        bool is_own = r->is_broken[last->segment];
        mark->segment = is_own ? last->first : r->list.bases[last->segment];
        mark->position = is_own ? last->to - last->from : last->to;
        return ERR_OK;
    }
    AUTO_TEXT path = segment_path(r->p->dir, r->end, ".log");
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDWR | O_CREAT, &fd, msg));
    TRY(os_fdatasync(fd, msg));
    mark->segment = r->end;
    mark->position = 0;
    return ERR_OK;
}

/* Changes the files. */
static err apply(struct repair *r, struct segment_mark *out_mark, struct errmsg *msg)
{
    struct partition *p = r->p;
    TRY(copy_runs(r, msg));
    TRY(record_gaps(r, msg));
    for (size_t i = 0; i < r->list.count; i++) {
        if (r->is_broken[i]) {
            TRY(take_apart(r, i, msg));
        }
    }
    int64_t first = r->run_count > 0 ? r->runs[0].first : r->end;
    struct segment_mark mark = {
        .generation = p->mark_generation, .log_start = MAX(p->log_start, first), .end = r->end};
    TRY(make_end(r, &mark, msg));
    TRY(os_fsync_dir(p->dir, msg));
    if (p->has_mark) {
        TRY(recover_mark_write(p->dir, &mark, msg));
    } else {
        TRY(segment_mark_create(p->dir, &mark, msg));
        TRY(os_fsync_dir(p->dir, msg));
    }
    *out_mark = mark;
    return ERR_OK;
}

/* Starts over with the files as they are now. */
static err reopen(struct partition *p, const struct segment_mark *mark, struct errmsg *msg)
{
    partition_close_files(p);
    p->is_damaged = false;
    p->why[0] = '\0';
    err e = partition_open_files(p, mark->end, mark->position, msg);
    p->has_mark = true;
    if (e != ERR_OK) {
        partition_close_files(p);
        partition_damaged(p, "it was repaired and could not be opened");
        return e;
    }
    p->log_start = mark->log_start;
    p->mark_generation = mark->generation;
    p->mark_log_start = mark->log_start;
    p->mark_flags = 0;
    atomic_store(&p->marked_log_start, mark->log_start);
    return ERR_OK;
}

err topic_repair(struct topic *t, uint32_t partition, int64_t *out_lost, struct errmsg *msg)
{
    struct topic_store *s = t->store;
    if (partition >= t->meta.partition_count || !t->partitions[partition]->is_damaged) {
        return errmsg_set(msg, ERR_INVALID, "partition %u of topic %s is not damaged", partition,
                          t->meta.name);
    }
    struct partition *p = t->partitions[partition];
    TRY(topic_wait_check(t, msg));
    TRY(topic_store_sync_now(s, msg));
    store_forget(s, p);
    struct repair r = {.p = p, .ceiling = p->has_mark ? p->next_offset : INT64_MAX};
    struct segment_mark mark = {0};
    err e = find_runs(&r, msg);
    if (e == ERR_OK) {
        e = apply(&r, &mark, msg);
    }
    int64_t lost = r.lost;
    repair_deinit(&r);
    if (e != ERR_OK) {
        return errmsg_wrap(msg, e == ERR_NOT_FOUND ? ERR_IO : e, "repair topic %s, partition %u",
                           t->meta.name, partition);
    }
    TRY(reopen(p, &mark, msg));
    *out_lost = lost;
    return ERR_OK;
}
