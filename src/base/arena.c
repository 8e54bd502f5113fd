/* SPDX-License-Identifier: MIT */
/* arena.c - blocks of doubling size in a list; the newest is the one allocations come from. */
#include "base/arena.h"

enum { ARENA_BLOCK_BYTES = 4096, ARENA_BLOCK_BYTES_MAX = 1 << 20 };

struct block {
    struct block *next; /* owned */
    size_t used;
    size_t size;
    _Alignas(16) char bytes[];
};

struct arena {
    struct block *head; /* owned */
    size_t used_bytes;
    size_t max_bytes;
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *a = xnew(struct arena);
    a->max_bytes = max_bytes;
    return a;
}

static void blocks_free(struct block *head)
{
    while (head != NULL) {
        struct block *next = head->next;
        free(head);
        head = next;
    }
}

void arena_free(struct arena *a)
{
    if (a != NULL) {
        blocks_free(a->head);
        free(a);
    }
}

void arena_reset(struct arena *a)
{
    if (a->head != NULL) {
        blocks_free(a->head->next);
        a->head->next = NULL;
        a->head->used = 0;
    }
    a->used_bytes = 0;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (rounded < bytes || rounded > a->max_bytes || a->used_bytes > a->max_bytes - rounded) {
        return NULL;
    }
    struct block *b = a->head;
    if (b == NULL || b->size - b->used < rounded) {
        size_t size =
            b == NULL ? ARENA_BLOCK_BYTES : MIN(b->size * 2, (size_t)ARENA_BLOCK_BYTES_MAX);
        size = MAX(size, rounded);
        b = malloc(sizeof *b + size);
        if (b == NULL) {
            return NULL;
        }
        *b = (struct block){.next = a->head, .size = size};
        a->head = b;
    }
    void *p = b->bytes + b->used;
    b->used += rounded;
    a->used_bytes += rounded;
    memset(p, 0, rounded);
    return p;
}

struct str arena_dup(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (p == NULL) {
        return (struct str){NULL, 0};
    }
    if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    return str_of(p, s.len);
}

size_t arena_used_bytes(const struct arena *a)
{
    return a->used_bytes;
}
