/* The records of an answer: however they are cut, the same are whole, and none is after the end. */
#include "records.h"
#include "check.h"

#include <string.h>

/* The length that a record's header tells, in the order of the network. */
static size_t claimed(const char *header) {
  const unsigned char *length = (const unsigned char *)header + 1;
  return (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  size_t cut = (size_t)(data[0] << 8 | data[1]) % (size - 1);
  size_t have = size - 2;
  char *bytes = malloc(have + !have);
  memcpy(bytes, data + 2, have);
  cut = cut < have ? cut : have;

  enum record_kind end = ANSWER, end_of_part = ANSWER;
  ssize_t whole = whole_records(bytes, have, &end);
  ssize_t whole_of_part = whole_records(bytes, cut, &end_of_part);
  CHECK(end == ANSWER || end == DONE || end == TIMED_OUT);
  CHECK(whole <= (ssize_t)have && whole_of_part <= (ssize_t)cut);
  if (whole >= 0 && end == ANSWER && have - (size_t)whole >= RECORD_HEADER)
    CHECK(claimed(bytes + whole) <= LONGEST_RECORD); /* it can still become whole */
  CHECK(whole >= 0 ? whole_of_part >= 0 && whole_of_part <= whole : end == ANSWER);
  if (end_of_part != ANSWER)
    CHECK(end == end_of_part && whole == whole_of_part);
  else if (whole_of_part >= 0) {
    enum record_kind end_of_rest = ANSWER;
    size_t taken = (size_t)whole_of_part;
    ssize_t rest = whole_records(bytes + taken, have - taken, &end_of_rest);
    CHECK(whole < 0 ? rest < 0 : rest == whole - whole_of_part && end_of_rest == end);
  }
  if (end != ANSWER)
    CHECK(whole >= RECORD_HEADER && bytes[whole - RECORD_HEADER] == (char)end);
  free(bytes);
  return 0;
}
