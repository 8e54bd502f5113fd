/* SPDX-License-Identifier: MIT */
/* wire.h - what the three processes say to each other: message types and their JSON payloads.
 *
 * A message is one frame of net/frame.h: {type, id, payload}. `id` pairs an answer with its
 * request; it is 0 where no answer is due. Payloads are JSON objects except DATA (raw bytes of an
 * answer's body) and STOP, CANCEL (empty).
 *
 *   front -> writer   TOPICS  ENDS  FLUSH(id)  CHECKPOINT(id)  DROP(id)  TABLE(id)  PUBLISH(id)
 *                     STOP
 *   writer -> front   PROGRESS  METRICS  FLUSHED(id)  TABLE_IS(id)  PUBLISHED(id)  ERROR(id)
 *   front -> job      JOB  DATA  DATA_END
 *   job -> front      PROGRESS_Q  IMPORTED | ERROR
 *   front -> query    TOPICS  ENDS  PROGRESS (as the writer sent it)  QUERY(id)  INFO(id)
 *                     CREDIT(id)  CANCEL(id)  STOP
 *   query -> front    HEAD(id)  DATA(id)  PROGRESS_Q(id)  DONE(id)  ERROR(id)  METRICS
 *
 * FLUSH, CHECKPOINT and DROP are each answered by one FLUSHED or one ERROR of the same id. A QUERY
 * is answered by HEAD, any number of DATA and one DONE; or by ERROR, at any point instead of what
 * is left. The sender of DATA keeps within the credit: QUERY.credit_bytes at first, then what
 * CREDIT adds.
 *
 * Encoding appends to a buf (sticky failure, check with buf_check). Decoding validates and bounds
 * everything; a decoded struct owns `root`, from which its strings are borrowed: release with
 * wire_x_deinit(), which accepts a zeroed struct. Arrays are owned by the struct too. For encoding,
 * `root` stays NULL and all pointers are borrowed from the caller, who does not call deinit.
 * Offsets are "next", exclusive. Thread: any; no state. */
#pragma once
#include "base/json.h"
#include "topic/meta.h"

enum wire_type {
    WIRE_TOPICS = 1,
    WIRE_ENDS = 2,
    WIRE_FLUSH = 3,
    WIRE_FLUSHED = 4,
    WIRE_CHECKPOINT = 5,
    WIRE_DROP = 6,
    WIRE_STOP = 7,
    WIRE_PROGRESS = 8,
    WIRE_METRICS = 9,
    WIRE_TABLE = 16, /* this and the next ones: wire_import.h */
    WIRE_TABLE_IS = 17,
    WIRE_PUBLISH = 18,
    WIRE_PUBLISHED = 19,
    WIRE_QUERY = 32,
    WIRE_CANCEL = 33,
    WIRE_CREDIT = 34,
    WIRE_HEAD = 35,
    WIRE_DATA = 36,
    WIRE_DONE = 37,
    WIRE_ERROR = 38,
    WIRE_PROGRESS_Q = 39,
    WIRE_INFO = 40,
    WIRE_JOB = 64,
    WIRE_DATA_END = 65,
    WIRE_IMPORTED = 66,
};
/* "QUERY"; "UNKNOWN" for other numbers. For logs. */
const char *wire_type_name(uint16_t type);

enum {
    WIRE_PAYLOAD_BYTES_MAX = 16 << 20, /* of one frame */
    WIRE_DATA_BYTES_MAX = 256 << 10,   /* of one DATA payload */
    WIRE_TOPICS_MAX = TOPIC_COUNT_MAX,
    WIRE_PARTITIONS_MAX = 10000,
    WIRE_COLUMNS_MAX = 2000,
    WIRE_SQL_BYTES_MAX = 1 << 20,
};

/* TOPICS: all topics there are, on start and whenever one is made, changed (its topic.json was
 * replaced before this was sent) or deleted. What is not named is gone. */
struct wire_topic {
    struct str name;
    struct str table; /* "web_logs"; lives in lake/bronze/<table> */
    struct str uuid;
    struct str dir; /* absolute or relative to the working directory; holds topic.json */
    uint32_t partition_count;
};
struct wire_topics {
    struct wire_topic *items;
    size_t count;
    json_t *root;
};
void wire_topics_encode(const struct wire_topics *topics, struct buf *out);
err wire_topics_decode(struct str payload, struct wire_topics *out_topics, struct errmsg *msg);
void wire_topics_deinit(struct wire_topics *topics);

/* ENDS: per topic the next offset of each partition up to which records may be read. To the query
 * process: acknowledged ends. To the writer: ends of what is acknowledged *and* fsynced. Topics
 * without change may be left out. */
struct wire_topic_ends {
    struct str topic;
    int64_t *ends; /* partition_count of them */
    uint32_t partition_count;
};
struct wire_ends {
    struct wire_topic_ends *items;
    size_t count;
    json_t *root;
};
void wire_ends_encode(const struct wire_ends *ends, struct buf *out);
err wire_ends_decode(struct str payload, struct wire_ends *out_ends, struct errmsg *msg);
void wire_ends_deinit(struct wire_ends *ends);

/* FLUSH: bring everything before `ends` into the tables of `table`. Each partition's end must have
 * been fsynced before this was sent. FLUSHED answers when it is there. */
struct wire_flush {
    struct str table;
    int64_t *ends;
    uint32_t partition_count;
    json_t *root;
};
void wire_flush_encode(const struct wire_flush *flush, struct buf *out);
err wire_flush_decode(struct str payload, struct wire_flush *out_flush, struct errmsg *msg);
void wire_flush_deinit(struct wire_flush *flush);

/* FLUSHED: done; versions of the Delta tables that hold it, -1 where there is no table. */
struct wire_flushed {
    int64_t version;
    int64_t dead_version;
};
void wire_flushed_encode(const struct wire_flushed *flushed, struct buf *out);
err wire_flushed_decode(struct str payload, struct wire_flushed *out_flushed, struct errmsg *msg);

/* CHECKPOINT: write a Delta checkpoint of both tables of `table` now. */
struct wire_checkpoint {
    struct str table;
    json_t *root;
};
void wire_checkpoint_encode(const struct wire_checkpoint *checkpoint, struct buf *out);
err wire_checkpoint_decode(struct str payload, struct wire_checkpoint *out_checkpoint,
                           struct errmsg *msg);
void wire_checkpoint_deinit(struct wire_checkpoint *checkpoint);

/* DROP: the topic is being deleted and takes no more events. Lands what is before `ends` into both
 * tables and forgets the topic; with `drop` lands nothing and removes both tables instead. */
struct wire_drop {
    struct str topic;
    bool drop;
    int64_t *ends;
    uint32_t partition_count;
    json_t *root;
};
void wire_drop_encode(const struct wire_drop *drop, struct buf *out);
err wire_drop_decode(struct str payload, struct wire_drop *out_drop, struct errmsg *msg);
void wire_drop_deinit(struct wire_drop *drop);

/* PROGRESS: where one topic's tables stand, after each commit, on start and when `state` changes.
 */
struct wire_column {
    struct str name;
    struct str type; /* SQL name: BIGINT, DOUBLE, BOOLEAN, VARCHAR, TIMESTAMP WITH TIME ZONE … */
};
struct wire_progress {
    struct str topic;
    struct str table;
    struct str uuid;
    struct str state;        /* ok | retrying | damaged | failed */
    struct str detail;       /* why, in words; empty when ok */
    int64_t *committed;      /* next offset per partition, table */
    int64_t *dead_committed; /* the same of the dead-letter table */
    uint32_t partition_count;
    int64_t version; /* -1: no table yet */
    int64_t dead_version;
    struct wire_column *columns; /* event columns, then the system's */
    size_t column_count;
    struct str *null_fields; /* fields seen only as null */
    size_t null_field_count;
    int64_t rows; /* in the table */
    int64_t files;
    int64_t bytes;
    int64_t dead_rows; /* in the dead-letter table */
    int64_t lag_events;
    int64_t rescued;        /* values put into _rescued since the writer started */
    int64_t last_commit_ms; /* wall clock, 0: none yet */
    int64_t commit_took_us; /* the last landing, start to end */
    json_t *root;
};
void wire_progress_encode(const struct wire_progress *progress, struct buf *out);
err wire_progress_decode(struct str payload, struct wire_progress *out_progress,
                         struct errmsg *msg);
void wire_progress_deinit(struct wire_progress *progress);

/* METRICS: every second. `metrics` is the object of metrics_write_json(), `prometheus` the text of
 * metrics_write_prometheus() of the sender, ready to be appended to the front's own. */
struct wire_metrics {
    uint64_t pss_bytes;
    struct str prometheus;
    const json_t *metrics; /* when decoded, borrowed from root */
    json_t *root;
};
/* Encodes the calling process's registry. */
void wire_metrics_encode(uint64_t pss_bytes, struct buf *out);
err wire_metrics_decode(struct str payload, struct wire_metrics *out_metrics, struct errmsg *msg);
void wire_metrics_deinit(struct wire_metrics *metrics);

/* QUERY. ENDS with the acknowledged ends of that moment precedes it when they changed. */
struct wire_query {
    struct str sql;
    struct str format;    /* json | ndjson | csv | parquet | table */
    const json_t *params; /* array, or object by name, or NULL; when decoded, borrowed from root */
    int64_t limit;        /* rows, 0: none */
    int64_t timeout_ms;   /* 0: none */
    bool int64_as_string;
    uint64_t credit_bytes; /* DATA that may be sent before the first CREDIT */
    struct str tag;        /* the client's name for it, in the front's list; not encoded */
    /* What is asked of a statement or a stored result; empty: the statement's answer.
     *   store   the statement's answer is kept; its first `limit_shown` rows
     *   check   the statement's columns, or what is wrong with it; it is not run
     *   window  `limit_shown` rows of `result` from `offset`
     *   export  all rows of `result`
     *   over    the statement, over the relation `result` alone */
    struct str purpose;
    struct str result;     /* its id */
    struct str sort;       /* as in flow/results.h, for window, export and over */
    const json_t *filters; /* likewise; array or NULL */
    int64_t offset;
    int64_t limit_shown;
    bool guard_formulas; /* of a CSV export */
    json_t *root;
};
/* It takes milliseconds: it is in no list and needs no place among those that run. */
bool wire_query_is_light(const struct wire_query *query);
void wire_query_encode(const struct wire_query *query, struct buf *out);
err wire_query_decode(struct str payload, struct wire_query *out_query, struct errmsg *msg);
void wire_query_deinit(struct wire_query *query);

/* INFO: what GET /api/v1/tables/{table}[/schema|/history|/files] and what is like it answer;
 * answered like a QUERY, as JSON. */
struct wire_info {
    struct str table; /* catalog: after which one; drop_result: its id */
    struct str what;  /* describe | schema | history | files | list: all plain tables | catalog: all
                         with their columns | words | results | drop_result */
    int64_t limit;    /* commits, files or tables */
    struct str after; /* history, files: the `next` of the page before; empty: from the start */
    json_t *root;
};
void wire_info_encode(const struct wire_info *info, struct buf *out);
err wire_info_decode(struct str payload, struct wire_info *out_info, struct errmsg *msg);
void wire_info_deinit(struct wire_info *info);

/* CREDIT: that many more bytes of DATA may be sent. */
void wire_credit_encode(uint64_t bytes, struct buf *out);
err wire_credit_decode(struct str payload, uint64_t *out_bytes, struct errmsg *msg);

/* HEAD: the statement runs; what the body will be. */
struct wire_head {
    struct str content_type;
    json_t *root;
};
void wire_head_encode(const struct wire_head *head, struct buf *out);
err wire_head_decode(struct str payload, struct wire_head *out_head, struct errmsg *msg);
void wire_head_deinit(struct wire_head *head);

/* DONE: the body is complete. */
struct wire_done {
    int64_t rows;
    bool truncated; /* by the limit */
    int64_t elapsed_us;
};
void wire_done_encode(const struct wire_done *done, struct buf *out);
err wire_done_decode(struct str payload, struct wire_done *out_done, struct errmsg *msg);

/* ERROR: `code` is stable and meets users (sql_error, timeout, log_damaged, …). */
struct wire_error {
    struct str code;
    struct str detail;
    int64_t position; /* character of the statement, from 1; 0: none */
    json_t *root;
};
void wire_error_encode(const struct wire_error *error, struct buf *out);
err wire_error_decode(struct str payload, struct wire_error *out_error, struct errmsg *msg);
void wire_error_deinit(struct wire_error *error);

/* PROGRESS_Q: now and then while a query runs. */
struct wire_query_progress {
    double percent;      /* 0..100, -1: unknown */
    int64_t rows;        /* sent so far */
    int64_t rows_read;   /* by the scans, as far as the engine counts */
    int64_t rows_total;  /* the scans have to read, estimated; 0: unknown */
    int64_t bytes_read;  /* of bytes_total, by the percent */
    int64_t bytes_total; /* of the tables */
};
void wire_query_progress_encode(const struct wire_query_progress *progress, struct buf *out);
err wire_query_progress_decode(struct str payload, struct wire_query_progress *out_progress,
                               struct errmsg *msg);
