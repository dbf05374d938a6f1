# GoogleTest's last lines. What does not compile or crashes has none.
lambda { |stdout, _stderr, _status|
  output = stdout.scrub('')
  return :red if output.match?(/^\[  FAILED  \]/)
  output.match?(/^\[  PASSED  \] [1-9]/) ? :green : :amber
}
