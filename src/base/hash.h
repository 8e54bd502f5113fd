/* SPDX-License-Identifier: MIT */
/* hash.h - the hashes that formats demand, and a fast one for tables in memory. */
#pragma once
#include "base/str.h"

/* CRC-32C (Castagnoli), as in Kafka record batches. `crc` is 0 or a former result. Hardware. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
/* Murmur2 of Kafka's default partitioner: partition = (murmur2(key) & 0x7fffffff) % count. */
uint32_t hash_murmur2(struct str key);
/* XXH3, for hash tables and fingerprints. Stable across versions and machines. */
uint64_t hash_xxh3(struct str bytes);
/* The same with a secret start, where the bytes are a stranger's and many would share a slot. */
uint64_t hash_xxh3_seeded(struct str bytes, uint64_t seed);
struct hash128 {
    uint64_t low;
    uint64_t high;
};
struct hash128 hash_xxh3_128(struct str bytes);
