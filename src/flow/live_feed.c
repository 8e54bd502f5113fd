/* SPDX-License-Identifier: MIT */
/* live_feed.c - the reactor's half of the feed: see live_feed.h and live_feed_int.h. */
#include "flow/live_feed.h"

#include "flow/live_feed_int.h"

static void watch_free(struct live_watch *w)
{
    for (size_t i = 0; i < w->o.topic_count; i++) {
        free(w->o.topics[i]);
    }
    free(w->o.topics);
    live_filter_deinit(&w->o.filter);
    free(w->o.tally_topic);
    free(w->o.tally_field);
    buf_deinit(&w->ready);
    buf_deinit(&w->out);
    free(w);
}

static void free_dead(struct live_feed *f)
{
    feed_lock(f);
    struct live_watch *dead = f->dead;
    f->dead = NULL;
    feed_unlock(f);
    while (dead != NULL) {
        struct live_watch *w = dead;
        dead = w->next;
        watch_free(w);
    }
}

static void sources_free(struct source *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].dir);
    }
    free(list);
}

static struct source *list_topics(struct live_feed *f, size_t *out_count)
{
    size_t count = topic_store_count(f->store);
    struct source *list = xnew_array(struct source, MAX(count, (size_t)1));
    f->part_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct topic *t = topic_store_at(f->store, i);
        const struct topic_meta *m = topic_meta_of(t);
        memcpy(list[i].name, m->name, sizeof list[i].name);
        list[i].uuid = m->uuid;
        list[i].dir = xstrdup(topic_dir(t));
        list[i].part_count = topic_partition_count(t);
        f->part_count += list[i].part_count;
    }
    *out_count = count;
    return list;
}

static size_t count_parts(const struct live_feed *f)
{
    size_t count = 0;
    for (size_t i = 0; i < topic_store_count(f->store); i++) {
        count += topic_partition_count(topic_store_at(f->store, i));
    }
    return count;
}

static int64_t *list_ends(struct live_feed *f)
{
    int64_t *ends = xnew_array(int64_t, MAX(f->part_count, (size_t)1));
    size_t at = 0;
    for (size_t i = 0; i < topic_store_count(f->store); i++) {
        const struct topic *t = topic_store_at(f->store, i);
        for (uint32_t p = 0; p < topic_partition_count(t); p++) {
            ASSERT(at < f->part_count);
            ends[at++] = topic_acked_end(t, p);
        }
    }
    ASSERT(at == f->part_count);
    return ends;
}

static void tell_ends(struct live_feed *f)
{
    struct source *list = NULL;
    size_t list_count = 0;
    if (f->is_stale || count_parts(f) != f->part_count) {
        f->is_stale = false;
        list = list_topics(f, &list_count);
    }
    int64_t *ends = list_ends(f);
    feed_lock(f);
    if (list != NULL) {
        struct source *old = f->list;
        size_t old_count = f->list_count;
        f->list = list;
        f->list_count = list_count;
        list = old;
        list_count = old_count;
    }
    int64_t *old_ends = f->ends;
    f->ends = ends;
    f->ends_count = f->part_count;
    f->told_count++;
    f->is_due = true;
    (void)pthread_cond_signal(&f->wake); /* cannot fail */
    feed_unlock(f);
    free(old_ends);
    sources_free(list, list == NULL ? 0 : list_count);
}

static void on_timer(struct reactor_timer *timer)
{
    struct live_feed *f = (struct live_feed *)((char *)timer - offsetof(struct live_feed, timer));
    free_dead(f);
    feed_lock(f);
    bool is_watched = f->watches != NULL || f->has_tallies;
    feed_unlock(f);
    if (is_watched) {
        tell_ends(f);
        reactor_timer_set_us(f->reactor, timer, reactor_now_us(f->reactor) + LIVE_ROUND_US);
    }
}

/* Those with a buffer that is ready, by ready_next. Only this thread frees watches, and not before
 * its timer: they stay while the list is walked. */
static struct live_watch *list_ready(struct live_feed *f)
{
    struct live_watch *first = NULL;
    feed_lock(f);
    for (struct live_watch *w = f->watches; w != NULL; w = w->next) {
        if (w->has_ready) {
            w->ready_next = first;
            first = w;
        }
    }
    feed_unlock(f);
    return first;
}

/* False when the watch was stopped, be it by what another one's data caused. */
static bool take_ready(struct live_watch *w, struct buf *out, uint64_t *out_events)
{
    feed_lock(w->feed);
    bool is_wanted = !w->is_stopped;
    if (is_wanted) {
        w->has_ready = false;
        *out = w->ready;
        *out_events = w->ready_events;
        w->ready = (struct buf){0};
    }
    feed_unlock(w->feed);
    return is_wanted;
}

static void on_task(struct reactor_task *task)
{
    struct live_feed *f = (struct live_feed *)((char *)task - offsetof(struct live_feed, task));
    struct live_watch *next = NULL;
    for (struct live_watch *w = list_ready(f); w != NULL; w = next) {
        struct buf ready = {0};
        uint64_t events = 0;
        next = w->ready_next;
        if (take_ready(w, &ready, &events)) {
            w->o.on_data(w->o.ctx, buf_str(&ready), events);
        }
        buf_deinit(&ready);
    }
}

/* ---- life ---- */

struct live_feed *live_feed_new(struct reactor *reactor, struct topic_store *store)
{
    struct live_feed *f = xnew(struct live_feed);
    f->reactor = reactor;
    f->store = store;
    f->timer.on_due = on_timer;
    f->task.run = on_task;
    f->is_stale = true;
    (void)pthread_mutex_init(&f->lock, NULL); /* cannot fail with default attributes */
    (void)pthread_cond_init(&f->wake, NULL);  /* likewise */
    return f;
}

static err start_thread(struct live_feed *f, struct errmsg *msg)
{
    if (f->is_started) {
        return ERR_OK;
    }
    int error = pthread_create(&f->thread, NULL, live_feed_thread, f);
    if (error != 0) {
        return errmsg_set(msg, ERR_LIMIT, "cannot start the thread of live views: %s",
                          strerror(error));
    }
    f->is_started = true;
    return ERR_OK;
}

void live_feed_free(struct live_feed *f)
{
    if (f == NULL) {
        return;
    }
    if (f->is_started) {
        feed_lock(f);
        f->quit = true;
        (void)pthread_cond_signal(&f->wake); /* cannot fail */
        feed_unlock(f);
        (void)pthread_join(f->thread, NULL); /* it is there */
    }
    reactor_timer_stop(f->reactor, &f->timer);
    while (f->watches != NULL) {
        struct live_watch *w = f->watches;
        f->watches = w->next;
        watch_free(w);
    }
    free_dead(f);
    live_feed_thread_deinit(f);
    sources_free(f->list, f->list == NULL ? 0 : f->list_count);
    free(f->ends);
    (void)pthread_cond_destroy(&f->wake);  /* nobody waits */
    (void)pthread_mutex_destroy(&f->lock); /* nobody holds it */
    free(f);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* How many different counts are watched, `w` included. */
static size_t count_tallies(struct live_feed *f, const struct live_watch *w)
{
    const struct live_watch *seen[LIVE_TALLIES_MAX] = {w};
    size_t count = 1;
    feed_lock(f);
    for (const struct live_watch *x = f->watches; x != NULL && count < LIVE_TALLIES_MAX;
         x = x->next) {
        bool is_new = x->o.is_tally && !x->is_stopped;
        for (size_t i = 0; is_new && i < count; i++) {
            is_new = !is_same_text(x->o.tally_topic, seen[i]->o.tally_topic) ||
                     !is_same_text(x->o.tally_field, seen[i]->o.tally_field);
        }
        if (is_new) {
            seen[count++] = x;
        }
    }
    feed_unlock(f);
    return count;
}

err live_watch_start(struct live_feed *f, const struct live_watch_options *options,
                     struct live_watch **out_watch, struct errmsg *msg)
{
    struct live_watch *w = xnew(struct live_watch);
    w->feed = f;
    w->o = *options;
    w->out = buf_make(BUFFER_BYTES_MAX);
    err e = start_thread(f, msg);
    if (e == ERR_OK && w->o.is_tally && count_tallies(f, w) >= LIVE_TALLIES_MAX) {
        e = errmsg_set(msg, ERR_LIMIT, "%d different counts are watched already",
                       LIVE_TALLIES_MAX - 1);
    }
    if (e != ERR_OK) {
        watch_free(w);
        return e;
    }
    feed_lock(f);
    bool is_first = f->watches == NULL;
    f->is_resumed = f->is_resumed || (is_first && !f->has_tallies);
    w->since = f->told_count;
    w->next = f->watches;
    f->watches = w;
    feed_unlock(f);
    if (is_first && !reactor_timer_is_armed(&f->timer)) {
        f->is_stale = true;
        reactor_timer_set_us(f->reactor, &f->timer, reactor_now_us(f->reactor));
    }
    *out_watch = w;
    return ERR_OK;
}

void live_watch_stop(struct live_watch *w)
{
    if (w != NULL) {
        feed_lock(w->feed);
        w->is_stopped = true;
        feed_unlock(w->feed);
    }
}

void live_feed_topics_changed(struct live_feed *f)
{
    f->is_stale = true;
}
