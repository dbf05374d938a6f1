#define ZLIB_CONST
#include "unzip.h"

#include <string.h>
#include <zlib.h>

/* zlib gets its memory from here, and not from the heap, so that all of it can be wiped: the next cell is a fork
 * of the launcher. Inflating takes 7 KiB, and a window of 32 KiB. */
static unsigned char memory[64 * 1024] __attribute__((aligned(16)));
static size_t used;
static char unzipped[64 * 1024];
static z_stream stream;
static int state;

static voidpf take(voidpf unused, uInt count, uInt size) {
  size_t wanted = ((size_t)count * size + 15) & ~(size_t)15;
  (void)unused;
  if (wanted > sizeof memory - used)
    return Z_NULL;
  used += wanted;
  return memory + used - wanted;
}

static void give_back(voidpf unused, voidpf address) {
  (void)unused;
  (void)address;
}

void begin_unzip(void) {
  stream = (z_stream){.zalloc = take, .zfree = give_back};
  state = inflateInit2(&stream, 16 + MAX_WBITS); /* accepts the header of gzip, and no other */
}

int unzip(const char *data, size_t length, unzipped_to *write, int file) {
  stream.next_in = (const Bytef *)data;
  stream.avail_in = (uInt)length;
  while (state == Z_OK && stream.avail_in) {
    stream.next_out = (Bytef *)unzipped;
    stream.avail_out = sizeof unzipped;
    state = inflate(&stream, Z_NO_FLUSH);
    write(file, unzipped, sizeof unzipped - stream.avail_out);
  }
  return state == Z_OK || (state == Z_STREAM_END && !stream.avail_in) ? 0 : -1;
}

int end_unzip(void) {
  int whole = state == Z_STREAM_END;
  explicit_bzero(memory, sizeof memory);
  explicit_bzero(unzipped, sizeof unzipped);
  explicit_bzero(&stream, sizeof stream);
  used = 0;
  return whole;
}
