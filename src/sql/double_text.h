/* SPDX-License-Identifier: MIT */
/* double_text.h - numbers as the shortest text that reads back the same. C has no such function. */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
enum { DOUBLE_TEXT_BYTES = 40 };
/* Finite values only; writes no NUL. Returns the length. "1.0", "0.1", "1e+300". */
size_t sql_double_text(double value, char out[DOUBLE_TEXT_BYTES]);
size_t sql_float_text(float value, char out[DOUBLE_TEXT_BYTES]);
#ifdef __cplusplus
}
#endif
