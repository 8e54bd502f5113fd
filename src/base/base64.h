/* SPDX-License-Identifier: MIT */
/* base64.h - RFC 4648 base64 with padding, both ways. Thread: any. */
#pragma once
#include "base/buf.h"

/* Appends the text of `bytes`. Failure is sticky, as in buf. */
void base64_encode(struct str bytes, struct buf *out);
/* Appends what the text stands for. False on anything but whole groups of four letters with right
 * padding, or when it does not fit; `out` may hold a part of it then. */
bool base64_decode(struct str text, struct buf *out);
