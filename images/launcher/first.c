#include "first.h"
#include "descriptors.h"
#include "harvest.h"
#include "untar.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct brief brief;
static char sizes[LONGEST_SIZES];

/* 0 when the run's files are there. The command is told so by one byte, the end of a line; it
 * might have died before, and then nobody is at the other end of that pipe. */
static int unpack(int tar, int unpacked) {
  struct pollfd watched[] = {{tar, POLLIN, 0}, {unpacked, 0, 0}};
  while (poll(watched, 2, -1) < 0)
    ;
  if (watched[1].revents || read_all(tar, (char *)&brief, sizeof brief) < 0 ||
      brief.sizes_length > sizeof sizes || read_all(tar, sizes, brief.sizes_length) < 0)
    return -1;
  return untar(tar) == 0 && write(unpacked, "\n", 1) == 1 ? 0 : -1;
}

/* How the command ended; of all others it is only seen that they have. */
static int reap(pid_t command) {
  int status, of_command = NO_CELL;
  for (;;) {
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == command) {
      of_command = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      kill(-1, SIGKILL);
    } else if (ended < 0 && errno != EINTR) {
      return of_command;
    }
  }
}

/* With nobody left who could write to what is read. */
static void answer(int status) {
  const char *roots[] = {"tmp/dojo", status == RUN_DONE ? "sandbox" : NULL, NULL};
  dprintf(1, "%s\n", brief.nonce);
  harvest(1, roots, sizes);
  dprintf(1, "%s %s\n", brief.nonce, status == RUN_DONE ? "done" : "timed_out");
}

_Noreturn void be_first_process(pid_t command, int tar, int unpacked) {
  if (dup2(tar, 0) < 0 || dup2(unpacked, 2) < 0)
    _exit(NO_CELL);
  close_from(3);
  int is_unpacked = unpack(0, 2) == 0;
  close(0);
  close(2);
  int status = reap(command);
  if (!is_unpacked || (status != RUN_DONE && status != RUN_TIMED_OUT))
    _exit(status ? status : NO_CELL);
  answer(status);
  _exit(0);
}
