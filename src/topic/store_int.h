/* SPDX-License-Identifier: MIT */
/* store_int.h - what the files of the store share. Inside topic/ only.
 *
 * Two threads: the reactor, which owns everything not said otherwise, and the sync thread, which
 * takes over by struct topic_store's mutex (a leaf: nothing that blocks or locks is called under
 * it). Fields are marked R (reactor only), L (under the mutex), A (atomic). */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "topic/idempotency.h"
#include "topic/recover.h"
#include "topic/store.h"

/* An open file of the log or of a journal, until nobody needs its descriptor any more. */
struct log_file {
    int fd; /* owned */
    atomic_uint refs;
    bool is_dirty; /* L: in one of the dirty sets, which holds a reference then */
    char *new_in;  /* L: owned; directory to fsync with the first sync of a new file, or NULL */
};

/* Where a partition's bytes end: offset, and place in the segment. */
struct log_place {
    int64_t end;
    int64_t segment;
    uint64_t position;
};

struct sealed_segment {
    int64_t base;
    uint64_t bytes;
    int64_t last_append_us;
};

struct partition {
    struct topic *topic; /* borrowed: the owner */
    uint32_t index;
    char *dir; /* owned */

    /* R: the active segment. `position` and `next_offset` include what is pending. Its files are
     * open while they are used, see partition_hold(). */
    struct log_file *file; /* owned reference; NULL: let go of, or damaged */
    int64_t base;
    uint64_t position;
    int64_t next_offset;
    uint64_t reserved; /* the file's size, or more where space cannot be reserved */
    uint64_t reserve_step;
    uint64_t
        zeroed; /* up to here, within what is reserved, blocks are written and not just taken */
    int64_t last_append_us;
    struct buf pending; /* small batches gathered for one write */
    bool is_touched;    /* in store->touched */
    int index_fd;       /* -1: no index for this segment, or let go of */
    uint64_t index_bytes;
    uint64_t indexed_position; /* of the batch of the last entry */
    struct buf index_pending;
    struct sealed_segment *sealed; /* owned, ascending */
    size_t sealed_count;
    size_t sealed_cap;
    uint64_t sealed_bytes;
    int64_t log_start;
    int64_t table_next; /* committed; -1: not known yet */
    int64_t dead_next;
    bool is_damaged;
    bool
        is_waiting; /* its recovery found no space: `file` is NULL, next_offset is the plan's end */
    char why[200];

    struct log_place written;         /* L: handed to the sync thread */
    struct log_place durable;         /* L */
    bool is_moved;                    /* L: in a dirty set's partitions */
    bool is_unmarked;                 /* L: in store->unmarked */
    int64_t mark_log_start;           /* L: for the next mark */
    uint32_t mark_flags;              /* L: for the next mark */
    bool is_marking;                  /* L: the sync thread writes its mark */
    uint64_t mark_generation;         /* sync thread, or R while it is idle */
    bool has_mark;                    /* R */
    int mark_fd;                      /* R, while no mark is wanted; -1: none, or let go of */
    _Atomic int64_t durable_end;      /* A */
    _Atomic int64_t marked_log_start; /* A: on disk */
};

struct topic {
    struct topic_store *store; /* borrowed: the owner */
    struct topic_meta meta;
    char *dir;                     /* owned */
    struct partition **partitions; /* owned, meta.partition_count */
    uint32_t sticky;
    uint64_t sticky_round;
    struct idem_table *idem; /* owned; NULL until the first key */
    bool is_waiting;         /* of a partition or the journal, see store_wait.c */
    bool is_closing;         /* about to be deleted: takes no appends */
    void *slot;              /* owned */
};

struct dirty_set {
    struct log_file **files; /* each a reference */
    size_t file_count;
    size_t file_cap;
    struct partition **parts;
    size_t part_count;
    size_t part_cap;
};

struct round_place {
    struct partition *partition;
    struct log_place place;
};

struct topic_store {
    char *dir;        /* owned: DIR */
    char *topics_dir; /* owned */
    struct topic_store_options options;
    int32_t epoch;
    struct topic **topics; /* R, owned, by name */
    size_t topic_count;
    struct topic_recovery_stats recovery;
    struct partition **touched; /* R: with pending or unannounced bytes */
    size_t touched_count;
    size_t touched_cap;
    uint64_t turn_round;      /* R: rounds done when the loop's turn began */
    uint64_t next_seq;        /* R: last number given out */
    uint64_t appended_bytes;  /* R: of topics that wait for the sync */
    bool has_trash;           /* R */
    bool has_unannounced;     /* R: something for the sync thread besides `touched` */
    struct idem_global *idem; /* R, owned */

    pthread_mutex_t mutex;
    pthread_cond_t to_thread;
    pthread_cond_t to_reactor;
    pthread_t thread;
    bool has_thread;
    bool is_stopping;            /* L */
    bool is_busy;                /* L: a round or a writing of marks is going on */
    struct dirty_set urgent;     /* L */
    struct dirty_set lazy;       /* L: of page_cache topics */
    int64_t lazy_since_us;       /* L */
    struct partition **unmarked; /* L */
    size_t unmarked_count;
    size_t unmarked_cap;
    int64_t unmarked_since_us;      /* L */
    uint64_t written_seq;           /* L */
    uint64_t written_bytes;         /* L */
    uint64_t requests;              /* L: of sync_now */
    uint64_t requests_done;         /* L */
    char failure[ERRMSG_BYTES];     /* written once, before is_failed */
    atomic_bool is_failed;          /* A */
    _Atomic uint64_t durable_seq;   /* A */
    _Atomic uint64_t durable_bytes; /* A */
    _Atomic uint64_t rounds;        /* A */
    struct topic_sync_stats stats;  /* L */
    int data_fd;                    /* for syncfs; owned */

    /* sync thread (or the caller of a manual sync) */
    struct dirty_set round;
    struct round_place *round_places;
    size_t round_place_cap;
    char **round_dirs;
    size_t round_dir_cap;
    int64_t file_sync_us; /* smoothed cost of one fdatasync and of one syncfs */
    int64_t all_sync_us;
};

/* files (store_sync.c). */
struct log_file *log_file_new(int fd, const char *new_in);
struct log_file *log_file_ref(struct log_file *f);
void log_file_unref(struct log_file *f); /* NULL is fine */

/* store_sync.c */
err store_sync_start(struct topic_store *s, struct errmsg *msg);
void store_sync_stop(struct topic_store *s); /* joins; nothing is synced any more */
void store_sync_deinit(struct topic_store *s);
/* Adds 1 to the owner's eventfd. Thread: any. */
void store_wake(const struct topic_store *s);
/* Makes the store failed (once) and wakes the reactor. Thread: any; not under the mutex. */
void store_fail(struct topic_store *s, const char *what);
/* ERR_FAILED with the reason once the store has failed. */
err store_check(const struct topic_store *s, struct errmsg *msg);
/* Announces a written file without a partition (a journal); counts with the next flush. R. */
void store_announce_file(struct topic_store *s, struct log_file *f, bool is_lazy);
/* Asks for a mark of the partition, which is held, to be written soon. R. */
void store_want_mark(struct topic_store *s, struct partition *p);
/* Waits until the sync thread is idle, then drops the partition from its lists. R. */
void store_forget(struct topic_store *s, struct partition *p);

/* store_partition.c: R */
struct partition *partition_new(struct topic *t, uint32_t index);
void partition_free(struct partition *p);
/* Makes directory, first segment and mark under `dir`; all but the directory's own name fsynced. */
err partition_create(const char *dir, int64_t start, struct errmsg *msg);
/* Recovers and opens for append; without space for that it and its topic are waiting. */
err partition_open(struct partition *p, struct errmsg *msg);
err partition_append(struct partition *p, struct str batch, const struct batch_header *h,
                     int64_t *out_base_offset, struct errmsg *msg);
/* Writes what is pending. A failure makes the store failed. */
err partition_write_pending(struct partition *p, struct errmsg *msg);
err partition_roll(struct partition *p, struct errmsg *msg);
/* Makes sure that its files are open: thousands of partitions that nobody writes to would else use
 * up the process's descriptors. Before a mark is wanted and before an append. Errors: LIMIT (no
 * descriptor is left, nothing happened), IO. */
err partition_hold(struct partition *p, struct errmsg *msg);
/* Closes them, unless something of it waits for the sync thread. */
void partition_let_go(struct partition *p);
void partition_index_flush(struct partition *p);
void partition_damaged(struct partition *p, const char *why);
/* Closes the active segment's files and forgets the sealed ones, for a repair. */
void partition_close_files(struct partition *p);
/* Opens what the directory holds, ending at `end`, which is at byte `position` of the last segment
 * (of no meaning while damaged). */
err partition_open_files(struct partition *p, int64_t end, uint64_t position, struct errmsg *msg);

/* store_retain.c: R */
void partition_retain(struct partition *p, uint64_t *topic_bytes, int64_t now_us);
void store_trash_step(struct topic_store *s);

/* store_wait.c: R */
/* Ends a recovery that waits for space, if there is some by now. */
void store_wait_step(struct topic *t);
/* ERR_NOSPACE with the reason while the topic waits. */
err topic_wait_check(const struct topic *t, struct errmsg *msg);

/* store_idem_*.c: R */
/* Reads what the journals and the log have of requests with a key. */
err idem_recover(struct topic *t, struct errmsg *msg);
/* Notes it in a new journal, before offsets can be used anew. Errors: NOSPACE (try again), IO. */
err idem_recover_finish(struct topic *t, struct errmsg *msg);
void idem_tick(struct topic_store *s, int64_t now_us);
bool idem_is_in_flight(const struct idem_table *table); /* NULL is fine */
void idem_table_free(struct idem_table *table);
void idem_global_free(struct idem_global *g);
