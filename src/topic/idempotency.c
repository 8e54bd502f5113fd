/* SPDX-License-Identifier: MIT */
/* idempotency.c - see idempotency.h.
 *
 * Journal files DIR/topics/<topic>/requests-<10 digits>.journal hold records, little-endian:
 *     u32 length of the payload | u32 CRC-32C of the payload | payload
 *     payload: u8 type | u64 key hash low | u64 high | i64 time_us | ...
 *       BEGIN: u32 partition count | u32 keyless partition | u32 params length | params
 *              per partition: i64 scan_from | u32 ranges | ranges of {i32 position, i32 count, i64
 *              offset}: what is in the log before scan_from; the rest is found there by a scan
 *       END:   u64 digest low | u64 high | u32 count | count of {u32 partition, i64 next offset}: what
 *              the log must have for the END to count | u32 answer length | answer
 * A later record of a key takes the place of an earlier one. Every start writes to a new file, so a
 * torn tail is never appended to; it is ignored. A file goes when no key's last record is in it.
 *
 * Why nothing is appended twice: BEGIN is durable before the first append of its request, so each
 * batch with a producer id of our range has its BEGIN; recovery scans the log from the BEGIN's offsets
 * and finds every batch that survived. END and the last batches are synced in one round, in any
 * order: an END whose batches the log lacks is not believed. A lost END only means that a retry goes
 * the long way. */
#include "topic/idempotency.h"

#include "base/seeded.h"
#include "os/clock.h"
#include "os/file.h"
#include "topic/reader.h"
#include "topic/store_int.h"

enum {
    JOURNAL_ROLL_BYTES = 16 << 20,
    JOURNAL_RESERVE_BYTES = 256 << 10,
    RECORD_BYTES_MAX = 8 << 20,
    RECORD_HEAD_BYTES = 8,
    PAYLOAD_HEAD_BYTES = 25,
    SCAN_BYTES = 4 << 20,
    BUCKETS_FIRST = 64,
};
enum { TYPE_BEGIN = 1, TYPE_END = 2 };
static const int64_t PRODUCER_BASE = (int64_t)1 << 62;

struct idem_range {
    int32_t position;
    int32_t count;
    int64_t offset;
};

struct idem_part {
    int64_t scan_from;
    int32_t have;
    struct idem_range *ranges; /* owned */
    size_t range_count;
    size_t range_cap;
};

/* What is only needed until a request is done. */
struct idem_detail {
    char *params; /* owned */
    size_t params_len;
    uint32_t partition_count;
    uint32_t keyless;
    struct idem_part *parts; /* owned, partition_count */
};

enum entry_state { ENTRY_IN_FLIGHT, ENTRY_PARTIAL, ENTRY_DONE };

struct idem_entry {
    struct hash128 key;
    struct hash128 digest;
    int64_t time_us;
    uint64_t seq;       /* of its last record */
    uint64_t answer_at; /* place in the journal file */
    uint32_t answer_len;
    uint32_t journal; /* number of the file that holds its last record; 0: none */
    enum entry_state state;
    struct idem_detail *detail; /* owned; NULL when done */
    struct idem_entry *chain;   /* same bucket */
    struct idem_entry *older;
    struct idem_entry *newer;
};

struct journal {
    uint32_t number;
    uint64_t bytes;
    uint64_t live;      /* keys whose last record is here */
    uint64_t moved_seq; /* the newest record that took one of them elsewhere */
};

struct idem_table {
    struct topic *topic; /* borrowed: the owner */
    struct idem_entry **buckets;
    size_t bucket_count;
    size_t count;
    size_t in_flight;
    struct idem_entry *oldest;
    struct idem_entry *newest;
    struct journal *journals; /* owned, ascending; the last may be the open one */
    size_t journal_count;
    uint32_t last_number;
    struct log_file *file; /* the open one; NULL until the first record of this run */
    uint64_t file_bytes;
    uint64_t reserved;
};

struct idem_global {
    uint64_t keys;
    uint64_t in_flight;
    uint64_t partial;
};

struct idem_request {
    struct topic *topic;      /* borrowed; must outlive the request */
    struct idem_entry *entry; /* borrowed from the table, which keeps it while in flight */
};

static int64_t producer_of(struct hash128 key)
{
    return PRODUCER_BASE | (int64_t)(key.low & (uint64_t)(PRODUCER_BASE - 1));
}

static struct idem_global *global_of(struct topic_store *s)
{
    if (s->idem == NULL) {
        s->idem = xnew(struct idem_global);
    }
    return s->idem;
}

/* The table. */

static struct idem_table *table_of(struct topic *t)
{
    if (t->idem == NULL) {
        t->idem = xnew(struct idem_table);
        t->idem->topic = t;
        t->idem->bucket_count = BUCKETS_FIRST;
        t->idem->buckets = xnew_array(struct idem_entry *, BUCKETS_FIRST);
    }
    return t->idem;
}

static struct idem_entry **bucket_of(struct idem_table *table, int64_t producer)
{
    return &table->buckets[(uint64_t)producer & (table->bucket_count - 1)];
}

static struct idem_entry *find_producer(struct idem_table *table, int64_t producer)
{
    struct idem_entry *e = *bucket_of(table, producer);
    while (e != NULL && producer_of(e->key) != producer) {
        e = e->chain;
    }
    return e;
}

static void grow(struct idem_table *table)
{
    size_t old_count = table->bucket_count;
    struct idem_entry **old = table->buckets;
    table->bucket_count = old_count * 2;
    table->buckets = xnew_array(struct idem_entry *, table->bucket_count);
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct idem_entry *e = old[i];
            old[i] = e->chain;
            struct idem_entry **bucket = bucket_of(table, producer_of(e->key));
            e->chain = *bucket;
            *bucket = e;
        }
    }
    free(old);
}

static void count_state(struct idem_table *table, enum entry_state state, int delta)
{
    struct idem_global *g = global_of(table->topic->store);
    if (state == ENTRY_IN_FLIGHT) {
        g->in_flight += (uint64_t)(int64_t)delta;
        table->in_flight += (size_t)(ssize_t)delta;
    } else if (state == ENTRY_PARTIAL) {
        g->partial += (uint64_t)(int64_t)delta;
    }
}

static void set_state(struct idem_table *table, struct idem_entry *e, enum entry_state state)
{
    count_state(table, e->state, -1);
    e->state = state;
    count_state(table, state, 1);
}

static void detail_free(struct idem_detail *d)
{
    if (d == NULL) {
        return;
    }
    for (uint32_t i = 0; i < d->partition_count; i++) {
        free(d->parts[i].ranges);
    }
    free(d->parts);
    free(d->params);
    free(d);
}

static struct idem_entry *entry_add(struct idem_table *table, struct hash128 key, int64_t time_us)
{
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    struct idem_entry *e = xnew(struct idem_entry);
    e->key = key;
    e->time_us = time_us;
    e->state = ENTRY_PARTIAL;
    struct idem_entry **bucket = bucket_of(table, producer_of(key));
    e->chain = *bucket;
    *bucket = e;
    e->older = table->newest;
    if (table->newest != NULL) {
        table->newest->newer = e;
    } else {
        table->oldest = e;
    }
    table->newest = e;
    table->count++;
    global_of(table->topic->store)->keys++;
    count_state(table, e->state, 1);
    return e;
}

static struct journal *journal_find(struct idem_table *table, uint32_t number)
{
    for (size_t i = 0; i < table->journal_count; i++) {
        if (table->journals[i].number == number) {
            return &table->journals[i];
        }
    }
    return NULL;
}

/* The entry's last record is now in `number` (0: nowhere any more). */
static void entry_move(struct idem_table *table, struct idem_entry *e, uint32_t number,
                       uint64_t seq)
{
    struct journal *from = journal_find(table, e->journal);
    struct journal *to = journal_find(table, number);
    if (from != NULL) {
        from->live--;
        from->moved_seq = MAX(from->moved_seq, seq);
    }
    if (to != NULL) {
        to->live++;
    }
    e->journal = number;
    e->seq = seq;
}

static void entry_remove(struct idem_table *table, struct idem_entry *e)
{
    struct idem_entry **link = bucket_of(table, producer_of(e->key));
    while (*link != e) {
        link = &(*link)->chain;
    }
    *link = e->chain;
    *(e->older != NULL ? &e->older->newer : &table->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &table->newest) = e->older;
    entry_move(table, e, 0, e->seq);
    count_state(table, e->state, -1);
    global_of(table->topic->store)->keys--;
    table->count--;
    detail_free(e->detail);
    free(e);
}

void idem_table_free(struct idem_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->oldest != NULL) {
        entry_remove(table, table->oldest);
    }
    log_file_unref(table->file);
    free(table->buckets);
    free(table->journals);
    free(table);
}

bool idem_is_in_flight(const struct idem_table *table)
{
    return table != NULL && table->in_flight > 0;
}

void idem_global_free(struct idem_global *g)
{
    free(g);
}

/* Ranges. */

static void range_add(struct idem_part *part, int32_t position, int32_t count, int64_t offset)
{
    struct idem_range *last = part->range_count > 0 ? &part->ranges[part->range_count - 1] : NULL;
    if (last != NULL && last->position + last->count == position &&
        last->offset + last->count == offset) {
        last->count += count;
    } else {
        if (part->range_count == part->range_cap) {
            part->range_cap = part->range_cap == 0 ? 4 : part->range_cap * 2;
            part->ranges = xrealloc(part->ranges, part->range_cap, sizeof *part->ranges);
        }
        part->ranges[part->range_count++] =
            (struct idem_range){.position = position, .count = count, .offset = offset};
    }
    part->have = position + count;
}

/* Records. */

static void add_int(struct buf *b, uint64_t value, size_t bytes)
{
    (void)buf_add(b, &value, bytes); /* little-endian; failure is sticky */
}

static void record_head(struct buf *b, int type, const struct idem_entry *e)
{
    add_int(b, 0, RECORD_HEAD_BYTES); /* length and CRC, by record_close() */
    add_int(b, (uint64_t)type, 1);
    add_int(b, e->key.low, 8);
    add_int(b, e->key.high, 8);
    add_int(b, (uint64_t)e->time_us, 8);
}

static void record_close(struct buf *b)
{
    uint32_t len = (uint32_t)(b->len - RECORD_HEAD_BYTES);
    uint32_t crc = crc32c(0, b->data + RECORD_HEAD_BYTES, len);
    memcpy(b->data, &len, sizeof len);
    memcpy(b->data + 4, &crc, sizeof crc);
}

/* Only what lies before scan_from: it was recovered, so it is durable. Later appends may be lost in
 * a crash that this record survives; the scan finds those that are there. */
static void encode_ranges(struct buf *b, const struct idem_part *part)
{
    size_t count = 0;
    while (count < part->range_count && part->ranges[count].offset < part->scan_from) {
        count++;
    }
    add_int(b, count, 4);
    for (size_t i = 0; i < count; i++) {
        const struct idem_range *range = &part->ranges[i];
        int64_t before = MIN((int64_t)range->count, part->scan_from - range->offset);
        add_int(b, (uint64_t)(uint32_t)range->position, 4);
        add_int(b, (uint64_t)before, 4);
        add_int(b, (uint64_t)range->offset, 8);
    }
}

static void encode_begin(struct buf *b, const struct idem_entry *e)
{
    const struct idem_detail *d = e->detail;
    record_head(b, TYPE_BEGIN, e);
    add_int(b, d->partition_count, 4);
    add_int(b, d->keyless, 4);
    add_int(b, d->params_len, 4);
    (void)buf_add(b, d->params, d->params_len);
    for (uint32_t i = 0; i < d->partition_count; i++) {
        const struct idem_part *part = &d->parts[i];
        add_int(b, (uint64_t)part->scan_from, 8);
        encode_ranges(b, part);
    }
}

/* Starts a new journal file. */
static err journal_roll(struct idem_table *table, struct errmsg *msg)
{
    uint32_t number = table->last_number + 1;
    AUTO_TEXT path = xasprintf("%s/requests-%010u.journal", table->topic->dir, number);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDWR | O_CREAT | O_TRUNC, &fd, msg));
    log_file_unref(table->file);
    table->file = log_file_new(os_take_fd(&fd), table->topic->dir);
    table->file_bytes = 0;
    table->reserved = 0;
    table->last_number = number;
    table->journals =
        xrealloc(table->journals, table->journal_count + 1, sizeof *table->journals);
    table->journals[table->journal_count++] = (struct journal){.number = number};
    return ERR_OK;
}

/* Appends one record for an entry. Errors: NOSPACE (nothing happened), IO. */
static err journal_write(struct idem_table *table, struct idem_entry *e, struct buf *record,
                         struct errmsg *msg)
{
    struct topic_store *s = table->topic->store;
    if (record->failed || record->len > RECORD_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "what is to be remembered of the request is too large");
    }
    record_close(record);
    if (table->file == NULL || table->file_bytes >= JOURNAL_ROLL_BYTES) {
        TRY(journal_roll(table, msg));
    }
    uint64_t need = table->file_bytes + record->len;
    if (need > table->reserved) {
        uint64_t target = need + JOURNAL_RESERVE_BYTES;
        TRY(os_reserve(table->file->fd, table->reserved, target - table->reserved, msg));
        table->reserved = target;
    }
    struct errmsg why = {0};
    if (os_pwrite(table->file->fd, record->data, record->len, table->file_bytes, &why) != ERR_OK) {
        store_fail(s, why.text);
        return errmsg_set(msg, ERR_IO, "%s", why.text);
    }
    store_announce_file(s, table->file, false);
    table->file_bytes = need;
    table->journals[table->journal_count - 1].bytes = need;
    entry_move(table, e, table->last_number, ++s->next_seq);
    return ERR_OK;
}

static err write_begin(struct idem_table *table, struct idem_entry *e, struct errmsg *msg)
{
    AUTO_BUF record = buf_make(RECORD_BYTES_MAX);
    encode_begin(&record, e);
    return journal_write(table, e, &record, msg);
}

/* Reading journals. */

struct cursor {
    const char *at;
    const char *end;
    bool failed;
};

static uint64_t take_int(struct cursor *c, size_t bytes)
{
    uint64_t value = 0;
    if (c->failed || (size_t)(c->end - c->at) < bytes) {
        c->failed = true;
        return 0;
    }
    memcpy(&value, c->at, bytes);
    c->at += bytes;
    return value;
}

static const char *take_bytes(struct cursor *c, size_t len)
{
    if (c->failed || (size_t)(c->end - c->at) < len) {
        c->failed = true;
        return NULL;
    }
    const char *bytes = c->at;
    c->at += len;
    return bytes;
}

static void decode_part(struct cursor *c, struct idem_part *part)
{
    part->scan_from = (int64_t)take_int(c, 8);
    uint64_t ranges = take_int(c, 4);
    for (uint64_t i = 0; i < ranges && !c->failed; i++) {
        int32_t position = (int32_t)take_int(c, 4);
        int32_t count = (int32_t)take_int(c, 4);
        int64_t offset = (int64_t)take_int(c, 8);
        if (c->failed || position != part->have || count < 1 || count > INT32_MAX - position ||
            offset < 0) {
            c->failed = true;
            return;
        }
        range_add(part, position, count, offset);
    }
}

static struct idem_detail *decode_begin(struct cursor *c)
{
    struct idem_detail *d = xnew(struct idem_detail);
    uint64_t count = take_int(c, 4);
    d->keyless = (uint32_t)take_int(c, 4);
    d->params_len = take_int(c, 4);
    const char *params = take_bytes(c, d->params_len);
    c->failed |= count < 1 || count > TOPIC_PARTITIONS_MAX || d->keyless >= count ||
                 d->params_len > IDEM_PARAMS_BYTES_MAX;
    if (!c->failed) {
        d->params = xstrndup(params, d->params_len);
        d->partition_count = (uint32_t)count;
        d->parts = xnew_array(struct idem_part, count);
        for (uint32_t i = 0; i < count; i++) {
            decode_part(c, &d->parts[i]);
        }
    }
    if (c->failed || c->at != c->end) {
        c->failed = true;
        detail_free(d);
        return NULL;
    }
    return d;
}

/* True when the log has all that an END needs. */
static bool take_needs(struct idem_table *table, struct cursor *c)
{
    const struct topic *t = table->topic;
    bool is_whole = true;
    uint64_t count = take_int(c, 4);
    for (uint64_t i = 0; i < count && !c->failed; i++) {
        uint64_t partition = take_int(c, 4);
        int64_t next = (int64_t)take_int(c, 8);
        is_whole &= partition < t->meta.partition_count &&
                    next <= t->partitions[partition]->next_offset;
    }
    return is_whole;
}

/* One payload; `at` is its place in the file. False when it makes no sense. */
static bool apply_record(struct idem_table *table, uint32_t number, struct str payload, uint64_t at)
{
    struct cursor c = {.at = payload.ptr, .end = payload.ptr + payload.len};
    int type = (int)take_int(&c, 1);
    struct hash128 key = {.low = take_int(&c, 8)};
    key.high = take_int(&c, 8);
    int64_t time_us = (int64_t)take_int(&c, 8);
    struct idem_detail *detail = NULL;
    struct hash128 digest = {0};
    uint32_t answer_len = 0;
    bool is_whole = true;
    if (type == TYPE_BEGIN) {
        detail = decode_begin(&c);
    } else {
        digest.low = take_int(&c, 8);
        digest.high = take_int(&c, 8);
        is_whole = take_needs(table, &c);
        answer_len = (uint32_t)take_int(&c, 4);
        c.failed |= type != TYPE_END || (size_t)(c.end - c.at) != answer_len;
    }
    if (c.failed) {
        return false;
    }
    struct idem_entry *e = find_producer(table, producer_of(key));
    if (!is_whole) {
        return true; /* its BEGIN stands */
    }
    if (e == NULL) {
        e = entry_add(table, key, time_us);
    }
    detail_free(e->detail);
    e->detail = detail;
    e->digest = digest;
    e->answer_len = answer_len;
    e->answer_at = at + (uint64_t)(c.at - payload.ptr);
    set_state(table, e, type == TYPE_END ? ENTRY_DONE : ENTRY_PARTIAL);
    entry_move(table, e, number, 0);
    return true;
}

static err load_journal(struct idem_table *table, const char *path, uint32_t number,
                        struct errmsg *msg)
{
    AUTO_FD fd = -1;
    struct os_stat st;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    TRY(os_fstat(fd, &st, msg));
    table->journals =
        xrealloc(table->journals, table->journal_count + 1, sizeof *table->journals);
    table->journals[table->journal_count++] =
        (struct journal){.number = number, .bytes = st.size_bytes};
    AUTO_WINDOW window = segment_window_make(fd, 256 << 10);
    for (uint64_t at = 0; at + RECORD_HEAD_BYTES < st.size_bytes;) {
        struct str bytes;
        TRY(segment_window_get(&window, at, RECORD_HEAD_BYTES, &bytes, msg));
        if (bytes.len < RECORD_HEAD_BYTES) {
            break;
        }
        uint32_t len;
        uint32_t crc;
        memcpy(&len, bytes.ptr, sizeof len);
        memcpy(&crc, bytes.ptr + 4, sizeof crc);
        if (len < PAYLOAD_HEAD_BYTES || len > RECORD_BYTES_MAX) {
            break;
        }
        TRY(segment_window_get(&window, at, RECORD_HEAD_BYTES + len, &bytes, msg));
        if (bytes.len < RECORD_HEAD_BYTES + (size_t)len) {
            break;
        }
        struct str payload = str_of(bytes.ptr + RECORD_HEAD_BYTES, len);
        if (crc32c(0, payload.ptr, len) != crc ||
            !apply_record(table, number, payload, at + RECORD_HEAD_BYTES)) {
            break; /* a torn tail, or damage: the scan of the log makes up for lost ENDs */
        }
        at += RECORD_HEAD_BYTES + len;
    }
    return ERR_OK;
}

/* Recovery. */

static void scan_batch(struct idem_table *table, uint32_t partition, const struct batch_header *h)
{
    if (h->producer_id < PRODUCER_BASE || h->record_count != h->last_offset_delta + 1) {
        return;
    }
    struct idem_entry *e = find_producer(table, h->producer_id);
    if (e == NULL || e->state != ENTRY_PARTIAL || partition >= e->detail->partition_count) {
        return;
    }
    struct idem_part *part = &e->detail->parts[partition];
    if (h->base_offset >= part->scan_from && h->base_sequence == part->have &&
        h->record_count <= INT32_MAX - part->have) {
        range_add(part, h->base_sequence, h->record_count, h->base_offset);
    }
}

/* Finds what of unfinished requests is in one partition's log. */
static void scan_partition(struct idem_table *table, struct partition *p)
{
    int64_t from = INT64_MAX;
    for (struct idem_entry *e = table->oldest; e != NULL; e = e->newer) {
        if (e->state == ENTRY_PARTIAL && p->index < e->detail->partition_count) {
            from = MIN(from, e->detail->parts[p->index].scan_from);
        }
    }
    from = MAX(from, p->log_start);
    AUTO(topic_reader) reader = NULL;
    if (from >= p->next_offset || topic_reader_open(p->dir, &reader, NULL) != ERR_OK) {
        return;
    }
    AUTO_BUF bytes = buf_make(BATCH_BYTES_MAX + SCAN_BYTES);
    while (from < p->next_offset) {
        struct topic_read read;
        buf_reset(&bytes);
        if (topic_reader_read(reader, from, p->next_offset, SCAN_BYTES, &bytes, &read, NULL) !=
            ERR_OK) {
            return; /* damaged: appends to it are refused anyway */
        }
        struct str left = buf_str(&bytes);
        struct batch_header h;
        while (left.len > 0 && batch_header_decode(left, &h, NULL) == ERR_OK) {
            scan_batch(table, p->index, &h);
            left = str_of(left.ptr + h.total_bytes, left.len - h.total_bytes);
        }
        from = read.next_offset;
    }
    for (struct idem_entry *e = table->oldest; e != NULL; e = e->newer) {
        if (e->state == ENTRY_PARTIAL && p->index < e->detail->partition_count) {
            e->detail->parts[p->index].scan_from = p->next_offset;
        }
    }
}

static void evict(struct topic_store *s, struct idem_table *table)
{
    while (table->oldest != NULL && global_of(s)->keys > s->options.idempotency_keys_max &&
           table->oldest->state != ENTRY_IN_FLIGHT) {
        entry_remove(table, table->oldest);
    }
}

err idem_recover(struct topic *t, struct errmsg *msg)
{
    AUTO_NAMES names = {0};
    TRY(os_list(t->dir, &names, msg));
    for (size_t i = 0; i < names.count; i++) {
        struct str name = str_from(names.items[i]);
        uint64_t number = 0;
        if (name.len != 27 || !str_starts(name, STR("requests-")) ||
            !str_ends(name, STR(".journal")) || !str_to_u64(str_of(name.ptr + 9, 10), &number) ||
            number == 0 || number > UINT32_MAX) {
            continue;
        }
        AUTO_TEXT path = xasprintf("%s/%s", t->dir, names.items[i]);
        struct idem_table *table = table_of(t);
        table->last_number = (uint32_t)number;
        TRY(load_journal(table, path, (uint32_t)number, msg));
    }
    if (t->idem == NULL) {
        return ERR_OK;
    }
    evict(t->store, t->idem);
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        scan_partition(t->idem, t->partitions[i]);
    }
    /* So that the next start need not scan the same again, and that an END which is not believed now
     * is not believed then either: durable before the log's offsets can be used anew. */
    for (struct idem_entry *e = t->idem->oldest; e != NULL; e = e->newer) {
        if (e->state == ENTRY_PARTIAL) {
            TRY(write_begin(t->idem, e, msg));
        }
    }
    if (t->idem->file == NULL) {
        return ERR_OK;
    }
    TRY(os_fdatasync(t->idem->file->fd, msg));
    return os_fsync_dir(t->dir, msg);
}

/* The life of a request. */

static struct idem_detail *detail_new(struct topic *t, struct hash128 key, struct str params)
{
    struct idem_detail *d = xnew(struct idem_detail);
    d->params = xstrndup(params.ptr == NULL ? "" : params.ptr, params.len);
    d->params_len = params.len;
    d->partition_count = t->meta.partition_count;
    d->keyless = (uint32_t)(key.high % d->partition_count);
    for (uint32_t i = 0; i < d->partition_count && t->partitions[d->keyless]->is_damaged; i++) {
        d->keyless = (d->keyless + 1) % d->partition_count;
    }
    d->parts = xnew_array(struct idem_part, d->partition_count);
    for (uint32_t i = 0; i < d->partition_count; i++) {
        d->parts[i].scan_from = t->partitions[i]->next_offset;
    }
    return d;
}

static err begin_fresh(struct topic *t, struct hash128 key, struct str params,
                       struct idem_entry **out_entry, struct errmsg *msg)
{
    struct topic_store *s = t->store;
    struct idem_table *table = table_of(t);
    struct idem_entry *e = entry_add(table, key, os_now_us());
    evict(s, table);
    e->detail = detail_new(t, key, params);
    err result = global_of(s)->keys > s->options.idempotency_keys_max
                     ? errmsg_set(msg, ERR_LIMIT, "too many requests with keys are under way")
                     : write_begin(table, e, msg);
    if (result != ERR_OK) {
        entry_remove(table, e);
        return result;
    }
    *out_entry = e;
    return ERR_OK;
}

err idem_begin(struct topic *t, struct str key, struct str params, struct idem_request **out_request,
               struct errmsg *msg)
{
    TRY(store_check(t->store, msg));
    if (key.len == 0 || key.len > IDEM_KEY_BYTES_MAX || params.len > IDEM_PARAMS_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "an Idempotency-Key has 1 to %d characters",
                          IDEM_KEY_BYTES_MAX);
    }
    struct hash128 hash = hash_xxh3_128(key);
    struct idem_table *table = table_of(t);
    struct idem_entry *e = find_producer(table, producer_of(hash));
    if (e != NULL && (e->key.low != hash.low || e->key.high != hash.high)) {
        return errmsg_set(msg, ERR_CONFLICT, "the key collides with another one, choose another");
    }
    if (e != NULL && e->state == ENTRY_IN_FLIGHT) {
        return errmsg_set(msg, ERR_BUSY, "a request with this key is under way");
    }
    if (e != NULL && SEEDED_BUG(SEEDED_IDEMPOTENT_REAPPEND)) {
        entry_remove(table, e);
        e = NULL;
    }
    if (e == NULL) {
        TRY(begin_fresh(t, hash, params, &e, msg));
    } else if (e->state == ENTRY_PARTIAL) {
        TRY(write_begin(table, e, msg)); /* its scan_from is as good as before */
    }
    if (e->state == ENTRY_PARTIAL) {
        set_state(table, e, ENTRY_IN_FLIGHT);
    }
    struct idem_request *r = xnew(struct idem_request);
    r->topic = t;
    r->entry = e;
    *out_request = r;
    return ERR_OK;
}

void idem_release(struct idem_request *r)
{
    if (r == NULL) {
        return;
    }
    if (r->entry->state == ENTRY_IN_FLIGHT) {
        set_state(r->topic->idem, r->entry, ENTRY_PARTIAL);
    }
    free(r);
}

static bool has_records(const struct idem_detail *d)
{
    for (uint32_t i = 0; i < d->partition_count; i++) {
        if (d->parts[i].have > 0) {
            return true;
        }
    }
    return false;
}

enum idem_state idem_state_of(const struct idem_request *r)
{
    if (r->entry->state == ENTRY_DONE) {
        return IDEM_DONE;
    }
    return has_records(r->entry->detail) ? IDEM_PARTIAL : IDEM_FRESH;
}

uint64_t idem_begin_seq(const struct idem_request *r)
{
    return r->entry->seq;
}

struct str idem_params(const struct idem_request *r)
{
    const struct idem_detail *d = r->entry->detail;
    return d == NULL ? (struct str){0} : str_of(d->params, d->params_len);
}

uint32_t idem_partition_count(const struct idem_request *r)
{
    const struct idem_detail *d = r->entry->detail;
    return d == NULL ? r->topic->meta.partition_count : d->partition_count;
}

uint32_t idem_partition_for_key(const struct idem_request *r, struct str key)
{
    return (hash_murmur2(key) & 0x7fffffff) % idem_partition_count(r);
}

uint32_t idem_keyless_partition(const struct idem_request *r)
{
    return r->entry->detail == NULL ? 0 : r->entry->detail->keyless;
}

int64_t idem_producer_id(const struct idem_request *r)
{
    return producer_of(r->entry->key);
}

int32_t idem_have(const struct idem_request *r, uint32_t partition)
{
    const struct idem_detail *d = r->entry->detail;
    return d == NULL || partition >= d->partition_count ? 0 : d->parts[partition].have;
}

int64_t idem_offset(const struct idem_request *r, uint32_t partition, int32_t position,
                    int32_t *out_run)
{
    if (position < 0 || position >= idem_have(r, partition)) {
        return -1;
    }
    const struct idem_part *part = &r->entry->detail->parts[partition];
    size_t low = 0;
    size_t high = part->range_count;
    while (high - low > 1) { /* the last range that starts at or before the position */
        size_t middle = low + (high - low) / 2;
        if (part->ranges[middle].position <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const struct idem_range *range = &part->ranges[low];
    ASSERT(position >= range->position && position < range->position + range->count);
    *out_run = range->position + range->count - position;
    return range->offset + (position - range->position);
}

err idem_append(struct idem_request *r, uint32_t partition, struct str batch,
                int64_t *out_base_offset, uint64_t *out_seq, struct errmsg *msg)
{
    ASSERT(r->entry->state == ENTRY_IN_FLIGHT);
    struct batch_header h;
    TRY(batch_header_decode(batch, &h, msg));
    if (partition >= r->entry->detail->partition_count ||
        h.producer_id != producer_of(r->entry->key) || h.base_sequence != idem_have(r, partition) ||
        h.record_count > INT32_MAX - h.base_sequence) {
        return errmsg_set(msg, ERR_INVALID, "the batch is not the next one of its request");
    }
    int64_t base = 0;
    TRY(topic_append(r->topic, partition, batch, &base, out_seq, msg));
    range_add(&r->entry->detail->parts[partition], h.base_sequence, h.record_count, base);
    *out_base_offset = base;
    return ERR_OK;
}

/* What of the log the request's END depends on. */
static void add_needs(struct buf *b, const struct idem_detail *d)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->partition_count; i++) {
        count += d->parts[i].range_count > 0 ? 1 : 0;
    }
    add_int(b, count, 4);
    for (uint32_t i = 0; i < d->partition_count; i++) {
        const struct idem_part *part = &d->parts[i];
        if (part->range_count > 0) {
            const struct idem_range *last = &part->ranges[part->range_count - 1];
            add_int(b, i, 4);
            add_int(b, (uint64_t)(last->offset + last->count), 8);
        }
    }
}

err idem_finish(struct idem_request *r, struct hash128 digest, struct str answer, uint64_t *out_seq,
                struct errmsg *msg)
{
    struct topic_store *s = r->topic->store;
    struct idem_entry *e = r->entry;
    ASSERT(e->state == ENTRY_IN_FLIGHT);
    TRY(store_check(s, msg));
    if (answer.len > IDEM_ANSWER_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the answer is too long to be remembered");
    }
    AUTO_BUF record = buf_make(IDEM_ANSWER_BYTES_MAX + 16 * TOPIC_PARTITIONS_MAX);
    record_head(&record, TYPE_END, e);
    add_int(&record, digest.low, 8);
    add_int(&record, digest.high, 8);
    add_needs(&record, e->detail);
    add_int(&record, answer.len, 4);
    uint64_t answer_at = record.len;
    (void)buf_add_str(&record, answer); /* fits */
    err result = journal_write(r->topic->idem, e, &record, msg);
    if (result == ERR_NOSPACE) {
        *out_seq = s->next_seq;
        return ERR_OK; /* stays PARTIAL, with nothing missing */
    }
    TRY(result);
    e->digest = digest;
    e->answer_len = (uint32_t)answer.len;
    e->answer_at = r->topic->idem->file_bytes - record.len + answer_at;
    set_state(r->topic->idem, e, ENTRY_DONE);
    detail_free(e->detail);
    e->detail = NULL;
    *out_seq = e->seq;
    return ERR_OK;
}

struct hash128 idem_digest(const struct idem_request *r)
{
    return r->entry->digest;
}

err idem_answer(const struct idem_request *r, struct buf *out, struct errmsg *msg)
{
    ASSERT(r->entry->state == ENTRY_DONE);
    AUTO_TEXT path =
        xasprintf("%s/requests-%010u.journal", r->topic->dir, r->entry->journal);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    size_t len = r->entry->answer_len;
    if (!buf_reserve(out, len)) {
        return errmsg_set(msg, ERR_TOO_LARGE, "no room for the answer");
    }
    size_t got = 0;
    TRY(os_pread(fd, out->data + out->len, len, r->entry->answer_at, &got, msg));
    if (got != len) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is cut short", path);
    }
    out->len += len;
    return ERR_OK;
}

/* Housekeeping. */

static void remove_empty_journals(struct idem_table *table, uint64_t durable_seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->journal_count; i++) {
        struct journal *j = &table->journals[i];
        bool is_open = table->file != NULL && j->number == table->last_number;
        if (is_open || j->live > 0 || j->moved_seq > durable_seq) {
            table->journals[kept++] = *j;
            continue;
        }
        AUTO_TEXT path = xasprintf("%s/requests-%010u.journal", table->topic->dir, j->number);
        (void)os_unlink(path, NULL); /* if it stays, the next start meets it again */
    }
    table->journal_count = kept;
}

void idem_tick(struct topic_store *s, int64_t now_us)
{
    int64_t oldest_us = now_us - s->options.idempotency_ms * 1000;
    for (size_t i = 0; i < s->topic_count; i++) {
        struct idem_table *table = s->topics[i]->idem;
        if (table == NULL) {
            continue;
        }
        while (table->oldest != NULL && table->oldest->time_us < oldest_us &&
               table->oldest->state != ENTRY_IN_FLIGHT) {
            entry_remove(table, table->oldest);
        }
        remove_empty_journals(table, topic_store_durable_seq(s));
    }
}

struct idem_stats idem_stats_of(const struct topic_store *s)
{
    struct idem_stats stats = {0};
    if (s->idem != NULL) {
        stats.keys = s->idem->keys;
        stats.in_flight = s->idem->in_flight;
        stats.partial = s->idem->partial;
    }
    for (size_t i = 0; i < s->topic_count; i++) {
        const struct idem_table *table = s->topics[i]->idem;
        for (size_t k = 0; table != NULL && k < table->journal_count; k++) {
            stats.file_bytes += table->journals[k].bytes;
        }
    }
    return stats;
}
