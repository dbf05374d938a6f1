/* cells OPTION... -- COMMAND...: one cell after the other in one container, each for one run.
 *
 *   --ready MARK         what the command prints, and nothing else, once it waits on its stdin
 *   --hostname NAME
 *   --folder PATH        where the command starts
 *   --tmpfs PATH OPTIONS
 *   --overlay PATH OPTIONS   the image's PATH, writable; OPTIONS of the tmpfs that takes the writes
 *   --mask PATH          nothing can be read there; * is each number from 0 on
 *   --read-only PATH     nothing can be written there
 *
 * A cell is started ahead, and its first words are its mark. It gets one hand-over from our stdin
 * (runner/container/hand_over.py): the header as it is, on stdin; the files of its payload, a tgz, are there
 * when descriptor 3 says so. Its answer goes to our stdout. What we write is records, so that no
 * cell can speak in our name: a letter, the length as four bytes, high byte first, and as many
 * bytes:
 *
 *   R  a cell waits for a hand-over; the one before has ended well and has left nothing (empty)
 *   A  a piece of the answer: all of it, if it is short, as each piece wakes four processes
 *   X  the container must not be used again; the text says why. It is our last record.
 *
 * We also end, without a word, when our stdin does: the daemon has gone.
 */
#include "cell.h"
#include "descriptors.h"
#include "first.h"
#include "leftovers.h"
#include "switches.h"
#include "unzip.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a header; FIELDS is their number. */
enum { NONCE, LIMIT, WHOLE, ID, IMAGE_NAME, LENGTH, FIELDS };
#define LONGEST_HEADER LONGEST_SIZES
#define COMPLAINTS 4096 /* of one cell; more is read and dropped */

struct run {
  char done[LONGEST_NONCE + 8]; /* the last line of a whole answer */
  char timed_out[LONGEST_NONCE + 12];
  char tail[LONGEST_NONCE + 12]; /* the last bytes of this one */
  size_t tail_length;
  size_t complained;
};

static char buffer[LONGEST_HEADER];
static int was_ready; /* before that nobody reads records: why we cannot start is on stderr */

/* As if in one go: a record is seldom cut into pieces. */
static void write_both(int file, struct iovec parts[2]) {
  for (;;) {
    ssize_t written = writev(file, parts, 2);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return;
    for (int part = 0; part < 2; part++) {
      size_t gone = (size_t)written < parts[part].iov_len ? (size_t)written : parts[part].iov_len;
      parts[part].iov_base = (char *)parts[part].iov_base + gone;
      parts[part].iov_len -= gone;
      written -= (ssize_t)gone;
    }
    if (!parts[0].iov_len && !parts[1].iov_len)
      return;
  }
}

static void record(char kind, const char *data, size_t length) {
  char header[5] = {kind, (char)(length >> 24), (char)(length >> 16), (char)(length >> 8),
                    (char)length};
  write_both(1, (struct iovec[]){{header, sizeof header}, {(char *)data, length}});
}

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...) {
  char reason[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  if (length >= (int)sizeof reason)
    length = sizeof reason - 1;
  if (was_ready)
    record('X', reason, (size_t)length);
  else
    dprintf(2, "%s\n", reason);
  exit(1); /* whatever of a cell is left dies with us */
}

static int status_of(struct cell *cell) {
  int status = 0;
  while (waitpid(cell->pid, &status, 0) < 0 && errno == EINTR)
    ;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What a cell says before its run is for the daemon's log: it is why it cannot start. */
static void complain(struct cell *cell, struct run *run) {
  char said_now[COMPLAINTS];
  ssize_t got = read_some(cell->err, said_now, sizeof said_now);
  if (got <= 0) {
    close(cell->err);
    cell->err = -1;
    return;
  }
  size_t room = COMPLAINTS - run->complained;
  size_t said = (size_t)got < room ? (size_t)got : room;
  write_all(2, said_now, said);
  run->complained += said;
}

static void wait_until_ready(struct cell *cell, struct run *run, const char *mark) {
  size_t length = strlen(mark), said = 0;
  while (said < length) {
    ssize_t got = read_some(cell->out, buffer, length - said);
    if (got <= 0) {
      while (cell->err >= 0)
        complain(cell, run);
      give_up("the cell ended before it was ready (%d)", status_of(cell));
    }
    if (memcmp(buffer, mark + said, (size_t)got) != 0)
      give_up("the cell said something else than that it is ready");
    said += (size_t)got;
  }
  record('R', NULL, 0);
  was_ready = 1;
}

/* Until the daemon writes; a cell has nothing to say while it waits. */
static void wait_for_hand_over(struct cell *cell, struct run *run) {
  for (;;) {
    struct pollfd watched[] = {{0, POLLIN, 0}, {cell->out, POLLIN, 0}, {cell->err, POLLIN, 0}};
    if (poll(watched, 3, -1) < 0)
      continue;
    if (watched[1].revents)
      give_up("the cell did not wait for its run");
    if (watched[2].revents)
      complain(cell, run);
    if (watched[0].revents)
      return;
  }
}

/* Exactly one hand-over: what comes after it on our stdin is another learner's. */
static void hand_over(struct cell *cell, struct run *run) {
  size_t have = 0, fields = 0, header = 0, starts[FIELDS + 1] = {0};
  while (fields < FIELDS) {
    if (have == sizeof buffer)
      give_up("the hand-over's header is too long");
    ssize_t got = read_some(0, buffer + have, sizeof buffer - have);
    if (got <= 0)
      exit(0);
    have += (size_t)got;
    for (; header < have && fields < FIELDS; header++)
      if (!buffer[header])
        starts[++fields] = header + 1;
  }
  if (strlen(buffer) > LONGEST_NONCE)
    give_up("the hand-over's nonce is too long");
  snprintf(run->done, sizeof run->done, "%s done\n", buffer);
  snprintf(run->timed_out, sizeof run->timed_out, "%s timed_out\n", buffer);
  char *end;
  const char *length = buffer + starts[LENGTH], *sizes = buffer + starts[WHOLE];
  unsigned long left = strtoul(length, &end, 10);
  if (*end || end == length || left < have - header)
    give_up("the hand-over is not as long as it says");
  /* A cell that has ended is seen by the end of its answer. */
  write_all(cell->in, buffer, header);
  struct brief brief = {.sizes_length = strlen(sizes) + 1};
  strcpy(brief.nonce, buffer);
  write_all(cell->tar, (const char *)&brief, sizeof brief);
  write_all(cell->tar, sizes, brief.sizes_length);
  begin_unzip();
  size_t more = have - header;
  int is_gzip = unzip(buffer + header, more, write_all, cell->tar);
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
    give_up("the hand-over is no gzip");
}

static void keep_tail(struct run *run, const char *data, size_t length) {
  size_t most = sizeof run->tail, kept = run->tail_length;
  if (length >= most) {
    data += length - most;
    length = most;
    kept = 0;
  } else if (kept + length > most) {
    memmove(run->tail, run->tail + kept + length - most, most - length);
    kept = most - length;
  }
  memcpy(run->tail + kept, data, length);
  run->tail_length = kept + length;
}

static int ends_with(const struct run *run, const char *line) {
  size_t length = strlen(line);
  return run->tail_length >= length &&
         memcmp(run->tail + run->tail_length - length, line, length) == 0;
}

/* Until nobody in the cell can write any more. */
static void pass_answer_on(struct cell *cell, struct run *run) {
  size_t have = 0;
  while (cell->out >= 0 || cell->err >= 0) {
    struct pollfd watched[] = {{0, 0, 0}, {cell->out, POLLIN, 0}, {cell->err, POLLIN, 0}};
    if (poll(watched, 3, -1) < 0)
      continue;
    if (watched[0].revents)
      exit(0);
    if (watched[2].revents)
      complain(cell, run);
    if (!watched[1].revents)
      continue;
    ssize_t got = read_some(cell->out, buffer + have, sizeof buffer - have);
    if (got > 0) {
      keep_tail(run, buffer + have, (size_t)got);
      have += (size_t)got;
    } else {
      close(cell->out);
      cell->out = -1;
    }
    int is_due = got <= 0 || have == sizeof buffer || ends_with(run, run->done) ||
                 ends_with(run, run->timed_out);
    if (have && is_due) {
      record('A', buffer, have);
      have = 0;
    }
  }
}

static void serve(const struct plan *plan, const char *mark, const struct leftovers *at_birth) {
  struct run run = {0};
  struct cell cell;
  explicit_bzero(buffer, sizeof buffer); /* a cell is our fork: it need not even hold the last run */
  if (start_cell(plan, &cell) < 0)
    give_up("no cell: %s", strerror(errno));
  wait_until_ready(&cell, &run, mark);
  wait_for_hand_over(&cell, &run);
  hand_over(&cell, &run);
  pass_answer_on(&cell, &run);
  int status = status_of(&cell);
  close(cell.in);
  if (ends_with(&run, run.timed_out))
    give_up("the run timed out");
  if (!ends_with(&run, run.done))
    give_up("the answer has no end (%d)", status);
  if (status)
    give_up("the cell ended with %d", status);
  const char *left = left_behind(at_birth);
  if (left)
    give_up("the cell left something behind: %s", left);
}

static _Noreturn void usage(const char *word) {
  fprintf(stderr, "cells: not understood: %s\n", word ? word : "the end");
  exit(2);
}

int main(int count, char **words) {
  struct step *steps = calloc((size_t)count, sizeof *steps);
  struct plan plan = {.hostname = "", .folder = "/", .own = "/.dojo", .steps = steps};
  const char *mark = "";
  char **word = words + 1;
  for (; *word && strcmp(*word, "--") != 0; word++) {
    const char *option = *word, *value = *++word;
    if (!value)
      usage(option);
    if (!strcmp(option, "--ready"))
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
  plan.command = word + 1;
  signal(SIGPIPE, SIG_IGN);
  read_switches();
  struct leftovers at_birth = leftovers_now();
  for (;;)
    serve(&plan, mark, &at_birth);
}
