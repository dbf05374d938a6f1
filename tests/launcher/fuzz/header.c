/* The header of a hand-over: any bytes are a header, the beginning of one, or none. */
#include "header.h"
#include "check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct header header = {0};
  char *bytes = malloc(size + !size); /* of exactly that size: a step beyond its end is seen */
  memcpy(bytes, data, size);
  enum header_state state = read_header(bytes, size, &header);
  if (state == HEADER_WHOLE) {
    struct header again;
    CHECK(header.length <= size);
    CHECK(header.payload < 1000000000);
    CHECK(header.sizes > bytes && header.sizes + strlen(header.sizes) < bytes + header.length);
    CHECK(read_header(bytes, header.length, &again) == HEADER_WHOLE);
    CHECK(again.length == header.length && again.payload == header.payload);
    CHECK(read_header(bytes, header.length - 1, &again) == HEADER_CUT);
  }
  free(bytes);
  return 0;
}
