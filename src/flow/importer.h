/* SPDX-License-Identifier: MIT */
/* importer.h - the front's view of imports: files on their way into tables of lake/main.
 *
 *   WAITING ──slot──▶ CHECKING ──TABLE_IS──▶ RECEIVING ──end──▶ READING
 *   READING ──IMPORTED──▶ PUBLISHING ──▶ DONE;   an error, a cancel ──▶ FAILED, CANCELLED
 *
 * A job process is started for each import, gets the file's bytes, and hands Parquet files to the
 * writer, which commits them. Until PUBLISHING an import can be cancelled, and the table is as it
 * was; from there on it is the writer's single commit. Everything of one import lies in
 * lake/_imports/<id>/, which is removed at its end, or at the next start.
 *
 * Owner: the reactor. Callbacks never come from within a call. */
#pragma once
#include "flow/wire_import.h"
#include "flow/writer_link.h"

struct importer;
struct import;

struct importer_options {
    struct reactor *reactor; /* borrowed, as the next two */
    struct topic_store *store;
    struct writer_link *writer;
    const char *data_dir; /* copied */
    char **job_args;      /* taken: words after `role job`, job_arg_count of them */
    size_t job_arg_count;
    uint32_t concurrency;  /* job processes at a time; others wait */
    uint32_t queue_max;    /* how many may wait */
    uint64_t bytes_max;    /* of one file, decoded */
    uint64_t memory_bytes; /* of one job */
    uint64_t spill_bytes;
};
/* Removes what an earlier server left in lake/_imports. Errors: IO. */
err importer_new(const struct importer_options *options, struct importer **out_importer,
                 struct errmsg *msg);
/* Ends every job. */
void importer_free(struct importer *im);
AUTO_DEFINE(importer)

struct import_request {
    struct str table; /* checked here */
    struct str mode;  /* create | append | replace */
    struct str file;  /* as the sender calls it; may be empty */
    /* As in struct wire_job. */
    struct str format;
    struct str coding;
    struct str types;
    struct str delimiter;
    struct str quote;
    bool no_header;
    bool clean_names;
    int64_t sample_rows;
};
struct import_result {
    struct str table;
    const struct wire_imported *imported;
    struct wire_published published;
    int64_t elapsed_ms;
};
struct import_events {
    /* Bytes are wanted: at first, and after import_feed() returned AGAIN. */
    void (*on_ready)(void *ctx);
    /* The end, one of the two; the handle is gone then. */
    void (*on_done)(void *ctx, const struct import_result *result);
    void (*on_error)(void *ctx, const char *code, const char *detail);
};
/* Errors: INVALID (name, mode), CONFLICT (the name is a topic's table), LIMIT (too many wait). */
err importer_start(struct importer *im, const struct import_request *request,
                   const struct import_events *events, void *ctx, struct import **out_import,
                   struct errmsg *msg);
/* Takes all of `piece` (at most WIRE_DATA_BYTES_MAX), or nothing and returns AGAIN. */
err import_feed(struct import *x, struct str piece);
/* The file is complete. */
void import_end(struct import *x);
/* The stable code of the API that says what an import failed of, for a code of its process: the
 * same in the answer and in the list. Returns `code` itself where there is no other. */
const char *importer_public_code(const char *code);
/* The owner is gone: nothing is called any more; cancelled, where that is still possible. */
void import_abandon(struct import *x);
const char *import_id(const struct import *x);

/* By id. The owner hears on_error "cancelled". Errors: NOT_FOUND, BUSY (it is being committed or
 * has ended). */
err importer_cancel(struct importer *im, struct str id, struct errmsg *msg);
/* {"id","table","mode","format","file","state","bytes","percent","rows","started","elapsed_ms",
 * "version","error":{"code","detail"}}, newest first, with the last IMPORTER_KEPT that ended. */
enum { IMPORTER_KEPT = 100 };
void importer_list(const struct importer *im, struct buf *out);
/* Errors: NOT_FOUND. */
err importer_describe(const struct importer *im, struct str id, struct buf *out);
/* True while an import into that table is on its way. */
bool importer_is_busy(const struct importer *im, struct str table);
/* Jobs that run, as health lists processes: {"role","pid",…}, appended. */
void importer_children(const struct importer *im, json_t *list);
