/* SPDX-License-Identifier: MIT */
/* store_idem_journal.c - what of the idempotency keys is on disk, and how it is found again.
 *
 * Journal files DIR/topics/<topic>/requests-<10 digits>.journal hold records, little-endian:
 *     u32 length of the payload | u32 CRC-32C of the payload | payload
 *     payload: u8 type | u64 key hash low | u64 high | i64 time_us | ...
 *       BEGIN: u32 partition count | u32 keyless partition | u32 params length | params
 *              per partition: i64 scan_from | u32 ranges | ranges of {i32 position, i32 count, i64
 *              offset}: what is in the log before scan_from; the rest is found there by a scan
 *       END:   u64 digest low | u64 high | u32 count | count of {u32 partition, i64 next offset}:
 *       what
 *              the log must have for the END to count | u32 answer length | answer
 * A later record of a key takes the place of an earlier one. Every start writes to a new file, so a
 * torn tail is never appended to; it is ignored. A file goes when no key's last record is in it.
 *
 * Why nothing is appended twice: BEGIN is durable before the first append of its request, so each
 * batch with a producer id of our range has its BEGIN; recovery scans the log from the BEGIN's
 * offsets and finds every batch that survived. END and the last batches are synced in one round, in
 * any order: an END whose batches the log lacks is not believed. A lost END only means that a retry
 * goes the long way. */
#include "topic/store_idem_int.h"

#include "os/file.h"
#include "topic/reader.h"

enum {
    JOURNAL_ROLL_BYTES = 16 << 20,
    JOURNAL_RESERVE_BYTES = 256 << 10,
    RECORD_BYTES_MAX = 8 << 20,
    RECORD_HEAD_BYTES = 8,
    PAYLOAD_HEAD_BYTES = 25,
    SCAN_BYTES = 4 << 20,
};
enum { TYPE_BEGIN = 1, TYPE_END = 2 };

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

char *idem_journal_path(const struct topic *t, uint32_t number)
{
    return xasprintf("%s/requests-%010u.journal", t->dir, number);
}

/* Starts a new journal file. */
static err journal_roll(struct idem_table *table, struct errmsg *msg)
{
    uint32_t number = table->last_number + 1;
    AUTO_TEXT path = idem_journal_path(table->topic, number);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDWR | O_CREAT | O_TRUNC, &fd, msg));
    log_file_unref(table->file);
    table->file = log_file_new(os_take_fd(&fd), table->topic->dir);
    table->file_bytes = 0;
    table->reserved = 0;
    table->last_number = number;
    table->journals = xrealloc(table->journals, table->journal_count + 1, sizeof *table->journals);
    table->journals[table->journal_count++] = (struct journal){.number = number};
    return ERR_OK;
}

/* Appends one record for an entry. Errors: NOSPACE (nothing happened), IO. */
static err journal_write(struct idem_table *table, struct idem_entry *e, struct buf *record,
                         struct errmsg *msg)
{
    struct topic_store *s = table->topic->store;
    if (record->failed || record->len > RECORD_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE,
                          "what is to be remembered of the request is too large");
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
    idem_entry_move(table, e, table->last_number, ++s->next_seq);
    return ERR_OK;
}

err idem_journal_begin(struct idem_table *table, struct idem_entry *e, struct errmsg *msg)
{
    AUTO_BUF record = buf_make(RECORD_BYTES_MAX);
    encode_begin(&record, e);
    return journal_write(table, e, &record, msg);
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

err idem_journal_end(struct idem_table *table, struct idem_entry *e, struct hash128 digest,
                     struct str answer, struct errmsg *msg)
{
    AUTO_BUF record = buf_make(IDEM_ANSWER_BYTES_MAX + 16 * TOPIC_PARTITIONS_MAX);
    record_head(&record, TYPE_END, e);
    add_int(&record, digest.low, 8);
    add_int(&record, digest.high, 8);
    add_needs(&record, e->detail);
    add_int(&record, answer.len, 4);
    uint64_t answer_at = record.len;
    (void)buf_add_str(&record, answer); /* fits */
    TRY(journal_write(table, e, &record, msg));
    e->digest = digest;
    e->answer_len = (uint32_t)answer.len;
    e->answer_at = table->file_bytes - record.len + answer_at;
    return ERR_OK;
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
        idem_range_add(part, position, count, offset);
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
        idem_detail_free(d);
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
        is_whole &=
            partition < t->meta.partition_count && next <= t->partitions[partition]->next_offset;
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
    struct idem_entry *e = idem_table_find(table, idem_producer_of(key));
    if (!is_whole) {
        return true; /* its BEGIN stands */
    }
    if (e == NULL) {
        e = idem_entry_add(table, key, time_us);
    }
    idem_detail_free(e->detail);
    e->detail = detail;
    e->digest = digest;
    e->answer_len = answer_len;
    e->answer_at = at + (uint64_t)(c.at - payload.ptr);
    idem_entry_set_state(table, e, type == TYPE_END ? ENTRY_DONE : ENTRY_PARTIAL);
    idem_entry_move(table, e, number, 0);
    return true;
}

static err load_journal(struct idem_table *table, const char *path, uint32_t number,
                        struct errmsg *msg)
{
    AUTO_FD fd = -1;
    struct os_stat st;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    TRY(os_fstat(fd, &st, msg));
    table->journals = xrealloc(table->journals, table->journal_count + 1, sizeof *table->journals);
    table->journals[table->journal_count++] = (struct journal){.number = number};
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
        table->journals[table->journal_count - 1].bytes = at; /* without what was reserved */
    }
    return ERR_OK;
}

/* Recovery. */

static void scan_batch(struct idem_table *table, uint32_t partition, const struct batch_header *h)
{
    if (!idem_is_producer(h->producer_id) || h->record_count != h->last_offset_delta + 1) {
        return;
    }
    struct idem_entry *e = idem_table_find(table, h->producer_id);
    if (e == NULL || e->state != ENTRY_PARTIAL || partition >= e->detail->partition_count) {
        return;
    }
    struct idem_part *part = &e->detail->parts[partition];
    if (h->base_offset >= part->scan_from && h->base_sequence == part->have &&
        h->record_count <= INT32_MAX - part->have) {
        idem_range_add(part, h->base_sequence, h->record_count, h->base_offset);
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
        struct idem_table *table = idem_table_of(t);
        table->last_number = (uint32_t)number;
        TRY(load_journal(table, path, (uint32_t)number, msg));
    }
    if (t->idem == NULL) {
        return ERR_OK;
    }
    idem_table_evict(t->store, t->idem);
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        scan_partition(t->idem, t->partitions[i]);
    }
    return ERR_OK;
}

err idem_recover_finish(struct topic *t, struct errmsg *msg)
{
    if (t->idem == NULL) {
        return ERR_OK;
    }
    /* So that the next start need not scan the same again, and that an END which is not believed
     * now is not believed then either: durable before the log's offsets can be used anew. */
    for (struct idem_entry *e = t->idem->oldest; e != NULL; e = e->newer) {
        if (e->state == ENTRY_PARTIAL) {
            TRY(idem_journal_begin(t->idem, e, msg));
        }
    }
    if (t->idem->file == NULL) {
        return ERR_OK;
    }
    TRY(os_fdatasync(t->idem->file->fd, msg));
    return os_fsync_dir(t->dir, msg);
}

void idem_journals_clean(struct idem_table *table, uint64_t durable_seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->journal_count; i++) {
        struct journal *j = &table->journals[i];
        bool is_open = table->file != NULL && j->number == table->last_number;
        if (is_open || j->live > 0 || j->moved_seq > durable_seq) {
            table->journals[kept++] = *j;
            continue;
        }
        AUTO_TEXT path = idem_journal_path(table->topic, j->number);
        (void)os_unlink(path, NULL); /* if it stays, the next start meets it again */
    }
    table->journal_count = kept;
}
