/* SPDX-License-Identifier: MIT */
/* store_retain.c - lets old segments go, and removes the files of deleted topics in small steps.
 *
 * A segment goes when it is too old or the topic too large, and never before both the table and the
 * dead-letter table have committed all of it. First log_start moves and is written into the mark;
 * only then are the files removed, so that a crash between two removals cannot look like damage. */
#include "base/seeded.h"
#include "os/file.h"
#include "topic/store_int.h"

enum { TRASH_FILES_PER_STEP = 8 };

static void remove_first_sealed(struct partition *p)
{
    AUTO_TEXT log = segment_path(p->dir, p->sealed[0].base, ".log");
    AUTO_TEXT index = segment_path(p->dir, p->sealed[0].base, ".index");
    err e = os_unlink(log, NULL);
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        return; /* the next tick tries again; recovery would remove it too */
    }
    (void)os_unlink(index, NULL); /* may not be there */
    p->sealed_bytes -= p->sealed[0].bytes;
    p->sealed_count--;
    memmove(p->sealed, p->sealed + 1, p->sealed_count * sizeof *p->sealed);
}

/* The offset after sealed segment i. */
static int64_t sealed_next(const struct partition *p, size_t i)
{
    return i + 1 < p->sealed_count ? p->sealed[i + 1].base : p->base;
}

/* True when everything below `next` is in both tables. */
static bool is_committed(const struct partition *p, int64_t next)
{
    return next <= MIN(p->table_next, p->dead_next) || SEEDED_BUG(SEEDED_RETAIN_PAST_COMMIT);
}

void partition_retain(struct partition *p, uint64_t *topic_bytes, int64_t now_us)
{
    const struct topic_settings *settings = &p->topic->meta.settings;
    if (p->is_damaged || !p->has_mark) {
        return;
    }
    while (p->sealed_count > 0 && sealed_next(p, 0) <= atomic_load(&p->marked_log_start)) {
        size_t before = p->sealed_count;
        remove_first_sealed(p);
        if (p->sealed_count == before) {
            return;
        }
    }
    int64_t age_max_us = settings->retention_ms < 0 ? INT64_MAX : settings->retention_ms * 1000;
    bool is_active_old = p->position > 0 && now_us - p->last_append_us > age_max_us;
    if (is_active_old && is_committed(p, p->next_offset)) {
        (void)partition_roll(p, NULL); /* a full disk: the next tick tries again */
        topic_store_flush_writes(p->topic->store);
    }
    int64_t start = p->log_start;
    for (size_t i = 0; i < p->sealed_count; i++) {
        int64_t next = sealed_next(p, i);
        if (next <= p->log_start) {
            *topic_bytes -= MIN(*topic_bytes, p->sealed[i].bytes); /* going already */
            continue;
        }
        bool is_old = now_us - p->sealed[i].last_append_us > age_max_us;
        bool is_over =
            settings->retention_bytes >= 0 && *topic_bytes > (uint64_t)settings->retention_bytes;
        if (!(is_old || is_over) || !is_committed(p, next)) {
            break;
        }
        *topic_bytes -= MIN(*topic_bytes, p->sealed[i].bytes);
        start = next;
    }
    if (start == p->log_start || partition_hold(p, NULL) != ERR_OK) {
        return;
    }
    struct topic_store *s = p->topic->store;
    pthread_mutex_lock(&s->mutex);
    bool is_safe = start <= p->durable.segment; /* the segment that the mark names must stay */
    if (is_safe) {
        p->mark_log_start = start;
    }
    pthread_mutex_unlock(&s->mutex);
    if (is_safe) {
        p->log_start = start;
        store_want_mark(s, p);
    }
}

/* Removes files under `path` until *left is used up; the directory itself when it is empty. */
static void remove_some(const char *path, int *left)
{
    AUTO_NAMES names = {0};
    if (os_list(path, &names, NULL) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i<names.count && * left> 0; i++) {
        AUTO_TEXT child = xasprintf("%s/%s", path, names.items[i]);
        struct os_stat st;
        if (os_stat(child, &st, NULL) == ERR_OK && st.is_dir) {
            remove_some(child, left);
        } else {
            (*left)--;
            (void)os_unlink(child, NULL); /* tried again with the next step */
        }
    }
    if (*left > 0) {
        (*left)--;
        (void)os_rmdir(path, NULL); /* fails while something is left */
    }
}

void store_trash_step(struct topic_store *s)
{
    AUTO_NAMES names = {0};
    if (os_list(s->topics_dir, &names, NULL) != ERR_OK) {
        return;
    }
    int left = TRASH_FILES_PER_STEP;
    bool found = false;
    for (size_t i = 0; i < names.count && left > 0; i++) {
        if (names.items[i][0] == '+') {
            found = true;
            AUTO_TEXT path = xasprintf("%s/%s", s->topics_dir, names.items[i]);
            remove_some(path, &left);
        }
    }
    s->has_trash = found;
}
