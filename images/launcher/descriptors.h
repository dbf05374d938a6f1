/* Reading and writing that a signal does not cut short; and closing. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <sys/types.h>

/* Like read(2). */
ssize_t read_some(int file, char *into, size_t most);

/* Reads all `length` bytes. Returns 0, or -1 when there were fewer. */
int read_all(int file, char *into, size_t length);

/* Writes all bytes. Returns 0, or -1 when not all could be written. */
int write_all(int file, const char *data, size_t length);

/* Closes all descriptors from `first` on. */
void close_from(unsigned first);

#endif
