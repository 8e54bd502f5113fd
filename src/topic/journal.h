/* SPDX-License-Identifier: MIT */
/* journal.h - a small append-only file of checksummed entries that shares the log's group commit.
 *
 *   entry: u32 "trjn" | u32 length | u32 CRC-32C of the payload | payload     (little-endian)
 *
 * An append is durable when topic_store_durable_seq() has reached its number. The owner keeps at
 * most ONE entry on its way to the disk: then a bad entry at the end is one that a crash cut off,
 * and goes, while a bad entry with a good one after it is damage, which is never skipped.
 * Owner: the reactor, like the store. */
#pragma once
#include "topic/store.h"

enum { JOURNAL_ENTRY_BYTES_MAX = 64 << 20, JOURNAL_FILE_BYTES_MAX = 256 << 20 };

struct topic_journal;

/* Called for each entry in order; an error ends the load with it. */
typedef err (*topic_journal_fn)(void *ctx, struct str payload, struct errmsg *msg);

/* Opens `dir`/journal, and makes both with the first append. A cut-off end is removed. Errors:
 * CORRUPT (damage), IO, NOMEM, and what the callback gives. */
err topic_journal_open(struct topic_store *s, const char *dir, topic_journal_fn each, void *ctx,
                       struct topic_journal **out_journal, struct errmsg *msg);
void topic_journal_close(struct topic_journal *j); /* NULL is fine */

/* Appends one entry. Room for `reserve_bytes` more is taken too, so that the entry after this one,
 * up to that size, cannot fail for want of space. Errors: NOSPACE (nothing happened), TOO_LARGE,
 * IO, FAILED. */
err topic_journal_append(struct topic_journal *j, struct str payload, size_t reserve_bytes,
                         uint64_t *out_seq, struct errmsg *msg);
/* Replaces the whole file by this one entry, atomically and durably. Blocks for a sync. Errors:
 * NOSPACE (nothing happened), IO, FAILED. */
err topic_journal_rewrite(struct topic_journal *j, struct str payload, struct errmsg *msg);
uint64_t topic_journal_bytes(const struct topic_journal *j);

/* The pure part: walks the entries of `file`; *out_good is where the good ones end. Errors:
 * CORRUPT, and what the callback gives. Thread: any. */
err topic_journal_walk(struct str file, topic_journal_fn each, void *ctx, size_t *out_good,
                       struct errmsg *msg);
