/* The header of a hand-over to a cell, which runner/container/hand_over.py writes; docs/protocol.md
 * specifies it. */
#ifndef HEADER_H
#define HEADER_H

#include <stddef.h>

#define LONGEST_HEADER (256 * 1024)

struct header {
  size_t length;     /* of the header, its last NUL included */
  const char *sizes; /* of sent files that are returned whole; in the header's own bytes */
  size_t payload;    /* how many bytes of payload follow the header */
};

enum header_state { HEADER_WHOLE, HEADER_CUT, HEADER_WRONG };

/* Looks for a header at the beginning of the bytes: HEADER_CUT when more of them are needed. */
enum header_state read_header(const char *bytes, size_t have, struct header *header);

#endif
