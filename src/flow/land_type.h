/* SPDX-License-Identifier: MIT */
/* land_type.h - column types between the decoder's form and Delta's: "long", or for nested ones the
 * JSON of the protocol. Pure. */
#pragma once
#include "sql/col_type.h"

/* Appends Delta's name or JSON of a type: everything nullable. */
void land_type_write(const struct col_def *def, struct buf *out);
/* The type of a Delta column, with its members in `arena`. False for one that tarn does not write:
 * maps, decimals, timestamps without zone, members that must not be null. */
bool land_type_read(struct str delta, struct arena *arena, struct col_def *out);
