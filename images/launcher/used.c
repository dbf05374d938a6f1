#include "used.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#define US_PER_S 1000000
#define SCRIPTS_OWN 1 /* main.sh's subshell, which waits for the program */

static long long last_pid_now(void) {
  long long last = 0;
  FILE *file = fopen("/proc/loadavg", "re");
  if (!file)
    return 0;
  if (fscanf(file, "%*s %*s %*s %*s %lld", &last) != 1)
    last = 0;
  fclose(file);
  return last;
}

static long long cpu_us_of(pid_t process) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) < 0)
    return 0;
  return (long long)used.tv_sec * US_PER_S + used.tv_nsec / 1000;
}

struct used_before used_before_run(pid_t command) {
  return (struct used_before){.cpu_us = cpu_us_of(command), .last_pid = last_pid_now()};
}

static long long us_of(const struct timeval *time) {
  return (long long)time->tv_sec * US_PER_S + time->tv_usec;
}

void write_used(const struct used_before *before, char *text, size_t room) {
  struct rusage all;
  long long started = last_pid_now() - before->last_pid - SCRIPTS_OWN;
  if (getrusage(RUSAGE_CHILDREN, &all) < 0)
    all = (struct rusage){0};
  long long cpu_us = us_of(&all.ru_utime) + us_of(&all.ru_stime) - before->cpu_us;
  long long cpu_ms = cpu_us > 0 ? cpu_us / 1000 : 0;
  /* If the kernel has begun anew with its process ids, the difference is below 0: the daemon takes it for unknown. */
  snprintf(text, room, "memory %lld\nstarted %lld\ncpu %lldm%lld.%03llds\n",
           (long long)all.ru_maxrss * 1024, started, cpu_ms / 60000, cpu_ms / 1000 % 60,
           cpu_ms % 1000);
}
