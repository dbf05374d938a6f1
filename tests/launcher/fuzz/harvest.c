/* The harvest of a tree that a hostile program left. Whatever the tree is, the answer is whole records of
 * a whole archive, and each file in it is as it was.
 *
 * The input is a program that makes a tree: pairs of bytes, an act and its argument. While the harvest
 * reads, files shrink and grow if the program says so; then contents may be anything, but the archive
 * must be as whole as ever. */
#include "harvest.h"
#include "check.h"
#include "records.h"
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512
#define MOST_ACTS 200
#define DEEPEST 200
#define LONGEST_PATH (PATH_MAX - NAME_MAX) /* of what is harvested, exclusive */
#define SENT "-o -size 70000c -o -size 131072c"

static const off_t sizes[] = {0,     1,     511,    512,    513,    51200,  51201,   65535,
                              65536, 65537, 70000, 131072, 131073, 200000, 1L << 40, 65537};
static int is_unsteady; /* files change while they are read */
static unsigned unsteady;

/* Between the harvest and its reads; see fuzz.py. */
ssize_t __real_read_some(int file, char *into, size_t most);
ssize_t __wrap_read_some(int file, char *into, size_t most);

ssize_t __wrap_read_some(int file, char *into, size_t most) {
  char path[64];
  if (is_unsteady) {
    unsteady = unsteady * 1103515245 + 12345;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (unsteady >> 16 & 1)
      (void)!truncate(path, unsteady >> 17 & 0xffff);
    if (unsteady >> 16 & 2)
      most = most > 1 ? most / 2 : most;
    if (unsteady >> 16 & 4)
      return -1;
  }
  return __real_read_some(file, into, most);
}

static void name_from(char *name, uint8_t seed) {
  static const char *const odd[] = {"new\nline", "-rf",     "\xff\xfe", " ",   "a\\b",  "....",
                                    "stdout",    "cut",     "1.name", "'\"", "\001", "sandbox"};
  if (seed < 100) {
    snprintf(name, NAME_MAX + 1, "%c%u", 'a' + seed % 26, seed);
  } else if (seed < 124) {
    snprintf(name, NAME_MAX + 1, "%s", odd[seed % 12]);
  } else { /* up to the longest, and around 100, where tar begins to need another entry */
    size_t length = seed < 190 ? 66U + (seed - 124U) : NAME_MAX - (seed - 190U);
    memset(name, 'x', length);
    name[length] = '\0';
  }
}

static void make_file(const char *name, off_t size) {
  int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (file < 0)
    return;
  char text[64];
  snprintf(text, sizeof text, "%lld bytes\n", (long long)size);
  (void)!ftruncate(file, size);
  for (off_t at = 0; at + (off_t)strlen(text) <= size && at < 300000; at += 40000)
    CHECK(pwrite(file, text, strlen(text), at) == (ssize_t)strlen(text));
  close(file);
}

/* Seldom as many as are cut: that takes a tenth of a second. */
static void make_many(uint8_t how, off_t size) {
  char name[32];
  int count = how == 0xfe ? 210 : how % 8;
  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "many%d", i);
    make_file(name, size);
  }
}

static void act(uint8_t what, uint8_t how, int *depth) {
  char name[NAME_MAX + 1];
  name_from(name, how);
  switch (what % 12) {
  case 0:
  case 1:
    if (*depth < DEEPEST && mkdir(name, 0700) == 0 && chdir(name) == 0)
      ++*depth;
    break;
  case 2:
    if (*depth > 0 && chdir("..") == 0)
      --*depth;
    break;
  case 3:
    (void)!symlink(how & 1 ? "/etc/passwd" : "..", name);
    break;
  case 4:
    (void)!link("a0", name);
    break;
  case 5:
    (void)!mkfifo(name, 0600);
    break;
  case 6:
    make_many(how, sizes[how >> 4]);
    break;
  case 7:
    /* Not of what a link leads to: that may be the tree's own folder. */
    (void)!fchmodat(AT_FDCWD, "a0", how, AT_SYMLINK_NOFOLLOW);
    break;
  case 8:
    is_unsteady = how & 1;
    unsteady = how;
    break;
  case 9:
    (void)!rename("a0", name);
    break;
  default:
    make_file(name, sizes[what >> 4]);
  }
}

/* How many regular files are here and below whose names are short enough to be harvested. The program
 * may have made some that this user cannot read, and the harvest cannot either, unless the user is root. */
static int count_files(int folder, size_t path_length) {
  int count = 0;
  DIR *entries = fdopendir(folder);
  CHECK(entries);
  for (struct dirent *entry; (entry = readdir(entries));) {
    size_t length = path_length + 1 + strlen(entry->d_name);
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || length >= LONGEST_PATH)
      continue;
    if (faccessat(folder, entry->d_name, entry->d_type == DT_DIR ? R_OK | X_OK : R_OK, 0) != 0)
      continue;
    if (entry->d_type == DT_REG)
      count++;
    if (entry->d_type == DT_DIR)
      count += count_files(openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY), length);
  }
  closedir(entries);
  return count;
}

static size_t octal(const char *field, size_t width) {
  size_t number = 0;
  for (size_t i = 0; i < width; i++) {
    if (i == width - 1) {
      CHECK(!field[i]);
      break;
    }
    CHECK(field[i] >= '0' && field[i] <= '7');
    number = number * 8 + (size_t)(field[i] - '0');
  }
  return number;
}

static void check_sum(const char *header) {
  size_t sum = 0, told = octal(header + 148, 7);
  for (int i = 0; i < BLOCK; i++)
    sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i];
  CHECK(sum == told);
}

static void check_content(const char *name, const char *content, size_t size) {
  struct stat there;
  char piece[4096];
  CHECK(lstat(name, &there) == 0 && S_ISREG(there.st_mode));
  CHECK(size == (size_t)there.st_size || (size == 51201 && there.st_size > 65536));
  int file = open(name, O_RDONLY);
  CHECK(file >= 0);
  for (size_t at = 0; at < size; at += sizeof piece) {
    size_t most = size - at < sizeof piece ? size - at : sizeof piece;
    CHECK(read(file, piece, most) == (ssize_t)most && !memcmp(piece, content + at, most));
  }
  close(file);
}

/* The files of the archive; of a cut one, its member and its name. */
static int check_archive(const char *archive, size_t length) {
  static char name[PATH_MAX], cut_name[PATH_MAX];
  const char *cut = NULL;
  int count = 0;
  size_t at = 0;
  *name = '\0';
  for (; at < length && archive[at]; ) {
    const char *header = archive + at, *content = header + BLOCK;
    size_t size = octal(header + 124, 12);
    CHECK(length - at >= BLOCK && size <= length - at - BLOCK);
    check_sum(header);
    at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    if (header[156] == 'L') {
      CHECK(size <= sizeof name && !content[size - 1]);
      memcpy(name, content, size);
      continue;
    }
    CHECK(header[156] == '0');
    if (!*name)
      snprintf(name, sizeof name, "%.100s", header);
    if (!strcmp(name, ".dojo/left_out/1")) {
      CHECK(size && size < 12);
      count += (int)strtol(content, NULL, 10);
      *name = '\0';
      continue;
    }
    if (!strncmp(name, ".dojo/cut/1.", 12) && size == 51201 && !cut) {
      cut = content;
    } else if (cut) {
      CHECK(size < sizeof cut_name);
      memcpy(cut_name, content, size);
      cut_name[size] = '\0';
      if (!is_unsteady)
        check_content(cut_name, cut, 51201);
      cut = NULL;
      count++;
    } else {
      if (!is_unsteady)
        check_content(name, content, size);
      count++;
    }
    *name = '\0';
  }
  CHECK(!cut && length - at == 2 * BLOCK);
  for (; at < length; at++)
    CHECK(!archive[at]);
  return count;
}

/* Takes the records' headers out; what is left is the archive. */
static size_t unwrap(char *answer, size_t length, enum record_kind expected) {
  enum record_kind end = ANSWER;
  CHECK(whole_records(answer, length, &end) == (ssize_t)length && end == expected);
  size_t kept = 0;
  for (size_t at = 0; answer[at] == ANSWER;) {
    const unsigned char *header = (const unsigned char *)answer + at;
    size_t size = (size_t)header[1] << 24 | (size_t)header[2] << 16 | (size_t)header[3] << 8 |
                  header[4];
    memmove(answer + kept, answer + at + RECORD_HEADER, size);
    kept += size;
    at += RECORD_HEADER + size;
  }
  return kept;
}

static void harvest_and_check(enum record_kind end) {
  const char *const roots[] = {".dojo", "sandbox", NULL};
  int answer = memfd_create("answer", MFD_CLOEXEC), open_before = count_entries("/proc/self/fd");
  CHECK(answer >= 0);
  int expected = count_files(open(".dojo", O_RDONLY), strlen(".dojo")) +
                 count_files(open("sandbox", O_RDONLY), strlen("sandbox"));
  const char *const no_place = NULL;
  harvest(answer, roots, &no_place, SENT, "", end);
  CHECK(count_entries("/proc/self/fd") == open_before);
  off_t length = lseek(answer, 0, SEEK_END);
  char *bytes = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE, answer, 0);
  CHECK(bytes != MAP_FAILED);
  int count = check_archive(bytes, unwrap(bytes, (size_t)length, end));
  CHECK(count == expected); /* 200 are cut, and the others are counted */
  munmap(bytes, (size_t)length);
  close(answer);
}

int LLVMFuzzerInitialize(int *count, char ***words) {
  (void)count;
  (void)words;
  enter_tree();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int depth = 0;
  is_unsteady = 0;
  CHECK(mkdir("tmp", 0700) == 0 && mkdir(".dojo", 0700) == 0 && mkdir("sandbox", 0700) == 0);
  int top = open(".", O_RDONLY | O_DIRECTORY);
  CHECK(chdir(size && data[0] & 1 ? ".dojo" : "sandbox") == 0);
  for (size_t i = 1; i + 1 < size && i < 2 * MOST_ACTS; i += 2)
    act(data[i], data[i + 1], &depth);
  CHECK(fchdir(top) == 0);
  close(top);
  harvest_and_check(size && data[0] & 2 ? TIMED_OUT : DONE);
  clear_tree();
  return 0;
}
