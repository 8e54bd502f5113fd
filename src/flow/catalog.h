/* SPDX-License-Identifier: MIT */
/* catalog.h - the tables that SQL can name, and how a statement gets to see them: each as the files
 * of one snapshot plus the hot rows up to the acknowledged end, fixed for the statement's life.
 *
 * Names: a topic gives bronze.<table> and bronze.<table>__dead; every other Delta table below
 * lake/{main,gold,silver,bronze} is a plain table of files; files/ holds files that are tables.
 *
 * How a statement comes to its tables (catalog_prepare):
 *   1 the entries it names are claimed, in one fixed order, so that nobody waits in a circle
 *   2 their snapshots are refreshed, their hot rows brought up to the ends known now
 *   3 their views are made in the session, where they are not the present ones yet
 *   4 the session begins a transaction, and the entries are let go
 * From then on DuckDB's isolation keeps what the statement sees, whatever is landed, added to or
 * trimmed from the hot tables. So rows and dead letters of one statement have the same ends.
 *
 * Threads: everything is for any thread, except that a session belongs to one at a time. */
#pragma once
#include "flow/hot.h"
#include "flow/wire.h"
#include "sql/policy.h"

struct catalog;
struct catalog_options {
    struct sql_engine *engine; /* borrowed */
    const char *data_dir;      /* copied; holds topics/ and lake/. A relative one keeps the server's
                                  folders out of plans and messages */
    uint64_t hot_bytes_max;    /* log bytes held as hot rows, over all topics */
    unsigned threads;          /* for decoding */
};
err catalog_new(const struct catalog_options *options, struct catalog **out_catalog,
                struct errmsg *msg);
/* No session or lease may be left. */
void catalog_free(struct catalog *c);
AUTO_DEFINE(catalog)

/* What the front tells: all topics there are; acknowledged ends; what the writer reported. Ends
 * never go back; a topic that is not known is ignored. */
void catalog_set_topics(struct catalog *c, const struct wire_topics *topics);
void catalog_set_ends(struct catalog *c, const struct wire_ends *ends);
void catalog_set_progress(struct catalog *c, const struct wire_progress *progress);
/* Brings topics that were asked about in the last minute up to date, as far as nobody else is
 * working on them; lets go of hot rows that nobody asked about for long. Thread: one. */
void catalog_warm(struct catalog *c, const atomic_bool *cancel);

struct catalog_session;
err catalog_session_open(struct catalog *c, struct catalog_session **out_session,
                         struct errmsg *msg);
void catalog_session_free(struct catalog_session *s);
AUTO_DEFINE(catalog_session)
struct sql_conn *catalog_session_conn(struct catalog_session *s);

/* Shows `select_sql`, which is ours, as main.<name> to the session's next statement, until it is
 * taken back. A table of that name stands aside. Errors: as sql_exec(). */
err catalog_session_lend(struct catalog_session *s, const char *name, struct str select_sql,
                         struct errmsg *msg);
void catalog_session_take_back(struct catalog_session *s, const char *name);

/* What one statement sees. */
struct catalog_lease;
/* Afterwards the session's connection is in a transaction, ready for the statement. Errors:
 * NOT_FOUND (no such table; the message lists near names), CORRUPT (the log of a topic is damaged),
 * UNSUPPORTED (a table has what plain reading cannot do), CANCELLED, NOMEM, IO. For a table that is
 * not there msg->position is the byte of the judged text, from 1. */
err catalog_prepare(struct catalog_session *s, const struct sql_policy_result *statement,
                    const atomic_bool *cancel, struct catalog_lease **out_lease,
                    struct errmsg *msg);
/* Ends the transaction. */
void catalog_lease_free(struct catalog_lease *lease);
AUTO_DEFINE(catalog_lease)
/* Ends it with what the statement wrote (a store, sql/store.h). Errors: as sql_exec(). */
err catalog_lease_commit(struct catalog_lease *lease, struct errmsg *msg);
/* Bytes of the tables' files and of the log behind their hot rows: what there is to read. */
uint64_t catalog_lease_bytes(const struct catalog_lease *lease);
/* Appends `,"as_of":{topic:{partition:{"table":n,"log":n}}}` and, where columns of the tables are
 * not committed yet, `,"provisional":[names]`. */
void catalog_lease_write(const struct catalog_lease *lease, struct buf *out);

/* Appends the JSON answer of an INFO message. Errors: NOT_FOUND, INVALID (unknown `what`),
 * CANCELLED, IO. */
err catalog_info(struct catalog *c, const struct wire_info *info, const atomic_bool *cancel,
                 struct buf *out, struct errmsg *msg);
/* Bytes of log held as hot rows. */
uint64_t catalog_hot_bytes(const struct catalog *c);
