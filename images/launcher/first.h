/* The first process of a cell, once the cell is made and the command is started. */
#ifndef FIRST_H
#define FIRST_H

#include <sys/types.h>

/* Statuses of the command, by which it says how the run ended. Any other: there is no answer. */
#define RUN_DONE 0
#define RUN_TIMED_OUT 3

/* The first process's own status when the cell could not be made, or the command not be started. */
#define NO_CELL 125

/* The first process's own descriptors; the command, and all that it starts, have none of them. */
struct first {
  int tar;      /* the launcher writes to it: how long the sizes of sent files are, as a size_t; these
                 * sizes, see harvest.h; and the tar of the run's files */
  int unpacked; /* gets one line when the run's files are there */
  int answer;   /* gets the answer, as records */
};

/* Serves the run of `command`, a child of ours. Never returns. */
_Noreturn void be_first_process(pid_t command, const struct first *own);

#endif
