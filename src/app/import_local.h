/* SPDX-License-Identifier: MIT */
/* import_local.h - what `tarn import` does by itself: an import into a data folder that no server
 * holds, and the rows of a Parquet file as NDJSON. The file is the caller's own: no walls. */
#pragma once
#include "flow/import_publish.h"
#include "sql/format.h"

struct import_local_request {
    const char *data_dir;
    const char *table;
    const char *mode;
    struct sql_import_options options; /* target_dir and table are filled in here */
    uint64_t memory_bytes;
};
struct import_local_result {
    uint64_t rows;
    struct wire_published published;
};
/* Holds the folder's lock meanwhile. Errors: BUSY (a server runs there), EXISTS, CONFLICT (the
 * name is a topic's), those of sql_import() and import_publish(). */
err import_local(const struct import_local_request *request, struct import_local_result *out_result,
                 struct errmsg *msg);

/* Streams a Parquet file's rows, in their order, as an object a line. */
err import_local_rows(const char *path, sql_write_fn *write, void *ctx, struct errmsg *msg);
