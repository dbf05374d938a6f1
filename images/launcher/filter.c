/* The system calls that a cell may not make, in addition to those that the container may not.
 *
 * The container's own filter, Docker's list, stays in force in every cell: filters add up, and the
 * strictest answer counts. This one takes back the calls that the launcher was given to make cells
 * (runner/cells/lockdown.py), and denies some that newer engines deny and older ones do not.
 */
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define FIRST_FOREIGN 0x40000000 /* x32: the same calls under other numbers */
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define FIRST_FOREIGN 0xffffffff
#else
#error "name the architecture's AUDIT_ARCH_*"
#endif

#define NAMESPACES                                                                             \
  (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS |   \
   CLONE_NEWCGROUP)

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE(error) RETURN(SECCOMP_RET_ERRNO | (error))
/* Each of these instructions skips the next statement unless its test holds. */
#define IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)
#define IF_ANY_OF(bits) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1)
#define IF_NOT_LESS(value) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1)
#define DENY(call) IF(__NR_##call), REFUSE(EPERM)

/* A cell has one user and one group. When a program gives a file to another, the kernel answers EINVAL, because
 * there is no other here. Programs that copy files with their owners expect EPERM, which they get where there
 * are others. An id of -1 means that the id stays as it is. */
#define OTHERS(arg, own)                                                                       \
  LOAD(args[arg]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 2, 0),                       \
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, own, 1, 0), REFUSE(EPERM)
#define CALL(call, ids) LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 4 * (ids))
#define DENY_OTHERS(call, arg, own) CALL(call, 1), OTHERS(arg, own)
#define DENY_OTHERS_2(call, arg, own, own_2) CALL(call, 2), OTHERS(arg, own), OTHERS(arg + 1, own_2)
#define DENY_OTHERS_3(call, own) CALL(call, 3), OTHERS(0, own), OTHERS(1, own), OTHERS(2, own)

int filter_system_calls(uid_t user, gid_t group) {
  struct sock_filter statements[] = {
      /* Another architecture's calls (i386's `int 0x80`) would pass by the numbers below, and
       * socketcall hides its arguments. */
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
      REFUSE(ENOSYS),
      LOAD(nr),
      IF_NOT_LESS(FIRST_FOREIGN),
      REFUSE(ENOSYS),

      /* Namespaces: in one of its own a process has every capability. */
      DENY(unshare),
      DENY(setns),
      /* The flags of clone3 are in memory, where no filter sees them; libraries fall back to clone. */
      IF(__NR_clone3),
      REFUSE(ENOSYS),

      /* Mounts, old and new. */
      DENY(mount),
      DENY(umount2),
      DENY(pivot_root),
      DENY(chroot),
      DENY(open_tree),
      DENY(move_mount),
      DENY(fsopen),
      DENY(fsconfig),
      DENY(fsmount),
      DENY(fspick),
#ifdef __NR_mount_setattr
      DENY(mount_setattr),
#endif

      /* Names of the machine. */
      DENY(sethostname),
      DENY(setdomainname),

      /* Keys are kept by user, not by namespace: they would outlive the cell. */
      DENY(keyctl),
      DENY(add_key),
      DENY(request_key),

      /* These calls lead into large parts of the kernel in which many faults were found; no kata needs them. */
      DENY(bpf),
      DENY(perf_event_open),
      DENY(userfaultfd),
      IF(__NR_io_uring_setup),
      REFUSE(ENOSYS),
      IF(__NR_io_uring_enter),
      REFUSE(ENOSYS),
      IF(__NR_io_uring_register),
      REFUSE(ENOSYS),

      /* The kernel's cryptography, and the line to the hypervisor. */
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 5),
      LOAD(args[0]),
      IF(AF_ALG),
      REFUSE(EAFNOSUPPORT),
      IF(AF_VSOCK),
      REFUSE(EAFNOSUPPORT),

      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
      LOAD(args[0]),
      IF_ANY_OF(NAMESPACES),
      REFUSE(EPERM),

#ifdef __NR_chown
      DENY_OTHERS_2(chown, 1, user, group),
      DENY_OTHERS_2(lchown, 1, user, group),
#endif
      DENY_OTHERS_2(fchown, 1, user, group),
      DENY_OTHERS_2(fchownat, 2, user, group),
      DENY_OTHERS(setuid, 0, user),
      DENY_OTHERS(setgid, 0, group),
      DENY_OTHERS_2(setreuid, 0, user, user),
      DENY_OTHERS_2(setregid, 0, group, group),
      DENY_OTHERS_3(setresuid, user),
      DENY_OTHERS_3(setresgid, group),

      RETURN(SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof statements / sizeof *statements, statements};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
