#ifndef FILTER_H
#define FILTER_H

#include <sys/types.h>

/* Takes from this process, for ever and for all its children, the system calls that no learner needs. `user` and
 * `group` are the only ones in the cell. Returns 0 or -1. */
int filter_system_calls(uid_t user, gid_t group);

#endif
