/* The payload: whatever comes, in whatever pieces, is unzipped as zlib alone unzips it. Every second
 * input is first made a gzip, as few that are not seeds would be one. */
#include "unzip.h"
#include "check.h"

#include <string.h>
#include <zlib.h>

#define LONGEST (8 * 1024 * 1024)

static char *ours, *theirs;
static size_t length;

static int keep(int file, const char *data, size_t more) {
  (void)file;
  CHECK(more <= LONGEST - length);
  memcpy(ours + length, data, more);
  length += more;
  return 0;
}

/* How much zlib makes of it; -1 when it is not one whole gzip and nothing else. */
static long reference(const uint8_t *data, size_t size) {
  z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
  stream.next_out = (Bytef *)theirs;
  stream.avail_out = LONGEST;
  CHECK(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
  int state = inflate(&stream, Z_FINISH);
  long made = state == Z_STREAM_END && !stream.avail_in ? (long)stream.total_out : -1;
  inflateEnd(&stream);
  return made;
}

int LLVMFuzzerInitialize(int *count, char ***words) {
  (void)count;
  (void)words;
  ours = malloc(LONGEST);
  theirs = malloc(LONGEST);
  return 0;
}

/* A gzip of the bytes, so many times that they need more than one piece of output. */
static size_t zip(const uint8_t *data, size_t size, Bytef *into, size_t room) {
  z_stream stream = {.next_out = into, .avail_out = (uInt)room};
  CHECK(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  for (int times = 0; times < 100; times++) {
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)size;
    CHECK(deflate(&stream, Z_NO_FLUSH) == Z_OK);
  }
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  deflateEnd(&stream);
  return room - stream.avail_out;
}

static void unzip_as_zlib_does(const uint8_t *data, size_t size, size_t piece) {
  int is_gzip = 0;
  length = 0;
  begin_unzip();
  for (size_t at = 0; at < size && is_gzip == 0; at += piece) {
    size_t more = piece < size - at ? piece : size - at;
    char *bytes = malloc(more);
    memcpy(bytes, data + at, more);
    is_gzip = unzip(bytes, more, keep, -1);
    free(bytes);
  }
  int is_whole = end_unzip() && is_gzip == 0;
  long expected = reference(data, size);
  CHECK(is_whole == (expected >= 0));
  CHECK(!is_whole || ((size_t)expected == length && !memcmp(ours, theirs, length)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Bytef zipped[1024 * 1024];
  if (size < 2 || size > 4096) /* a thousand times as much comes out at most */
    return 0;
  size_t piece = data[0] + 1U;
  if (data[0] % 2)
    unzip_as_zlib_does(data + 1, size - 1, piece);
  else
    unzip_as_zlib_does(zipped, zip(data + 1, size - 1, zipped, sizeof zipped), piece * 7);
  return 0;
}
