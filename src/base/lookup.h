/* SPDX-License-Identifier: MIT */
/* lookup.h - finds what belongs to a name, in the same time for ten names and for ten thousand.
 *
 * A hash table with open addressing, at most half full; it grows with its entries and does not
 * shrink. Keys and values are borrowed: a key lies in what it leads to, as a rule. A zeroed struct
 * is an empty table. Owner: whoever holds it; no locks. */
#pragma once
#include "base/str.h"

struct lookup_slot {
    struct str key; /* borrowed */
    void *value;    /* borrowed; NULL: free */
};

struct lookup {
    struct lookup_slot *slots; /* owned, cap of them, a power of two */
    size_t cap;
    size_t count;
};

/* Frees the table, not what is in it. A zeroed one is fine. */
void lookup_deinit(struct lookup *l);
/* `key` must be new and live until it is removed; `value` is not NULL. */
void lookup_add(struct lookup *l, struct str key, void *value);
/* NULL: there is none. */
void *lookup_find(const struct lookup *l, struct str key);
/* Nothing happens when there is none. */
void lookup_remove(struct lookup *l, struct str key);
