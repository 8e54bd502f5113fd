/* SPDX-License-Identifier: MIT */
/* store_idem_int.h - the table of a topic's idempotency keys, between store_idem.c (requests),
 * store_idem_table.c (the table) and store_idem_journal.c (what is on disk). Owner: reactor. */
#pragma once
#include "topic/store_int.h"

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
    uint32_t users;             /* requests that hold it: it must stay */
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
    size_t users; /* of all entries */
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

/* The table (store_idem_table.c). */
int64_t idem_producer_of(struct hash128 key);
bool idem_is_producer(int64_t producer_id); /* in the range of HTTP's keys */
struct idem_global *idem_global_of(struct topic_store *s);
struct idem_table *idem_table_of(struct topic *t);                              /* made if needed */
struct idem_entry *idem_table_find(struct idem_table *table, int64_t producer); /* NULL: none */
/* Forgets the oldest of all topics while there are too many, as far as no request holds them.
 * `table` may be of a topic that the store does not list yet. */
void idem_table_evict(struct topic_store *s, struct idem_table *table);
struct idem_entry *idem_entry_add(struct idem_table *table, struct hash128 key, int64_t time_us);
void idem_entry_remove(struct idem_table *table, struct idem_entry *e);
void idem_entry_set_state(struct idem_table *table, struct idem_entry *e, enum entry_state state);
/* The entry's last record is now in journal `number` (0: nowhere any more). */
void idem_entry_move(struct idem_table *table, struct idem_entry *e, uint32_t number, uint64_t seq);
void idem_detail_free(struct idem_detail *d);
void idem_range_add(struct idem_part *part, int32_t position, int32_t count, int64_t offset);

/* The journal (store_idem_journal.c). Errors: NOSPACE (nothing happened), TOO_LARGE, IO. */
err idem_journal_begin(struct idem_table *table, struct idem_entry *e, struct errmsg *msg);
err idem_journal_end(struct idem_table *table, struct idem_entry *e, struct hash128 digest,
                     struct str answer, struct errmsg *msg);
char *idem_journal_path(const struct topic *t, uint32_t number); /* caller frees */
/* Removes the files that hold no key's last record any more. */
void idem_journals_clean(struct idem_table *table, uint64_t durable_seq);
