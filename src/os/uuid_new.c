/* SPDX-License-Identifier: MIT */
/* uuid_new.c - random UUIDs: where base/uuid meets the kernel's generator. */
#include "os/clock.h"

struct uuid_text os_uuid_new(void)
{
    unsigned char bytes[16];
    os_random(bytes, sizeof bytes);
    return uuid_from_random(bytes);
}
