/* SPDX-License-Identifier: MIT */
/* clock.h - time and randomness. Tests may replace the wall clock. */
#pragma once
#include "base/uuid.h"

/* Wall clock, microseconds since 1970 UTC. */
int64_t os_now_us(void);
static inline int64_t os_now_ms(void)
{
    return os_now_us() / 1000;
}
/* Never goes back; for durations and timeouts. Microseconds. */
int64_t os_mono_us(void);
/* Tests: fixes the wall clock at `us`; a negative value gives the real one back. */
void os_clock_fix(int64_t us);
/* Fills `bytes` from the kernel's generator; stops the process when there is none. */
void os_random(void *bytes, size_t len);
uint64_t os_random_u64(void);
/* A fresh random UUID (version 4). */
struct uuid_text os_uuid_new(void);
void os_sleep_us(int64_t us);
