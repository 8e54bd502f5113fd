/* SPDX-License-Identifier: MIT */
/* redrive.h - dead letters go through the door again, each exactly once, for ever.
 *
 * A job asks the query process for the dead letters that a condition selects, and takes them in
 * pieces of bounded size. Each piece is judged by the topic's present rules; what passes is
 * appended with the record header REDRIVE_HEADER between an INTENT and a DONE in the topic's
 * journal, see redrive_state.h for why nothing is ever appended twice:
 *
 *   SELECT ──rows──▶ judge ──▶ INTENT ──durable──▶ append ──durable──▶ DONE ──durable──▶ SELECT ...
 *
 * Where the topic's table is too far behind, a job waits in SELECT without a statement: those that
 * wait leave the places of queries to others. Then it asks again for what follows its last row.
 *
 * What is refused again stays a dead letter and is told as `still_bad`. A job that ends early, by a
 * cancel, an error or a crash of any process, leaves the rest to the next one.
 *
 * The journal lives as long as the tables do: DIR/redrive/<table>/journal. A topic that is deleted
 * and made again over its old tables finds it; one made where no tables are starts with none.
 * Owner: the reactor. */
#pragma once
#include "flow/broker.h"
#include "flow/redrive_state.h"
#include "topic/store.h"

enum {
    REDRIVE_RUNNING_MAX = 8,     /* jobs at a time */
    REDRIVE_JOBS_KEPT_MAX = 100, /* remembered after their end */
    REDRIVE_PIECE_ROWS_MAX = 1000,
    REDRIVE_PIECE_BYTES_MAX = 4 << 20, /* of values; one larger value is a piece by itself */
    REDRIVE_LISTED_MAX = 100,          /* rows that are still bad, told by a job */
    REDRIVE_WHERE_BYTES_MAX = 64 << 10,
    REDRIVE_REPEATS_MAX = 4, /* statements of one job that the query process's end cut off */
};

struct redrive;
struct json_indexer;
struct redrive_options {
    struct topic_store *store; /* borrowed, as is the next */
    struct broker *broker;
    const char *data_dir; /* copied */
    size_t record_bytes_max;
    uint32_t nesting_max;
};
struct redrive *redrive_new(const struct redrive_options *options);
void redrive_free(struct redrive *r); /* NULL is fine; jobs end where they are */
AUTO_DEFINE(redrive)
/* At start, before anything is appended: settles what a crash left open. A journal that is damaged
 * only closes its own topic to re-drives. Blocks for syncs where something is open. */
void redrive_recover(struct redrive *r);

struct redrive_request {
    struct str where;  /* SQL over reason, detail, value, text, _key, _date, _partition, _offset,
                         _timestamp; empty: all */
    int64_t limit;     /* dead letters judged, at most; 0: none */
    struct str format; /* how values with the reason bad_line are read: a format of web logs (see
                          text_format.h); empty: as JSON, like all others */
};
/* Starts a job; *out_id is borrowed until the job is forgotten. Errors: BUSY (one runs for this
 * topic: its id is in *out_id; or the topic is being deleted), LIMIT (too many run), INVALID (the
 * condition or format), CORRUPT (the journal or the log is damaged), and what a journal's first use
 * can give. */
err redrive_start(struct redrive *r, struct topic *t, const struct redrive_request *request,
                  const char **out_id, struct errmsg *msg);
/* The job as JSON, owned by the caller; NULL when there is none of that id for the topic. */
json_t *redrive_job(const struct redrive *r, struct str topic, struct str id);
/* All of a topic, newest first. */
json_t *redrive_jobs(const struct redrive *r, struct str topic);
/* Ends a job after the piece it is at; it shows as cancelled then. Errors: NOT_FOUND. */
err redrive_cancel(struct redrive *r, struct str topic, struct str id, struct errmsg *msg);
bool redrive_is_running(const struct redrive *r, const struct topic *t);

/* Was this dead letter put through again? False also where the journal cannot be read. */
bool redrive_has(struct redrive *r, struct topic *t, uint32_t partition, int64_t offset);
/* How many were; CORRUPT, IO: the journal cannot be read, and re-drives are refused. */
err redrive_count(struct redrive *r, struct topic *t, uint64_t *out_count, struct errmsg *msg);

/* The store became durable further, or failed, or a table has caught up; also now and then, as
 * waiting may end without a word of it. */
void redrive_durable(struct redrive *r);
/* No job may start for the topic while it is being deleted. */
void redrive_hold(struct redrive *r, struct topic *t, bool hold);
/* The tables of this name are gone (or are about to be made): so is their journal. Errors: IO. */
err redrive_forget(struct redrive *r, const char *table, struct errmsg *msg);

/* Checks that a condition is one expression that cannot reach out of its parentheses: no statement
 * end, comment, parameter or unbalanced bracket outside of quotes. Errors: INVALID. Thread: any. */
err redrive_where_check(struct str where, struct errmsg *msg);
