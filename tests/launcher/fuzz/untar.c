/* The tar of a hand-over: whatever it holds, all files that it makes are below the current folder, and
 * are closed. */
#include "untar.h"
#include "check.h"
#include "tree.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *count, char ***words) {
  (void)count;
  (void)words;
  enter_tree();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int tar = memfd_create("tar", MFD_CLOEXEC);
  CHECK(tar >= 0 && write(tar, data, size) == (ssize_t)size && lseek(tar, 0, SEEK_SET) == 0);
  int open_before = count_entries("/proc/self/fd");
  CHECK(mkdir("below", 0700) == 0 && chdir("below") == 0);
  int state = untar(tar);
  CHECK(state == 0 || state == -1);
  CHECK(count_entries("/proc/self/fd") == open_before);
  close(tar);
  CHECK(chdir("..") == 0);
  check_only_entry("below");
  clear_tree();
  return 0;
}
