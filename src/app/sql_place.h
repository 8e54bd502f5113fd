/* SPDX-License-Identifier: MIT */
/* sql_place.h - where the prompt's statements run: at a server, or on a data folder without one.
 *
 * sql_place_run() waits for the whole answer, so it is called on a thread of its own; meanwhile
 * the prompt's thread looks how far it is, and stops it. */
#pragma once
#include "app/client.h"
#include "base/json.h"

struct sql_place;

/* `asks` and `looks` are two clients of one server; the place takes both. */
struct sql_place *sql_place_server(struct client *asks, struct client *looks);
/* Errors: those of query_local_open(). */
err sql_place_folder(const char *data_dir, struct sql_place **out_place, struct errmsg *msg);
void sql_place_free(struct sql_place *p);
AUTO_DEFINE(sql_place)
/* For what only a server has; NULL for a folder. Thread: the prompt's. */
struct client *sql_place_client(struct sql_place *p);

struct sql_ask {
    struct str sql;
    const char *format; /* json, ndjson, csv */
    int64_t limit;      /* rows; 0: none */
    bool int64_strings; /* in JSON: 64-bit integers as texts */
    int64_t timeout_ms; /* 0: the server's; a folder has none */
};
enum { SQL_CODE_BYTES = 64 };
/* Why a statement failed. */
struct sql_failure {
    struct errmsg msg;         /* in words; its position is a character of the statement */
    char code[SQL_CODE_BYTES]; /* "sql_invalid"; "" where there is none */
};
/* Before each sql_place_run(). Thread: the prompt's. */
void sql_place_prepare(struct sql_place *p);
/* Runs one statement and gives its answer to `on_piece`. Thread: any one. */
err sql_place_run(struct sql_place *p, const struct sql_ask *ask, client_body_fn on_piece,
                  void *context, struct sql_failure *out_failure);

/* How far the statement is that runs. */
struct sql_look {
    double percent; /* of the reading; -1: unknown */
    int64_t rows_read;
    int64_t rows_total; /* 0: unknown */
    int64_t bytes_read; /* of the tables, estimated by the percent */
    int64_t rows;       /* of the answer */
    int64_t bytes;      /* of the answer */
    bool is_waiting;    /* for its turn */
};
/* False when nothing is known yet. Thread: the prompt's, as for what follows. */
bool sql_place_look(struct sql_place *p, struct sql_look *out_look);
/* Asks the statement to stop; true when the place has taken note. May be repeated. */
bool sql_place_stop(struct sql_place *p);
/* Lets go of a statement that does not stop: sql_place_run() returns soon. */
void sql_place_drop(struct sql_place *p);

/* A new array of {"schema","name", maybe "rows","bytes","lag_events"}. */
err sql_place_tables(struct sql_place *p, json_t **out_tables, struct errmsg *msg);
/* A new object as GET /api/v1/tables/{table} answers it; `name` may begin with its schema. */
err sql_place_describe(struct sql_place *p, struct str name, json_t **out_table,
                       struct errmsg *msg);
