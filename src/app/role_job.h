/* SPDX-License-Identifier: MIT */
/* role_job.h - the job process: reads one file of someone's into Parquet, and ends.
 *
 * It is started by the front for one import, confined to the import's folder before it has seen a
 * byte of the file (no other files, no sockets, no processes, bounded memory), and thrown away. */
#pragma once
#include "app/config.h"

/* Speaks wire_import.h on descriptor 3. Returns the exit code. */
int role_job(const struct config *config);
