/* SPDX-License-Identifier: MIT */
/* leak.c - makes `tarn serve` leak, by LD_PRELOAD, so that the soak rig can prove that it notices.
 *
 * TARN_LEAK = fd | thread | memory | child: ten times a second the front opens a file that nobody
 * closes, starts a thread that never ends, touches 256 KiB that nobody frees, or (once in two
 * seconds) leaves a child behind. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *what;
static char *volatile kept; /* so that no compiler sees that nobody looks */

static void *idle(void *nothing)
{
    for (;;) {
        pause();
    }
    return nothing;
}

static void leak(int turn)
{
    pthread_t thread;
    pthread_attr_t small;
    if (strcmp(what, "fd") == 0) {
        (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
    } else if (strcmp(what, "thread") == 0) {
        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 64 << 10);
        pthread_create(&thread, &small, idle, NULL);
    } else if (strcmp(what, "memory") == 0) {
        kept = malloc(256 << 10);
        if (kept != NULL) {
            memset(kept, 1, 256 << 10);
        }
    } else if (turn % 20 == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            execlp("sleep", "sleep", "20", (char *)NULL);
            _exit(1);
        }
    }
}

static void *work(void *nothing)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are for the program's own threads */
    for (int turn = 0;; turn++) {
        usleep(100 * 1000);
        leak(turn);
    }
    return nothing;
}

__attribute__((constructor)) static void start(void)
{
    char line[4096] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    pthread_t thread;
    close(fd);
    what = getenv("TARN_LEAK");
    for (ssize_t i = 0; i < n && what != NULL; i++) {
        if (line[i] == '\0' && strcmp(line + i + 1, "serve") == 0) {
            pthread_create(&thread, NULL, work, NULL);
            return;
        }
    }
}
