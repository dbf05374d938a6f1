/* cells OPTION... -- COMMAND...: one cell after the other in one container, each for one run.
 *
 *   --protocol VERSION   must be ours, so that a daemon of another one is not misunderstood
 *   --ready MARK         what the command prints, and nothing else, once it waits on its stdin
 *   --hostname NAME
 *   --folder PATH        where the command starts
 *   --tmpfs PATH OPTIONS
 *   --overlay PATH OPTIONS   the image's PATH, writable; OPTIONS of the tmpfs that takes the writes
 *   --mask PATH          nothing can be read there; * is each number from 0 on
 *   --read-only PATH     nothing can be written there
 *
 * A cell is started ahead, and its first words are its mark. It gets one hand-over from our stdin
 * (docs/protocol.md): the header as it is, on stdin; the files of its payload, a tgz, are there
 * when descriptor 3 says so. We write records to our stdout, so that no cell can speak in our name:
 * READY when a cell waits for a hand-over, and the one before has ended well and has left nothing;
 * then those of the answer; UNFIT, our last one, when the container must serve no further run.
 *
 * We also end, without a word, when our stdin does: the daemon has gone.
 */
#include "cell.h"
#include "descriptors.h"
#include "first.h"
#include "header.h"
#include "leftovers.h"
#include "records.h"
#include "switches.h"
#include "unzip.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONGEST_REASON 512
#define COMPLAINTS 4096 /* bytes of one cell; the launcher reads and drops more */

/* Holds a header, or pieces of an answer: at least one whole record of it. */
static char buffer[LONGEST_HEADER];
_Static_assert(sizeof buffer > RECORD_HEADER + LONGEST_RECORD, "a record can be whole");
static size_t cell_complained;
/* Before its first cell is ready the launcher tells on stderr why it cannot start: the daemon reads no records yet. */
static int was_ready;

static void say(enum record_kind kind, const char *text, size_t length) {
  char record[RECORD_HEADER + LONGEST_REASON];
  put_record_header(record, kind, length);
  memcpy(record + RECORD_HEADER, text, length);
  write_all(1, record, RECORD_HEADER + length);
}

__attribute__((format(printf, 1, 2), noreturn)) static void declare_unfit(const char *format, ...) {
  char reason[LONGEST_REASON];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  if (length >= LONGEST_REASON)
    length = LONGEST_REASON - 1;
  if (was_ready)
    say(UNFIT, reason, (size_t)length);
  else
    dprintf(2, "%s\n", reason);
  exit(1); /* the kernel kills the cell, too: see PR_SET_PDEATHSIG */
}

static int status_of(struct cell *cell) {
  int status = 0;
  while (waitpid(cell->pid, &status, 0) < 0 && errno == EINTR)
    ;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Copies what a cell prints to stderr before its run to our stderr. The daemon logs it, because it tells why a
 * cell cannot start. */
static void complain(struct cell *cell) {
  char said_now[COMPLAINTS];
  ssize_t got = read_some(cell->err, said_now, sizeof said_now);
  if (got <= 0) {
    close(cell->err);
    cell->err = -1;
    return;
  }
  size_t room = COMPLAINTS - cell_complained;
  size_t said = (size_t)got < room ? (size_t)got : room;
  write_all(2, said_now, said);
  cell_complained += said;
}

static void wait_until_ready(struct cell *cell, const char *mark) {
  size_t length = strlen(mark), said = 0;
  while (said < length) {
    ssize_t got = read_some(cell->out, buffer, length - said);
    if (got <= 0) {
      while (cell->err >= 0)
        complain(cell);
      declare_unfit("the cell ended before it was ready (%d)", status_of(cell));
    }
    if (memcmp(buffer, mark + said, (size_t)got) != 0)
      declare_unfit("the cell said something else than that it is ready");
    said += (size_t)got;
  }
  close(cell->out); /* after its mark the command prints nothing here */
  say(READY, "", 0);
  was_ready = 1;
}

/* Waits until the daemon writes. */
static void wait_for_hand_over(struct cell *cell) {
  for (;;) {
    struct pollfd watched[] = {{0, POLLIN, 0}, {cell->answer, POLLIN, 0}, {cell->err, POLLIN, 0}};
    if (poll(watched, 3, -1) < 0)
      continue;
    if (watched[1].revents)
      declare_unfit("the cell did not wait for its run");
    if (watched[2].revents)
      complain(cell);
    if (watched[0].revents)
      return;
  }
}

/* Reads until the whole header stands at the buffer's beginning; returns how many bytes the buffer has. */
static size_t receive_header(struct header *header) {
  size_t have = 0;
  enum header_state state;
  while ((state = read_header(buffer, have, header)) == HEADER_CUT) {
    ssize_t got = read_some(0, buffer + have, sizeof buffer - have);
    if (got <= 0)
      exit(0);
    have += (size_t)got;
  }
  if (state == HEADER_WRONG)
    declare_unfit("the hand-over has no header");
  return have;
}

/* Passes exactly one hand-over on, because the bytes after it on our stdin are another learner's. */
static void hand_over(struct cell *cell) {
  struct header header;
  size_t have = receive_header(&header), more = have - header.length, left = header.payload;
  if (left < more)
    declare_unfit("the hand-over is not as long as it says");
  /* If the cell has ended, this write fails unseen; pass_answer_on sees the end of the answer. */
  write_all(cell->in, buffer, header.length);
  size_t sizes_length = strlen(header.sizes);
  write_all(cell->tar, (const char *)&sizes_length, sizeof sizes_length);
  write_all(cell->tar, header.sizes, sizes_length);
  begin_unzip();
  int is_gzip = unzip(buffer + header.length, more, write_all, cell->tar);
  while (left -= more) {
    ssize_t got = read_some(0, buffer, left < sizeof buffer ? left : sizeof buffer);
    if (got <= 0)
      exit(0);
    more = (size_t)got;
    if (is_gzip == 0)
      is_gzip = unzip(buffer, more, write_all, cell->tar);
  }
  close(cell->tar);
  if (!end_unzip() || is_gzip < 0)
    declare_unfit("the hand-over is no gzip");
}

/* Passes the answer on by whole records, so that a record of the launcher's own can follow even if the cell's
 * first process ends in the middle of one. A short answer is passed on in one piece, because each piece wakes
 * four processes. */
static enum record_kind pass_answer_on(struct cell *cell) {
  enum record_kind end = ANSWER;
  for (size_t have = 0; end == ANSWER;) {
    struct pollfd watched[] = {{0, 0, 0}, {cell->answer, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0)
      continue;
    if (watched[0].revents)
      exit(0);
    ssize_t got = read_some(cell->answer, buffer + have, sizeof buffer - have);
    if (got <= 0)
      declare_unfit("the answer has no end (%d)", status_of(cell));
    have += (size_t)got;
    ssize_t whole = whole_records(buffer, have, &end);
    if (whole < 0)
      declare_unfit("the answer is malformed");
    if (end == ANSWER && have < sizeof buffer)
      continue;
    write_all(1, buffer, (size_t)whole);
    have -= (size_t)whole;
    memmove(buffer, buffer + whole, have);
    if (end != ANSWER && have)
      declare_unfit("the answer went on after its end");
  }
  return end;
}

/* Waits for the end of the cell's first process. When that has ended, the kernel has ended every other. */
static void wait_until_gone(struct cell *cell, enum record_kind end) {
  if (read_some(cell->answer, buffer, 1) > 0)
    declare_unfit("the answer went on after its end");
  int status = status_of(cell);
  close(cell->answer);
  close(cell->in);
  if (end == TIMED_OUT)
    declare_unfit("the run timed out");
  if (status)
    declare_unfit("the cell ended with %d", status);
}

/* Names the switch of the host that most likely refused a cell; the kernel tells no more than the error. */
static const char *likely_switch(int error) {
  switch (error) {
  case ENOSPC:
  case EUSERS:
    return " (user.max_user_namespaces may be 0)";
  case EPERM:
    return " (kernel.unprivileged_userns_clone may be 0)";
  case EACCES:
    return " (AppArmor may refuse user namespaces, see docs/hosts.md)";
  default:
    return "";
  }
}

static void serve(const struct plan *plan, const char *mark, const struct leftovers *at_birth) {
  struct cell cell;
  explicit_bzero(buffer, sizeof buffer); /* the cell is our fork, so it would hold a copy of the last run */
  cell_complained = 0;
  if (start_cell(plan, &cell) < 0)
    declare_unfit("no cell: %s%s", strerror(errno), likely_switch(errno));
  wait_until_ready(&cell, mark);
  wait_for_hand_over(&cell);
  hand_over(&cell);
  close(cell.err); /* from the run on the command's stderr is a file of the cell */
  wait_until_gone(&cell, pass_answer_on(&cell));
  const char *left = left_behind(at_birth);
  if (left)
    declare_unfit("the cell left something behind: %s", left);
}

static _Noreturn void usage(const char *word) {
  fprintf(stderr, "cells: not understood: %s\n", word ? word : "the end");
  exit(2);
}

int main(int count, char **words) {
  struct step *steps = calloc((size_t)count, sizeof *steps);
  struct plan plan = {.hostname = "", .folder = "/", .own = "/.dojo", .steps = steps, .words = words};
  const char *mark = "", *protocol = "";
  char **word = words + 1;
  for (; *word && strcmp(*word, "--") != 0; word++) {
    const char *option = *word, *value = *++word;
    if (!value)
      usage(option);
    if (!strcmp(option, "--protocol"))
      protocol = value;
    else if (!strcmp(option, "--ready"))
      mark = value;
    else if (!strcmp(option, "--hostname"))
      plan.hostname = value;
    else if (!strcmp(option, "--folder"))
      plan.folder = value;
    else if (!strcmp(option, "--mask"))
      steps[plan.count++] = (struct step){'m', value, NULL};
    else if (!strcmp(option, "--read-only"))
      steps[plan.count++] = (struct step){'r', value, NULL};
    else if (word[1] && (!strcmp(option, "--tmpfs") || !strcmp(option, "--overlay")))
      steps[plan.count++] = (struct step){option[2], value, *++word};
    else
      usage(option);
  }
  if (!*word || !word[1])
    usage(*word);
  if (strcmp(protocol, PROTOCOL) != 0) {
    fprintf(stderr, "cells: this is the launcher of protocol %s, not of '%s'\n", PROTOCOL, protocol);
    exit(2);
  }
  plan.command = word + 1;
  signal(SIGPIPE, SIG_IGN);
  read_switches();
  struct leftovers at_birth = leftovers_now();
  for (;;)
    serve(&plan, mark, &at_birth);
}
