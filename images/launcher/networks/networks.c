/* networks: the first process of a container that lends networks: docs/architecture.md, "Networks that are lent".
 *
 * It prints its mark. For each byte that it reads, it leaves its network namespace for a new, empty one, and
 * prints a line: the new one's number, and the switches of the network that the engine had made for it, which a
 * container that gets the new one is to have as well. Whoever opens this process's /proc/PID/ns/net gets the newest.
 *
 * networks show: prints the number of the namespace that it is in, as the first word of such a line. */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "dojo-runner networks\n"
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* What engines set in a network that they make for one container. */
static struct {
  const char *name;
  const char *path;
  char value[64]; /* empty: this kernel does not have it */
} switches[] = {
    {"net.ipv4.ip_unprivileged_port_start", "/proc/sys/net/ipv4/ip_unprivileged_port_start", ""},
    {"net.ipv4.ping_group_range", "/proc/sys/net/ipv4/ping_group_range", ""},
    {"net.ipv6.conf.all.disable_ipv6", "/proc/sys/net/ipv6/conf/all/disable_ipv6", ""},
    {"net.ipv6.conf.default.disable_ipv6", "/proc/sys/net/ipv6/conf/default/disable_ipv6", ""},
    {"net.ipv6.conf.lo.disable_ipv6", "/proc/sys/net/ipv6/conf/lo/disable_ipv6", ""},
};

static void read_switches(void) {
  for (size_t i = 0; i < COUNT(switches); i++) {
    int file = open(switches[i].path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
      continue;
    ssize_t length = read(file, switches[i].value, sizeof switches[i].value - 1);
    switches[i].value[length > 0 ? length : 0] = 0;
    switches[i].value[strcspn(switches[i].value, "\n")] = 0;
    close(file);
  }
}

static int failed(const char *what) {
  perror(what);
  return -1;
}

/* The new namespace has only lo, which is down as the kernel makes it. */
static int make_network(void) {
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  if (unshare(CLONE_NEWNET) < 0)
    return failed("unshare");
  int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0)
    return failed("socket");
  if (ioctl(any, SIOCSIFFLAGS, &lo) < 0)
    return failed("lo");
  close(any);
  return 0;
}

static int tell(void) {
  struct stat network;
  if (stat("/proc/self/ns/net", &network) < 0)
    return -1;
  printf("%lu", (unsigned long)network.st_ino);
  for (size_t i = 0; i < COUNT(switches); i++)
    if (switches[i].value[0])
      printf(";%s=%s", switches[i].name, switches[i].value);
  printf("\n");
  return fflush(stdout);
}

int main(int count, char **words) {
  char byte;
  if (count > 1)
    return strcmp(words[1], "show") == 0 && tell() == 0 ? 0 : 1;
  read_switches();
  if (write(1, MARK, strlen(MARK)) < 0)
    return 1;
  while (read(0, &byte, 1) > 0)
    if (make_network() < 0 || tell() < 0)
      return 1;
  return 0;
}
