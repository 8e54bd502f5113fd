/* SPDX-License-Identifier: MIT */
/* fuzz_redrive_journal.c - a journal of re-drives as it may lie on a disk: any bytes give an error
 * or a state whose set is in order, and what it says is the same after it was written as one BASE.
 * Each input is also tried as one entry, whose checksum need not be right. */
#include "base/base.h"
#include "flow/redrive_state.h"
#include "topic/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err take(void *ctx, struct str payload, struct errmsg *msg)
{
    return redrive_state_apply(ctx, payload, msg);
}

static void check_set(const struct redrive_set *s)
{
    uint64_t offsets = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct redrive_range *r = &s->ranges[i];
        ASSERT(r->first >= 0 && r->first < r->next && r->partition < REDRIVE_PARTITIONS_MAX);
        ASSERT(i == 0 || r->partition > r[-1].partition ||
               (r->partition == r[-1].partition && r->first > r[-1].next));
        ASSERT(redrive_set_has(s, r->partition, r->first));
        ASSERT(!redrive_set_has(s, r->partition, r->next));
        offsets += (uint64_t)(r->next - r->first);
    }
    ASSERT(offsets == s->offsets);
}

static void check(struct redrive_state *s)
{
    struct redrive_state again = {0};
    struct buf base = buf_make(64 << 20);
    check_set(&s->done);
    ASSERT(!s->is_open || s->sources.count > 0);
    redrive_encode_base(s, 0, &base);
    ASSERT(buf_check(&base) == ERR_OK);
    ASSERT(redrive_state_apply(&again, buf_str(&base), NULL) == ERR_OK);
    ASSERT(again.done.count == s->done.count && again.done.offsets == s->done.offsets &&
           again.id == s->id);
    buf_deinit(&base);
    redrive_state_deinit(&again);
    redrive_state_deinit(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redrive_state s = {0};
    size_t good = 0;
    (void)topic_journal_walk(str_of(data, size), take, &s, &good, NULL); /* either way: */
    ASSERT(good <= size);
    check(&s);
    struct redrive_state one = {0};
    (void)redrive_state_apply(&one, str_of(data, size), NULL); /* either way: */
    check(&one);
    return 0;
}
