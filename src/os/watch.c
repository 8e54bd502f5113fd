/* SPDX-License-Identifier: MIT */
/* watch.c - see watch.h. What happened is not looked at: the caller looks at the files. */
#include "os/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

int os_watch_new(void)
{
    return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void os_watch_dir(int watch, const char *path)
{
    if (watch >= 0) {
        /* Without it the caller waits its time, no more. */
        (void)inotify_add_watch(watch, path,
                                IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO);
    }
}

void os_watch_wait(int watch, int timeout_ms)
{
    char events[4096];
    struct pollfd p = {.fd = watch, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) > 0) {
        while (read(watch, events, sizeof events) > 0) {
            continue; /* empties the queue */
        }
    }
}
