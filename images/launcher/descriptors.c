#include "descriptors.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t read_some(int file, char *into, size_t most) {
  ssize_t got;
  do
    got = read(file, into, most);
  while (got < 0 && errno == EINTR);
  return got;
}

int read_all(int file, char *into, size_t length) {
  while (length) {
    ssize_t got = read_some(file, into, length);
    if (got <= 0)
      return -1;
    into += got;
    length -= (size_t)got;
  }
  return 0;
}

int write_all(int file, const char *data, size_t length) {
  while (length) {
    ssize_t written = write(file, data, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return -1;
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

void close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0) < 0)
    for (int file = (int)first; file < 4096; file++)
      close(file);
}
