/* SPDX-License-Identifier: MIT */
/* base.h - the handful of macros every file uses: TRY, ASSERT, AUTO, TAKE, xnew.
 * This is not an umbrella header: it pulls in err.h and nothing that does work. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"
#include "base/err.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* 1 in a build whose shadow memory takes terabytes of address space. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* Stops the process with a message and a backtrace: for bugs, never for bad input. */
_Noreturn void panic_at(const char *file, int line, const char *what);

/* On in release builds too; the condition must have no side effects. */
#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            panic_at(__FILE__, __LINE__, #condition);                                              \
        }                                                                                          \
    } while (0)

/* Returns the error of `call` upwards; owners are AUTO, so nothing leaks on the way. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        err try_result_ = (call);                                                                  \
        if (__builtin_expect(try_result_ != ERR_OK, 0)) {                                          \
            return try_result_;                                                                    \
        }                                                                                          \
    } while (0)

/* AUTO(x) declares `struct x *` that is freed with x_free() when the scope ends.
 * The module declares the helper once, beside x_free(), with AUTO_DEFINE(x). */
#define AUTO(type) __attribute__((cleanup(type##_auto_free_), unused)) struct type *
#define AUTO_DEFINE(type)                                                                          \
    static inline void type##_auto_free_(struct type **p)                                          \
    {                                                                                              \
        type##_free(*p);                                                                           \
        *p = NULL;                                                                                 \
    }

/* Moves an owned pointer out of an AUTO variable. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        typeof(p) take_ = (p);                                                                     \
        (p) = NULL;                                                                                \
        take_;                                                                                     \
    })

/* Zeroed allocations for small bounded objects; they stop the process when memory is out.
 * Sizes derived from input use malloc and return ERR_NOMEM instead. */
void *xcalloc(size_t count, size_t size_bytes);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
/* Grows `old` (NULL is fine) to count*size_bytes, stops the process when memory is out. */
void *xrealloc(void *old, size_t count, size_t size_bytes);
/* printf into fresh memory the caller frees. */
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))
#define xnew_array(type, count) ((type *)xcalloc((count), sizeof(type)))

static inline void auto_charp_free_(char **p)
{
    free(*p);
    *p = NULL;
}
/* A heap string freed at the end of the scope. */
#define AUTO_TEXT __attribute__((cleanup(auto_charp_free_), unused)) char *
