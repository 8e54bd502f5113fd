/* SPDX-License-Identifier: MIT */
/* store_idem_table.c - the keys a topic remembers: a hash table by producer id, and a list by
 * age. */
#include "topic/store_idem_int.h"

enum { BUCKETS_FIRST = 64 };
static const int64_t PRODUCER_BASE = (int64_t)1 << 62;

int64_t idem_producer_of(struct hash128 key)
{
    return PRODUCER_BASE | (int64_t)(key.low & (uint64_t)(PRODUCER_BASE - 1));
}

bool idem_is_producer(int64_t producer_id)
{
    return producer_id >= PRODUCER_BASE;
}

struct idem_global *idem_global_of(struct topic_store *s)
{
    if (s->idem == NULL) {
        s->idem = xnew(struct idem_global);
    }
    return s->idem;
}

/* The table. */

struct idem_table *idem_table_of(struct topic *t)
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

struct idem_entry *idem_table_find(struct idem_table *table, int64_t producer)
{
    struct idem_entry *e = *bucket_of(table, producer);
    while (e != NULL && idem_producer_of(e->key) != producer) {
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
            struct idem_entry **bucket = bucket_of(table, idem_producer_of(e->key));
            e->chain = *bucket;
            *bucket = e;
        }
    }
    free(old);
}

static void count_state(struct idem_table *table, enum entry_state state, int delta)
{
    struct idem_global *g = idem_global_of(table->topic->store);
    if (state == ENTRY_IN_FLIGHT) {
        g->in_flight += (uint64_t)(int64_t)delta;
        table->in_flight += (size_t)(ssize_t)delta;
    } else if (state == ENTRY_PARTIAL) {
        g->partial += (uint64_t)(int64_t)delta;
    }
}

void idem_entry_set_state(struct idem_table *table, struct idem_entry *e, enum entry_state state)
{
    count_state(table, e->state, -1);
    e->state = state;
    count_state(table, state, 1);
}

void idem_detail_free(struct idem_detail *d)
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

struct idem_entry *idem_entry_add(struct idem_table *table, struct hash128 key, int64_t time_us)
{
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    struct idem_entry *e = xnew(struct idem_entry);
    e->key = key;
    e->time_us = time_us;
    e->state = ENTRY_PARTIAL;
    struct idem_entry **bucket = bucket_of(table, idem_producer_of(key));
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
    idem_global_of(table->topic->store)->keys++;
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
void idem_entry_move(struct idem_table *table, struct idem_entry *e, uint32_t number, uint64_t seq)
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

void idem_entry_remove(struct idem_table *table, struct idem_entry *e)
{
    struct idem_entry **link = bucket_of(table, idem_producer_of(e->key));
    while (*link != e) {
        link = &(*link)->chain;
    }
    *link = e->chain;
    *(e->older != NULL ? &e->older->newer : &table->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &table->newest) = e->older;
    idem_entry_move(table, e, 0, e->seq);
    count_state(table, e->state, -1);
    idem_global_of(table->topic->store)->keys--;
    table->count--;
    idem_detail_free(e->detail);
    free(e);
}

void idem_table_free(struct idem_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->oldest != NULL) {
        idem_entry_remove(table, table->oldest);
    }
    log_file_unref(table->file);
    free(table->buckets);
    free(table->journals);
    free(table);
}

bool idem_is_in_flight(const struct idem_table *table)
{
    return table != NULL && (table->in_flight > 0 || table->users > 0);
}

void idem_global_free(struct idem_global *g)
{
    free(g);
}

/* Ranges. */

void idem_range_add(struct idem_part *part, int32_t position, int32_t count, int64_t offset)
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
        ASSERT(part->ranges != NULL);
        part->ranges[part->range_count++] =
            (struct idem_range){.position = position, .count = count, .offset = offset};
    }
    part->have = position + count;
}

/* Housekeeping. */

/* The first entry from `e` on that no request holds; NULL: none. */
static struct idem_entry *first_free(struct idem_entry *e)
{
    while (e != NULL && (e->state == ENTRY_IN_FLIGHT || e->users > 0)) {
        e = e->newer;
    }
    return e;
}

void idem_table_evict(struct topic_store *s, struct idem_table *table)
{
    while (idem_global_of(s)->keys > s->options.idempotency_keys_max) {
        struct idem_table *from = table;
        struct idem_entry *gone = first_free(table->oldest);
        for (size_t i = 0; i < s->topic_count; i++) {
            struct idem_table *other = s->topics[i]->idem;
            struct idem_entry *e = other != NULL ? first_free(other->oldest) : NULL;
            if (e != NULL && (gone == NULL || e->time_us < gone->time_us)) {
                from = other;
                gone = e;
            }
        }
        if (gone == NULL) {
            return;
        }
        idem_entry_remove(from, gone);
    }
}

void idem_tick(struct topic_store *s, int64_t now_us)
{
    int64_t oldest_us = now_us - s->options.idempotency_ms * 1000;
    for (size_t i = 0; i < s->topic_count; i++) {
        struct idem_table *table = s->topics[i]->idem;
        if (table == NULL) {
            continue;
        }
        struct idem_entry *e = first_free(table->oldest);
        while (e != NULL && e->time_us < oldest_us) {
            struct idem_entry *next = first_free(e->newer);
            idem_entry_remove(table, e);
            e = next;
        }
        idem_journals_clean(table, topic_store_durable_seq(s));
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
