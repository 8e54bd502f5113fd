/* SPDX-License-Identifier: MIT */
/* meta.h - small documents by kind, in one SQLite file: DIR/meta/tarn.db (docs/formats.md).
 *
 * A document has a kind ("saved_query"), an id within its kind, a JSON text, the times of its
 * creation and of its last change, and a version. Versions come from one counter of the file: each
 * put takes the next, so a version is never seen twice, also not after a delete, and can serve as
 * an entity tag. What was put is on disk (fsync) when meta_put() returns, and is there wholly or
 * not at all after a crash.
 *
 * What it is for: what people type and what must survive a restart (saved queries, producers). It
 * is no place for events nor for progress of landing. The front alone opens it; each call takes
 * the time of a small read or of one fsync, so call it where a person waits, not per event.
 *
 *     struct meta_doc doc = {0};
 *     err e = meta_put(meta, "saved_query", STR("daily"), META_NEW, STR("{...}"), &doc, msg);
 *     ... doc.version, doc.created_us ...
 *     meta_doc_deinit(&doc);
 *
 * Errors of all calls, beside those each names: BUSY (another program holds a lock on the file),
 * NOSPACE (nothing was changed; may be tried again), CORRUPT, DENIED, IO; after an IO error in a
 * change every further change is FAILED until the file is opened again.
 * Thread: the one that opened it. */
#pragma once
#include "base/buf.h"

struct meta; /* opaque */

enum {
    META_KIND_BYTES_MAX = 32, /* of a to z and _ */
    META_ID_BYTES_MAX = 256,  /* any UTF-8 without NUL */
    META_JSON_BYTES_MAX = 1 << 20,
    META_DOCS_MAX = 10000,        /* per kind */
    META_PAGE_MAX = 1000,         /* documents of one meta_list() ... */
    META_PAGE_BYTES_MAX = 8 << 20 /* ... which ends early when their texts are over this */
};

/* The expected version of a change. */
enum {
    META_ANY = -1, /* whatever is there, or nothing */
    META_NEW = 0   /* nothing may be there */
};

struct meta_doc {
    char *id;   /* owned */
    char *json; /* owned */
    int64_t version;
    int64_t created_us; /* microseconds since 1970 UTC */
    int64_t updated_us;
};
void meta_doc_deinit(struct meta_doc *doc);
#define AUTO_META_DOC __attribute__((cleanup(meta_doc_deinit), unused)) struct meta_doc

struct meta_page {
    struct meta_doc *docs; /* owned */
    size_t count;
    bool more; /* there are documents after the last one */
};
void meta_page_deinit(struct meta_page *page);
#define AUTO_META_PAGE __attribute__((cleanup(meta_page_deinit), unused)) struct meta_page

/* Opens the file, or makes it with its folder. Errors: UNSUPPORTED (written by a newer tarn),
 * CORRUPT (no SQLite file, or a damaged one). */
err meta_open(const char *path, struct meta **out_meta, struct errmsg *msg);
/* One on which every call fails with `e` and `why`: for a server that goes on without. */
struct meta *meta_unusable(err e, const struct errmsg *why);
void meta_free(struct meta *m); /* NULL is fine */
AUTO_DEFINE(meta)

/* Creates or replaces. `expected` is META_ANY, META_NEW or the version that is to be replaced; the
 * creation time stays. The caller has made sure that `json` is a JSON document; it is stored as it
 * is. *out_doc (NULL: not wanted) is what is stored now.
 * Errors: EXISTS (META_NEW, and it is there), NOT_FOUND (a version is expected, nothing is there),
 * CONFLICT (another version is there), INVALID (kind or id), TOO_LARGE (json), LIMIT (a new one,
 * and the kind is full). */
err meta_put(struct meta *m, const char *kind, struct str id, int64_t expected, struct str json,
             struct meta_doc *out_doc, struct errmsg *msg);
/* Errors: NOT_FOUND. */
err meta_get(struct meta *m, const char *kind, struct str id, struct meta_doc *out_doc,
             struct errmsg *msg);
/* Those whose id begins with `prefix` (may be empty) and comes after `after` (empty: from the
 * first), by id in byte order, at most `limit` (1 to META_PAGE_MAX). */
err meta_list(struct meta *m, const char *kind, struct str prefix, struct str after, uint32_t limit,
              struct meta_page *out_page, struct errmsg *msg);
/* `expected` is META_ANY or a version. Errors: NOT_FOUND, CONFLICT. */
err meta_delete(struct meta *m, const char *kind, struct str id, int64_t expected,
                struct errmsg *msg);
