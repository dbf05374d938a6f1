/* Reading and writing that a signal does not cut short; and closing. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <sys/types.h>

/* As read(2). */
ssize_t read_some(int file, char *into, size_t most);

/* 0, or -1 when there was less. */
int read_all(int file, char *into, size_t length);

/* 0, or -1 when not all was written. */
int write_all(int file, const char *data, size_t length);

/* All that are open, from `first` on. */
void close_from(unsigned first);

#endif
