/* SPDX-License-Identifier: MIT */
/* sandbox.h - the kernel's walls around this process: Landlock for files, seccomp for system calls,
 * limits for memory and descriptors. None can be undone.
 *
 * Landlock binds the calling thread and threads made later: call sandbox_files() while no other
 * thread runs. What stays possible: stat of any path, hard links inside a granted folder, chmod
 * (refused by seccomp), descriptors opened before. See reference/reliability.md section 7. */
#pragma once
#include "base/base.h"

struct sandbox_paths {
    const char *const *read_dirs; /* read files and list folders, everything beneath */
    size_t read_dir_count;
    const char *const *write_dirs; /* also make, write, truncate and remove */
    size_t write_dir_count;
};

/* The Landlock version of the running kernel; 0 when there is none. */
int sandbox_landlock_version(void);
/* From now on files outside `paths` cannot be opened, made or removed; no TCP, no signals to others
 * where the kernel knows these rights. Folders must exist. Errors: UNSUPPORTED without Landlock,
 * NOT_FOUND, IO. Thread: the only one. */
err sandbox_files(const struct sandbox_paths *paths, struct errmsg *msg);
/* Refuses (EPERM) new processes, sockets, tracing, mounts, keys, changes of owner and mode, and the
 * kernel's large attack surfaces, in all threads of the process. Errors: UNSUPPORTED, IO. */
err sandbox_system_calls(struct errmsg *msg);

/* Address space in use now; 0 when the kernel does not say, as behind sandbox_files(). */
uint64_t sandbox_mapped_bytes(void);
struct sandbox_limits {
    uint64_t address_bytes; /* address space in all, see sandbox_mapped_bytes(); 0: no limit */
    uint64_t file_bytes;    /* size of a file written; 0: no limit */
    unsigned files;         /* open descriptors; 0: as is */
};
/* Also: no core files; writing past file_bytes is an error instead of a signal. Errors: IO. */
err sandbox_limits(const struct sandbox_limits *limits, struct errmsg *msg);
