/* A cell: one process tree in namespaces of its own, made for one run. */
#ifndef CELL_H
#define CELL_H

#include <sys/types.h>

/* A part of a cell, from words of the command line; see main.c. */
struct step {
  char kind; /* t: tmpfs, o: overlay, m: mask, r: read-only */
  const char *path;
  const char *options; /* of a tmpfs, or of the tmpfs that holds what an overlay writes */
};

struct plan {
  const char *hostname;
  const char *folder; /* where the command starts */
  const char *own;    /* the launcher's folder: hidden from the cell */
  const struct step *steps;
  int count;
  char **command;
  char **words; /* the launcher's own command line, `command` included */
};

/* The ends of one cell's pipes that are ours. No cell sees those of another. */
struct cell {
  pid_t pid; /* of the cell's first process; when it has ended, so has every other */
  int in, out, err; /* the command's, each from the other side; `out` and `err` until it is warm */
  int tar, answer;
};

/* Starts a cell; its command's stdin, stdout and stderr are fresh pipes. first.h tells what to
 * write to `tar`. Once that is unpacked, the command reads an empty line on its descriptor 3; it
 * reads none if that failed. When the command has ended, all others are killed, and the answer comes
 * on `answer`, whose other end is the first process's alone. 0, or -1 and errno. */
int start_cell(const struct plan *plan, struct cell *cell);

#endif
