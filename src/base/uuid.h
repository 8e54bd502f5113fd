/* SPDX-License-Identifier: MIT */
/* uuid.h - UUIDs as 36 characters of text; the random bytes come from the caller (os/). */
#pragma once
#include "base/str.h"

enum { UUID_TEXT_BYTES = 37 }; /* with the NUL */
struct uuid_text {
    char text[UUID_TEXT_BYTES];
};
/* Version 4 from 16 random bytes. */
struct uuid_text uuid_from_random(const unsigned char bytes[16]);
bool uuid_is_valid(struct str text);
