# The program itself says that all is well, and assert() that something is not.
lambda { |stdout, stderr, _status|
  return :red if stderr.scrub('').match?(/Assertion .* failed/)
  stdout.scrub('').match?(/^All tests passed$/) ? :green : :amber
}
