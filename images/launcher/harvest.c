#include "harvest.h"
#include "descriptors.h"

#include <ctype.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK 512
#define LARGEST_WHOLE (64 * 1024) /* runner/container/hand_over.py */
#define BEGINNING 51201           /* one byte more than a text may have, so the daemon sees that it was cut */
#define MOST_CUT 200              /* files, as in beginnings.sh, because the harvest has to end */
#define FOLDERS_OPEN 16
#define NO_ROOM (8 * 1024) /* bytes, as in main.sh: a file system with less room counts as full */

/* These are global, because nftw hands nothing of ours to its visitor. */
static int out;
static const char *sent_sizes;
static int cut_count, left_out;
static char record[RECORD_HEADER + LONGEST_RECORD + RECORD_HEADER]; /* and one that ends the answer */
static char *const ready = record + RECORD_HEADER;
static size_t length; /* of the bytes in `record` that wait to be written */

/* Writes what is ready, together with the record that ends the answer if there is one, so that the launcher wakes
 * once. */
static void flush(enum record_kind end) {
  size_t whole = RECORD_HEADER + length;
  put_record_header(record, ANSWER, length);
  if (end != ANSWER) {
    put_record_header(record + whole, end, 0);
    whole += RECORD_HEADER;
  }
  write_all(out, record, whole); /* fails only when nobody reads any more */
  length = 0;
}

static char *room(size_t wanted) {
  if (LONGEST_RECORD - length < wanted)
    flush(ANSWER);
  return ready + length;
}

static void put(const char *bytes, size_t count) {
  while (count) {
    char *into = room(1);
    size_t piece = count < LONGEST_RECORD - length ? count : LONGEST_RECORD - length;
    memcpy(into, bytes, piece);
    length += piece;
    bytes += piece;
    count -= piece;
  }
}

static void put_filling(size_t size) {
  static const char zeros[BLOCK];
  put(zeros, (BLOCK - size % BLOCK) % BLOCK);
}

static void put_header(const char *name, size_t size, char type) {
  char *header = room(BLOCK);
  unsigned sum = 0;
  memset(header, 0, BLOCK);
  memcpy(header, name, strnlen(name, 100));
  snprintf(header + 100, 8, "%07o", 0644);
  snprintf(header + 108, 8, "%07o", 0);
  snprintf(header + 116, 8, "%07o", 0);
  snprintf(header + 124, 12, "%011zo", size);
  snprintf(header + 136, 12, "%011o", 0);
  memset(header + 148, ' ', 8);
  header[156] = type;
  memcpy(header + 257, "ustar  ", 8);
  for (int i = 0; i < BLOCK; i++)
    sum += (unsigned char)header[i];
  snprintf(header + 148, 8, "%06o", sum);
  length += BLOCK;
}

/* Writes a member's header, in GNU's format. The caller writes the content after it, and calls put_filling. */
static void put_name(const char *name, size_t size) {
  size_t long_size = strlen(name) + 1;
  if (long_size > 100) {
    put_header("././@LongLink", long_size, 'L');
    put(name, long_size);
    put_filling(long_size);
  }
  put_header(name, size, '0');
}

static void put_member(const char *name, int file, size_t size) {
  put_name(name, size);
  for (size_t left = size; left;) {
    char *into = room(1);
    size_t most = left < LONGEST_RECORD - length ? left : LONGEST_RECORD - length;
    ssize_t got = read_some(file, into, most);
    if (got <= 0) { /* the header has promised the size, so zeros fill it up */
      memset(into, 0, most);
      got = (ssize_t)most;
    }
    length += (size_t)got;
    left -= (size_t)got;
  }
  put_filling(size);
}

static void put_text(const char *name, const char *text) {
  put_name(name, strlen(text));
  put(text, strlen(text));
  put_filling(strlen(text));
}

/* Writes the beginning of a file in the form of beginnings.sh: an output under its own name, any other file as a
 * numbered member, with its name in another member. */
static void put_beginning(const char *name, int file) {
  char member[64];
  if (!strcmp(name, ".dojo/stdout") || !strcmp(name, ".dojo/stderr")) {
    put_member(name, file, BEGINNING);
    return;
  }
  if (cut_count == MOST_CUT) {
    left_out++;
    return;
  }
  snprintf(member, sizeof member, ".dojo/cut/1.%d", ++cut_count);
  put_member(member, file, BEGINNING);
  strcat(member, ".name");
  put_text(member, name);
}

static int was_sent(size_t size) {
  for (const char *word = sent_sizes; *word;) {
    char *end;
    if (!isdigit((unsigned char)*word)) {
      word++;
      continue;
    }
    if (strtoul(word, &end, 10) == size)
      return 1;
    word = end;
  }
  return 0;
}

static int visit(const char *name, const struct stat *there, int kind, struct FTW *where) {
  (void)where;
  if (strlen(name) >= PATH_MAX - NAME_MAX)
    return FTW_SKIP_SUBTREE; /* too deep to be named */
  if (kind != FTW_F || !S_ISREG(there->st_mode))
    return FTW_CONTINUE;
  int file = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0)
    return FTW_CONTINUE;
  size_t size = (size_t)there->st_size;
  if (size <= LARGEST_WHOLE || was_sent(size))
    put_member(name, file, size);
  else
    put_beginning(name, file);
  close(file);
  return FTW_CONTINUE;
}

static void put_left_out(void) {
  char count[32];
  snprintf(count, sizeof count, "%d", left_out);
  if (left_out)
    put_text(".dojo/left_out/1", count);
}

static void put_full(const char *const places[]) {
  char full[256] = "";
  struct statvfs there;
  for (; *places; places++)
    if (statvfs(*places, &there) == 0 &&
        (there.f_bavail < NO_ROOM / there.f_frsize || (there.f_files && !there.f_ffree)) &&
        strlen(full) + strlen(*places) + 2 < sizeof full)
      strcat(strcat(full, *places), " ");
  if (*full)
    put_text(".dojo/full", full);
}

void harvest(int to, const char *const roots[], const char *const places[], const char *sizes,
             const char *used, enum record_kind end) {
  static const char no_more[2 * BLOCK];
  out = to;
  sent_sizes = sizes;
  cut_count = left_out = 0;
  for (; *roots; roots++)
    nftw(*roots, visit, FOLDERS_OPEN, FTW_PHYS | FTW_ACTIONRETVAL);
  put_left_out();
  put_full(places);
  if (*used)
    put_text(".dojo/used", used);
  put(no_more, sizeof no_more);
  flush(end);
}
