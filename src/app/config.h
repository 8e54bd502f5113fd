/* SPDX-License-Identifier: MIT */
/* config.h - every setting of tarn in one table.
 *
 * The table makes the C struct, the YAML schema, the command-line options, and the reference in
 * docs/configuration.md (`tarn config --markdown`; a test compares). A later source wins:
 * default, file (--config FILE), option (--name VALUE; underscores are dashes there). */
#pragma once
#include "base/base.h"
#include "base/buf.h"

/* name, kind, default, smallest, largest (numbers only), what it does */
#define CONFIG_SETTINGS(X)                                                                         \
    X(data, TEXT, "./tarn-data", 0, 0, "Folder for everything tarn keeps.")                        \
    X(http, TEXT, "127.0.0.1:8276", 0, 0,                                                          \
      "Address of the HTTP door, HOST:PORT; port 0 picks a free one. Any host but loopback needs " \
      "`token_file`.")                                                                             \
    X(kafka, TEXT, "off", 0, 0, "Address of the Kafka door; only `off` in this version.")          \
    X(token_file, TEXT, "", 0, 0,                                                                  \
      "File whose first line is the token that every request must send as a bearer.")              \
    X(hosts, TEXT, "", 0, 0,                                                                       \
      "Further names that a request's Host header may carry, separated by commas. Loopback names " \
      "and the listening address are always allowed.")                                             \
    X(cors_origins, TEXT, "", 0, 0,                                                                \
      "Origins whose web pages may use this server from a browser, such as "                       \
      "`https://app.example.org`, separated by commas. `*` is every page there is, and needs "     \
      "`token_file`.")                                                                             \
    X(log_level, TEXT, "info", 0, 0,                                                               \
      "Least important log line: `debug`, `info`, `warn`, `error`.")                               \
    X(log_format, TEXT, "text", 0, 0, "Log lines as `text` or `json`.")                            \
    X(memory, BYTES, "1GiB", 256ULL << 20, 1ULL << 50,                                             \
      "Bound on the memory of all tarn processes together; see operating.md.")                     \
    X(auto_create, BOOL, "true", 0, 0, "Create a topic when the first event for it arrives.")      \
    X(partitions, COUNT, "4", 1, 1024, "Partitions of a new topic.")                               \
    X(durability, TEXT, "fsync", 0, 0,                                                             \
      "New topics acknowledge after `fsync`, or after `page_cache` (lost in a power cut).")        \
    X(segment_bytes, BYTES, "256MiB", 1ULL << 20, 1ULL << 30, "Size at which a log segment ends.") \
    X(retention_age, DURATION, "7d", 1000, 1ULL << 50,                                             \
      "Log older than this is deleted once it is in the table.")                                   \
    X(retention_bytes, BYTES, "10GiB", 1ULL << 20, 1ULL << 60,                                     \
      "Log of a topic beyond this is deleted, oldest first, once it is in the table.")             \
    X(flush_bytes, BYTES, "128MiB", 1ULL << 16, 1ULL << 34,                                        \
      "A topic lands in its table when this much log has gathered.")                               \
    X(flush_rows, COUNT, "0", 0, 1ULL << 40, "... or this many events; 0 is no such rule.")        \
    X(flush_age, DURATION, "60s", 100, 1ULL << 40,                                                 \
      "... or when the oldest event that has not landed is this old.")                             \
    X(unlanded_rows_max, COUNT, "0", 0, 1ULL << 40,                                                \
      "Senders of a topic are slowed while this many of its events have not landed; 0 is no "      \
      "such rule.")                                                                                \
    X(body_bytes_max, BYTES, "16GiB", 1024, 1ULL << 50,                                            \
      "Largest request body, after decompression. Bodies are streamed, not kept.")                 \
    X(import_bytes_max, BYTES, "64GiB", 1024, 1ULL << 50,                                          \
      "Largest file that is imported, after decompression.")                                       \
    X(import_memory, BYTES, "256MiB", 64ULL << 20, 1ULL << 50,                                     \
      "Memory of the process that reads a file for an import, beside `memory`.")                   \
    X(import_concurrency, COUNT, "2", 1, 64, "Imports that run at the same time; others wait.")    \
    X(record_bytes_max, BYTES, "1MiB", 64, 64ULL << 20, "Largest event.")                          \
    X(nesting_max, COUNT, "64", 1, 1000, "Deepest nesting of an event.")                           \
    X(connections_max, COUNT, "12000", 8, 1000000, "HTTP connections at the same time.")           \
    X(query_concurrency, COUNT, "4", 1, 64, "Queries that run at the same time; others wait.")     \
    X(query_queue_max, COUNT, "256", 1, 100000,                                                    \
      "Queries that may wait; beyond it the answer is 429.")                                       \
    X(query_timeout, DURATION, "60s", 10, 1ULL << 40,                                              \
      "Longest run of a query that names no limit.")                                               \
    X(spill_bytes, BYTES, "4GiB", 0, 1ULL << 50,                                                   \
      "Disk that queries may use for what does not fit in memory.")                                \
    X(results_max, COUNT, "64", 1, 10000,                                                          \
      "Results of queries kept on the server at the same time (`store`); the least recently used " \
      "goes first.")                                                                               \
    X(result_bytes_max, BYTES, "1GiB", 1ULL << 20, 1ULL << 50,                                     \
      "Disk that kept results and their sorted or filtered copies may use, beside `spill_bytes`; " \
      "what is being written may use as much again until it is known to fit.")                     \
    X(result_age, DURATION, "30m", 1000, 1ULL << 40,                                               \
      "A kept result goes when it was not used for this long.")

struct config {
#define CONFIG_TYPE_TEXT char * /* owned */
#define CONFIG_TYPE_BYTES uint64_t
#define CONFIG_TYPE_COUNT uint64_t
#define CONFIG_TYPE_DURATION uint64_t /* milliseconds */
#define CONFIG_TYPE_BOOL bool
#define CONFIG_FIELD_(name, kind, dflt, low, high, help) CONFIG_TYPE_##kind name;
    CONFIG_SETTINGS(CONFIG_FIELD_)
#undef CONFIG_FIELD_
};

/* The defaults, into uninitialised storage. */
void config_init(struct config *c);
void config_deinit(struct config *c);
/* Reads a YAML file over `c`. Errors: NOT_FOUND, INVALID with file, line and what to do. */
err config_load_file(struct config *c, const char *path, struct errmsg *msg);
/* Sets one setting from text; `name` with underscores or dashes. Errors: NOT_FOUND, INVALID. */
err config_set(struct config *c, const char *name, const char *value, struct errmsg *msg);
/* Takes "--config FILE", "--name VALUE" and "--name=VALUE" out of argv, file first, options after;
 * what it does not know stays, in order. Returns the new argc through `argc`. */
err config_from_args(struct config *c, int *argc, char **argv, struct errmsg *msg);
/* "--name=value" words of all settings that differ from their default, for a child process.
 * Caller frees each word and the array. */
char **config_to_args(const struct config *c, size_t *out_count);
/* The reference, as Markdown. */
void config_write_markdown(struct buf *out);
