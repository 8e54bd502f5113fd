/* SPDX-License-Identifier: MIT */
/* process.h - child processes of our own executable, and what the kernel tells about us. */
#pragma once
#include <sys/types.h>

#include "base/base.h"

enum { OS_CHILD_FD = 3 }; /* the socket to the parent, in every child */

/* Starts this executable again with `argv` (NULL-terminated, argv[0] included). The child gets one
 * end of a fresh socketpair (SOCK_STREAM) as descriptor 3, standard error as is, standard input
 * from /dev/null, and is killed when the parent dies. *out_socket is non-blocking and
 * close-on-exec. Errors: IO, NOMEM. Thread: the one that outlives the child. */
err os_spawn_self(char *const argv[], pid_t *out_pid, int *out_socket, struct errmsg *msg);
/* Starts `/bin/sh -c command` with the other end of *out_fd (blocking, close-on-exec) as its
 * standard input, and this process's output and errors. For pagers. Errors: NOMEM. */
err os_spawn_reader(const char *command, pid_t *out_pid, int *out_fd, struct errmsg *msg);
/* True when the child has ended (reaps it); *out_status as by waitpid. */
bool os_child_ended(pid_t pid, int *out_status);
/* Waits up to timeout_ms, then false. */
bool os_child_wait(pid_t pid, int timeout_ms, int *out_status);
void os_kill(pid_t pid, int signal_number);
/* Resident memory of a process as its share (PSS) in bytes; 0 when unknown. */
uint64_t os_process_pss_bytes(pid_t pid);
/* The same of this process for who will not be able to open anything, see os/sandbox.h: the
 * descriptor (the caller closes it; -1 when there is none) is opened before. */
int os_pss_open(void);
uint64_t os_pss_bytes(int fd);
/* Lets others go first where processors are short: niceness 5 for this thread and all that it
 * starts, a third of the weight of a process that asks for none. Best effort. */
void os_process_yield(void);
/* For threads: a name that shows in tools (15 characters). */
void os_thread_name(const char *name);
