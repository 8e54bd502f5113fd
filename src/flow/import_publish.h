/* SPDX-License-Identifier: MIT */
/* import_publish.h - the last step of an import, and the look at the table before the first.
 *
 *   <lake>/_imports/<id>/out/….parquet   what the job made; manifest.json beside it says what it is
 *   <lake>/main/<table>/<id>-<n>.parquet hard links of them, in one Delta commit
 *
 * The names hold the import's id, so that a commit whose answer was lost is found again: publishing
 * one import twice adds its rows once. Crashes in between leave what land_files_recover() takes
 * away. The manifest was written by a process that read bytes of strangers: it is checked.
 *
 * manifest.json: {"format":1,"rows":n,"columns":[{"name","delta"}],
 *   "files":[{"name","bytes","rows","stats","partitions":[{"column","value"}]}]}
 *
 * Thread: one; nobody else may publish into the same lake at a time. */
#pragma once
#include "flow/wire_import.h"
#include "lake/commit.h"
#include "sql/import.h"

#define IMPORT_SCHEMA "main"
#define IMPORT_WORK "_imports"
enum { IMPORT_NAME_BYTES_MAX = 128 };

/* A table's name: a letter or _ first, then a-z, 0-9, _; not ending in __dead. */
err import_name_check(struct str name, struct errmsg *msg);

/* ---- the manifest ---- */
struct import_manifest; /* collects files while they are made */
struct import_manifest *import_manifest_new(void);
void import_manifest_free(struct import_manifest *m);
AUTO_DEFINE(import_manifest)
/* A sql_land_file_fn; ctx is the manifest. */
err import_manifest_note(void *ctx, const struct sql_land_file *file, struct errmsg *msg);
uint64_t import_manifest_bytes(const struct import_manifest *m);
/* Fsyncs the files and writes <dir>/manifest.json. */
err import_manifest_write(struct import_manifest *m, const char *dir,
                          const struct sql_import_columns *columns, uint64_t rows,
                          struct errmsg *msg);

/* ---- the table ---- */
struct import_target {
    const char *lake_dir;
    const struct lake_parquet *parquet;
};
/* Fills *out_snapshot with the table as it is (NULL: none). Errors: EXISTS (mode create), those of
 * loading, UNSUPPORTED where it must not be appended to. */
err import_look(const struct import_target *target, const struct wire_import *import,
                struct lake_snapshot **out_snapshot, struct errmsg *msg);
/* One commit. Errors: EXISTS, CONFLICT (the table changed meanwhile so that the files do not fit;
 * start again), INVALID (the manifest), NOSPACE, IO: then the table is as before. */
err import_publish(const struct import_target *target, const struct wire_import *import,
                   struct wire_published *out_published, struct errmsg *msg);
/* After a start: removes what a crash left in the tables of lake/main. Problems are logged. */
void import_recover(const struct import_target *target);
