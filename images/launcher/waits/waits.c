/* waits MARK: what a cell runs where it is only tried whether there can be any: runner/cells/cells.py. */
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
  char byte;
  if (count < 2 || write(1, words[1], strlen(words[1])) < 0)
    return 1;
  while (read(0, &byte, 1) > 0)
    ;
  return 0;
}
