/* SPDX-License-Identifier: MIT */
/* store_sync.c - group commit: one thread that makes what was written durable.
 *
 * The next round starts when the last one has ended (natural batching, no timer): it takes all
 * files that were written meanwhile, syncs them, then publishes the sequence number that was
 * current when it took them. One or two files cost an fdatasync each; with more, one syncfs of the
 * file system is usually cheaper, but it also writes what others have dirty there, so the cheaper
 * of the two by smoothed measurement is taken. The names of new files are synced in the same round.
 *
 * Invariants: durable_seq moves only after every file of the round was synced without an error.
 * After an error nothing is synced again: the kernel may have dropped the pages. */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/seeded.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "topic/store_int.h"

enum {
    FDATASYNC_FILES = 2,       /* up to so many are synced one by one without thinking */
    LAZY_INTERVAL_US = 200000, /* page_cache topics are synced about that often */
    FIRST_FILE_SYNC_US = 400,  /* first guesses, kafka.md 8.2 */
    FIRST_ALL_SYNC_US = 1100,
};

/* Files. */

struct log_file *log_file_new(int fd, const char *new_in)
{
    struct log_file *f = xnew(struct log_file);
    f->fd = fd;
    atomic_init(&f->refs, 1);
    f->new_in = new_in == NULL ? NULL : xstrdup(new_in);
    return f;
}

struct log_file *log_file_ref(struct log_file *f)
{
    atomic_fetch_add(&f->refs, 1);
    return f;
}

void log_file_unref(struct log_file *f)
{
    if (f != NULL && atomic_fetch_sub(&f->refs, 1) == 1) {
        os_close(f->fd);
        free(f->new_in);
        free(f);
    }
}

/* Failure. */

void store_wake(const struct topic_store *s)
{
    if (s->options.wake_fd >= 0) {
        (void)eventfd_write(s->options.wake_fd, 1); /* a full counter wakes as well */
    }
}

void store_fail(struct topic_store *s, const char *what)
{
    pthread_mutex_lock(&s->mutex);
    bool is_first = !atomic_load(&s->is_failed);
    if (is_first) {
        (void)snprintf(s->failure, sizeof s->failure, "%s", what); /* cut is fine */
        atomic_store(&s->is_failed, true);
    }
    pthread_cond_broadcast(&s->to_reactor);
    pthread_mutex_unlock(&s->mutex);
    if (is_first) {
        store_wake(s);
    }
}

err store_check(const struct topic_store *s, struct errmsg *msg)
{
    if (!atomic_load(&s->is_failed)) {
        return ERR_OK;
    }
    return errmsg_set(msg, ERR_FAILED, "the log failed before and needs a restart: %s", s->failure);
}

bool topic_store_failed(const struct topic_store *s, struct errmsg *msg)
{
    return store_check(s, msg) != ERR_OK;
}

/* Dirty sets, under the mutex. */

#define GROW(array, count, cap)                                                                    \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            (cap) = (cap) == 0 ? 16 : (cap)*2;                                                     \
            (array) = xrealloc((array), (cap), sizeof *(array));                                   \
        }                                                                                          \
    } while (0)

static void set_add_file(struct topic_store *s, bool is_lazy, struct log_file *f)
{
    if (f->is_dirty) {
        return;
    }
    struct dirty_set *set = is_lazy ? &s->lazy : &s->urgent;
    if (is_lazy && set->file_count == 0) {
        s->lazy_since_us = os_mono_us();
    }
    GROW(set->files, set->file_count, set->file_cap);
    set->files[set->file_count++] = log_file_ref(f);
    f->is_dirty = true;
}

static void set_add_partition(struct topic_store *s, bool is_lazy, struct partition *p)
{
    if (p->is_moved) {
        return;
    }
    struct dirty_set *set = is_lazy ? &s->lazy : &s->urgent;
    GROW(set->parts, set->part_count, set->part_cap);
    set->parts[set->part_count++] = p;
    p->is_moved = true;
}

static void add_unmarked(struct topic_store *s, struct partition *p)
{
    if (p->is_unmarked) {
        return;
    }
    if (s->unmarked_count == 0) {
        s->unmarked_since_us = os_mono_us();
    }
    GROW(s->unmarked, s->unmarked_count, s->unmarked_cap);
    s->unmarked[s->unmarked_count++] = p;
    p->is_unmarked = true;
}

/* Moves everything of `set` to the round. */
static void round_take(struct topic_store *s, struct dirty_set *set, size_t *dirs)
{
    struct dirty_set *round = &s->round;
    for (size_t i = 0; i < set->file_count; i++) {
        struct log_file *f = set->files[i];
        GROW(round->files, round->file_count, round->file_cap);
        round->files[round->file_count++] = f;
        f->is_dirty = false;
        if (f->new_in != NULL) {
            GROW(s->round_dirs, *dirs, s->round_dir_cap);
            s->round_dirs[(*dirs)++] = TAKE(f->new_in);
        }
    }
    for (size_t i = 0; i < set->part_count; i++) {
        struct partition *p = set->parts[i];
        GROW(s->round_places, round->part_count, s->round_place_cap);
        s->round_places[round->part_count++] =
            (struct round_place){.partition = p, .place = p->written};
        p->is_moved = false;
    }
    set->file_count = 0;
    set->part_count = 0;
}

/* Syncing, without the mutex. */

static err sync_file(int fd, struct errmsg *msg)
{
    err e = os_fdatasync(fd, msg);
    if (e != ERR_OK && SEEDED_BUG(SEEDED_RETRY_FSYNC)) {
        return os_fdatasync(fd, msg);
    }
    return e;
}

static void smooth(int64_t *average, int64_t value)
{
    *average += (value - *average) / 8;
}

/* Syncs descriptors one by one, or all at once where that is cheaper. */
static err sync_all(struct topic_store *s, struct log_file **files, size_t count,
                    struct errmsg *msg)
{
    int64_t started = os_mono_us();
    if (count <= FDATASYNC_FILES || (int64_t)count * s->file_sync_us < s->all_sync_us) {
        for (size_t i = 0; i < count; i++) {
            TRY(sync_file(files[i]->fd, msg));
        }
        if (count > 0) {
            smooth(&s->file_sync_us, (os_mono_us() - started) / (int64_t)count);
        }
        s->all_sync_us -= s->all_sync_us / 256; /* so that syncfs is tried again some time */
        return ERR_OK;
    }
    err e = os_syncfs(s->data_fd, msg);
    if (e != ERR_OK && SEEDED_BUG(SEEDED_RETRY_FSYNC)) {
        e = os_syncfs(s->data_fd, msg);
    }
    TRY(e);
    smooth(&s->all_sync_us, os_mono_us() - started);
    pthread_mutex_lock(&s->mutex);
    s->stats.syncfs_rounds++;
    pthread_mutex_unlock(&s->mutex);
    return ERR_OK;
}

/* Syncs the directories of new files, unless the round has failed already; frees their names. */
static err sync_dirs(struct topic_store *s, size_t dirs, err e, struct errmsg *msg)
{
    for (size_t i = 0; i < dirs; i++) {
        bool is_repeated = i > 0 && strcmp(s->round_dirs[i], s->round_dirs[i - 1]) == 0;
        if (e == ERR_OK && !is_repeated && !SEEDED_BUG(SEEDED_NO_DIR_FSYNC)) {
            e = os_fsync_dir(s->round_dirs[i], msg);
        }
    }
    for (size_t i = 0; i < dirs; i++) {
        free(s->round_dirs[i]);
    }
    return e;
}

static void publish(struct topic_store *s, uint64_t seq, uint64_t bytes)
{
    atomic_store(&s->durable_bytes, bytes);
    atomic_store(&s->durable_seq, seq);
}

/* One group commit. Called and returns without the mutex. */
static void sync_round(struct topic_store *s, bool with_lazy)
{
    size_t dirs = 0;
    pthread_mutex_lock(&s->mutex);
    round_take(s, &s->urgent, &dirs);
    if (with_lazy) {
        round_take(s, &s->lazy, &dirs);
    }
    uint64_t seq = s->written_seq;
    uint64_t bytes = s->written_bytes;
    s->is_busy = true;
    pthread_mutex_unlock(&s->mutex);
    if (SEEDED_BUG(SEEDED_ACK_BEFORE_FSYNC)) {
        publish(s, seq, bytes);
        store_wake(s);
        os_sleep_us(20000); /* so that a cut finds it */
    }
    struct errmsg why = {0};
    int64_t started = os_mono_us();
    err e = sync_all(s, s->round.files, s->round.file_count, &why);
    e = sync_dirs(s, dirs, e, &why);
    if (e != ERR_OK) {
        store_fail(s, why.text);
    }
    int64_t elapsed = os_mono_us() - started;
    pthread_mutex_lock(&s->mutex);
    if (e == ERR_OK && !atomic_load(&s->is_failed)) {
        for (size_t i = 0; i < s->round.part_count; i++) {
            struct partition *p = s->round_places[i].partition;
            p->durable = s->round_places[i].place;
            atomic_store(&p->durable_end, p->durable.end);
            add_unmarked(s, p);
        }
        publish(s, seq, bytes);
        atomic_fetch_add(&s->rounds, 1);
        s->stats.rounds++;
        s->stats.files += s->round.file_count;
        s->stats.elapsed_us += (uint64_t)elapsed;
        s->stats.last_us = (uint64_t)elapsed;
    }
    s->is_busy = false;
    pthread_cond_broadcast(&s->to_reactor);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < s->round.file_count; i++) {
        log_file_unref(s->round.files[i]);
    }
    s->round.file_count = 0;
    s->round.part_count = 0;
    store_wake(s);
}

/* Marks. */

struct mark_job {
    struct partition *partition;
    struct segment_mark mark;
};

static err write_marks(struct topic_store *s, struct mark_job *jobs, size_t count,
                       struct errmsg *msg)
{
    for (size_t i = 0; i < count; i++) {
        char bytes[64];
        segment_mark_encode(&jobs[i].mark, bytes);
        uint64_t slot = jobs[i].mark.generation % 2 * SEGMENT_MARK_SLOT;
        TRY(os_pwrite(jobs[i].partition->mark_fd, bytes, sizeof bytes, slot, msg));
    }
    if (count > 4) {
        return os_syncfs(s->data_fd, msg);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(os_fdatasync(jobs[i].partition->mark_fd, msg));
    }
    return ERR_OK;
}

/* Brings the marks of all that moved up to date. Called and returns without the mutex. */
static void sync_marks(struct topic_store *s)
{
    pthread_mutex_lock(&s->mutex);
    size_t count = 0;
    struct mark_job *jobs = xnew_array(struct mark_job, MAX(s->unmarked_count, 1));
    for (size_t i = 0; i < s->unmarked_count; i++) {
        struct partition *p = s->unmarked[i];
        p->is_unmarked = false;
        if (!p->has_mark) {
            continue;
        }
        ASSERT(p->mark_fd >= 0); /* who wants a mark holds the partition */
        p->is_marking = true;
        jobs[count++] =
            (struct mark_job){.partition = p,
                              .mark = {.generation = ++p->mark_generation,
                                       .log_start = MIN(p->mark_log_start, p->durable.end),
                                       .end = p->durable.end,
                                       .segment = p->durable.segment,
                                       .position = p->durable.position,
                                       .flags = p->mark_flags}};
    }
    s->unmarked_count = 0;
    s->is_busy = true;
    pthread_mutex_unlock(&s->mutex);
    struct errmsg why = {0};
    err e = write_marks(s, jobs, count, &why);
    if (e != ERR_OK) {
        store_fail(s, why.text);
    }
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < count; i++) {
        jobs[i].partition->is_marking = false;
        if (e == ERR_OK) {
            atomic_store(&jobs[i].partition->marked_log_start, jobs[i].mark.log_start);
        }
    }
    s->is_busy = false;
    pthread_cond_broadcast(&s->to_reactor);
    pthread_mutex_unlock(&s->mutex);
    free(jobs);
}

/* The thread. */

struct due {
    bool round;
    bool lazy;
    bool marks;
    int64_t until_us; /* when something will be; INT64_MAX: nothing is waiting */
};

/* What is to be done now. Under the mutex. */
static struct due what_is_due(const struct topic_store *s, int64_t now)
{
    struct due d = {.until_us = INT64_MAX};
    if (atomic_load(&s->is_failed)) {
        return d;
    }
    bool is_asked = s->requests > s->requests_done;
    if (s->lazy.file_count > 0 || s->lazy.part_count > 0) {
        int64_t when = s->lazy_since_us + LAZY_INTERVAL_US;
        d.lazy = is_asked || when <= now;
        d.until_us = MIN(d.until_us, when);
    }
    if (s->unmarked_count > 0) {
        int64_t when = s->unmarked_since_us + s->options.mark_interval_us;
        d.marks = is_asked || when <= now;
        d.until_us = MIN(d.until_us, when);
    }
    /* A round may have taken a journal's file before its number was written: then a round without
     * files is left to do, and someone waits for it. */
    d.round = is_asked || d.lazy || s->urgent.file_count > 0 || s->urgent.part_count > 0 ||
              s->written_seq > atomic_load(&s->durable_seq);
    return d;
}

static void wait_until(struct topic_store *s, int64_t until_us)
{
    if (until_us == INT64_MAX) {
        pthread_cond_wait(&s->to_thread, &s->mutex);
        return;
    }
    struct timespec when = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    (void)pthread_cond_timedwait(&s->to_thread, &s->mutex, &when); /* looked at again anyway */
}

/* Does what is due; under the mutex, gives it up meanwhile. */
static void work(struct topic_store *s, struct due due)
{
    uint64_t asked = s->requests;
    bool all = asked > s->requests_done;
    pthread_mutex_unlock(&s->mutex);
    if (due.round) {
        sync_round(s, due.lazy || all);
    }
    if (due.marks || all) {
        sync_marks(s);
    }
    pthread_mutex_lock(&s->mutex);
    s->requests_done = MAX(s->requests_done, asked);
    pthread_cond_broadcast(&s->to_reactor);
}

static void *sync_main(void *context)
{
    struct topic_store *s = context;
    os_thread_name("tarn-sync");
    pthread_mutex_lock(&s->mutex);
    while (!s->is_stopping) {
        struct due due = what_is_due(s, os_mono_us());
        if (due.round || due.marks) {
            work(s, due);
        } else {
            wait_until(s, due.until_us);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

err store_sync_start(struct topic_store *s, struct errmsg *msg)
{
    s->file_sync_us = FIRST_FILE_SYNC_US;
    s->all_sync_us = FIRST_ALL_SYNC_US;
    if (s->options.manual_sync) {
        return ERR_OK;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the reactor's */
    int error = pthread_create(&s->thread, NULL, sync_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return errmsg_set(msg, ERR_LIMIT, "start the sync thread: %s", strerror(error));
    }
    s->has_thread = true;
    return ERR_OK;
}

void store_sync_stop(struct topic_store *s)
{
    if (!s->has_thread) {
        return;
    }
    pthread_mutex_lock(&s->mutex);
    s->is_stopping = true;
    pthread_cond_broadcast(&s->to_thread);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
    s->has_thread = false;
}

static void set_deinit(struct dirty_set *set)
{
    for (size_t i = 0; i < set->file_count; i++) {
        log_file_unref(set->files[i]);
    }
    free(set->files);
    free(set->parts);
}

void store_sync_deinit(struct topic_store *s)
{
    set_deinit(&s->urgent);
    set_deinit(&s->lazy);
    set_deinit(&s->round);
    free(s->unmarked);
    free(s->round_places);
    free(s->round_dirs);
}

/* The reactor's side. */

void store_announce_file(struct topic_store *s, struct log_file *f, bool is_lazy)
{
    pthread_mutex_lock(&s->mutex);
    set_add_file(s, is_lazy, f);
    pthread_mutex_unlock(&s->mutex);
    s->has_unannounced = true;
}

void store_want_mark(struct topic_store *s, struct partition *p)
{
    pthread_mutex_lock(&s->mutex);
    add_unmarked(s, p);
    pthread_cond_signal(&s->to_thread);
    pthread_mutex_unlock(&s->mutex);
}

static void drop_partition(struct partition **list, size_t *count, const struct partition *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (list[i] != p) {
            list[kept++] = list[i];
        }
    }
    *count = kept;
}

void store_forget(struct topic_store *s, struct partition *p)
{
    drop_partition(s->touched, &s->touched_count, p);
    p->is_touched = false;
    pthread_mutex_lock(&s->mutex);
    drop_partition(s->urgent.parts, &s->urgent.part_count, p);
    drop_partition(s->lazy.parts, &s->lazy.part_count, p);
    drop_partition(s->unmarked, &s->unmarked_count, p);
    p->is_moved = false;
    p->is_unmarked = false;
    while (s->is_busy) {
        pthread_cond_wait(&s->to_reactor, &s->mutex);
    }
    drop_partition(s->unmarked, &s->unmarked_count, p); /* the round may have added it */
    p->is_unmarked = false;
    pthread_mutex_unlock(&s->mutex);
}

void topic_store_flush_writes(struct topic_store *s)
{
    s->turn_round = atomic_load(&s->rounds);
    if ((s->touched_count == 0 && !s->has_unannounced) || atomic_load(&s->is_failed)) {
        return;
    }
    for (size_t i = 0; i < s->touched_count; i++) {
        if (partition_write_pending(s->touched[i], NULL) != ERR_OK) {
            return; /* the store has failed; it says so itself */
        }
    }
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->touched_count; i++) {
        struct partition *p = s->touched[i];
        bool is_lazy = p->topic->meta.settings.durability == TOPIC_PAGE_CACHE;
        p->is_touched = false;
        p->written =
            (struct log_place){.end = p->next_offset, .segment = p->base, .position = p->position};
        set_add_file(s, is_lazy, p->file);
        set_add_partition(s, is_lazy, p);
    }
    s->written_seq = s->next_seq;
    s->written_bytes = s->appended_bytes;
    pthread_cond_signal(&s->to_thread); /* for lazy ones too, so that it sets its alarm */
    pthread_mutex_unlock(&s->mutex);
    s->touched_count = 0;
    s->has_unannounced = false;
}

err topic_store_sync_now(struct topic_store *s, struct errmsg *msg)
{
    TRY(store_check(s, msg));
    topic_store_flush_writes(s);
    pthread_mutex_lock(&s->mutex);
    uint64_t mine = ++s->requests;
    if (!s->has_thread) {
        if (!atomic_load(&s->is_failed)) {
            work(s, (struct due){.round = true, .marks = true});
        }
    } else {
        pthread_cond_signal(&s->to_thread);
        while (s->requests_done < mine && !atomic_load(&s->is_failed)) {
            pthread_cond_wait(&s->to_reactor, &s->mutex);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    s->turn_round = atomic_load(&s->rounds);
    return store_check(s, msg);
}

uint64_t topic_store_durable_seq(const struct topic_store *s)
{
    return atomic_load(&s->durable_seq);
}

uint64_t topic_store_unsynced_bytes(const struct topic_store *s)
{
    return s->appended_bytes - atomic_load(&s->durable_bytes);
}

struct topic_sync_stats topic_store_sync_stats(const struct topic_store *s)
{
    union {
        const pthread_mutex_t *in;
        pthread_mutex_t *out;
    } mutex = {.in = &s->mutex}; /* reading statistics does not change the store */
    pthread_mutex_lock(mutex.out);
    struct topic_sync_stats stats = s->stats;
    pthread_mutex_unlock(mutex.out);
    return stats;
}
