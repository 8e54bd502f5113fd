/* SPDX-License-Identifier: MIT */
/* announce.c - see announce.h. What was told is kept per topic by uuid, so that a topic that was
 * deleted and made again starts afresh. */
#include "flow/announce.h"

#include "flow/wire.h"

struct told {
    struct uuid_text uuid;
    int64_t *ends; /* owned */
    uint32_t count;
};

struct announcer {
    enum announce_ends which;
    struct told *told; /* owned */
    size_t count;
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

struct announcer *announcer_new(enum announce_ends which)
{
    struct announcer *a = xnew(struct announcer);
    a->which = which;
    return a;
}

void announcer_reset(struct announcer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->told[i].ends);
    }
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
    const char *uuid = topic_meta_of(t)->uuid.text;
    struct told *told = NULL;
    for (size_t i = 0; i < a->count && told == NULL; i++) {
        told = strcmp(a->told[i].uuid.text, uuid) == 0 ? &a->told[i] : NULL;
    }
    if (told == NULL) {
        a->told = xrealloc(a->told, a->count + 1, sizeof *a->told);
        told = &a->told[a->count++];
        *told = (struct told){.uuid = topic_meta_of(t)->uuid};
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
