/* SPDX-License-Identifier: MIT */
/* json_schema.h - JSON Schema 2020-12, the part that declares what an event looks like: compiled
 * once, read by many threads, checked against an event's tokens.
 *
 * Keywords: type, properties, required, additionalProperties, items, minItems, maxItems, enum,
 * const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength,
 * pattern, format (asserted: date-time, date, time, uuid, email, ipv4, ipv6, uri), the annotations
 * $schema, $comment, title, description, default, examples, deprecated, and true and false as
 * schemas. Anything else is refused by name when a document is compiled: what is declared is
 * checked. Semantics are the specification's: 1.0 is an integer, numbers are compared as the exact
 * decimals that they are written as, lengths are in code points, of duplicate names the last
 * counts (as in the decoder).
 *
 * The verdict on an event depends on the document and the event's bytes only: `pattern` is run by
 * PCRE2's interpreter (never compiled to machine code, whose limits count otherwise) with a budget
 * in steps, and an event that uses it up is a bad one.
 *
 * The tree is visible, so that columns can be derived from it (declared.h). Read only.
 *
 * Thread: a json_schema is immutable and shared; a json_schema_run belongs to one thread. */
#pragma once
#include "base/base.h"
#include "base/str.h"

struct json_view;    /* json_walk.h */
struct json_indexer; /* json_index.h */

enum {
    JSON_SCHEMA_BYTES_MAX = 256 << 10,
    JSON_SCHEMA_DEPTH_MAX = 64,    /* nesting of the document's objects and arrays */
    JSON_SCHEMA_NODES_MAX = 10000, /* schemas within schemas */
    JSON_SCHEMA_NAMES_MAX = 20000, /* names in properties and required */
    JSON_SCHEMA_PATTERNS_MAX = 256,
    JSON_SCHEMA_PATTERN_BYTES_MAX = 2048,
};

/* Bits of json_schema_node.types. NUMBER comes with INTEGER. */
enum json_schema_type {
    JSON_SCHEMA_NULL = 1 << 0,
    JSON_SCHEMA_BOOLEAN = 1 << 1,
    JSON_SCHEMA_INTEGER = 1 << 2,
    JSON_SCHEMA_NUMBER = 1 << 3,
    JSON_SCHEMA_STRING = 1 << 4,
    JSON_SCHEMA_OBJECT = 1 << 5,
    JSON_SCHEMA_ARRAY = 1 << 6,
    JSON_SCHEMA_ANY = (1 << 7) - 1,
};

enum json_schema_format {
    JSON_SCHEMA_FORMAT_NONE,
    JSON_SCHEMA_FORMAT_DATE_TIME,
    JSON_SCHEMA_FORMAT_DATE,
    JSON_SCHEMA_FORMAT_TIME,
    JSON_SCHEMA_FORMAT_UUID,
    JSON_SCHEMA_FORMAT_EMAIL,
    JSON_SCHEMA_FORMAT_IPV4,
    JSON_SCHEMA_FORMAT_IPV6,
    JSON_SCHEMA_FORMAT_URI,
    JSON_SCHEMA_FORMAT_COUNT,
};
/* "date-time" ... ; NULL for NONE. */
const char *json_schema_format_name(enum json_schema_format format);
/* Does the text have the format? True for NONE. */
bool json_schema_format_ok(enum json_schema_format format, struct str text);

struct json_schema_node;
struct json_schema_property {
    struct str name; /* unescaped */
    bool is_required;
    const struct json_schema_node *node;
};

/* One schema. Everything belongs to the json_schema. */
struct json_schema_node {
    uint32_t id;   /* from 0, the root */
    bool is_false; /* the schema `false`: nothing is valid */
    uint8_t types; /* JSON_SCHEMA_ANY when the schema does not say */
    enum json_schema_format format;
    size_t property_count;
    const struct json_schema_property *properties; /* as they are written */
    const struct json_schema_node *additional;     /* NULL: anything */
    const struct json_schema_node *items;          /* NULL: anything */
    const struct json_schema_rules *rules;         /* what else is checked; private, may be NULL */
};

/* Where and why. `pointer` is an RFC 6901 pointer ("" is the whole value), cut at a name when it is
 * too long; `reason` a sentence without the pointer. Both are UTF-8. */
struct json_schema_finding {
    char pointer[256];
    char reason[240];
};

/* "pointer: reason", or the reason alone where the pointer is empty. `detail` may be NULL. */
void json_schema_detail(const struct json_schema_finding *finding, struct errmsg *detail);

struct json_schema;

/* Compiles a document (JSON text, white space allowed). The caller drops it with
 * json_schema_unref(). Errors: INVALID (no JSON, or not a schema), UNSUPPORTED (a keyword, format
 * or dialect that is not in the list), TOO_LARGE (a limit above), NOMEM; with the place in the
 * document in *finding (may be NULL). */
err json_schema_new(struct str document, struct json_schema **out_schema,
                    struct json_schema_finding *finding);
struct json_schema *json_schema_ref(struct json_schema *s); /* NULL is fine, here and below */
void json_schema_unref(struct json_schema *s);
static inline void json_schema_free(struct json_schema *s)
{
    json_schema_unref(s);
}
AUTO_DEFINE(json_schema) /* AUTO(json_schema) */

const struct json_schema_node *json_schema_root(const struct json_schema *s);
/* The document without white space, digits and order as they were written. */
struct str json_schema_text(const struct json_schema *s);
/* The same document but for white space, escapes, the order of names and the spelling of
 * numbers? */
bool json_schema_equal(const struct json_schema *a, const struct json_schema *b);

/* May `newer` follow `older` as the schema of one topic? It may add optional properties and relax;
 * a removed property, another type, a new required name or a narrower bound is found, with the
 * pointer into the newer document (into the older one for what was removed). */
bool json_schema_compatible(const struct json_schema *older, const struct json_schema *newer,
                            struct json_schema_finding *out_finding);

/* ---- checking ---- */

struct json_schema_run;
/* Room to check with, for one thread. References the schema. Errors: NOMEM. */
err json_schema_run_new(struct json_schema *s, struct json_schema_run **out_run);
/* Several users on the same thread may share one; each lets go with json_schema_run_free(). */
struct json_schema_run *json_schema_run_ref(struct json_schema_run *run); /* NULL is fine */
void json_schema_run_free(struct json_schema_run *run);
/* True when an event may take a millisecond: it has a pattern that needs PCRE2. */
bool json_schema_run_is_costly(const struct json_schema_run *run);
AUTO_DEFINE(json_schema_run)

enum json_schema_verdict {
    JSON_SCHEMA_VALID,
    JSON_SCHEMA_BAD,   /* with *finding */
    JSON_SCHEMA_NOMEM, /* no verdict */
};
/* What json_schema_walk() is asked beside the verdict. */
struct json_schema_look {
    uint32_t depth_max; /* of objects and arrays, the value itself being 1; EVENT_DEPTH_MAX most */
    struct str key;     /* a member of the value; {NULL,0}: none */
    uint32_t key_at;    /* out: the token of the value of the last such member; 0: none */
    uint32_t key_next;  /* out: the token after that value */
};
/* Grammar and schema in one walk over a text that json_view_init() has accepted and nothing else
 * has been asked about: the token after the value at token `i` (which may be the count) when the
 * value is well-formed, nested no deeper than asked and valid. 0 says nothing: walk it with
 * json_walk.h, then use json_schema_check_exactly(). */
uint32_t json_schema_walk(struct json_schema_run *run, const struct json_view *view, uint32_t i,
                          struct json_schema_look *look);
/* Judges the value that token `i` opens. The text must be well-formed JSON: walked with
 * json_walk.h before, and nested no deeper than EVENT_DEPTH_MAX. `finding` may be NULL. */
enum json_schema_verdict json_schema_check(struct json_schema_run *run,
                                           const struct json_view *view, uint32_t i,
                                           struct json_schema_finding *finding);
/* The same when the walk has had its look: only exactly, so slower. */
enum json_schema_verdict json_schema_check_exactly(struct json_schema_run *run,
                                                   const struct json_view *view, uint32_t i,
                                                   struct json_schema_finding *finding);
/* The same for any JSON text, checked to be one. For tests and tools. Errors: INVALID (no JSON). */
err json_schema_check_text(struct json_schema_run *run, struct json_indexer *indexer,
                           struct str value, enum json_schema_verdict *out_verdict,
                           struct json_schema_finding *finding);
