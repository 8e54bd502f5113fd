/* SPDX-License-Identifier: MIT */
/* producer_int.h - what the parts of a producer share. Nobody else includes it. */
#pragma once
#include "flow/dice.h"
#include "flow/producer.h"

enum producer_bad {
    PRODUCER_BROKEN_JSON,
    PRODUCER_WRONG_TYPE,
    PRODUCER_NOT_AN_OBJECT,
    PRODUCER_TOO_DEEP,
    PRODUCER_BAD_COUNT
};
const char *producer_bad_name(enum producer_bad kind);
/* Makes the good event at the end of `out`, from byte `from` on, a bad one. */
void producer_spoil(enum producer_bad kind, struct dice *dice, size_t from, struct buf *out);
