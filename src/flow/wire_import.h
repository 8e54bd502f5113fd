/* SPDX-License-Identifier: MIT */
/* wire_import.h - the messages of an import, between the front, the job process and the writer.
 *
 *   front -> writer  TABLE      what is there now? may it be written so?     -> TABLE_IS | ERROR
 *   front -> job     JOB        what to do; then the file's bytes as DATA, then DATA_END
 *   job -> front     IMPORTED   the folder holds Parquet files and manifest.json   (or ERROR)
 *   front -> writer  PUBLISH    take them into the table, in one commit      -> PUBLISHED | ERROR
 *
 * Encoding, decoding, ownership: as in wire.h. */
#pragma once
#include "flow/wire.h"

enum { WIRE_IMPORT_COLUMNS_MAX = 10000 };

/* TABLE and PUBLISH. A PUBLISH may come twice for one `id` (the writer died in between): the second
 * finds what the first has done. */
struct wire_import {
    struct str id;    /* UUID of the import: names its files */
    struct str table; /* in lake/main */
    struct str mode;  /* create | append | replace */
    struct str dir;   /* the import's folder; PUBLISH only */
    json_t *root;
};
void wire_import_encode(const struct wire_import *import, struct buf *out);
err wire_import_decode(struct str payload, struct wire_import *out_import, struct errmsg *msg);
void wire_import_deinit(struct wire_import *import);

/* TABLE_IS. */
struct wire_table_is {
    int64_t version;             /* -1: there is none */
    struct wire_column *columns; /* types are Delta's */
    size_t column_count;
    struct str *partition_columns;
    size_t partition_column_count;
    json_t *root;
};
void wire_table_is_encode(const struct wire_table_is *table, struct buf *out);
err wire_table_is_decode(struct str payload, struct wire_table_is *out_table, struct errmsg *msg);
void wire_table_is_deinit(struct wire_table_is *table);

/* PUBLISHED. */
struct wire_published {
    int64_t version;
    int64_t rows; /* of the table now; -1: unknown */
    int64_t files;
};
void wire_published_encode(const struct wire_published *published, struct buf *out);
err wire_published_decode(struct str payload, struct wire_published *out_published,
                          struct errmsg *msg);

/* JOB. Texts that are empty say: find out. */
struct wire_job {
    struct str dir; /* absolute; the job may write here and nowhere else */
    struct str format;
    struct str coding; /* identity | gzip | zstd: of the DATA to come */
    struct str types;
    struct str delimiter;
    struct str quote;
    bool no_header;
    bool clean_names;
    int64_t sample_rows;
    int64_t bytes_max; /* of the file, decoded */
    int64_t memory_bytes;
    int64_t spill_bytes;
    struct wire_table_is table; /* what is appended to; version -1: nothing */
    json_t *root;
};
void wire_job_encode(const struct wire_job *job, struct buf *out);
err wire_job_decode(struct str payload, struct wire_job *out_job, struct errmsg *msg);
void wire_job_deinit(struct wire_job *job);

/* IMPORTED. */
struct wire_imported {
    int64_t rows;
    int64_t bytes;               /* of the Parquet files */
    struct wire_column *columns; /* types are SQL's */
    size_t column_count;
    json_t *root;
};
void wire_imported_encode(const struct wire_imported *imported, struct buf *out);
err wire_imported_decode(struct str payload, struct wire_imported *out_imported,
                         struct errmsg *msg);
void wire_imported_deinit(struct wire_imported *imported);
