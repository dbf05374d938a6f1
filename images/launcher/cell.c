/* Makes a cell. The kernel builds all of it before the run, and takes all of it down after the run.
 *
 * The first process of the cell is a fork of the launcher: it mounts, drops every right it had
 * in its namespaces, starts the command, and goes on in first.c. It cannot be signalled, traced or
 * read from inside (PID 1; PR_SET_DUMPABLE 0).
 */
#include "cell.h"
#include "descriptors.h"
#include "filter.h"
#include "first.h"
#include "switches.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMESPACES                                                                             \
  (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS |   \
   CLONE_NEWCGROUP)
#define LOCKED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void fail(const char *doing, const char *what) {
  dprintf(2, "no cell: %s %s: %s\n", doing, what, strerror(errno));
  _exit(NO_CELL);
}

static void write_to(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0)
    fail("writing", path);
  close(file);
}

static void mount_or_fail(const char *source, const char *target, const char *type,
                          unsigned long flags, const char *options) {
  if (mount(source, target, type, flags, options) < 0)
    fail("mounting", target);
}

static void keep_ids(uid_t user, gid_t group) {
  char map[64];
  write_to("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "%u %u 1", user, user);
  write_to("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1", group, group);
  write_to("/proc/self/gid_map", map);
}

static void bring_loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0 || ioctl(any, SIOCSIFFLAGS, &request) < 0)
    fail("starting", "lo");
  close(any);
}

/* Makes a folder of the image writable: what is written goes to a tmpfs of the cell. */
static void overlay(const struct plan *plan, const struct step *step) {
  char upper[256], work[256], options[1024];
  struct stat below;
  if (stat(step->path, &below) < 0)
    fail("overlaying", step->path);
  /* The tmpfs is mounted over the launcher's folder, and unmounted again when the overlay holds it. */
  mount_or_fail("tmpfs", plan->own, "tmpfs", MS_NOSUID | MS_NODEV, step->options);
  snprintf(upper, sizeof upper, "%s/upper", plan->own);
  snprintf(work, sizeof work, "%s/work", plan->own);
  if (mkdir(upper, 0755) < 0 || mkdir(work, 0700) < 0 || chmod(upper, below.st_mode & 0777) < 0)
    fail("making", upper);
  snprintf(options, sizeof options, "userxattr,lowerdir=%s,upperdir=%s,workdir=%s", step->path,
           upper, work);
  mount_or_fail("overlay", step->path, "overlay", MS_NOSUID | MS_NODEV, options);
  if (umount2(plan->own, MNT_DETACH) < 0)
    fail("hiding", plan->own);
}

/* Hides what is at a path. Returns 0, or -1 if nothing is there. A link's target is hidden, as a mount follows
 * links. */
static int mask_one(const struct plan *plan, const char *path) {
  struct stat there;
  if (stat(path, &there) < 0)
    return -1;
  mount_or_fail(S_ISDIR(there.st_mode) ? plan->own : "/dev/null", path, NULL, MS_BIND, NULL);
  return 0;
}

static void mask(const struct plan *plan, const char *path) {
  const char *star = strchr(path, '*');
  char numbered[256];
  if (!star) {
    mask_one(plan, path);
    return;
  }
  for (int number = 0, masked = 0; masked == 0; number++) {
    snprintf(numbered, sizeof numbered, "%.*s%d%s", (int)(star - path), path, number, star + 1);
    masked = mask_one(plan, numbered);
  }
}

static void make_read_only(const char *path) {
  struct stat there;
  if (lstat(path, &there) < 0)
    return;
  mount_or_fail(path, path, NULL, MS_BIND | MS_REC, NULL);
  mount_or_fail(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | LOCKED, NULL);
}

static void mount_all(const struct plan *plan) {
  mount_or_fail(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mount_or_fail("proc", "/proc", "proc", LOCKED, NULL);
  for (int i = 0; i < plan->count; i++)
    if (plan->steps[i].kind == 'o')
      overlay(plan, &plan->steps[i]);
  mount_or_fail("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                "newinstance,mode=620,ptmxmode=666,max=64"); /* the host has 3072 for all */
  mount_or_fail("mqueue", "/dev/mqueue", "mqueue", LOCKED, NULL);
  mount_or_fail("shm", "/dev/shm", "tmpfs", LOCKED, "mode=1777,size=64m");
}

/* Hides what the plan says. This comes late, because it is hidden from the rest of our set-up, too. */
static void hide(const struct plan *plan) {
  /* All masked folders show this one empty file system. */
  mount_or_fail("tmpfs", plan->own, "tmpfs", LOCKED | MS_RDONLY, "size=0,nr_inodes=2,mode=755");
  for (int i = 0; i < plan->count; i++) {
    if (plan->steps[i].kind == 'm')
      mask(plan, plan->steps[i].path);
    if (plan->steps[i].kind == 'r')
      make_read_only(plan->steps[i].path);
  }
  if (umount2(plan->own, MNT_DETACH) < 0)
    fail("unmounting", plan->own);
}

/* Mounts the places that the program may write to. One of them is over the launcher's folder: it takes what the
 * program prints. */
static void mount_places(const struct plan *plan) {
  for (int i = 0; i < plan->count; i++)
    if (plan->steps[i].kind == 't')
      mount_or_fail("tmpfs", plan->steps[i].path, "tmpfs", MS_NOSUID | MS_NODEV,
                    plan->steps[i].options);
}

/* Lowers the limit of something that the kernel counts for a user over the whole host. A cell gets a part of
 * what its container may take, so that the rest is left for others. The kernel also counts for the cell's user
 * namespace alone, and compares that count with this limit, so what others take does not matter here. */
static void take_a_part(int limit, rlim_t most) {
  const struct rlimit part = {most, most};
  struct rlimit now;
  if (getrlimit(limit, &now) < 0 || (now.rlim_max > most && setrlimit(limit, &part) < 0))
    fail("limiting", "a user's part");
}

/* The capabilities that a program can get in our container, as bits. For a number that is no capability prctl
 * returns -1. */
static unsigned long long capability_bounds(void) {
  unsigned long long bounds = 0;
  for (int capability = 0, has; (has = prctl(PR_CAPBSET_READ, capability, 0, 0, 0)) >= 0; capability++)
    bounds |= (unsigned long long)has << capability;
  return bounds;
}

static int limit_capabilities(unsigned long long bounds) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (!(bounds >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      return -1;
  return 0;
}

/* A process begins with all capabilities in a new user namespace. `bounds` are those of the container. */
static void give_up_rights(unsigned long long bounds, uid_t user, gid_t group) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  if (limit_capabilities(bounds) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
      syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
      filter_system_calls(user, group) < 0)
    fail("giving up", "rights");
}

static void run_command(const struct plan *plan) {
  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setsid();
  if (chdir(plan->folder) < 0)
    fail("entering", plan->folder);
  close_from(4);
  execvp(plan->command[0], plan->command);
  /* These are the words of the init of a container for one run, which clients know. */
  dprintf(2, "exec %s failed: %s\n", plan->command[0], strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

/* The cell's ends of its pipes: those that become the command's descriptors 0 to 3, and the first process's. */
struct ends {
  int commands[4];
  struct first first;
};

/* Makes /proc/1 look as it does in a container for one run, because clients read it. The words of our command
 * line are not needed any more, and are overwritten: they lie in one piece of memory, and when that does not end
 * in a NUL, the kernel shows it up to its first NUL. */
static void take_inits_name(char **words) {
  static const char line[] = "/sbin/docker-init -- bash";
  char *begin = words[0], *end = begin;
  for (; *words; words++)
    end = *words + strlen(*words);
  if (end - begin < (ptrdiff_t)sizeof line)
    return;
  memset(begin, '-', (size_t)(end - begin) + 1);
  memcpy(begin, line, sizeof line);
  prctl(PR_SET_NAME, "docker-init");
}

static void become_cell(const struct plan *plan, const struct ends *ends, uid_t user, gid_t group,
                        unsigned long long bounds) {
  for (int file = 0; file < 4; file++)
    if (dup2(ends->commands[file], file) < 0)
      _exit(NO_CELL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  keep_ids(user, group);
  if (sethostname(plan->hostname, strlen(plan->hostname)) < 0)
    fail("naming", plan->hostname);
  mount_all(plan);
  const char *stuck = set_switches(group);
  if (stuck)
    fail("setting", stuck);
  bring_loopback_up();
  take_a_part(RLIMIT_SIGPENDING, 1024);
  take_a_part(RLIMIT_MSGQUEUE, 192 << 10); /* bytes: two queues of the usual size, or more small ones */
  hide(plan);
  mount_places(plan);
  /* Our working folder is still the container's; the same path leads to the cell's. */
  if (chdir("/") < 0)
    fail("entering", "/");
  give_up_rights(bounds, user, group);
  pid_t command = fork();
  if (command < 0)
    fail("forking", plan->command[0]);
  if (command == 0)
    run_command(plan);
  take_inits_name(plan->words);
  be_first_process(command, &ends->first);
}

int start_cell(const struct plan *plan, struct cell *cell) {
  int in[2], out[2], err[2], tar[2], unpacked[2], answer[2];
  uid_t user = getuid();
  gid_t group = getgid();
  unsigned long long bounds = capability_bounds();
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
      pipe2(tar, O_CLOEXEC) < 0 || pipe2(unpacked, O_CLOEXEC) < 0 ||
      pipe2(answer, O_CLOEXEC) < 0)
    return -1;
  /* in[0] may be descriptor 3. So it comes first, and is copied before another end takes its number. */
  const struct ends ends = {{in[0], out[1], err[1], unpacked[0]},
                            {.tar = tar[0], .unpacked = unpacked[1], .answer = answer[1]}};
  /* clone makes the first process of the cell our own child; unshare and fork would put a process between. */
  long pid = syscall(SYS_clone, NAMESPACES | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0)
    return -1;
  if (pid == 0)
    become_cell(plan, &ends, user, group, bounds);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  close(tar[0]);
  close(unpacked[0]);
  close(unpacked[1]);
  close(answer[1]);
  *cell = (struct cell){(pid_t)pid, in[1], out[0], err[0], tar[1], answer[0]};
  return 0;
}
