#include "records.h"

void put_record_header(char *into, enum record_kind kind, size_t length) {
  into[0] = (char)kind;
  for (int i = 1; i < RECORD_HEADER; i++)
    into[i] = (char)(length >> (8 * (RECORD_HEADER - 1 - i)) & 0xff);
}

static size_t length_in(const char *header) {
  size_t length = 0;
  for (int i = 1; i < RECORD_HEADER; i++)
    length = length << 8 | (unsigned char)header[i];
  return length;
}

ssize_t whole_records(const char *bytes, size_t have, enum record_kind *end) {
  size_t whole = 0;
  while (have - whole >= RECORD_HEADER) {
    const char *header = bytes + whole;
    size_t length = length_in(header);
    int is_end = header[0] == DONE || header[0] == TIMED_OUT;
    if (is_end ? length != 0 : header[0] != ANSWER || length > LONGEST_RECORD)
      return -1;
    if (have - whole - RECORD_HEADER < length)
      break;
    whole += RECORD_HEADER + length;
    if (is_end) {
      *end = (enum record_kind)header[0];
      break;
    }
  }
  return (ssize_t)whole;
}
