#include "switches.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NET "/proc/sys/net/"
#define USER "/proc/sys/user/"

static struct {
  const char *path;
  int parts;      /* a cell gets the container's value divided by this */
  char value[32]; /* empty if this kernel lacks the switch */
} copied[] = {
    /* The engine lets everybody use low ports, so that a learner's server may listen on port 80. */
    {NET "ipv4/ip_unprivileged_port_start", 1, ""},
    {NET "ipv6/conf/all/disable_ipv6", 1, ""},
    {NET "ipv6/conf/default/disable_ipv6", 1, ""},
    {NET "ipv6/conf/lo/disable_ipv6", 1, ""},
    /* Those of the container apply in any case, and are for all runs of the host together: a cell
     * gets a part, so that the rest is there for others. */
    {USER "max_fanotify_groups", 8, ""},
    {USER "max_fanotify_marks", 8, ""},
    {USER "max_inotify_instances", 8, ""},
    {USER "max_inotify_watches", 8, ""},
};

/* No namespaces in a cell. The filter of system calls forbids them already; this is a second protection. */
static const char *const none[] = {
    USER "max_cgroup_namespaces", USER "max_ipc_namespaces",  USER "max_mnt_namespaces",
    USER "max_net_namespaces",    USER "max_pid_namespaces",  USER "max_time_namespaces",
    USER "max_user_namespaces",   USER "max_uts_namespaces",
};

#define PING NET "ipv4/ping_group_range"
#define COUNT(list) (sizeof(list) / sizeof *(list))

void read_switches(void) {
  for (size_t i = 0; i < COUNT(copied); i++) {
    int file = open(copied[i].path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
      continue;
    if (read(file, copied[i].value, sizeof copied[i].value - 1) < 0)
      copied[i].value[0] = 0;
    close(file);
    if (copied[i].parts > 1 && copied[i].value[0])
      snprintf(copied[i].value, sizeof copied[i].value, "%ld",
               strtol(copied[i].value, NULL, 10) / copied[i].parts);
  }
}

static int set(const char *path, const char *value) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return errno == ENOENT ? 0 : -1;
  int written = write(file, value, strlen(value)) < 0 ? -1 : 0;
  close(file);
  return written;
}

const char *set_switches(unsigned group) {
  char range[32];
  for (size_t i = 0; i < COUNT(copied); i++)
    if (copied[i].value[0] && set(copied[i].path, copied[i].value) < 0)
      return copied[i].path;
  for (size_t i = 0; i < COUNT(none); i++)
    if (set(none[i], "0") < 0)
      return none[i];
  /* The engine lets every group ping; a cell has one group only. */
  snprintf(range, sizeof range, "%u %u", group, group);
  return set(PING, range) < 0 ? PING : NULL;
}
