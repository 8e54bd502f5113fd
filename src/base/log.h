/* SPDX-License-Identifier: MIT */
/* log.h - structured log lines on standard error, as text or JSON.
 * Only the boundary that handles an error logs it, once. Fields are passed as one printf-formatted
 * run of key=value words after the message: log_info("listening", "address=%s", text).
 * Thread: any; one line is one write(2). */
#pragma once
#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Call before other threads start. `role` (front, writer, query, cli) appears in every line. */
void log_init(enum log_level level, enum log_format format, const char *role);
/* The clock comes from os/ at start; lines carry no time before. Returns us since 1970. */
void log_set_clock(int64_t (*now_us)(void));
bool log_enabled(enum log_level level);
__attribute__((format(printf, 3, 4))) void log_line(enum log_level level, const char *message,
                                                    const char *fields_format, ...);
#define log_debug(message, ...) log_line(LOG_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...) log_line(LOG_INFO, message, __VA_ARGS__)
#define log_warn(message, ...) log_line(LOG_WARN, message, __VA_ARGS__)
#define log_error(message, ...) log_line(LOG_ERROR, message, __VA_ARGS__)
