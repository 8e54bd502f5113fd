/* SPDX-License-Identifier: MIT */
/* store_idem.c - the life of a request with a key; see idempotency.h. */
#include "base/seeded.h"
#include "os/clock.h"
#include "os/file.h"
#include "topic/store_idem_int.h"

struct idem_request {
    struct topic *topic;      /* borrowed; must outlive the request */
    struct idem_entry *entry; /* borrowed from the table, which keeps it while it has users */
};

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
    struct idem_table *table = idem_table_of(t);
    struct idem_entry *e = idem_entry_add(table, key, os_now_us());
    idem_entry_set_state(table, e, ENTRY_IN_FLIGHT); /* so that it does not make room for itself */
    idem_table_evict(s, table);
    e->detail = detail_new(t, key, params);
    err result = idem_global_of(s)->keys > s->options.idempotency_keys_max
                     ? errmsg_set(msg, ERR_LIMIT, "too many requests with keys are under way")
                     : idem_journal_begin(table, e, msg);
    if (result != ERR_OK) {
        idem_entry_remove(table, e);
        return result;
    }
    *out_entry = e;
    return ERR_OK;
}

err idem_begin(struct topic *t, struct str key, struct str params,
               struct idem_request **out_request, struct errmsg *msg)
{
    TRY(store_check(t->store, msg));
    if (key.len == 0 || key.len > IDEM_KEY_BYTES_MAX || params.len > IDEM_PARAMS_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "an Idempotency-Key has 1 to %d characters",
                          IDEM_KEY_BYTES_MAX);
    }
    struct hash128 hash = hash_xxh3_128(key);
    struct idem_table *table = idem_table_of(t);
    struct idem_entry *e = idem_table_find(table, idem_producer_of(hash));
    if (e != NULL && (e->key.low != hash.low || e->key.high != hash.high)) {
        return errmsg_set(msg, ERR_CONFLICT, "the key collides with another one, choose another");
    }
    if (e != NULL && e->state == ENTRY_IN_FLIGHT) {
        return errmsg_set(msg, ERR_BUSY, "a request with this key is under way");
    }
    if (e != NULL && SEEDED_BUG(SEEDED_IDEMPOTENT_REAPPEND)) {
        idem_entry_remove(table, e);
        e = NULL;
    }
    if (e == NULL || e->state != ENTRY_DONE) {
        TRY(topic_wait_check(t, msg));
    }
    if (e == NULL) {
        TRY(begin_fresh(t, hash, params, &e, msg));
    } else if (e->state == ENTRY_PARTIAL) {
        TRY(idem_journal_begin(table, e, msg)); /* its scan_from is as good as before */
    }
    if (e->state == ENTRY_PARTIAL) {
        idem_entry_set_state(table, e, ENTRY_IN_FLIGHT);
    }
    struct idem_request *r = xnew(struct idem_request);
    r->topic = t;
    r->entry = e;
    e->users++;
    table->users++;
    *out_request = r;
    return ERR_OK;
}

void idem_release(struct idem_request *r)
{
    if (r == NULL) {
        return;
    }
    r->entry->users--;
    r->topic->idem->users--;
    if (r->entry->state == ENTRY_IN_FLIGHT) {
        idem_entry_set_state(r->topic->idem, r->entry, ENTRY_PARTIAL);
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
    return idem_producer_of(r->entry->key);
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
        h.producer_id != idem_producer_of(r->entry->key) ||
        h.base_sequence != idem_have(r, partition) ||
        h.record_count > INT32_MAX - h.base_sequence) {
        return errmsg_set(msg, ERR_INVALID, "the batch is not the next one of its request");
    }
    int64_t base = 0;
    TRY(topic_append(r->topic, partition, batch, &base, out_seq, msg));
    idem_range_add(&r->entry->detail->parts[partition], h.base_sequence, h.record_count, base);
    *out_base_offset = base;
    return ERR_OK;
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
    err result = idem_journal_end(r->topic->idem, e, digest, answer, msg);
    if (result == ERR_NOSPACE) {
        *out_seq = s->next_seq;
        return ERR_OK; /* stays PARTIAL, with nothing missing */
    }
    TRY(result);
    idem_entry_set_state(r->topic->idem, e, ENTRY_DONE);
    idem_detail_free(e->detail);
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
    AUTO_TEXT path = xasprintf("%s/requests-%010u.journal", r->topic->dir, r->entry->journal);
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
