/* SPDX-License-Identifier: MIT */
/* json_index.h - simdjson's first stage behind a C interface: the places of everything that gives
 * a JSON text its structure.
 *
 * Stage 1 reads 64 bytes at a time with the best instructions the processor has (chosen by the
 * library when it runs) and yields the position of every `{ } [ ] : ,` outside of strings, of
 * every opening quote and of the first byte of every other token. It checks UTF-8, that no string
 * holds a raw control character and that the last string is closed. Everything else (grammar,
 * escapes, numbers, words) is the caller's, see json_walk.h.
 *
 * This header is read by C and C++ and therefore includes nothing of base/. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_indexer; /* one thread at a time */

enum json_index_result { JSON_INDEX_OK, JSON_INDEX_BAD, JSON_INDEX_NOMEM };

/* NULL when out of memory. Caller frees with json_indexer_free(), which accepts NULL. */
struct json_indexer *json_indexer_new(void);
void json_indexer_free(struct json_indexer *x);
/* Indexes `len` bytes. The positions stay valid until the next run; (*out_at)[*out_count] is `len`.
 * Reads no byte past `len`. BAD also for an empty or blank text and for one over 2 GiB. */
enum json_index_result json_indexer_run(struct json_indexer *x, const char *bytes, size_t len,
                                        const uint32_t **out_at, uint32_t *out_count);
/* Gives back memory above what a text of `bytes_max` needs. */
void json_indexer_trim(struct json_indexer *x, size_t bytes_max);
/* The instruction set in use, for logs: "icelake", "haswell", "westmere", "arm64", "fallback". */
const char *json_indexer_name(void);
/* The double nearest to a JSON number; false when it is beyond the range of doubles.
 * `text` must be a well-formed JSON number. Independent of the locale. */
int json_number_to_double(const char *text, size_t len, double *out_value);

#ifdef __cplusplus
}
#endif
