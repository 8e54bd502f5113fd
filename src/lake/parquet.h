/* SPDX-License-Identifier: MIT */
/* parquet.h - what the Delta log needs from Parquet: rows of a checkpoint in and out, as JSON.
 *
 * A checkpoint has one row an action and one nullable struct column an action kind. lake/ never
 * sees Parquet: it hands over and takes the JSON body of each action, exactly as it would stand in
 * a commit without the outer {"add":...}. sql/ implements the table with DuckDB; tests with a fake.
 *
 * Reading: to_json(column) of every column of lake_checkpoint_columns() that the file has; columns
 * that are missing or NULL are skipped, columns and members that are not known are ignored.
 * Writing: each text is cast to the column's type and every other column of its row is NULL.
 * lake/ makes the file durable and gives it its name. */
#pragma once
#include "base/base.h"
#include "base/str.h"

enum lake_action_kind {
    LAKE_PROTOCOL,
    LAKE_METADATA,
    LAKE_TXN,
    LAKE_DOMAIN,
    LAKE_ADD,
    LAKE_REMOVE,
    LAKE_CHECKPOINT_METADATA, /* V2 checkpoints: read, never written */
    LAKE_SIDECAR,             /* the same */
    LAKE_CHECKPOINT_KINDS,
    LAKE_COMMIT_INFO = LAKE_CHECKPOINT_KINDS, /* in commits only */
    LAKE_CDC,
    LAKE_ACTION_UNKNOWN,
};

struct lake_checkpoint_column {
    enum lake_action_kind kind;
    const char *name;     /* "add" */
    const char *sql_type; /* "STRUCT(path VARCHAR, ...)"; NULL for kinds that are only read */
};
/* LAKE_CHECKPOINT_KINDS rows, indexed by kind. */
const struct lake_checkpoint_column *lake_checkpoint_columns(void);

/* Called for every action of a file; `json` is borrowed for the call. An error stops the read and
 * is returned by it. */
typedef err lake_action_fn(void *action_ctx, enum lake_action_kind kind, struct str json,
                           struct errmsg *msg);
/* Gives the next action; *out_more false at the end. `out_json` is valid until the next call. */
typedef err lake_action_next_fn(void *next_ctx, bool *out_more, enum lake_action_kind *out_kind,
                                struct str *out_json, struct errmsg *msg);

struct lake_parquet {
    void *ctx;
    /* Reads a checkpoint or a sidecar. Errors: CORRUPT for bytes that are not Parquet, NOT_FOUND,
     * IO, and what on_action returns. */
    err (*read)(void *ctx, const char *path, lake_action_fn *on_action, void *action_ctx,
                struct errmsg *msg);
    /* Writes a new file at `path` (which does not exist) with what `next` gives. The file need not
     * be durable on return. On an error the caller removes it. */
    err (*write)(void *ctx, const char *path, lake_action_next_fn *next, void *next_ctx,
                 struct errmsg *msg);
};
