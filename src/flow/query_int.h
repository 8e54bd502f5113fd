/* SPDX-License-Identifier: MIT */
/* query_int.h - what query.c and query_result.c share: one statement under way. */
#pragma once
#include "flow/query.h"
#include "sql/format.h"
#include "sql/policy.h"

/* Where in the way an error came up: the same code means different things to the user. */
enum stage { STAGE_GATE, STAGE_TABLES, STAGE_RUN, STAGE_RESULT };

struct run {
    struct catalog_session *session; /* borrowed, as the next ones */
    const struct query_options *options;
    const struct query_output *output;
    enum stage stage;
    struct catalog_lease *lease; /* owned, as the next two; each may be NULL */
    struct results_writer *writer;
    struct results_reader *reader;
    struct sql_policy_result statement;
    const char *content_type;
    bool has_head;
};

err query_write_head(struct run *r, struct errmsg *msg);
/* A sql_write_fn; ctx is the run. */
err query_write_data(void *ctx, struct str bytes, struct errmsg *msg);
enum sql_format query_format(const struct run *r);
err query_pass_gate(struct run *r, struct errmsg *msg);
/* The gate too; the connection is then in a transaction that sees them. */
err query_come_to_tables(struct run *r, struct errmsg *msg);
/* The statement, in the format asked for. */
err query_run_statement(struct run *r, struct sql_answer *out_answer, struct errmsg *msg);
err query_run_parquet(struct run *r, struct str sql, bool keeps_order,
                      struct sql_answer *out_answer, struct errmsg *msg);

/* --- query_result.c: one for each purpose (flow/wire.h) --- */
err query_run_check(struct run *r, struct sql_answer *out_answer, struct errmsg *msg);
err query_run_store(struct run *r, struct sql_answer *out_answer, struct errmsg *msg);
err query_run_window(struct run *r, struct sql_answer *out_answer, struct errmsg *msg);
err query_run_export(struct run *r, struct sql_answer *out_answer, struct errmsg *msg);
err query_run_over(struct run *r, struct sql_answer *out_answer, struct errmsg *msg);
