/* SPDX-License-Identifier: MIT */
/* fake_parquet.h - struct lake_parquet for tests: a "Parquet" file is one line an action, the
 * kind's number, a blank and the JSON body. Goes through os/ so that faults reach it. */
#pragma once
#include "lake/parquet.h"

extern const struct lake_parquet fake_parquet;
/* The same, but every write fails. */
extern const struct lake_parquet fake_parquet_broken;
