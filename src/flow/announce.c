/* SPDX-License-Identifier: MIT */
/* announce.c - see announce.h. What was told is kept per topic by uuid, so that a topic that was
 * deleted and made again starts afresh. When most of it is of topics that are gone, all is told
 * anew. */
#include "flow/announce.h"

#include "base/lookup.h"
#include "flow/wire.h"

enum { GONE_MIN = 100, PACED_FROM = 100, PACE_US_PER_TOPIC = 20 };

struct told {
    struct uuid_text uuid;
    int64_t *ends; /* owned */
    uint32_t count;
};

struct announcer {
    enum announce_ends which;
    struct told **told; /* owned, of topics that are gone too */
    size_t count;
    struct lookup by_uuid;
};

void announce_topics(struct topic_store *store, struct buf *out)
{
    size_t count = topic_store_count(store);
    struct wire_topic *items = xnew_array(struct wire_topic, count);
    for (size_t i = 0; i < count; i++) {
        const struct topic *t = topic_store_at(store, i);
        const struct topic_meta *meta = topic_meta_of(t);
        items[i] = (struct wire_topic){.name = str_from(meta->name),
                                       .table = str_from(meta->table),
                                       .uuid = str_from(meta->uuid.text),
                                       .dir = str_from(topic_dir(t)),
                                       .partition_count = meta->partition_count};
    }
    struct wire_topics topics = {.items = items, .count = count};
    wire_topics_encode(&topics, out);
    free(items);
}

void announce_paced(struct announce_pace *pace, size_t topics, int64_t now_us)
{
    pace->is_due = false;
    pace->next_us = topics < PACED_FROM ? now_us : now_us + PACE_US_PER_TOPIC * (int64_t)topics;
}

struct announcer *announcer_new(enum announce_ends which)
{
    struct announcer *a = xnew(struct announcer);
    a->which = which;
    return a;
}

void announcer_reset(struct announcer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->told[i]->ends);
        free(a->told[i]);
    }
    lookup_deinit(&a->by_uuid);
    free(a->told);
    a->told = NULL;
    a->count = 0;
}

void announcer_free(struct announcer *a)
{
    if (a != NULL) {
        announcer_reset(a);
        free(a);
    }
}

static struct told *told_of(struct announcer *a, const struct topic *t)
{
    struct told *told = lookup_find(&a->by_uuid, str_from(topic_meta_of(t)->uuid.text));
    if (told == NULL) {
        told = xnew(struct told);
        told->uuid = topic_meta_of(t)->uuid;
        a->told = xrealloc(a->told, a->count + 1, sizeof *a->told);
        a->told[a->count++] = told;
        lookup_add(&a->by_uuid, str_from(told->uuid.text), told);
    }
    uint32_t partitions = topic_partition_count(t);
    if (told->count < partitions) {
        told->ends = xrealloc(told->ends, partitions, sizeof *told->ends);
        for (uint32_t p = told->count; p < partitions; p++) {
            told->ends[p] = -1;
        }
        told->count = partitions;
    }
    return told;
}

bool announcer_ends(struct announcer *a, struct topic_store *store, struct buf *out)
{
    size_t topics = topic_store_count(store);
    if (a->count > 2 * topics + GONE_MIN) {
        announcer_reset(a);
    }
    struct wire_topic_ends *items = xnew_array(struct wire_topic_ends, topics);
    size_t moved_count = 0;
    for (size_t i = 0; i < topics; i++) {
        const struct topic *t = topic_store_at(store, i);
        struct told *told = told_of(a, t);
        bool moved = false;
        for (uint32_t p = 0; p < told->count; p++) {
            int64_t end =
                a->which == ANNOUNCE_ACKED ? topic_acked_end(t, p) : topic_durable_end(t, p);
            moved = moved || end != told->ends[p];
            told->ends[p] = end;
        }
        if (moved) {
            items[moved_count++] =
                (struct wire_topic_ends){.topic = str_from(topic_meta_of(t)->name),
                                         .ends = told->ends,
                                         .partition_count = told->count};
        }
    }
    if (moved_count > 0) {
        struct wire_ends ends = {.items = items, .count = moved_count};
        wire_ends_encode(&ends, out);
    }
    free(items);
    return moved_count > 0;
}
