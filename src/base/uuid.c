/* SPDX-License-Identifier: MIT */
/* uuid.c - RFC 9562 section 5.4. */
#include "base/uuid.h"

#include "base/base.h"

struct uuid_text uuid_from_random(const unsigned char bytes[16])
{
    static const char hex[] = "0123456789abcdef";
    struct uuid_text out;
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        unsigned char b = bytes[i];
        if (i == 6) {
            b = (unsigned char)((b & 0x0f) | 0x40);
        } else if (i == 8) {
            b = (unsigned char)((b & 0x3f) | 0x80);
        }
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out.text[at++] = '-';
        }
        out.text[at++] = hex[b >> 4];
        out.text[at++] = hex[b & 15];
    }
    out.text[at] = '\0';
    return out;
}

bool uuid_is_valid(struct str text)
{
    if (text.len != UUID_TEXT_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) {
            return false;
        }
    }
    return true;
}
