/* SPDX-License-Identifier: MIT */
/* base64.c - see base64.h. */
#include "base/base64.h"

void base64_encode(struct str bytes, struct buf *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!buf_reserve(out, (bytes.len + 2) / 3 * 4)) {
        return;
    }
    char *at = out->data + out->len;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        bits |= left > 1 ? (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)(unsigned char)bytes.ptr[i + 2] : 0;
        at[0] = letters[bits >> 18];
        at[1] = letters[bits >> 12 & 63];
        at[2] = left > 1 ? letters[bits >> 6 & 63] : '=';
        at[3] = left > 2 ? letters[bits & 63] : '=';
        at += 4;
    }
    out->len += (bytes.len + 2) / 3 * 4;
}

/* 0 .. 63, or 64 for what is no letter. */
static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool base64_decode(struct str text, struct buf *out)
{
    if (text.len % 4 != 0 || !buf_reserve(out, text.len / 4 * 3)) {
        return false;
    }
    char *at = out->data + out->len;
    for (size_t i = 0; i < text.len; i += 4) {
        bool is_last = i + 4 == text.len;
        size_t padding = is_last && text.ptr[i + 3] == '=' ? 1 + (text.ptr[i + 2] == '=') : 0;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            uint32_t value = k < 4 - padding ? value_of(text.ptr[i + k]) : 0;
            if (value == 64) {
                return false;
            }
            bits = bits << 6 | value;
        }
        if ((padding == 1 && (bits & 0xff) != 0) || (padding == 2 && (bits & 0xffff) != 0)) {
            return false; /* bits that stand for nothing */
        }
        for (size_t k = 0; k < 3 - padding; k++) {
            *at++ = (char)(bits >> (16 - 8 * k) & 0xff);
        }
    }
    out->len = (size_t)(at - out->data);
    return true;
}
