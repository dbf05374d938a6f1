/* Records: what a cell's first process writes to the launcher, and the launcher to the daemon.
 * docs/protocol.md specifies them. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stddef.h>
#include <sys/types.h>

/* What the daemon asks for, by an option. It changes with what is in docs/protocol.md. */
#define PROTOCOL "4"

/* The first byte of a record. The first process writes ANSWER, DONE and TIMED_OUT only. */
enum record_kind {
  READY = 'R',     /* a cell waits for a hand-over (empty) */
  ANSWER = 'A',    /* a piece of an answer */
  DONE = 'D',      /* the answer is whole; the run ended in time (empty) */
  TIMED_OUT = 'T', /* the answer is whole; the run was ended, as its time was over (empty) */
  UNFIT = 'X',     /* the container must serve no further run; the reason, as text */
};

#define RECORD_HEADER 5
#define LONGEST_RECORD (64 * 1024) /* without its header */

/* Writes RECORD_HEADER bytes; the record's own `length` bytes are to follow them. */
void put_record_header(char *into, enum record_kind kind, size_t length);

/* How many of the bytes are whole records of an answer, or -1 when the bytes can be of no answer.
 * When one of the records ends the answer, `end` is set to its kind, and no byte after it counts. */
ssize_t whole_records(const char *bytes, size_t have, enum record_kind *end);

#endif
