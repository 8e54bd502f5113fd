/* SPDX-License-Identifier: MIT */
/* land_int.h - the inside of a lander, for land.c (state) and land_round.c (one landing) only. */
#pragma once
#include "base/metrics.h"
#include "flow/land.h"
#include "flow/land_schema.h"
#include "flow/log_source.h"

enum land_which { LAND_ROWS, LAND_DEAD, LAND_TABLES };

struct land_table {
    char *name;                     /* owned */
    char *dir;                      /* owned */
    struct lake_snapshot *snapshot; /* referenced; NULL: no table yet */
    int64_t *next;                  /* owned: next offset per partition, from the txns */
};

struct land_metrics {
    struct metric *events;
    struct metric *log_bytes;
    struct metric *files;
    struct metric *file_bytes;
    struct metric *landing;
    struct metric *commit;
    struct metric *lag;
    struct metric *failures;
    struct metric *dead[EVENT_CODE_COUNT];
};

struct lander {
    char *topic; /* owned, as the next four */
    char *uuid;
    char *topic_dir;
    char *bronze_dir;
    char *labels; /* of metrics: topic="…" */
    uint32_t partition_count;
    struct sql_conn *conn;              /* borrowed */
    const struct lake_parquet *parquet; /* borrowed */
    uint32_t threads;
    uint64_t commit_bytes;
    uint64_t infer_bytes;
    const atomic_bool *cancel; /* borrowed */

    bool has_meta;
    bool loaded; /* tables, schema, starts and next offsets are current */
    struct topic_meta meta;
    struct land_table tables[LAND_TABLES];
    struct event_schema *schema;   /* referenced; the table's columns, and declared ones to come */
    struct event_schema *in_table; /* referenced; exactly what the table has; NULL: no table */
    int64_t *starts;               /* owned: log start per partition */
    int64_t *ends;                 /* owned: durable ends; -1 unknown */
    /* Up to here the log is known to hold no dead record that is not in the dead-letter table. */
    int64_t *dead_clean; /* owned */
    /* Where between dead_clean and the table's next offset dead records can be. */
    struct log_range *dead_spans; /* owned */
    bool *blocked;                /* owned: left out, see lander_blocked */
    struct errmsg blocked_why;
    uint32_t rotation; /* which partition goes first, so that a byte limit starves none */

    int64_t lag_since_ms;   /* -1: no lag */
    int64_t measured_ms;    /* when bytes_per_event was measured */
    double bytes_per_event; /* of log; 0: not measured */
    uint32_t dead_rounds;   /* landings since the dead-letter table's last commit */
    int64_t dead_commit_ms; /* monotonic; 0: never */
    int64_t last_commit_ms; /* wall clock */
    int64_t commit_took_us;
    double file_spread; /* land_files_spread() of the last landing; 0: none yet */
    int64_t rescued;
    struct land_metrics metrics;

    struct wire_column *progress_columns; /* owned */
    struct str *progress_nulls;           /* owned */
};

/* Takes a new snapshot (owned by the table from now on) and reads the offsets from it. */
void land_table_set(struct lander *l, enum land_which which, struct lake_snapshot *snapshot);
/* Schema of the present snapshot; with what the topic declares. */
err land_schema_refresh(struct lander *l, struct errmsg *msg);
/* One round, see lander_land(). */
err land_round(struct lander *l, const int64_t *ends, bool flush, int64_t now_ms, bool *out_more,
               struct errmsg *msg);
