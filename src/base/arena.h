/* SPDX-License-Identifier: MIT */
/* arena.h - memory for one request or one parse, dropped as a whole. Not thread safe. */
#pragma once
#include "base/base.h"
#include "base/str.h"

struct arena;

/* An arena that refuses to grow past `max_bytes`. Caller frees with arena_free(). */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *a);
AUTO_DEFINE(arena)
/* Drops everything, keeps the first block. */
void arena_reset(struct arena *a);
/* Zeroed, 16-byte aligned memory, or NULL past the maximum. */
void *arena_alloc(struct arena *a, size_t bytes);
/* A NUL-terminated copy; {NULL, 0} past the maximum. */
struct str arena_dup(struct arena *a, struct str s);
size_t arena_used_bytes(const struct arena *a);
