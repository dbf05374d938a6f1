/* Whether a cell is gone without a trace, by the counters of the container's cgroup. */
#ifndef LEFTOVERS_H
#define LEFTOVERS_H

struct leftovers {
  long long processes; /* in the container; -1 where the kernel does not tell */
  long long forks_refused;
  long long killed_for_memory;
  long long shared_bytes; /* of tmpfs and shared memory */
};

struct leftovers leftovers_now(void);

/* What is there now and was not at birth, after some patience; NULL when nothing is. */
const char *left_behind(const struct leftovers *at_birth);

#endif
