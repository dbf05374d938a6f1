#include "tree.h"
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[PATH_MAX];

/* Level by level, and not by paths: a path may be longer than the kernel takes. */
static void clear(int folder) {
  DIR *entries = fdopendir(folder);
  CHECK(entries);
  for (struct dirent *entry; (entry = readdir(entries));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
      continue;
    if (unlinkat(folder, entry->d_name, 0) == 0)
      continue;
    fchmodat(folder, entry->d_name, 0700, 0);
    int below = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    CHECK(below >= 0);
    clear(below);
    CHECK(unlinkat(folder, entry->d_name, AT_REMOVEDIR) == 0);
  }
  closedir(entries);
}

static void remove_tree(void) {
  clear_tree();
  CHECK(chdir("/") == 0);
  rmdir(root);
}

void enter_tree(void) {
  const char *parent = getenv("TMPDIR");
  snprintf(root, sizeof root, "%s/tree-XXXXXX", parent ? parent : "/tmp");
  CHECK(mkdtemp(root));
  CHECK(chdir(root) == 0);
  atexit(remove_tree);
}

void clear_tree(void) {
  CHECK(chdir(root) == 0);
  int folder = open(".", O_RDONLY | O_DIRECTORY);
  CHECK(folder >= 0);
  clear(folder);
}

void check_only_entry(const char *name) {
  int count = 0;
  DIR *entries = opendir(".");
  CHECK(entries);
  for (struct dirent *entry; (entry = readdir(entries)); count++)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && strcmp(entry->d_name, name)) {
      fprintf(stderr, "%s has an entry %s beside %s\n", root, entry->d_name, name);
      abort();
    }
  closedir(entries);
  CHECK(count == 3); /* the name, . and .. */
}

int count_entries(const char *path) {
  int count = 0;
  DIR *entries = opendir(path);
  CHECK(entries);
  while (readdir(entries))
    count++;
  closedir(entries);
  return count;
}
