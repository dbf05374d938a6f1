/* What a run has left, for runner/container/answer.py: in a container for one run find, tar and cut.sh do it. */
#ifndef HARVEST_H
#define HARVEST_H

/* Writes an archive of the regular files below `roots`, which NULL ends and which are relative to
 * where we stand. Those of up to 64 KiB are whole, and so is one whose size is among the numbers
 * in `sizes`; of any other there are the first 51201 bytes. What cannot be read is left out. */
void harvest(int to, const char *const roots[], const char *sizes);

#endif
