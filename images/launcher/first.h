/* The first process of a cell, once the cell is made and the command is started. */
#ifndef FIRST_H
#define FIRST_H

#include <sys/types.h>

/* Statuses of the command, by which it says how the run ended. Any other: there is no answer. */
#define RUN_DONE 0
#define RUN_TIMED_OUT 3

/* The first process's own status when the cell could not be made, or the command not be started. */
#define NO_CELL 125

#define LONGEST_NONCE 64
#define LONGEST_SIZES (256 * 1024)

/* What the first process must know of a run: the start of what is written to a cell's `tar`. The
 * sizes of sent files, with a NUL, and then the tar itself follow. */
struct brief {
  char nonce[LONGEST_NONCE + 1];
  size_t sizes_length;
};

/* The answer goes to descriptor 1. Never returns. */
_Noreturn void be_first_process(pid_t command, int tar, int unpacked);

#endif
