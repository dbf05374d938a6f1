/* A folder of the target's own, in which it stands, and which is empty for each input. */
#ifndef TREE_H
#define TREE_H

/* Makes it, in memory where that can be had. It is removed when the fuzzer ends. */
void enter_tree(void);

/* Removes what is in it. */
void clear_tree(void);

/* How many entries a folder has, with . and .. and, for /proc/self/fd, the one that is opened. */
int count_entries(const char *path);

#endif
