/* SPDX-License-Identifier: MIT */
/* redrive_scan.h - what of an open INTENT is in the log. Owner: the reactor. */
#pragma once
#include "flow/redrive_state.h"
#include "topic/store.h"

/* Reads each partition from the INTENT's offset up to its durable end and gathers the sources that
 * the records' headers name. *out_is_certain is false when a part of that stretch is gone
 * (retention, a repair): what is not found may have been there. *out_found must be empty; the
 * caller releases it in any case. Blocks. Errors: CORRUPT (damage), IO, NOMEM. */
err redrive_scan(const struct topic *t, const struct redrive_state *state,
                 struct redrive_set *out_found, bool *out_is_certain, struct errmsg *msg);
