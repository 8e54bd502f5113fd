/* SPDX-License-Identifier: MIT */
/* filelist.c - see filelist.h. */
#include "lake/filelist.h"

#include "base/hash.h"

enum { SEGMENT_ARENA_BYTES_MAX = 1 << 30, POSITION_BITS = 9 };
_Static_assert(LAKE_SEGMENT_FILES == 1 << POSITION_BITS, "a position is slot and index");

uint64_t lake_file_hash(const struct lake_file *f)
{
    uint64_t hash = hash_xxh3(f->path);
    if (f->deletion_vector_id.len > 0) {
        hash ^= hash_xxh3(f->deletion_vector_id) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

bool lake_file_same_key(const struct lake_file *a, const struct lake_file *b)
{
    return str_eq(a->path, b->path) && str_eq(a->deletion_vector_id, b->deletion_vector_id);
}

static void segment_unref(struct lake_segment *segment)
{
    if (segment != NULL && atomic_fetch_sub(&segment->refs, 1) == 1) {
        arena_free(segment->arena);
        free(segment->hashes);
        free(segment->files);
        free(segment);
    }
}

void lake_list_clone(const struct lake_list *list, struct lake_list *out)
{
    *out = (struct lake_list){
        .slot_count = list->slot_count, .slot_cap = list->slot_count + 4, .live = list->live};
    out->slots = xnew_array(struct lake_slot, out->slot_cap);
    if (list->slot_count > 0) {
        memcpy(out->slots, list->slots, list->slot_count * sizeof *list->slots);
    }
    for (size_t i = 0; i < list->slot_count; i++) {
        (void)atomic_fetch_add(&list->slots[i].segment->refs, 1); /* the old count is of no use */
    }
}

void lake_list_deinit(struct lake_list *list)
{
    for (size_t i = 0; i < list->slot_count; i++) {
        segment_unref(list->slots[i].segment);
    }
    free(list->slots);
    free(list->index);
    *list = (struct lake_list){0};
}

static bool slot_is_dead(const struct lake_slot *slot, uint32_t i)
{
    return (slot->dead_bits[i / 64] >> (i % 64) & 1) != 0;
}

static void index_insert(struct lake_list *list, size_t slot, uint32_t i)
{
    uint64_t hash = list->slots[slot].segment->hashes[i];
    size_t at = hash & (list->index_cap - 1);
    while (list->index[at] != 0) {
        at = (at + 1) & (list->index_cap - 1);
    }
    list->index[at] = (uint32_t)(slot << POSITION_BITS | i) + 1;
    list->index_used++;
}

void lake_list_drop_index(struct lake_list *list)
{
    free(list->index);
    list->index = NULL;
    list->index_cap = 0;
    list->index_used = 0;
}

/* Rebuilding also forgets the positions of dead files. */
void lake_list_index(struct lake_list *list)
{
    lake_list_drop_index(list);
    list->index_cap = 64;
    while (list->index_cap < list->live * 4) {
        list->index_cap *= 2;
    }
    list->index = xnew_array(uint32_t, list->index_cap);
    for (size_t s = 0; s < list->slot_count; s++) {
        for (uint32_t i = 0; i < list->slots[s].used; i++) {
            if (!slot_is_dead(&list->slots[s], i)) {
                index_insert(list, s, i);
            }
        }
    }
}

static err segment_new(size_t live, struct lake_segment **out_segment)
{
    uint32_t cap = live >= LAKE_SEGMENT_FILES ? LAKE_SEGMENT_FILES : live >= 64 ? 128 : 16;
    struct lake_segment *segment = xnew(struct lake_segment);
    segment->hashes = xnew_array(uint64_t, cap);
    segment->files = xnew_array(struct lake_file, cap);
    segment->arena = arena_new(SEGMENT_ARENA_BYTES_MAX);
    segment->cap = cap;
    atomic_store(&segment->refs, 1);
    *out_segment = segment;
    return ERR_OK;
}

/* The slot that the next file goes to, its place taken: an own tail, or a new segment. */
static err slot_for_append(struct lake_list *list, struct lake_slot **out_slot)
{
    struct lake_slot *tail = list->slot_count > 0 ? &list->slots[list->slot_count - 1] : NULL;
    if (tail != NULL && tail->used < tail->segment->cap) {
        unsigned seen = tail->used;
        if (atomic_compare_exchange_strong(&tail->segment->used, &seen, tail->used + 1)) {
            *out_slot = tail;
            return ERR_OK;
        }
    }
    if (list->slot_count >= (UINT32_MAX >> POSITION_BITS) - 1) {
        return ERR_TOO_LARGE;
    }
    if (list->slot_count == list->slot_cap) {
        list->slot_cap = MAX(list->slot_cap * 2, (size_t)4);
        list->slots = xrealloc(list->slots, list->slot_cap, sizeof *list->slots);
    }
    struct lake_segment *segment = NULL;
    TRY(segment_new(list->live, &segment));
    ASSERT(list->slots != NULL);
    tail = &list->slots[list->slot_count++];
    *tail = (struct lake_slot){.segment = segment};
    atomic_store(&segment->used, 1);
    *out_slot = tail;
    return ERR_OK;
}

static bool pairs_equal(const struct lake_file *a, const struct lake_file *b)
{
    if (a->partition_value_count != b->partition_value_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->partition_value_count; i++) {
        const struct lake_pair *x = &a->partition_values[i];
        const struct lake_pair *y = &b->partition_values[i];
        if (!str_eq(x->key, y->key) || x->is_null != y->is_null || !str_eq(x->value, y->value)) {
            return false;
        }
    }
    return true;
}

static bool dup_into(struct arena *arena, struct str *s)
{
    if (s->len == 0) {
        *s = (struct str){NULL, 0};
        return true;
    }
    *s = arena_dup(arena, *s);
    return s->ptr != NULL;
}

static bool copy_pairs(struct arena *arena, const struct lake_file *from, struct lake_file *to)
{
    if (from->partition_value_count == 0) {
        to->partition_values = NULL;
        return true;
    }
    struct lake_pair *pairs =
        arena_alloc(arena, from->partition_value_count * sizeof *from->partition_values);
    if (pairs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < from->partition_value_count; i++) {
        pairs[i] = from->partition_values[i];
        if (!dup_into(arena, &pairs[i].key) || !dup_into(arena, &pairs[i].value)) {
            return false;
        }
    }
    to->partition_values = pairs;
    return true;
}

/* Neighbours mostly lie in the same partition and then share its values. */
static bool copy_file(struct arena *arena, const struct lake_file *from,
                      const struct lake_file *neighbour, bool keep_stats, struct lake_file *to)
{
    *to = *from;
    if (!keep_stats) {
        to->stats = (struct str){NULL, 0};
    }
    if (neighbour != NULL && pairs_equal(from, neighbour)) {
        to->partition_values = neighbour->partition_values;
    } else if (!copy_pairs(arena, from, to)) {
        return false;
    }
    return dup_into(arena, &to->path) && dup_into(arena, &to->stats) &&
           dup_into(arena, &to->tags) && dup_into(arena, &to->deletion_vector) &&
           dup_into(arena, &to->deletion_vector_id) && dup_into(arena, &to->clustering_provider);
}

err lake_list_add(struct lake_list *list, const struct lake_file *f, bool keep_stats)
{
    struct lake_slot *slot = NULL;
    TRY(slot_for_append(list, &slot));
    struct lake_segment *segment = slot->segment;
    uint32_t i = slot->used;
    const struct lake_file *neighbour = i > 0 ? &segment->files[i - 1] : NULL;
    if (!copy_file(segment->arena, f, neighbour, keep_stats, &segment->files[i])) {
        return ERR_NOMEM; /* the place stays taken and is seen by no list */
    }
    segment->hashes[i] = lake_file_hash(f);
    slot->used++;
    list->live++;
    if (list->index != NULL) {
        if ((list->index_used + 1) * 2 > list->index_cap) {
            lake_list_index(list);
        } else {
            index_insert(list, list->slot_count - 1, i);
        }
    }
    return ERR_OK;
}

static void kill_at(struct lake_list *list, size_t slot_number, uint32_t i, lake_killed_fn *killed,
                    void *ctx)
{
    struct lake_slot *slot = &list->slots[slot_number];
    ASSERT(!slot_is_dead(slot, i));
    slot->dead_bits[i / 64] |= UINT64_C(1) << (i % 64);
    slot->dead++;
    list->live--;
    if (killed != NULL) {
        killed(ctx, &slot->segment->files[i]);
    }
}

static void kill_indexed(struct lake_list *list, const struct lake_file *key,
                         lake_killed_fn *killed, void *ctx)
{
    uint64_t hash = lake_file_hash(key);
    for (size_t at = hash & (list->index_cap - 1); list->index[at] != 0;
         at = (at + 1) & (list->index_cap - 1)) {
        uint32_t position = list->index[at] - 1;
        size_t s = position >> POSITION_BITS;
        uint32_t i = position & (LAKE_SEGMENT_FILES - 1);
        const struct lake_segment *segment = list->slots[s].segment;
        if (segment->hashes[i] == hash && !slot_is_dead(&list->slots[s], i) &&
            lake_file_same_key(&segment->files[i], key)) {
            kill_at(list, s, i, killed, ctx);
            return;
        }
    }
}

/* A small hash table of the keys, then one pass over the list: the table fits a cache level, and
 * nearly every file is dismissed by its first probe. */
static void kill_by_scan(struct lake_list *list, const struct lake_file *keys, uint32_t *table,
                         size_t table_cap, lake_killed_fn *killed, void *ctx)
{
    for (size_t s = 0; s < list->slot_count; s++) {
        for (uint32_t i = 0; i < list->slots[s].used; i++) {
            const struct lake_segment *segment = list->slots[s].segment;
            uint64_t hash = segment->hashes[i];
            for (size_t at = hash & (table_cap - 1); table[at] != 0;
                 at = (at + 1) & (table_cap - 1)) {
                if (lake_file_same_key(&keys[table[at] - 1], &segment->files[i]) &&
                    !slot_is_dead(&list->slots[s], i)) {
                    kill_at(list, s, i, killed, ctx);
                    break;
                }
            }
        }
    }
}

err lake_list_kill(struct lake_list *list, const struct lake_file *keys, size_t count,
                   lake_killed_fn *killed, void *ctx)
{
    if (count == 0 || list->live == 0) {
        return ERR_OK;
    }
    if (list->index != NULL) {
        for (size_t k = 0; k < count; k++) {
            kill_indexed(list, &keys[k], killed, ctx);
        }
        return ERR_OK;
    }
    size_t table_cap = 256;
    while (table_cap < count * 8) {
        table_cap *= 2;
    }
    uint32_t *table = calloc(table_cap, sizeof *table);
    if (table == NULL || count >= UINT32_MAX) {
        free(table);
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < count; k++) {
        size_t at = lake_file_hash(&keys[k]) & (table_cap - 1);
        while (table[at] != 0) {
            at = (at + 1) & (table_cap - 1);
        }
        table[at] = (uint32_t)k + 1;
    }
    kill_by_scan(list, keys, table, table_cap, killed, ctx);
    free(table);
    return ERR_OK;
}

void lake_list_drop_deleted(struct lake_list *list, int64_t until_ms)
{
    ASSERT(list->index == NULL);
    for (size_t s = 0; s < list->slot_count; s++) {
        const struct lake_slot *slot = &list->slots[s];
        for (uint32_t i = 0; i < slot->used; i++) {
            if (!slot_is_dead(slot, i) && slot->segment->files[i].deletion_ms <= until_ms) {
                kill_at(list, s, i, NULL, NULL);
            }
        }
    }
    lake_list_trim(list);
}

void lake_list_trim(struct lake_list *list)
{
    ASSERT(list->index == NULL);
    size_t kept = 0;
    for (size_t i = 0; i < list->slot_count; i++) {
        if (list->slots[i].dead == list->slots[i].used) {
            segment_unref(list->slots[i].segment);
        } else {
            list->slots[kept++] = list->slots[i];
        }
    }
    list->slot_count = kept;
}
