#include "leftovers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* We look again for so long, because the kernel takes namespaces down in the background, and their memory is free
 * only a moment later. */
#define TRIES 250
#define NAP_MS 2
/* The kernel counts memory on each processor, and adds the counts up now and then; so far they may be off. */
#define IMPRECISE_BYTES (4 * 1024 * 1024)

/* The number after `key ` in the file, or at its beginning; -1 when there is none. */
static long long number(const char *path, const char *key) {
  char line[256];
  long long found = -1;
  size_t length = strlen(key);
  FILE *file = fopen(path, "re");
  if (!file)
    return -1;
  while (found < 0 && fgets(line, sizeof line, file))
    if (!length || (!strncmp(line, key, length) && line[length] == ' '))
      sscanf(line + length, "%lld", &found);
  fclose(file);
  return found;
}

/* Reads the file of cgroup v2, or else that of v1. */
static long long either(const char *v2, const char *v1, const char *key) {
  long long found = number(v2, key);
  return found < 0 ? number(v1, key) : found;
}

#define CGROUP "/sys/fs/cgroup/"

struct leftovers leftovers_now(void) {
  return (struct leftovers){
      .processes = either(CGROUP "pids.current", CGROUP "pids/pids.current", ""),
      .forks_refused = either(CGROUP "pids.events", CGROUP "pids/pids.events", "max"),
      .killed_for_memory =
          either(CGROUP "memory.events", CGROUP "memory/memory.oom_control", "oom_kill"),
      .shared_bytes = either(CGROUP "memory.stat", CGROUP "memory/memory.stat", "shmem"),
  };
}

static const char *difference(const struct leftovers *birth, const struct leftovers *now) {
  if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
    return "a child of ours";
  if (now->processes != birth->processes)
    return "processes";
  if (now->shared_bytes > birth->shared_bytes + IMPRECISE_BYTES)
    return "memory";
  return NULL;
}

const char *left_behind(const struct leftovers *at_birth) {
  struct leftovers now = leftovers_now();
  if (now.killed_for_memory != at_birth->killed_for_memory)
    return "the container was out of memory";
  if (now.forks_refused != at_birth->forks_refused)
    return "the container was out of processes";
  const char *left = difference(at_birth, &now);
  for (int tries = 0; left && tries < TRIES; tries++) {
    poll(NULL, 0, NAP_MS);
    now = leftovers_now();
    left = difference(at_birth, &now);
  }
  return left;
}
