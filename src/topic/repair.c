/* SPDX-License-Identifier: MIT */
#include "topic/store_int.h"
err topic_repair(struct topic *t, uint32_t partition, int64_t *out_lost, struct errmsg *msg)
{
    (void)t;
    (void)partition;
    (void)out_lost;
    return errmsg_set(msg, ERR_UNSUPPORTED, "not yet");
}
