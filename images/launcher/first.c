#include "first.h"
#include "descriptors.h"
#include "harvest.h"
#include "header.h"
#include "records.h"
#include "untar.h"
#include "used.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char sizes[LONGEST_HEADER + 1];

/* The numbers that the descriptors of struct first have once all others are closed. */
enum { TAR, ANSWERS, UNPACKED, OURS };

/* Unpacks the run's files, and tells the command so by one byte, the end of a line. Returns 0, or -1 if the files
 * are not there or the command has died, so that nobody reads its pipe. */
static int unpack(pid_t command, struct used_before *before) {
  size_t length;
  struct pollfd watched[] = {{TAR, POLLIN, 0}, {UNPACKED, 0, 0}};
  while (poll(watched, 2, -1) < 0)
    ;
  if (watched[1].revents || read_all(TAR, (char *)&length, sizeof length) < 0 ||
      length >= sizeof sizes || read_all(TAR, sizes, length) < 0)
    return -1;
  if (untar(TAR) != 0)
    return -1;
  *before = used_before_run(command);
  return write(UNPACKED, "\n", 1) == 1 ? 0 : -1;
}

/* Waits for every process of the cell, and kills all others when the command has ended. Returns the command's
 * status; that of any other process does not matter. */
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

/* Packs the answer. No other process is left, so nobody writes to the files meanwhile. */
static void answer(int status, const struct used_before *before) {
  char used[128];
  const char *roots[] = {".dojo/stdout", ".dojo/stderr", ".dojo/status",
                         status == RUN_DONE ? "sandbox" : NULL, NULL};
  static const char *const places[] = {"/tmp", "/sandbox", "/home/sandbox", NULL};
  write_used(before, used, sizeof used);
  harvest(ANSWERS, roots, places, sizes, used, status == RUN_DONE ? DONE : TIMED_OUT);
}

_Noreturn void be_first_process(pid_t command, const struct first *own) {
  if (dup2(own->tar, TAR) < 0 || dup2(own->answer, ANSWERS) < 0 ||
      dup2(own->unpacked, UNPACKED) < 0)
    _exit(NO_CELL);
  close_from(OURS);
  struct used_before before;
  int is_unpacked = unpack(command, &before) == 0;
  close(TAR);
  close(UNPACKED);
  int status = reap(command);
  if (!is_unpacked || (status != RUN_DONE && status != RUN_TIMED_OUT))
    _exit(status ? status : NO_CELL);
  answer(status, &before);
  _exit(0);
}
