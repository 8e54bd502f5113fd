/* SPDX-License-Identifier: MIT */
/* role_writer.h - the writer process: brings topic logs into Delta tables.
 *
 * Started by the server with its socket as descriptor 3 (flow/wire.h says what is spoken there).
 * Two threads: the main one reads frames, keeps the acknowledged ends and sends metrics; the
 * landing one owns the landers (flow/land.h) and DuckDB and does one landing at a time, flushes
 * first. The tables are the only store of progress, so it may be killed at any moment. */
#pragma once
#include "app/config.h"

/* Runs until STOP, or until the server is gone. Returns the exit code of the process. */
int role_writer(const struct config *config);
