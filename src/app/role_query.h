/* SPDX-License-Identifier: MIT */
/* role_query.h - the query process: SQL over the lake and the log, read-only and confined.
 *
 * Started by the server with its socket as descriptor 3 (flow/wire.h says what is spoken there).
 *
 *   main thread      frames in; deadlines, cancels, progress; METRICS each second
 *   session threads  one statement at a time each (flow/query.h), DATA within the credit given
 *   warm thread      keeps the hot rows of topics asked about lately up to date
 *
 * It holds nothing that is not elsewhere: it may be killed at any moment. Before any thread is
 * started it gives up everything but reading lake/ and topics/ and writing run/spill/. */
#pragma once
#include "app/config.h"

/* Runs until STOP, or until the server is gone. Returns the exit code of the process. */
int role_query(const struct config *config);
