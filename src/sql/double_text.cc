/* SPDX-License-Identifier: MIT */
/* double_text.cc - see double_text.h: the C++ library has the algorithm. */
#include "sql/double_text.h"

#include <charconv>
#include <cstring>

namespace
{
template <typename T> size_t shortest(T value, char *out)
{
    char *end = std::to_chars(out, out + DOUBLE_TEXT_BYTES - 2, value).ptr;
    size_t len = static_cast<size_t>(end - out);
    if (std::memchr(out, '.', len) == nullptr && std::memchr(out, 'e', len) == nullptr) {
        out[len++] = '.';
        out[len++] = '0';
    }
    return len;
}
} // namespace

extern "C" size_t sql_double_text(double value, char out[DOUBLE_TEXT_BYTES])
{
    return shortest(value, out);
}

extern "C" size_t sql_float_text(float value, char out[DOUBLE_TEXT_BYTES])
{
    return shortest(value, out);
}
