/* SPDX-License-Identifier: MIT */
/* meta.h - topic.json: everything that is needed to read one topic alone. Lies beside the
 * partitions, replaced atomically. See docs/formats-log.md for the members.
 *
 * What a record means is fixed by its offset: whatever affects decoding is a version with a start
 * offset per partition, durable here before anything is appended under it. */
#pragma once
#include "base/json.h"
#include "base/uuid.h"

enum {
    TOPIC_NAME_BYTES_MAX = 249,
    TOPIC_PARTITIONS_MAX = 1024,
    TOPIC_PARTITIONS_DEFAULT = 4,
    TOPIC_COUNT_MAX = 10000, /* of one data folder: all of them are told in one message */
    TOPIC_VERSIONS_MAX = 10000,
    TOPIC_JSON_BYTES_MAX = 64 * 1024 * 1024,
    TOPIC_SCHEMA_BYTES_MAX = 256 * 1024, /* of one declared schema */
    TOPIC_SCHEMAS_BYTES_MAX = 8 << 20,   /* of all that a topic ever had */
};
#define TOPIC_TIME_MS_MAX (INT64_MAX / 1000) /* of a setting: what has room as microseconds */

enum topic_durability { TOPIC_FSYNC, TOPIC_PAGE_CACHE };
const char *topic_durability_name(enum topic_durability d); /* "fsync", "page_cache" */
bool topic_durability_parse(struct str text, enum topic_durability *out_durability);

/* Plain settings; a change takes effect at once and does not touch what records mean. */
struct topic_settings {
    enum topic_durability durability;
    uint64_t segment_bytes;     /* roll at; 4 KiB .. 1 GiB */
    int64_t retention_ms;       /* -1: no limit */
    int64_t retention_bytes;    /* of the whole topic; -1: no limit */
    uint64_t flush_bytes;       /* land when this much log has gathered */
    uint64_t flush_rows;        /* or this many records; 0: no limit */
    int64_t flush_age_ms;       /* or the oldest is this old */
    uint64_t unlanded_rows_max; /* records not in the table at which senders are slowed; 0: none */
    char **partition_by;        /* owned, each too: columns of the Delta table; NULL: {"_date"} */
    size_t partition_by_count;
};

/* What decides how the record at an offset is decoded. */
struct topic_version {
    uint32_t id;            /* 1, 2, ... */
    int64_t *start_offsets; /* owned; one per partition: in force from there on */
    size_t start_count;     /* partitions added later start at 0 */
    char *key_field;        /* owned; NULL: events have no key of their own */
    char *time_field;       /* owned; NULL: the well-known names */
    char *schema;           /* owned; JSON Schema as compact text (parsed it would lose digits);
                             * NULL: none is declared. See flow/json_schema.h */
};

/* Offsets that were lost to damage and let go by a repair: [from, next). */
struct topic_gap {
    uint32_t partition;
    int64_t from;
    int64_t next;
    int64_t repaired_us;
};

struct topic_meta {
    char name[TOPIC_NAME_BYTES_MAX + 1];
    char table[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    uint32_t partition_count;
    int64_t created_us;
    struct topic_settings settings;
    struct topic_version *versions; /* owned; ascending id, at least one */
    size_t version_count;
    struct topic_gap *gaps; /* owned */
    size_t gap_count;
};

/* A meta with the defaults of DESIGN: 4 partitions, fsync, 256 MiB segments, 7 days, 10 GiB,
 * flush at 128 MiB or 60 s, one version starting at 0. The uuid is left empty.
 * Errors: INVALID when the name breaks Kafka's rule or its table name ends in "__dead". */
err topic_meta_init(struct topic_meta *m, struct str name, struct errmsg *msg);
void topic_meta_deinit(struct topic_meta *m);
static inline void topic_meta_auto_(struct topic_meta *m)
{
    topic_meta_deinit(m);
}
#define AUTO_TOPIC_META __attribute__((cleanup(topic_meta_auto_))) struct topic_meta
/* Deep copy into an uninitialised *out. */
void topic_meta_copy(const struct topic_meta *m, struct topic_meta *out_copy);
/* Replaces one of the owned texts (NULL clears). */
void topic_text_set(char **slot, struct str text);
/* Replaces partition_by. */
void topic_partition_by_set(struct topic_settings *s, const struct str *columns, size_t count);

/* Kafka's rule: [a-zA-Z0-9._-]{1,249}, neither "." nor "..". */
bool topic_name_valid(struct str name);
/* The table of a topic: lower case, '.' and '-' as '_'. `out` has TOPIC_NAME_BYTES_MAX + 1. */
void topic_table_name(struct str name, char *out);
/* The version in force at an offset. Never NULL. */
const struct topic_version *topic_version_at(const struct topic_meta *m, uint32_t partition,
                                             int64_t offset);
/* The first offset after `offset` where another version starts, or INT64_MAX. */
int64_t topic_version_next_start(const struct topic_meta *m, uint32_t partition, int64_t offset);
/* True when every offset of [from, next) lies in recorded gaps. */
bool topic_gap_covers(const struct topic_meta *m, uint32_t partition, int64_t from, int64_t next);

/* Pure encode and decode; all members are checked. Errors: INVALID, CORRUPT, UNSUPPORTED (newer
 * format). On success *out_meta is initialised. */
err topic_meta_decode(struct str json, struct topic_meta *out_meta, struct errmsg *msg);
err topic_meta_encode(const struct topic_meta *m, struct buf *out);
/* With I/O: DIR/topics/<name>/topic.json. Saving gives INVALID, and changes nothing, for what could
 * not be loaded again. */
err topic_meta_load(const char *path, struct topic_meta *out_meta, struct errmsg *msg);
err topic_meta_save(const char *path, const struct topic_meta *m, struct errmsg *msg);
