/* SPDX-License-Identifier: MIT */
/* sql_test.h - what the tests of sql/ share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/engine.h"

/* Fails the test with the message of `msg_`, which the call fills (declared by the caller or here).
 * */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct errmsg msg_ = {0};                                                                  \
        err ok_result_ = (call);                                                                   \
        if (ok_result_ != ERR_OK) {                                                                \
            fail_msg("%s: %s (%s)", #call, err_name(ok_result_), msg_.text);                       \
        }                                                                                          \
    } while (0)

/* A connection on an engine of its own without walls. */
static inline struct sql_conn *test_conn(unsigned threads)
{
    struct sql_engine *engine = NULL;
    struct sql_conn *conn = NULL;
    OK(sql_engine_open(&(struct sql_engine_options){.threads = threads, .connections = 2}, &engine,
                       &msg_));
    OK(sql_conn_open(engine, &conn, &msg_));
    return conn;
}
static inline void test_conn_free(struct sql_conn *conn)
{
    struct sql_engine *engine = sql_conn_engine(conn);
    sql_conn_close(conn);
    sql_engine_close(engine);
}
static inline int64_t test_i64(struct sql_conn *conn, const char *sql)
{
    int64_t value = 0;
    OK(sql_query_i64(conn, sql, &value, &msg_));
    return value;
}
