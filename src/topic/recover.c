/* SPDX-License-Identifier: MIT */
/* recover.c - see recover.h. */
#include "topic/recover.h"

#include "base/seeded.h"
#include "os/file.h"

enum { COPY_BYTES = 1 << 20, WALK_READ_AHEAD = 256 << 10 };

void recovery_deinit(struct recovery *r)
{
    segment_list_free(&r->segments);
    free(r->parts);
    *r = (struct recovery){0};
}

static void set_damaged(struct recovery *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void set_damaged(struct recovery *r, const char *format, ...)
{
    if (r->is_damaged && r->why[0] != '\0') {
        return; /* the first reason is the one to tell */
    }
    r->is_damaged = true;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->why, sizeof r->why, format, args); /* cut is fine */
    va_end(args);
}

static err open_segment(const char *dir, int64_t base, int *out_fd, uint64_t *out_size,
                        struct errmsg *msg)
{
    AUTO_TEXT path = segment_path(dir, base, ".log");
    AUTO_FD fd = -1;
    struct os_stat st;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    TRY(os_fstat(fd, &st, msg));
    *out_fd = os_take_fd(&fd);
    *out_size = st.size_bytes;
    return ERR_OK;
}

/* Checks the end of what the mark vouches for. Sets is_tail_usable. */
static err plan_before_mark(const char *dir, const struct recover_options *options,
                            struct recovery *r, struct errmsg *msg)
{
    struct segment_mark *mark = &r->mark;
    AUTO_FD fd = -1;
    uint64_t size = 0;
    TRY(open_segment(dir, mark->segment, &fd, &size, msg));
    if (size < mark->position) {
        set_damaged(r, "segment %lld has %llu bytes, its mark says %llu", (long long)mark->segment,
                    (unsigned long long)size, (unsigned long long)mark->position);
        if (!SEEDED_BUG(SEEDED_CUT_MID_LOG)) {
            return ERR_OK;
        }
    }
    struct segment_walk walk = {.next_offset = mark->segment,
                                .limit = MIN(size, mark->position),
                                .stop_offset = INT64_MAX,
                                .check_crc = true};
    if (mark->position > options->verify_bytes) {
        uint64_t before = mark->position - options->verify_bytes;
        walk.position = segment_index_find(dir, mark->segment, INT64_MAX, before);
        walk.next_offset = walk.position > 0 ? -1 : mark->segment;
    }
    AUTO_WINDOW window = segment_window_make(fd, WALK_READ_AHEAD);
    TRY(segment_walk_run(&window, &walk, msg));
    r->is_tail_usable = size >= mark->position;
    if (walk.stop == SEGMENT_AT_END && walk.position == mark->position &&
        walk.next_offset == mark->end) {
        return ERR_OK;
    }
    if (SEEDED_BUG(SEEDED_CUT_MID_LOG)) {
        mark->position = walk.position;
        mark->end = walk.next_offset;
        r->is_damaged = false;
        r->is_tail_usable = true;
        return ERR_OK;
    }
    set_damaged(r, "segment %lld is damaged at byte %llu, before its mark: %s",
                (long long)mark->segment, (unsigned long long)walk.position,
                walk.stop == SEGMENT_AT_BAD ? walk.why : "it ends at another offset");
    return ERR_OK;
}

/* Walks on from the mark, over as many segments as follow without a break. */
static err plan_tail(const char *dir, struct recovery *r, struct errmsg *msg)
{
    size_t count = r->segments.count;
    r->parts = xnew_array(struct recover_part, count);
    uint64_t from = r->mark.position;
    bool going = true;
    for (size_t i = (size_t)r->mark_index; i < count; i++) {
        AUTO_FD fd = -1;
        uint64_t size = 0;
        TRY(open_segment(dir, r->segments.bases[i], &fd, &size, msg));
        if (!going || r->segments.bases[i] > r->end) {
            uint64_t data_end = 0;
            AUTO_WINDOW window = segment_window_make(fd, WALK_READ_AHEAD);
            TRY(segment_data_end(&window, 0, size, &data_end, msg));
            r->cut_bytes += data_end;
            going = false;
            continue;
        }
        struct segment_walk walk = {.position = from,
                                    .next_offset = r->end,
                                    .limit = size,
                                    .stop_offset =
                                        i + 1 < count ? r->segments.bases[i + 1] : INT64_MAX,
                                    .check_crc = true,
                                    .trust_last = SEEDED_BUG(SEEDED_SKIP_LAST_CRC)};
        AUTO_WINDOW window = segment_window_make(fd, WALK_READ_AHEAD);
        TRY(segment_walk_run(&window, &walk, msg));
        if (walk.position > from) {
            r->parts[r->part_count++] = (struct recover_part){.segment = i,
                                                              .from = from,
                                                              .to = walk.position,
                                                              .first_offset = r->end,
                                                              .next_offset = walk.next_offset};
            r->part_bytes += walk.position - from;
        }
        r->end = walk.next_offset;
        uint64_t data_end = walk.position;
        if (walk.stop == SEGMENT_AT_BAD) {
            TRY(segment_data_end(&window, walk.position, size, &data_end, msg));
            r->cut_bytes += data_end - walk.position;
            r->has_reserve |= data_end < size;
        }
        going = data_end == walk.position; /* only reserved space, or nothing */
        from = 0;
    }
    return ERR_OK;
}

static err plan_with_mark(const char *dir, const struct recover_options *options,
                          struct recovery *r, struct errmsg *msg)
{
    r->log_start = r->mark.log_start;
    r->end = r->mark.end;
    if ((r->mark.flags & SEGMENT_MARK_DAMAGED) != 0) {
        set_damaged(r, "damage was found before and is not repaired yet");
    }
    while (r->first + 1 < r->segments.count && r->segments.bases[r->first + 1] <= r->log_start) {
        r->first++;
    }
    if (r->segments.count == 0 || r->segments.bases[r->first] > r->log_start) {
        set_damaged(r, "the segment that holds offset %lld is missing", (long long)r->log_start);
    }
    r->mark_index = segment_list_find(&r->segments, r->mark.segment);
    if (r->mark_index < 0 || r->segments.bases[r->mark_index] != r->mark.segment) {
        set_damaged(r, "segment %lld, where the mark is, is missing", (long long)r->mark.segment);
        r->mark_index = -1;
        return ERR_OK;
    }
    TRY(plan_before_mark(dir, options, r, msg));
    r->end = r->mark.end;
    return r->is_tail_usable ? plan_tail(dir, r, msg) : ERR_OK;
}

/* Checks everything; then the last segment counts as the tail. */
static err plan_without_mark(const char *dir, const struct recover_options *options,
                             struct recovery *r, struct errmsg *msg)
{
    r->mark_index = -1;
    if (r->segments.count == 0) {
        set_damaged(r, "there is neither a mark nor a segment");
        return ERR_OK;
    }
    r->log_start = r->segments.bases[0];
    r->end = r->log_start;
    for (size_t i = 0; i < r->segments.count; i++) {
        int64_t base = r->segments.bases[i];
        bool is_gap_known = options->meta != NULL && base > r->end &&
                            topic_gap_covers(options->meta, options->partition, r->end, base);
        if (base != r->end && !is_gap_known) {
            set_damaged(r, "offsets %lld to %lld are missing and there is no mark",
                        (long long)r->end, (long long)base);
            return ERR_OK;
        }
        AUTO_FD fd = -1;
        uint64_t size = 0;
        TRY(open_segment(dir, base, &fd, &size, msg));
        int64_t next_base = i + 1 < r->segments.count ? r->segments.bases[i + 1] : INT64_MAX;
        struct segment_walk walk = {
            .next_offset = base, .limit = size, .stop_offset = next_base, .check_crc = true};
        AUTO_WINDOW window = segment_window_make(fd, WALK_READ_AHEAD);
        TRY(segment_walk_run(&window, &walk, msg));
        r->end = walk.next_offset;
        uint64_t data_end = walk.position;
        if (walk.stop == SEGMENT_AT_BAD) {
            TRY(segment_data_end(&window, walk.position, size, &data_end, msg));
        }
        if (data_end > walk.position) {
            set_damaged(r, "segment %lld is bad at byte %llu and there is no mark: %s",
                        (long long)base, (unsigned long long)walk.position, walk.why);
            return ERR_OK;
        }
    }
    int64_t last = r->segments.bases[r->segments.count - 1];
    r->mark = (struct segment_mark){.log_start = r->log_start, .end = last, .segment = last};
    r->mark_index = (ptrdiff_t)r->segments.count - 1;
    r->is_tail_usable = true;
    r->end = last;
    return plan_tail(dir, r, msg);
}

err recover_plan(const char *dir, const struct recover_options *options, struct recovery *out_plan,
                 struct errmsg *msg)
{
    AUTO_RECOVERY r = {.mark_index = -1};
    TRY(segment_list_load(dir, &r.segments, msg));
    err e = segment_mark_load(dir, &r.mark, msg);
    r.has_mark = e == ERR_OK;
    if (e == ERR_OK) {
        e = plan_with_mark(dir, options, &r, msg);
    } else if (e == ERR_NOT_FOUND || e == ERR_CORRUPT) {
        e = plan_without_mark(dir, options, &r, msg);
    }
    TRY(e);
    *out_plan = r;
    r = (struct recovery){0};
    return ERR_OK;
}

/* Applying. */

err recover_copy(const char *from_path, uint64_t from, uint64_t to, const char *to_path,
                 struct errmsg *msg)
{
    AUTO_FD in = -1;
    AUTO_FD out = -1;
    TRY(os_open(from_path, O_RDONLY, &in, msg));
    TRY(os_open(to_path, O_WRONLY | O_CREAT | O_TRUNC, &out, msg));
    AUTO_BUF room = buf_make(COPY_BYTES);
    if (!buf_reserve(&room, COPY_BYTES)) {
        return errmsg_set(msg, ERR_NOMEM, "no memory to copy a segment");
    }
    for (uint64_t at = from; at < to;) {
        size_t want = (size_t)MIN(to - at, (uint64_t)COPY_BYTES);
        size_t got = 0;
        TRY(os_pread(in, room.data, want, at, &got, msg));
        if (got != want) {
            return errmsg_set(msg, ERR_IO, "%s became shorter while it was copied", from_path);
        }
        TRY(os_pwrite(out, room.data, got, at - from, msg));
        at += got;
    }
    return os_fdatasync(out, msg);
}

err recover_mark_write(const char *dir, struct segment_mark *mark, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/mark", dir);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY, &fd, msg));
    mark->generation++;
    char bytes[64];
    segment_mark_encode(mark, bytes);
    TRY(os_pwrite(fd, bytes, sizeof bytes, mark->generation % 2 * SEGMENT_MARK_SLOT, msg));
    return os_fdatasync(fd, msg);
}

static err remove_segment(const char *dir, int64_t base, struct errmsg *msg)
{
    AUTO_TEXT log = segment_path(dir, base, ".log");
    AUTO_TEXT index = segment_path(dir, base, ".index");
    (void)os_unlink(index, NULL); /* disposable; may not be there */
    err e = os_unlink(log, msg);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Half-written files of a former recovery. */
static err remove_temporaries(const char *dir, struct errmsg *msg)
{
    AUTO_NAMES names = {0};
    TRY(os_list(dir, &names, msg));
    for (size_t i = 0; i < names.count; i++) {
        if (str_ends(str_from(names.items[i]), STR(".tmp"))) {
            AUTO_TEXT path = xasprintf("%s/%s", dir, names.items[i]);
            TRY(os_unlink(path, msg));
        }
    }
    return ERR_OK;
}

static err apply_parts(const char *dir, struct recovery *r, struct errmsg *msg)
{
    for (size_t i = 0; i < r->part_count; i++) {
        const struct recover_part *part = &r->parts[i];
        AUTO_TEXT from = segment_path(dir, r->segments.bases[part->segment], ".log");
        AUTO_TEXT temporary = segment_path(dir, part->first_offset, ".log.tmp");
        TRY(recover_copy(from, part->from, part->to, temporary, msg));
    }
    for (size_t i = 0; i < r->part_count; i++) {
        AUTO_TEXT temporary = segment_path(dir, r->parts[i].first_offset, ".log.tmp");
        AUTO_TEXT path = segment_path(dir, r->parts[i].first_offset, ".log");
        AUTO_TEXT index = segment_path(dir, r->parts[i].first_offset, ".index");
        (void)os_unlink(index, NULL); /* of the file that is replaced, if any */
        TRY(os_rename(temporary, path, msg));
    }
    return r->part_count > 0 ? os_fsync_dir(dir, msg) : ERR_OK;
}

/* Cuts the mark's segment at the mark, unless a copy has just taken its name. */
static err apply_cut(const char *dir, struct recovery *r, struct errmsg *msg)
{
    bool is_replaced = r->part_count > 0 && r->parts[0].first_offset == r->mark.segment;
    if (is_replaced) {
        return ERR_OK;
    }
    AUTO_TEXT path = segment_path(dir, r->mark.segment, ".log");
    AUTO_FD fd = -1;
    struct os_stat st;
    TRY(os_open(path, O_WRONLY, &fd, msg));
    TRY(os_fstat(fd, &st, msg));
    if (st.size_bytes == r->mark.position) {
        return ERR_OK;
    }
    TRY(os_truncate(fd, r->mark.position, msg));
    return os_fdatasync(fd, msg);
}

static err apply(const char *dir, struct recovery *r, struct errmsg *msg)
{
    if (r->is_damaged && r->has_mark && (r->mark.flags & SEGMENT_MARK_DAMAGED) == 0) {
        r->mark.flags |= SEGMENT_MARK_DAMAGED;
        TRY(recover_mark_write(dir, &r->mark, msg));
    }
    TRY(remove_temporaries(dir, msg));
    for (size_t i = 0; i < r->first; i++) {
        TRY(remove_segment(dir, r->segments.bases[i], msg));
    }
    if (!r->is_tail_usable) {
        return ERR_OK;
    }
    bool has_later = (size_t)r->mark_index + 1 < r->segments.count;
    bool has_leavings = has_later || r->has_reserve || r->first > 0;
    if (r->has_mark && r->part_count == 0 && r->cut_bytes == 0 && !has_leavings) {
        return ERR_OK; /* an orderly end: nothing to put right */
    }
    TRY(apply_parts(dir, r, msg));
    TRY(apply_cut(dir, r, msg));
    struct segment_mark mark = r->mark;
    for (size_t i = 0; i < r->part_count; i++) {
        mark.segment = r->parts[i].first_offset;
        mark.position = r->parts[i].to - r->parts[i].from;
    }
    for (size_t i = (size_t)r->mark_index + 1; i < r->segments.count; i++) {
        bool is_part = false;
        for (size_t k = 0; k < r->part_count; k++) {
            is_part |= r->parts[k].first_offset == r->segments.bases[i];
        }
        if (!is_part) {
            TRY(remove_segment(dir, r->segments.bases[i], msg));
        }
    }
    TRY(os_fsync_dir(dir, msg));
    mark.end = r->end;
    if (!r->has_mark) {
        TRY(segment_mark_create(dir, &mark, msg));
        TRY(os_fsync_dir(dir, msg));
    } else {
        TRY(recover_mark_write(dir, &mark, msg));
    }
    r->mark = mark;
    r->has_mark = true;
    return ERR_OK;
}

err recover_apply(const char *dir, struct recovery *r, struct errmsg *msg)
{
    err e = apply(dir, r, msg);
    if (e == ERR_NOSPACE) {
        (void)remove_temporaries(dir, NULL); /* halves of copies must not keep the disk full */
    }
    return e;
}
