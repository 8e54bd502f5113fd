/* SPDX-License-Identifier: MIT */
/* catalog_int.h - what the parts of the catalog share. Only catalog*.c include this.
 *
 * Two kinds of guard: the catalog's lock (short, nothing blocks under it) for the list, counts,
 * ends and flags; and an entry's claim (`is_busy`) for everything that does I/O: snapshots, hot
 * rows, view texts. A claim is taken and given back under the lock and held without it. */
#pragma once
#include <pthread.h>

#include "flow/catalog.h"
#include "lake/snapshot.h"
#include "os/file.h"

enum table_kind { TABLE_ROWS, TABLE_DEAD, TABLE_KINDS };

/* One Delta table with its hot rows; under the entry's claim but for asked_us. */
struct catalog_table {
    char *dir;                      /* owned */
    struct lake_snapshot *snapshot; /* referenced; NULL: there is no table */
    struct event_schema *committed; /* referenced; rows of topics only */
    int64_t *from;                  /* owned; per partition */
    bool is_placed;                 /* committed and from are those of the snapshot */
    struct hot_rows *hot;           /* owned; NULL: never asked */
    char *view;                     /* owned; NULL: to be made */
    uint64_t view_serial;
    uint64_t view_hot_serial;
    bool view_is_filtered;
    int64_t asked_us; /* under the catalog's lock; monotonic, 0: never */
};

/* What a table of the files folder is made of; under the entry's claim. */
struct entry_file {
    char *name;          /* owned; in the folder; NULL: not looked at yet */
    struct os_stat stat; /* when it was looked at */
    err result;          /* of that look */
    struct errmsg why;
    json_t *columns; /* owned: [{"name","type"}] */
};

struct entry {
    struct catalog *catalog; /* borrowed */
    char *schema;            /* owned; "bronze" */
    char *name;              /* owned; of the topic; NULL: a plain table */
    char *table;             /* owned */
    char *uuid;              /* owned */
    char *topic_dir;         /* owned */
    unsigned refs;           /* under the catalog's lock, as the next ones */
    bool is_busy;
    bool is_gone;
    int64_t *acked; /* owned */
    uint32_t acked_count;
    char *state; /* owned; as the writer reports it; NULL: unknown */
    bool is_meta_stale;
    struct topic_meta meta; /* claim, as what follows */
    bool has_meta;
    struct sql_conn *conn; /* owned */
    struct lake_parquet parquet;
    struct catalog_table tables[TABLE_KINDS]; /* plain tables: the first */
    struct entry_file *file;                  /* owned; NULL: no table of the files folder */
};

/* The files folder as it was listed last. The lock is a leaf, and held while it is listed. */
struct files_list {
    pthread_mutex_t lock;
    struct os_stat folder;  /* before it was listed; not is_dir: nothing is known */
    int64_t listed_us;      /* wall clock: when that was */
    int64_t listed_mono_us; /* monotonic */
    struct files_item {
        char *table; /* owned */
        char *file;  /* owned */
    } * items;       /* owned; by table, then by file in byte order: the first one counts */
    size_t count;
};

struct catalog {
    struct sql_engine *engine; /* borrowed */
    char *data_dir;            /* owned */
    unsigned threads;
    struct hot_pool pool;
    pthread_mutex_t lock;
    pthread_cond_t released; /* a claim was given back */
    struct entry **entries;  /* owned, each one reference */
    size_t count;
    size_t cap;
    struct entry **topics; /* owned list of those that are topics, by name in byte order */
    size_t topic_count;
    struct files_list files;
    uint64_t generation; /* changes when names go or change their meaning */
};

struct session_view {
    char *schema; /* owned */
    char *name;   /* owned */
    uint64_t serial;
};
struct catalog_session {
    struct catalog *catalog;    /* borrowed */
    struct sql_session *sql;    /* owned */
    struct session_view *views; /* owned */
    size_t view_count;
    size_t view_cap;
    uint64_t generation;
};

/* --- catalog.c --- */
static inline void catalog_lock(struct catalog *c)
{
    (void)pthread_mutex_lock(&c->lock); /* cannot fail: a plain lock */
}
static inline void catalog_unlock(struct catalog *c)
{
    (void)pthread_mutex_unlock(&c->lock);
}
void entry_unref(struct entry *e);
/* Waits for the claim. Errors: CANCELLED. */
err entry_claim(struct entry *e, const atomic_bool *cancel, struct errmsg *msg);
bool entry_try_claim(struct entry *e);
void entry_release(struct entry *e);
/* The entry of a name (referenced), looked for in all schemas when `schema` is empty; a plain
 * table on disk becomes an entry. Errors: NOT_FOUND with near names. */
err catalog_find(struct catalog *c, struct str schema, struct str name, struct entry **out_entry,
                 enum table_kind *out_kind, struct errmsg *msg);
/* Every entry, referenced; plain tables on disk included. The caller unrefs each and frees. */
struct entry **catalog_all(struct catalog *c, size_t *out_count);

/* --- catalog_table.c; all under the entry's claim --- */
struct entry_ends {
    int64_t *items; /* owned */
    uint32_t count;
};
/* Newest snapshots of the tables asked for, `wants` by kind, without hot rows. */
err entry_refresh(struct entry *e, const bool wants[TABLE_KINDS], struct errmsg *msg);
/* The same, and their hot rows up to the ends known now, which are returned: the caller frees the
 * items. */
err entry_bring_up(struct entry *e, const bool wants[TABLE_KINDS], const atomic_bool *cancel,
                   struct entry_ends *out_ends, struct errmsg *msg);
/* The view's text is then in table->view, its serial beside it. With `tail` it is for one use. */
err entry_make_view(struct entry *e, enum table_kind kind, const char *tail, struct errmsg *msg);
struct hot_goal entry_goal(const struct entry *e, enum table_kind kind, const int64_t *ends,
                           const atomic_bool *cancel);
void catalog_table_deinit(struct catalog_table *t);
void catalog_table_forget_hot(struct catalog_table *t);

/* --- catalog_files.c: the schema `files`, one table for each file in <data>/files --- */
#define CATALOG_FILES "files"
enum { CATALOG_FILES_MAX = 10000 };
/* The file that is the table of that name: the first by byte order. Errors: NOT_FOUND. */
err catalog_file_find(struct catalog *c, struct str table, char **out_file);
/* The names of its tables as they are now, each once; the caller frees with os_names_free(). */
void catalog_file_tables(struct catalog *c, struct os_names *out_names);
/* Looks at the file when it is another one than before, and makes the view. Under the claim.
 * Errors: NOT_FOUND (it is gone), INVALID (it cannot be read; the message says why). */
err entry_refresh_file(struct entry *e, struct errmsg *msg);
void entry_file_free(struct entry_file *f);
/* Adds to the list what is in the folder and is no table, with the reason. Errors: CANCELLED. */
err catalog_files_left_out(struct catalog *c, const atomic_bool *cancel, json_t *list,
                           struct errmsg *msg);
void catalog_files_init(struct files_list *l);
void catalog_files_deinit(struct files_list *l);

/* --- catalog_list.c: every plain table, for GET /api/v1/tables --- */
err catalog_list(struct catalog *c, const atomic_bool *cancel, struct buf *out, struct errmsg *msg);

/* --- catalog_info.c; all under the claim, of an entry that was refreshed --- */
/* Adds the member "columns": names and SQL types, provisional ones marked. */
err catalog_add_columns(const struct entry *e, enum table_kind kind, json_t *answer);
err catalog_add_plain_columns(const struct catalog_table *t, json_t *answer);
/* Acknowledged events that the table does not have yet. */
int64_t catalog_lag(struct entry *e, enum table_kind kind);
/* The hot rows too, so that the columns are those that a query would see. */
err catalog_bring_up(struct entry *e, enum table_kind kind, const atomic_bool *cancel,
                     struct errmsg *msg);

/* --- catalog_columns.c: every table with its columns, for GET /api/v1/catalog --- */
/* At most `limit` after the one named `after` ("bronze.events"), in byte order of these names. */
err catalog_columns(struct catalog *c, struct str after, int64_t limit, const atomic_bool *cancel,
                    struct buf *out, struct errmsg *msg);
