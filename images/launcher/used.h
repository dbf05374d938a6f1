/* What a run took of the machine, for the member .dojo/used of its answer. */
#ifndef USED_H
#define USED_H

#include <stddef.h>
#include <sys/types.h>

/* What had been used when the run began, none of which is the run's. */
struct used_before {
  long long cpu_us;   /* of the command, which was started ahead */
  long long last_pid; /* of our namespace, where the kernel gives numbers in order */
};

struct used_before used_before_run(pid_t command);

/* Writes what the run used into `text`; to be called once every process of it has been waited for. */
void write_used(const struct used_before *before, char *text, size_t room);

#endif
