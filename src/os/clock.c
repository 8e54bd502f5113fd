/* SPDX-License-Identifier: MIT */
/* clock.c - see clock.h. */
#include "os/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

#include "base/base.h"

static _Atomic int64_t fixed_us = -1;

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    int result = clock_gettime(id, &now);
    ASSERT(result == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t os_now_us(void)
{
    int64_t fixed = atomic_load_explicit(&fixed_us, memory_order_relaxed);
    return fixed >= 0 ? fixed : read_clock(CLOCK_REALTIME);
}

int64_t os_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void os_clock_fix(int64_t us)
{
    atomic_store(&fixed_us, us);
}

void os_random(void *bytes, size_t len)
{
    char *p = bytes;
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ASSERT(got > 0);
        p += got;
        len -= (size_t)got;
    }
}

uint64_t os_random_u64(void)
{
    uint64_t value = 0;
    os_random(&value, sizeof value);
    return value;
}

void os_sleep_us(int64_t us)
{
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}
