/* SPDX-License-Identifier: MIT */
/* words.h - what can be typed in a statement: keywords, types and the functions that the policy
 * lets through, for completion. Asked of DuckDB once, then kept. */
#pragma once
#include "sql/engine.h"

struct sql_words;
struct sql_words *sql_words_new(void);
void sql_words_free(struct sql_words *words);
/* Appends {"keywords":[…],"types":[…],"functions":[{"name","kind","parameters":[…],"returns",
 * "description"}]}; "kind" is scalar, aggregate, table or macro. A function of several forms is
 * there once, with the parameters of its longest. Thread: any. Errors: as sql_query_stream(). */
err sql_words_write(struct sql_words *words, struct sql_conn *conn, struct buf *out,
                    struct errmsg *msg);
