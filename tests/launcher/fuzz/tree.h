/* A folder of the target's own, in which it stands, and which is empty for each input. */
#ifndef TREE_H
#define TREE_H

/* Makes it below TMPDIR, by default below /tmp. It is removed when the fuzzer ends, but not when an input
 * breaks the target: fuzz.py removes all that is below TMPDIR then. */
void enter_tree(void);

/* Removes all files and folders in it. */
void clear_tree(void);

/* Ends the fuzzer if the folder in which it stands has another entry than this, or has it not. */
void check_only_entry(const char *name);

/* How many entries a folder has, with . and .. and, for /proc/self/fd, the one that is opened. */
int count_entries(const char *path);

#endif
