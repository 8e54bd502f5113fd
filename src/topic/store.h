/* SPDX-License-Identifier: MIT */
/* store.h - all topics of a data folder as the front owns them: append, group commit, recovery,
 * retention, create, change, delete.
 *
 * Owner thread: the reactor, for every function here. Inside, one sync thread makes what was
 * written durable and wakes the reactor by an eventfd. An append returns a sequence number; it may
 * be acknowledged once topic_store_durable_seq() has reached that number. The loop is:
 *
 *     topic_append(...) any number of times while handling input
 *     topic_store_flush_writes(store) at the end of the loop's turn: one write per partition, and
 *         the sync thread is told
 *     on the eventfd: release every answer whose number is <= topic_store_durable_seq(store)
 *     if (topic_store_failed(store, &msg)): refuse all answers still waiting
 *     every ~1 s: topic_store_tick(store)
 *
 * After a failed write or sync the store is failed until the process restarts: no number becomes
 * durable any more, appends give ERR_FAILED, reading goes on. Only want of space heals by itself: a
 * refused reservation (ERR_NOSPACE from an append), and a recovery without room for its copies
 * (topic_is_waiting). */
#pragma once
#include "topic/meta.h"

struct topic_store;
struct topic;

struct topic_store_options {
    int wake_fd;              /* eventfd the sync thread adds 1 to; -1: none. Borrowed */
    uint64_t reserve_bytes;   /* space reserved ahead per partition, at most; 0: 16 MiB */
    uint64_t verify_bytes;    /* checked before the mark at recovery, per partition; 0: 8 MiB */
    int64_t mark_interval_us; /* how far the mark may be behind; 0: 100 ms */
    int64_t idempotency_ms;   /* keys are kept for; 0: 24 h */
    uint32_t idempotency_keys_max; /* over all topics; 0: 1,000,000 */
    bool manual_sync;              /* tests: no sync thread, topic_store_sync_now() instead */
};

/* Opens DIR (the data folder; DIR/topics and DIR/starts are ours), recovers every topic, bumps the
 * start counter. Takes no lock on DIR: the caller has. One damaged partition does not fail the
 * open; see topic_partition_state(). Errors: IO, NOSPACE, CORRUPT (a topic.json that cannot be
 * read). */
err topic_store_open(const char *dir, const struct topic_store_options *options,
                     struct topic_store **out_store, struct errmsg *msg);
/* Orderly end: writes and syncs what is there, writes the marks. Errors: IO, FAILED. Then free. */
err topic_store_finish(struct topic_store *s, struct errmsg *msg);
/* Stops the sync thread and frees; like a crash for what was not finished. NULL is fine. */
void topic_store_free(struct topic_store *s);
AUTO_DEFINE(topic_store)

/* What recovery found, for the log line at start. */
struct topic_recovery_stats {
    uint32_t topics;
    uint32_t partitions;
    uint32_t damaged_partitions;
    uint64_t cut_bytes;       /* torn tails */
    uint64_t rewritten_bytes; /* good batches after the marks, copied to new blocks */
    int64_t elapsed_us;
};
struct topic_recovery_stats topic_store_recovery(const struct topic_store *s);

/* Creates a topic from `meta` (uuid is chosen here; `start_offsets` NULL or one per partition, for
 * adopting existing tables). Blocks for a few syncs. Errors: EXISTS (name or table name taken),
 * LIMIT (TOPIC_COUNT_MAX), INVALID, NOSPACE, IO, FAILED. *out_topic belongs to the store. */
err topic_store_create(struct topic_store *s, const struct topic_meta *meta,
                       const int64_t *start_offsets, struct topic **out_topic, struct errmsg *msg);
struct topic *topic_store_find(struct topic_store *s, struct str name); /* NULL: none */
/* By table name (what queries use). */
struct topic *topic_store_find_table(struct topic_store *s, struct str table);
size_t topic_store_count(const struct topic_store *s);
/* In order of name; index < topic_store_count(). Valid until a create or delete. */
struct topic *topic_store_at(struct topic_store *s, size_t index);
/* Replaces settings and, where key_field, time_field or schema of new_meta's LAST version differ
 * from the present version's, adds a version whose start offsets are taken after a sync. More
 * partitions may be asked for, not fewer. Blocks for a sync. Name, table, uuid and gaps are not
 * touched. Errors: INVALID, IO, FAILED, NOSPACE. */
err topic_store_update(struct topic_store *s, struct topic *t, const struct topic_meta *new_meta,
                       struct errmsg *msg);
/* Removes the topic's log for good (its tables are not ours). `t` is gone when this returns OK.
 * Errors: BUSY (requests with a key are under way), IO, FAILED. */
err topic_store_delete(struct topic_store *s, struct topic *t, struct errmsg *msg);

/* While a topic is closing it takes no appends: whoever deletes it has its log landed first, and
 * what came after that would be lost with the log. Not remembered over a restart. */
void topic_set_closing(struct topic *t, bool is_closing);
bool topic_is_closing(const struct topic *t);

const struct topic_meta *topic_meta_of(const struct topic *t);
const char *topic_dir(const struct topic *t); /* DIR/topics/<name> */
/* A place for what the store's owner keeps about a topic, NULL at first: heap memory that free()
 * releases when the topic goes. */
void **topic_slot(struct topic *t);

/* Appends one whole batch (61 bytes of header and records, as batch_validate() accepts it; base
 * offset and leader epoch are set by us). The bytes are not needed after the call.
 * *out_base_offset: offset of its first record. *out_seq: see topic_store_durable_seq(); 0 for a
 * page_cache topic, which may be acknowledged at once (it is written when this returns).
 * Errors: FAILED (store failed before), IO (fails now), NOSPACE (nothing happened; try later),
 * CORRUPT "log_damaged" (partition is quarantined), INVALID (not one whole batch), RANGE (no such
 * partition), TOO_LARGE (larger than a segment may be), BUSY (topic_set_closing()). */
err topic_append(struct topic *t, uint32_t partition, struct str batch, int64_t *out_base_offset,
                 uint64_t *out_seq, struct errmsg *msg);
/* Issues the gathered writes and tells the sync thread. Cheap when there is nothing. Failures make
 * the store failed. */
void topic_store_flush_writes(struct topic_store *s);
/* Everything with a number up to this one is on disk. Never goes back. */
uint64_t topic_store_durable_seq(const struct topic_store *s);
/* True once failed; *msg says why. Sticky. */
bool topic_store_failed(const struct topic_store *s, struct errmsg *msg);
/* Bytes appended and not yet durable, for back-pressure. */
uint64_t topic_store_unsynced_bytes(const struct topic_store *s);
/* Flushes, then waits until everything appended so far is durable. Blocks. Errors: IO, FAILED. */
err topic_store_sync_now(struct topic_store *s, struct errmsg *msg);

/* Per partition (partition < topic_partition_count(t)): first offset kept, end that is fsynced
 * (what the writer may land), end that was acknowledged (what queries read; differs from the
 * durable end only in page_cache topics), end including what is not synced yet. */
uint32_t topic_partition_count(const struct topic *t);
int64_t topic_log_start(const struct topic *t, uint32_t partition);
int64_t topic_durable_end(const struct topic *t, uint32_t partition);
int64_t topic_acked_end(const struct topic *t, uint32_t partition);
int64_t topic_written_end(const struct topic *t, uint32_t partition);
uint64_t topic_partition_bytes(const struct topic *t, uint32_t partition); /* of its segments */
uint64_t topic_bytes(const struct topic *t);

/* WAITING: the disk was full when the log was to be recovered. Everything good can be read; appends
 * to the topic give NOSPACE until a tick finds space and ends the recovery. */
enum topic_partition_state { TOPIC_PARTITION_OK, TOPIC_PARTITION_DAMAGED, TOPIC_PARTITION_WAITING };
/* With the reason in *msg (may be NULL) when it is not OK. */
enum topic_partition_state topic_partition_state(const struct topic *t, uint32_t partition,
                                                 struct errmsg *msg);
/* Someone who read the log met damage: the partition is quarantined from now on. */
void topic_report_damage(struct topic *t, uint32_t partition, const char *what);
/* True while any partition of the topic is WAITING. Nothing of it becomes durable meanwhile. */
bool topic_is_waiting(const struct topic *t);
/* Lets go of damaged bytes of a partition: good batches stay with their offsets, the gap is
 * recorded in topic.json, the damaged segment is kept as *.damaged, appends work again. Blocks,
 * reads the whole partition. *out_lost: offsets let go. Errors: INVALID (not damaged), IO, FAILED,
 * NOSPACE. */
err topic_repair(struct topic *t, uint32_t partition, int64_t *out_lost, struct errmsg *msg);

/* Where Kafka's default partitioner puts the key (murmur2). */
uint32_t topic_partition_for_key(const struct topic *t, struct str key);
/* For events without a key: the same partition until a sync has ended, as seen at the end of the
 * loop's turn (topic_store_flush_writes), then the next one; damaged ones are passed over. */
uint32_t topic_partition_sticky(struct topic *t);

/* What table and dead-letter table have committed: next offset of each. Never goes back. Until
 * called for a partition, nothing of it is retained away. */
void topic_set_committed(struct topic *t, uint32_t partition, int64_t table_next,
                         int64_t dead_next);
/* Records that the table has not committed, as far as the writer has said where it stands. */
uint64_t topic_unlanded_rows(const struct topic *t);
/* True when these have reached the topic's unlanded_rows_max: senders are to be slowed. */
bool topic_is_too_far_behind(const struct topic *t);
/* Retention by time and size (never past what is committed), expiry of idempotency keys, removal of
 * deleted topics' files in small steps, recoveries that waited for space. */
void topic_store_tick(struct topic_store *s);
/* The start counter of this run, also the leader epoch in batches. */
int32_t topic_store_epoch(const struct topic_store *s);
/* Sync rounds done and time spent, for metrics. */
struct topic_sync_stats {
    uint64_t rounds;
    uint64_t files;
    uint64_t syncfs_rounds;
    uint64_t elapsed_us;
    uint64_t last_us;
};
struct topic_sync_stats topic_store_sync_stats(const struct topic_store *s);
