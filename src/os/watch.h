/* SPDX-License-Identifier: MIT */
/* watch.h - waits until something happens in some directories (inotify). Only a way to wait less
 * long: where the kernel cannot watch (some network file systems, no watches left) the wait simply
 * lasts its time. Thread: one. */
#pragma once
#include "base/base.h"

/* -1 when the kernel cannot watch; every call below accepts that. Close with os_close(). */
int os_watch_new(void);
/* Files of this directory that are written, made, renamed or deleted. Adding it again is fine. */
void os_watch_dir(int watch, const char *path);
/* Returns after an event, a signal, or timeout_ms. */
void os_watch_wait(int watch, int timeout_ms);
