/* SPDX-License-Identifier: MIT */
/* api.h - what the resources of /api/v1 share, and the table of all routes.
 *
 * One file per resource (api_events.c, api_topics.c ...); they read requests, call flow/ and
 * topic/, and write answers. Owner: the reactor. */
#pragma once
#include "base/metrics.h"
#include "flow/broker.h"
#include "flow/hold.h"
#include "flow/producers.h"
#include "flow/redrive.h"
#include "flow/writer_link.h"
#include "http/health_log.h"
#include "http/server.h"
#include "meta/meta.h"
#include "topic/store.h"

struct api_settings {
    const char *data_dir;
    bool auto_create;
    uint64_t body_bytes_max;
    uint64_t import_bytes_max;
    size_t record_bytes_max;
    uint32_t nesting_max;
    uint64_t unsynced_bytes_max; /* beyond it senders are slowed */
    uint64_t memory_bytes;
    int64_t query_timeout_ms;
    struct topic_meta defaults; /* settings of a new topic; its name is not used */
};

/* Free space of the disk over the last minutes, a ring: what the time left is reckoned from. */
enum { API_DISK_SAMPLES = 11, API_DISK_SAMPLE_US = 30 * 1000 * 1000, API_JUDGE_US = 5000 * 1000 };
struct api_disk_sample {
    int64_t at_us; /* monotonic */
    uint64_t free_bytes;
};

struct api_wait; /* an exchange that waits for the log to be durable */

struct api {
    struct reactor *reactor; /* borrowed, as are the next five */
    struct topic_store *store;
    struct writer_link *writer;
    struct broker *broker;
    struct redrive *redrive; /* borrowed too */
    struct importer *importer;
    struct meta *meta; /* small documents; on a damaged file every call fails and says why */
    struct producers *producers; /* borrowed */
    uint32_t samples;            /* live looks at producers */
    struct api_settings settings;
    struct hold_pool held; /* memory of requests under way */
    int64_t started_us;
    struct api_wait *waits;       /* oldest first */
    struct api_wait **waits_tail; /* where the next one goes; NULL: `waits` */
    struct json_indexer *indexer; /* owned; of all requests with events: 64 KiB and more */
    struct schema_cache *schemas; /* owned; likewise, NULL until the first */
    struct api_tail *tails;       /* open live tails */
    struct live *live;            /* borrowed; NULL in tests of parts */
    struct health_log health;     /* owned */
    int64_t judged_us;            /* monotonic: when health was looked at by itself */
    int64_t restarts[2];          /* of writer and query process, seen so far */
    struct api_disk_sample disk[API_DISK_SAMPLES];
    uint64_t disk_samples; /* taken so far */
    /* The processes for health, as [{"role","pid","restarts","pss_bytes","state"}]. */
    json_t *(*children)(void *ctx);
    void *ctx;
};

/* Embedded by an exchange's state. `on_ready` comes once, from the loop, when the log is durable up
 * to `seq`, or when it has failed (failed is true). */
struct api_wait {
    struct api_wait *next; /* the api's */
    uint64_t seq;
    void (*on_ready)(struct api_wait *wait, bool failed);
    bool is_waiting;
};
void api_wait_start(struct api *api, struct api_wait *wait, uint64_t seq);
void api_wait_stop(struct api *api, struct api_wait *wait); /* not waiting is fine */
/* The store became durable further, or failed. */
void api_durable(struct api *api);

/* From a timer, each second or so. */
void api_tick(struct api *api);

/* Frees what the api made for itself. */
void api_deinit(struct api *api);

/* Fills `out_routes` (room for API_ROUTES_MAX) with every route, ctx set to `api`. */
enum { API_ROUTES_MAX = 160 };
size_t api_routes(struct api *api, struct http_route *out_routes);

enum { API_WINDOW_ROWS = 500, API_WINDOW_ROWS_MAX = 10000 };

/* Asks the query process (a statement, or with `query` NULL an INFO payload) and streams its answer
 * to the client; answers a problem when it cannot. Handlers that use it set api_ask_abort and
 * api_ask_writable. */
void api_ask(struct http_exchange *ex, const struct wire_query *query, struct str info);
/* The same, as a file to be saved under that name. */
void api_ask_file(struct http_exchange *ex, const struct wire_query *query, const char *file_name);
/* The members of a query in a JSON body, checked; what is not in the body stays as it is. Errors:
 * INVALID, TOO_LARGE (the statement). The strings are borrowed from the body. */
err api_read_query(const json_t *body, struct wire_query *query, struct errmsg *msg);
/* 400, or 413 for a statement that is too large. */
void api_query_problem(struct http_exchange *ex, err e, const struct errmsg *msg);
/* What a query has when its body says nothing. */
struct wire_query api_query_defaults(const struct api *api);
/* The HTTP status for the code of a query that failed. */
int api_query_status(struct str code);
void api_ask_abort(struct http_exchange *ex);
void api_ask_writable(struct http_exchange *ex);

static inline struct api *api_of(const struct http_exchange *ex)
{
    return http_route_ctx(ex);
}
/* The topic named in the path; answers 404 and returns NULL when there is none. */
struct topic *api_topic(struct http_exchange *ex);
/* Finds or (when allowed) creates a topic; answers and returns NULL on failure. */
struct topic *api_topic_for_events(struct http_exchange *ex, struct str name);
/* Creates with the server's defaults changed by `change` (NULL: none). */
err api_topic_create(struct api *api, struct str name, const json_t *change, bool adopt,
                     struct topic **out_topic, struct errmsg *msg);
/* A topic was made, changed or deleted: the other processes are told. */
void api_topics_changed(struct api *api);
/* Answers a problem for `e`, with the codes and headers that the resources agree on. */
void api_problem(struct http_exchange *ex, err e, const struct errmsg *msg);
/* 429 memory_short: requests under way hold as much memory as they may; nothing was stored. Counts
 * nothing. */
void api_memory_short(struct http_exchange *ex);
/* The answer to a request that hold.h ends. */
void api_hold_problem(struct http_exchange *ex, enum hold_why why);
/* The same for errors of meta/: state_busy, state_damaged, state_failed. */
void api_meta_problem(struct http_exchange *ex, err e, const struct errmsg *msg);
/* Parses the query; refuses unknown names with a 400 and returns false. Call getters in between:
 *     if (!api_params_begin(ex, &params)) return;
 *     ...getters...
 *     if (!api_params_end(...)) return; */
bool api_params_begin(struct http_exchange *ex, struct http_params *params);
bool api_params_end(struct http_exchange *ex, const struct http_params *params, err e,
                    const struct errmsg *msg);

/* One page of a list whose items come in ascending order of name: `?limit=` and `?after=`.
 *     struct api_page page = {0};
 *     if (!api_page_begin(ex, &params, &page)) return;
 *     ...each item... if (api_page_takes(&page, name)) json_array_append_new(list, ...);
 *     json_object_set_new(answer, "next", api_page_next(&page)); */
enum { API_PAGE_DEFAULT = 100, API_PAGE_MAX = 1000 };
struct api_page {
    struct str after; /* borrowed from the parameters */
    int64_t limit;
    int64_t count;
    struct str last; /* the last name taken; borrowed */
    bool has_more;
};
/* Takes limit and after out of the query. Errors: INVALID. */
err api_page_read(struct http_params *params, struct api_page *out_page, struct errmsg *msg);
/* The same for lists with no further parameters; answers 400 and returns false on a wrong one. */
bool api_page_begin(struct http_exchange *ex, struct http_params *params,
                    struct api_page *out_page);
/* True when the item belongs to the page. `name` must outlive the page. */
bool api_page_takes(struct api_page *page, struct str name);
/* What to send as `after` for the next page, or null. New reference. */
json_t *api_page_next(const struct api_page *page);

/* Answers with a document, which is taken (dropped); 500 when it is over 64 MiB. */
void api_respond_json(struct http_exchange *ex, int status, json_t *json);

/* Collects a small JSON body, then calls `on_json` once (with NULL for no body); answers 400, 413
 * or 415 by itself. For resources whose bodies are documents. */
typedef void (*api_json_fn)(struct http_exchange *ex, json_t *body);
enum { API_JSON_BYTES_MAX = 4 << 20 };
void api_collect(struct http_exchange *ex, api_json_fn on_json);
/* The same for a document that must stay as it was written: `on_text` gets the bytes of the body,
 * whatever they are. */
typedef void (*api_text_fn)(struct http_exchange *ex, struct str body);
void api_collect_text(struct http_exchange *ex, api_text_fn on_text);
void api_collect_body(struct http_exchange *ex, struct str piece);
void api_collect_end(struct http_exchange *ex);
void api_collect_abort(struct http_exchange *ex);
/* For handlers whose state follows the collected body: every such state begins with a uint32_t that
 * is not the collector's. */
bool api_is_collecting(const struct http_exchange *ex);

/* What a topic's totals were a second ago, and what came since: live_stats.c. */
struct api_topic_second {
    int64_t events, bytes, rejected, landed, dead; /* totals */
    int64_t events_in, bytes_in, lag;              /* of the last second */
    int64_t minute_events;                         /* of the present minute */
    bool has_landed;                               /* the writer has said where it stands */
};

/* Metrics of one topic's ingest. */
struct api_topic_metrics {
    struct metric *events;
    struct metric *bytes;
    struct metric *rejected;
    struct metric *slowed; /* requests */
    struct api_topic_second live;
};
struct api_topic_metrics api_topic_metrics(struct topic *t);

extern const struct http_handler api_results_list;
extern const struct http_handler api_result_get;
extern const struct http_handler api_result_export;
extern const struct http_handler api_result_query;
extern const struct http_handler api_result_delete;
extern const struct http_handler api_sql_words;
extern const struct http_handler api_sql_check;
extern const struct http_handler api_catalog_get;
extern const struct http_handler api_events_post;
extern const struct http_handler api_topics_list;
extern const struct http_handler api_topics_create;
extern const struct http_handler api_topic_get;
extern const struct http_handler api_topic_patch;
extern const struct http_handler api_topic_delete;
extern const struct http_handler api_topic_repair;
extern const struct http_handler api_schema_put;
extern const struct http_handler api_schema_get;
extern const struct http_handler api_schema_delete;
extern const struct http_handler api_schema_versions;
extern const struct http_handler api_schema_version;
extern const struct http_handler api_records_get;
extern const struct http_handler api_tail_get;
extern const struct http_handler api_dead_list;
extern const struct http_handler api_dead_summary;
extern const struct http_handler api_redrive_start;
extern const struct http_handler api_redrive_list;
extern const struct http_handler api_redrive_get;
extern const struct http_handler api_redrive_delete;
extern const struct http_handler api_query_post;
extern const struct http_handler api_queries_list;
extern const struct http_handler api_query_delete;
extern const struct http_handler api_producers_list;
extern const struct http_handler api_producers_create;
extern const struct http_handler api_producers_presets;
extern const struct http_handler api_producer_get;
extern const struct http_handler api_producer_patch;
extern const struct http_handler api_producer_start;
extern const struct http_handler api_producer_stop;
extern const struct http_handler api_producer_delete;
extern const struct http_handler api_producer_sample;
extern const struct http_handler api_saved_list;
extern const struct http_handler api_saved_create;
extern const struct http_handler api_saved_get;
extern const struct http_handler api_saved_put;
extern const struct http_handler api_saved_delete;
extern const struct http_handler api_session_get;
extern const struct http_handler api_session_post;
extern const struct http_handler api_session_delete;
extern const struct http_handler api_tables_list;
extern const struct http_handler api_table_get;
extern const struct http_handler api_table_import;
extern const struct http_handler api_upload;
extern const struct http_handler api_imports_list;
extern const struct http_handler api_import_get;
extern const struct http_handler api_import_delete;
extern const struct http_handler api_table_schema;
extern const struct http_handler api_table_history;
extern const struct http_handler api_table_files;
extern const struct http_handler api_table_flush;
extern const struct http_handler api_table_checkpoint;
extern const struct http_handler api_live_socket;
extern const struct http_handler api_live_realtime;
extern const struct http_handler api_live_historical;
extern const struct http_handler api_health_get;
extern const struct http_handler api_metrics_json;
extern const struct http_handler api_metrics_prometheus;
extern const struct http_handler api_openapi;
extern const struct http_handler api_docs;
extern const struct http_handler api_root;
extern const struct http_handler api_info;
/* What GET /api/v1/health answers. New reference. */
json_t *api_health_json(struct api *api, bool *out_has_failed);
/* States and reasons of all components: when it changes, health has. */
void api_health_key(struct api *api, struct buf *out);
/* What flow/producers.h asks of its owner, with the api as `ctx`: struct producers_options. */
err api_producers_topic(void *ctx, struct str name, struct topic **out_topic, struct errmsg *msg);
void api_producers_stored(void *ctx, struct topic *topic, uint64_t accepted, uint64_t rejected,
                          uint64_t bytes);
/* New acknowledged events may be there: feeds the live tails. */
void api_tails_poll(struct api *api);
