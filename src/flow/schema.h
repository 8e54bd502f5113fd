/* SPDX-License-Identifier: MIT */
/* schema.h - the columns of a topic's table as the decoder needs them, and the rules for names.
 *
 * The columns of a table, in this order: the event's own (committed ones first, then provisional
 * ones), then the system columns of enum event_system. A column's number in that list is its
 * "full index"; decoders and sources project by it.
 *
 * A committed schema is what the Delta table says. From it and what was inferred over hot rows a
 * provisional one is derived (infer.h); inference always refers to the committed one, so that
 * nothing depends on the order in which rows were looked at.
 *
 * A schema is immutable once made, and shared by threads by reference count. */
#pragma once
#include "base/base.h"
#include "base/str.h"
#include "sql/source.h"

enum event_system {
    EVENT_SYS_TIME,      /* _time       TIMESTAMPTZ */
    EVENT_SYS_DATE,      /* _date       DATE */
    EVENT_SYS_PARTITION, /* _partition  INTEGER */
    EVENT_SYS_OFFSET,    /* _offset     BIGINT */
    EVENT_SYS_TIMESTAMP, /* _timestamp  TIMESTAMPTZ */
    EVENT_SYS_KEY,       /* _key        VARCHAR */
    EVENT_SYS_RESCUED,   /* _rescued    VARCHAR holding a JSON object, or null */
    EVENT_SYS_COUNT
};
enum {
    EVENT_COLUMNS_MAX = 1000,       /* the event's own columns, remembered null fields included */
    EVENT_NAME_BYTES_MAX = 255,     /* longer names go to _rescued */
    EVENT_NESTED_DEPTH_MAX = 64,    /* levels of a column's type; a scalar is one */
    EVENT_NESTED_NODES_MAX = 10000, /* types in the trees of all nested columns together */
};

struct event_column {
    struct str name;
    enum col_type type; /* BOOLEAN, BIGINT, DOUBLE, TIMESTAMPTZ or VARCHAR for inferred columns;
                           INTEGER, DATE, STRUCT and LIST may be declared (declared.h) */
    bool provisional;   /* inferred over hot rows, not committed: values are noted for inference */
    const struct col_def *children; /* STRUCT and LIST: as in struct col_def */
    size_t child_count;
};

struct event_schema; /* opaque, immutable */

/* `null_fields`: names seen only as null so far; they hold their name and their place among the
 * 1,000. Everything is copied. Caller owns a reference.
 * Errors: INVALID (a name twice, also up to case and inside of a STRUCT; a reserved or forbidden
 * name), LIMIT, NOMEM. */
err event_schema_new(const struct event_column *columns, size_t column_count,
                     const struct str *null_fields, size_t null_field_count,
                     struct event_schema **out_schema, struct errmsg *msg);
struct event_schema *event_schema_ref(struct event_schema *s);
void event_schema_unref(struct event_schema *s);

size_t event_schema_count(const struct event_schema *s); /* event columns */
const struct event_column *event_schema_column(const struct event_schema *s, size_t index);
size_t event_schema_null_count(const struct event_schema *s);
struct str event_schema_null_field(const struct event_schema *s, size_t index);
/* For table functions: event columns, then the EVENT_SYS_COUNT system columns. Borrowed. */
size_t event_schema_full_count(const struct event_schema *s);
const struct col_def *event_schema_full(const struct event_schema *s);
/* The SQL name of the type of a column, by full index: "BIGINT", STRUCT("x" DOUBLE)[]. Borrowed. */
const char *event_schema_type(const struct event_schema *s, size_t full_index);
/* Index of the column with exactly this name, or -1. */
ptrdiff_t event_schema_find(const struct event_schema *s, struct str name);

/* What becomes of a field with this name. */
enum event_name {
    EVENT_NAME_COLUMN, /* exactly a column */
    EVENT_NAME_NEW,    /* may become a column; also a remembered null field, and a name that only a
                          provisional column stands against */
    EVENT_NAME_RESCUE, /* never: reserved, forbidden, or taken up to case by a committed name */
};
enum event_name event_schema_judge(const struct event_schema *s, struct str name);
/* The part that no schema decides: not reserved, no forbidden character (` ,;{}()=` and everything
 * below 0x20 and 0x7f), not empty, not over EVENT_NAME_BYTES_MAX, UTF-8. */
bool event_name_is_valid(struct str name);
/* True for what a table may have a column of: such a name, or exactly a system column's. */
bool event_name_is_column(struct str name);
/* The same for a member of a STRUCT, where no name is reserved. */
bool event_member_is_valid(struct str name);

/* How names compare up to case: ASCII, Latin, Greek, Cyrillic and Armenian letters are folded,
 * since Spark takes columns that differ so for one. Byte order of the folded forms. */
int event_name_fold_cmp(struct str a, struct str b);

/* True when both have the same columns (names, types, provisional or not) and null fields. */
bool event_schema_equal(const struct event_schema *a, const struct event_schema *b);

/* The dead-letter table's columns, in this order. */
enum event_dead {
    EVENT_DEAD_REASON,    /* reason      VARCHAR, an event_code_name() */
    EVENT_DEAD_DETAIL,    /* detail      VARCHAR */
    EVENT_DEAD_VALUE,     /* value       BLOB, the original bytes; null when there was none */
    EVENT_DEAD_KEY,       /* _key        BLOB */
    EVENT_DEAD_DATE,      /* _date       DATE, of _timestamp */
    EVENT_DEAD_PARTITION, /* _partition  INTEGER */
    EVENT_DEAD_OFFSET,    /* _offset     BIGINT */
    EVENT_DEAD_TIMESTAMP, /* _timestamp  TIMESTAMPTZ */
    EVENT_DEAD_COUNT
};
const struct col_def *event_dead_columns(void); /* EVENT_DEAD_COUNT of them */
