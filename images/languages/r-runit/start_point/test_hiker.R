source("hiker.R")

test.life.the.universe.and.everything <- function() {
  checkEquals(42, answer())
}
