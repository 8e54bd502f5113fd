/* SPDX-License-Identifier: MIT */
/* sql_names.h - what the prompt completes: commands, tables, columns, functions, keywords.
 *
 * Names come from the place, are kept, and asked for again when they are older than NAMES_FRESH_US
 * or sql_names_forget() was called. Owner: the prompt's thread. */
#pragma once
#include "app/sql_place.h"

struct sql_names;
/* `place` is borrowed. */
struct sql_names *sql_names_new(struct sql_place *place);
void sql_names_free(struct sql_names *n);
AUTO_DEFINE(sql_names)
/* Asks anew at the next need. */
void sql_names_forget(struct sql_names *n);

enum { SQL_MATCHES_MAX = 500 };
struct sql_matches {
    char **items; /* owned, each too; sorted, each once */
    size_t count;
    size_t word_bytes; /* of the text's end, that each item stands for */
};
/* What could stand where `text` (the statement so far, up to the cursor) ends. A place that does
 * not answer leaves keywords and functions. Free with sql_matches_deinit(). */
void sql_names_complete(struct sql_names *n, struct str text, struct sql_matches *out_matches);
void sql_matches_deinit(struct sql_matches *m);
#define AUTO_MATCHES __attribute__((cleanup(sql_matches_deinit), unused)) struct sql_matches
