/* SPDX-License-Identifier: MIT */
/* md5.h - MD5, which the Delta protocol wants for `_last_checkpoint`; not for anything secret. */
#pragma once
#include "base/str.h"

/* The digest of `bytes` as 32 lower-case hexadecimal digits and a NUL. */
void lake_md5_hex(struct str bytes, char out_hex[33]);
