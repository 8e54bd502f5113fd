/* SPDX-License-Identifier: MIT */
/* sandbox.c - Landlock by hand (the C library has no wrappers and older headers stop early),
 * seccomp by libseccomp. */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/file.h"

/* From the kernel's include/uapi/linux/landlock.h; fields are appended by later versions. */
struct landlock_ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* version 4 */
    uint64_t scoped;             /* version 6 */
};
struct landlock_path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

enum {
    LL_CREATE_VERSION = 1,
    LL_RULE_PATH_BENEATH = 1,
    LL_SCOPE_ABSTRACT_UNIX = 1,
    LL_SCOPE_SIGNAL = 2,
};
enum {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_REFER = 1 << 13,     /* version 2 */
    LL_TRUNCATE = 1 << 14,  /* version 3 */
    LL_IOCTL_DEV = 1 << 15, /* version 5 */
    LL_ALL_V1 = (1 << 13) - 1,
};

static long landlock_create(const struct landlock_ruleset *rules, size_t bytes, uint32_t flags)
{
    return syscall(444, rules, bytes, flags);
}

int sandbox_landlock_version(void)
{
    long version = landlock_create(NULL, 0, LL_CREATE_VERSION);
    return version < 0 ? 0 : (int)version;
}

static err add_folder(int rules_fd, const char *path, uint64_t access, struct errmsg *msg)
{
    AUTO_FD folder = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (folder < 0) {
        err e = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        return errmsg_set(msg, e, "confine to %s: %s", path, strerror(errno));
    }
    struct landlock_path_beneath rule = {.allowed_access = access, .parent_fd = folder};
    if (syscall(445, rules_fd, LL_RULE_PATH_BENEATH, &rule, 0) != 0) {
        return errmsg_set(msg, ERR_IO, "Landlock rule for %s: %s", path, strerror(errno));
    }
    return ERR_OK;
}

static err add_folders(int rules_fd, const struct sandbox_paths *paths, uint64_t handled,
                       struct errmsg *msg)
{
    for (size_t i = 0; i < paths->read_dir_count; i++) {
        TRY(add_folder(rules_fd, paths->read_dirs[i], LL_READ_FILE | LL_READ_DIR, msg));
    }
    uint64_t write = LL_READ_FILE | LL_READ_DIR | LL_WRITE_FILE | LL_REMOVE_DIR | LL_REMOVE_FILE |
                     LL_MAKE_DIR | LL_MAKE_REG | LL_TRUNCATE;
    for (size_t i = 0; i < paths->write_dir_count; i++) {
        TRY(add_folder(rules_fd, paths->write_dirs[i], write & handled, msg));
    }
    return ERR_OK;
}

err sandbox_files(const struct sandbox_paths *paths, struct errmsg *msg)
{
    ASSERT(paths != NULL);
    int version = sandbox_landlock_version();
    if (version == 0) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "this kernel has no Landlock");
    }
    struct landlock_ruleset rules = {.handled_access_fs = LL_ALL_V1};
    rules.handled_access_fs |= version >= 2 ? LL_REFER : 0;
    rules.handled_access_fs |= version >= 3 ? LL_TRUNCATE : 0;
    rules.handled_access_fs |= version >= 5 ? LL_IOCTL_DEV : 0;
    rules.handled_access_net = version >= 4 ? 3 : 0; /* bind and connect by TCP */
    rules.scoped = version >= 6 ? LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL : 0;
    size_t bytes = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    AUTO_FD rules_fd = (int)landlock_create(&rules, bytes, 0);
    if (rules_fd < 0) {
        return errmsg_set(msg, ERR_IO, "Landlock rules: %s", strerror(errno));
    }
    TRY(add_folders(rules_fd, paths, rules.handled_access_fs, msg));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return errmsg_set(msg, ERR_IO, "no_new_privs: %s", strerror(errno));
    }
    if (syscall(446, rules_fd, 0) != 0) {
        return errmsg_set(msg, ERR_IO, "Landlock: %s", strerror(errno));
    }
    return ERR_OK;
}

/* What a query has no use for. Names that a kernel or libseccomp does not know are skipped. */
/* clang-format off */
static const char *const refused_calls[] = {
    /* other programs and processes */
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "kill", "tkill",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setpriority", "setpgid", "setsid",
    "sched_setscheduler", "sched_setattr", "sched_setparam", "migrate_pages", "move_pages",
    "memfd_secret",
    /* sockets: the one to the parent is there already */
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
    /* names, owners and modes that Landlock does not cover */
    "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat",
    "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr",
    "removexattr", "lremovexattr", "fremovexattr", "setxattrat", "removexattrat", "utime",
    "utimes", "utimensat", "futimesat", "chroot", "open_by_handle_at", "name_to_handle_at",
    "fanotify_init", "inotify_init", "inotify_init1", "quotactl", "quotactl_fd",
    /* mounts and namespaces */
    "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree", "open_tree_attr",
    "fsopen", "fsconfig", "fsmount", "fspick", "pivot_root", "unshare", "setns", "statmount",
    "listmount",
    /* identity, keys, kernel */
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
    "setfsgid", "capset", "add_key", "request_key", "keyctl", "bpf", "perf_event_open",
    "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup",
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot",
    "swapon", "swapoff", "sethostname", "setdomainname", "settimeofday", "clock_settime",
    "clock_adjtime", "adjtimex", "stime", "acct", "syslog", "vhangup", "iopl", "ioperm",
    "modify_ldt", "personality", "lookup_dcookie", "nfsservctl", "uselib", "ustat", "sysfs",
    "vmsplice", "mq_open", "msgget", "semget", "shmget", "shmat",
};
/* clang-format on */

/* Threads may be made, processes not. clone3 hides its flags behind a pointer, so it is declared
 * missing and the C library falls back to clone. */
static int refuse_processes(scmp_filter_ctx filter)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (result == 0) {
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    }
    return result;
}

err sandbox_system_calls(struct errmsg *msg)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "seccomp_init failed");
    }
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; i < ARRAY_LEN(refused_calls) && result == 0; i++) {
        int number = seccomp_syscall_resolve_name(refused_calls[i]);
        if (number >= 0) { /* negative: not of this machine */
            result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        }
    }
    if (result == 0) {
        result = refuse_processes(filter);
    }
    if (result == 0) {
        result = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (result != 0) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "seccomp: %s", strerror(-result));
    }
    return ERR_OK;
}

uint64_t sandbox_mapped_bytes(void)
{
    AUTO_BUF text = buf_make(4096);
    if (os_read_file("/proc/self/statm", &text, NULL) != ERR_OK) {
        return 0;
    }
    struct str rest = buf_str(&text);
    struct str pages = {0};
    uint64_t count = 0;
    if (!str_split(&rest, ' ', &pages) || !str_to_u64(pages, &count)) {
        return 0;
    }
    return count * (uint64_t)sysconf(_SC_PAGESIZE);
}

static err limit(int which, uint64_t value, const char *name, struct errmsg *msg)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)which, &now) != 0) {
        return errmsg_set(msg, ERR_IO, "getrlimit %s: %s", name, strerror(errno));
    }
    struct rlimit wanted = {.rlim_cur = value, .rlim_max = value};
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max) {
        wanted = (struct rlimit){.rlim_cur = now.rlim_max, .rlim_max = now.rlim_max};
    }
    if (setrlimit((__rlimit_resource_t)which, &wanted) != 0) {
        return errmsg_set(msg, ERR_IO, "setrlimit %s: %s", name, strerror(errno));
    }
    return ERR_OK;
}

err sandbox_limits(const struct sandbox_limits *limits, struct errmsg *msg)
{
    ASSERT(limits != NULL);
    TRY(limit(RLIMIT_CORE, 0, "core", msg));
    if (limits->files > 0) {
        TRY(limit(RLIMIT_NOFILE, limits->files, "files", msg));
    }
    if (limits->file_bytes > 0) {
        (void)signal(SIGXFSZ, SIG_IGN); /* cannot fail; write then gives EFBIG */
        TRY(limit(RLIMIT_FSIZE, limits->file_bytes, "file size", msg));
    }
    if (limits->address_bytes > 0 && !IS_SANITIZED) {
        TRY(limit(RLIMIT_AS, limits->address_bytes, "address space", msg));
    }
    return ERR_OK;
}
