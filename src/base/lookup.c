/* SPDX-License-Identifier: MIT */
/* lookup.c - see lookup.h. Collisions go to the next free slot; a removal moves back what stands
 * behind it, so that no marks of former entries are needed. */
#include "base/lookup.h"

#include "base/base.h"
#include "base/hash.h"

enum { FIRST_CAP = 16 };

static size_t home_of(const struct lookup *l, struct str key)
{
    return (size_t)hash_xxh3(key) & (l->cap - 1);
}

/* The slot of the key, or the free one where it would be. */
static size_t slot_of(const struct lookup *l, struct str key)
{
    size_t at = home_of(l, key);
    while (l->slots[at].value != NULL && !str_eq(l->slots[at].key, key)) {
        at = (at + 1) & (l->cap - 1);
    }
    return at;
}

static void grow(struct lookup *l)
{
    struct lookup old = *l;
    l->cap = old.cap == 0 ? FIRST_CAP : old.cap * 2;
    l->slots = xnew_array(struct lookup_slot, l->cap);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].value != NULL) {
            l->slots[slot_of(l, old.slots[i].key)] = old.slots[i];
        }
    }
    free(old.slots);
}

void lookup_deinit(struct lookup *l)
{
    free(l->slots);
    *l = (struct lookup){0};
}

void lookup_add(struct lookup *l, struct str key, void *value)
{
    ASSERT(value != NULL);
    if (2 * (l->count + 1) > l->cap) {
        grow(l);
    }
    size_t at = slot_of(l, key);
    ASSERT(l->slots[at].value == NULL);
    l->slots[at] = (struct lookup_slot){.key = key, .value = value};
    l->count++;
}

void *lookup_find(const struct lookup *l, struct str key)
{
    return l->cap == 0 ? NULL : l->slots[slot_of(l, key)].value;
}

void lookup_remove(struct lookup *l, struct str key)
{
    if (lookup_find(l, key) == NULL) {
        return;
    }
    size_t mask = l->cap - 1;
    size_t hole = slot_of(l, key);
    for (size_t at = (hole + 1) & mask; l->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = home_of(l, l->slots[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) { /* its home is not behind the hole */
            l->slots[hole] = l->slots[at];
            hole = at;
        }
    }
    l->slots[hole] = (struct lookup_slot){0};
    l->count--;
}
