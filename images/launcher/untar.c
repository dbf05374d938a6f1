#include "untar.h"
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512

/* A header in GNU's format. Nobody looks at its checksum: the archive came in a gzip, whose own checksum is better. */
struct header {
  char name[100], mode[8], user[8], group[8], size[12], modified[12], checksum[8], type;
  char unused[355];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static char ahead[64 * 1024];
static size_t taken, have;

/* Returns bytes that were read, at most `most` of them; none at the end. */
static size_t some(int from, size_t most, const char **bytes) {
  if (taken == have) {
    ssize_t got = read_some(from, ahead, sizeof ahead);
    if (got <= 0)
      return 0;
    taken = 0;
    have = (size_t)got;
  }
  size_t length = most < have - taken ? most : have - taken;
  *bytes = ahead + taken;
  taken += length;
  return length;
}

/* Reads `length` bytes; returns how many there were. */
static size_t take(int from, char *into, size_t length) {
  const char *bytes;
  size_t done = 0, got;
  while (done < length && (got = some(from, length - done, &bytes))) {
    memcpy(into + done, bytes, got);
    done += got;
  }
  return done;
}

static int copy(int from, int to, size_t length) {
  const char *bytes;
  while (length) {
    size_t got = some(from, length, &bytes);
    if (!got || write_all(to, bytes, got) < 0)
      return -1;
    length -= got;
  }
  return 0;
}

/* Skips the filling of the last block of `size` bytes. */
static int skip_filling(int from, size_t size) {
  char filling[BLOCK];
  size_t length = (BLOCK - size % BLOCK) % BLOCK;
  return take(from, filling, length) == length ? 0 : -1;
}

/* The octal number in a field, whose digits end with the field at the latest. Sizes from 8 GiB on would be written
 * in another way; no hand-over is that large. */
static unsigned long octal(const char *field, size_t width) {
  unsigned long number = 0;
  for (size_t i = 0; i < width && field[i] >= '0' && field[i] <= '7'; i++)
    number = number * 8 + (unsigned long)(field[i] - '0');
  return number;
}
#define OCTAL(field) octal(field, sizeof(field))

/* Whether a name leads to a place below the working folder, as all names do that the daemon packs. */
static int is_below(const char *name) {
  while (*name) {
    size_t length = strcspn(name, "/");
    if (!length || (length == 2 && !strncmp(name, "..", 2)))
      return 0;
    name += length;
    name += *name == '/';
  }
  return 1;
}

static int make_file(int from, const char *name, const struct header *header) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  mode_t mode = (mode_t)OCTAL(header->mode) & 0777;
  size_t size = OCTAL(header->size);
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)OCTAL(header->modified)}};
  int file = open(name, flags, mode);
  if (file < 0 && errno == EEXIST && unlink(name) == 0) /* a file of the image is replaced, as tar does it */
    file = open(name, flags, mode);
  if (file < 0)
    return -1;
  int failed = copy(from, file, size) < 0 || futimens(file, times) < 0;
  return close(file) < 0 || failed ? -1 : skip_filling(from, size);
}

static int make_folder(const char *name, const struct header *header) {
  return mkdir(name, (mode_t)OCTAL(header->mode) & 0777) < 0 && errno != EEXIST ? -1 : 0;
}

/* Reads the name of the next entry, when that name is too long for the entry's header. */
static int take_long_name(int from, char *name, const struct header *header) {
  size_t size = OCTAL(header->size);
  if (size > PATH_MAX || take(from, name, size) < size)
    return -1;
  name[size] = '\0';
  return skip_filling(from, size);
}

int untar(int from) {
  struct header header;
  char name[PATH_MAX + 1] = "";
  size_t got;
  taken = have = 0;
  while ((got = take(from, (char *)&header, BLOCK)) == BLOCK) {
    if (!header.name[0]) /* blocks of zeros end an archive */
      continue;
    if (header.type == 'L') {
      if (take_long_name(from, name, &header) < 0)
        return -1;
      continue;
    }
    if (!name[0]) /* a name of all 100 bytes has no NUL */
      snprintf(name, sizeof name, "%.*s", (int)sizeof header.name, header.name);
    if (!is_below(name))
      return -1;
    int is_made = (header.type == '0' && make_file(from, name, &header) == 0) ||
                  (header.type == '5' && make_folder(name, &header) == 0);
    if (!is_made)
      return -1;
    name[0] = '\0';
  }
  return got ? -1 : 0;
}
