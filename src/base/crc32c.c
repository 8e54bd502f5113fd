/* SPDX-License-Identifier: MIT */
/* crc32c.c - CRC-32C by the CPU's own instruction, three streams at a time.
 * One crc32 instruction has a latency of three cycles and a throughput of one, so three
 * independent lanes are computed and joined with tables that advance a CRC over zero bytes. */
#include <pthread.h>

#include "base/base.h"
#include "base/hash.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC_U64(crc, v) (uint32_t) _mm_crc32_u64((crc), (v))
#define CRC_U8(crc, v) _mm_crc32_u8((crc), (v))
#elif defined(__aarch64__)
#include <arm_acle.h>
#define CRC_U64(crc, v) __crc32cd((crc), (v))
#define CRC_U8(crc, v) __crc32cb((crc), (v))
#else
#error "tarn needs a CPU with CRC-32C instructions"
#endif

enum { LANE_BYTES = 1024 };

/* advance[i][b]: effect of byte i of a CRC after LANE_BYTES zero bytes. */
static uint32_t advance[4][256];
static pthread_once_t advance_once = PTHREAD_ONCE_INIT;

static void advance_fill(void)
{
    uint32_t bit_effect[32];
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = 1U << bit;
        for (int i = 0; i < LANE_BYTES / 8; i++) {
            crc = CRC_U64(crc, 0);
        }
        bit_effect[bit] = crc;
    }
    for (int byte = 0; byte < 4; byte++) {
        for (unsigned value = 0; value < 256; value++) {
            uint32_t sum = 0;
            for (int bit = 0; bit < 8; bit++) {
                sum ^= (value >> bit) & 1 ? bit_effect[byte * 8 + bit] : 0;
            }
            advance[byte][value] = sum;
        }
    }
}

static uint32_t advanced(uint32_t crc)
{
    return advance[0][crc & 0xff] ^ advance[1][(crc >> 8) & 0xff] ^ advance[2][(crc >> 16) & 0xff] ^
           advance[3][crc >> 24];
}

static uint64_t load64(const unsigned char *p)
{
    uint64_t v = 0;
    memcpy(&v, p, sizeof v);
    return v;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    crc = ~crc;
    if (len >= 3 * (size_t)LANE_BYTES) {
        (void)pthread_once(&advance_once, advance_fill); /* cannot fail with a valid argument */
    }
    for (; len >= 3 * (size_t)LANE_BYTES; len -= 3 * (size_t)LANE_BYTES) {
        uint32_t b = 0;
        uint32_t c = 0;
        for (int i = 0; i < LANE_BYTES; i += 8) {
            crc = CRC_U64(crc, load64(p + i));
            b = CRC_U64(b, load64(p + LANE_BYTES + i));
            c = CRC_U64(c, load64(p + 2 * LANE_BYTES + i));
        }
        crc = advanced(advanced(crc) ^ b) ^ c;
        p += 3 * (size_t)LANE_BYTES;
    }
    for (; len >= 8; len -= 8, p += 8) {
        crc = CRC_U64(crc, load64(p));
    }
    for (; len > 0; len--, p++) {
        crc = CRC_U8(crc, *p);
    }
    return ~crc;
}
