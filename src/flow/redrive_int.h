/* SPDX-License-Identifier: MIT */
/* redrive_int.h - what the parts of the re-drives share; nobody else includes it. Owner:
 * reactor. */
#pragma once
#include "flow/redrive.h"
#include "topic/journal.h"

/* What is known of one topic's re-drives. */
struct redrive_book {
    struct redrive_book *next;
    char name[TOPIC_NAME_BYTES_MAX + 1];
    char table[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    struct topic_journal *journal; /* owned; NULL: damaged */
    struct redrive_state state;
    struct errmsg damage;
    bool is_held;
};

struct redrive {
    struct redrive_options options;
    char *data_dir;               /* owned */
    struct json_indexer *indexer; /* owned; made when first needed */
    struct schema_cache *schemas; /* owned */
    struct redrive_book *books;   /* owned */
    struct redrive_job *jobs;     /* owned; newest first */
    uint64_t job_count;           /* ever made */
};

/* What is known of the topic: read from its journal when first asked for, kept by table and uuid.
 * Its journal is NULL when it is damaged. */
struct redrive_book *redrive_book(struct redrive *r, const struct topic *t);
/* Appends an entry and takes it in. Errors: as topic_journal_append(). */
err redrive_book_append(struct redrive_book *b, struct str entry, size_t reserve_bytes,
                        uint64_t *out_seq, struct errmsg *msg);
/* Settles an open INTENT by what the log holds; blocks for a sync. Not while its job runs. */
err redrive_book_settle(struct redrive *r, struct redrive_book *b, struct topic *t,
                        struct errmsg *msg);
/* The same, and keeps the journal small: before a job starts. Errors: CORRUPT when the journal is
 * damaged. */
err redrive_book_ready(struct redrive *r, struct redrive_book *b, struct topic *t,
                       struct errmsg *msg);
void redrive_books_free(struct redrive *r);
