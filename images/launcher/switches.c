#include "switches.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NET "/proc/sys/net/"
#define USER "/proc/sys/user/"

static struct {
  const char *path;
  char value[32]; /* empty: this kernel does not have it */
} copied[] = {
    /* The engine opens low ports to everybody: a learner's server may listen on 80. */
    {NET "ipv4/ip_unprivileged_port_start", ""},
    {NET "ipv6/conf/all/disable_ipv6", ""},
    {NET "ipv6/conf/default/disable_ipv6", ""},
    {NET "ipv6/conf/lo/disable_ipv6", ""},
    /* Those of the container apply in any case; here they are told, too. */
    {USER "max_fanotify_groups", ""},
    {USER "max_fanotify_marks", ""},
    {USER "max_inotify_instances", ""},
    {USER "max_inotify_watches", ""},
};

/* A second lock on a door that the filter keeps shut: there are no namespaces in a cell. */
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
  /* The engine lets every group ping; a cell has but one. */
  snprintf(range, sizeof range, "%u %u", group, group);
  return set(PING, range) < 0 ? PING : NULL;
}
