/* SPDX-License-Identifier: MIT */
/* panic.c - the end of the line for bugs, and the allocators that treat a lack of memory as one. */
#include "base/base.h"

#include <execinfo.h>
#include <stdarg.h>
#include <unistd.h>

void panic_at(const char *file, int line, const char *what)
{
    fprintf(stderr, "tarn: assertion failed: %s (%s:%d)\n", what, file, line);
    void *frames[48];
    int count = backtrace(frames, (int)ARRAY_LEN(frames));
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    abort();
}

void *xcalloc(size_t count, size_t size_bytes)
{
    void *p = calloc(count == 0 ? 1 : count, size_bytes == 0 ? 1 : size_bytes);
    if (p == NULL) {
        panic_at(__FILE__, __LINE__, "out of memory");
    }
    return p;
}

void *xrealloc(void *old, size_t count, size_t size_bytes)
{
    void *p = reallocarray(old, count == 0 ? 1 : count, size_bytes);
    if (p == NULL) {
        panic_at(__FILE__, __LINE__, "out of memory");
    }
    return p;
}

char *xstrndup(const char *text, size_t len)
{
    char *p = xcalloc(len + 1, 1);
    if (len > 0) {
        memcpy(p, text, len);
    }
    return p;
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int written = vasprintf(&text, format, args);
    va_end(args);
    if (written < 0) {
        panic_at(__FILE__, __LINE__, "out of memory");
    }
    return text;
}
