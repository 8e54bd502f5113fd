/* SPDX-License-Identifier: MIT */
/* land_files.h - the way of Parquet files from a staging folder into a Delta table's folder.
 *
 *   <table>/_staging/<uuid>/files/…       where COPY writes
 *   <table>/_staging/<uuid>/links         the names the files will get, one per line
 *   <table>/date=2026-11-20/<uuid>.parquet  hard links, made after the bytes were fsynced
 *
 * Folders are named after the partition column without its leading underscores (a folder that
 * begins with one is invisible to pyarrow) and the value, unsafe bytes as %XX. The names mean
 * nothing: the Delta log's partitionValues count.
 *
 * A crash leaves a staging folder, and maybe links that no commit names. land_files_recover() reads
 * `links`, removes those that the table has never named, and then the folder. What it cannot prove
 * to be ours it leaves to VACUUM.
 *
 * Thread: one. */
#pragma once
#include "lake/commit.h"
#include "sql/land.h"

#define LAND_STAGING "_staging"

struct land_files;

/* Makes a staging folder (and the table's folder when missing). Errors: IO, NOSPACE. */
err land_files_begin(const char *table_dir, struct land_files **out_files, struct errmsg *msg);
/* Frees memory only. */
void land_files_free(struct land_files *f);
AUTO_DEFINE(land_files)
/* Files noted from now on are named <prefix>-<n>.parquet instead of after a fresh UUID. */
void land_files_set_prefix(struct land_files *f, const char *prefix);
/* The empty folder for COPY. */
const char *land_files_dir(const struct land_files *f);
/* A sql_land_file_fn; ctx is the struct land_files. Remembers the file. */
err land_files_note(void *ctx, const struct sql_land_file *file, struct errmsg *msg);
size_t land_files_count(const struct land_files *f);
uint64_t land_files_bytes(const struct land_files *f);
/* Over how many files the rows are spread, as if all were alike: 28 for 28 equal ones, little over
 * 1 for a large one with 27 small ones. 1 where there is no row. */
double land_files_spread(const struct land_files *f);
/* Fsyncs every file, links it to its place, fsyncs the folders, and adds it to the commit with
 * `tags_json`. After an error call discard. Errors: IO, NOSPACE. */
err land_files_publish(struct land_files *f, struct lake_commit *commit, struct str tags_json,
                       struct errmsg *msg);
/* The commit is certainly not in the log: removes links and staging, as far as that works. */
void land_files_discard(struct land_files *f);
/* The commit is in the log: removes the staging folder, as far as that works. */
void land_files_finish(struct land_files *f);

/* After a crash or an unknown outcome, with the table's newest snapshot (NULL: there is no table):
 * see the head. Nobody else may be landing into the table. Errors: IO. */
err land_files_recover(const char *table_dir, const struct lake_snapshot *snapshot,
                       struct errmsg *msg);

/* "date=2026-11-20": pure. */
void land_files_folder(const struct sql_partition_value *partitions, size_t count, struct buf *out);
