/* SPDX-License-Identifier: MIT */
/* segment.c - see segment.h. */
#include "topic/segment.h"

#include "base/hash.h"
#include "os/file.h"

enum { MARK_MAGIC = 0x746d726b, MARK_VERSION = 1, MARK_BYTES = 64 }; /* "tmrk" */

static void put_u32(char *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}
static void put_u64(char *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}
static uint32_t get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}
static uint64_t get_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

/* Names. */

char *segment_path(const char *dir, int64_t base, const char *suffix)
{
    return xasprintf("%s/%020lld%s", dir, (long long)base, suffix);
}

err segment_list_load(const char *dir, struct segment_list *out_list, struct errmsg *msg)
{
    AUTO_NAMES names = {0};
    TRY(os_list(dir, &names, msg));
    struct segment_list list = {.bases = xnew_array(int64_t, MAX(names.count, 1))};
    for (size_t i = 0; i < names.count; i++) {
        struct str name = str_from(names.items[i]);
        int64_t base = 0;
        if (name.len == 24 && str_ends(name, STR(".log")) &&
            str_to_i64(str_of(name.ptr, 20), &base) && base >= 0) {
            list.bases[list.count++] = base; /* names of 20 digits sort as numbers do */
        }
    }
    *out_list = list;
    return ERR_OK;
}

void segment_list_free(struct segment_list *list)
{
    free(list->bases);
    *list = (struct segment_list){0};
}

ptrdiff_t segment_list_find(const struct segment_list *list, int64_t offset)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->bases[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (ptrdiff_t)low - 1;
}

/* The mark. */

void segment_mark_encode(const struct segment_mark *m, char out[64])
{
    memset(out, 0, MARK_BYTES);
    put_u32(out, MARK_MAGIC);
    put_u32(out + 4, MARK_VERSION);
    put_u64(out + 8, m->generation);
    put_u64(out + 16, (uint64_t)m->log_start);
    put_u64(out + 24, (uint64_t)m->end);
    put_u64(out + 32, (uint64_t)m->segment);
    put_u64(out + 40, m->position);
    put_u32(out + 48, m->flags);
    put_u32(out + 60, crc32c(0, out, 60));
}

static bool mark_slot_decode(const char *p, struct segment_mark *out)
{
    if (get_u32(p) != MARK_MAGIC || get_u32(p + 4) != MARK_VERSION ||
        get_u32(p + 60) != crc32c(0, p, 60)) {
        return false;
    }
    struct segment_mark m = {
        .generation = get_u64(p + 8),
        .log_start = (int64_t)get_u64(p + 16),
        .end = (int64_t)get_u64(p + 24),
        .segment = (int64_t)get_u64(p + 32),
        .position = get_u64(p + 40),
        .flags = get_u32(p + 48),
    };
    if (m.log_start < 0 || m.end < m.log_start || m.segment < 0 || m.segment > m.end ||
        m.position > INT64_MAX) {
        return false;
    }
    *out = m;
    return true;
}

err segment_mark_decode(struct str file, struct segment_mark *out_mark)
{
    bool found = false;
    for (size_t at = 0; at + MARK_BYTES <= file.len && at <= SEGMENT_MARK_SLOT;
         at += SEGMENT_MARK_SLOT) {
        struct segment_mark m;
        if (mark_slot_decode(file.ptr + at, &m) &&
            (!found || m.generation > out_mark->generation)) {
            *out_mark = m;
            found = true;
        }
    }
    return found ? ERR_OK : ERR_CORRUPT;
}

err segment_mark_load(const char *dir, struct segment_mark *out_mark, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/mark", dir);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    char bytes[SEGMENT_MARK_BYTES];
    size_t got = 0;
    TRY(os_pread(fd, bytes, sizeof bytes, 0, &got, msg));
    if (segment_mark_decode(str_of(bytes, got), out_mark) != ERR_OK) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is damaged", path);
    }
    return ERR_OK;
}

err segment_mark_create(const char *dir, const struct segment_mark *m, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/mark", dir);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY | O_CREAT, &fd, msg));
    char bytes[SEGMENT_MARK_BYTES] = {0};
    segment_mark_encode(m, bytes);
    segment_mark_encode(m, bytes + SEGMENT_MARK_SLOT);
    TRY(os_pwrite(fd, bytes, sizeof bytes, 0, msg));
    return os_fdatasync(fd, msg);
}

/* Reading and walking. */

err segment_window_get(struct segment_window *w, uint64_t position, size_t len,
                       struct str *out_bytes, struct errmsg *msg)
{
    bool inside = position >= w->at && position <= w->at + w->bytes.len;
    size_t have = inside ? (size_t)(w->at + w->bytes.len - position) : 0;
    if (have < len) {
        if (have > 0) {
            buf_consume(&w->bytes, (size_t)(position - w->at));
        } else {
            buf_reset(&w->bytes);
        }
        w->at = position;
        size_t want = MAX(len, w->read_ahead) - have;
        if (!buf_reserve(&w->bytes, want)) {
            return errmsg_set(msg, ERR_NOMEM, "no memory to read %zu bytes of the log", want);
        }
        size_t got = 0;
        TRY(os_pread(w->fd, w->bytes.data + w->bytes.len, want, position + have, &got, msg));
        w->bytes.len += got;
    }
    size_t skip = (size_t)(position - w->at);
    *out_bytes = str_of(w->bytes.data + skip, w->bytes.len - skip);
    return ERR_OK;
}

static bool is_zeros(struct str bytes)
{
    return bytes.len == 0 ||
           (bytes.ptr[0] == 0 && memcmp(bytes.ptr, bytes.ptr + 1, bytes.len - 1) == 0);
}

bool segment_is_blank(struct str bytes)
{
    return is_zeros(str_of(bytes.ptr, MIN(bytes.len, (size_t)BATCH_HEADER_BYTES)));
}

err segment_data_end(struct segment_window *w, uint64_t position, uint64_t size, uint64_t *out_end,
                     struct errmsg *msg)
{
    uint64_t end = position;
    while (position < size) {
        struct str bytes;
        TRY(segment_window_get(w, position, 1, &bytes, msg));
        if (bytes.len == 0) {
            break; /* it became shorter */
        }
        size_t len = (size_t)MIN((uint64_t)bytes.len, size - position);
        if (!is_zeros(str_of(bytes.ptr, len))) {
            size_t last = len;
            while (bytes.ptr[last - 1] == 0) {
                last--;
            }
            end = position + last;
        }
        position += len;
    }
    *out_end = end;
    return ERR_OK;
}

/* For a seeded bug: is there no batch after the one at walk->position? */
static err is_last(struct segment_window *w, const struct segment_walk *walk,
                   const struct batch_header *h, bool *out_last, struct errmsg *msg)
{
    struct str bytes;
    TRY(segment_window_get(w, walk->position, h->total_bytes + BATCH_HEADER_BYTES, &bytes, msg));
    *out_last = bytes.len <= h->total_bytes ||
                segment_is_blank(str_of(bytes.ptr + h->total_bytes, bytes.len - h->total_bytes));
    return ERR_OK;
}

/* Judges the batch at walk->position; *out_good false with walk->why set when it is none. */
static err walk_one(struct segment_window *w, struct segment_walk *walk, struct batch_header *h,
                    bool *out_good, struct errmsg *msg)
{
    uint64_t left = walk->limit - walk->position;
    struct str bytes;
    *out_good = false;
    TRY(segment_window_get(w, walk->position, BATCH_HEADER_BYTES, &bytes, msg));
    bytes.len = MIN(bytes.len, left);
    struct errmsg why = {0};
    if (batch_header_decode(bytes, h, &why) != ERR_OK) {
        (void)snprintf(walk->why, sizeof walk->why, "%s", why.text); /* cut is fine */
        return ERR_OK;
    }
    if (walk->next_offset >= 0 && h->base_offset != walk->next_offset) {
        (void)snprintf(walk->why, sizeof walk->why, "offset %lld where %lld should be",
                       (long long)h->base_offset, (long long)walk->next_offset);
        return ERR_OK;
    }
    if (h->total_bytes > left) {
        (void)snprintf(walk->why, sizeof walk->why, "batch of %zu bytes, %llu are there",
                       h->total_bytes, (unsigned long long)left);
        return ERR_OK;
    }
    bool trusted = false;
    if (walk->trust_last) {
        TRY(is_last(w, walk, h, &trusted, msg));
    }
    if (walk->check_crc && !trusted) {
        TRY(segment_window_get(w, walk->position, h->total_bytes, &bytes, msg));
        if (!batch_crc_ok(bytes, h)) {
            (void)snprintf(walk->why, sizeof walk->why, "checksum of the batch at offset %lld",
                           (long long)h->base_offset);
            return ERR_OK;
        }
    }
    *out_good = true;
    return ERR_OK;
}

err segment_walk_run(struct segment_window *w, struct segment_walk *walk, struct errmsg *msg)
{
    walk->max_timestamp_ms = -1;
    walk->batches = 0;
    walk->why[0] = '\0';
    for (;;) {
        if (walk->next_offset >= walk->stop_offset) {
            walk->stop = SEGMENT_AT_OFFSET;
            return ERR_OK;
        }
        if (walk->position >= walk->limit) {
            walk->stop = SEGMENT_AT_END;
            return ERR_OK;
        }
        struct batch_header h;
        bool good = false;
        TRY(walk_one(w, walk, &h, &good, msg));
        if (!good) {
            walk->stop = SEGMENT_AT_BAD;
            return ERR_OK;
        }
        if (walk->on_batch != NULL && !walk->on_batch(walk->context, &h, walk->position)) {
            walk->stop = SEGMENT_AT_CALLER;
            return ERR_OK;
        }
        walk->position += h.total_bytes;
        walk->next_offset = batch_next_offset(&h);
        walk->max_timestamp_ms = MAX(walk->max_timestamp_ms, h.max_timestamp_ms);
        walk->batches++;
    }
}

/* The index. */

static bool index_entry(int fd, uint64_t i, uint32_t *out_relative, uint32_t *out_position)
{
    char bytes[SEGMENT_INDEX_ENTRY];
    size_t got = 0;
    if (os_pread(fd, bytes, sizeof bytes, i * SEGMENT_INDEX_ENTRY, &got, NULL) != ERR_OK ||
        got != sizeof bytes) {
        return false;
    }
    *out_relative = get_u32(bytes);
    *out_position = get_u32(bytes + 4);
    return true;
}

uint64_t segment_index_find(const char *dir, int64_t base, int64_t offset, uint64_t position_max)
{
    AUTO_TEXT path = segment_path(dir, base, ".index");
    AUTO_FD fd = -1;
    struct os_stat st;
    if (os_open(path, O_RDONLY, &fd, NULL) != ERR_OK || os_fstat(fd, &st, NULL) != ERR_OK) {
        return 0;
    }
    uint64_t low = 0;
    uint64_t high = st.size_bytes / SEGMENT_INDEX_ENTRY;
    uint32_t best_position = 0;
    uint32_t best_relative = 0;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint32_t relative = 0;
        uint32_t position = 0;
        if (!index_entry(fd, middle, &relative, &position)) {
            return 0;
        }
        if (base + (int64_t)relative <= offset && position < position_max) {
            best_relative = relative;
            best_position = position;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* Believe it only when the batch there says the same. */
    AUTO_TEXT log = segment_path(dir, base, ".log");
    AUTO_FD log_fd = -1;
    char bytes[BATCH_HEADER_BYTES];
    size_t got = 0;
    struct batch_header h;
    if (best_position == 0 || os_open(log, O_RDONLY, &log_fd, NULL) != ERR_OK ||
        os_pread(log_fd, bytes, sizeof bytes, best_position, &got, NULL) != ERR_OK ||
        batch_header_decode(str_of(bytes, got), &h, NULL) != ERR_OK ||
        batch_next_offset(&h) - 1 != base + (int64_t)best_relative) {
        return 0;
    }
    return best_position;
}
