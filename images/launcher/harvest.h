/* The answer of a run, for runner/container/answer.py. In a container for one run find, tar and
 * beginnings.sh pack it instead. */
#ifndef HARVEST_H
#define HARVEST_H

#include "records.h"

/* Writes an answer: records with an archive of the regular files below `roots`, which NULL ends and
 * which are relative to where we stand, and then the record `end`. A file of up to 64 KiB is whole,
 * and so is one whose size is among the numbers in `sizes`; of any other there are the first 51201
 * bytes. Files that cannot be read are left out. The member .dojo/left_out/1 says of how many files not even
 * the beginning is there, and .dojo/full which of `places`, which NULL ends, have no room left;
 * the text `used`, unless it is empty, is the member .dojo/used. */
void harvest(int to, const char *const roots[], const char *const places[], const char *sizes,
             const char *used, enum record_kind end);

#endif
