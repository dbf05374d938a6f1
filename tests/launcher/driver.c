/* driver untar | unzip | harvest SIZES ROOT...: one of the launcher's parsers, from stdin or of the
 * folder where it stands, to stdout. */
#include "harvest.h"
#include "descriptors.h"
#include "untar.h"
#include "unzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int unzip_stdin(void) {
  char piece[1000];
  ssize_t got;
  int is_gzip = 0;
  begin_unzip();
  while (is_gzip == 0 && (got = read_some(0, piece, sizeof piece)) > 0)
    is_gzip = unzip(piece, (size_t)got, write_all, 1);
  return end_unzip() && is_gzip == 0 ? 0 : -1;
}

int main(int count, char **words) {
  if (count == 2 && !strcmp(words[1], "untar"))
    return untar(0) ? EXIT_FAILURE : EXIT_SUCCESS;
  if (count == 2 && !strcmp(words[1], "unzip"))
    return unzip_stdin() ? EXIT_FAILURE : EXIT_SUCCESS;
  if (count < 3 || strcmp(words[1], "harvest") != 0)
    return 2;
  const char *const no_place = NULL;
  harvest(1, (const char *const *)words + 3, &no_place, words[2], "", DONE);
  return EXIT_SUCCESS;
}
