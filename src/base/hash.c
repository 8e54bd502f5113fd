/* SPDX-License-Identifier: MIT */
/* hash.c - murmur2 after Kafka's org.apache.kafka.common.utils.Utils contract; XXH3 by xxhash. */
#include "base/hash.h"

#include <xxhash.h>

#include "base/base.h"

uint32_t hash_murmur2(struct str key)
{
    const uint32_t m = 0x5bd1e995;
    const unsigned char *p = (const unsigned char *)key.ptr;
    size_t left = key.len;
    uint32_t h = 0x9747b28cU ^ (uint32_t)key.len;
    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k = 0;
        memcpy(&k, p, 4);
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = (h * m) ^ k;
    }
    if (left >= 3) {
        h ^= (uint32_t)p[2] << 16;
    }
    if (left >= 2) {
        h ^= (uint32_t)p[1] << 8;
    }
    if (left >= 1) {
        h ^= p[0];
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ (h >> 15);
}

uint64_t hash_xxh3(struct str bytes)
{
    return XXH3_64bits(bytes.ptr, bytes.len);
}

uint64_t hash_xxh3_seeded(struct str bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.ptr, bytes.len, seed);
}

struct hash128 hash_xxh3_128(struct str bytes)
{
    XXH128_hash_t h = XXH3_128bits(bytes.ptr, bytes.len);
    return (struct hash128){h.low64, h.high64};
}
