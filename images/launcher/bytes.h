/* Reading and writing that a signal does not cut short. */
#ifndef BYTES_H
#define BYTES_H

#include <sys/types.h>

/* As read(2). */
ssize_t read_some(int file, char *into, size_t most);

/* 0, or -1 when there was less. */
int read_all(int file, char *into, size_t length);

/* 0, or -1 when not all was written. */
int write_all(int file, const char *data, size_t length);

#endif
