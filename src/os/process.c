/* SPDX-License-Identifier: MIT */
/* process.c - fork and exec of /proc/self/exe; between the two only async-signal-safe calls. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/clock.h"
#include "os/file.h"

/* In the child: never returns. */
static _Noreturn void exec_self(char *const argv[], int socket_fd, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(126);
    }
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(socket_fd, OS_CHILD_FD) < 0) {
        _exit(126);
    }
    if (socket_fd == OS_CHILD_FD) {
        (void)fcntl(OS_CHILD_FD, F_SETFD, 0); /* dup2 onto itself keeps close-on-exec */
    }
    /* Everything else was opened close-on-exec; signals blocked by the parent start clean. */
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with valid arguments */
    execv("/proc/self/exe", argv);
    _exit(127);
}

err os_spawn_self(char *const argv[], pid_t *out_pid, int *out_socket, struct errmsg *msg)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return errmsg_set(msg, ERR_IO, "socketpair: %s", strerror(errno));
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return errmsg_set(msg, ERR_NOMEM, "fork: %s", strerror(error));
    }
    if (pid == 0) {
        exec_self(argv, ends[1], parent);
    }
    close(ends[1]);
    int flags = fcntl(ends[0], F_GETFL);
    (void)fcntl(ends[0], F_SETFL, flags | O_NONBLOCK); /* cannot fail on a socket we own */
    *out_pid = pid;
    *out_socket = ends[0];
    return ERR_OK;
}

err os_spawn_reader(const char *command, pid_t *out_pid, int *out_fd, struct errmsg *msg)
{
    char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command,
                    NULL}; /* posix_spawn changes none */
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errmsg_set(msg, ERR_NOMEM, "pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t standard;
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    sigaddset(&standard, SIGINT);
    (void)posix_spawn_file_actions_init(&actions); /* only memory could be short; spawn says so */
    (void)posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigdefault(&attributes, &standard);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(out_pid, "/bin/sh", &actions, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    close(ends[0]);
    if (error != 0) {
        close(ends[1]);
        return errmsg_set(msg, ERR_NOMEM, "/bin/sh: %s", strerror(error));
    }
    *out_fd = ends[1];
    return ERR_OK;
}

bool os_child_ended(pid_t pid, int *out_status)
{
    int status = 0;
    pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == pid || (got < 0 && errno == ECHILD)) {
        *out_status = status;
        return true;
    }
    return false;
}

bool os_child_wait(pid_t pid, int timeout_ms, int *out_status)
{
    int64_t deadline_us = os_mono_us() + (int64_t)timeout_ms * 1000;
    while (!os_child_ended(pid, out_status)) {
        if (os_mono_us() >= deadline_us) {
            return false;
        }
        os_sleep_us(2000);
    }
    return true;
}

void os_kill(pid_t pid, int signal_number)
{
    if (pid > 0) {
        (void)kill(pid, signal_number); /* gone already is fine */
    }
}

static uint64_t parse_pss(struct str rest)
{
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        if (str_starts(line, STR("Pss:"))) {
            struct str value = str_trim(str_of(line.ptr + 4, line.len - 4));
            ptrdiff_t space = str_find(value, ' ');
            uint64_t kib = 0;
            if (str_to_u64(str_of(value.ptr, space < 0 ? value.len : (size_t)space), &kib)) {
                return kib * 1024;
            }
        }
    }
    return 0;
}

uint64_t os_process_pss_bytes(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid); /* fits */
    AUTO_BUF text = buf_make(16384);
    return os_read_file(path, &text, NULL) == ERR_OK ? parse_pss(buf_str(&text)) : 0;
}

int os_pss_open(void)
{
    return open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
}

uint64_t os_pss_bytes(int fd)
{
    char text[4096];
    /* From the start, each time: the kernel writes it anew. */
    ssize_t len = fd < 0 ? -1 : pread(fd, text, sizeof text, 0);
    return len <= 0 ? 0 : parse_pss(str_of(text, (size_t)len));
}

void os_process_yield(void)
{
    (void)setpriority(PRIO_PROCESS, 0, 5); /* a convenience: it may not be allowed */
}

void os_thread_name(const char *name)
{
    char cut[16];
    (void)snprintf(cut, sizeof cut, "%s", name);   /* cutting is wanted */
    (void)pthread_setname_np(pthread_self(), cut); /* only for tools */
}
