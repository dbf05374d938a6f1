/* The payload of one hand-over, unzipped on its way into the cell. */
#ifndef UNZIP_H
#define UNZIP_H

#include <stddef.h>

typedef int unzipped_to(int file, const char *data, size_t length);

void begin_unzip(void);

/* 0, or -1 for what is no gzip. */
int unzip(const char *data, size_t length, unzipped_to *write, int file);

/* Whether it was whole; nothing of it is left in our memory. */
int end_unzip(void);

#endif
