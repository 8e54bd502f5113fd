/* SPDX-License-Identifier: MIT */
/* store_wait.c - topics whose recovery found no space on the disk.
 *
 * Recovery copies what is good after the mark to new blocks, and notes unfinished requests in a
 * new journal: both want space. On a full disk the topic comes up all the same. What was
 * acknowledged can be read, from where it lies; the durable end stays at the mark, since what
 * lies behind it might be known to the page cache alone, so the writer lands no more than that.
 * Appends are refused (NOSPACE) until a tick finds space; then the same recovery is done from
 * the start, on files that nobody has changed meanwhile. Thread: reactor; a step blocks like
 * the recovery at a start. */
#include "os/file.h"
#include "topic/store_int.h"

enum { WANTED_BYTES = 1 << 20 }; /* below it a step would only fill the last blocks */

bool topic_is_waiting(const struct topic *t)
{
    return t->is_waiting;
}

err topic_wait_check(const struct topic *t, struct errmsg *msg)
{
    return t->is_waiting
               ? errmsg_set(msg, ERR_NOSPACE,
                            "the disk was full when the log of topic %s was to be recovered; it "
                            "can be read, and takes events again when there is space",
                            t->meta.name)
               : ERR_OK;
}

/* Opens the partition anew. Errors: NOSPACE (it is waiting again), IO. */
static err reopen(struct partition *p, struct errmsg *msg)
{
    store_forget(p->topic->store, p);
    partition_close_files(p);
    os_close(p->mark_fd);
    p->mark_fd = -1;
    p->is_waiting = false;
    err e = partition_open(p, msg);
    e = e == ERR_OK && p->is_waiting ? ERR_NOSPACE : e;
    p->is_waiting = e != ERR_OK;
    return e;
}

static err recover_again(struct topic *t, struct errmsg *msg)
{
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        if (t->partitions[i]->is_waiting) {
            TRY(reopen(t->partitions[i], msg));
        }
    }
    return idem_recover_finish(t, msg);
}

void store_wait_step(struct topic *t)
{
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    struct errmsg msg = {0};
    bool is_known = os_disk_space(t->dir, &free_bytes, &total_bytes, NULL) == ERR_OK;
    if (!t->is_waiting || (is_known && free_bytes < WANTED_BYTES)) {
        return;
    }
    err e = recover_again(t, &msg);
    if (e == ERR_OK) {
        t->is_waiting = false;
        store_wake(t->store); /* what waited for these offsets */
    } else if (e != ERR_NOSPACE) {
        (void)errmsg_wrap(&msg, e, "recover topic %s", t->meta.name);
        store_fail(t->store, msg.text);
    }
}
