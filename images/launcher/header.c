#include "header.h"

#include <string.h>

/* The fields of a header, each with a NUL at its end; FIELDS is their number. */
enum { LIMIT, SIZES, ID, IMAGE_NAME, PAYLOAD, FIELDS };
#define MOST_DIGITS 9 /* that the payload's length may have */

/* Reads a decimal number and nothing else; -1 for any other text. */
static long number_in(const char *field) {
  size_t digits = strspn(field, "0123456789");
  long number = 0;
  if (!digits || digits > MOST_DIGITS || field[digits])
    return -1;
  for (; *field; field++)
    number = number * 10 + (*field - '0');
  return number;
}

enum header_state read_header(const char *bytes, size_t have, struct header *header) {
  const char *fields[FIELDS], *next = bytes, *end = bytes + have;
  for (int field = 0; field < FIELDS; field++) {
    const char *nul = memchr(next, '\0', (size_t)(end - next));
    if (!nul)
      return have < LONGEST_HEADER ? HEADER_CUT : HEADER_WRONG;
    fields[field] = next;
    next = nul + 1;
  }
  long payload = number_in(fields[PAYLOAD]);
  if (payload < 0)
    return HEADER_WRONG;
  *header = (struct header){(size_t)(next - bytes), fields[SIZES], (size_t)payload};
  return HEADER_WHOLE;
}
