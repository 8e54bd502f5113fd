/* SPDX-License-Identifier: MIT */
/* idempotency.h - a request that is sent again with the same key appends nothing twice.
 *
 * The key's hash becomes the producer id of the request's batches, in a range that Kafka producers
 * never get; base_sequence is the position among the request's accepted records for that partition.
 * A journal beside the partitions holds one entry before the first append (what a retry needs to
 * come out the same) and one at the end (digest of the body, the answer). After a crash in
 * between, the log itself says which positions are there. Life of a request at the door:
 *
 *     idem_begin(topic, key, params, &r, msg)     BUSY: 409, the key is in flight
 *     IDEM_DONE:    read the body for its digest; idem_digest() equal -> answer idem_answer()
 *     again,
 *                   else 422; idem_release(r)
 *     otherwise:    wait until topic_store_durable_seq() >= idem_begin_seq(r), then per batch
 *                   idem_append(); records at positions < idem_have(r, partition) are not appended
 *                   again, idem_offset() tells where they are
 *     idem_finish(r, digest, answer, &seq, msg)   answer the client when seq is durable
 *     idem_release(r)  without finish: the request failed or was cut off; a retry finds it PARTIAL
 *
 * Owner thread: the reactor. */
#pragma once
#include "base/hash.h"
#include "topic/store.h"

enum {
    IDEM_KEY_BYTES_MAX = 255,
    IDEM_PARAMS_BYTES_MAX = 4096,
    IDEM_ANSWER_BYTES_MAX = 1024 * 1024,
};
enum idem_state { IDEM_FRESH, IDEM_PARTIAL, IDEM_DONE };

struct idem_request;

/* `params`: what else a retry needs (limits, schema version), as the caller likes to write it; kept
 * from the first attempt. Errors: BUSY (in flight), CONFLICT (another key of the same hash),
 * INVALID (empty or long key), LIMIT, NOSPACE, FAILED, IO. The handle must be released. */
err idem_begin(struct topic *t, struct str key, struct str params,
               struct idem_request **out_request, struct errmsg *msg);
void idem_release(struct idem_request *r); /* NULL is fine */

enum idem_state idem_state_of(const struct idem_request *r);
/* First append, or the answer of a DONE one, only once this number is durable. */
uint64_t idem_begin_seq(const struct idem_request *r);
/* From the first attempt; not when DONE. A retry must choose partitions by this count. */
struct str idem_params(const struct idem_request *r);
uint32_t idem_partition_count(const struct idem_request *r);
uint32_t idem_partition_for_key(const struct idem_request *r, struct str key); /* murmur2 */
/* Where all keyless records of this request go. */
uint32_t idem_keyless_partition(const struct idem_request *r);
int64_t idem_producer_id(const struct idem_request *r);

/* How many of the request's records for `partition` are in the log: positions 0 .. n-1. */
int32_t idem_have(const struct idem_request *r, uint32_t partition);
/* Offset of a position < idem_have(); -1 otherwise. *out_run: how many positions from this one on
 * have consecutive offsets. */
int64_t idem_offset(const struct idem_request *r, uint32_t partition, int32_t position,
                    int32_t *out_run);
/* topic_append() of a batch built with idem_producer_id(), epoch 0 and base_sequence ==
 * idem_have(r, partition). Errors: as topic_append, INVALID when the sequence is another. */
err idem_append(struct idem_request *r, uint32_t partition, struct str batch,
                int64_t *out_base_offset, uint64_t *out_seq, struct errmsg *msg);
/* Records the outcome. *out_seq covers all appends of the request too. With a full disk the outcome
 * is not recorded, which is no error: a retry then finds the request PARTIAL with nothing missing.
 * Errors: FAILED, IO, TOO_LARGE. */
err idem_finish(struct idem_request *r, struct hash128 digest, struct str answer, uint64_t *out_seq,
                struct errmsg *msg);
/* Only when DONE. idem_answer() reads the journal into *out. */
struct hash128 idem_digest(const struct idem_request *r);
err idem_answer(const struct idem_request *r, struct buf *out, struct errmsg *msg);

struct idem_stats {
    uint64_t keys; /* remembered now, all topics */
    uint64_t in_flight;
    uint64_t partial; /* begun, not finished, not in flight */
    uint64_t file_bytes;
};
struct idem_stats idem_stats_of(const struct topic_store *s);
