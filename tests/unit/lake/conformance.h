/* SPDX-License-Identifier: MIT */
/* conformance.h - the Delta conformance cases of ../shared/data/delta, where that folder is
 * present. The runner is linked once without a Parquet reader and once with DuckDB's. */
#pragma once
#include "lake/parquet.h"

struct conformance_counts {
    unsigned passed;
    unsigned failed;
    unsigned skipped; /* need a checkpoint's Parquet and have no reader */
    unsigned other;   /* kind `rows`: only loaded, the rows are for others to compare */
};
/* Runs every case of kind files, state and error, and loads the tables of the others; says on
 * standard error what failed. False when the cases are not there. `parquet` may be NULL. */
bool conformance_run(const struct lake_parquet *parquet, struct conformance_counts *out_counts);
