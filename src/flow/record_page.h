/* SPDX-License-Identifier: MIT */
/* record_page.h - one page of a topic's records for people who browse: of one partition or of
 * several merged by time, oldest or newest first, with a filter, and with bounded work.
 *
 * Within a partition the order is that of offsets; between partitions the earlier time comes first
 * (newest first: the later), of equal times the lower partition (the higher). The place in each
 * partition is the caller's: kept from page to page, every record is seen once, those that were
 * appended later too when the oldest come first.
 * Thread: any; one at a time per page. */
#pragma once
#include "topic/batch.h"

enum {
    RECORD_PAGE_PARTS_MAX = 32,
    RECORD_PAGE_SCAN_BYTES_MAX = 8 << 20, /* read from the log, and a batch of each partition */
};

struct record_page_part {
    uint32_t partition;
    int64_t start; /* the first offset there */
    int64_t end;   /* the acknowledged end */
    int64_t at;    /* oldest first: the next to look at; newest first: the one after it */
};
struct record_page {
    const char *topic_dir;
    bool is_newest_first;
    bool has_key; /* only records whose key is exactly `key` */
    struct str key;
    struct str text; /* only records with it in key or value, as live_text_found(); empty: all */
    size_t limit;
    size_t scan_bytes_max;
    /* Borrowed for the call. False: the page is full; this record counts. */
    bool (*on_record)(void *ctx, uint32_t partition, const struct record *r);
    void *ctx;
    /* out */
    uint64_t scanned_bytes;
    uint32_t partition; /* the one read last: of an error */
};

/* Moves the parts on. Errors: those of topic_reader_read(); UNSUPPORTED for compressed batches. */
err record_page_read(struct record_page *page, struct record_page_part *parts, size_t count,
                     struct errmsg *msg);
/* Puts a part to the first record of this time or later: `at` is its offset, or the end. */
err record_page_seek(struct record_page *page, struct record_page_part *part, int64_t time_ms,
                     struct errmsg *msg);
/* Whether nothing is left of it. */
static inline bool record_page_part_is_done(const struct record_page *page,
                                            const struct record_page_part *part)
{
    return page->is_newest_first ? part->at <= part->start : part->at >= part->end;
}
